use std::ops::ControlFlow;

use super::lines::{Line, Lines, comment};
use super::{Decode, Frame, FrameKind, Sink, text};

/// One JSON value a line. Blank lines are keep-alives.
#[derive(Debug, Default)]
pub(crate) struct Ndjson {
    lines: Lines,
}

impl Decode for Ndjson {
    fn feed(&mut self, chunk: &[u8], at: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        self.lines.feed(chunk, at, sink, message)
    }

    fn finish(&mut self, _: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        self.lines.finish(sink, message)
    }
}

fn message(line: Line<'_>, sink: &mut dyn Sink) -> ControlFlow<()> {
    let Some(bytes) = line.json(sink) else { return comment(line.span, sink) };
    let (data, unchanged) = text(bytes, sink);
    let data_at = unchanged.then_some(line.at);
    sink.frame(&Frame { kind: FrameKind::Message, name: "", data: &data, bytes: line.span, data_at })
}

crate::keep::keep!(struct Ndjson { lines });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Anomaly;
    use crate::decode::collected::{Collected, assert_split_invariant, collect, read};

    fn messages(input: &str) -> Vec<(FrameKind, String)> {
        let read = read(&mut Ndjson::default(), input.as_bytes());
        read.frames.into_iter().map(|frame| (frame.kind, frame.data)).collect()
    }

    #[test]
    fn each_line_is_a_message_and_a_blank_one_a_comment() {
        let read = read(&mut Ndjson::default(), b"{\"a\":1}\r\n\n [2] \n");
        let kinds: Vec<_> = read.frames.iter().map(|frame| (frame.kind, frame.data.as_str(), frame.data_at)).collect();
        assert_eq!(
            kinds,
            [
                (FrameKind::Message, "{\"a\":1}", Some(0)),
                (FrameKind::Comment, "", None),
                (FrameKind::Message, "[2]", Some(11)),
            ]
        );
        assert!(read.anomalies.is_empty());
    }

    #[test]
    fn a_last_line_without_its_line_feed_counts_where_its_json_is_whole() {
        assert_eq!(messages("{}\n{\"a\":1}").last(), Some(&(FrameKind::Message, "{\"a\":1}".into())));
        let read = read(&mut Ndjson::default(), b"{}\n{\"a\":");
        assert_eq!(read.frames.last().map(|frame| frame.kind), Some(FrameKind::Comment));
        assert_eq!(read.anomalies, [Anomaly::UnterminatedEvent]);
    }

    #[test]
    fn a_line_beyond_the_limit_is_skipped_and_the_next_is_read() {
        let mut ndjson = Ndjson::default();
        let mut sink = Collected::default();
        let mut at = 0;
        for _ in 0..(super::super::MAX_FRAME >> 16) + 2 {
            assert!(ndjson.feed(&[b'x'; 1 << 16], at, &mut sink).is_continue());
            at += 1 << 16;
        }
        assert!(ndjson.feed(b"\n{}\n", at, &mut sink).is_continue());
        let kinds: Vec<_> = sink.frames.iter().map(|frame| (frame.kind, frame.bytes.clone())).collect();
        assert_eq!(kinds, [(FrameKind::Comment, 0..at + 1), (FrameKind::Message, at + 1..at + 4)]);
        assert_eq!(sink.anomalies, [Anomaly::Limit]);
    }

    const LINES: &[&[u8]] = &[b"{\"a\":\"\xe4\xb8\xad\xf0\x9f\x98\x80\"}", b"", b"\xff{", b" [1]\r"];

    proptest! {
        #[test]
        fn every_split_gives_the_same_frames(
            lines in prop::collection::vec(
                prop::sample::select(LINES),
                0..8,
            ),
            ended: bool,
            cuts in prop::collection::vec(1usize..9, 1..20),
        ) {
            let mut input = lines.join(&b'\n');
            if ended {
                input.push(b'\n');
            }
            assert_split_invariant(Ndjson::default, &input, &cuts);
            collect(&mut Ndjson::default(), &input, &cuts).assert_covers(&input);
        }
    }
}
