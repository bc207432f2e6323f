//! Signs of life between server-sent events: a client that hears nothing learns that the gateway is there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::client::Client;
use crate::endpoint::Api;

/// What server-sent events may hold between two of them.
pub(crate) const COMMENT: &[u8] = b": keepalive\n\n";
/// The same where SDKs read no comments: Google's take any line for JSON that neither is empty nor begins with `data:`.
const BLANK: &[u8] = b"\n";

/// What is sent between the events of a body that is silent.
pub(crate) struct Keepalive {
    comment: &'static [u8],
    every: Duration,
    at: Instant,
    /// The client has whole events.
    is_between: bool,
    client: Option<Arc<Client>>,
}

impl Keepalive {
    pub(crate) fn new(every: Duration, api: Api) -> Self {
        let comment = if api == Api::Gemini { BLANK } else { COMMENT };
        Self { comment, every, at: Instant::now() + every, is_between: true, client: None }
    }

    /// What is sent between two events.
    pub(crate) fn comment(&mut self) -> Bytes {
        self.at = Instant::now() + self.every;
        Bytes::from_static(self.comment)
    }

    /// From now on the socket of this client may ask for a comment.
    pub(crate) fn ask_for(&mut self, client: &Arc<Client>) {
        client.let_comment();
        self.client = Some(Arc::clone(client));
    }

    /// Bytes of the answer leave for the client.
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
