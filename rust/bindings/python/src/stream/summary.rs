use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::classes::{Channel, Finding, PaceSummary, ToolCall, Usage};

/// A stream after its end.
///
/// Attributes
/// ----------
/// ending : str
///     complete, truncated, failed, cancelled, halted or stalled.
/// ending_notes : list of str
///     What is notable about it, for example ``no_end_mark``, ``length`` or ``unknown_format``.
/// finish_reasons : list of str
///     The provider's own words, in order.
/// dialect, framing : str
/// looks_like : str or None
///     The dialect that the events are of, where it is not the one given.
/// id, model : str or None
/// bytes, events : int
/// anomalies : dict of str to int
///     Faults that were survived, for example ``bad_json``, and how often.
/// channels : list of Channel
/// tool_calls : list of ToolCall
/// usage : Usage
/// pace : PaceSummary
/// findings : list of Finding
/// clock_regressions : int
///     How often the given time went back and was clamped.
#[pyclass(frozen, eq, module = "midstream.stream")]
#[derive(Clone, PartialEq)]
pub(crate) struct Summary(stream::Summary);

impl From<stream::Summary> for Summary {
    fn from(summary: stream::Summary) -> Self {
        Self(summary)
    }
}

#[pymethods]
impl Summary {
    #[getter]
    fn ending(&self) -> &str {
        self.0.ending.state.name()
    }

    #[getter]
    fn ending_notes(&self) -> Vec<&'static str> {
        self.0.ending.notes.clone()
    }

    #[getter]
    fn finish_reasons(&self) -> Vec<String> {
        self.0.finish_reasons.clone()
    }

    #[getter]
    fn dialect(&self) -> &str {
        self.0.dialect
    }

    #[getter]
    fn looks_like(&self) -> Option<&str> {
        self.0.looks_like
    }

    #[getter]
    fn framing(&self) -> &str {
        self.0.framing
    }

    #[getter]
    fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    #[getter]
    fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    #[getter]
    fn bytes(&self) -> u64 {
        self.0.bytes
    }

    #[getter]
    fn events(&self) -> u64 {
        self.0.events
    }

    #[getter]
    fn anomalies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = PyDict::new(py);
        for (anomaly, count) in self.0.anomalies.iter() {
            counts.set_item(anomaly.name(), count)?;
        }
        Ok(counts)
    }

    #[getter]
    fn channels(&self) -> Vec<Channel> {
        self.0.channels.iter().map(Channel::from).collect()
    }

    #[getter]
    fn tool_calls(&self) -> Vec<ToolCall> {
        self.0.tool_calls.iter().map(ToolCall::from).collect()
    }

    #[getter]
    fn usage(&self) -> Usage {
        self.0.usage.into()
    }

    #[getter]
    fn pace(&self) -> PaceSummary {
        self.0.pace.into()
    }

    #[getter]
    fn findings(&self) -> Vec<Finding> {
        self.0.findings.iter().cloned().map(Finding::from).collect()
    }

    #[getter]
    fn clock_regressions(&self) -> u64 {
        self.0.clock_regressions
    }

    /// The summary as one JSON object, with the keys of ``midstream analyze --json``.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    fn __repr__(&self) -> String {
        let stream::Summary { ending, dialect, events, findings, .. } = &self.0;
        let found: Vec<String> = findings.iter().map(|finding| format!("{}/{}", finding.check, finding.kind)).collect();
        format!("Summary({}, {dialect}, {events} events, findings=[{}])", ending.state.name(), found.join(", "))
    }
}
