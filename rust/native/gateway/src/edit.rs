//! What the gateway reads of a request's JSON, and changes in it byte by byte.

mod members;

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::members::Members;
use crate::fault::Fault;

/// Ids of conversations that are longer are none.
const LONGEST_ID: usize = 256;

/// The members of a request that decide where it goes.
#[derive(Debug, Default)]
pub(crate) struct Asked<'a>(Members<'a>);

impl<'a> Asked<'a> {
    /// Reads a body; one that is no JSON object asks for nothing.
    pub(crate) fn of(body: &'a [u8]) -> Self {
        Self(Members::of(body))
    }

    /// Refuses a body in which a member that decides stands twice: the upstream may take the other one.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let inside = ["generationConfig", "generation_config", "options", "stream_options"];
        let inside = inside.into_iter().filter_map(|table| Members::inside(self.0.get(table)?).twice());
        match self.0.twice().into_iter().chain(inside).next() {
            Some(name) => Err(Fault::twice(name)),
            None => Ok(()),
        }
    }

    /// The model's name.
    pub(crate) fn model(&self) -> Option<String> {
        self.read("model")
    }

    /// The models that OpenRouter asks where that one gives no answer; `None` where they cannot be read.
    pub(crate) fn other_models(&self) -> Option<Vec<String>> {
        if self.0.get("models").is_none() { Some(Vec::new()) } else { self.read("models") }
    }

    /// Whether the answer is to come in parts; `None` where the request does not say.
    pub(crate) fn streams(&self) -> Option<bool> {
        self.read("stream")
    }

    /// The id of the conversation that the provider keeps.
    pub(crate) fn conversation(&self) -> Option<String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Conversation {
            Id(String),
            Object { id: String },
        }
        let (Conversation::Id(id) | Conversation::Object { id }) = self.read("conversation")?;
        (id.len() <= LONGEST_ID).then_some(id)
    }

    /// The most tokens that the answer may have, if the request says so.
    pub(crate) fn max_tokens(&self) -> Option<u64> {
        // Of OpenAI's chat, newer; of OpenAI's chat, Anthropic and others; of OpenAI's responses.
        let named = ["max_completion_tokens", "max_tokens", "max_output_tokens"];
        let of_gemini =
            || self.inside(&["generationConfig", "generation_config"], &["maxOutputTokens", "max_output_tokens"]);
        // Ollama's -1 and -2 are no limits.
        let of_ollama = || self.inside(&["options"], &["num_predict"]);
        named.into_iter().find_map(|name| self.read(name)).or_else(of_gemini).or_else(of_ollama)
    }

    /// How many answers are asked for, and written where the best of more is given.
    pub(crate) fn answers(&self) -> u64 {
        let of_gemini = self.inside(&["generationConfig", "generation_config"], &["candidateCount", "candidate_count"]);
        [self.read("n"), self.read("best_of"), of_gemini].into_iter().flatten().max().unwrap_or(1).max(1)
    }

    /// The body with another model's name in the place of the one it has; every other byte is the same.
    pub(crate) fn with_model(&self, body: &[u8], model: &str) -> Option<Bytes> {
        replaced(body, self.0.get("model")?, &serde_json::to_string(model).ok()?)
    }

    /// The body that asks for usage at the end of its stream; `None` where it does so itself, or asks for no stream.
    pub(crate) fn with_usage(&self, body: &[u8]) -> Option<Bytes> {
        const ASKS: &str = r#""include_usage":true"#;
        if self.0.get("stream")?.get() != "true" {
            return None;
        }
        let options = match self.0.get("stream_options") {
            None => return opened(body, 0, &format!(r#""stream_options":{{{ASKS}}},"#)),
            Some(null) if null.get() == "null" => return replaced(body, null, &format!("{{{ASKS}}}")),
            Some(options) if options.get().starts_with('{') => options,
            Some(_) => return None,
        };
        match Members::inside(options).get("include_usage") {
            Some(asks) if asks.get() == "true" => None,
            Some(asks) => replaced(body, asks, "true"),
            None => {
                let is_empty = options.get().trim_start_matches('{').trim_start().starts_with('}');
                opened(body, place(body, options)?, &format!("{ASKS}{}", if is_empty { "" } else { "," }))
            }
        }
    }

    /// The value of a member, where it has this type.
    fn read<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    /// A number in one of these tables, by one of these names.
    fn inside(&self, tables: &[&str], names: &[&str]) -> Option<u64> {
        let members = Members::inside(tables.iter().find_map(|table| self.0.get(table))?);
        let value = names.iter().find_map(|name| members.get(name))?;
        serde_json::from_str(value.get()).ok()
    }
}

impl Fault {
    fn twice(name: &str) -> Self {
        let message =
            format!("the body has {name:?} twice, and which one counts is not defined (RFC 8259); send it once");
        Self::new(StatusCode::BAD_REQUEST, "midstream_bad_request", message)
    }
}

/// Where a part of the body begins.
fn place(body: &[u8], part: &RawValue) -> Option<usize> {
    (part.get().as_ptr() as usize).checked_sub(body.as_ptr() as usize)
}

/// The body with another text in the place of a part.
fn replaced(body: &[u8], part: &RawValue, text: &str) -> Option<Bytes> {
    let (before, rest) = body.split_at_checked(place(body, part)?)?;
    let after = rest.get(part.get().len()..)?;
    Some([before, text.as_bytes(), after].concat().into())
}

/// The body with members at the begin of the object that opens at or behind `from`.
fn opened(body: &[u8], from: usize, members: &str) -> Option<Bytes> {
    let brace = from + body.get(from..)?.iter().position(|byte| *byte == b'{')?;
    let (before, after) = body.split_at_checked(brace + 1)?;
    Some([before, members.as_bytes(), after].concat().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_model_changes() {
        let body = br#"{ "messages":[],  "model" : "fast", "stream":true }"#;
        let asked = Asked::of(body);
        assert_eq!(asked.model().as_deref(), Some("fast"));
        let edited = asked.with_model(body, "gpt-5-mini").unwrap();
        assert_eq!(&edited[..], br#"{ "messages":[],  "model" : "gpt-5-mini", "stream":true }"#);
    }

    #[test]
    fn a_stream_is_asked_for_its_usage_unless_it_asks_itself() {
        let edited = |body: &str| Asked::of(body.as_bytes()).with_usage(body.as_bytes());
        for (body, expected) in [
            (r#" {"stream":true}"#, r#" {"stream_options":{"include_usage":true},"stream":true}"#),
            (
                r#"{"stream":true,"stream_options": null}"#,
                r#"{"stream":true,"stream_options": {"include_usage":true}}"#,
            ),
            (r#"{"stream":true,"stream_options":{ }}"#, r#"{"stream":true,"stream_options":{"include_usage":true }}"#),
            (
                r#"{"stream":true,"stream_options":{"x":1}}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true,"x":1}}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{"include_usage":false}}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            ),
        ] {
            assert_eq!(edited(body).as_deref(), Some(expected.as_bytes()), "{body}");
        }
        for body in [r#"{"stream":false}"#, "{}", "", r#"{"stream":true,"stream_options":{"include_usage":true}}"#] {
            assert_eq!(edited(body), None, "{body}");
        }
    }

    #[test]
    fn each_api_names_its_most_tokens_in_its_own_way() {
        for body in [
            r#"{"max_tokens": 7}"#,
            r#"{"max_tokens": null, "max_completion_tokens": 7}"#,
            r#"{"max_output_tokens": 7}"#,
            r#"{"generationConfig": {"temperature": 0, "maxOutputTokens": 7}}"#,
            r#"{"generation_config": {"max_output_tokens": 7}}"#,
            r#"{"options": {"num_predict": 7, "stop": ["x"]}}"#,
        ] {
            assert_eq!(Asked::of(body.as_bytes()).max_tokens(), Some(7), "{body}");
        }
        assert_eq!(Asked::of(br#"{"options": {"num_predict": -1}}"#).max_tokens(), None);
        assert_eq!(Asked::of(br#"{"max_tokens": "many"}"#).max_tokens(), None);
    }

    #[test]
    fn a_member_that_decides_stands_once() {
        for body in [
            r#"{"model":"fast","model":"gpt-5-pro"}"#,
            r#"{"model":"fast","m\u006fdel":"gpt-5-pro"}"#,
            r#"{"model":"fast","Model":"gpt-5-pro"}"#,
            r#"{"stream":true,"stream":false}"#,
            r#"{"max_tokens":1,"max_tokens":1000}"#,
            r#"{"messages":[],"n":1,"messages":[]}"#,
            r#"{"n":1,"n":100}"#,
            r#"{"stream_options":{},"stream_options":{}}"#,
            r#"{"stream_options":{"include_usage":true,"include_usage":false}}"#,
            r#"{"generationConfig":{},"generation_config":{}}"#,
            r#"{"generation_config":{"maxOutputTokens":1,"max_output_tokens":1000}}"#,
            r#"{"options":{"num_predict":1,"num_predict":1000}}"#,
        ] {
            let fault = Asked::of(body.as_bytes()).check().unwrap_err();
            assert_eq!((fault.status, fault.kind), (StatusCode::BAD_REQUEST, "midstream_bad_request"), "{body}");
        }
        for body in [
            r#"{"model":"fast","messages":[{"content":"a","role":"user"},{"content":"b","role":"user"}],"x":1,"x":2}"#,
            r#"{"max_tokens":1,"max_completion_tokens":1}"#,
            "[1, 1]",
        ] {
            assert!(Asked::of(body.as_bytes()).check().is_ok(), "{body}");
        }
    }

    #[test]
    fn a_model_whose_member_is_written_otherwise_is_not_known() {
        assert_eq!(Asked::of(br#"{"Model":"fast"}"#).model(), None);
    }

    #[test]
    fn a_body_that_is_no_object_asks_for_nothing() {
        for body in [&b"[\"fast\"]"[..], b"", b"{", b"{\"model\": 5}", b"\xef\xbb\xbf{\"model\": \"fast\"}"] {
            assert_eq!(Asked::of(body).model(), None);
        }
    }
}
