//! What a configuration names and does not hold: variables of the environment, and files.

use midstream_stream::Error;

use super::Config;
use super::secret::Source;
use super::values::below;
use crate::tls::{Tls, towards_upstream};

/// What becomes of a variable of the environment that is named and not set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unset {
    Allowed,
    Refused,
}

/// Reads all of it, as a start or a reload does.
pub(super) fn read(config: &Config, unset: Unset) -> Result<(), Error> {
    let is_read = |source: Source<'_>| unset == Unset::Refused || !source.is_unset();
    if let Some(tls) = &config.tls {
        Tls::of(tls, config.listen, None)?;
    }
    for (name, upstream) in &config.upstreams {
        if is_read(upstream.source()) {
            upstream.key().map_err(|error| below(&format!("upstreams.{name}"), error))?;
        }
        if let Some(file) = &upstream.ca {
            towards_upstream(&format!("upstreams.{name}.ca"), Some(file))?;
        }
    }
    if let Some(moderator) = config.moderator.as_ref().filter(|moderator| is_read(moderator.source())) {
        moderator.key()?;
    }
    if is_read(config.viewers.source()) {
        config.viewers.secret()?;
    }
    Ok(())
}
