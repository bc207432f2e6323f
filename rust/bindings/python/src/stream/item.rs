use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyMapping, PySequence, PyString};

use super::arguments::{Words, class_of, whole, wrong_type};
use crate::errors::InputError;

/// What a caller pushes: text, or an event as the provider's JSON.
pub(super) enum Item {
    Json(String),
    Text(String),
}

impl Item {
    /// Reads a string, a mapping or a pydantic model.
    pub(super) fn of(item: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = item.cast::<PyString>() {
            return whole(text).map(|text| Self::Text(text.into_owned()));
        }
        let is_mapping = item.cast::<PyMapping>().is_ok();
        if !is_mapping && item.getattr_opt("model_dump_json")?.is_none() {
            return Err(wrong_type("an event", item, "str, a mapping, a pydantic model"));
        }
        let json = if is_mapping { dumped(item) } else { dumped_by_itself(item) };
        json.map(|json| Self::Json(json.0)).map_err(|error| unsaid("an event", item, error))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(text) | Self::Text(text) => text.len(),
        }
    }
}

/// What JSON says of a value: a string as it stands, nothing for `None`.
pub(super) fn said(what: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_none() {
        return Ok(String::new());
    }
    if let Ok(text) = value.cast::<PyString>() {
        return whole(text).map(|text| text.into_owned());
    }
    let by_itself = value.getattr_opt("model_dump_json")?.is_some();
    let json = if by_itself { dumped_by_itself(value) } else { dumped(value) };
    json.map(|json| json.0).map_err(|error| unsaid(what, value, error))
}

/// The messages of a request as a JSON array: text as it stands, a list element by element.
pub(super) fn messages(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.cast::<PyString>().is_ok() || value.getattr_opt("model_dump_json")?.is_some() {
        return said("messages", value);
    }
    let allowed = "a list of mappings or pydantic models";
    let Ok(list) = value.cast::<PySequence>() else {
        return Err(InputError::new_err(format!("messages is {}, allowed is {allowed}", class_of(value))));
    };
    let mut texts = Vec::new();
    for (at, message) in list.try_iter()?.enumerate() {
        let (message, what) = (message?, format!("messages[{at}]"));
        if message.cast::<PyMapping>().is_err() && message.getattr_opt("model_dump_json")?.is_none() {
            let given = class_of(&message);
            return Err(InputError::new_err(format!("{what} is {given}, allowed is a mapping or a pydantic model")));
        }
        texts.push(said(&what, &message)?);
    }
    Ok(format!("[{}]", texts.join(",")))
}

/// Why a value has no JSON; interrupts stay what they are.
fn unsaid(what: &str, item: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = item.py();
    if !error.is_instance_of::<PyException>(py) {
        return error;
    }
    let told = format!("{what} is a {} that JSON cannot hold: {}", class_of(item), error.value(py));
    let refused = InputError::new_err(told);
    refused.set_cause(py, Some(error));
    refused
}

fn dumped_by_itself(model: &Bound<'_, PyAny>) -> PyResult<Words> {
    let keywords = [("by_alias", true), ("warnings", false)].into_py_dict(model.py())?;
    match model.call_method("model_dump_json", (), Some(&keywords)) {
        Ok(json) => json.extract(),
        // Pydantic's JSON is UTF-8, which has no half of a surrogate pair; Python's own escapes it.
        Err(_) => dumped(&model.call_method("model_dump", (), Some(&keywords))?),
    }
}

fn dumped(mapping: &Bound<'_, PyAny>) -> PyResult<Words> {
    let py = mapping.py();
    let keywords = [("default", py.get_type::<pyo3::types::PyDict>())].into_py_dict(py)?;
    py.import("json")?.call_method("dumps", (mapping,), Some(&keywords))?.extract()
}
