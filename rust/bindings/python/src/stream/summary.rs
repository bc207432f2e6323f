use std::collections::BTreeMap;

use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::PyType;
use serde::{Deserialize, Serialize};

use super::arguments::{self, Words};
use super::course::Course;
use super::finding::Finding;
use super::held::HoldSummary;
use super::json::{self, Reduced};
use super::parts::{Channel, PaceSummary, ToolCall, Usage};
use super::redact::RedactSummary;

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
///     Of all responses of the stream together.
/// cost : float or None
///     At the prices of the budget; ``None`` without prices, and where nothing was counted.
/// cost_source : str
///     reported, estimated or unknown.
/// pace : PaceSummary
/// course : Course
///     What was written by when, which `plot` draws.
/// findings : list of Finding
/// hints : list of str
///     What to say to the model in its next turn, one sentence for each finding whose action is hint.
/// redact : RedactSummary or None
///     What was redacted and held, where the settings have rules.
/// hold : HoldSummary or None
///     What waited for a check of yours, where the settings hold text.
/// clock_regressions : int
///     How often the given time went back and was clamped.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    dialect: String,
    looks_like: Option<String>,
    framing: String,
    bytes: u64,
    events: u64,
    ending: String,
    ending_notes: Vec<String>,
    finish_reasons: Vec<String>,
    id: Option<String>,
    model: Option<String>,
    anomalies: BTreeMap<String, u64>,
    channels: Vec<Channel>,
    tool_calls: Vec<ToolCall>,
    usage: Usage,
    #[serde(deserialize_with = "json::exact_if_known")]
    cost: Option<f64>,
    cost_source: String,
    pace: PaceSummary,
    #[serde(default)]
    course: Course,
    findings: Vec<Finding>,
    hints: Vec<String>,
    redact: Option<RedactSummary>,
    hold: Option<HoldSummary>,
    clock_regressions: u64,
}

impl From<stream::Summary> for Summary {
    fn from(summary: stream::Summary) -> Self {
        let stream::Summary {
            dialect,
            looks_like,
            framing,
            bytes,
            events,
            ending,
            finish_reasons,
            id,
            model,
            anomalies,
            channels,
            tool_calls,
            usage,
            cost,
            cost_source,
            pace,
            findings,
            hints,
            redact,
            hold,
            clock_regressions,
            gaps: _,
        } = summary;
        Self {
            dialect: dialect.to_owned(),
            looks_like: looks_like.map(str::to_owned),
            framing: framing.to_owned(),
            bytes,
            events,
            ending: ending.state.name().to_owned(),
            ending_notes: ending.notes.iter().map(|note| (*note).to_owned()).collect(),
            finish_reasons,
            id,
            model,
            anomalies: anomalies.iter().map(|(anomaly, count)| (anomaly.name().to_owned(), count)).collect(),
            channels: channels.iter().map(Channel::from).collect(),
            tool_calls: tool_calls.iter().map(ToolCall::from).collect(),
            usage: usage.into(),
            cost,
            cost_source: cost_source.name().to_owned(),
            pace: pace.into(),
            course: Course::default(),
            findings: findings.iter().map(Finding::from).collect(),
            hints,
            redact: redact.map(RedactSummary::from),
            hold: hold.map(HoldSummary::from),
            clock_regressions,
        }
    }
}

impl Summary {
    /// A guard's summary, which knows the stream's course.
    pub(super) fn of_guard(summary: stream::Summary, course: &stream::Course) -> Self {
        Self { course: course.into(), ..summary.into() }
    }
}

#[pymethods]
impl Summary {
    /// Draw the stream's pace and its findings with matplotlib, the extra ``midstream[plot]``.
    ///
    /// Parameters
    /// ----------
    /// ax : matplotlib Axes, optional
    ///     Where to draw; a new figure where left out.
    ///
    /// Returns
    /// -------
    /// matplotlib Axes
    ///     Characters over seconds; over characters alone where times are unknown, and the axis says so.
    ///
    /// Raises
    /// ------
    /// MissingExtra
    ///     Without matplotlib.
    #[pyo3(signature = (*, ax = None))]
    fn plot<'py>(slf: &Bound<'py, Self>, ax: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("midstream.stream.plotted")?.getattr("plot")?.call1((slf, ax))
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("midstream.stream.shown")?.call_method1("summary_html", (slf,))
    }

    fn __rich__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("midstream.stream.shown")?.call_method1("summary_rich", (slf,))
    }

    /// The summary as one JSON object, with the keys of ``midstream analyze --json``.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The summary that `to_json` wrote.
    ///
    /// Parameters
    /// ----------
    /// json : str
    ///
    /// Returns
    /// -------
    /// Summary
    ///
    /// Raises
    /// ------
    /// InputError
    ///     For anything else, naming what is missing.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("Summary", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn __repr__(&self) -> String {
        let Self { ending, dialect, events, findings, .. } = self;
        let found: Vec<String> = findings.iter().map(Finding::name).collect();
        format!("Summary({ending}, {dialect}, {events} events, findings=[{}])", found.join(", "))
    }
}
