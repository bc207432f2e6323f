//! What values of a configuration have in common.

use http::Uri;
use http::uri::Scheme;
use midstream_stream::{Error, NOT_SHOWN};

/// A day.
pub(super) const MAX_S: f64 = 86_400.0;

/// An error of a value, where it stands.
pub(super) fn setting(field: &str, value: &str, allowed: &str) -> Error {
    Error::Setting { field: field.to_owned(), value: value.to_owned(), allowed: allowed.to_owned() }
}

/// An address that is asked.
pub(super) fn address(field: &str, url: &str) -> Result<Uri, Error> {
    let allowed = "an http:// or https:// URL with a host, without a query or a password";
    let fault = || setting(field, &shown(url), allowed);
    let uri: Uri = url.parse().map_err(|_| fault())?;
    let is_http = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
    let holds_key = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if is_http && uri.host().is_some() && uri.query().is_none() && !holds_key { Ok(uri) } else { Err(fault()) }
}

/// An address as it may be told: a password or a query may be a key.
fn shown(url: &str) -> String {
    if url.contains(['@', '?']) { NOT_SHOWN.to_owned() } else { format!("{url:?}") }
}

/// The error of a table inside another.
pub(crate) fn below(table: &str, error: Error) -> Error {
    match error {
        Error::Setting { field, value, allowed } => {
            Error::Setting { field: format!("{table}.{field}"), value, allowed }
        }
        Error::UnknownWord { field, word, nearest, known } => {
            Error::UnknownWord { field: format!("{table}.{field}"), word, nearest, known }
        }
        other => other,
    }
}

/// Refuses what is no time to wait for.
pub(super) fn seconds(field: &str, value: f64) -> Result<(), Error> {
    if value > 0.0 && value <= MAX_S {
        return Ok(());
    }
    Err(setting(field, &value.to_string(), "a number of seconds above 0, at most 86400"))
}
