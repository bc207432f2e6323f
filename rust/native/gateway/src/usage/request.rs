//! How much a request says, for where its provider does not count it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Members whose strings a model reads, at any depth.
const TEXT: [&str; 14] = [
    "arguments",
    "content",
    "description",
    "input",
    "instructions",
    "output",
    "prompt",
    "response",
    "suffix",
    "system",
    "systemInstruction",
    "text",
    "thinking",
    "title",
];

/// Members in which nothing is text: images, sounds, files.
const DATA: [&str; 7] = ["data", "image_url", "images", "inlineData", "inline_data", "input_audio", "source"];

/// Characters of a request's text; 0 of a body that is no JSON object.
pub(crate) fn characters(body: &[u8]) -> u64 {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut characters = 0;
    // What was read up to a fault counts.
    let _ = Said { is_read: false, characters: &mut characters }.deserialize(&mut deserializer);
    characters
}

/// A value inside a request.
struct Said<'a> {
    /// A string is text.
    is_read: bool,
    characters: &'a mut u64,
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
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.is_read {
            *self.characters += text.chars().count() as u64;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Said { is_read: self.is_read, characters: self.characters })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(member) = object.next_key_seed(Name)? {
            if member == Member::Data {
                object.next_value::<IgnoredAny>()?;
                continue;
            }
            let is_read = member == Member::Text;
            object.next_value_seed(Said { is_read, characters: self.characters })?;
        }
        Ok(())
    }
}

/// What a member holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Data,
    Other,
    Text,
}

/// Reads the name of a member.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        Ok(match name {
            _ if TEXT.contains(&name) => Member::Text,
            _ if DATA.contains(&name) => Member::Data,
            _ => Member::Other,
        })
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
            assert_eq!(characters(body.as_bytes()), 5, "{body}");
        }
    }

    #[test]
    fn characters_are_those_of_the_text_and_not_of_its_bytes() {
        assert_eq!(characters("{\"prompt\": \"h\u{e9}\\n\\u00e9\"}".as_bytes()), 4);
        assert_eq!(characters(b"no json"), 0);
        assert_eq!(characters(b"{\"prompt\": \"abc\", \"x\": "), 3);
    }
}
