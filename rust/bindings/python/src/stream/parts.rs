//! What a summary is made of.

use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::PyType;
use serde::{Deserialize, Serialize};

use super::arguments::{self, Words};
use super::json::{self, Reduced};

/// One channel after the end: its id, what it carried, how many characters (bytes for audio).
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Channel {
    id: String,
    kind: String,
    characters: u64,
}

impl From<&stream::ChannelSummary> for Channel {
    fn from(channel: &stream::ChannelSummary) -> Self {
        Self { id: channel.id.clone(), kind: channel.kind.to_owned(), characters: channel.characters }
    }
}

#[pymethods]
impl Channel {
    /// The channel as one JSON object.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The channel that `to_json` wrote.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("Channel", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn __repr__(&self) -> String {
        format!("Channel({:?}, characters={})", self.id, self.characters)
    }
}

/// A tool call as far as it was seen. Arguments of a call that is not complete must not be executed.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolCall {
    id: String,
    name: String,
    arguments: String,
    valid_json: Option<bool>,
    complete: bool,
}

impl From<&stream::ToolCall> for ToolCall {
    fn from(call: &stream::ToolCall) -> Self {
        Self {
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
            valid_json: call.valid_json,
            complete: call.complete,
        }
    }
}

#[pymethods]
impl ToolCall {
    /// The call as one JSON object.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The call that `to_json` wrote.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("ToolCall", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn __repr__(&self) -> String {
        let complete = if self.complete { "" } else { ", complete=False" };
        format!("ToolCall({:?}, name={:?}{complete})", self.id, self.name)
    }
}

/// Token counts; ``None`` is unknown, never zero. ``source`` is reported, estimated or unknown.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Usage {
    input: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    source: String,
}

impl From<stream::Usage> for Usage {
    fn from(usage: stream::Usage) -> Self {
        let stream::Usage { input, output, reasoning, cache_read, cache_write, source } = usage;
        Self { input, output, reasoning, cache_read, cache_write, source: source.name().to_owned() }
    }
}

#[pymethods]
impl Usage {
    /// The counts as one JSON object.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The counts that `to_json` wrote.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("Usage", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn __repr__(&self) -> String {
        let known = |count: Option<u64>| count.map_or("None".to_owned(), |count| count.to_string());
        format!("Usage(input={}, output={}, source={:?})", known(self.input), known(self.output), self.source)
    }
}

/// Times of one stream in seconds; ``None`` is unknown.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PaceSummary {
    #[serde(deserialize_with = "json::exact_if_known")]
    first_byte_s: Option<f64>,
    #[serde(deserialize_with = "json::exact_if_known")]
    first_event_s: Option<f64>,
    #[serde(deserialize_with = "json::exact_if_known")]
    first_text_s: Option<f64>,
    #[serde(deserialize_with = "json::exact_if_known")]
    gap_p50_s: Option<f64>,
    #[serde(deserialize_with = "json::exact_if_known")]
    gap_p99_s: Option<f64>,
    #[serde(deserialize_with = "json::exact_if_known")]
    longest_gap_s: Option<f64>,
    stalls: u64,
    #[serde(deserialize_with = "json::exact_if_known")]
    tokens_per_s: Option<f64>,
    #[serde(deserialize_with = "json::exact_if_known")]
    duration_s: Option<f64>,
}

impl From<stream::PaceSummary> for PaceSummary {
    fn from(pace: stream::PaceSummary) -> Self {
        Self {
            first_byte_s: pace.first_byte_s,
            first_event_s: pace.first_event_s,
            first_text_s: pace.first_text_s,
            gap_p50_s: pace.gap_p50_s,
            gap_p99_s: pace.gap_p99_s,
            longest_gap_s: pace.longest_gap_s,
            stalls: pace.stalls,
            tokens_per_s: pace.tokens_per_s,
            duration_s: pace.duration_s,
        }
    }
}

#[pymethods]
impl PaceSummary {
    /// The times as one JSON object.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The times that `to_json` wrote.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("PaceSummary", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn __repr__(&self) -> String {
        let seconds = |value: Option<f64>| value.map_or("None".to_owned(), |value| format!("{value:.3}"));
        format!(
            "PaceSummary(first_text_s={}, gap_p50_s={}, stalls={}, duration_s={})",
            seconds(self.first_text_s),
            seconds(self.gap_p50_s),
            self.stalls,
            seconds(self.duration_s)
        )
    }
}
