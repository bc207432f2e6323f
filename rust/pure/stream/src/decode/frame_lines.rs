use std::ops::ControlFlow;

use serde::Deserialize;

use super::lines::{Line, Lines, comment};
use super::{Decode, Frame, FrameKind, Sink, text};
use crate::json::{self, Leaf};

/// A recording of WebSocket frames, one a line: `{"kind": .., "direction": "received" or "sent", "data": ..}`, where
/// `data` is the message as JSON or as a string that holds it.
#[derive(Debug, Default)]
pub(crate) struct FrameLines {
    lines: Lines,
}

/// A recorded frame; the rest of the line describes it.
#[derive(Default, Deserialize)]
struct Recorded<'a> {
    #[serde(borrow, default)]
    kind: Leaf<'a>,
    #[serde(borrow, default)]
    direction: Leaf<'a>,
    #[serde(borrow, default)]
    data: Leaf<'a>,
}

impl Decode for FrameLines {
    fn feed(&mut self, chunk: &[u8], at: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        self.lines.feed(chunk, at, sink, message)
    }

    fn finish(&mut self, _: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        self.lines.finish(sink, message)
    }
}

/// A line that is no recorded frame is handed out as it stands; a frame without data (a ping, a close) is a comment.
fn message(line: Line<'_>, sink: &mut dyn Sink) -> ControlFlow<()> {
    let Some(bytes) = line.json(sink) else { return comment(line.span, sink) };
    let (whole, unchanged) = text(bytes, sink);
    let recorded = serde_json::from_str::<Recorded<'_>>(&whole).unwrap_or_default();
    let direction = json::string(recorded.direction);
    let Some(value) = recorded.data else {
        if direction.is_none() {
            let data_at = unchanged.then_some(line.at);
            return sink.frame(&Frame { kind: FrameKind::Message, name: "", data: &whole, bytes: line.span, data_at });
        }
        let name = json::string(recorded.kind).unwrap_or_default();
        return sink.frame(&Frame { kind: FrameKind::Comment, name: &name, data: "", bytes: line.span, data_at: None });
    };
    let kind = if direction.as_deref() == Some("sent") { FrameKind::Sent } else { FrameKind::Message };
    let string = json::string(Some(value));
    let data = string.as_deref().unwrap_or(value.get());
    let place = (data.as_ptr() as usize).checked_sub(whole.as_ptr() as usize);
    let data_at = place.filter(|place| unchanged && place + data.len() <= whole.len());
    let data_at = data_at.map(|place| line.at + place as u64);
    sink.frame(&Frame { kind, name: "", data, bytes: line.span, data_at })
}

crate::keep::keep!(struct FrameLines { lines });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::collected::{assert_split_invariant, read};

    #[test]
    fn data_is_an_object_or_a_string_that_holds_one() {
        let input = concat!(
            r#"{"kind": "message", "direction": "sent", "data": {"setup": {}}}"#,
            "\n",
            r#"{"direction": "received", "data": "{\"a\": 1}"}"#,
            "\n",
            r#"{"data": "plain", "direction": "received"}"#,
            "\n",
            r#"{"kind": "close", "direction": "received"}"#,
            "\n[1]",
        );
        let read = read(&mut FrameLines::default(), input.as_bytes());
        read.assert_covers(input.as_bytes());
        assert_split_invariant(FrameLines::default, input.as_bytes(), &[3]);
        let frames: Vec<_> =
            read.frames.iter().map(|frame| (frame.kind, frame.data.as_str(), frame.data_at.is_some())).collect();
        assert_eq!(
            frames,
            [
                (FrameKind::Sent, r#"{"setup": {}}"#, true),
                (FrameKind::Message, r#"{"a": 1}"#, false),
                (FrameKind::Message, "plain", true),
                (FrameKind::Comment, "", false),
                (FrameKind::Message, "[1]", true),
            ]
        );
        assert_eq!(read.frames[3].name, "close");
    }
}
