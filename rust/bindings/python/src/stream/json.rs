use pyo3::prelude::*;
use pyo3::types::PyType;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::errors::InputError;

/// A result as one JSON object.
pub(super) fn write(result: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(result).map_err(|error| InputError::new_err(error.to_string()))
}

/// The result of class `class` that `write` wrote.
pub(super) fn read<T: DeserializeOwned>(class: &str, json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|error| InputError::new_err(format!("json holds no {class}: {error}")))
}

/// Numbers to the last bit: the parser of `serde_json` rounds some of them by one.
pub(super) fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let digits = Box::<RawValue>::deserialize(deserializer)?;
    digits.get().parse().map_err(serde::de::Error::custom)
}

/// The same where a number may be unknown.
pub(super) fn exact_if_known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let digits = Option::<Box<RawValue>>::deserialize(deserializer)?;
    digits.map(|digits| digits.get().parse().map_err(serde::de::Error::custom)).transpose()
}

/// What pickle and copy call: the class's `from_json` with the JSON of this object.
pub(super) type Reduced<'py> = (Bound<'py, PyAny>, (String,));

pub(super) fn reduced<'py>(class: &Bound<'py, PyType>, result: &impl Serialize) -> PyResult<Reduced<'py>> {
    Ok((class.getattr("from_json")?, (write(result)?,)))
}
