use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::PyType;
use serde::{Deserialize, Serialize};

use super::arguments::{self, Words};
use super::json::{self, Reduced};

/// What a check found.
///
/// Attributes
/// ----------
/// check, kind : str
///     ``repeat`` and ``exact``, ``counter`` or ``near``; ``actions`` and ``repeat``, ``ping_pong``, ``same_error`` or
///     ``no_progress``; ``budget`` and what it limits; ``ending`` and the ending; ``hold`` and
///     ``refused``, ``max_hold``, ``unjudged`` or ``limit``; ``pace`` and ``stall``; ``redact`` and
///     the rule, or why a stream that could not be read was stopped.
/// action : str
///     What the settings ask for: observe, warn, hint, end_reasoning, redact, hold or stop.
/// channel : str or None
/// offset : int or None
///     Characters of the channel's text up to and including the one that fired; of actions, steps.
/// onset : int or None
///     Where the first repeat or the replacement begins, in characters; of actions, the step of the first copy.
/// period : int or None
///     Characters of one copy; of actions, calls of one turn.
/// score : float
///     Strength of the evidence, in copies for loops.
/// evidence, explanation : str
///     At most 80 characters of what was seen, and one sentence for people.
#[pyclass(frozen, eq, get_all, from_py_object, module = "midstream.stream")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finding {
    check: String,
    kind: String,
    action: String,
    channel: Option<String>,
    offset: Option<u64>,
    onset: Option<u64>,
    period: Option<u64>,
    #[serde(deserialize_with = "json::exact")]
    score: f64,
    evidence: String,
    explanation: String,
}

impl From<&stream::Finding> for Finding {
    fn from(finding: &stream::Finding) -> Self {
        let stream::Finding { check, kind, action, channel, offset, onset, period, score, evidence, explanation } =
            finding;
        Self {
            check: (*check).to_owned(),
            kind: kind.clone().into_owned(),
            action: action.name().to_owned(),
            channel: channel.clone(),
            offset: *offset,
            onset: *onset,
            period: *period,
            score: *score,
            evidence: evidence.clone(),
            explanation: explanation.clone(),
        }
    }
}

impl Finding {
    /// Check and kind, as reports name a finding.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.check, self.kind)
    }
}

#[pymethods]
impl Finding {
    /// The finding as one JSON object, as the summary's holds it.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The finding that `to_json` wrote.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("Finding", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("midstream.stream.shown")?.call_method1("finding_html", (slf,))
    }

    fn __rich__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("midstream.stream.shown")?.call_method1("finding_rich", (slf,))
    }

    fn __repr__(&self) -> String {
        let told = format!("Finding({}, {}: {})", self.name(), self.action, self.explanation);
        told.chars().flat_map(visible).collect()
    }
}

/// What a terminal prints and does not obey.
fn visible(character: char) -> impl Iterator<Item = char> {
    let obeyed = character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let (escaped, plain) = if obeyed { (Some(character.escape_unicode()), None) } else { (None, Some(character)) };
    escaped.into_iter().flatten().chain(plain)
}
