//! What values of a configuration have in common.

use midstream_stream::Error;

/// A day.
pub(super) const MAX_S: f64 = 86_400.0;

/// An error of a value, where it stands.
pub(super) fn setting(field: &str, value: &str, allowed: &str) -> Error {
    Error::Setting { field: field.to_owned(), value: value.to_owned(), allowed: allowed.to_owned() }
}

/// The error of a table inside another.
pub(super) fn below(table: &str, error: Error) -> Error {
    match error {
        Error::Setting { field, value, allowed } => {
            Error::Setting { field: format!("{table}.{field}"), value, allowed }
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
