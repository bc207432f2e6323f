//! An answer that comes encoded: its bytes pass as they are, and the guard reads a copy of what they hold.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use serde_json::json;

use super::{Passed, Watched};

/// Bytes that are decoded at once; none grow by more than a thousand times.
const PIECE: usize = 1 << 10;
/// A longer text is not read to its end.
const MAX_TEXT: usize = 1 << 30;

/// What an encoded answer holds.
pub(crate) struct Copy {
    encoding: String,
    /// `None` once it cannot be read any more.
    decoder: Option<MultiGzDecoder<Vec<u8>>>,
    read: usize,
}

impl Copy {
    /// `None` for an encoding that is not read.
    pub(crate) fn of(encoding: &str) -> Option<Self> {
        let is_gzip = matches!(encoding.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip");
        let decoder = || Some(MultiGzDecoder::new(Vec::new()));
        is_gzip.then(|| Self { encoding: encoding.to_owned(), decoder: decoder(), read: 0 })
    }

    /// The text of the next bytes; `None` where they hold none that can be read.
    fn read(&mut self, encoded: &[u8]) -> Option<Vec<u8>> {
        let decoder = self.decoder.as_mut()?;
        let text = decoded(decoder, encoded).ok();
        self.read += text.as_ref().map_or(0, Vec::len);
        if text.is_none() || self.read > MAX_TEXT {
            self.decoder = None;
        }
        text
    }
}

fn decoded(decoder: &mut MultiGzDecoder<Vec<u8>>, encoded: &[u8]) -> io::Result<Vec<u8>> {
    decoder.write_all(encoded)?;
    decoder.flush()?;
    Ok(std::mem::take(decoder.get_mut()))
}

impl Watched {
    /// The guard reads a copy, and what passes is not for it to change.
    pub(crate) fn with_copy(mut self, copy: Option<Copy>) -> Self {
        self.copy = copy.map(Box::new);
        self
    }

    /// Whether the guard reads a copy.
    pub(crate) fn is_copied(&self) -> bool {
        self.copy.is_some()
    }

    /// All of the bytes pass, or, where what they hold stops the stream, none.
    pub(super) fn take_copy(&mut self, chunk: &Bytes) -> Passed {
        let mut passed = Passed { bytes: chunk.clone(), ..Passed::default() };
        for piece in chunk.chunks(PIECE) {
            let Some(text) = self.copy.as_mut().and_then(|copy| copy.read(piece)) else {
                // Nobody can tell what it is.
                passed.is_progress = true;
                self.tell_of_copy();
                break;
            };
            let decided = self.take(&text.into(), |guard, text, now| guard.feed(text, now));
            passed.is_progress |= decided.is_progress;
            passed.asks = passed.asks.or(decided.asks);
            if decided.halted {
                return Passed { bytes: Bytes::new(), halted: true, ..passed };
            }
        }
        passed
    }

    /// Tells viewers, once, that the answer cannot be read.
    fn tell_of_copy(&mut self) {
        let Some(copy) = self.copy.as_mut() else { return };
        if !copy.encoding.is_empty() {
            let encoding = std::mem::take(&mut copy.encoding);
            self.telling.stream.append([json!({"kind": "opaque", "encoding": encoding}).to_string()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_text_is_read_however_its_bytes_are_cut() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        for piece in ["data: a\n\n", "data: b\n\n"] {
            encoder.write_all(piece.as_bytes()).unwrap();
            encoder.flush().unwrap();
        }
        let encoded = [encoder.finish().unwrap(), gzip("data: c\n\n")].concat();
        for size in 1..encoded.len() {
            let mut copy = Copy::of("GZIP").unwrap();
            let text: Vec<u8> = encoded.chunks(size).flat_map(|piece| copy.read(piece).unwrap()).collect();
            assert_eq!(text, b"data: a\n\ndata: b\n\ndata: c\n\n", "{size}");
        }
    }

    #[test]
    fn what_is_no_gzip_is_not_read() {
        assert!(Copy::of("br").is_none());
        let mut copy = Copy::of("gzip").unwrap();
        assert_eq!(copy.read(b"no gzip at all"), None);
        assert_eq!(copy.read(&gzip("a")), None);
    }

    #[test]
    fn a_small_piece_of_a_bomb_is_of_bounded_length() {
        let bomb = gzip(&"\0".repeat(8 << 20));
        let mut copy = Copy::of("gzip").unwrap();
        let longest = bomb.chunks(PIECE).map(|piece| copy.read(piece).unwrap().len()).max();
        assert!(longest < Some(2 << 20), "{longest:?}");
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }
}
