//! Converts between `midstream-stream` and `midstream.stream`.

pub(crate) mod classes;
pub(crate) mod guard;
pub(crate) mod summary;
