use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyMapping, PyString};

/// What a caller pushes: text, or an event as the provider's JSON.
pub(super) enum Item {
    Json(String),
    Text(String),
}

impl Item {
    /// Reads a string, a mapping or a pydantic model.
    pub(super) fn of(item: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = item.cast::<PyString>() {
            return Ok(Self::Text(text.to_string_lossy().into_owned()));
        }
        let py = item.py();
        let json = if let Some(dump) = item.getattr_opt("model_dump_json")? {
            dump.call((), Some(&[("by_alias", true), ("warnings", false)].into_py_dict(py)?))?
        } else if item.cast::<PyMapping>().is_ok() {
            let keywords = [("default", py.get_type::<pyo3::types::PyDict>())].into_py_dict(py)?;
            py.import("json")?.call_method("dumps", (item,), Some(&keywords))?
        } else {
            let message = format!("an event is {}, allowed: str, a mapping, a pydantic model", item.get_type().name()?);
            return Err(PyTypeError::new_err(message));
        };
        json.extract().map(Self::Json)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(text) | Self::Text(text) => text.len(),
        }
    }
}
