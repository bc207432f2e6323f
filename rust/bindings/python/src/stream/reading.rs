use std::sync::Arc;

use midstream_series::Timestamp;
use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PyString};

use super::arguments::{self, whole};
use super::arrived::Arrived;
use super::decision::{Decision, Taken};
use super::item::Item;
use super::watching::{NS_PER_BYTE, State, Watching, any_error};
use crate::gate;

/// What a reader reads.
#[derive(Clone, Copy)]
enum Piece<'a> {
    Bytes(&'a [u8]),
    Json(&'a str),
    Text(&'a str),
}

/// What becomes of it. No decision is made of what passes, since making one costs more than reading.
enum Outcome {
    Decided(Decision),
    /// The item passes as it is.
    Passes,
    /// This passes in its stead; `None` where all of it waits.
    Rewritten(Option<Py<PyAny>>),
}

impl Watching {
    /// Reads what came; `None` where it passes.
    pub(super) fn read(&self, item: &Bound<'_, PyAny>, now: Timestamp) -> PyResult<Option<Decision>> {
        match self.outcome(item, now, false)? {
            Outcome::Decided(decision) => Ok(Some(decision)),
            Outcome::Passes | Outcome::Rewritten(_) => Ok(None),
        }
    }

    /// Reads what came and gives what passes: nothing where all of it waits, and an [`Arrived`] where more is to be done.
    pub(super) fn take<'py>(&self, item: Bound<'py, PyAny>, now: Timestamp) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.outcome(&item, now, true) {
            Ok(Outcome::Passes) => Ok(Some(item)),
            Ok(Outcome::Rewritten(passed)) => Ok(passed.map(|passed| passed.into_bound(item.py()))),
            Ok(Outcome::Decided(decision)) => Arrived::read(item, Ok(decision)).map(Some),
            Err(error) => Arrived::read(item, Err(error)).map(Some),
        }
    }

    /// Without `rewrites` there is a decision wherever other bytes pass than came.
    fn outcome(&self, item: &Bound<'_, PyAny>, now: Timestamp, rewrites: bool) -> PyResult<Outcome> {
        if let Ok(chunk) = item.cast::<PyBytes>() {
            let bytes = chunk.as_bytes();
            return self.read_piece(item.py(), Some(chunk), Piece::Bytes(bytes), now, rewrites);
        }
        if let Ok(text) = item.cast::<PyString>() {
            return self.read_piece(item.py(), None, Piece::Text(&whole(text)?), now, rewrites);
        }
        if item.cast::<PyByteArray>().is_ok() || item.cast::<PyMemoryView>().is_ok() {
            return self.outcome(arguments::bytes(item)?.as_any(), now, rewrites);
        }
        let Item::Json(json) = Item::of(item)? else { return Ok(Outcome::Passes) };
        self.read_piece(item.py(), None, Piece::Json(&json), now, rewrites)
    }

    fn read_piece(
        &self,
        py: Python<'_>,
        chunk: Option<&Bound<'_, PyBytes>>,
        piece: Piece<'_>,
        now: Timestamp,
        rewrites: bool,
    ) -> PyResult<Outcome> {
        let mut locked = self.lock(py);
        let State { guard, channels, texts, whole, of_text, awaits } = &mut *locked;
        let (redacts, known) = (guard.redacts(), channels.len());
        *of_text = matches!(piece, Piece::Text(_));
        *awaits = false;
        let decision = gate::compute(py, piece.len() as u64 * NS_PER_BYTE, move |_| match piece {
            Piece::Bytes(bytes) => guard.feed(bytes, now),
            Piece::Json(json) => guard.push_json(json, now),
            Piece::Text(text) => guard.push_text(stream::ChannelKind::Text, text, now),
        })?;
        texts.iter_mut().for_each(|texts| texts.take(decision.events));
        *whole = decision.ended || any_error(decision.events);
        let is_quiet = decision.action == stream::Action::Pass && decision.held.is_empty();
        if is_quiet && (!redacts || decision.forward == stream::Forward::Same) {
            return Ok(Outcome::Passes);
        }
        if is_quiet && rewrites {
            return Ok(Outcome::Rewritten(piece.passed(py, decision.forward)));
        }
        let taken = match piece {
            Piece::Text(text) if redacts => Taken::of_text(&decision, known, text),
            _ => Taken::of(&decision, known),
        };
        Arc::make_mut(channels).extend_from_slice(&taken.new_channels);
        let channels = Arc::clone(channels);
        drop(locked);
        Ok(Outcome::Decided(taken.into_decision(py, chunk, channels)))
    }
}

impl Piece<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Json(text) | Self::Text(text) => text.len(),
        }
    }

    /// What passes, of the type of what came.
    fn passed(&self, py: Python<'_>, forward: stream::Forward<'_>) -> Option<Py<PyAny>> {
        let stream::Forward::Bytes(bytes) = forward else { return None };
        Some(match self {
            Self::Text(_) => PyString::new(py, &String::from_utf8_lossy(bytes)).into_any().unbind(),
            Self::Bytes(_) | Self::Json(_) => PyBytes::new(py, bytes).into_any().unbind(),
        })
    }
}
