use midstream_stream as stream;
use pyo3::prelude::*;

use super::arguments::wrong_type;
use crate::errors::BindingError;

/// Settings, checked once and shared by any number of guards.
#[pyclass(frozen, module = "midstream._rust.stream")]
pub(crate) struct CompiledSettings(stream::Settings);

#[pymethods]
impl CompiledSettings {
    #[new]
    fn new(json: &str) -> Result<Self, BindingError> {
        Ok(Self(stream::Settings::from_json(json)?))
    }
}

/// The settings behind a `midstream.stream.Settings`; the default ones for `None`.
pub(super) fn compiled(settings: Option<&Bound<'_, PyAny>>) -> PyResult<stream::Settings> {
    let Some(settings) = settings else { return Ok(stream::Settings::default()) };
    let wrong = || wrong_type("settings", settings, "midstream.stream.Settings or None");
    let compiled = settings.getattr("_compiled").map_err(|_| wrong())?;
    Ok(compiled.cast::<CompiledSettings>().map_err(|_| wrong())?.get().0.clone())
}
