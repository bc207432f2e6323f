//! Comments between server-sent events: a client that hears nothing learns that the gateway is there.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::client::Client;

/// What server-sent events may hold between two of them.
pub(crate) const COMMENT: &[u8] = b": keepalive\n\n";

/// Comments between the events of a body that is silent.
pub(crate) struct Keepalive {
    every: Duration,
    at: Instant,
    /// The client has whole events.
    is_between: bool,
    client: Option<Arc<Client>>,
}

impl Keepalive {
    pub(crate) fn new(every: Duration) -> Self {
        Self { every, at: Instant::now() + every, is_between: true, client: None }
    }

    /// From now on the socket of this client may ask for a comment.
    pub(crate) fn ask_for(&mut self, client: &Arc<Client>) {
        client.let_comment();
        self.client = Some(Arc::clone(client));
    }

    /// Bytes leave for the client.
    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        self.at = Instant::now() + self.every;
        self.is_between = [&b"\n\n"[..], b"\r\r", b"\r\n\r\n"].iter().any(|end| bytes.ends_with(end));
    }

    /// Whether its socket asks for a comment, and one may be sent.
    pub(crate) fn is_asked_for(&mut self) -> bool {
        let asks = |client: &&Arc<Client>| client.wants_comment();
        let Some(client) = self.client.as_ref().filter(asks).filter(|_| self.is_between) else { return false };
        client.commented();
        true
    }

    /// When a comment is to be sent: never inside an event.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.is_between.then_some(self.at)
    }
}
