//! Keys of clients.

use midstream_gateway::KeyConfig;
use serde_json::json;
use sha2::{Digest, Sha256};

/// A key that is this secret and has every other value at its default.
pub(crate) fn key(secret: &str) -> KeyConfig {
    let hash: String = Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect();
    serde_json::from_value(json!({ "sha256": hash })).unwrap()
}
