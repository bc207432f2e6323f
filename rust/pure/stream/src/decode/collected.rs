//! What a decoder handed out, for tests.

use std::ops::{ControlFlow, Range};

use super::{Decode, Frame, FrameKind, Sink};
use crate::Anomaly;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Owned {
    pub(crate) kind: FrameKind,
    pub(crate) name: String,
    pub(crate) data: String,
    pub(crate) bytes: Range<u64>,
    pub(crate) data_at: Option<u64>,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Collected {
    pub(crate) frames: Vec<Owned>,
    pub(crate) anomalies: Vec<Anomaly>,
}

impl Sink for Collected {
    fn frame(&mut self, frame: &Frame<'_>) -> ControlFlow<()> {
        self.frames.push(Owned {
            kind: frame.kind,
            name: frame.name.to_owned(),
            data: frame.data.to_owned(),
            bytes: frame.bytes.clone(),
            data_at: frame.data_at,
        });
        ControlFlow::Continue(())
    }

    fn anomaly(&mut self, anomaly: Anomaly) {
        self.anomalies.push(anomaly);
    }
}

impl Collected {
    /// Messages only: name and data.
    pub(crate) fn messages(&self) -> Vec<(&str, &str)> {
        let is_message = |frame: &&Owned| frame.kind == FrameKind::Message;
        self.frames.iter().filter(is_message).map(|frame| (frame.name.as_str(), frame.data.as_str())).collect()
    }

    /// The spans follow each other from the first byte to the last, and data stands where `data_at` says.
    pub(crate) fn assert_covers(&self, input: &[u8]) {
        let mut end = 0;
        for frame in &self.frames {
            assert_eq!(frame.bytes.start, end, "gap or overlap before {frame:?}");
            end = frame.bytes.end;
            if let Some(at) = frame.data_at {
                let at = at as usize;
                assert_eq!(&input[at..at + frame.data.len()], frame.data.as_bytes(), "{frame:?}");
                assert!(frame.bytes.start as usize <= at && at + frame.data.len() <= frame.bytes.end as usize);
            }
        }
        assert_eq!(end, input.len() as u64, "bytes at the end belong to no frame");
    }
}

/// Everything a decoder hands out for `input` in one piece.
pub(crate) fn read(decoder: &mut dyn Decode, input: &[u8]) -> Collected {
    collect(decoder, input, &[input.len().max(1)])
}

/// The same for pieces of the lengths in `cuts`, over and over.
pub(crate) fn collect(decoder: &mut dyn Decode, input: &[u8], cuts: &[usize]) -> Collected {
    let mut collected = Collected::default();
    let (mut rest, mut at) = (input, 0);
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, tail) = rest.split_at((*cut).min(rest.len()));
        assert!(decoder.feed(chunk, at, &mut collected).is_continue());
        at += chunk.len() as u64;
        rest = tail;
    }
    assert!(decoder.finish(at, &mut collected).is_continue());
    collected
}

/// Whole, byte by byte and in pieces of `cuts`, a decoder says the same.
pub(crate) fn assert_split_invariant<D: Decode>(new: impl Fn() -> D, input: &[u8], cuts: &[usize]) {
    let whole = read(&mut new(), input);
    assert_eq!(collect(&mut new(), input, &[1]), whole, "byte by byte");
    assert_eq!(collect(&mut new(), input, cuts), whole, "in pieces of {cuts:?}");
}
