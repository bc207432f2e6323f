//! The mark of the byte order at the begin of a body: behind a comment it is none, and hides the first event.

use bytes::Bytes;

const MARK: &[u8] = "\u{feff}".as_bytes();

/// Takes it out of a body that passes behind comments.
#[derive(Default)]
pub(crate) struct Bom {
    is_behind: bool,
    /// Bytes of the mark that have come.
    held: usize,
    /// The body has begun with something else, or with all of the mark.
    is_over: bool,
}

impl Bom {
    /// Something was sent before what comes next of the body.
    pub(crate) fn comes_behind(&mut self) {
        self.is_behind = true;
    }

    /// What passes of the next bytes of the body.
    pub(crate) fn pass(&mut self, bytes: Bytes) -> Bytes {
        if self.is_over || bytes.is_empty() {
            return bytes;
        }
        let Some(rest) = MARK.get(self.held..).filter(|_| self.is_behind) else {
            self.is_over = true;
            return bytes;
        };
        let alike = bytes.iter().zip(rest).take_while(|(one, other)| one == other).count();
        if alike == rest.len() {
            (self.is_over, self.held) = (true, 0);
            return bytes.slice(alike..);
        }
        if alike == bytes.len() {
            self.held += alike;
            return Bytes::new();
        }
        [self.rest(), bytes].concat().into()
    }

    /// What is held of a body that is over.
    pub(crate) fn rest(&mut self) -> Bytes {
        self.is_over = true;
        Bytes::from_static(MARK.get(..std::mem::take(&mut self.held)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes of a body in pieces of a size.
    fn pass(body: &[u8], size: usize, is_behind: bool) -> Vec<u8> {
        let mut bom = Bom { is_behind, ..Bom::default() };
        let mut passed: Vec<u8> = body.chunks(size).flat_map(|piece| bom.pass(Bytes::copy_from_slice(piece))).collect();
        passed.extend(bom.rest());
        passed
    }

    #[test]
    fn the_mark_goes_behind_a_comment_alone_and_nothing_else_does() {
        let marked = "\u{feff}data: 1\u{feff}\n\n".as_bytes();
        for size in 1..5 {
            assert_eq!(pass(marked, size, true), &marked[3..], "{size}");
            for (body, is_behind) in [
                (marked, false),
                (&b"data: 1\n\n"[..], true),
                (&b"\xef\xbbdata"[..], true),
                (&b"\xef\xbb"[..], true),
                (&b""[..], true),
            ] {
                assert_eq!(pass(body, size, is_behind), body, "{size}");
            }
        }
    }
}
