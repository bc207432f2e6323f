//! What the name of a member says of its value.

/// How a string of a frame is read that belongs to no channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    /// Any match in it is replaced.
    Text,
    /// What says which thing it is: only a match that is all of it, unless it is written as no identifier is.
    Identifier,
    /// Padding, base64: left, unless it is written as those are not or is a secret by its beginning.
    Opaque,
    /// The provider's signature, or what only it can read: left, unless it is written as those are not.
    Signed,
}

impl Reading {
    /// Of the string that is the member `key`.
    pub(super) fn of(key: &str) -> Self {
        const OPAQUE: [&str; 6] = ["b64_json", "bytes", "data", "obfuscation", "p", "partial_image_b64"];
        const SIGNED: [&str; 5] =
            ["encryptedContent", "encrypted_content", "signature", "thoughtSignature", "thought_signature"];
        let is_identifier = key.ends_with("_id") || key.ends_with("Id");
        match key {
            "event" | "id" | "object" | "type" => Self::Identifier,
            _ if is_identifier => Self::Identifier,
            _ if OPAQUE.contains(&key) => Self::Opaque,
            _ if SIGNED.contains(&key) => Self::Signed,
            _ => Self::Text,
        }
    }

    /// How `value` is to be read, by the way it is written.
    pub(super) fn of_value(self, value: &str) -> Self {
        let is_all =
            |text: &str, others: &[u8]| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte));
        match self {
            Self::Identifier if !is_all(value, b"_-.:/") => Self::Text,
            Self::Opaque | Self::Signed => {
                let inside = value.trim_end_matches('=');
                let is_base64 = value.len() - inside.len() < 3
                    && (is_all(inside, b"+/") || is_all(inside, b"-_"))
                    && value.bytes().any(|byte| !byte.is_ascii_digit());
                if is_base64 { self } else { Self::Text }
            }
            reading => reading,
        }
    }

    /// Whether a match of `length` characters in `value` is a secret, and no accident. `is_lettered`: matches of the rule have a
    /// beginning of their own; `is_checked`: they pass a check.
    pub(super) fn is_secret(self, length: usize, value: &str, is_lettered: bool, is_checked: bool) -> bool {
        let is_all = length == value.len();
        match self {
            Self::Text => true,
            Self::Identifier if is_all => is_lettered || may_be_secret(value),
            Self::Opaque if is_all => is_lettered || is_checked,
            Self::Opaque if value.len() > SHORT => false,
            Self::Identifier | Self::Opaque => is_lettered && length >= LEAST,
            Self::Signed => false,
        }
    }

    /// Whether a value so long can be a secret.
    pub(super) fn may_be_secret(self, length: usize) -> bool {
        match self {
            Self::Identifier | Self::Text => true,
            Self::Opaque => length <= LONGEST,
            Self::Signed => false,
        }
    }
}

/// Characters of the shortest identifier that is replaced: a shorter match is rather an accident.
const SHORTEST: usize = 8;
/// Characters of the shortest secret that is a part of an identifier or of base64.
const LEAST: usize = 12;
/// Characters up to which base64 has too few places for a rule's beginning to stand at one by accident.
const SHORT: usize = 256;

/// Characters of base64 above which it is nothing but that.
const LONGEST: usize = 4 << 10;

/// Whether an identifier can be a secret; a word of letters alone is one of a format.
fn may_be_secret(identifier: &str) -> bool {
    identifier.len() >= SHORTEST && identifier.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a member that is an object or array is what a tool is called with.
pub(super) fn is_arguments(key: &str) -> bool {
    matches!(key, "action" | "args" | "arguments" | "input" | "operation" | "parameters")
}

/// Whether a member that is a string may hold such as JSON text.
pub(super) fn holds_arguments(key: &str) -> bool {
    matches!(key, "arguments" | "input" | "parameters" | "partial_json")
}

/// Whether a string is no text of anybody: ids, types, signatures, padding, base64.
pub(super) fn is_left(key: &str) -> bool {
    Reading::of(key) != Reading::Text
}

/// Whether a string is no text of anybody by its name and by how it is written.
pub(crate) fn is_left_as_written(key: &str, value: &str) -> bool {
    Reading::of(key).of_value(value) != Reading::Text
}

/// Whether a number counts or dates something.
pub(super) fn is_count(key: &str) -> bool {
    const ENDS: [&str; 15] = [
        "At",
        "Count",
        "Ms",
        "_at",
        "_count",
        "_ms",
        "created",
        "equenceNumber",
        "equence_number",
        "imestamp",
        "ndex",
        "okens",
        "seed",
        "time",
        "uration",
    ];
    key == "count" || ENDS.iter().any(|end| key.ends_with(end))
}

/// Whether a string beside held text comes with it into another frame: what the frame is, and what it belongs to.
pub(super) fn belongs(key: &str, parent: &str, is_root: bool) -> bool {
    const KEPT: [&str; 6] = ["finishReason", "finish_reason", "format", "jsonPath", "object", "stop_reason"];
    const OF_ROOT: [&str; 14] = [
        "created",
        "created_at",
        "event",
        "event_type",
        "id",
        "jsonrpc",
        "kind",
        "method",
        "model",
        "modelVersion",
        "provider",
        "service_tier",
        "system_fingerprint",
        "timestamp",
    ];
    match key {
        "role" => parent != "delta",
        "type" => true,
        _ => KEPT.contains(&key) || key.ends_with("_id") || key.ends_with("Id") || (is_root && OF_ROOT.contains(&key)),
    }
}
