//! One request while upstreams are asked for it.

use std::sync::Arc;

use http::header::TRAILER;
use http::response::Parts;
use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use crate::attempts::Request;
use crate::beside::Reading;
use crate::client::Client;
use crate::early::Begun;
use crate::fault::Fault;
use crate::setup::Setup;
use crate::streams::Stream;
use crate::wire::{SPLICED, encoding, to_client};

/// For whom an answer is asked, since when, and at which route of the model.
pub(crate) struct Case {
    pub(crate) setup: Arc<Setup>,
    pub(crate) client: Option<Arc<Client>>,
    pub(crate) begun: Instant,
    pub(crate) stream: Arc<Stream>,
    /// What the request shows of the agent that sent it.
    pub(crate) reading: Option<Reading>,
    /// The client asked for the numbers of events.
    pub(crate) is_numbered: bool,
    /// The client asked for a stream.
    pub(crate) is_streamed: bool,
    pub(crate) at: usize,
    /// It goes on where another upstream was stopped.
    pub(crate) is_rerouted: bool,
    /// Where the head may be sent before anybody has answered.
    pub(crate) early: Option<Begun>,
}

impl Case {
    /// Why an answer cannot pass, whatever its body holds.
    pub(crate) fn unfit(&self, asked: &Request, upstream: &str, head: &Parts) -> Option<Fault> {
        let must_read = asked.dialect.is_some() && self.setup.changes_text();
        let encoding = encoding(&head.headers).filter(|_| must_read);
        let unread = encoding.map(|encoding| Fault::encoded(upstream, &encoding));
        unread.or_else(|| self.early.as_ref()?.unfit(upstream, head))
    }

    /// What the client is answered with; `goes_on` where another upstream may go on with the answer.
    pub(crate) fn head(&self, asked: &Request, upstream: &str, headers: &HeaderMap, goes_on: bool) -> HeaderMap {
        let id = self.stream.meta.id.as_str();
        let mut sent = to_client(headers, id, Some(upstream), asked.dialect.is_some());
        if let Some(name) = HeaderValue::from_str(upstream).ok().filter(|_| self.is_rerouted) {
            sent.insert(SPLICED, name);
        }
        if goes_on {
            sent.insert(TRAILER, HeaderValue::from_static("x-midstream-spliced"));
        }
        sent
    }
}
