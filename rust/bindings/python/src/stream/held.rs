use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::PyType;
use serde::{Deserialize, Serialize};

use super::arguments::{self, Words};
use super::json::{self, Reduced};

/// A text that waits for a check of yours.
///
/// Attributes
/// ----------
/// id : int
///     What `Guard.release` and `Guard.refuse` name it by.
/// channel : str
/// text : str
///     A sentence, or as much of one as the limit allows.
/// so_far : str
///     All of the channel's text up to its end.
/// onset, offset : int
///     Characters of the channel before it, and with it.
#[pyclass(frozen, eq, get_all, from_py_object, module = "midstream.stream")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Held {
    id: u64,
    channel: String,
    text: String,
    so_far: String,
    onset: u64,
    offset: u64,
}

impl From<&stream::Held> for Held {
    fn from(held: &stream::Held) -> Self {
        let stream::Held { id, channel, text, so_far, onset, offset } = held.clone();
        Self { id, channel, text, so_far, onset, offset }
    }
}

#[pymethods]
impl Held {
    /// The text and its place as one JSON object.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The text that `to_json` wrote.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("Held", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn __repr__(&self) -> String {
        format!("Held({}, {}, {:?})", self.id, self.channel, self.text)
    }
}

/// What waited for a check of yours, and how long.
///
/// Attributes
/// ----------
/// pieces, refused, late : int
///     Texts that were asked for; those that were refused, and those whose check took too long.
/// held_bytes, held_bytes_max, held_bytes_total : int
///     Bytes of decoded text that wait: at the end, the most at a time, all together.
/// hold_p50_s, hold_p99_s : float or None
///     How long they waited from their first character on: half of them, and 99 of 100, no longer than this.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HoldSummary {
    pieces: u64,
    refused: u64,
    late: u64,
    held_bytes: u64,
    held_bytes_max: u64,
    held_bytes_total: u64,
    #[serde(deserialize_with = "json::exact_if_known")]
    hold_p50_s: Option<f64>,
    #[serde(deserialize_with = "json::exact_if_known")]
    hold_p99_s: Option<f64>,
}

impl From<stream::HoldSummary> for HoldSummary {
    fn from(summary: stream::HoldSummary) -> Self {
        Self {
            pieces: summary.pieces,
            refused: summary.refused,
            late: summary.late,
            held_bytes: summary.held_bytes,
            held_bytes_max: summary.held_bytes_max,
            held_bytes_total: summary.held_bytes_total,
            hold_p50_s: summary.hold_p50_s,
            hold_p99_s: summary.hold_p99_s,
        }
    }
}

#[pymethods]
impl HoldSummary {
    /// The numbers as one JSON object.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The numbers that `to_json` wrote.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("HoldSummary", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn __repr__(&self) -> String {
        let Self { pieces, refused, late, .. } = self;
        format!("HoldSummary(pieces={pieces}, refused={refused}, late={late})")
    }
}
