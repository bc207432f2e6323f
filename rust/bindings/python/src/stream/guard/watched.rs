//! What the sessions of `midstream.stream` ask of the guard beside their stream.

use std::sync::atomic::Ordering;

use midstream_stream as stream;
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use pyo3::types::iterator::PySendResult;

use super::Guard;
use crate::errors::{BindingError, StateError};
use crate::stream::arguments::Words;
use crate::stream::decision::Decision;
use crate::stream::watching::moment;

#[pymethods]
impl Guard {
    /// Reads a chunk, text or an event; ``None`` where it passes.
    #[pyo3(signature = (item: "object", now_ns = None))]
    fn _read(&self, item: &Bound<'_, PyAny>, now_ns: Option<i64>) -> PyResult<Option<Decision>> {
        self.watching.read(item, moment(now_ns))
    }

    /// Reads a chunk, text or an event; gives what passes, ``None`` where all of it waits, and an `Arrived` where more is
    /// to be done.
    #[pyo3(signature = (item: "object"))]
    fn _take<'py>(&self, item: Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.watching.take(item, moment(None))
    }

    /// Waits for the items of an iterator and reads them, until there is something to give, as `_take` does.
    #[pyo3(signature = (items: "object", clock: "object" = None))]
    fn _next<'py>(
        &self,
        items: &Bound<'py, PyIterator>,
        clock: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, now_ns) = (items.py(), || clock.map(|clock| clock.call0()?.extract()).transpose());
        loop {
            self.watching.wait(py, moment(now_ns()?));
            let item = match items.send(py.None().bind(py))? {
                PySendResult::Next(item) => item,
                PySendResult::Return(value) if value.is_none() => return Err(PyStopIteration::new_err(())),
                PySendResult::Return(value) => return Err(PyStopIteration::new_err((value.unbind(),))),
            };
            if let Some(passed) = self.watching.take(item, moment(now_ns()?))? {
                return Ok(passed);
            }
        }
    }

    /// Whether the reader waits: from `_wait` on, until something is read or the stream is finished.
    #[getter]
    fn _awaits(&self, py: Python<'_>) -> bool {
        self.watching.awaits(py)
    }

    /// Whether the last item was text.
    #[getter]
    fn _of_text(&self, py: Python<'_>) -> bool {
        self.watching.of_text(py)
    }

    /// Says that the reader is about to wait: where it was away for long, waiting counts from here.
    #[pyo3(signature = (now_ns = None))]
    fn _wait(&self, py: Python<'_>, now_ns: Option<i64>) {
        self.watching.wait(py, moment(now_ns));
    }

    /// Whether text is redacted: then what passes is what the decisions say, and nothing else may.
    #[getter]
    fn _redacts(&self, py: Python<'_>) -> bool {
        self.watching.redacts(py)
    }

    /// The provider's format and the framing; ``opaque`` and ``auto`` while they are not known.
    #[getter]
    fn _format(&self, py: Python<'_>) -> (&'static str, &'static str) {
        self.watching.format(py)
    }

    /// Matches replaced so far, then bytes that wait: of the stream, and of its decoded text.
    #[getter]
    fn _redacted(&self, py: Python<'_>) -> (u64, u64, u64) {
        self.watching.redacted(py)
    }

    /// Whether text waits for a check of the caller's.
    #[getter]
    fn _holds(&self, py: Python<'_>) -> bool {
        self.watching.holds(py)
    }

    /// Bytes that wait for it.
    #[getter]
    fn _held_bytes(&self, py: Python<'_>) -> usize {
        self.watching.held_bytes(py)
    }

    /// Whether time alone can end the stream.
    #[getter]
    fn _stops_when_quiet(&self) -> bool {
        self.stops_when_quiet
    }

    /// When ``tick`` is next needed.
    #[getter]
    fn _tick_at_ns(&self, py: Python<'_>) -> Option<i64> {
        self.watching.tick_at_ns(py)
    }

    /// Whether the last call read the stream's end mark, or an error of the provider: there is no more to come.
    #[getter]
    fn _whole(&self, py: Python<'_>) -> bool {
        self.watching.whole(py)
    }

    /// Marks the guard as in use by a stream that is watched, which keeps the text.
    fn _claim(&self, py: Python<'_>, end: Words) -> PyResult<()> {
        let end = stream::End::from_name(&end.0).map_err(BindingError::from)?;
        if self.claimed.swap(true, Ordering::AcqRel) {
            let message = "the guard watches a stream already, and serves one; hand in Settings, or make another Guard";
            return Err(StateError::new_err(message));
        }
        self.watching.claim(py, end);
        Ok(())
    }
}
