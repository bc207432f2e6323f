//! Responses in background mode: they go on at their provider when their connection is closed, until it is asked to cancel
//! them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use tokio::runtime::Handle;

use crate::attempts::Request;
use crate::endpoint::Api;
use crate::log::events;
use crate::streams::StreamId;
use crate::upstream::Upstream;

/// Ids that are longer are none.
pub(crate) const LONGEST_ID: usize = 256;
/// What a query says of the answer, and not of who is asked.
const OF_ANSWER: [&str; 5] = ["include", "include[]", "include_obfuscation", "starting_after", "stream"];

/// How the provider of a response is asked to cancel it.
pub(crate) struct Background {
    asking: Arc<Asking>,
    /// The response's id, where the request names it.
    id: Option<String>,
    /// Of the gateway: whoever cancels may be elsewhere.
    runtime: Handle,
    is_cancelled: AtomicBool,
}

struct Asking {
    stream: StreamId,
    upstream: Arc<Upstream>,
    api: Api,
    path: String,
    headers: HeaderMap,
}

impl Background {
    /// For a request that begins such a response or reads on in one; `None` for any other.
    pub(crate) fn of(asked: &Request, at: usize) -> Option<Self> {
        let route = asked.routes.get(at).filter(|_| asked.is_background)?;
        let (path, mut headers) = asked.head_for(route);
        let id = read_again(path.split('?').next()?).map(str::to_owned);
        headers.remove(CONTENT_TYPE);
        let (stream, upstream, api) = (asked.stream.clone(), Arc::clone(&route.upstream), asked.api);
        let asking = Arc::new(Asking { stream, upstream, api, path, headers });
        Some(Self { asking, id, runtime: Handle::current(), is_cancelled: AtomicBool::new(false) })
    }

    /// The same with the id that the answer gives; `None` where there is none that a path may hold.
    pub(crate) fn known_as(mut self, id: Option<&str>) -> Option<Self> {
        self.id = self.id.or_else(|| id.map(str::to_owned)).filter(|id| is_id(id));
        self.id.is_some().then_some(self)
    }

    /// Asks for it, once.
    pub(crate) fn cancel(&self) {
        let Some(id) = &self.id else { return };
        if !self.is_cancelled.swap(true, Ordering::Relaxed) {
            let (asking, path) = (Arc::clone(&self.asking), cancelled(&self.asking.path, id));
            self.runtime.spawn(async move { asking.ask(&path).await });
        }
    }
}

impl Asking {
    async fn ask(&self, path: &str) {
        let Self { stream, upstream, api, headers, .. } = self;
        let answer = upstream.ask(Method::POST, path, headers.clone(), Bytes::new(), *api).await;
        match &answer {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => events::upstream_failed(stream.as_str(), &upstream.name, Ok(response.status())),
            Err(fault) => events::upstream_failed(stream.as_str(), &upstream.name, Err(fault)),
        }
    }
}

/// The id of a response that a path reads again.
pub(crate) fn read_again(path: &str) -> Option<&str> {
    let (_, id) = path.rsplit_once("/responses/")?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

fn is_id(id: &str) -> bool {
    let is_of_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(is_of_id)
}

/// Where a response is cancelled that was asked for at a path.
fn cancelled(path: &str, id: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let begin = read_again(path).map_or(path, |id| path.strip_suffix(id).unwrap_or(path)).trim_end_matches('/');
    let of_answer = |pair: &str| {
        let name = form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name.into_owned());
        name.is_none_or(|name| OF_ANSWER.contains(&name.as_str()))
    };
    let kept: Vec<&str> = query.split('&').filter(|pair| !of_answer(pair)).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{begin}/{id}/cancel{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_cancelled_where_it_was_asked_for() {
        for (path, expected) in [
            ("/v1/responses", "/v1/responses/r_1/cancel"),
            ("/openai/responses?api-version=1", "/openai/responses/r_1/cancel?api-version=1"),
            ("/v1/responses/r_1?stream=true&starting_after=4", "/v1/responses/r_1/cancel"),
            ("/v1/responses/r_1?a=b&st%72eam=true&c", "/v1/responses/r_1/cancel?a=b&c"),
        ] {
            assert_eq!(cancelled(path, "r_1"), expected, "{path}");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_no_id() {
        assert!(is_id("resp_6-aF"));
        for id in ["", "..", "a/b", "a?b", "a%2fb", &"a".repeat(LONGEST_ID + 1)] {
            assert!(!is_id(id), "{id}");
        }
    }
}
