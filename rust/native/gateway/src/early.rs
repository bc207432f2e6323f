//! Streams whose head is sent before an upstream has answered: their clients get comments until one does.

mod refusal;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, TRAILER};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use midstream_stream::Dialect;
use tokio::time::timeout;

use self::refusal::Words;
use self::waiting::Waiting;
use crate::attempts::Request;
use crate::body::Body;
use crate::case::Case;
use crate::client::Client;
use crate::fault::Fault;
use crate::keepalive::Keepalive;
use crate::wire::{SPLICED, UPSTREAM, encoding, text, to_client};

/// What comes of a request: an answer, or why there is none.
pub(crate) type Asking = BoxFuture<'static, Result<Response<Body>, Fault>>;

/// Whether the head of an answer was sent early; whoever asks for the answer knows it by this.
#[derive(Clone, Default)]
pub(crate) struct Begun(Arc<AtomicBool>);

/// How a request is answered whose client does not wait in silence.
pub(crate) struct Early {
    begun: Begun,
    /// Silence after which the head is sent, and between two comments.
    every: Duration,
    words: Words,
    client: Option<Arc<Client>>,
    head: HeaderMap,
}

impl Early {
    /// For a request of a stream, and no other; `None` where that is not configured, or comments have no place in the stream.
    pub(crate) fn of(case: &Case, asked: &Request) -> Option<Self> {
        let every = case.setup.early.filter(|_| case.is_streamed)?;
        let dialect = asked.dialect.filter(|dialect| has_comments(*dialect, &asked.path))?;
        let mut head = to_client(&HeaderMap::new(), asked.stream.as_str(), None, true);
        head.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        head.insert(TRAILER, HeaderValue::from_static("x-midstream-upstream, x-midstream-spliced"));
        let words = Words { api: asked.api, dialect };
        Some(Self { begun: Begun::default(), every, words, client: case.client.clone(), head })
    }

    pub(crate) fn begun(&self) -> Begun {
        self.begun.clone()
    }

    /// The answer if it comes in time; else the head of one, whose body is that answer's once it has come.
    pub(crate) async fn answer(self, mut asking: Asking) -> Result<Response<Body>, Fault> {
        if let Ok(answered) = timeout(self.every, &mut asking).await {
            return answered;
        }
        self.begun.0.store(true, Ordering::Relaxed);
        let mut keepalive = Keepalive::new(self.every, self.words.api);
        if let Some(client) = &self.client {
            keepalive.ask_for(client);
        }
        let waiting = Waiting::new(self.words.come(asking), keepalive);
        let mut response = Response::new(Body::of(waiting));
        *response.headers_mut() = self.head;
        Ok(response)
    }
}

impl Begun {
    /// Whether comments stand before the answer.
    pub(crate) fn has_commented(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Why an answer cannot follow the head that was sent: nothing but events may.
    pub(crate) fn unfit(&self, upstream: &str, head: &Parts) -> Option<Fault> {
        let is_unfit = self.has_commented() && head.status.is_success() && !is_events(&head.headers);
        is_unfit.then(|| Fault::no_events(upstream))
    }
}

/// Whether what is streamed are server-sent events: of Gemini only if asked for.
fn has_comments(dialect: Dialect, path: &str) -> bool {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    match dialect {
        Dialect::Ollama => false,
        Dialect::Gemini => query.split('&').any(|pair| pair == "alt=sse"),
        _ => true,
    }
}

/// Whether a body holds server-sent events, as they are.
fn is_events(headers: &HeaderMap) -> bool {
    let kind = text(headers, &CONTENT_TYPE);
    encoding(headers).is_none() && kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}

/// What the head of an answer says of who gave it, for the end of its body.
fn givers(head: &HeaderMap) -> HeaderMap {
    [UPSTREAM, SPLICED].into_iter().filter_map(|name| head.get(&name).cloned().map(|value| (name, value))).collect()
}

impl Fault {
    /// An answer is no stream of events, and its client was told that it is.
    fn no_events(upstream: &str) -> Self {
        let message = format!(
            "upstream {upstream:?} answered with something else than the server-sent events that were asked for, and the \
             head of those was sent before"
        );
        Self::new(StatusCode::BAD_GATEWAY, "midstream_no_events", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_have_a_place_in_server_sent_events_alone() {
        let gemini = "/v1beta/models/m:streamGenerateContent";
        assert!(has_comments(Dialect::OpenaiChat, "/v1/chat/completions"));
        assert!(has_comments(Dialect::Gemini, &format!("{gemini}?key=k&alt=sse")));
        assert!(
            !has_comments(Dialect::Gemini, gemini) && !has_comments(Dialect::Gemini, &format!("{gemini}?alt=json"))
        );
        assert!(!has_comments(Dialect::Ollama, "/api/chat"));
    }
}
