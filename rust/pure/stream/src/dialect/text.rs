//! Plain text: all of it is the answer, and a clean close is its only end.

use super::{Dialect, Parse, openai};
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::{ChannelKey, ChannelKind, Place};

/// The channel of a stream that is text alone.
pub(super) const CHANNEL: ChannelKey = ChannelKey::new(Place::Stream, 0, ChannelKind::Text);

/// Messages that are not JSON, up to `[DONE]`. Pieces of a body without messages never reach it.
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

/// Whether the messages of a dialect are JSON and not text.
pub(super) fn is_json(dialect: Dialect) -> bool {
    !matches!(dialect, Dialect::Replicate | Dialect::Text)
}

crate::keep::keep!(
    struct Text {}
);

#[cfg(test)]
mod tests {
    use midstream_series::Timestamp;

    use crate::dialect::Dialect;
    use crate::dialect::sample::Sample;
    use crate::{Anomaly, Close, EndingState, Forward, Guard, Options};

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

    #[test]
    fn a_stop_cuts_plain_text_behind_the_same_character_at_every_split() {
        let mut body = "Ça va. ".as_bytes().to_vec();
        body.extend(b"caf\xe9 au lait, ".repeat(60));
        let forwarded = |size: usize| {
            let mut guard = Guard::new(Options::default()).unwrap();
            let mut out = Vec::new();
            for chunk in body.chunks(size) {
                match guard.feed(chunk, Timestamp::from_nanos(0)).unwrap().forward {
                    Forward::Same => out.extend_from_slice(chunk),
                    Forward::Bytes(bytes) => out.extend_from_slice(bytes),
                    Forward::Nothing => {}
                }
            }
            out
        };
        let one_by_one = forwarded(1);
        assert!(one_by_one.len() < 150, "{}", one_by_one.len());
        for size in [2, 3, 7, 64, body.len()] {
            assert_eq!(forwarded(size), one_by_one, "{size} bytes a chunk");
        }
    }

    #[test]
    fn a_body_of_plain_text_shows_no_end_of_the_dialect_that_was_given() {
        let options = Options { dialect: Dialect::OpenaiChat, ..Options::default() };
        let mut guard = Guard::new(options).unwrap();
        let now = Timestamp::from_nanos(0);
        guard.feed(b"Bad gate", now).unwrap();
        guard.feed(b"way", now).unwrap();
        let (_, summary) = guard.finish(Close::Clean, now).unwrap();
        assert_eq!(summary.ending.state, EndingState::Truncated);
        assert_eq!((summary.channels[0].id.as_str(), summary.channels[0].characters), ("text", 11));
        assert_eq!(summary.anomalies.count(Anomaly::BadJson), 1);
    }
}
