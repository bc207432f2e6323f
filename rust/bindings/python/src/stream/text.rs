use midstream_series::Timestamp;
use midstream_stream as stream;
use pyo3::prelude::*;

use super::arguments::{self, Words};
use super::settings::compiled;
use super::summary::Summary;
use super::watching::NS_PER_BYTE;
use crate::gate;

/// Characters given to the checks between two questions whether to go on.
const PIECE: usize = 1 << 16;

/// Checks finished text and sums it up.
#[pyfunction]
#[pyo3(signature = (text: "str", settings: "midstream.stream.settings.SettingsOrFile | None" = None))]
pub(crate) fn check_text(
    py: Python<'_>,
    #[pyo3(from_py_with = arguments::text)] text: Words,
    settings: Option<&Bound<'_, PyAny>>,
) -> PyResult<Summary> {
    let mut options = compiled(settings)?;
    options.settings.hold = None;
    let text = text.0.as_str();
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
