//! Who may call a gateway.

use std::collections::BTreeMap;

use midstream_stream::{Error, NOT_SHOWN};
use serde::Deserialize;

use super::Config;
use super::limits::LimitsConfig;
use super::values::{below, setting};
use crate::hex;

/// What a key of the gateway's own may do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// The SHA-256 of the key, in 64 hexadecimal digits.
    pub sha256: String,
    /// What it may do.
    #[serde(default = "KeyConfig::roles")]
    pub roles: Vec<Role>,
    /// The models that it is for; without a list all.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// Whose it is: it sees and ends streams of that tenant alone. Without one it sees all.
    #[serde(default)]
    pub tenant: Option<String>,
    /// How much it may use.
    #[serde(default)]
    pub limits: LimitsConfig,
}

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// End streams of others.
    Admin,
    /// Ask upstreams.
    Call,
    /// See streams.
    View,
}

impl Role {
    /// The lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Call => "call",
            Self::View => "view",
        }
    }
}

impl KeyConfig {
    fn roles() -> Vec<Role> {
        vec![Role::Call]
    }

    /// Refuses a key that is good for nothing; gives its hash.
    pub(super) fn validate(&self) -> Result<[u8; 32], Error> {
        if self.roles.is_empty() {
            return Err(setting("roles", "an empty list", "at least one of admin, call, view"));
        }
        if self.models.as_ref().is_some_and(Vec::is_empty) {
            return Err(setting("models", "an empty list", "at least one model, or no list for all of them"));
        }
        // What stands there may be the key itself.
        self.hash().ok_or_else(|| setting("sha256", NOT_SHOWN, "64 hexadecimal digits"))
    }

    /// The bytes of the hash; `None` where it is none.
    pub(crate) fn hash(&self) -> Option<[u8; 32]> {
        hex::read(&self.sha256)?.try_into().ok()
    }
}

/// Checks every key, and that no two have one hash.
pub(super) fn validate(config: &Config) -> Result<(), Error> {
    let mut names = BTreeMap::new();
    for (name, key) in &config.keys {
        let hash = key.validate().map_err(|error| below(&format!("keys.{name}"), error))?;
        if let Some(other) = names.insert(hash, name) {
            let allowed = format!("the hash of a key of its own; keys.{other} has this one");
            return Err(setting(&format!("keys.{name}.sha256"), NOT_SHOWN, &allowed));
        }
    }
    Ok(())
}
