use std::sync::Arc;

use midstream_stream as stream;
use midstream_stream::redact::RuleSet;
use pyo3::prelude::*;

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
    #[new]
    fn new(json: &str) -> Result<Self, BindingError> {
        let settings = stream::Settings::from_json(json)?;
        Ok(Self { rules: settings.redact.rule_set()?, settings })
    }
}

/// Options with the settings behind a `midstream.stream.Settings`; the default ones for `None`.
pub(super) fn compiled(settings: Option<&Bound<'_, PyAny>>) -> PyResult<stream::Options> {
    let Some(settings) = settings else { return Ok(stream::Options::default()) };
    let wrong = || wrong_type("settings", settings, "midstream.stream.Settings or None");
    let compiled = settings.getattr("_compiled").map_err(|_| wrong())?;
    let CompiledSettings { settings, rules } = compiled.cast::<CompiledSettings>().map_err(|_| wrong())?.get();
    Ok(stream::Options { settings: settings.clone(), rules: rules.clone(), ..stream::Options::default() })
}
