use midstream_series::Timestamp;
use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::PyType;
use serde::{Deserialize, Serialize};

use super::arguments::{self, Words};
use super::json::{self, Reduced};

/// What was written by when, in at most 129 points; all lists are empty where times are unknown.
///
/// Attributes
/// ----------
/// at_ns : list of int
///     Nanoseconds since the stream was asked for, else since its first chunk.
/// characters : list of int
///     What was written until then, in all channels but sound.
/// found_at_ns, found_characters : list of int
///     The same of the first findings, in the order of the summary's.
/// longest_gap_ns : tuple of int, or None
///     From when to when nothing was written for the longest time.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Course {
    at_ns: Vec<i64>,
    characters: Vec<u64>,
    found_at_ns: Vec<i64>,
    found_characters: Vec<u64>,
    longest_gap_ns: Option<(i64, i64)>,
}

impl From<&stream::Course> for Course {
    fn from(course: &stream::Course) -> Self {
        let Some(began) = course.began().filter(|_| course.points().next().is_some()) else { return Self::default() };
        let since = |at: Timestamp| (at - began).as_nanos();
        let (at_ns, characters) = course.points().map(|(at, characters)| (since(at), characters)).unzip();
        let found = course.found().iter().map(|(at, characters)| (since(*at), *characters));
        let (found_at_ns, found_characters) = found.unzip();
        let longest_gap_ns = course.longest_gap().map(|(from, to)| (since(from.0), since(to.0)));
        Self { at_ns, characters, found_at_ns, found_characters, longest_gap_ns }
    }
}

#[pymethods]
impl Course {
    /// The course as one JSON object.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The course that `to_json` wrote.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("Course", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn __repr__(&self) -> String {
        let (points, characters) = (self.at_ns.len(), self.characters.last().copied().unwrap_or(0));
        format!("Course(points={points}, characters={characters})")
    }
}
