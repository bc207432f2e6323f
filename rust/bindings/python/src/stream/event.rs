use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::parts::Usage;

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
    kind: String,
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
            kind: event.kind.name().to_owned(),
            sequence: event.sequence,
            channel: channel.cloned(),
            at_ns: event.at.as_nanos(),
            span: (event.bytes.start, event.bytes.end),
            text: event.kind.checked_text().map(|text| events.text(text).to_owned()),
            fields: fields(py, &event.kind, events)?.unbind(),
        })
    }
}

/// What pickle and copy call, and with what.
pub(super) type Restored<'py> = (Bound<'py, PyAny>, (Bound<'py, PyAny>,));

/// The fields of an event in the order of its attributes.
type State = (String, u64, Option<String>, i64, (u64, u64), Option<String>, Py<PyDict>);

impl Event {
    fn state(&self, py: Python<'_>) -> State {
        let (kind, channel, text) = (self.kind.clone(), self.channel.clone(), self.text.clone());
        (kind, self.sequence, channel, self.at_ns, self.span, text, self.fields.clone_ref(py))
    }
}

#[pymethods]
impl Event {
    #[classmethod]
    #[pyo3(signature = (state: "tuple[object, ...]"))]
    fn _restored(_cls: &Bound<'_, PyType>, state: State) -> Self {
        let (kind, sequence, channel, at_ns, span, text, fields) = state;
        Self { kind, sequence, channel, at_ns, span, text, fields }
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Restored<'py>> {
        let state = slf.get().state(slf.py()).into_pyobject(slf.py())?;
        Ok((slf.get_type().getattr("_restored")?, (state.into_any(),)))
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        let plain = |event: &Self| (event.sequence, event.at_ns, event.span);
        let words = |event: &Self| (event.kind.clone(), event.channel.clone(), event.text.clone());
        Ok(plain(self) == plain(other) && words(self) == words(other) && self.fields.bind(py).eq(&other.fields)?)
    }

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
