//! What the gateway reads of a request's JSON, and changes in it byte by byte.

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Ids of conversations that are longer are none.
const LONGEST_ID: usize = 256;

/// The members of a request that decide where it goes.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    /// Of OpenAI's chat, Anthropic and others.
    #[serde(borrow)]
    max_tokens: Option<&'a RawValue>,
    /// Of OpenAI's chat, newer.
    #[serde(borrow)]
    max_completion_tokens: Option<&'a RawValue>,
    /// Of OpenAI's responses.
    #[serde(borrow)]
    max_output_tokens: Option<&'a RawValue>,
    /// Of Gemini.
    #[serde(borrow, rename = "generationConfig")]
    generation_config: Option<&'a RawValue>,
    /// Of Ollama.
    #[serde(borrow)]
    options: Option<&'a RawValue>,
    #[serde(borrow)]
    stream: Option<&'a RawValue>,
    /// Of OpenAI's responses.
    #[serde(borrow)]
    conversation: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    stream_options: Option<&'a RawValue>,
}

/// Tells a null from what is not there.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StreamOptions<'a> {
    #[serde(borrow)]
    include_usage: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Nested {
    #[serde(rename = "maxOutputTokens")]
    max_output_tokens: Option<u64>,
    num_predict: Option<i64>,
}

impl<'a> Asked<'a> {
    /// Reads a body; one that is no JSON object asks for nothing.
    pub(crate) fn of(body: &'a [u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// The model's name.
    pub(crate) fn model(&self) -> Option<String> {
        serde_json::from_str(self.model?.get()).ok()
    }

    /// Whether the answer is to come in parts; `None` where the request does not say.
    pub(crate) fn streams(&self) -> Option<bool> {
        serde_json::from_str(self.stream?.get()).ok()
    }

    /// The id of the conversation that the provider keeps.
    pub(crate) fn conversation(&self) -> Option<String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Conversation {
            Id(String),
            Object { id: String },
        }
        let (Conversation::Id(id) | Conversation::Object { id }) =
            serde_json::from_str(self.conversation?.get()).ok()?;
        (id.len() <= LONGEST_ID).then_some(id)
    }

    /// The most tokens that the answer may have, if the request says so.
    pub(crate) fn max_tokens(&self) -> Option<u64> {
        let count = |value: &RawValue| serde_json::from_str(value.get()).ok();
        let named = [self.max_completion_tokens, self.max_tokens, self.max_output_tokens];
        let nested = |value: Option<&RawValue>| serde_json::from_str::<Nested>(value?.get()).ok();
        let of_gemini = || nested(self.generation_config)?.max_output_tokens;
        // Ollama's -1 and -2 are no limits.
        let of_ollama = || nested(self.options)?.num_predict.and_then(|most| u64::try_from(most).ok());
        named.into_iter().flatten().find_map(count).or_else(of_gemini).or_else(of_ollama)
    }

    /// The body with another model's name in the place of the one it has; every other byte is the same.
    pub(crate) fn with_model(&self, body: &[u8], model: &str) -> Option<Bytes> {
        replaced(body, self.model?, &serde_json::to_string(model).ok()?)
    }

    /// The body that asks for usage at the end of its stream; `None` where it does so itself, or asks for no stream.
    pub(crate) fn with_usage(&self, body: &[u8]) -> Option<Bytes> {
        const ASKS: &str = r#""include_usage":true"#;
        if self.stream?.get() != "true" {
            return None;
        }
        let Some(options) = self.stream_options.filter(|options| options.get() != "null") else {
            return match self.stream_options {
                Some(null) => replaced(body, null, &format!("{{{ASKS}}}")),
                None => opened(body, 0, &format!(r#""stream_options":{{{ASKS}}},"#)),
            };
        };
        let given: StreamOptions<'_> = serde_json::from_str(options.get()).ok()?;
        match given.include_usage {
            Some(asks) if asks.get() == "true" => None,
            Some(asks) => replaced(body, asks, "true"),
            None => {
                let is_empty = options.get().trim_start_matches('{').trim_start().starts_with('}');
                opened(body, place(body, options)?, &format!("{ASKS}{}", if is_empty { "" } else { "," }))
            }
        }
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
            r#"{"options": {"num_predict": 7, "stop": ["x"]}}"#,
        ] {
            assert_eq!(Asked::of(body.as_bytes()).max_tokens(), Some(7), "{body}");
        }
        assert_eq!(Asked::of(br#"{"options": {"num_predict": -1}}"#).max_tokens(), None);
        assert_eq!(Asked::of(br#"{"max_tokens": "many"}"#).max_tokens(), None);
    }

    #[test]
    fn a_body_that_is_no_object_asks_for_nothing() {
        for body in [&b"[1]"[..], b"", b"{", b"{\"model\": 5}"] {
            assert_eq!(Asked::of(body).model(), None);
        }
    }
}
