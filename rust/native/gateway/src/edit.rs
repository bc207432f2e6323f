//! What the gateway reads of a request's JSON, and changes in it byte by byte.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The members of a request that decide where it goes.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
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

    /// The body with another model's name in the place of the one it has; every other byte is the same.
    pub(crate) fn with_model(&self, body: &[u8], model: &str) -> Option<Bytes> {
        let given = self.model?.get();
        let start = (given.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
        let (before, rest) = body.split_at_checked(start)?;
        let after = rest.get(given.len()..)?;
        Some([before, serde_json::to_string(model).ok()?.as_bytes(), after].concat().into())
    }
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
    fn a_body_that_is_no_object_asks_for_nothing() {
        for body in [&b"[1]"[..], b"", b"{", b"{\"model\": 5}"] {
            assert_eq!(Asked::of(body).model(), None);
        }
    }
}
