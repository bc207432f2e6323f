//! The members of a request that the gateway reads or that decide what is answered: each may stand once.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::member::Name;

/// What is read, at the top and one table below. Gemini takes both ways to write a name.
const READ: [&str; 31] = [
    "background",
    "best_of",
    "candidateCount",
    "candidate_count",
    "content_policy_fallbacks",
    "context_window_fallback_dict",
    "context_window_fallbacks",
    "conversation",
    "fallback_models",
    "fallbacks",
    "generationConfig",
    "generation_config",
    "include_usage",
    "maxOutputTokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "model",
    "model_list",
    "models",
    "n",
    "n_predict",
    "num_predict",
    "options",
    "preset",
    "providerOptions",
    "route",
    "router_settings_override",
    "stream",
    "stream_options",
    "user_config",
];

/// What passes unread.
const PASSED: [&str; 16] = [
    "contents",
    "input",
    "instructions",
    "messages",
    "metadata",
    "modalities",
    "previous_response_id",
    "prompt",
    "reasoning",
    "response_format",
    "store",
    "system",
    "systemInstruction",
    "text",
    "tool_choice",
    "tools",
];

/// The members of one JSON object.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    read: Vec<(&'static str, &'a RawValue)>,
    seen: Vec<&'static str>,
    twice: Option<&'static str>,
}

impl<'a> Members<'a> {
    /// Those of a body; none of one that is no JSON object.
    pub(super) fn of(body: &'a [u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// Those of an object inside.
    pub(super) fn inside(value: &'a RawValue) -> Self {
        Self::of(value.get().as_bytes())
    }

    /// The value of a member that is written so.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.read.iter().find(|(read, _)| *read == name).map(|(_, value)| *value)
    }

    /// Whether there is such a member, in whatever case.
    pub(super) fn has(&self, name: &str) -> bool {
        self.seen.iter().any(|seen| is_same(seen, name))
    }

    /// A member that stands there twice, whatever its case: servers differ in which one they take.
    pub(super) fn twice(&self) -> Option<&'static str> {
        self.twice
    }

    fn see(&mut self, name: &'static str) {
        if self.seen.iter().any(|seen| is_same(seen, name)) {
            self.twice = Some(name);
        }
        self.seen.push(name);
    }
}

/// Whether a server may take two names for one: Go's do so in any case, and Gemini with or without underscores.
fn is_same(one: &str, other: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = u8> {
        name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
    }
    letters(one).eq(letters(other))
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::default();
                while let Some(named) = map.next_key_seed(Name(Named::of))? {
                    match named {
                        Named::Other => {
                            let IgnoredAny = map.next_value()?;
                        }
                        Named::Passed(name) => {
                            let IgnoredAny = map.next_value()?;
                            members.see(name);
                        }
                        Named::Read(name) => {
                            members.read.push((name, map.next_value()?));
                            members.see(name);
                        }
                    }
                }
                Ok(members)
            }
        }
        from.deserialize_map(Object)
    }
}

/// What a member is called.
enum Named {
    Other,
    Passed(&'static str),
    Read(&'static str),
}

impl Named {
    fn of(text: &str) -> Self {
        if let Some(name) = READ.into_iter().find(|name| *name == text) {
            return Self::Read(name);
        }
        // One that is written otherwise is not read, but beside another it is there twice.
        let passed = READ.into_iter().chain(PASSED).find(|name| is_same(name, text));
        passed.map_or(Self::Other, Self::Passed)
    }
}
