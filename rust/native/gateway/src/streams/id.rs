//! What a stream is called.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// 128 random bits, as 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamId(String);

impl StreamId {
    pub(crate) fn new() -> Self {
        let mut bits = [0; 16];
        // Without the system's source of randomness ids are still unlike each other.
        if getrandom::fill(&mut bits).is_err() {
            let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
            bits = nanos.to_be_bytes();
        }
        Self(format!("{:032x}", u128::from_be_bytes(bits)))
    }

    /// The id that a text holds: 1 to 64 letters, digits, hyphens and underscores. Names of logs are made of it.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        ((1..=64).contains(&text.len()) && text.bytes().all(is_plain)).then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_plain() {
        assert!(StreamId::of(StreamId::new().as_str()).is_some());
        for text in ["", "a/b", "a.b", "a>", "\u{e9}", &"x".repeat(65)] {
            assert!(StreamId::of(text).is_none(), "{text}");
        }
    }
}
