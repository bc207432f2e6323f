use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use midstream_series::Timestamp;

use crate::decode::{Decode, Detect, Frame, FrameKind, Framing, Opening, Sink, decoder};
use crate::dialect::{Dialect, Reading};
use crate::{Anomaly, ChannelKind, Checks, Close, Decision, Error, Forward, Settings, Summary};

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
}

/// Watches one stream: bytes in, the same bytes out, with events, findings and a decision per chunk.
///
/// Bytes are never changed, dropped or delayed, whatever the analysis makes of them, until a decision stops the stream.
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
}

impl Guard {
    /// A guard for one stream.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting that is not allowed.
    pub fn new(options: Options) -> Result<Self, Error> {
        let mut checks = Checks::new(options.settings, options.started)?;
        checks.read_calls();
        if options.http_status.is_some_and(|status| status >= 400) {
            checks.known.end.fail();
            checks.known.end.odd("http_status");
        }
        let detect = Detect::new(options.content_type.as_deref());
        let takes_text = detect.is_plain() || options.framing == Framing::Text;
        Ok(Self {
            checks,
            detect,
            opening: Opening::default(),
            blank: true,
            expects_stream: !takes_text && !matches!(options.dialect, Dialect::Opaque | Dialect::Text),
            decoder: decoder(options.framing),
            reading: Reading::new(options.dialect, options.framing),
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
        let now = self.checks.begin(now)?;
        if chunk.is_empty() || self.checks.is_halted() {
            self.position += chunk.len() as u64;
            return Ok(self.checks.decision(Forward::Nothing));
        }
        let before = self.position;
        self.position += chunk.len() as u64;
        let cut = self.analyse(|guard| guard.read(chunk, before, now)).flatten();
        self.checks.close_call(self.framing == Framing::Opaque || self.blind, now);
        let forward = match cut {
            None => Forward::Same,
            Some(end) => Forward::Bytes(chunk.get(..end.saturating_sub(before) as usize).unwrap_or(chunk)),
        };
        Ok(self.checks.decision(forward))
    }

    /// Reads one event of the provider that the caller has as JSON text and not as bytes.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn push_json(&mut self, json: &str, now: Timestamp) -> Result<Decision<'_>, Error> {
        let now = self.checks.begin(now)?;
        if self.checks.is_halted() {
            return Ok(self.checks.decision(Forward::Nothing));
        }
        let bytes = self.position..self.position + json.len() as u64;
        self.position = bytes.end;
        if self.framing == Framing::Auto {
            self.framing = Framing::WebSocket;
        }
        let frame = Frame { kind: FrameKind::Message, name: "", data: json, data_at: Some(bytes.start), bytes };
        self.analyse(|guard| {
            Reader { checks: &mut guard.checks, reading: &mut guard.reading, now, cut: None }.frame(&frame)
        });
        self.checks.close_call(self.blind, now);
        Ok(self.checks.decision(Forward::Same))
    }

    /// Reads text that the caller has and not bytes; see [`Checks::push_text`].
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn push_text(&mut self, kind: ChannelKind, text: &str, now: Timestamp) -> Result<Decision<'_>, Error> {
        if self.framing == Framing::Auto {
            self.framing = Framing::Text;
            self.reading = Reading::new(Dialect::Text, Framing::Text);
        }
        self.position += text.len() as u64;
        self.checks.push_text(kind, text, now)
    }

    /// Time passes without bytes: stalls.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn tick(&mut self, now: Timestamp) -> Result<Decision<'_>, Error> {
        self.checks.tick(now)
    }

    /// The owner reads on after a pause of its own, which is no stall: the clocks of waiting count from `now`.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn resume(&mut self, now: Timestamp) -> Result<Decision<'_>, Error> {
        self.checks.resume(now)
    }

    /// The owner is about to wait for the next bytes; see [`Checks::wait`].
    pub fn wait(&mut self, now: Timestamp) {
        self.checks.wait(now);
    }

    /// When `tick` is next needed; `None` where it is not.
    pub fn tick_at(&self) -> Option<Timestamp> {
        self.checks.tick_at()
    }

    /// The stream closed. A guard serves one stream: every later call is an error.
    ///
    /// # Errors
    /// [`Error::Finished`] when called twice.
    pub fn finish(&mut self, close: Close, now: Timestamp) -> Result<(Decision<'_>, Summary), Error> {
        let now = self.checks.begin(now)?;
        if !self.checks.is_halted() {
            self.analyse(|guard| guard.read_rest(now));
        }
        let mut summary = self.checks.conclude(close, now);
        summary.bytes = self.position;
        summary.framing = self.framing.name();
        summary.dialect = self.reading.dialect().name();
        summary.looks_like = self.checks.known.mistaken.map(|(_, seen)| seen.name());
        Ok((self.checks.decision(Forward::Nothing), summary))
    }

    /// Runs `work` so that its panic costs the analysis and no byte.
    fn analyse<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.blind {
            return None;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self))).ok();
        if outcome.is_none() {
            self.blind = true;
            self.decoder = None;
            self.head = Vec::new();
            self.checks.known.anomalies.add(Anomaly::AnalysisFailed);
        }
        outcome
    }

    /// Decodes a chunk that begins at byte `at`; gives where the stream is cut, if it is stopped.
    fn read(&mut self, chunk: &[u8], at: u64, now: Timestamp) -> Option<u64> {
        self.opening.push(chunk);
        self.blank = self.blank && chunk.trim_ascii().is_empty();
        if self.framing != Framing::Auto {
            return self.decode(chunk, at, now);
        }
        self.head.extend_from_slice(chunk);
        self.settle_framing(self.detect.framing(&self.head, false)?);
        let head = std::mem::take(&mut self.head);
        self.decode(&head, 0, now)
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

    fn decode(&mut self, chunk: &[u8], at: u64, now: Timestamp) -> Option<u64> {
        let decoder = self.decoder.as_mut()?;
        let mut reader = Reader { checks: &mut self.checks, reading: &mut self.reading, now, cut: None };
        let _ = decoder.feed(chunk, at, &mut reader);
        reader.cut
    }

    /// Reads what the end of the body decides: the framing of a short one, an event without delimiter.
    fn read_rest(&mut self, now: Timestamp) {
        if self.framing == Framing::Auto && !self.head.is_empty() {
            self.settle_framing(self.detect.framing(&self.head, true).unwrap_or(Framing::Opaque));
            let head = std::mem::take(&mut self.head);
            self.decode(&head, 0, now);
        }
        if matches!(self.framing, Framing::Auto | Framing::Opaque) {
            self.framing = Framing::Opaque;
            if self.position > 0 {
                self.checks.known.end.content();
            }
        }
        let mut reader = Reader { checks: &mut self.checks, reading: &mut self.reading, now, cut: None };
        if let Some(decoder) = self.decoder.as_mut()
            && !reader.checks.is_halted()
        {
            let _ = decoder.finish(self.position, &mut reader);
        }
        reader.finish();
        self.note_oddities();
    }

    /// Says of the whole body what no event of it can say.
    fn note_oddities(&mut self) {
        let is_page = self.is_page();
        let end = &mut self.checks.known.end;
        if self.blank && !self.opening.is_empty() && self.framing == Framing::Text {
            end.blank();
        }
        if self.opening.is_compressed() {
            end.odd("compressed");
        } else if is_page {
            end.fail();
            end.odd("error_page");
        } else if self.reading.is_unrecognised() && end.has_content() {
            end.odd("unknown_format");
        }
    }
}

/// Hands frames to the dialect and its events to the checks.
struct Reader<'a> {
    checks: &'a mut Checks,
    reading: &'a mut Reading,
    now: Timestamp,
    /// The raw byte behind what stopped the stream.
    cut: Option<u64>,
}

impl Reader<'_> {
    /// No frame comes any more: those that could not be told apart are read as what they are, unknown.
    fn finish(&mut self) {
        let first = self.checks.events.list.len();
        self.reading.give_up(&mut self.checks.known, &mut self.checks.events, self.now);
        self.checks.run(first);
    }

    /// The raw byte behind the frame that stopped the stream; in plain text, behind the character.
    ///
    /// A frame of plain text is what happened to arrive together, so its end means nothing.
    fn behind_stop(&self, frame: &Frame<'_>) -> u64 {
        let surplus = if self.reading.in_pieces() { self.checks.read_behind_stop() } else { 0 };
        let Some((at, _)) = frame.data.char_indices().rev().take(surplus as usize).last() else {
            return frame.bytes.end;
        };
        (frame.bytes.start + at as u64).min(frame.bytes.end)
    }
}

impl Sink for Reader<'_> {
    fn frame(&mut self, frame: &Frame<'_>) -> ControlFlow<()> {
        let first = self.checks.events.list.len();
        self.reading.frame(frame, &mut self.checks.known, &mut self.checks.events, self.now);
        if self.checks.run(first) {
            self.cut = Some(self.behind_stop(frame));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn anomaly(&mut self, anomaly: Anomaly) {
        self.checks.known.anomalies.add(anomaly);
    }
}
