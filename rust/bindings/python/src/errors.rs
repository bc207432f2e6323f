use pyo3::import_exception;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use midstream_stream as stream;

import_exception!(midstream.errors, InputError);
import_exception!(midstream.errors, StateError);

/// Stands between our error enums and `PyErr`, which the orphan rule keeps apart.
#[derive(Debug)]
pub(crate) enum BindingError {
    Stream(stream::Error),
}

impl From<stream::Error> for BindingError {
    fn from(error: stream::Error) -> Self {
        Self::Stream(error)
    }
}

impl From<BindingError> for PyErr {
    fn from(error: BindingError) -> Self {
        match error {
            BindingError::Stream(error) => of_stream(&error),
        }
    }
}

fn of_stream(error: &stream::Error) -> PyErr {
    let message = error.to_string();
    match error {
        stream::Error::Finished => StateError::new_err(message),
        stream::Error::Rule { rule, .. } => input_error(message, &[("rule", rule)]),
        stream::Error::Setting { field, value, allowed } => {
            input_error(message, &[("field", field), ("value", value), ("allowed", allowed)])
        }
        stream::Error::UnknownName { name, nearest, .. } => {
            input_error(message, &[("name", name), ("nearest", nearest.as_deref().unwrap_or_default())])
        }
    }
}

/// An `InputError` whose facts are attributes.
fn input_error(message: String, facts: &[(&str, &str)]) -> PyErr {
    Python::attach(|py| {
        let make = || -> PyResult<PyErr> {
            let keywords = PyDict::new(py);
            for (name, value) in facts {
                keywords.set_item(name, value)?;
            }
            Ok(PyErr::from_value(py.get_type::<InputError>().call((message,), Some(&keywords))?))
        };
        make().unwrap_or_else(|error| error)
    })
}
