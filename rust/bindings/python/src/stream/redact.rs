use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::PyType;
use serde::{Deserialize, Serialize};

use super::arguments::{self, Words};
use super::json::{self, Reduced};

/// What redaction did to a stream.
///
/// Attributes
/// ----------
/// redactions, copies : int
///     Matches replaced in the text of channels; and elsewhere, in copies of that text, errors and results.
/// held_bytes, held_bytes_max, held_bytes_total : int
///     Bytes of decoded text that wait for what follows them: at the end, the most at a time, all together.
/// hold_p50_s, hold_p99_s : float or None
///     How long they waited: half of them, and 99 of 100, no longer than this.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RedactSummary {
    redactions: u64,
    copies: u64,
    held_bytes: u64,
    held_bytes_max: u64,
    held_bytes_total: u64,
    #[serde(deserialize_with = "json::exact_if_known")]
    hold_p50_s: Option<f64>,
    #[serde(deserialize_with = "json::exact_if_known")]
    hold_p99_s: Option<f64>,
}

impl From<stream::RedactSummary> for RedactSummary {
    fn from(summary: stream::RedactSummary) -> Self {
        Self {
            redactions: summary.redactions,
            copies: summary.copies,
            held_bytes: summary.held_bytes,
            held_bytes_max: summary.held_bytes_max,
            held_bytes_total: summary.held_bytes_total,
            hold_p50_s: summary.hold_p50_s,
            hold_p99_s: summary.hold_p99_s,
        }
    }
}

#[pymethods]
impl RedactSummary {
    /// The numbers as one JSON object.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The numbers that `to_json` wrote.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("RedactSummary", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn __repr__(&self) -> String {
        let Self { redactions, copies, held_bytes_max, .. } = self;
        format!("RedactSummary(redactions={redactions}, copies={copies}, held_bytes_max={held_bytes_max})")
    }
}
