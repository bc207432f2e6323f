use std::sync::atomic::AtomicBool;

use midstream_series::Timestamp;
use midstream_stream as stream;
use pyo3::prelude::*;

use super::arguments::{self, Words};
use super::decision::{Decision, Taken};
use super::held::Held;
use super::settings::compiled;
use super::summary::Summary;
use super::watching::{Watching, moment};
use crate::errors::BindingError;

mod watched;

/// Watches one stream: bytes in, the same bytes out, with events, findings and a decision per chunk.
///
/// Bytes are never changed, dropped or delayed until a decision stops the stream; where the settings have rules of
/// redaction they pass as whole events with their secrets replaced, and where they hold text, once `release` lets it
/// pass. Events and findings do not depend on how the stream is cut into chunks. A guard serves one stream; use from
/// several threads is serialised.
///
/// Parameters
/// ----------
/// settings : Settings or path of a guard file, optional
///     What the checks look for; the default settings where left out.
/// dialect, framing : str
///     The provider's format and how its body is cut; ``auto`` tells them from the content type and the first bytes.
/// content_type : str, optional
///     The HTTP header's value.
/// http_status : int, optional
///     From 400 on the stream has failed.
/// started_ns : int, optional
///     When the request was sent; without it there is no time to first byte.
/// end : {"none", "error", "finish"}
///     How a stream that a decision stopped ends for its consumer: ``finish("stopped")`` then gives nothing, the error of
///     the format, or the end of an answer that has reached its length.
/// keep_text : bool
///     Keep the answer's text and what the model thought, for `text` and `reasoning`. Memory then grows with them.
///
/// Raises
/// ------
/// InputError
///     For an unknown dialect, framing or end, naming the nearest.
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
pub(crate) struct Guard {
    watching: Watching,
    claimed: AtomicBool,
    stops_when_quiet: bool,
}

#[pymethods]
impl Guard {
    #[new]
    #[pyo3(signature = (
        settings: "midstream.stream.settings.SettingsOrFile | None" = None, *, dialect: "str" = Words("auto".to_owned()), framing: "str" = Words("auto".to_owned()),
        content_type: "str | None" = None, http_status: "int | None" = None, started_ns: "int | None" = None,
        end: "str" = Words("none".to_owned()), keep_text: "bool" = false
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword-only options of one constructor")]
    fn new(
        settings: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = arguments::dialect)] dialect: Words,
        #[pyo3(from_py_with = arguments::framing)] framing: Words,
        #[pyo3(from_py_with = arguments::content_type_if_any)] content_type: Option<Words>,
        #[pyo3(from_py_with = arguments::http_status)] http_status: Option<u16>,
        #[pyo3(from_py_with = arguments::started_ns)] started_ns: Option<i64>,
        #[pyo3(from_py_with = arguments::end)] end: Words,
        #[pyo3(from_py_with = arguments::keep_text)] keep_text: bool,
    ) -> PyResult<Self> {
        let options = stream::Options {
            dialect: stream::Dialect::from_name(&dialect.0).map_err(BindingError::from)?,
            framing: stream::Framing::from_name(&framing.0).map_err(BindingError::from)?,
            content_type: content_type.map(|given| given.0),
            http_status,
            started: started_ns.map(Timestamp::from_nanos),
            end: stream::End::from_name(&end.0).map_err(BindingError::from)?,
            ..compiled(settings)?
        };
        let (stops_when_quiet, claimed) = (options.settings.stops_when_quiet(), AtomicBool::new(false));
        Ok(Self { watching: Watching::new(options, keep_text)?, claimed, stops_when_quiet })
    }

    /// Reads the next bytes of the stream.
    ///
    /// Parameters
    /// ----------
    /// chunk : bytes, bytearray or memoryview
    ///     Any piece of the body; an empty one does nothing. Of another buffer than bytes a copy is passed on.
    /// now_ns : int, optional
    ///     When it arrived, in nanoseconds from an origin of your choice; the clock's time where left out.
    ///
    /// Returns
    /// -------
    /// Decision
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     For text and whatever else is no buffer.
    #[pyo3(signature = (chunk: "bytes | bytearray | memoryview", now_ns: "int | None" = None))]
    fn feed(
        &self,
        chunk: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        let (chunk, now) = (arguments::bytes(chunk)?, moment(now_ns));
        let bytes = chunk.as_bytes();
        self.watching.call(chunk.py(), bytes.len(), Some(&chunk), |guard, known| {
            guard.feed(bytes, now).map(|decision| Taken::of(&decision, known))
        })
    }

    /// Reads text, or an event of the provider, that you have and not bytes.
    ///
    /// Parameters
    /// ----------
    /// event : str, mapping or pydantic model
    ///     Text goes to a channel of its own; anything else is read as the provider's JSON.
    /// channel : str
    ///     Of text: text, reasoning, refusal or tool.
    /// now_ns : int, optional
    ///
    /// Returns
    /// -------
    /// Decision
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     For anything else.
    #[pyo3(signature = (event: "object", *, channel: "str" = Words("text".to_owned()), now_ns: "int | None" = None))]
    fn push(
        &self,
        event: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = arguments::channel)] channel: Words,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        self.watching.push(event, &channel.0, now_ns)
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
    #[pyo3(signature = (json: "str", *, now_ns: "int | None" = None))]
    fn push_json(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::json)] json: Words,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        let now = moment(now_ns);
        let json = json.0;
        self.watching.call(py, json.len(), None, |guard, known| {
            guard.push_json(&json, now).map(|decision| Taken::of(&decision, known))
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
    #[pyo3(signature = (now_ns: "int | None" = None))]
    fn tick(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        self.watching.tick(py, now_ns)
    }

    /// Says that you read on after a pause of your own, which is no stall: waiting counts from here.
    ///
    /// Parameters
    /// ----------
    /// now_ns : int, optional
    ///
    /// Returns
    /// -------
    /// Decision
    #[pyo3(signature = (now_ns: "int | None" = None))]
    fn resume(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        self.watching.resume(py, now_ns)
    }

    /// Lets a text pass that waits: your check has nothing against it.
    ///
    /// Parameters
    /// ----------
    /// id : int
    ///     Of a `Held` that a decision gave.
    /// now_ns : int, optional
    ///
    /// Returns
    /// -------
    /// Decision
    ///     With the bytes that pass now, in order; those of a later text may wait for an earlier one.
    ///
    /// Raises
    /// ------
    /// InputError
    ///     For the id of a text that does not wait.
    #[pyo3(signature = (id: "int", now_ns: "int | None" = None))]
    fn release(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::held_id)] id: u64,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        self.watching.judge(py, id, None, now_ns)
    }

    /// Refuses a text that waits: the stream is stopped, and nothing that waits passes any more.
    ///
    /// Parameters
    /// ----------
    /// id : int
    /// reason : str
    ///     For the finding; it should not hold the text itself.
    /// now_ns : int, optional
    ///
    /// Returns
    /// -------
    /// Decision
    ///
    /// Raises
    /// ------
    /// InputError
    ///     For the id of a text that does not wait.
    #[pyo3(signature = (id: "int", reason: "str" = Words(String::new()), now_ns: "int | None" = None))]
    fn refuse(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::held_id)] id: u64,
        #[pyo3(from_py_with = arguments::reason)] reason: Words,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        self.watching.judge(py, id, Some(&reason.0), now_ns)
    }

    /// Says that no more bytes come, where text is held: what is left of it is asked for before `finish`.
    ///
    /// Parameters
    /// ----------
    /// now_ns : int, optional
    ///
    /// Returns
    /// -------
    /// Decision
    #[pyo3(signature = (now_ns: "int | None" = None))]
    fn ask_rest(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Decision> {
        self.watching.ask_rest(py, now_ns)
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
    #[pyo3(signature = (how: "str" = Words("clean".to_owned()), now_ns: "int | None" = None))]
    fn finish(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::how)] how: Words,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<(Decision, Summary)> {
        self.watching.finish(py, &how.0, now_ns)
    }

    /// The state of this guard as bytes, which `restore` goes on from, here or in another process.
    ///
    /// They hold the text that the checks look back on, the arguments of tool calls, frames that are not whole yet, and the
    /// answer where ``keep_text`` is set. Where text is redacted or held they hold what waits as the model wrote it, **a
    /// secret not yet replaced among it**: keep them as you keep the stream itself. Their repr shows their length alone. They
    /// hold no settings. Bytes are read by the version of MidStream that wrote them; take only your own, as a checksum tells
    /// damage and not malice.
    ///
    /// Returns
    /// -------
    /// bytes
    ///
    /// Raises
    /// ------
    /// StateError
    ///     After `finish`.
    #[pyo3(signature = () -> "bytes")]
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.watching.snapshot(py)
    }

    /// The guard whose state `snapshot` wrote; it goes on as that one would have, with the end that it had.
    ///
    /// Text that was asked for waits on: a verdict names it by the id that it had, and `waiting` gives it to ask again.
    ///
    /// Parameters
    /// ----------
    /// data : bytes
    /// settings : Settings or path of a guard file, optional
    ///     Those of the guard that was kept; the default settings where left out.
    /// now_ns : int, optional
    ///     The time at the last call before the snapshot, by the clock of the calls to come. Where left out, that is the
    ///     clock of the calls before.
    ///
    /// Returns
    /// -------
    /// Guard
    ///
    /// Raises
    /// ------
    /// InputError
    ///     For bytes that are cut, changed, written by another version or under other settings.
    ///
    /// Examples
    /// --------
    /// >>> from midstream.stream import Guard
    /// >>> guard = Guard()
    /// >>> guard.push("I am done. " * 5).action
    /// 'pass'
    /// >>> Guard.restore(guard.snapshot()).push("I am done. " * 5).action
    /// 'stop'
    #[staticmethod]
    #[pyo3(signature = (
        data: "bytes", settings: "midstream.stream.settings.SettingsOrFile | None" = None, *, now_ns: "int | None" = None
    ))]
    fn restore(
        data: &Bound<'_, PyAny>,
        settings: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = arguments::now_ns)] now_ns: Option<i64>,
    ) -> PyResult<Self> {
        let options = compiled(settings)?;
        let (stops_when_quiet, claimed) = (options.settings.stops_when_quiet(), AtomicBool::new(false));
        let watching =
            Watching::restore(arguments::data(data)?.as_bytes(), options, now_ns.map(Timestamp::from_nanos))?;
        Ok(Self { watching, claimed, stops_when_quiet })
    }

    /// The texts that were asked for and wait for their verdict, the oldest first, then those that passed without one.
    #[getter]
    fn waiting(&self, py: Python<'_>) -> Vec<Held> {
        self.watching.waiting(py)
    }

    /// The answer's text so far, over all its channels in the order it came; ``None`` unless ``keep_text`` is set.
    #[getter]
    fn text(&self, py: Python<'_>) -> Option<String> {
        self.watching.text(py)
    }

    /// What the model thought so far, over all its channels in the order it came; ``None`` unless ``keep_text`` is set.
    #[getter]
    fn reasoning(&self, py: Python<'_>) -> Option<String> {
        self.watching.reasoning(py)
    }
}
