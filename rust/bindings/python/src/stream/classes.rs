use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// One thing that happened in a stream, in the same terms for every provider.
///
/// Attributes
/// ----------
/// kind : str
///     audio, citation, end, error, finish, other, ping, reasoning, refusal, server_tool, start, text, tool_args,
///     tool_end, tool_start or usage.
/// sequence : int
///     Counts the stream's events from 0.
/// channel : str or None
///     Id of the channel it belongs to, for example ``choice:0/text``.
/// at_ns : int
///     When its last byte arrived.
/// span : tuple of int
///     The bytes of the raw stream it was read from, first and behind the last.
/// text : str or None
///     The decoded fragment of text, reasoning, refusal or tool arguments.
/// fields : dict
///     Everything else the kind has, for example ``reason`` and ``raw`` of ``finish``.
#[pyclass(frozen, module = "midstream.stream")]
pub(crate) struct Event {
    #[pyo3(get)]
    kind: &'static str,
    #[pyo3(get)]
    sequence: u64,
    #[pyo3(get)]
    channel: Option<String>,
    #[pyo3(get)]
    at_ns: i64,
    #[pyo3(get)]
    span: (u64, u64),
    #[pyo3(get)]
    text: Option<String>,
    #[pyo3(get)]
    fields: Py<PyDict>,
}

impl Event {
    pub(crate) fn new(
        py: Python<'_>,
        event: &stream::Event,
        events: &stream::Events,
        channel: Option<&String>,
    ) -> PyResult<Self> {
        Ok(Self {
            kind: event.kind.name(),
            sequence: event.sequence,
            channel: channel.cloned(),
            at_ns: event.at.as_nanos(),
            span: (event.bytes.start, event.bytes.end),
            text: event.kind.checked_text().map(|text| events.text(text).to_owned()),
            fields: fields(py, &event.kind, events)?.unbind(),
        })
    }
}

#[pymethods]
impl Event {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut parts = vec![format!("Event({:?}", self.kind)];
        if let Some(channel) = &self.channel {
            parts.push(format!("channel={channel:?}"));
        }
        if let Some(text) = &self.text {
            parts.push(format!("text={}", text.into_pyobject(py)?.repr()?));
        }
        for (name, value) in self.fields.bind(py) {
            parts.push(format!("{name}={}", value.repr()?));
        }
        Ok(parts.join(", ") + ")")
    }
}

fn fields<'py>(py: Python<'py>, kind: &stream::EventKind, events: &stream::Events) -> PyResult<Bound<'py, PyDict>> {
    use stream::EventKind as Kind;
    let fields = PyDict::new(py);
    let text = |name: &str, text: stream::Text| fields.set_item(name, events.text(text));
    match kind {
        Kind::Audio { bytes } => fields.set_item("bytes", bytes)?,
        Kind::Citation | Kind::Ping | Kind::Refusal { .. } | Kind::Text { .. } | Kind::ToolArgs { .. } => {}
        Kind::End { state } => fields.set_item("state", state.name())?,
        Kind::Error { code, message, retryable } => {
            text("code", *code)?;
            text("message", *message)?;
            fields.set_item("retryable", retryable)?;
        }
        Kind::Finish { choice, reason, raw } => {
            fields.set_item("choice", choice)?;
            fields.set_item("reason", reason.name())?;
            text("raw", *raw)?;
        }
        Kind::Other { name } | Kind::ServerTool { name } => text("name", *name)?,
        Kind::Reasoning { signed, .. } => fields.set_item("signed", signed)?,
        Kind::Start { id, model } => {
            text("id", *id)?;
            text("model", *model)?;
        }
        Kind::ToolEnd { valid_json } => fields.set_item("valid_json", valid_json)?,
        Kind::ToolStart { call, name } => {
            text("call", *call)?;
            text("name", *name)?;
        }
        Kind::Usage(usage) => fields.set_item("usage", Usage::from(*usage))?,
    }
    Ok(fields)
}

/// What a check found.
///
/// Attributes
/// ----------
/// check, kind : str
///     ``repeat`` and ``exact``, ``counter`` or ``near``; ``ending`` and the ending; ``pace`` and ``stall``.
/// action : str
///     What the settings ask for: observe, warn or stop.
/// channel : str or None
/// offset : int or None
///     Characters of the channel's text up to and including the one that fired.
/// onset : int or None
///     Where the first repeat begins, in characters.
/// period : int or None
///     Characters of one copy.
/// score : float
///     Strength of the evidence, in copies for loops.
/// evidence, explanation : str
///     At most 80 characters of what was seen, and one sentence for people.
#[pyclass(frozen, eq, module = "midstream.stream")]
#[derive(Clone, PartialEq)]
pub(crate) struct Finding(stream::Finding);

impl From<stream::Finding> for Finding {
    fn from(finding: stream::Finding) -> Self {
        Self(finding)
    }
}

#[pymethods]
impl Finding {
    #[getter]
    fn check(&self) -> &str {
        self.0.check
    }

    #[getter]
    fn kind(&self) -> &str {
        self.0.kind
    }

    #[getter]
    fn action(&self) -> &str {
        self.0.action.name()
    }

    #[getter]
    fn channel(&self) -> Option<&str> {
        self.0.channel.as_deref()
    }

    #[getter]
    fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    #[getter]
    fn onset(&self) -> Option<u64> {
        self.0.onset
    }

    #[getter]
    fn period(&self) -> Option<u64> {
        self.0.period
    }

    #[getter]
    fn score(&self) -> f64 {
        self.0.score
    }

    #[getter]
    fn evidence(&self) -> &str {
        &self.0.evidence
    }

    #[getter]
    fn explanation(&self) -> &str {
        &self.0.explanation
    }

    fn __repr__(&self) -> String {
        let stream::Finding { check, kind, action, explanation, .. } = &self.0;
        format!("Finding({check}/{kind}, {}: {explanation})", action.name())
    }
}

/// One channel after the end: its id, what it carried, how many characters (bytes for audio).
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq)]
pub(crate) struct Channel {
    id: String,
    kind: &'static str,
    characters: u64,
}

impl From<&stream::ChannelSummary> for Channel {
    fn from(channel: &stream::ChannelSummary) -> Self {
        Self { id: channel.id.clone(), kind: channel.kind, characters: channel.characters }
    }
}

#[pymethods]
impl Channel {
    fn __repr__(&self) -> String {
        format!("Channel({:?}, characters={})", self.id, self.characters)
    }
}

/// A tool call as far as it was seen. Arguments of a call that is not complete must not be executed.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq)]
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
    fn __repr__(&self) -> String {
        let complete = if self.complete { "" } else { ", complete=False" };
        format!("ToolCall({:?}, name={:?}{complete})", self.id, self.name)
    }
}

/// Token counts; ``None`` is unknown, never zero. ``source`` is reported, estimated or unknown.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq)]
pub(crate) struct Usage {
    input: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    source: &'static str,
}

impl From<stream::Usage> for Usage {
    fn from(usage: stream::Usage) -> Self {
        let stream::Usage { input, output, reasoning, cache_read, cache_write, source } = usage;
        Self { input, output, reasoning, cache_read, cache_write, source: source.name() }
    }
}

#[pymethods]
impl Usage {
    fn __repr__(&self) -> String {
        let known = |count: Option<u64>| count.map_or("None".to_owned(), |count| count.to_string());
        format!("Usage(input={}, output={}, source={:?})", known(self.input), known(self.output), self.source)
    }
}

/// Times of one stream in seconds; ``None`` is unknown.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq)]
pub(crate) struct PaceSummary {
    first_byte_s: Option<f64>,
    first_event_s: Option<f64>,
    first_text_s: Option<f64>,
    gap_p50_s: Option<f64>,
    gap_p99_s: Option<f64>,
    longest_gap_s: Option<f64>,
    stalls: u64,
    tokens_per_s: Option<f64>,
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
