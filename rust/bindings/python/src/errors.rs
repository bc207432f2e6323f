use pyo3::import_exception;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use midstream_stream as stream;

import_exception!(midstream.errors, InputError);
import_exception!(midstream.errors, NetworkError);
import_exception!(midstream.errors, StateError);

/// Stands between our error enums and `PyErr`, which the orphan rule keeps apart.
#[derive(Debug)]
pub(crate) enum BindingError {
    /// With the file's name, where it has one.
    GuardFile(Option<String>, stream::FileError),
    /// What a gateway cannot do with what it was given, or needs from the system and has not.
    Gateway(String),
    Stream(stream::Error),
}

impl From<stream::Error> for BindingError {
    fn from(error: stream::Error) -> Self {
        Self::Stream(error)
    }
}

impl From<midstream_gateway::ConfigError> for BindingError {
    fn from(error: midstream_gateway::ConfigError) -> Self {
        match error {
            midstream_gateway::ConfigError::File(error) => Self::GuardFile(None, error),
            midstream_gateway::ConfigError::Value(error) => Self::Stream(error),
            error @ midstream_gateway::ConfigError::NoRandom => Self::Gateway(error.to_string()),
        }
    }
}

impl From<midstream_gateway::ReloadError> for BindingError {
    fn from(error: midstream_gateway::ReloadError) -> Self {
        match error {
            midstream_gateway::ReloadError::Config(error) => error.into(),
            error @ (midstream_gateway::ReloadError::Listen { .. }
            | midstream_gateway::ReloadError::Restart { .. }
            | midstream_gateway::ReloadError::UsageFile { .. }) => Self::Gateway(error.to_string()),
        }
    }
}

impl From<BindingError> for PyErr {
    fn from(error: BindingError) -> Self {
        match error {
            BindingError::GuardFile(file, error) => of_guard_file(file.as_deref(), &error),
            BindingError::Gateway(message) => input_error(message, Vec::new(), None),
            BindingError::Stream(stream::Error::Finished) => StateError::new_err(stream::Error::Finished.to_string()),
            BindingError::Stream(error) => input_error(error.to_string(), facts(&error), None),
        }
    }
}

fn of_guard_file(file: Option<&str>, fault: &stream::FileError) -> PyErr {
    let stream::FileError { line, column, key, error } = fault;
    let message = match file {
        Some(file) => format!("{error} ({file}, line {line}, column {column})"),
        None => fault.to_string(),
    };
    let mut facts = facts(error);
    facts.retain(|(name, _)| *name != "key");
    facts.extend([("file", file.unwrap_or_default()), ("key", key)]);
    input_error(message, facts, Some((*line, *column)))
}

/// What the message speaks of.
fn facts(error: &stream::Error) -> Vec<(&'static str, &str)> {
    match error {
        stream::Error::FileSize { .. }
        | stream::Error::Finished
        | stream::Error::Snapshot { .. }
        | stream::Error::Toml { .. } => Vec::new(),
        stream::Error::Rule { rule, .. } => vec![("rule", rule)],
        stream::Error::Setting { field, value, allowed } => {
            vec![("key", field), ("value", value), ("allowed", allowed)]
        }
        stream::Error::UnknownKey { key, nearest, .. } => vec![("key", key), ("nearest", or_empty(nearest))],
        stream::Error::UnknownName { name, nearest, .. } => vec![("name", name), ("nearest", or_empty(nearest))],
        stream::Error::UnknownWord { field, word, nearest, .. } => {
            vec![("key", field), ("value", word), ("nearest", or_empty(nearest))]
        }
    }
}

fn or_empty(nearest: &Option<String>) -> &str {
    nearest.as_deref().unwrap_or_default()
}

/// An `InputError` whose facts are attributes.
fn input_error(message: String, facts: Vec<(&str, &str)>, place: Option<(usize, usize)>) -> PyErr {
    Python::attach(|py| {
        let make = || -> PyResult<PyErr> {
            let keywords = PyDict::new(py);
            for (name, value) in facts {
                keywords.set_item(name, value)?;
            }
            if let Some((line, column)) = place {
                keywords.set_item("line", line)?;
                keywords.set_item("column", column)?;
            }
            Ok(PyErr::from_value(py.get_type::<InputError>().call((message,), Some(&keywords))?))
        };
        make().unwrap_or_else(|error| error)
    })
}
