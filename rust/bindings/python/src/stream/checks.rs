use midstream_series::Timestamp;
use midstream_stream as stream;
use pyo3::prelude::*;

use super::arguments::{self, Words};
use super::decision::Decision;
use super::settings::compiled;
use super::summary::Summary;
use super::watching::Watching;

/// The checks of one stream that you have as text or events and not as bytes.
///
/// Parameters
/// ----------
/// settings : Settings or path of a guard file, optional
///     What to look for; the default settings where left out.
/// started_ns : int, optional
///     When the answer was asked for; without it there is no time to first text.
/// keep_text : bool
///     Keep the answer's text, for `text`. Memory then grows with it.
///
/// Raises
/// ------
/// StateError
///     From every method after `finish`.
///
/// Examples
/// --------
/// >>> from midstream.stream import Checks
/// >>> checks = Checks()
/// >>> checks.push("All is well.").action
/// 'pass'
/// >>> decision, summary = checks.finish()
/// >>> summary.ending
/// 'complete'
#[pyclass(frozen, module = "midstream.stream")]
pub(crate) struct Checks(Watching);

#[pymethods]
impl Checks {
    #[new]
    #[pyo3(signature = (
        settings: "midstream.stream.settings.SettingsOrFile | None" = None, *, started_ns: "int | None" = None, keep_text: "bool" = false
    ))]
    fn new(
        settings: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = arguments::started_ns)] started_ns: Option<i64>,
        #[pyo3(from_py_with = arguments::keep_text)] keep_text: bool,
    ) -> PyResult<Self> {
        let options = stream::Options { started: started_ns.map(Timestamp::from_nanos), ..compiled(settings)? };
        Ok(Self(Watching::new(options, keep_text)?))
    }

    /// Reads text, or an event of the provider, that you have and not bytes.
    ///
    /// Parameters
    /// ----------
    /// event : str, mapping or pydantic model
    ///     Text goes to a channel of its own; anything else is read as the provider's JSON.
    /// channel : str
    ///     Of text: text, reasoning, refusal or tool.
    /// now_ns : int, optional
    ///
    /// Returns
    /// -------
    /// Decision
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     For anything else.
    #[pyo3(signature = (event: "object", *, channel: "str" = Words("text".to_owned()), now_ns: "int | None" = None))]
    fn push(
        &self,
        event: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = arguments::channel)] channel: Words,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        self.0.push(event, &channel.0, now_ns)
    }

    /// Says that time passed without bytes, so that stalls are found.
    ///
    /// Parameters
    /// ----------
    /// now_ns : int, optional
    ///
    /// Returns
    /// -------
    /// Decision
    #[pyo3(signature = (now_ns: "int | None" = None))]
    fn tick(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        self.0.tick(py, now_ns)
    }

    /// Says that you read on after a pause of your own, which is no stall: waiting counts from here.
    ///
    /// Parameters
    /// ----------
    /// now_ns : int, optional
    ///
    /// Returns
    /// -------
    /// Decision
    #[pyo3(signature = (now_ns: "int | None" = None))]
    fn resume(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        self.0.resume(py, now_ns)
    }

    /// Says how the stream closed, once.
    ///
    /// Parameters
    /// ----------
    /// how : str
    ///     clean, abrupt, client_left, stopped or gave_up.
    /// now_ns : int, optional
    ///
    /// Returns
    /// -------
    /// tuple of Decision and Summary
    #[pyo3(signature = (how: "str" = Words("clean".to_owned()), now_ns: "int | None" = None))]
    fn finish(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::how)] how: Words,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<(Decision, Summary)> {
        self.0.finish(py, &how.0, now_ns)
    }

    /// The answer's text so far, over all its channels in the order it came; ``None`` unless ``keep_text`` is set.
    #[getter]
    fn text(&self, py: Python<'_>) -> Option<String> {
        self.0.text(py)
    }
}
