use std::sync::Arc;

use midstream_stream as stream;
use midstream_stream::redact::RuleSet;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::arguments::wrong_type;
use crate::errors::BindingError;

/// Settings, checked once and shared by any number of guards.
#[pyclass(frozen, module = "midstream._rust.stream")]
pub(crate) struct CompiledSettings {
    settings: stream::Settings,
    rules: Option<Arc<RuleSet>>,
}

#[pymethods]
impl CompiledSettings {
    /// Bytes of a guard file at most.
    #[classattr]
    const MAX_FILE: usize = stream::MAX_FILE;

    #[new]
    fn new(json: &str) -> Result<Self, BindingError> {
        let settings = stream::Settings::from_json(json)?;
        Ok(Self { rules: settings.redact.rule_set()?, settings })
    }

    /// The settings of a guard file, and its tables as JSON.
    #[staticmethod]
    #[pyo3(signature = (content, file = None))]
    fn read(content: &[u8], file: Option<String>) -> Result<(Self, String), BindingError> {
        let of_file = |error| BindingError::GuardFile(file.clone(), error);
        let (settings, rules) = stream::read_guard_file(content).map_err(of_file)?;
        Ok((Self { settings, rules }, stream::json_of_guard_file(content).map_err(of_file)?))
    }

    /// Tables in JSON as the text of a guard file.
    #[staticmethod]
    fn write(json: &str) -> Result<String, BindingError> {
        Ok(stream::guard_file_of_json(json)?)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

/// Options with the settings behind a `midstream.stream.Settings`, or of the guard file at a path; the default ones for
/// `None`.
pub(super) fn compiled(settings: Option<&Bound<'_, PyAny>>) -> PyResult<stream::Options> {
    let Some(settings) = settings else { return Ok(stream::Options::default()) };
    let wrong = || wrong_type("settings", settings, "midstream.stream.Settings, path of a guard file or None");
    let loaded = match settings.is_instance_of::<PyString>() || settings.hasattr("__fspath__")? {
        true => &settings.py().import("midstream.stream")?.getattr("Settings")?.call_method1("load", (settings,))?,
        false => settings,
    };
    let compiled = loaded.getattr("_compiled").map_err(|_| wrong())?;
    let CompiledSettings { settings, rules } = compiled.cast::<CompiledSettings>().map_err(|_| wrong())?.get();
    Ok(stream::Options { settings: settings.clone(), rules: rules.clone(), ..stream::Options::default() })
}
