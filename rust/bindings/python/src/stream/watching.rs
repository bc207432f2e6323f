use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use midstream_series::Timestamp;
use midstream_stream as stream;
use midstream_worker::{Clock, SystemClock};
use pyo3::prelude::*;
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::{PyBytes, PyType};

use super::decision::{Decision, Taken};
use super::held::Held;
use super::item::Item;
use super::json;
use super::summary::Summary;
use crate::errors::{BindingError, InputError};
use crate::gate;

/// Measured cost of analysing a byte, for the gate: raw SSE of a chat stream with all checks.
pub(super) const NS_PER_BYTE: u64 = 10;

static SNAPSHOT: PyOnceLock<Py<PyType>> = PyOnceLock::new();

static CLOCK: LazyLock<SystemClock> = LazyLock::new(SystemClock::start);

/// The time that a call without ``now_ns`` takes: nanoseconds of a monotonic clock.
#[pyfunction]
pub(crate) fn now_ns() -> i64 {
    CLOCK.now().as_nanos()
}

pub(super) fn moment(now_ns: Option<i64>) -> Timestamp {
    now_ns.map_or_else(|| CLOCK.now(), Timestamp::from_nanos)
}

/// One stream's guard behind a lock; what `Guard` and `Checks` share.
pub(super) struct Watching(Mutex<State>);

pub(super) struct State {
    pub(super) guard: stream::Guard,
    pub(super) channels: Arc<Vec<String>>,
    /// The answer so far, where the caller wants it kept.
    pub(super) texts: Option<Texts>,
    /// The last call read the end mark or an error of the provider.
    pub(super) whole: bool,
    /// The last item was text.
    pub(super) of_text: bool,
    /// The reader waits for the next item.
    pub(super) awaits: bool,
}

impl State {
    fn new(guard: stream::Guard, texts: Option<Texts>, whole: bool) -> Self {
        Self { guard, channels: Arc::default(), texts, whole, of_text: false, awaits: false }
    }
}

/// What the model wrote, all channels of a kind together.
#[derive(Default)]
pub(super) struct Texts {
    text: String,
    reasoning: String,
}

impl Texts {
    pub(super) fn take(&mut self, events: &stream::Events) {
        for event in events {
            match event.kind {
                stream::EventKind::Reasoning { text, .. } => self.reasoning.push_str(events.text(text)),
                stream::EventKind::Text { text } => self.text.push_str(events.text(text)),
                _ => {}
            }
        }
    }
}

impl Watching {
    pub(super) fn new(options: stream::Options, keep_text: bool) -> Result<Self, BindingError> {
        let (guard, texts) = (stream::Guard::new(options)?, keep_text.then(Texts::default));
        Ok(Self(Mutex::new(State::new(guard, texts, false))))
    }

    /// The state as bytes, with the text that is kept.
    pub(super) fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let State { guard, texts, whole, .. } = &*self.lock(py);
        let texts = texts.as_ref().map(|Texts { text, reasoning }| (text, reasoning));
        let bytes = guard.snapshot(json::write(&(texts, *whole))?.as_bytes()).map_err(BindingError::from)?;
        SNAPSHOT.import(py, "midstream.stream.snapshot", "Snapshot")?.call1((PyBytes::new(py, &bytes),))
    }

    /// What `snapshot` wrote, where `now` is the time of the call before it.
    pub(super) fn restore(bytes: &[u8], options: stream::Options, now: Option<Timestamp>) -> PyResult<Self> {
        let (guard, beside) = stream::Guard::restore(bytes, options, now).map_err(BindingError::from)?;
        let (texts, whole): (Option<(String, String)>, bool) =
            json::read("Guard", str::from_utf8(&beside).unwrap_or_default())?;
        let texts = texts.map(|(text, reasoning)| Texts { text, reasoning });
        Ok(Self(Mutex::new(State::new(guard, texts, whole))))
    }

    pub(super) fn lock(&self, py: Python<'_>) -> MutexGuard<'_, State> {
        self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn redacts(&self, py: Python<'_>) -> bool {
        self.lock(py).guard.redacts()
    }

    /// The provider's format and the framing, as far as they are known.
    pub(super) fn format(&self, py: Python<'_>) -> (&'static str, &'static str) {
        let locked = self.lock(py);
        (locked.guard.dialect(), locked.guard.framing())
    }

    pub(super) fn redacted(&self, py: Python<'_>) -> (u64, u64, u64) {
        self.lock(py).guard.redacted()
    }

    pub(super) fn text(&self, py: Python<'_>) -> Option<String> {
        self.kept(py, stream::ChannelKind::Text)
    }

    pub(super) fn reasoning(&self, py: Python<'_>) -> Option<String> {
        self.kept(py, stream::ChannelKind::Reasoning)
    }

    /// What is kept of a kind; of one that is held, what was let pass.
    fn kept(&self, py: Python<'_>, kind: stream::ChannelKind) -> Option<String> {
        let locked = self.lock(py);
        let texts = locked.texts.as_ref()?;
        let kept = if kind == stream::ChannelKind::Reasoning { &texts.reasoning } else { &texts.text };
        Some(locked.guard.passed_text(kind).unwrap_or(kept).to_owned())
    }

    pub(super) fn holds(&self, py: Python<'_>) -> bool {
        self.lock(py).guard.holds()
    }

    /// The texts that wait for their verdict.
    pub(super) fn waiting(&self, py: Python<'_>) -> Vec<Held> {
        self.lock(py).guard.waiting().map(Held::from).collect()
    }

    pub(super) fn held_bytes(&self, py: Python<'_>) -> usize {
        self.lock(py).guard.held_bytes()
    }

    /// Takes a verdict; without a reason the text passes.
    pub(super) fn judge(
        &self,
        py: Python<'_>,
        id: u64,
        refused: Option<&str>,
        now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        let now = moment(now_ns);
        self.call(py, 0, None, |guard, known| {
            let decision = match refused {
                Some(reason) => guard.refuse(id, reason, now),
                None => guard.release(id, now),
            };
            decision.map(|decision| Taken::of(&decision, known))
        })
    }

    pub(super) fn ask_rest(&self, py: Python<'_>, now_ns: Option<i64>) -> PyResult<Decision> {
        let now = moment(now_ns);
        self.call(py, 0, None, |guard, known| guard.ask_rest(now).map(|decision| Taken::of(&decision, known)))
    }

    /// Keeps the answer's text from here on, and what an end of the stream needs.
    pub(super) fn claim(&self, py: Python<'_>, end: stream::End) {
        let mut locked = self.lock(py);
        locked.texts.get_or_insert_default();
        if end != stream::End::None {
            locked.guard.end_with(end);
        }
    }

    /// Runs one call of the guard through the gate and takes its decision over.
    pub(super) fn call(
        &self,
        py: Python<'_>,
        bytes: usize,
        chunk: Option<&Bound<'_, PyBytes>>,
        work: impl FnOnce(&mut stream::Guard, usize) -> Result<Taken, stream::Error> + Send,
    ) -> PyResult<Decision> {
        let mut locked = self.lock(py);
        let State { guard, channels, texts, whole, .. } = &mut *locked;
        let taken = gate::compute(py, bytes as u64 * NS_PER_BYTE, |_| work(guard, channels.len()))?;
        texts.iter_mut().for_each(|texts| texts.take(&taken.events));
        *whole = taken.ended || any_error(&taken.events);
        if !taken.new_channels.is_empty() {
            Arc::make_mut(channels).extend_from_slice(&taken.new_channels);
        }
        let channels = Arc::clone(channels);
        drop(locked);
        Ok(taken.into_decision(py, chunk, channels))
    }

    /// The reader is about to wait.
    pub(super) fn wait(&self, py: Python<'_>, now: Timestamp) {
        let mut locked = self.lock(py);
        locked.guard.wait(now);
        locked.awaits = true;
    }

    pub(super) fn awaits(&self, py: Python<'_>) -> bool {
        self.lock(py).awaits
    }

    pub(super) fn of_text(&self, py: Python<'_>) -> bool {
        self.lock(py).of_text
    }

    pub(super) fn tick_at_ns(&self, py: Python<'_>) -> Option<i64> {
        self.lock(py).guard.tick_at().map(Timestamp::as_nanos)
    }

    pub(super) fn whole(&self, py: Python<'_>) -> bool {
        self.lock(py).whole
    }

    pub(super) fn push(&self, event: &Bound<'_, PyAny>, channel: &str, now_ns: Option<i64>) -> PyResult<Decision> {
        let kind = stream::ChannelKind::from_name(channel).map_err(BindingError::from)?;
        let (now, item) = (moment(now_ns), Item::of(event)?);
        self.call(event.py(), item.len(), None, |guard, known| match &item {
            Item::Json(json) => guard.push_json(json, now).map(|decision| Taken::of(&decision, known)),
            Item::Text(text) => guard.push_text(kind, text, now).map(|decision| Taken::of_text(&decision, known, text)),
        })
    }

    pub(super) fn tick(&self, py: Python<'_>, now_ns: Option<i64>) -> PyResult<Decision> {
        let now = moment(now_ns);
        self.call(py, 0, None, |guard, known| guard.tick(now).map(|decision| Taken::of(&decision, known)))
    }

    pub(super) fn resume(&self, py: Python<'_>, now_ns: Option<i64>) -> PyResult<Decision> {
        let now = moment(now_ns);
        self.call(py, 0, None, |guard, known| guard.resume(now).map(|decision| Taken::of(&decision, known)))
    }

    pub(super) fn finish(&self, py: Python<'_>, how: &str, now_ns: Option<i64>) -> PyResult<(Decision, Summary)> {
        let (now, close) = (moment(now_ns), stream::Close::from_name(how).map_err(BindingError::from)?);
        let mut ended = None;
        self.lock(py).awaits = false;
        let decision = self.call(py, 0, None, |guard, known| {
            let (decision, summary) = guard.finish(close, now)?;
            let taken = Taken::of(&decision, known);
            ended = Some(Summary::of_guard(summary, guard.course()));
            Ok(taken)
        })?;
        let summary = ended.ok_or_else(|| InputError::new_err("no summary"))?;
        Ok((decision, summary))
    }
}

pub(super) fn any_error(events: &stream::Events) -> bool {
    events.iter().any(|event| matches!(event.kind, stream::EventKind::Error { .. }))
}
