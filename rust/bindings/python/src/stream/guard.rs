use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use midstream_series::Timestamp;
use midstream_stream as stream;
use midstream_worker::{Clock, SystemClock};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyBytes;

use super::classes::{Event, Finding};
use super::summary::Summary;
use crate::errors::{BindingError, InputError};
use crate::gate;

/// Measured cost of analysing a byte, for the gate: raw SSE of a chat stream with all checks.
const NS_PER_BYTE: u64 = 10;

static CLOCK: LazyLock<SystemClock> = LazyLock::new(SystemClock::start);

/// The time that a call without ``now_ns`` takes: nanoseconds of a monotonic clock.
#[pyfunction]
pub(crate) fn now_ns() -> i64 {
    CLOCK.now().as_nanos()
}

fn moment(now_ns: Option<i64>) -> Timestamp {
    now_ns.map_or_else(|| CLOCK.now(), Timestamp::from_nanos)
}

/// Settings, checked once and shared by any number of guards.
#[pyclass(frozen, module = "midstream._rust.stream", skip_from_py_object)]
pub(crate) struct CompiledSettings(stream::Settings);

#[pymethods]
impl CompiledSettings {
    #[new]
    fn new(json: &str) -> Result<Self, BindingError> {
        Ok(Self(stream::Settings::from_json(json)?))
    }
}

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
/// tick_at_ns : int or None
///     When ``tick`` is next needed.
#[pyclass(frozen, module = "midstream.stream", skip_from_py_object)]
pub(crate) struct Decision {
    #[pyo3(get)]
    action: &'static str,
    #[pyo3(get)]
    forward: Py<PyBytes>,
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

struct State {
    guard: stream::Guard,
    channels: Arc<Vec<String>>,
    /// The answer so far, where the caller wants it kept.
    text: Option<String>,
}

/// Watches one stream: bytes in, the same bytes out, with events, findings and a decision per chunk.
///
/// Bytes are never changed, dropped or delayed until a decision stops the stream. Events and findings do not depend on
/// how the stream is cut into chunks. A guard serves one stream; use from several threads is serialised.
///
/// Parameters
/// ----------
/// settings : Settings, optional
///     What the checks look for; the default settings where left out.
/// dialect, framing : str
///     The provider's format and how its body is cut; ``auto`` tells them from the content type and the first bytes.
/// content_type : str, optional
///     The HTTP header's value.
/// http_status : int, optional
///     From 400 on the stream has failed.
/// started_ns : int, optional
///     When the request was sent; without it there is no time to first byte.
/// keep_text : bool
///     Keep the answer's text, for `text`. Memory then grows with it.
///
/// Raises
/// ------
/// InputError
///     For an unknown dialect or framing, naming the nearest.
/// StateError
///     From every method after `finish`.
///
/// Examples
/// --------
/// >>> from midstream.stream import Guard
/// >>> guard = Guard()
/// >>> chunk = b'data: {"object":"chat.completion.chunk","choices":[{"delta":{"content":"Hi"}}]}\n\n'
/// >>> guard.feed(chunk).forward is chunk
/// True
/// >>> decision, summary = guard.finish()
/// >>> summary.ending
/// 'truncated'
#[pyclass(frozen, module = "midstream.stream")]
pub(crate) struct Guard(Mutex<State>);

impl Guard {
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, State> {
        self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one call of the guard through the gate and takes its decision over.
    fn call(
        &self,
        py: Python<'_>,
        bytes: usize,
        chunk: Option<&Bound<'_, PyBytes>>,
        work: impl FnOnce(&mut stream::Guard, usize) -> Result<Taken, stream::Error> + Send,
    ) -> PyResult<Decision> {
        let mut locked = self.lock(py);
        let State { guard, channels, text } = &mut *locked;
        let taken = gate::compute(py, bytes as u64 * NS_PER_BYTE, |_| work(guard, channels.len()))?;
        taken.keep_text(text.as_mut());
        if !taken.new_channels.is_empty() {
            Arc::make_mut(channels).extend_from_slice(&taken.new_channels);
        }
        let channels = Arc::clone(channels);
        drop(locked);
        Ok(taken.into_decision(py, chunk, channels))
    }
}

/// A decision's contents, independent of the guard.
struct Taken {
    action: &'static str,
    /// `None` for the very chunk.
    forward: Option<Vec<u8>>,
    events: stream::Events,
    new_channels: Vec<String>,
    findings: Vec<stream::Finding>,
    tick_at_ns: Option<i64>,
}

impl Taken {
    /// `known` channels have their names already.
    fn of(decision: &stream::Decision<'_>, known: usize) -> Self {
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
            tick_at_ns: decision.tick_at.map(Timestamp::as_nanos),
        }
    }

    fn keep_text(&self, text: Option<&mut String>) {
        let Some(text) = text else { return };
        for event in &self.events {
            if let stream::EventKind::Text { text: fragment } = event.kind {
                text.push_str(self.events.text(fragment));
            }
        }
    }

    fn into_decision(self, py: Python<'_>, chunk: Option<&Bound<'_, PyBytes>>, channels: Arc<Vec<String>>) -> Decision {
        let forward = match (&self.forward, chunk) {
            (None, Some(chunk)) => chunk.clone(),
            (forward, _) => PyBytes::new(py, forward.as_deref().unwrap_or_default()),
        };
        Decision {
            action: self.action,
            forward: forward.unbind(),
            tick_at_ns: self.tick_at_ns,
            events: self.events,
            channels,
            findings: self.findings,
        }
    }
}

#[pymethods]
impl Guard {
    #[new]
    #[pyo3(signature = (
        settings: "midstream.stream.Settings | None" = None, *, dialect = "auto", framing = "auto", content_type = None,
        http_status = None, started_ns = None, keep_text = false
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword-only options of one constructor")]
    fn new(
        settings: Option<&Bound<'_, PyAny>>,
        dialect: &str,
        framing: &str,
        content_type: Option<String>,
        http_status: Option<u16>,
        started_ns: Option<i64>,
        keep_text: bool,
    ) -> PyResult<Self> {
        let options = stream::Options {
            dialect: stream::Dialect::from_name(dialect).map_err(BindingError::from)?,
            framing: stream::Framing::from_name(framing).map_err(BindingError::from)?,
            content_type,
            http_status,
            started: started_ns.map(Timestamp::from_nanos),
            settings: settings.map(compiled).transpose()?.unwrap_or_default(),
        };
        let guard = stream::Guard::new(options).map_err(BindingError::from)?;
        let text = keep_text.then(String::new);
        Ok(Self(Mutex::new(State { guard, channels: Arc::default(), text })))
    }

    /// Reads the next bytes of the stream.
    ///
    /// Parameters
    /// ----------
    /// chunk : bytes
    ///     Any piece of the body; an empty one does nothing.
    /// now_ns : int, optional
    ///     When it arrived, in nanoseconds from an origin of your choice; the clock's time where left out.
    ///
    /// Returns
    /// -------
    /// Decision
    #[pyo3(signature = (chunk, now_ns = None))]
    fn feed(&self, py: Python<'_>, chunk: &Bound<'_, PyBytes>, now_ns: Option<i64>) -> PyResult<Decision> {
        let now = moment(now_ns);
        let bytes = chunk.as_bytes();
        self.call(py, bytes.len(), Some(chunk), |guard, known| {
            guard.feed(bytes, now).map(|decision| Taken::of(&decision, known))
        })
    }

    /// Reads text that you have and not bytes, in a channel of its own.
    ///
    /// Parameters
    /// ----------
    /// text : str
    /// channel : str
    ///     text, reasoning, refusal or tool.
    /// now_ns : int, optional
    ///
    /// Returns
    /// -------
    /// Decision
    #[pyo3(signature = (text, *, channel = "text", now_ns = None))]
    fn push(&self, py: Python<'_>, text: &str, channel: &str, now_ns: Option<i64>) -> PyResult<Decision> {
        let (now, kind) = (moment(now_ns), stream::ChannelKind::from_name(channel).map_err(BindingError::from)?);
        self.call(py, text.len(), None, |guard, known| {
            guard.push_text(kind, text, now).map(|decision| Taken::of(&decision, known))
        })
    }

    /// Reads one event of the provider that you have as JSON text and not as bytes.
    ///
    /// Parameters
    /// ----------
    /// json : str
    /// now_ns : int, optional
    ///
    /// Returns
    /// -------
    /// Decision
    #[pyo3(signature = (json, *, now_ns = None))]
    fn push_json(&self, py: Python<'_>, json: &str, now_ns: Option<i64>) -> PyResult<Decision> {
        let now = moment(now_ns);
        self.call(py, json.len(), None, |guard, known| {
            guard.push_json(json, now).map(|decision| Taken::of(&decision, known))
        })
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
    #[pyo3(signature = (now_ns = None))]
    fn tick(&self, py: Python<'_>, now_ns: Option<i64>) -> PyResult<Decision> {
        let now = moment(now_ns);
        self.call(py, 0, None, |guard, known| guard.tick(now).map(|decision| Taken::of(&decision, known)))
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
    #[pyo3(signature = (how = "clean", now_ns = None))]
    fn finish(&self, py: Python<'_>, how: &str, now_ns: Option<i64>) -> PyResult<(Decision, Summary)> {
        let (now, close) = (moment(now_ns), stream::Close::from_name(how).map_err(BindingError::from)?);
        let mut ended = None;
        let decision = self.call(py, 0, None, |guard, known| {
            let (decision, summary) = guard.finish(close, now)?;
            ended = Some(summary);
            Ok(Taken::of(&decision, known))
        })?;
        let summary = ended.ok_or_else(|| InputError::new_err("no summary"))?;
        Ok((decision, summary.into()))
    }

    /// The answer's text so far, over all its channels in the order it came; ``None`` unless ``keep_text`` is set.
    #[getter]
    fn text(&self, py: Python<'_>) -> Option<String> {
        self.lock(py).text.clone()
    }
}

fn compiled(settings: &Bound<'_, PyAny>) -> PyResult<stream::Settings> {
    let wrong = || InputError::new_err(format!("settings is {settings}, allowed is a midstream.stream.Settings"));
    let compiled = settings.getattr("_compiled").map_err(|_| wrong())?;
    Ok(compiled.cast::<CompiledSettings>().map_err(|_| wrong())?.get().0.clone())
}

/// Characters given to the checks between two questions whether to go on.
const PIECE: usize = 1 << 16;

/// Checks finished text and sums it up.
#[pyfunction]
#[pyo3(signature = (text, settings: "midstream.stream.Settings | None" = None))]
pub(crate) fn check_text(py: Python<'_>, text: &str, settings: Option<&Bound<'_, PyAny>>) -> PyResult<Summary> {
    let settings = settings.map(compiled).transpose()?.unwrap_or_default();
    let summary = gate::compute(py, text.len() as u64 * NS_PER_BYTE, |keep_going| {
        let (mut checks, now) = (stream::Checks::new(settings, None)?, Timestamp::default());
        let mut rest = text;
        while !rest.is_empty() && keep_going() {
            let (piece, behind) = rest.split_at(rest.ceil_char_boundary(PIECE.min(rest.len())));
            checks.push_text(stream::ChannelKind::Text, piece, now)?;
            rest = behind;
        }
        checks.finish(stream::Close::Clean, now).map(|(_, summary)| summary)
    })?;
    Ok(summary.into())
}
