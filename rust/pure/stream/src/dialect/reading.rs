use std::ops::Range;

use midstream_series::Timestamp;

use super::alike::Alike;
use super::{Dialect, Parse, failure, foreign, given, likely, parser, sniff, text};
use crate::closing::Closing;
use crate::decode::{Frame, FrameKind, Framing};
use crate::emit::{Emit, Known};
use crate::json;
use crate::keep::{Keep, Kept, Source, State};
use crate::{Anomaly, End, Events};

/// Messages that may pass before a stream whose dialect cannot be told is read as opaque.
const MAX_UNDECIDED: usize = 3;
/// Frames kept that tell nothing; later ones are pings at once.
const MAX_WAITING: usize = 64;
/// Bytes of such messages kept.
const MAX_UNDECIDED_BYTES: usize = 64 << 10;

/// The dialect of one stream: given, or told by its first frames, which wait until then.
pub(crate) struct Reading {
    dialect: Dialect,
    parser: Option<Box<dyn Parse>>,
    waiting: Vec<Waiting>,
    pieces: bool,
    /// They are pieces of a page, which nobody wrote as an answer.
    page: bool,
    /// No dialect was given.
    detects: bool,
    given: given::Given,
    alike: Alike,
    /// Keeps what the stream's end needs.
    closing: Option<Box<Closing>>,
}

struct Waiting {
    kind: FrameKind,
    name: String,
    data: String,
    bytes: Range<u64>,
    data_at: Option<u64>,
}

impl Reading {
    pub(crate) fn new(dialect: Dialect, framing: Framing) -> Self {
        let mut reading = Self {
            dialect,
            parser: None,
            waiting: Vec::new(),
            pieces: false,
            page: false,
            detects: dialect == Dialect::Auto,
            given: given::Given::new(dialect),
            alike: Alike::default(),
            closing: None,
        };
        reading.framing_is(framing);
        reading
    }

    /// A stop will have an end.
    pub(crate) fn end_with(&mut self, end: End) {
        if self.closing.as_ref().map(|closing| closing.end()).unwrap_or_default() != end {
            self.closing = Closing::new(end);
        }
    }

    pub(crate) fn closing(&mut self) -> Option<&mut Closing> {
        self.closing.as_deref_mut()
    }

    pub(crate) fn dialect(&self) -> Dialect {
        if self.dialect == Dialect::Auto { Dialect::Opaque } else { self.dialect }
    }

    /// Whether the frames are pieces of plain text, whose borders mean nothing.
    pub(crate) fn in_pieces(&self) -> bool {
        self.pieces
    }

    /// Some framings leave only one dialect. One that was given stays: a body that does not even have its framing shows
    /// no end of it.
    pub(crate) fn framing_is(&mut self, framing: Framing) {
        self.pieces = framing == Framing::Text;
        self.dialect = match (self.dialect, framing) {
            (Dialect::Auto, Framing::Text) => Dialect::Text,
            (Dialect::Auto, Framing::Opaque) => Dialect::Opaque,
            (dialect, _) => dialect,
        }
    }

    /// The body is a page: nothing in it is read.
    pub(crate) fn page_is_there(&mut self) {
        self.page = true;
        if self.detects {
            self.dialect = Dialect::Opaque;
        }
    }

    /// No dialect was given and none was found.
    pub(crate) fn is_unrecognised(&self) -> bool {
        self.detects && self.dialect() == Dialect::Opaque
    }

    /// Reads a frame, and before it those that waited; `done` is told of each once it is read.
    pub(crate) fn frame(
        &mut self,
        frame: &Frame<'_>,
        known: &mut Known,
        events: &mut Events,
        now: Timestamp,
        done: &mut dyn FnMut(&Frame<'_>, &mut Known, &Events),
    ) {
        if self.dialect == Dialect::Auto {
            match sniff(frame) {
                Some(dialect) => self.dialect = dialect,
                None if !tells(frame.kind, frame.data) && self.waiting.len() >= MAX_WAITING => {
                    return Emit::new(known, events, now, Some(frame)).ping();
                }
                None if self.may_wait(frame) => return self.waiting.push(Waiting::of(frame)),
                None => self.dialect = self.fallback(Some(frame.data)),
            }
        }
        self.waiting(known, events, now, done);
        self.parse(frame, &mut Emit::new(known, events, now, Some(frame)));
        done(frame, known, events);
    }

    fn waiting(
        &mut self,
        known: &mut Known,
        events: &mut Events,
        now: Timestamp,
        done: &mut dyn FnMut(&Frame<'_>, &mut Known, &Events),
    ) {
        for waiting in std::mem::take(&mut self.waiting) {
            let frame = waiting.frame();
            self.parse(&frame, &mut Emit::new(known, events, now, Some(&frame)));
            done(&frame, known, events);
        }
    }

    /// The stream ended: what still waits will show nothing more.
    pub(crate) fn give_up(
        &mut self,
        known: &mut Known,
        events: &mut Events,
        now: Timestamp,
        done: &mut dyn FnMut(&Frame<'_>, &mut Known, &Events),
    ) {
        if !self.waiting.is_empty() {
            self.dialect = self.fallback(None);
        }
        self.waiting(known, events, now, done);
        if self.parser.is_none() {
            parser(self.dialect()).begin(&mut Emit::new(known, events, now, None));
        }
    }

    /// The dialect of messages that show none: the likely one, or text where not one of them looks like JSON.
    fn fallback(&self, current: Option<&str>) -> Dialect {
        if let Some(dialect) = self.waiting.iter().find_map(|waiting| likely(&waiting.frame())) {
            return dialect;
        }
        let messages = self.waiting.iter().filter(|waiting| waiting.kind == FrameKind::Message);
        let data = messages.map(|waiting| waiting.data.as_str()).chain(current);
        let data: Vec<&str> = data.filter(|data| !data.trim().is_empty()).collect();
        match data.as_slice() {
            [] => Dialect::Opaque,
            // The mark alone is of the format that it comes from.
            data if data.iter().all(|data| data.trim() == "[DONE]") => Dialect::OpenaiChat,
            data if data.iter().all(|data| text::could_be(data)) => Dialect::Text,
            _ => Dialect::Opaque,
        }
    }

    fn may_wait(&self, frame: &Frame<'_>) -> bool {
        let messages = self.waiting.iter().filter(|waiting| tells(waiting.kind, &waiting.data)).count();
        let bytes: usize = self.waiting.iter().map(|waiting| waiting.data.len()).sum();
        (messages + 1 < MAX_UNDECIDED || !tells(frame.kind, frame.data))
            && bytes + frame.data.len() <= MAX_UNDECIDED_BYTES
    }

    fn parse(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let (dialect, pieces) = (self.dialect, self.pieces);
        let parser = self.parser.get_or_insert_with(|| {
            let mut parser = parser(dialect);
            parser.begin(emit);
            if pieces && !matches!(dialect, Dialect::Opaque | Dialect::Text) {
                emit.anomaly_of_body(Anomaly::BadJson);
            }
            parser
        });
        if self.page {
            emit.unread_text(text::CHANNEL, frame.data);
            return emit.other("");
        }
        if pieces {
            emit.end().content();
            if dialect == Dialect::Opaque {
                emit.unread_text(text::CHANNEL, frame.data);
            } else {
                emit.plain_fragment(text::CHANNEL, frame.data);
            }
            return;
        }
        if frame.kind == FrameKind::Comment {
            return emit.ping();
        }
        let was_marked = emit.end().is_marked();
        if !was_marked && self.alike.read(frame, emit) {
            self.given.check(frame, emit);
            emit.ended_choices_end();
            return self.keep(frame, emit);
        }
        let (anomalies, unknown) = (emit.anomalies(), emit.counted(Anomaly::UnknownEvent));
        read(parser.as_mut(), frame, emit);
        if emit.counted(Anomaly::UnknownEvent) > unknown {
            foreign::look(frame, emit);
        }
        emit.read_beside();
        emit.ended_choices_end();
        self.alike.learn(parser.as_ref(), frame, emit, &anomalies);
        self.given.check(frame, emit);
        if text::is_json(dialect) && json::is_too_deep(frame.data) {
            emit.anomaly(Anomaly::TooDeep);
        }
        // Some hosts send `[DONE]` behind the format's own end, and some keep the connection alive.
        let after_end = was_marked && emit.end().is_marked() && !matches!(frame.data.trim(), "" | "[DONE]");
        if after_end && frame.kind == FrameKind::Message {
            emit.anomaly(Anomaly::AfterEnd);
        }
        if !was_marked && emit.end().is_marked() {
            emit.mark_ends_texts();
        }
        if dialect == Dialect::Opaque && tells(frame.kind, frame.data) && !emit.has_failed() {
            emit.unreadable();
        }
        if emit.is_silent() {
            emit.other(frame.name);
        }
        self.keep(frame, emit);
    }

    fn keep(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if let Some(closing) = &mut self.closing {
            closing.frame(self.dialect, frame, emit);
        }
    }
}

/// Whether a frame may show a dialect: comments and blank messages keep the connection alive in all of them.
fn tells(kind: FrameKind, data: &str) -> bool {
    kind != FrameKind::Comment && !data.trim().is_empty()
}

/// Reads a frame, and once more where the parser could make nothing of it although something can be made.
fn read(parser: &mut dyn Parse, frame: &Frame<'_>, emit: &mut Emit<'_>) {
    let counted = |emit: &Emit<'_>| (emit.counted(Anomaly::BadJson), emit.counted(Anomaly::UnknownEvent));
    let before = counted(emit);
    parser.frame(frame, emit);
    let after = counted(emit);
    if after.0 > before.0
        && let Some(data) = json::distinct(frame.data)
    {
        emit.take_back();
        parser.frame(&Frame { data: &data, data_at: None, ..frame.clone() }, emit);
    }
    if after == before || frame.kind != FrameKind::Message || emit.has_failed() {
        return;
    }
    if let Some(failure) = failure::of_any_shape(frame.data) {
        failure.emit(emit);
    } else if frame.name == "error" {
        emit.error("", frame.data, failure::is_passing(frame.data));
    }
}

impl Waiting {
    fn of(frame: &Frame<'_>) -> Self {
        Self {
            kind: frame.kind,
            name: frame.name.to_owned(),
            data: frame.data.to_owned(),
            bytes: frame.bytes.clone(),
            data_at: frame.data_at,
        }
    }

    fn frame(&self) -> Frame<'_> {
        let Self { kind, name, data, bytes, data_at } = self;
        Frame { kind: *kind, name, data, bytes: bytes.clone(), data_at: *data_at }
    }
}

crate::keep::keep!(struct Waiting { kind, name, data, bytes, data_at });

/// What a frame like the last one would spare is learned anew.
impl State for Reading {
    fn keep_state(&self, out: &mut Kept) {
        let Self { dialect, parser, alike: _, waiting, pieces, page, detects, given, closing } = self;
        (*dialect, *pieces, *page).keep(out);
        (*detects, *given).keep(out);
        waiting.keep(out);
        parser.is_some().keep(out);
        if let Some(parser) = parser {
            parser.keep_state(out);
        }
        closing.is_some().keep(out);
        if let Some(closing) = closing {
            closing.keep_state(out);
        }
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        (self.dialect, self.pieces, self.page) = Keep::take(from)?;
        (self.detects, self.given) = Keep::take(from)?;
        self.waiting = Keep::take(from)?;
        self.parser = bool::take(from)?.then(|| parser(self.dialect()));
        if let Some(parser) = &mut self.parser {
            parser.take_state(from)?;
        }
        self.closing = bool::take(from)?.then(|| Closing::new(End::Error)).flatten();
        self.closing.as_mut().map_or(Some(()), |closing| closing.take_state(from))
    }
}
