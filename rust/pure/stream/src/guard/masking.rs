use std::sync::Arc;

use super::{Options, holding};
use crate::decode::Framing;
use crate::hold::Unmasked;
use crate::redact::{Mask, Masking, RedactSettings};
use crate::{Action, Error};

/// Redaction as the options ask for it, and what stands for it where text is held.
pub(super) fn mask(options: &Options) -> Result<Option<Box<dyn Masking>>, Error> {
    let settings = &options.settings;
    settings.validate()?;
    let mask = redaction(options)?;
    let is_socket = matches!(options.framing, Framing::WebSocket | Framing::WebSocketLines);
    if settings.hold.is_none() || settings.shadow {
        return Ok(mask.map(|mask| Box::new(mask) as Box<dyn Masking>));
    }
    if is_socket {
        return Err(holding::needs_bytes("a socket's messages"));
    }
    Ok(Some(match mask {
        Some(mask) if !mask.is_dry() => Box::new(mask),
        mask => Box::new(Unmasked::new(mask.map(|mask| Box::new(mask) as Box<dyn Masking>))),
    }))
}

fn redaction(options: &Options) -> Result<Option<Mask>, Error> {
    let settings = &options.settings;
    let Some(action) = settings.redact.strongest() else { return Ok(None) };
    let rules = match &options.rules {
        Some(rules) => Some(Arc::clone(rules)),
        None => settings.redact.rule_set()?,
    };
    let is_dry = settings.shadow || action < Action::Redact;
    let is_socket = matches!(options.framing, Framing::WebSocket | Framing::WebSocketLines);
    let Some(rules) = rules.filter(|rules| !rules.is_empty()) else { return Ok(None) };
    if is_socket && !is_dry {
        return Err(needs_bytes(&settings.redact, "a socket's messages"));
    }
    Ok(Some(Mask::new(rules, is_dry, &settings.redact)))
}

/// Why redaction is refused where nothing could be replaced in what passes.
pub(super) fn needs_bytes(settings: &RedactSettings, given: &str) -> Error {
    let (field, action) = settings.changes().unwrap_or_else(|| ("redact.action".into(), Action::Redact));
    Error::Setting {
        field,
        value: format!("{} for {given}", action.name()),
        allowed: "off, observe or warn there; redact and stop need a stream of bytes".into(),
    }
}
