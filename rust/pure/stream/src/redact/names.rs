//! What the name of a member says of its value.

/// How a string of a frame is read that belongs to no channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    /// Any match in it is replaced.
    Text,
    /// What says which thing it is: only a match that is all of it, unless it is written as no identifier is.
    Identifier,
    /// A signature, padding, base64: left, unless it is written as those are not.
    Opaque,
}

impl Reading {
    /// Of the string that is the member `key`.
    pub(super) fn of(key: &str) -> Self {
        const OPAQUE: [&str; 11] = [
            "b64_json",
            "bytes",
            "data",
            "encryptedContent",
            "encrypted_content",
            "obfuscation",
            "p",
            "partial_image_b64",
            "signature",
            "thoughtSignature",
            "thought_signature",
        ];
        let is_identifier = key.ends_with("_id") || key.ends_with("Id");
        match key {
            "event" | "id" | "object" | "type" => Self::Identifier,
            _ if is_identifier => Self::Identifier,
            _ if OPAQUE.contains(&key) => Self::Opaque,
            _ => Self::Text,
        }
    }

    /// How `value` is to be read, by the way it is written; `None` where it is left.
    pub(super) fn of_value(self, value: &str) -> Option<Self> {
        let is_all = |others: &[u8]| value.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte));
        match self {
            Self::Identifier if !is_all(b"_-.:/") => Some(Self::Text),
            Self::Opaque if is_all(b"+/=_-") && value.bytes().any(|byte| !byte.is_ascii_digit()) => None,
            Self::Opaque => Some(Self::Text),
            reading => Some(reading),
        }
    }
}

/// Characters of the shortest identifier that is replaced: a shorter match is rather an accident.
const SHORTEST: usize = 8;

/// Whether an identifier can be a secret; a word of letters alone is one of a format.
pub(super) fn may_be_secret(identifier: &str) -> bool {
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
