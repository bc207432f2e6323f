//! What the gateway reads of a request's JSON, and changes in it byte by byte.

mod members;
mod others;

use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::members::Members;
pub(crate) use self::others::leads_elsewhere;
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

    /// Whether the answer is to come in parts; `None` where the request does not say.
    pub(crate) fn streams(&self) -> Option<bool> {
        self.read("stream")
    }

    /// Whether the provider is to go on with the answer when nobody waits for it.
    pub(crate) fn is_background(&self) -> bool {
        self.read("background").unwrap_or_default()
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
        // Of OpenAI's chat, newer; of OpenAI's chat, Anthropic and others; of OpenAI's responses; of llama.cpp.
        let named = ["max_completion_tokens", "max_tokens", "max_output_tokens", "n_predict"];
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

    /// Another model's name in the place of the one that the body has.
    pub(crate) fn renaming(&self, body: &[u8], model: &str) -> Option<Edit> {
        Edit::replace(body, self.0.get("model")?, serde_json::to_string(model).ok()?)
    }

    /// An ask for usage at the end of the stream; `None` where the body asks for it itself, or for no stream.
    pub(crate) fn asking_usage(&self, body: &[u8]) -> Option<Edit> {
        const ASKS: &str = r#""include_usage":true"#;
        if self.0.get("stream")?.get() != "true" {
            return None;
        }
        let options = match self.0.get("stream_options") {
            None => return Edit::open(body, 0, format!(r#""stream_options":{{{ASKS}}},"#)),
            Some(null) if null.get() == "null" => return Edit::replace(body, null, format!("{{{ASKS}}}")),
            Some(options) if options.get().starts_with('{') => options,
            Some(_) => return None,
        };
        match Members::inside(options).get("include_usage") {
            Some(asks) if asks.get() == "true" => None,
            Some(asks) => Edit::replace(body, asks, "true".to_owned()),
            None => {
                let is_empty = options.get().trim_start_matches('{').trim_start().starts_with('}');
                Edit::open(body, place(body, options)?, format!("{ASKS}{}", if is_empty { "" } else { "," }))
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
        Self::bad_request(message)
    }
}

/// What is written in the place of a part of a body.
#[derive(Debug)]
pub(crate) struct Edit {
    at: Range<usize>,
    text: String,
}

impl Edit {
    /// In the place of a part.
    fn replace(body: &[u8], part: &RawValue, text: String) -> Option<Self> {
        let from = place(body, part)?;
        Self::of(body, from..from + part.get().len(), text)
    }

    /// Members at the begin of the object that opens at or behind `from`.
    fn open(body: &[u8], from: usize, members: String) -> Option<Self> {
        let inside = from + body.get(from..)?.iter().position(|byte| *byte == b'{')? + 1;
        Self::of(body, inside..inside, members)
    }

    fn of(body: &[u8], at: Range<usize>, text: String) -> Option<Self> {
        body.get(at.clone()).map(|_| Self { at, text })
    }
}

/// The body with these edits of it, which change different parts; every other byte is the same.
pub(crate) fn edited(body: &Bytes, edits: [Option<Edit>; 2]) -> Bytes {
    let mut edits: Vec<Edit> = edits.into_iter().flatten().collect();
    if edits.is_empty() {
        return body.clone();
    }
    edits.sort_by_key(|edit| edit.at.start);
    let mut written = Vec::with_capacity(body.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut from = 0;
    for Edit { at, text } in edits {
        written.extend_from_slice(body.get(from..at.start).unwrap_or_default());
        written.extend_from_slice(text.as_bytes());
        from = at.end;
    }
    written.extend_from_slice(body.get(from..).unwrap_or_default());
    written.into()
}

/// Where a part of the body begins.
fn place(body: &[u8], part: &RawValue) -> Option<usize> {
    (part.get().as_ptr() as usize).checked_sub(body.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn only_the_name_of_the_model_changes() {
        let body = Bytes::from_static(br#"{ "messages":[],  "model" : "fast", "stream":true }"#);
        let asked = Asked::of(&body);
        assert_eq!(asked.model().as_deref(), Some("fast"));
        let renamed = edited(&body, [asked.renaming(&body, "gpt-5-mini"), None]);
        assert_eq!(&renamed[..], br#"{ "messages":[],  "model" : "gpt-5-mini", "stream":true }"#);
    }

    #[test]
    fn a_model_is_renamed_before_and_behind_the_ask_for_usage() {
        for (body, expected) in [
            (
                r#"{"model":"fast","stream":true,"stream_options":{}}"#,
                r#"{"model":"gpt","stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"stream":true,"stream_options":null,"model":"fast"}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true},"model":"gpt"}"#,
            ),
        ] {
            let asked = Asked::of(body.as_bytes());
            let edits = [asked.renaming(body.as_bytes(), "gpt"), asked.asking_usage(body.as_bytes())];
            assert_eq!(edited(&Bytes::from_static(body.as_bytes()), edits), expected);
        }
    }

    #[test]
    fn a_stream_is_asked_for_its_usage_unless_it_asks_itself() {
        let asking = |body: &str| Asked::of(body.as_bytes()).asking_usage(body.as_bytes());
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
            let edit = asking(body);
            assert!(edit.is_some(), "{body}");
            assert_eq!(edited(&Bytes::from_static(body.as_bytes()), [edit, None]), expected);
        }
        for body in [r#"{"stream":false}"#, "{}", "", r#"{"stream":true,"stream_options":{"include_usage":true}}"#] {
            assert!(asking(body).is_none(), "{body}");
        }
    }

    #[test]
    fn each_api_names_its_most_tokens_in_its_own_way() {
        for body in [
            r#"{"max_tokens": 7}"#,
            r#"{"n_predict": 7}"#,
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
