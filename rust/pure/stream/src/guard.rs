use std::sync::Arc;

use midstream_series::Timestamp;

use crate::course::written;
use crate::decode::{Decode, Detect, Frame, FrameKind, Framing, Opening, Sink, decoder};
use crate::dialect::{Dialect, Reading};
use crate::hold::Hold;
use crate::pace::sooner;
use crate::redact::{Fault, RuleSet};
use crate::{Checks, Close, Continues, Course, Decision, End, Error, Forward, Settings, Summary, Usage};

mod analysis;
mod course;
mod holding;
mod masking;
mod passage;
mod reader;
mod rest;
mod snapshot;
mod stopping;

use holding::HeldBack;
use masking::{mask, needs_bytes};
use passage::{Passage, Passed, Passing};
use reader::Reader;
use stopping::Stopping;

/// What is known of a stream before its first byte.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The provider's format; `Auto` tells it from the first frames.
    pub dialect: Dialect,
    /// How the body is cut into frames; `Auto` tells it from the content type, else from the first bytes.
    pub framing: Framing,
    /// The HTTP header's value, parameters included.
    pub content_type: Option<String>,
    /// The HTTP status. From 400 on the stream has failed, whatever it holds.
    pub http_status: Option<u16>,
    /// When the request was sent; without it there is no time to first byte.
    pub started: Option<Timestamp>,
    /// What the checks look for.
    pub settings: Settings,
    /// How a stream that a decision stopped ends for its consumer; `finish` gives those bytes.
    pub end: End,
    /// The rules of redaction, built once for many streams; without them those of the settings are built.
    pub rules: Option<Arc<RuleSet>>,
    /// What its owner does itself in the place of an end.
    pub continues: Continues,
}

/// Watches one stream: bytes in, the same bytes out, with events, findings and a decision per chunk.
///
/// Bytes are never changed, dropped or delayed, whatever the analysis makes of them, until a decision stops the stream.
/// Rules of redaction turn this round: then a frame passes once it is whole and read, with its secrets replaced, and a
/// stream of which a part cannot be read is stopped. Held text turns it round too: it waits for a verdict.
///
/// Events and findings do not depend on how the stream is cut into chunks; only their times do.
///
/// ```
/// use midstream_series::Timestamp;
/// use midstream_stream::{Close, EndingState, Forward, Guard, Options};
/// let mut guard = Guard::new(Options::default())?;
/// let chunk = b"data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
/// let decision = guard.feed(chunk, Timestamp::from_nanos(0))?;
/// assert_eq!(decision.forward, Forward::Same);
/// let (_, summary) = guard.finish(Close::Clean, Timestamp::from_nanos(1))?;
/// assert_eq!(summary.ending.state, EndingState::Truncated);
/// # Ok::<(), midstream_stream::Error>(())
/// ```
pub struct Guard {
    checks: Checks,
    framing: Framing,
    detect: Detect,
    opening: Opening,
    /// Nothing but white space has come.
    blank: bool,
    /// A page in place of the body is a failure: neither plain text nor an unknown format was asked for.
    expects_stream: bool,
    /// Bytes from the start on, while the framing is not known.
    head: Vec<u8>,
    decoder: Option<Box<dyn Decode>>,
    reading: Reading,
    /// Raw bytes read before the current call.
    position: u64,
    /// The analysis panicked; bytes pass unseen.
    blind: bool,
    /// Where bytes wait, if text is redacted.
    passage: Option<Box<Passage>>,
    /// What of it waits for the caller's check, if any does.
    hold: Option<Box<Hold>>,
    /// The caller said that no more bytes come.
    drained: bool,
    /// The caller has text and not bytes.
    pushed: bool,
    stopping: Stopping,
    course: Course,
}

impl Guard {
    /// A guard for one stream.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting that is not allowed, [`Error::Rule`] and [`Error::UnknownName`] for a rule.
    pub fn new(options: Options) -> Result<Self, Error> {
        let mask = mask(&options)?;
        holding::check_end(options.end, &options.settings)?;
        let hold = options.settings.hold.clone().map(|hold| Box::new(Hold::new(hold, options.settings.shadow)));
        let mut checks = Checks::of_guard(options.settings, options.started)?;
        if let Some(mask) = mask {
            checks.mask_is(mask);
        }
        checks.known.text_ends = hold.as_ref().map(|_| Vec::new());
        checks.read_calls();
        checks.continue_by(options.continues);
        checks.count();
        if options.http_status.is_some_and(|status| status >= 400) {
            checks.known.end.fail();
            checks.known.end.odd("http_status");
        }
        let detect = Detect::new(options.content_type.as_deref());
        let takes_text = detect.is_plain() || options.framing == Framing::Text;
        let mut reading = Reading::new(options.dialect, options.framing);
        reading.end_with(options.end);
        Ok(Self {
            course: Course::new(options.started),
            passage: checks.is_masked().then(Box::default),
            hold,
            drained: false,
            pushed: false,
            checks,
            detect,
            opening: Opening::default(),
            blank: true,
            expects_stream: !takes_text && !matches!(options.dialect, Dialect::Opaque | Dialect::Text),
            decoder: decoder(options.framing),
            reading,
            stopping: Stopping::default(),
            framing: options.framing,
            head: Vec::new(),
            position: 0,
            blind: false,
        })
    }

    /// Reads the next bytes. An empty chunk does nothing.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn feed<'a>(&'a mut self, chunk: &'a [u8], now: Timestamp) -> Result<Decision<'a>, Error> {
        let now = self.begin(now)?;
        if self.drained {
            return Err(Error::Finished);
        }
        if chunk.is_empty() {
            return Ok(self.decide(Forward::Nothing));
        }
        if self.arrive(now) {
            return Ok(self.feed_behind_stop(chunk, now));
        }
        let before = self.position;
        self.position += chunk.len() as u64;
        let mut passage = self.passage.take();
        let mut passing = passage.as_deref_mut().map(|passage| passage.begin(self.framing, chunk, before));
        let cut = self.analyse(|guard| guard.read(chunk, before, now, &mut passing)).flatten();
        let passed = passing.map(Passing::end);
        self.passage = passage;
        if self.blind || self.framing == Framing::Opaque {
            self.checks.fail(Fault::Unreadable);
        }
        self.checks.report_redactions();
        self.checks.close_call(self.framing == Framing::Opaque || self.blind, now);
        self.note(now);
        let length = match passed {
            Some(passed) => {
                let line_end = self.passed(passed, chunk).of(chunk).last_chunk().copied();
                self.stopping.pass_frames(line_end);
                0
            }
            None => self.pass(chunk, before, cut),
        };
        if self.hold.is_some() {
            let held = HeldBack::of(self.forward(passed, length, chunk), chunk);
            self.hold_back(&held, chunk);
            return Ok(self.decide(self.held_forward(&held, chunk)));
        }
        Ok(self.decide(self.forward(passed, length, chunk)))
    }

    /// What passes of a chunk: what went through the passage, else so many bytes.
    fn forward<'a>(&'a self, passed: Option<Passed>, length: usize, chunk: &'a [u8]) -> Forward<'a> {
        match passed {
            Some(passed) => self.passed(passed, chunk),
            None => Forward::up_to(length, chunk),
        }
    }

    fn passed<'a>(&'a self, passed: Passed, chunk: &'a [u8]) -> Forward<'a> {
        let bytes = match (passed, &self.passage) {
            (Passed::Chunk(length), _) if length == chunk.len() => return Forward::Same,
            (Passed::Chunk(length), _) => chunk.get(..length).unwrap_or_default(),
            (Passed::Out, Some(passage)) => passage.out(),
            (Passed::Out, None) => &[],
        };
        if bytes.is_empty() { Forward::Nothing } else { Forward::Bytes(bytes) }
    }

    /// Reads one event of the provider that the caller has as JSON text and not as bytes.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`]; [`Error::Setting`] where text is redacted, which needs the bytes of
    /// the stream.
    pub fn push_json(&mut self, json: &str, now: Timestamp) -> Result<Decision<'_>, Error> {
        let now = self.begin(now)?;
        if self.checks.is_masked() {
            return Err(if self.hold.is_some() {
                holding::needs_bytes("events")
            } else {
                needs_bytes(&self.checks.settings().redact, "events")
            });
        }
        if self.arrive(now) {
            return Ok(self.decide(Forward::Nothing));
        }
        let bytes = self.position..self.position + json.len() as u64;
        self.position = bytes.end;
        if self.framing == Framing::Auto {
            self.framing = Framing::WebSocket;
        }
        let frame = Frame { kind: FrameKind::Message, name: "", data: json, data_at: Some(bytes.start), bytes };
        self.analyse(|guard| {
            let mut passing = None;
            let mut reader = Reader::new(&mut guard.checks, &mut guard.reading, now, &mut passing);
            reader.hold = guard.hold.as_deref_mut();
            reader.frame(&frame)
        });
        self.checks.close_call(self.blind, now);
        self.note(now);
        Ok(self.decide(Forward::Same))
    }

    /// The owner reads on after a pause of its own, which is no stall: the clocks of waiting count from `now`.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn resume(&mut self, now: Timestamp) -> Result<Decision<'_>, Error> {
        self.checks.resume(now)
    }

    /// The provider's format as far as it is known: `opaque` before that.
    pub fn dialect(&self) -> &'static str {
        self.reading.dialect().name()
    }

    /// How the body is cut into frames: `auto` while that is not known.
    pub fn framing(&self) -> &'static str {
        self.framing.name()
    }

    /// Whether text is redacted: then what passes is what the decisions say, and nothing else may.
    pub fn redacts(&self) -> bool {
        self.checks.is_masked()
    }

    /// Matches replaced so far, then bytes that wait: of the stream, and of its decoded text.
    pub fn redacted(&self) -> (u64, u64, u64) {
        let waiting = self.passage.as_ref().map_or(0, |passage| passage.waiting());
        let mask = self.checks.known.mask.as_ref().and_then(|mask| mask.summary()).unwrap_or_default();
        (mask.redactions + mask.copies, waiting, mask.held_bytes)
    }

    /// The answer is over with its head: nothing of it is missing where no byte comes.
    pub fn expect_nothing(&mut self) {
        self.checks.known.end.expect_nothing();
    }

    /// Whether the provider said how its answer ends, so that what may still come is its usage.
    pub fn is_told(&self) -> bool {
        self.checks.known.end.is_told()
    }

    /// What came so far: the provider's counts of tokens, the characters that the model wrote, and bytes.
    pub fn used(&self) -> (Usage, u64, u64) {
        (self.checks.known.usage(), written(&self.checks.known.channels), self.position)
    }

    /// Whether the provider has counted the tokens of the answer.
    pub fn is_counted(&self) -> bool {
        self.checks.known.usage().output.is_some()
    }

    /// The owner is about to wait for the next bytes; see [`Checks::wait`].
    pub fn wait(&mut self, now: Timestamp) {
        self.checks.wait(now);
    }

    /// When `tick` is next needed; `None` where it is not.
    pub fn tick_at(&self) -> Option<Timestamp> {
        let held = self.hold.as_ref().filter(|_| !self.checks.is_halted()).and_then(|hold| hold.deadline());
        self.stopping.until().or_else(|| sooner(self.checks.tick_at(), held))
    }

    /// The stream closed. A guard serves one stream: every later call is an error.
    ///
    /// # Errors
    /// [`Error::Finished`] when called twice.
    pub fn finish(&mut self, close: Close, now: Timestamp) -> Result<(Decision<'_>, Summary), Error> {
        let now = self.begin(now)?;
        let may_pass = !self.checks.is_halted();
        let mut passed = self.drain(close, now).filter(|_| may_pass);
        self.analyse(|guard| guard.checks.read_end(close, now));
        if self.stop_blind() && self.pushed {
            passed = None;
        }
        if let Some(finding) = self.unjudged(close) {
            self.checks.tell(finding);
        }
        let mut summary = self.checks.conclude(close, now);
        self.note(now);
        summary.hold = self.hold.as_ref().map(|hold| hold.summary());
        summary.gaps = self.checks.gaps(now);
        summary.bytes = self.position;
        summary.framing = self.framing.name();
        summary.dialect = self.reading.dialect().name();
        summary.looks_like = self.checks.known.mistaken.map(|(_, seen)| seen.name());
        if close == Close::Stopped {
            self.write_end();
        }
        if !self.stopping.end().is_empty() {
            return Ok((self.decided(Forward::Bytes(self.stopping.end()), None), summary));
        }
        if self.hold.is_some() {
            let held = HeldBack::of(self.rest(passed), &[]);
            self.mark_all(&held);
            self.hold_back(&held, &[]);
            return Ok((self.decided(self.held_forward(&held, &[]), None), summary));
        }
        Ok((self.checks.decision(self.rest(passed)), summary))
    }

    /// Decodes a chunk that begins at byte `at`; gives where the stream is cut, if it is stopped.
    fn read(&mut self, chunk: &[u8], at: u64, now: Timestamp, passing: &mut Option<Passing<'_>>) -> Option<u64> {
        self.opening.push(chunk);
        self.stopping.begin(chunk);
        self.blank = self.blank && chunk.trim_ascii().is_empty();
        if self.framing != Framing::Auto {
            return self.decode(chunk, at, now, passing);
        }
        self.head.extend_from_slice(chunk);
        self.settle_framing(self.detect.framing(&self.head, false)?);
        let head = std::mem::take(&mut self.head);
        self.decode(&head, 0, now, passing)
    }

    fn settle_framing(&mut self, framing: Framing) {
        self.framing = framing;
        self.decoder = decoder(framing);
        self.reading.framing_is(framing);
        if self.is_page() {
            self.reading.page_is_there();
        }
    }

    /// The body is a page where a stream was expected.
    fn is_page(&self) -> bool {
        self.expects_stream && self.opening.is_page()
    }

    fn decode(&mut self, chunk: &[u8], at: u64, now: Timestamp, passing: &mut Option<Passing<'_>>) -> Option<u64> {
        if let Some(passing) = passing {
            passing.framing_is(self.framing);
        }
        let decoder = self.decoder.as_mut()?;
        let mut reader = Reader::new(&mut self.checks, &mut self.reading, now, passing);
        reader.is_last = self.stopping.until().is_some();
        reader.hold = self.hold.as_deref_mut();
        let _ = decoder.feed(chunk, at, &mut reader);
        self.stopping.frame_ends(reader.end);
        reader.cut
    }
}
