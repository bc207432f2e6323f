use std::borrow::Cow;
use std::sync::Arc;

use midstream_series::Timestamp;
use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use super::event::{Event, Restored};
use super::finding::Finding;
use super::held::Held;

/// What a call found and asks for.
///
/// Attributes
/// ----------
/// action : str
///     pass, observe, warn, hint, end_reasoning, redact, hold or stop: the strongest that was asked for. From the one that
///     ended the stream on, that one.
/// halted : bool
///     A decision has ended the stream: nothing more of it passes.
/// forward : bytes
///     What to pass on: the very object that was fed, other bytes, or ``b""``. Of text that was pushed, what of it may
///     pass, in UTF-8.
/// events : list of Event
/// findings : list of Finding
/// held : list of Held
///     Texts that wait for a check of yours from this call on, where the settings hold text.
/// ended : bool
///     The end mark of the transport was read: nothing more is expected.
/// tick_at_ns : int or None
///     When ``tick`` is next needed.
#[pyclass(frozen, module = "midstream.stream")]
pub(crate) struct Decision {
    #[pyo3(get)]
    action: Cow<'static, str>,
    #[pyo3(get)]
    forward: Py<PyBytes>,
    #[pyo3(get)]
    halted: bool,
    #[pyo3(get)]
    ended: bool,
    #[pyo3(get)]
    tick_at_ns: Option<i64>,
    events: Seen,
    #[pyo3(get)]
    findings: Vec<Finding>,
    #[pyo3(get)]
    held: Vec<Held>,
}

/// The events of a decision. Python's are made where they are asked for, since making them costs more than reading.
enum Seen {
    Made(Vec<Py<Event>>),
    Read(stream::Events, Arc<Vec<String>>),
}

/// The fields of a decision in the order of its attributes.
type State<'py> = (String, bool, Bound<'py, PyBytes>, Vec<Py<Event>>, Vec<Finding>, Vec<Held>, bool, Option<i64>);

impl Decision {
    fn state<'py>(&self, py: Python<'py>) -> PyResult<State<'py>> {
        let (action, forward) = (self.action.to_string(), self.forward.bind(py).clone());
        Ok((
            action,
            self.halted,
            forward,
            self.events(py)?,
            self.findings.clone(),
            self.held.clone(),
            self.ended,
            self.tick_at_ns,
        ))
    }
}

#[pymethods]
impl Decision {
    #[getter]
    fn events(&self, py: Python<'_>) -> PyResult<Vec<Py<Event>>> {
        let (events, channels) = match &self.events {
            Seen::Made(events) => return Ok(events.iter().map(|event| event.clone_ref(py)).collect()),
            Seen::Read(events, channels) => (events, channels),
        };
        let channel = |event: &stream::Event| event.channel.and_then(|index| channels.get(index.0 as usize));
        events.iter().map(|event| Py::new(py, Event::new(py, event, events, channel(event))?)).collect()
    }

    #[classmethod]
    #[pyo3(signature = (state: "tuple[object, ...]"))]
    fn _restored(_cls: &Bound<'_, PyType>, state: State<'_>) -> Self {
        let (action, halted, forward, events, findings, held, ended, tick_at_ns) = state;
        let (forward, events) = (forward.unbind(), Seen::Made(events));
        Self { action: action.into(), halted, forward, ended, tick_at_ns, events, findings, held }
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Restored<'py>> {
        let state = slf.get().state(slf.py())?.into_pyobject(slf.py())?;
        Ok((slf.get_type().getattr("_restored")?, (state.into_any(),)))
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        self.state(py)?.into_pyobject(py)?.eq(other.state(py)?)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let forward = self.forward.bind(py).len()?;
        let events = match &self.events {
            Seen::Made(events) => events.len(),
            Seen::Read(events, _) => events.len(),
        };
        let findings = self.findings.len();
        Ok(format!("Decision({:?}, forward={forward} bytes, events={events}, findings={findings})", self.action))
    }
}

/// A decision's contents, independent of the guard.
pub(super) struct Taken {
    action: &'static str,
    halted: bool,
    /// `None` for the very chunk.
    forward: Option<Vec<u8>>,
    pub(super) events: stream::Events,
    pub(super) new_channels: Vec<String>,
    findings: Vec<Finding>,
    held: Vec<Held>,
    pub(super) ended: bool,
    pub(super) tick_at_ns: Option<i64>,
}

impl Taken {
    /// `known` channels have their names already.
    pub(super) fn of(decision: &stream::Decision<'_>, known: usize) -> Self {
        Self {
            action: decision.action.name(),
            halted: decision.halted,
            forward: match decision.forward {
                stream::Forward::Bytes(bytes) => Some(bytes.to_vec()),
                stream::Forward::Nothing => Some(Vec::new()),
                stream::Forward::Same => None,
            },
            events: decision.events.clone(),
            new_channels: decision.channels.iter().skip(known).map(|(_, channel)| channel.id.clone()).collect(),
            findings: decision.findings.iter().map(Finding::from).collect(),
            held: decision.held.iter().map(Held::from).collect(),
            ended: decision.ended,
            tick_at_ns: decision.tick_at.map(Timestamp::as_nanos),
        }
    }

    /// The same for text that was pushed: what passes is told.
    pub(super) fn of_text(decision: &stream::Decision<'_>, known: usize, text: &str) -> Self {
        let taken = Self::of(decision, known);
        Self { forward: Some(taken.forward.unwrap_or_else(|| text.into())), ..taken }
    }

    pub(super) fn into_decision(
        self,
        py: Python<'_>,
        chunk: Option<&Bound<'_, PyBytes>>,
        channels: Arc<Vec<String>>,
    ) -> Decision {
        let forward = match (&self.forward, chunk) {
            (None, Some(chunk)) => chunk.clone(),
            (forward, _) => PyBytes::new(py, forward.as_deref().unwrap_or_default()),
        };
        Decision {
            action: self.action.into(),
            halted: self.halted,
            forward: forward.unbind(),
            ended: self.ended,
            tick_at_ns: self.tick_at_ns,
            events: Seen::Read(self.events, channels),
            findings: self.findings,
            held: self.held,
        }
    }
}
