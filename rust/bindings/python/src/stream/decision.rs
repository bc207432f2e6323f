use std::sync::Arc;

use midstream_series::Timestamp;
use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::classes::{Event, Finding};

/// What a call found and asks for.
///
/// Attributes
/// ----------
/// action : str
///     pass, observe, warn or stop: the strongest that was asked for.
/// forward : bytes
///     What to pass on: the very object that was fed, other bytes, or ``b""``.
/// events : list of Event
/// findings : list of Finding
/// ended : bool
///     The end mark of the transport was read: nothing more is expected.
/// tick_at_ns : int or None
///     When ``tick`` is next needed.
#[pyclass(frozen, module = "midstream.stream")]
pub(crate) struct Decision {
    #[pyo3(get)]
    action: &'static str,
    #[pyo3(get)]
    forward: Py<PyBytes>,
    #[pyo3(get)]
    ended: bool,
    #[pyo3(get)]
    tick_at_ns: Option<i64>,
    events: stream::Events,
    channels: Arc<Vec<String>>,
    findings: Vec<stream::Finding>,
}

#[pymethods]
impl Decision {
    #[getter]
    fn events(&self, py: Python<'_>) -> PyResult<Vec<Event>> {
        let channel = |event: &stream::Event| event.channel.and_then(|index| self.channels.get(index.0 as usize));
        self.events.iter().map(|event| Event::new(py, event, &self.events, channel(event))).collect()
    }

    #[getter]
    fn findings(&self) -> Vec<Finding> {
        self.findings.iter().cloned().map(Finding::from).collect()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let forward = self.forward.bind(py).len()?;
        let (events, findings) = (self.events.len(), self.findings.len());
        Ok(format!("Decision({:?}, forward={forward} bytes, events={events}, findings={findings})", self.action))
    }
}

/// A decision's contents, independent of the guard.
pub(super) struct Taken {
    action: &'static str,
    /// `None` for the very chunk.
    forward: Option<Vec<u8>>,
    pub(super) events: stream::Events,
    pub(super) new_channels: Vec<String>,
    findings: Vec<stream::Finding>,
    pub(super) ended: bool,
    pub(super) tick_at_ns: Option<i64>,
}

impl Taken {
    /// `known` channels have their names already.
    pub(super) fn of(decision: &stream::Decision<'_>, known: usize) -> Self {
        Self {
            action: decision.action.name(),
            forward: match decision.forward {
                stream::Forward::Bytes(bytes) => Some(bytes.to_vec()),
                stream::Forward::Nothing => Some(Vec::new()),
                stream::Forward::Same => None,
            },
            events: decision.events.clone(),
            new_channels: decision.channels.iter().skip(known).map(|(_, channel)| channel.id.clone()).collect(),
            findings: decision.findings.to_vec(),
            ended: decision.ended,
            tick_at_ns: decision.tick_at.map(Timestamp::as_nanos),
        }
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
            action: self.action,
            forward: forward.unbind(),
            ended: self.ended,
            tick_at_ns: self.tick_at_ns,
            events: self.events,
            channels,
            findings: self.findings,
        }
    }
}
