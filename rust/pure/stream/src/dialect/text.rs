//! Plain text: all of it is the answer, and a clean close is its only end.

use super::{Parse, openai};
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::{ChannelKey, ChannelKind, Place};

/// The channel of a stream that is text alone.
pub(super) const CHANNEL: ChannelKey = ChannelKey::new(Place::Stream, 0, ChannelKind::Text);

/// Text as it comes: a command's output, or messages that are not JSON.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text;

impl Parse for Text {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().accept_clean_close();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        match frame.kind {
            FrameKind::Exception => emit.error(frame.name, frame.data, false),
            FrameKind::Message if !openai::is_done(frame, emit) => emit.plain_fragment(CHANNEL, frame.data),
            _ => {}
        }
    }
}

/// Whether a message could be a piece of plain text: neither JSON nor the beginning of some.
pub(super) fn could_be(data: &str) -> bool {
    !data.trim_start().starts_with(['{', '[']) || data.trim() == "[DONE]"
}

#[cfg(test)]
mod tests {
    use crate::EndingState;
    use crate::dialect::Dialect;
    use crate::dialect::sample::Sample;

    #[test]
    fn every_piece_is_text_and_a_clean_close_is_an_end() {
        let sample = Sample::of(Dialect::Text, &["Hé", "llo {"]);
        assert_eq!(sample.text("text"), "Héllo {");
        let ending = sample.ending();
        assert_eq!((ending.state, ending.notes), (EndingState::Complete, vec!["no_end_mark"]));
    }

    #[test]
    fn messages_that_are_not_json_are_read_as_text() {
        let sample = Sample::of(Dialect::Auto, &["Once", " upon", " a time", "[DONE]"]);
        assert_eq!((sample.dialect, sample.text("text")), (Dialect::Text, "Once upon a time".into()));
        assert_eq!(sample.ending().notes, [] as [&str; 0]);
    }
}
