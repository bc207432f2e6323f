//! How a stream that a decision stops ends: behind an event, and with one end.

use midstream_series::{Span, Timestamp};

use super::Guard;
use crate::closing::Border;
use crate::{Broken, Checks, Decision, End, Error, Finding, Forward};

/// How long a stream that time alone stopped goes on for the rest of an event that has begun to pass.
const LONGEST_WAIT: Span = Span::from_secs(1);

/// What has passed, and whether it may end there.
#[derive(Default)]
pub(super) struct Stopping {
    border: Border,
    /// The first byte of the body that is no blank.
    first: Option<u8>,
    /// The raw byte behind the last frame.
    frame_end: u64,
    /// The stream is stopped inside an event, whose end is awaited.
    until: Option<Timestamp>,
    /// The event's end did not come.
    is_aborted: bool,
    end: Vec<u8>,
}

impl Stopping {
    /// Bytes of the body come.
    pub(super) fn begin(&mut self, chunk: &[u8]) {
        if self.first.is_none() {
            let is_blank = |byte: &u8| byte.is_ascii_whitespace() || b"\xEF\xBB\xBF".contains(byte);
            self.first = chunk.iter().find(|byte| !is_blank(byte)).copied();
        }
    }

    pub(super) fn frame_ends(&mut self, end: Option<u64>) {
        self.frame_end = end.unwrap_or(self.frame_end);
    }

    /// Whole frames passed, the last of which has this end.
    pub(super) fn pass_frames(&mut self, line_end: Option<[u8; 2]>) {
        if let Some(line_end) = line_end {
            self.border.pass(&line_end, Some(line_end.len()));
        }
    }

    /// When the rest of an event is given up.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The bytes of the stream's one end.
    pub(super) fn end(&self) -> &[u8] {
        &self.end
    }
}

crate::keep::keep!(struct Stopping { border, first, frame_end, until, is_aborted, end });

impl Guard {
    /// A stop will have this end. Of a stream that runs, what was read before is not known to it.
    pub fn end_with(&mut self, end: End) {
        self.reading.end_with(end);
    }

    /// What the last finding asked its owner for cannot be done: it ends the stream.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn halt(&mut self, now: Timestamp) -> Result<Decision<'_>, Error> {
        let now = self.begin(now)?;
        self.checks.halt();
        self.drop_after_stop();
        self.note(now);
        Ok(self.decide(Forward::Nothing))
    }

    /// Tells what was found beside the stream, as in the request that it answers. What asks for a stop ends it.
    ///
    /// ```
    /// use midstream_series::Timestamp;
    /// use midstream_stream::{ActionsSettings, Guard, History, Options};
    /// let mut guard = Guard::new(Options::default())?;
    /// let turn = r#"{"type": "function_call", "name": "search"}, {"type": "function_call_output", "output": "no hits"}"#;
    /// let body = format!(r#"{{"input": [{}]}}"#, [turn; 8].join(","));
    /// let history = History::read(body.as_bytes(), &ActionsSettings::default(), None).expect("a conversation");
    /// assert!(guard.report(history.findings, Timestamp::from_nanos(0))?.halted);
    /// # Ok::<(), midstream_stream::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn report(&mut self, findings: Vec<Finding>, now: Timestamp) -> Result<Decision<'_>, Error> {
        let was_halted = self.checks.is_halted();
        let now = self.begin(now)?;
        for finding in findings {
            if self.checks.is_halted() {
                break;
            }
            self.checks.tell(finding);
        }
        self.drop_after_stop();
        self.wait_for_event(was_halted, now);
        self.note(now);
        Ok(self.decide(Forward::Nothing))
    }

    /// The same where the answer has passed: nothing ends it.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn report_late(&mut self, findings: Vec<Finding>, now: Timestamp) -> Result<Decision<'_>, Error> {
        let now = self.begin(now)?;
        findings.into_iter().for_each(|finding| self.checks.tell_late(finding));
        self.note(now);
        Ok(self.decide(Forward::Nothing))
    }

    /// What was found when a decision stopped the stream.
    pub fn stopped_by(&self) -> Option<&Finding> {
        self.checks.stop()
    }

    /// Time passes without bytes: stalls.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn tick(&mut self, now: Timestamp) -> Result<Decision<'_>, Error> {
        let was_halted = self.checks.is_halted();
        let now = self.begin(now)?;
        self.caught(|guard| guard.checks.tick(now).map(drop)).transpose()?;
        self.caught(|guard| guard.look_at_held(now));
        self.stop_blind();
        self.drop_after_stop();
        self.wait_for_event(was_halted, now);
        self.note(now);
        Ok(self.decide(self.released()))
    }

    /// The decision of a call. While the rest of an event is awaited the stream is not over yet.
    pub(super) fn decide<'a>(&'a self, forward: Forward<'a>) -> Decision<'a> {
        let decision = self.decided(forward, self.tick_at());
        let halted = decision.halted && self.stopping.until.is_none();
        Decision { halted, ..decision }
    }

    /// How many bytes of `chunk`, which begins at byte `at`, pass: up to what stopped the stream.
    pub(super) fn pass(&mut self, chunk: &[u8], at: u64, cut: Option<u64>) -> usize {
        let place = |end: u64| usize::try_from(end.checked_sub(at)?).ok();
        let stopping = &mut self.stopping;
        let Some(cut) = cut else {
            stopping.border.pass(chunk, place(stopping.frame_end));
            return chunk.len();
        };
        let passed = chunk.get(..place(cut).unwrap_or_default()).unwrap_or(chunk);
        stopping.border.pass(passed, Some(passed.len()));
        // While the framing was not known, more has passed than should have.
        stopping.is_aborted |= cut < at;
        passed.len()
    }

    /// Bytes or events arrive. True where the stream is over, be it by the time since the last call.
    pub(super) fn arrive(&mut self, now: Timestamp) -> bool {
        let was_halted = self.checks.is_halted();
        self.caught(|guard| guard.checks.arrive(now));
        if self.checks.is_halted() && !was_halted {
            self.drop_after_stop();
            self.wait_for_event(was_halted, now);
            self.note(now);
        }
        self.checks.is_halted()
    }

    /// After a stop by time: an event that is half there may end.
    pub(super) fn wait_for_event(&mut self, was_halted: bool, now: Timestamp) {
        let is_half = !self.checks.is_masked() && !self.stopping.border.is_clear(self.framing);
        if !was_halted && self.checks.is_halted() && is_half {
            self.stopping.until = Some(now + LONGEST_WAIT);
        }
        self.give_up(now);
    }

    fn give_up(&mut self, now: Timestamp) {
        if self.stopping.until.is_some_and(|until| now >= until) {
            self.stopping.until = None;
            self.stopping.is_aborted = true;
        }
    }

    /// Bytes behind a stop: none pass, but for the rest of an event that has begun to.
    pub(super) fn feed_behind_stop<'a>(&'a mut self, chunk: &'a [u8], now: Timestamp) -> Decision<'a> {
        self.give_up(now);
        let before = self.position;
        self.position += chunk.len() as u64;
        if self.stopping.until.is_none() {
            return self.decide(Forward::Nothing);
        }
        let cut = self.analyse(|guard| guard.read(chunk, before, now, &mut None)).flatten();
        let end = cut.and_then(|cut| usize::try_from(cut.checked_sub(before)?).ok()).unwrap_or(chunk.len());
        let passed = chunk.get(..end).unwrap_or(chunk);
        self.stopping.border.pass(passed, cut.map(|_| end));
        if cut.is_some() {
            self.stopping.until = None;
        }
        self.decide(Forward::up_to(end, chunk))
    }

    /// Frames that showed no format until the stream was stopped are read as what is likely.
    pub(super) fn read_waiting(&mut self, now: Timestamp) {
        let Checks { known, events, .. } = &mut self.checks;
        self.reading.give_up(known, events, now, &mut |_, _, _| ());
    }

    /// Whether a decision stopped it inside an event, so that its consumer is not told of an end.
    pub fn is_cut_off(&self) -> bool {
        self.checks.is_halted() && self.stopping.end.is_empty() && !self.checks.known.has_end()
    }

    /// The error of the stream's own format, for a consumer whose provider breaks off: between two events, and as long as
    /// the answer has no end. Nothing else, and where the guard was to end a stream with nothing.
    pub fn broken(&mut self, why: &Broken<'_>) -> Vec<u8> {
        let (framing, in_array) = (self.framing, self.stopping.first == Some(b'['));
        let is_clear = self.checks.is_masked() || self.stopping.border.is_clear(framing);
        let may_end = is_clear && !self.checks.is_halted() && !self.checks.known.has_end();
        let Some(closing) = self.reading.closing().filter(|_| may_end) else {
            return Vec::new();
        };
        if in_array {
            closing.is_array();
        }
        closing.broken(why, framing, &self.stopping.border, &mut self.checks.known)
    }

    /// Writes the end of a stream that a decision stopped.
    pub(super) fn write_end(&mut self) {
        if self.stopping.until.take().is_some() {
            self.stopping.is_aborted = true;
        }
        let (framing, in_array) = (self.framing, self.stopping.first == Some(b'['));
        let is_clear = self.checks.is_masked() || self.stopping.border.is_clear(framing);
        let Some(stop) = self.checks.stop().cloned().filter(|_| is_clear && !self.stopping.is_aborted) else { return };
        // An end that was read and did not pass is none to the consumer.
        let may_end = self.hold.as_ref().is_some_and(|hold| hold.has_dropped()) || !self.checks.known.has_end();
        if let Some(closing) = self.reading.closing().filter(|_| may_end) {
            if in_array {
                closing.is_array();
            }
            self.stopping.end = closing.bytes(&stop, framing, &self.stopping.border, &mut self.checks.known);
        }
    }
}
