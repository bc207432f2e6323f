//! Bytes to frames: incremental, lossless, and the same at every split of the input.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use crate::keep::State;
use crate::settings::by_name;
use crate::{Anomaly, Error};

mod carry;

#[cfg(test)]
mod collected;
mod detect;
pub(crate) mod envelope;
mod event_headers;
mod event_stream;
mod frame_lines;
mod json_array;
mod lines;
mod ndjson;
mod opening;
#[cfg(test)]
mod oracle_tests;
mod sse;
mod text;
mod websocket;

pub(crate) use detect::Detect;
pub(crate) use opening::Opening;

/// How a body is cut into frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Told by the content type, else by the first bytes.
    #[default]
    Auto,
    /// AWS `application/vnd.amazon.eventstream`: prelude, headers, payload, two checksums.
    EventStream,
    /// One JSON array whose elements come one by one, or one JSON object.
    JsonArray,
    /// One JSON value a line.
    Ndjson,
    /// Nothing is known: bytes, timing and close.
    Opaque,
    /// Server-sent events.
    Sse,
    /// Plain text.
    Text,
    /// One message a call of `feed`.
    WebSocket,
    /// A recording of WebSocket frames: a line each, `{"direction": "received", "data": ...}`.
    WebSocketLines,
}

impl Framing {
    /// Every framing, in the order of its name.
    pub const ALL: [Self; 9] = [
        Self::Auto,
        Self::EventStream,
        Self::JsonArray,
        Self::Ndjson,
        Self::Opaque,
        Self::Sse,
        Self::Text,
        Self::WebSocket,
        Self::WebSocketLines,
    ];

    /// The name in settings and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::EventStream => "aws-eventstream",
            Self::JsonArray => "json-array",
            Self::Ndjson => "ndjson",
            Self::Opaque => "opaque",
            Self::Sse => "sse",
            Self::Text => "text",
            Self::WebSocket => "websocket",
            Self::WebSocketLines => "websocket-lines",
        }
    }

    /// The framing of that name.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        by_name("framing", name, &Self::ALL, Self::name)
    }
}

/// A decoder of `framing`; `Auto` and `Opaque` have none.
pub(crate) fn decoder(framing: Framing) -> Option<Box<dyn Decode>> {
    match framing {
        Framing::Auto | Framing::Opaque => None,
        Framing::EventStream => Some(Box::new(event_stream::EventStream::default())),
        Framing::JsonArray => Some(Box::new(json_array::JsonArray::default())),
        Framing::Ndjson => Some(Box::new(ndjson::Ndjson::default())),
        Framing::Sse => Some(Box::new(sse::Sse::default())),
        Framing::Text => Some(Box::new(text::Text::default())),
        Framing::WebSocket => Some(Box::new(websocket::WebSocket)),
        Framing::WebSocketLines => Some(Box::new(frame_lines::FrameLines::default())),
    }
}

/// How many bytes of one unfinished frame are kept at most. The rest of a longer frame passes unseen.
pub(crate) const MAX_FRAME: usize = 8 << 20;

/// What a frame is, beside its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// An SSE comment or an empty keep-alive.
    Comment,
    /// An AWS exception frame; `name` is its `:exception-type` or `:error-code`.
    Exception,
    /// What the provider sent.
    Message,
    /// A WebSocket frame that the client sent.
    Sent,
}

/// One unit of the wire format.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: FrameKind,
    /// SSE's `event:`, AWS's `:event-type`; else empty.
    pub(crate) name: &'a str,
    /// The payload, each maximal piece of bad UTF-8 replaced by one U+FFFD.
    pub(crate) data: &'a str,
    /// The frame in the raw stream, delimiter included.
    pub(crate) bytes: Range<u64>,
    /// Where `data` begins in the raw stream, if it stands there contiguous and unchanged.
    pub(crate) data_at: Option<u64>,
}

/// The text that `bytes` hold, one U+FFFD for each maximal bad part, and whether nothing had to be replaced.
fn text<'a>(bytes: &'a [u8], sink: &mut dyn Sink) -> (Cow<'a, str>, bool) {
    // Checking alone is several times as fast as looking for bad parts.
    if let Ok(text) = str::from_utf8(bytes) {
        return (Cow::Borrowed(text), true);
    }
    sink.anomaly(Anomaly::BadUtf8);
    (String::from_utf8_lossy(bytes), false)
}

/// Takes what a decoder reads.
pub(crate) trait Sink {
    /// One whole frame. `Break` ends decoding: nothing after this frame will be read.
    fn frame(&mut self, frame: &Frame<'_>) -> ControlFlow<()>;

    /// Something was wrong with the framing; decoding goes on.
    fn anomaly(&mut self, anomaly: Anomaly);
}

/// An incremental decoder of one wire format.
pub(crate) trait Decode: Send + State {
    /// Reads `chunk`, which begins at byte `at` of the raw stream, and hands every frame that is whole to `sink`.
    /// The frames are the same at every split of the stream into chunks.
    fn feed(&mut self, chunk: &[u8], at: u64, sink: &mut dyn Sink) -> ControlFlow<()>;

    /// The stream ended at byte `at`: hands out what is left, flagged `unterminated_event` where its delimiter is missing.
    fn finish(&mut self, at: u64, sink: &mut dyn Sink) -> ControlFlow<()>;
}

crate::keep::keep!(
    enum Framing {
        Auto,
        EventStream,
        JsonArray,
        Ndjson,
        Opaque,
        Sse,
        Text,
        WebSocket,
        WebSocketLines,
    }
);
crate::keep::keep!(
    enum FrameKind {
        Comment,
        Exception,
        Message,
        Sent,
    }
);
