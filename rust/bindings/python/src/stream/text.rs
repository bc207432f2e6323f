use midstream_series::Timestamp;
use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::arguments::whole;
use super::settings::compiled;
use super::summary::Summary;
use super::watching::NS_PER_BYTE;
use crate::gate;

/// Characters given to the checks between two questions whether to go on.
const PIECE: usize = 1 << 16;

/// Checks finished text and sums it up.
#[pyfunction]
#[pyo3(signature = (text, settings: "midstream.stream.settings.SettingsOrFile | None" = None))]
pub(crate) fn check_text(
    py: Python<'_>,
    text: &Bound<'_, PyString>,
    settings: Option<&Bound<'_, PyAny>>,
) -> PyResult<Summary> {
    let (text, mut options) = (whole(text)?, compiled(settings)?);
    options.settings.hold = None;
    let text = &*text;
    let summary = gate::compute(py, text.len() as u64 * NS_PER_BYTE, |keep_going| {
        let (mut guard, now) = (stream::Guard::new(options)?, Timestamp::default());
        let mut rest = text;
        while !rest.is_empty() && keep_going() {
            let (piece, behind) = rest.split_at(rest.ceil_char_boundary(PIECE.min(rest.len())));
            guard.push_text(stream::ChannelKind::Text, piece, now)?;
            rest = behind;
        }
        guard.finish(stream::Close::Clean, now).map(|(_, summary)| summary)
    })?;
    Ok(summary.into())
}
