//! Frames that differ from the one before in one fragment of text: most of a stream, and read without being parsed.

use super::Parse;
use crate::Anomalies;
use crate::decode::{Frame, FrameKind};
use crate::emit::{Emit, Fragment};

/// The last frame, if one fragment of text was all it said.
#[derive(Debug, Default)]
pub(super) struct Alike {
    /// `None` where it was not.
    fragment: Option<Fragment>,
    name: String,
    /// The data up to the fragment, quotation mark included, and from the one behind it on.
    head: String,
    tail: String,
    /// The name of the event that stands for the frame while its text is held.
    held: String,
}

impl Alike {
    /// Reads a frame that is like the one before. False where it is not.
    pub(super) fn read(&self, frame: &Frame<'_>, emit: &mut Emit<'_>) -> bool {
        let Some(Fragment { channel, signed, .. }) = self.fragment else { return false };
        if frame.kind != FrameKind::Message || frame.name != self.name {
            return false;
        }
        let inside = frame.data.strip_prefix(self.head.as_str()).and_then(|rest| rest.strip_suffix(self.tail.as_str()));
        let Some(inner) = inside.filter(|inner| is_inside_of_string(inner)) else { return false };
        emit.next_fragment(channel, inner, signed);
        if emit.is_silent() {
            emit.other(&self.held);
        }
        true
    }

    /// Remembers a frame that `parser` has just read. `before` are the anomalies before it.
    pub(super) fn learn(&mut self, parser: &dyn Parse, frame: &Frame<'_>, emit: &mut Emit<'_>, before: &Anomalies) {
        self.fragment = None;
        let Some((fragment, kind)) = emit.only_fragment(before).filter(|_| !emit.end().is_marked()) else { return };
        let Some(held) = parser.says_again(frame, kind) else { return };
        let (head, tail) = (frame.data.get(..fragment.place.start), frame.data.get(fragment.place.end..));
        let (Some(head), Some(tail)) = (head, tail) else { return };
        frame.name.clone_into(&mut self.name);
        held.clone_into(&mut self.held);
        head.clone_into(&mut self.head);
        tail.clone_into(&mut self.tail);
        self.fragment = Some(fragment).filter(|_| head.ends_with('"') && tail.starts_with('"'));
    }
}

/// Whether a text is what JSON allows between quotation marks, and not empty.
fn is_inside_of_string(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' | ..0x20 => return false,
            b'\\' => match bytes.next() {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                Some(b'u') if bytes.by_ref().take(4).filter(u8::is_ascii_hexdigit).count() == 4 => {}
                _ => return false,
            },
            _ => {}
        }
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Dialect;
    use crate::dialect::sample::Sample;

    fn chat(delta: &str) -> String {
        format!(r#"{{"id":"c","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{delta}}}]}}"#)
    }

    fn message(index: u32, text: &str) -> String {
        format!(r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"text_delta","text":"{text}"}}}}"#)
    }

    /// What frames give as they are, and with a space in every other one, so that no frame is like the one before.
    fn assert_reads_alike(dialect: Dialect, frames: &[String]) {
        let apart: Vec<String> = frames
            .iter()
            .enumerate()
            .map(|(at, data)| if at % 2 == 0 { data.clone() } else { format!(" {data}") })
            .collect();
        let read = |frames: &[String]| {
            let sample = Sample::of(dialect, &frames.iter().map(String::as_str).collect::<Vec<_>>());
            (sample.lines(), sample.known.anomalies, sample.ending())
        };
        assert_eq!(read(frames), read(&apart), "{frames:?}");
    }

    #[test]
    fn what_stands_between_quotation_marks_is_told_from_what_does_not() {
        for inside in ["a", "é[{", r#"\""#, r"\\", r"\n\u00e9", r"\ud83d"] {
            assert!(is_inside_of_string(inside), "{inside}");
            assert!(serde_json::from_str::<&serde_json::value::RawValue>(&format!("\"{inside}\"")).is_ok());
        }
        for other in ["", "\"", "a\",\"b", r"\", r"\u00g0", r"\u00", r"\x", "\n", "\u{1f}"] {
            assert!(!is_inside_of_string(other), "{other}");
        }
    }

    #[test]
    fn a_string_that_ends_early_is_no_fragment() {
        let frames = [r#"{"content":"a"}"#, r#"{"content":"b"}"#, r#"{"content":"c","tool_calls":"d"}"#];
        let frames: Vec<String> = frames.iter().map(|delta| chat(delta)).collect();
        assert_reads_alike(Dialect::OpenaiChat, &frames);
        assert_reads_alike(Dialect::OpenaiChat, &[&frames[..2], &[chat(r#"{"content":""}"#)], &frames[..1]].concat());
    }

    #[test]
    fn a_frame_between_two_that_are_alike_changes_what_the_second_means() {
        let (text, other) = (chat(r#"{"content":"a"}"#), chat(r#"{"content":"a"}"#).replace("\"c\"", "\"d\""));
        let stop = r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#.to_owned();
        assert_reads_alike(Dialect::OpenaiChat, &[text.clone(), text.clone(), stop.clone(), other, text.clone(), stop]);
        let start = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}"#.to_owned();
        let frames = [start.clone(), start.clone(), message(0, "b"), start, message(0, "b"), message(1, "c")];
        assert_reads_alike(Dialect::AnthropicMessages, &frames);
    }

    proptest! {
        #[test]
        fn frames_that_are_alike_mean_what_parsing_them_says(
            texts in prop::collection::vec(r#"[a\\"u0n,:\x01 {}é]{0,6}"#, 1..12),
            kinds in prop::collection::vec(0..6_usize, 12),
        ) {
            let chats = texts.iter().zip(&kinds).map(|(text, kind)| match kind {
                0 => chat(&format!(r#"{{"reasoning_content":"{text}"}}"#)),
                1 => chat(&format!(r#"{{"content":"","reasoning_content":"{text}"}}"#)),
                2 => chat(&format!(r#"{{"content":"{text}"}}"#)).replace("\"c\"", "\"d\""),
                _ => chat(&format!(r#"{{"content":"{text}"}}"#)),
            });
            assert_reads_alike(Dialect::OpenaiChat, &chats.collect::<Vec<_>>());
            let messages = texts.iter().zip(&kinds).map(|(text, kind)| match kind {
                0 => message(0, text).replace("text", "thinking"),
                1 => message(0, text).replace("delta\":", "content_block\":").replace("_delta", "_start"),
                kind => message(*kind as u32 / 4, text),
            });
            assert_reads_alike(Dialect::AnthropicMessages, &messages.collect::<Vec<_>>());
        }
    }
}
