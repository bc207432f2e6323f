//! What the gateway itself refuses, in the words of the API that was asked.

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::body::{Body, whole};
use crate::endpoint::Api;
use crate::log::Refused;
use crate::streams::StreamId;
use crate::wire::STREAM_ID;

/// A request that is not answered by an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    /// `midstream_` and what it is.
    pub(crate) kind: &'static str,
    /// What was wrong, and what to do.
    pub(crate) message: String,
    pub(crate) retry_after_s: Option<u64>,
    /// The stream that it ends, where one had begun.
    pub(crate) stream: Option<StreamId>,
    /// Why a guard ended that stream, as a streamed answer would tell it.
    pub(crate) midstream: Option<Value>,
    /// No connection to an upstream stood, so that none has seen the request.
    pub(crate) is_unasked: bool,
}

impl Fault {
    pub(crate) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            retry_after_s: None,
            stream: None,
            midstream: None,
            is_unasked: false,
        }
    }

    /// The same as the end of a stream.
    pub(crate) fn of(self, stream: &StreamId) -> Self {
        Self { stream: Some(stream.clone()), ..self }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "midstream_bad_request", message)
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        let message = format!("the request's body has more than {limit} bytes, the most that this gateway takes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "midstream_body_too_large", message)
    }

    pub(crate) fn unknown_model(model: &str, known: &[&str]) -> Self {
        let known = if known.is_empty() { "none in this API".to_owned() } else { known.join(", ") };
        let message = format!("no upstream serves the model {model:?}; known: {known}");
        Self::new(StatusCode::NOT_FOUND, "midstream_unknown_model", message)
    }

    pub(crate) fn unknown_path(path: &str) -> Self {
        let message = format!(
            "no upstream serves the path {path:?}; the base URL of an app ends in /v1 for the API of openai and in nothing for \
             others, or in an upstream's name before that, and /midstream/v1/streams lists streams"
        );
        Self::new(StatusCode::NOT_FOUND, "midstream_unknown_path", message)
    }

    pub(crate) fn no_upstream(api: Api) -> Self {
        let message = format!(
            "no upstream of this gateway speaks the API of {api}; its configuration names none in upstreams.NAME.apis"
        );
        Self::new(StatusCode::NOT_FOUND, "midstream_no_upstream", message)
    }

    pub(crate) fn unreachable(upstream: &str, why: &str) -> Self {
        let message = format!("upstream {upstream:?} gave no answer: {why}");
        Self::new(StatusCode::BAD_GATEWAY, "midstream_upstream_unreachable", message)
    }

    /// The same before a connection stood.
    pub(crate) fn unconnected(upstream: &str, why: &str) -> Self {
        Self { is_unasked: true, ..Self::unreachable(upstream, why) }
    }

    pub(crate) fn websocket(path: &str) -> Self {
        let message = format!(
            "the gateway opens no WebSocket to an upstream, and {path:?} would be one; ask over HTTP, or the provider itself"
        );
        Self::new(StatusCode::NOT_IMPLEMENTED, "midstream_no_websocket", message)
    }

    pub(crate) fn late(upstream: &str, seconds: f64) -> Self {
        let message = format!("upstream {upstream:?} gave no answer within {seconds} s");
        Self::new(StatusCode::GATEWAY_TIMEOUT, "midstream_upstream_timeout", message)
    }

    /// An upstream was given up; `what` follows its name.
    pub(crate) fn given_up(upstream: &str, what: &str) -> Self {
        let message = format!("upstream {upstream:?} {what}");
        Self::new(StatusCode::GATEWAY_TIMEOUT, "midstream_upstream_timeout", message)
    }

    /// An answer came encoded, although it was asked for as it is, and text of it would have to be changed or held.
    pub(crate) fn encoded(upstream: &str, encoding: &str) -> Self {
        let message = format!(
            "upstream {upstream:?} sent its answer encoded as {encoding:?} although identity was asked for, and text \
             that is redacted or held must be read first"
        );
        Self::new(StatusCode::BAD_GATEWAY, "midstream_encoded", message)
    }

    pub(crate) fn draining() -> Self {
        let message = "this gateway is about to stop and takes nothing new; ask again, another one may answer";
        Self { retry_after_s: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "midstream_draining", message) }
    }

    pub(crate) fn full() -> Self {
        let message = "this gateway has as many connections as it takes; ask again later";
        Self { retry_after_s: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "midstream_full", message) }
    }

    /// The answer in the shape of that API's own errors.
    pub(crate) fn response(&self, api: Option<Api>) -> Response<Body> {
        let mut response = Response::new(whole(self.json(api).to_string()));
        *response.status_mut() = self.status;
        response.extensions_mut().insert(Refused { kind: self.kind });
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(id) = self.stream.as_ref().and_then(|id| HeaderValue::from_str(id.as_str()).ok()) {
            headers.insert(STREAM_ID, id);
        }
        response
    }

    /// The error that tells of it.
    pub(crate) fn json(&self, api: Option<Api>) -> Value {
        let Self { status, kind, message, .. } = self;
        let mut told = match api {
            Some(Api::Anthropic) => json!({"type": "error", "error": {"type": kind, "message": message}}),
            Some(Api::Gemini) => {
                json!({"error": {"code": status.as_u16(), "message": message, "status": kind.to_uppercase()}})
            }
            Some(Api::Ollama) => json!({"error": message}),
            Some(Api::Openai) | None => {
                json!({"error": {"message": message, "type": kind, "code": kind, "param": null}})
            }
        };
        if let (Some(members), Some(midstream)) = (told.as_object_mut(), &self.midstream) {
            members.insert("midstream".to_owned(), midstream.clone());
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_api_has_its_own_shape() {
        let fault = Fault::unknown_path("/x");
        assert_eq!(fault.json(Some(Api::Openai))["error"]["type"], "midstream_unknown_path");
        assert_eq!(fault.json(Some(Api::Anthropic))["type"], "error");
        assert_eq!(fault.json(Some(Api::Gemini))["error"]["code"], 404);
        assert!(fault.json(Some(Api::Ollama))["error"].is_string());
    }
}
