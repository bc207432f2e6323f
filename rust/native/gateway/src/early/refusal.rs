//! Refusals that are told inside a stream, in the words of its API.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use midstream_stream::Dialect;
use serde_json::{Value, json};

use super::waiting::Coming;
use super::{Asking, givers, is_events};
use crate::body::Body;
use crate::endpoint::Api;
use crate::fault::Fault;
use crate::wire::{UPSTREAM, text};

/// Bytes of an upstream's refusal; a longer one is told in words of our own.
const LONGEST: usize = 1 << 20;

/// In whose words, and inside of what.
#[derive(Clone, Copy)]
pub(super) struct Words {
    pub(super) api: Api,
    pub(super) dialect: Dialect,
}

impl Words {
    /// What comes of a request whose client has a head.
    pub(super) async fn come(self, asking: Asking) -> Coming {
        match asking.await {
            Ok(response) => self.of(response).await,
            Err(fault) => Coming::Refusal(self.told(&fault)),
        }
    }

    async fn of(self, response: Response<Body>) -> Coming {
        let (head, body) = response.into_parts();
        let upstream = text(&head.headers, &UPSTREAM).unwrap_or_default();
        if !head.status.is_success() {
            let read = Limited::new(body, LONGEST).collect().await.map(|body| body.to_bytes());
            let own = read.ok().and_then(|refusal| self.own(&refusal));
            return Coming::Refusal(own.unwrap_or_else(|| self.told(&Fault::refused(&upstream, head.status))));
        }
        if !is_events(&head.headers) {
            return Coming::Refusal(self.told(&Fault::no_events(&upstream)));
        }
        Coming::Answer(body, givers(&head.headers))
    }

    /// A fault of ours.
    fn told(self, fault: &Fault) -> Bytes {
        let error = fault.json(Some(self.api));
        let data = self.numbered(&error).unwrap_or(error);
        self.event(&data.to_string())
    }

    /// The upstream's own error, where it has the shape of the API.
    fn own(self, refusal: &[u8]) -> Option<Bytes> {
        let refusal = std::str::from_utf8(refusal).ok()?.trim();
        let error: Value = serde_json::from_str(refusal).ok()?;
        let is_of_api = self.api != Api::Anthropic || error.get("type").is_some_and(|kind| kind == "error");
        if !is_of_api || !error.get("error")?.is_object() {
            return None;
        }
        Some(match self.numbered(&error) {
            Some(data) => self.event(&data.to_string()),
            // Ends of lines stand outside of strings, and an event's data is one line.
            None => self.event(&refusal.replace(['\r', '\n'], " ")),
        })
    }

    /// The error as the first event of a response; `None` where the format has it as it is.
    fn numbered(self, error: &Value) -> Option<Value> {
        if self.dialect != Dialect::OpenaiResponses {
            return None;
        }
        let inside = error.get("error")?;
        let of = |key: &str| inside.get(key).cloned().unwrap_or_default();
        // The format has the words on the top level, and the SDK looks for an object of them.
        Some(json!({
            "type": "error",
            "code": of("code"),
            "message": of("message"),
            "param": of("param"),
            "sequence_number": 0,
            "error": inside,
        }))
    }

    fn event(self, data: &str) -> Bytes {
        let is_named = matches!(self.dialect, Dialect::AnthropicMessages | Dialect::OpenaiResponses);
        let name = if is_named { "event: error\n" } else { "" };
        format!("{name}data: {data}\n\n").into()
    }
}

impl Fault {
    /// An upstream refuses, and its words are none of the API.
    fn refused(upstream: &str, status: StatusCode) -> Self {
        let message = format!("upstream {upstream:?} refused the request with the status {}", status.as_u16());
        Self::new(status, "midstream_upstream_refused", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [(Api, Dialect); 4] = [
        (Api::Openai, Dialect::OpenaiChat),
        (Api::Openai, Dialect::OpenaiResponses),
        (Api::Anthropic, Dialect::AnthropicMessages),
        (Api::Gemini, Dialect::Gemini),
    ];

    fn own(words: (Api, Dialect), refusal: &str) -> Option<String> {
        let (api, dialect) = words;
        let told = Words { api, dialect }.own(refusal.as_bytes())?;
        Some(String::from_utf8(told.to_vec()).unwrap())
    }

    #[test]
    fn an_upstreams_own_error_passes_on_one_line() {
        let [chat, responses, messages, gemini] = WORDS;
        let error = "{\n  \"error\": {\"message\": \"slow\\ndown\", \"code\": 1.0}\r\n}\n";
        let line = "data: {   \"error\": {\"message\": \"slow\\ndown\", \"code\": 1.0}  }\n\n";
        assert_eq!(own(chat, error).as_deref(), Some(line));
        assert_eq!(own(gemini, error).as_deref(), Some(line));
        let told = own(responses, error).unwrap();
        let event: Value = serde_json::from_str(told.strip_prefix("event: error\ndata: ").unwrap()).unwrap();
        assert_eq!((&event["message"], &event["error"]["code"]), (&"slow\ndown".into(), &json!(1.0)));
        assert_eq!((&event["sequence_number"], &event["param"]), (&json!(0), &Value::Null));
        assert_eq!(own(messages, error), None);
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        assert_eq!(own(messages, error), Some(format!("event: error\ndata: {error}\n\n")));
    }

    #[test]
    fn what_is_no_error_of_the_api_is_not_passed() {
        for words in WORDS {
            for refusal in ["", "<html>Bad Gateway</html>", "{\"error\": \"text\"}", "[]", "{\"detail\": {}}"] {
                assert_eq!(own(words, refusal), None, "{refusal}");
            }
        }
    }
}
