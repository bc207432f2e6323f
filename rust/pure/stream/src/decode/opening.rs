//! What a body's first bytes show that is no stream at all: a compressed body, a page.

use super::lines::BOM;

/// Bytes kept; what is told apart here is told by fewer, unless much white space comes first.
const KEPT: usize = 64;

/// First bytes of compressed bodies: gzip, Zstandard, zlib at three levels, xz, bzip2, LZ4. Brotli has none.
const COMPRESSED: [&[u8]; 8] = [
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"\x78\x01",
    b"\x78\x9c",
    b"\x78\xda",
    b"\xfd7zXZ\0",
    b"BZh91AY&SY",
    b"\x04\x22\x4d\x18",
];

/// First words of a page, in lower case.
const PAGES: [&[u8]; 3] = [b"<!doctype html", b"<html", b"<?xml"];

/// Whether a body shows something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    No,
    /// More bytes are needed.
    Perhaps,
    Yes,
}

/// Whether a body that begins with `head` is compressed.
pub(super) fn compressed(head: &[u8]) -> Shows {
    begins(head, &COMPRESSED)
}

/// Whether a body that begins with `head` is a page of HTML or a document of XML, as gateways send in place of a stream.
pub(super) fn page(head: &[u8]) -> Shows {
    let body = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
    let body = body.get(..KEPT).unwrap_or(body).to_ascii_lowercase();
    begins(&body, &PAGES)
}

fn begins(head: &[u8], beginnings: &[&[u8]]) -> Shows {
    if beginnings.iter().any(|beginning| head.starts_with(beginning)) {
        return Shows::Yes;
    }
    if beginnings.iter().any(|beginning| beginning.starts_with(head)) { Shows::Perhaps } else { Shows::No }
}

/// The first bytes of a body, kept because they are judged once it has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opening(Vec<u8>);

impl Opening {
    /// Reads on; all but the first bytes are ignored.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        let room = KEPT.saturating_sub(self.0.len());
        self.0.extend(chunk.iter().take(room));
    }

    /// No byte has come.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The body is compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        compressed(&self.0) == Shows::Yes
    }

    /// The body is a page.
    pub(crate) fn is_page(&self) -> bool {
        page(&self.0) == Shows::Yes
    }
}

crate::keep::keep!(tuple Opening);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_in_any_case_and_behind_white_space() {
        for body in ["<html>", " \r\n<!DOCTYPE HTML>", "\u{feff}<?xml version=\"1.0\"?>", "<HtMl lang=\"en\">"] {
            assert_eq!(page(body.as_bytes()), Shows::Yes, "{body}");
        }
        for body in ["", "\n", "<", "<!DOCTYPE"] {
            assert_eq!(page(body.as_bytes()), Shows::Perhaps, "{body:?}");
        }
        for body in ["<think>", "<p>", "html", "<!-- -->", "< html>"] {
            assert_eq!(page(body.as_bytes()), Shows::No, "{body}");
        }
    }

    #[test]
    fn only_the_first_bytes_are_kept() {
        let mut opening = Opening::default();
        opening.push(b"\x1f");
        assert!(!opening.is_compressed());
        opening.push(b"\x8b\x08");
        opening.push(&[0; 1000]);
        assert!(opening.is_compressed());
        assert_eq!(opening.0.len(), KEPT);
    }
}
