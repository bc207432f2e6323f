//! Replicate: server-sent events whose name says what their plain text is; `done` ends the stream.

use serde::Deserialize;

use super::failure::{Failure, is_passing};
use super::{Dialect, Parse, payload, text};
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::json::{self, Leaf};

/// `output`, `error`, `logs`, `done`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replicate;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Done<'a> {
    #[serde(borrow)]
    reason: Leaf<'a>,
}

impl Parse for Replicate {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_mark();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        match (frame.kind, frame.name) {
            (FrameKind::Message, "output") => emit.plain_fragment(text::CHANNEL, frame.data),
            (FrameKind::Message, "done") => done(frame, emit),
            (FrameKind::Message, "error") | (FrameKind::Exception, _) => error(frame, emit),
            (FrameKind::Message, "logs" | "metadata" | "metrics") => emit.other(frame.name),
            (FrameKind::Message, _) => payload::unknown(frame.name, emit),
            _ => {}
        }
    }
}

/// The end, and of a run that did not go through, how it ended.
fn done(frame: &Frame<'_>, emit: &mut Emit<'_>) {
    let done: Done<'_> = serde_json::from_str(frame.data).unwrap_or_default();
    match json::string(done.reason).as_deref() {
        Some("canceled" | "cancelled") => emit.end().cancel(),
        Some("error") => emit.end().fail(),
        Some("length") => emit.end().finish(0, true),
        _ => {}
    }
    emit.end().mark();
    emit.other(frame.name);
}

fn error(frame: &Frame<'_>, emit: &mut Emit<'_>) {
    if frame.data.trim_start().starts_with('{') {
        return Failure::whole(frame.data).emit(emit);
    }
    emit.error("", frame.data, is_passing(frame.data));
}

/// Told by the name of an event that no other format has.
pub(super) fn sniff(frame: &Frame<'_>) -> Option<Dialect> {
    (frame.kind == FrameKind::Message && frame.name == "output").then_some(Dialect::Replicate)
}

crate::keep::keep!(
    struct Replicate {}
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::sample::Sample;
    use crate::{Anomaly, EndingState};

    fn read(frames: &[(&str, &str)]) -> Sample {
        let frames: Vec<_> = frames.iter().map(|(name, data)| (FrameKind::Message, *name, *data)).collect();
        Sample::of_frames(Dialect::Auto, &frames)
    }

    #[test]
    fn output_is_text_and_done_is_the_end() {
        let mut frames = vec![("output", ""), ("output", "a\n\nb"), ("logs", "step 1"), ("output", "{c")];
        let sample = read(&frames);
        assert_eq!((sample.dialect, sample.text("text")), (Dialect::Replicate, "a\n\nb{c".into()));
        assert_eq!(sample.ending().state, EndingState::Truncated);
        frames.push(("done", "{}"));
        let ending = read(&frames).ending();
        assert_eq!((ending.state, ending.notes.len()), (EndingState::Complete, 0));
    }

    #[test]
    fn a_cancelled_run_and_a_failed_one_end_as_such() {
        let ending = |reason| read(&[("output", "a"), ("done", reason)]).ending().state;
        assert_eq!(ending(r#"{"reason": "canceled"}"#), EndingState::Cancelled);
        assert_eq!(ending(r#"{"reason": "error"}"#), EndingState::Failed);
        let sample = read(&[("output", "a"), ("error", "GPU out of memory")]);
        assert_eq!(sample.only(&["error"]), ["error  GPU out of memory"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
    }

    #[test]
    fn an_event_of_an_unknown_name_stays_as_other() {
        let sample = read(&[("output", "a"), ("novel", "b")]);
        assert_eq!((sample.only(&["other"]), sample.count(Anomaly::UnknownEvent)), (vec!["other novel".into()], 1));
    }
}
