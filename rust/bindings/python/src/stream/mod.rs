//! Converts between `midstream-stream` and `midstream.stream`.

pub(crate) mod agent;
mod arguments;
pub(crate) mod arrived;
pub(crate) mod checks;
pub(crate) mod course;
pub(crate) mod decision;
pub(crate) mod event;
pub(crate) mod finding;
pub(crate) mod guard;
pub(crate) mod held;
mod item;
mod json;
pub(crate) mod parts;
mod reading;
pub(crate) mod redact;
pub(crate) mod settings;
pub(crate) mod summary;
pub(crate) mod text;
pub(crate) mod watching;
