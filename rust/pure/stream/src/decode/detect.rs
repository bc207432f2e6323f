use memchr::{memchr, memchr2, memmem};
use serde::Deserialize;

use super::Framing;
use super::event_stream::{PRELUDE, prelude};
use super::lines::BOM;
use super::opening::{self, Shows};
use crate::json::{self, Leaf};

/// Bytes after which a body that shows no framing counts as text, or as opaque where it is not UTF-8.
const ENOUGH: usize = 64 << 10;
/// Brackets in a row that begin an array of arrays and no text.
const BRACKETS: usize = 64;

/// Tells a body's framing from its first bytes, and from its content type where they leave it open: some servers send
/// one format under the name of another.
#[derive(Clone, Debug)]
pub(crate) struct Detect {
    content_type: Option<Framing>,
    is_plain: bool,
}

impl Detect {
    /// `content_type` as the HTTP header gives it, parameters included.
    pub(crate) fn new(content_type: Option<&str>) -> Self {
        let is_plain = content_type.is_some_and(|content_type| essence(content_type) == "text/plain");
        Self { content_type: content_type.and_then(named), is_plain }
    }

    /// Whether the content type says that the body is plain text, so that what looks like a page is an answer.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The framing of a body that begins with `head`; `None` while more bytes are needed. The answer does not depend on
    /// how many bytes beyond the deciding one are there. `ended` says that no more will come.
    pub(crate) fn framing(&self, head: &[u8], ended: bool) -> Option<Framing> {
        let enough = head.get(..ENOUGH);
        let ended = ended || enough.is_some();
        let head = enough.unwrap_or(head);
        if head.is_empty() {
            return ended.then_some(self.content_type.unwrap_or(Framing::Opaque));
        }
        match shape(head, ended) {
            Shape::Clear(framing) => Some(framing),
            Shape::Open => None,
            Shape::Vague(framing) => Some(self.content_type.unwrap_or(framing)),
        }
    }
}

/// The framing that a content type names.
fn named(content_type: &str) -> Option<Framing> {
    match essence(content_type).as_str() {
        "application/json" => Some(Framing::JsonArray),
        "application/json-lines"
        | "application/json-seq"
        | "application/jsonl"
        | "application/jsonlines"
        | "application/ndjson"
        | "application/stream+json"
        | "application/x-json-stream"
        | "application/x-jsonlines"
        | "application/x-ndjson" => Some(Framing::Ndjson),
        "application/vnd.amazon.eventstream" => Some(Framing::EventStream),
        "text/event-stream" => Some(Framing::Sse),
        _ => None,
    }
}

/// A content type without its parameters, in lower case.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What first bytes show.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// This framing, whatever the content type says.
    Clear(Framing),
    /// Nothing yet: more bytes are needed.
    Open,
    /// This framing, unless the content type names another.
    Vague(Framing),
}

/// The shape of a body that begins with `head`, which is not empty.
fn shape(head: &[u8], ended: bool) -> Shape {
    match opening::compressed(head) {
        Shows::Yes => return Shape::Clear(Framing::Opaque),
        Shows::Perhaps if !ended => return Shape::Open,
        _ => {}
    }
    let body = match head.strip_prefix(BOM) {
        Some(body) => body,
        None if BOM.starts_with(head) && !ended => return Shape::Open,
        None => head,
    };
    let text = body.trim_ascii_start();
    let starts_line = matches!(body.get(..body.len() - text.len()).and_then(<[u8]>::last), None | Some(b'\n' | b'\r'));
    match text.first() {
        None if ended => Shape::Vague(Framing::Text),
        None => Shape::Open,
        Some(0 | 1) => binary(head, ended),
        Some(b'{') => object(text, ended),
        Some(b'[') => array(text, ended),
        Some(b'<') => page(text, ended),
        Some(_) if starts_line => events(text, ended),
        Some(_) => plain(text, ended),
    }
}

/// A length of four bytes begins an AWS message; none is so long that the first is above 1.
fn binary(head: &[u8], ended: bool) -> Shape {
    match head.first_chunk::<PRELUDE>() {
        Some(bytes) if prelude(bytes).is_some() => Shape::Clear(Framing::EventStream),
        None if !ended => Shape::Open,
        _ => Shape::Vague(Framing::Opaque),
    }
}

/// What tells the first line of a recorded WebSocket session.
#[derive(Deserialize)]
struct FirstLine<'a> {
    #[serde(borrow, default)]
    direction: Leaf<'a>,
}

impl FirstLine<'_> {
    fn is_recorded_frame(&self) -> bool {
        matches!(json::string(self.direction).as_deref(), Some("received" | "sent"))
    }
}

/// A first line that holds a whole object begins lines; else the object spans lines, or is cut or damaged.
fn object(text: &[u8], ended: bool) -> Shape {
    let (line, rest) = match memchr(b'\n', text).and_then(|end| text.split_at_checked(end)) {
        Some((line, rest)) => (line, rest),
        None if !ended => return Shape::Open,
        None => (text, &[][..]),
    };
    match serde_json::from_str::<FirstLine<'_>>(&String::from_utf8_lossy(line)) {
        Ok(first) if first.is_recorded_frame() => Shape::Clear(Framing::WebSocketLines),
        Ok(_) => Shape::Clear(Framing::Ndjson),
        Err(_) if begins_recorded_frame(line) => Shape::Clear(Framing::WebSocketLines),
        Err(_) if goes_on(line) => Shape::Clear(Framing::JsonArray),
        Err(_) => match rest.get(1) {
            None if !ended => Shape::Open,
            Some(b'{') => Shape::Clear(Framing::Ndjson),
            _ => Shape::Clear(Framing::JsonArray),
        },
    }
}

/// Whether JSON may break the line here: behind a bracket, a comma or a colon. If not, the line is cut or damaged.
fn goes_on(line: &[u8]) -> bool {
    matches!(line.trim_ascii_end().last(), Some(b'{' | b'[' | b',' | b':'))
}

/// Whether a line too long to see whole begins as a recorded WebSocket frame does: its direction, then its data.
fn begins_recorded_frame(line: &[u8]) -> bool {
    let Some(data) = memmem::find(line, b"\"data\"") else { return false };
    let before = line.get(1..data).unwrap_or_default();
    memmem::find(before, b"\"direction\"").is_some() && memchr(b'{', before).is_none()
}

/// A page is text, whatever the content type says.
fn page(text: &[u8], ended: bool) -> Shape {
    match opening::page(text) {
        Shows::Yes => Shape::Clear(Framing::Text),
        Shows::Perhaps if !ended => Shape::Open,
        _ => plain(text, ended),
    }
}

/// An array of objects, an empty one, or brackets that no text begins with; text may begin with a bracket too.
fn array(text: &[u8], ended: bool) -> Shape {
    let brackets = text.iter().take_while(|byte| **byte == b'[').count();
    match brackets {
        1 => {}
        BRACKETS.. => return Shape::Clear(Framing::JsonArray),
        _ if brackets == text.len() && !ended => return Shape::Open,
        _ => return plain(text, ended),
    }
    match text.get(1..).unwrap_or_default().trim_ascii_start().first() {
        Some(b'{' | b']') => Shape::Clear(Framing::JsonArray),
        None if !ended => Shape::Open,
        _ => plain(text, ended),
    }
}

/// Fields and comments of server-sent events, up to the first data or blank line; a colon alone is too little.
fn events(text: &[u8], ended: bool) -> Shape {
    let mut line = text;
    loop {
        if line.starts_with(b"data:") || (line.len() < text.len() && matches!(line.first(), Some(b'\n' | b'\r'))) {
            return Shape::Clear(Framing::Sse);
        }
        let is_field = [&b":"[..], b"event:", b"id:", b"retry:"].iter().any(|field| line.starts_with(field));
        let may_be_field = [&b"data:"[..], b"event:", b"id:", b"retry:"].iter().any(|field| field.starts_with(line));
        if !is_field {
            return match (may_be_field, line.len() < text.len()) {
                (true, _) if !ended => Shape::Open,
                (true, true) => Shape::Clear(Framing::Sse),
                _ => plain(text, ended),
            };
        }
        let Some(end) = memchr2(b'\n', b'\r', line) else {
            return if ended { Shape::Clear(Framing::Sse) } else { Shape::Open };
        };
        let line_end = if line.get(end..).unwrap_or_default().starts_with(b"\r\n") { 2 } else { 1 };
        line = line.get(end + line_end..).unwrap_or_default();
    }
}

/// Text, if its first character is one.
fn plain(text: &[u8], ended: bool) -> Shape {
    let is_cut = |bytes| str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none());
    let is_control = |character: char| character.is_control() && character != '\u{1b}';
    match text.utf8_chunks().next().map(|part| (part.valid().chars().next(), part.invalid())) {
        Some((Some(character), _)) if !is_control(character) => Shape::Vague(Framing::Text),
        Some((None, cut)) if !ended && cut.len() == text.len() && is_cut(cut) => Shape::Open,
        _ => Shape::Vague(Framing::Opaque),
    }
}

crate::keep::keep!(struct Detect { content_type, is_plain });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The framing, checked to be the same at every length of head from the deciding byte on.
    fn framing(content_type: Option<&str>, body: &[u8]) -> Framing {
        let detect = Detect::new(content_type);
        let end = detect.framing(body, true).unwrap();
        let mut decided = None;
        for length in 0..=body.len() {
            let found = detect.framing(&body[..length], false);
            assert!(decided.is_none() || decided == found, "{length} bytes: {decided:?}, then {found:?}");
            decided = found;
        }
        assert!(decided.is_none_or(|decided| decided == end), "{decided:?}, at the end {end:?}");
        end
    }

    #[test]
    fn first_bytes_tell_the_framing() {
        for (body, expected) in [
            ("data: {}\n\n", Framing::Sse),
            ("\u{feff}data: 1\n\n", Framing::Sse),
            ("\r\n\nid: 1\r\nevent: message\r\ndata: {}", Framing::Sse),
            (": OPENROUTER PROCESSING\n\n", Framing::Sse),
            ("retry: 5\r\rdata", Framing::Sse),
            ("event: ping", Framing::Sse),
            (":) hello\nworld\n", Framing::Text),
            ("id: 7\nname: yaml\n", Framing::Text),
            ("  data: indented\n", Framing::Text),
            ("dat", Framing::Text),
            ("{\"a\":1}\n{\"a\":2}\n", Framing::Ndjson),
            ("\n {\"a\":1}", Framing::Ndjson),
            ("{\n \"error\": 1}", Framing::JsonArray),
            ("{\"a\":", Framing::JsonArray),
            ("{\"a\":{\"b\":1}\n{\"a\":2}\n", Framing::Ndjson),
            ("{\"a\": 1\n}\n", Framing::JsonArray),
            ("[{\"a\"", Framing::JsonArray),
            ("[\n]", Framing::JsonArray),
            ("[12:00] started", Framing::Text),
            ("{\"kind\":\"message\",\"direction\":\"sent\",\"data\":{}}\n", Framing::WebSocketLines),
            ("Hello", Framing::Text),
            ("\u{1b}[1mbold", Framing::Text),
            ("中", Framing::Text),
            ("\n\n", Framing::Text),
            ("", Framing::Opaque),
        ] {
            assert_eq!(framing(None, body.as_bytes()), expected, "{body:?}");
        }
        assert_eq!(framing(None, b"\x1f\x8b\x08"), Framing::Opaque);
        assert_eq!(framing(None, b"\xe4a"), Framing::Opaque);
    }

    #[test]
    fn a_checked_prelude_tells_an_aws_stream() {
        let mut body = vec![0, 0, 0, 16, 0, 0, 0, 0];
        body.extend(crc32fast::hash(&body).to_be_bytes());
        assert_eq!(framing(None, &body), Framing::EventStream);
        body[11] ^= 1;
        assert_eq!(framing(None, &body), Framing::Opaque);
        assert_eq!(framing(Some("application/vnd.amazon.eventstream"), &body), Framing::EventStream);
    }

    #[test]
    fn the_content_type_decides_what_bytes_leave_open() {
        for (content_type, body, expected) in [
            ("text/event-stream; charset=utf-8", "unknown: field\n", Framing::Sse),
            ("text/event-stream", "{\"error\": {}}", Framing::Ndjson),
            ("Application/JSON", "data: {}\n", Framing::Sse),
            ("application/json", "[1, 2]", Framing::JsonArray),
            ("application/json", "{\"done\":false}\n{\"done\":true}\n", Framing::Ndjson),
            ("application/x-ndjson", "true\n", Framing::Ndjson),
            ("text/plain", "data: {}\n", Framing::Sse),
            ("text/plain", "so it is", Framing::Text),
        ] {
            assert_eq!(framing(Some(content_type), body.as_bytes()), expected, "{content_type} {body:?}");
        }
    }

    #[test]
    fn a_first_line_beyond_the_limit_is_told_by_its_beginning() {
        let long = "x".repeat(ENOUGH);
        let detect = Detect::new(None);
        let body = format!("{{\"direction\":\"sent\",\"data\":{{\"setup\":\"{long}");
        assert_eq!(detect.framing(body.as_bytes(), false), Some(Framing::WebSocketLines));
        let body = format!("{{\"model\":\"m\",\"image\":\"{long}\"}}\n");
        assert_eq!(detect.framing(body.as_bytes(), false), Some(Framing::JsonArray));
        assert_eq!(detect.framing(&vec![b' '; ENOUGH], false), Some(Framing::Text));
    }

    proptest! {
        #[test]
        fn more_bytes_never_change_an_answer(
            parts in prop::collection::vec(prop::sample::select(PARTS), 0..12),
            content_type in prop::sample::select(
                &[None, Some("text/event-stream"), Some("application/json"), Some("application/vnd.amazon.eventstream")][..]
            ),
        ) {
            framing(content_type, &parts.concat());
        }
    }

    const PARTS: &[&[u8]] = &[
        b"data:",
        b"da",
        b"event:",
        b"id: 1",
        b"retry",
        b":",
        b"\n",
        b"\r",
        b" ",
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"a\":1",
        b"\0",
        b"\xef",
        b"\xbb",
        b"\xbf",
        b"\xe4\xb8\xad",
        b"\x1f",
        b"\x8b\x08",
        b"x",
        b"<",
        b"!doctype ",
        b"html",
        b"{\"direction\":\"sent\"}",
    ];
}
