//! How much a request says, for where its provider does not count it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::member::Name;

/// Members whose strings a model reads, at any depth.
const TEXT: [&str; 17] = [
    "arguments",
    "content",
    "description",
    "documents",
    "input",
    "instructions",
    "output",
    "prompt",
    "query",
    "response",
    "suffix",
    "system",
    "systemInstruction",
    "text",
    "texts",
    "thinking",
    "title",
];

/// Members in which nothing is text: images, sounds, files.
const DATA: [&str; 7] = ["data", "image_url", "images", "inlineData", "inline_data", "input_audio", "source"];

/// Members that name the call which a result of a tool belongs to, or hold the result.
const RESULTS: [&str; 6] =
    ["functionResponse", "function_response", "toolResult", "tool_call_id", "tool_name", "tool_use_id"];

/// What the text of a request is; nothing of a body that is no JSON object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Characters that a model reads.
    pub(crate) characters: u64,
    /// Tokens that stand there as numbers.
    pub(crate) tokens: u64,
    /// It may hold results of tools, as those of agents do.
    pub(crate) has_results: bool,
}

impl Contents {
    pub(crate) fn of(body: &[u8]) -> Self {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let mut contents = Self::default();
        // What was read up to a fault counts.
        let _ = Said { is_read: false, contents: &mut contents }.deserialize(&mut deserializer);
        contents
    }

    /// Nothing in it is read by a model.
    pub(crate) fn is_empty(self) -> bool {
        self.characters == 0 && self.tokens == 0
    }
}

/// A value inside a request.
struct Said<'a> {
    /// A string is text.
    is_read: bool,
    contents: &'a mut Contents,
}

impl<'de> DeserializeSeed<'de> for Said<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Said<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.contents.tokens += u64::from(self.is_read);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.is_read {
            self.contents.characters += text.chars().count() as u64;
        } else if text == "tool" || text.ends_with("_call_output") {
            // The role of a message that may have no id, and the types of items of OpenAI's responses.
            self.contents.has_results = true;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Said { is_read: self.is_read, contents: self.contents })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(member) = object.next_key_seed(Name(Member::of))? {
            if member == Member::Data {
                object.next_value::<IgnoredAny>()?;
                continue;
            }
            let is_read = member == Member::Text;
            self.contents.has_results |= member == Member::Result;
            object.next_value_seed(Said { is_read, contents: self.contents })?;
        }
        Ok(())
    }
}

/// What a member holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Data,
    Other,
    Result,
    Text,
}

impl Member {
    fn of(name: &str) -> Self {
        match name {
            _ if TEXT.contains(&name) => Self::Text,
            _ if DATA.contains(&name) => Self::Data,
            _ if RESULTS.contains(&name) => Self::Result,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_apis_text_counts_wherever_it_stands() {
        for body in [
            r#"{"model": "m", "messages": [{"role": "user", "content": "Hello"}]}"#,
            r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}, {"type": "image_url", "image_url": {"url": "data:x"}}]}]}"#,
            r#"{"system": "He", "messages": [{"role": "user", "content": "llo"}]}"#,
            r#"{"prompt": ["He", "llo"], "stop": ["end"]}"#,
            r#"{"instructions": "He", "input": [{"role": "user", "content": [{"type": "input_text", "text": "llo"}]}]}"#,
            r#"{"contents": [{"role": "user", "parts": [{"text": "Hello"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}]}"#,
            r#"{"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "Hello"}}]}]}"#,
            r#"{"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "AAAA"}}, {"type": "text", "text": "Hello"}]}]}"#,
        ] {
            assert_eq!(Contents::of(body.as_bytes()).characters, 5, "{body}");
        }
    }

    #[test]
    fn characters_are_those_of_the_text_and_not_of_its_bytes() {
        let characters = |body: &[u8]| Contents::of(body).characters;
        assert_eq!(characters("{\"prompt\": \"h\u{e9}\\n\\u00e9\"}".as_bytes()), 4);
        assert_eq!(characters(b"no json"), 0);
        assert_eq!(characters(b"{\"prompt\": \"abc\", \"x\": "), 3);
    }

    #[test]
    fn what_is_embedded_and_ranked_is_text_or_tokens() {
        let contents = |body: &str| Contents::of(body.as_bytes());
        assert_eq!(contents(r#"{"model":"m","input":["He","llo"],"dimensions":3}"#).characters, 5);
        assert_eq!(contents(r#"{"query":"He","documents":["l",{"text":"lo"}],"top_n":1}"#).characters, 5);
        let tokens = contents(r#"{"input":[[1,2,3],[4]],"n":7}"#);
        assert_eq!((tokens.characters, tokens.tokens), (0, 4));
    }

    #[test]
    fn results_of_tools_are_seen_in_every_api() {
        for body in [
            r#"{"messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]}"#,
            r#"{"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}"#,
            r#"{"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "x"}]}]}"#,
            r#"{"contents": [{"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"x": 1}}}]}]}"#,
            r#"{"messages": [{"role": "tool", "content": "x"}]}"#,
        ] {
            assert!(Contents::of(body.as_bytes()).has_results, "{body}");
        }
        for body in [
            r#"{"messages": [{"role": "user", "content": "tool"}], "tools": [{"type": "function", "function": {"name": "f"}}]}"#,
            r#"{"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}]}"#,
        ] {
            assert!(!Contents::of(body.as_bytes()).has_results, "{body}");
        }
    }
}
