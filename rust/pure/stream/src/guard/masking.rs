use std::sync::Arc;

use super::Options;
use crate::decode::Framing;
use crate::redact::Mask;
use crate::{Action, Error};

/// Redaction as the options ask for it.
pub(super) fn mask(options: &Options) -> Result<Option<Mask>, Error> {
    let settings = &options.settings;
    settings.validate()?;
    let Some(action) = settings.redact.action else { return Ok(None) };
    let rules = match &options.rules {
        Some(rules) => Some(Arc::clone(rules)),
        None => settings.redact.rule_set()?,
    };
    let is_dry = settings.shadow || action < Action::Redact;
    let is_socket = matches!(options.framing, Framing::WebSocket | Framing::WebSocketLines);
    let Some(rules) = rules.filter(|rules| !rules.is_empty()) else { return Ok(None) };
    if is_socket && !is_dry {
        return Err(needs_bytes("a socket's messages"));
    }
    Ok(Some(Mask::new(rules, is_dry, &settings.redact)))
}

/// Why redaction is refused where nothing could be replaced in what passes.
pub(super) fn needs_bytes(given: &str) -> Error {
    Error::Setting {
        field: "redact.action".into(),
        value: format!("redact for {given}"),
        allowed: "off, observe or warn there; redact and stop need a stream of bytes".into(),
    }
}
