use std::ops::ControlFlow;

use super::{Decode, Frame, FrameKind, Sink};
use crate::Anomaly;

/// Plain text: each call of `feed` gives what is decoded by then. A character that the chunk cuts waits for its rest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Text {
    /// The beginning of a character, and its length.
    cut: [u8; 3],
    length: usize,
}

impl Decode for Text {
    fn feed(&mut self, chunk: &[u8], at: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        let start = at - self.length as u64;
        if self.length > 0 {
            let mut bytes = Vec::with_capacity(self.length + chunk.len());
            bytes.extend(self.cut.iter().take(self.length));
            bytes.extend_from_slice(chunk);
            return self.read(&bytes, start, sink);
        }
        self.read(chunk, start, sink)
    }

    fn finish(&mut self, at: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        if self.length == 0 {
            return ControlFlow::Continue(());
        }
        let bytes = at - self.length as u64..at;
        self.length = 0;
        sink.anomaly(Anomaly::BadUtf8);
        sink.frame(&Frame { kind: FrameKind::Message, name: "", data: "\u{fffd}", bytes, data_at: None })
    }
}

impl Text {
    /// Hands out `bytes`, which begin at byte `start` of the stream, but for a character cut at their end.
    ///
    /// A bad part is a frame of its own, so that all others stand unchanged in the stream.
    fn read(&mut self, bytes: &[u8], start: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        let cut = cut_at_end(bytes);
        let (whole, rest) = bytes.split_at_checked(bytes.len() - cut).unwrap_or((bytes, &[]));
        self.length = cut;
        self.cut.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
        if whole.is_empty() {
            return ControlFlow::Continue(());
        }
        let mut at = start;
        for part in whole.utf8_chunks() {
            let (data, behind) = (part.valid(), at + part.valid().len() as u64);
            let end = behind + part.invalid().len() as u64;
            if !data.is_empty() {
                let (bytes, data_at) = (at..behind, Some(at));
                sink.frame(&Frame { kind: FrameKind::Message, name: "", data, bytes, data_at })?;
            }
            if behind < end {
                sink.anomaly(Anomaly::BadUtf8);
                let (data, bytes) = ("\u{fffd}", behind..end);
                sink.frame(&Frame { kind: FrameKind::Message, name: "", data, bytes, data_at: None })?;
            }
            at = end;
        }
        ControlFlow::Continue(())
    }
}

/// How many bytes at the end begin a character that further bytes could complete: 0 to 3.
fn cut_at_end(bytes: &[u8]) -> usize {
    let window = bytes.len().min(3);
    (1..=window)
        .find(|length| {
            let end = bytes.get(bytes.len() - length..).unwrap_or_default();
            str::from_utf8(end).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        })
        .unwrap_or(0)
}

crate::keep::keep!(struct Text { cut, length });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::collected::{collect, read};

    fn joined(input: &[u8], cuts: &[usize]) -> (String, usize) {
        let read = collect(&mut Text::default(), input, cuts);
        read.assert_covers(input);
        (read.messages().iter().map(|(_, data)| *data).collect(), read.anomalies.len())
    }

    #[test]
    fn a_character_cut_at_the_end_of_a_chunk_waits() {
        let read = collect(&mut Text::default(), "a😀b".as_bytes(), &[3, 1, 9]);
        assert_eq!(read.messages(), [("", "a"), ("", "😀b")]);
        assert!(read.anomalies.is_empty());
    }

    #[test]
    fn an_unfinished_character_becomes_a_replacement_character_at_the_end() {
        let read = read(&mut Text::default(), b"a\xf0\x9f");
        assert_eq!(read.messages(), [("", "a"), ("", "\u{fffd}")]);
        assert_eq!(read.anomalies, [Anomaly::BadUtf8]);
    }

    proptest! {
        #[test]
        fn every_split_gives_the_text_of_the_whole(
            input in prop::collection::vec(
                prop::sample::select(&[b'a', b'\n', 0x80, 0x9f, 0xc3, 0xe0, 0xe4, 0xb8, 0xad, 0xed, 0xf0, 0x98, 0xf4, 0xff][..]),
                0..40,
            ),
            cuts in prop::collection::vec(1usize..6, 1..20),
        ) {
            let (text, anomalies) = joined(&input, &cuts);
            prop_assert_eq!(&text, &String::from_utf8_lossy(&input));
            prop_assert_eq!(anomalies, text.matches('\u{fffd}').count());
        }
    }
}
