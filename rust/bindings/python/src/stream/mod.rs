//! Converts between `midstream-stream` and `midstream.stream`.

pub(crate) mod checks;
pub(crate) mod classes;
pub(crate) mod decision;
pub(crate) mod guard;
mod item;
pub(crate) mod settings;
pub(crate) mod summary;
pub(crate) mod text;
pub(crate) mod watching;
