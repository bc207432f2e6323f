use midstream_series::{Span, Timestamp};

use crate::emit::{Emit, Known};
use crate::pace::{Chunk, Pace, sooner};
use crate::{
    Action, Anomaly, ChannelKey, ChannelKind, Close, Continues, Decision, Detector, Error, Event, EventKind, Events,
    Finding, Forward, Place, Repeat, Settings, Source, Summary,
};

#[cfg(test)]
pub(crate) mod broken;
mod budgeted;
mod called;
mod continued;
#[cfg(test)]
mod decision_tests;
mod ended;
mod held;
mod kept;
mod redacted;

use budgeted::Budgeted;
use called::Calls;

/// Findings kept for the summary at most; later ones are still decided on.
const MAX_FINDINGS: usize = 1_000;

/// An owner that calls again within this time was not away.
const PAUSE: Span = Span::from_secs(1);

/// Every check on one stream of events or text, without bytes. [`Guard`](crate::Guard) adds the decoding of bytes.
///
/// Memory is bounded, and the time of a call is linear in its text. Findings do not depend on how text is cut into calls.
///
/// ```
/// use midstream_series::{Span, Timestamp};
/// use midstream_stream::{Action, ChannelKind, Checks, Close, Settings};
/// let mut checks = Checks::new(Settings::default(), None)?;
/// let decision = checks.push_text(ChannelKind::Text, &"I am done. ".repeat(20), Timestamp::from_nanos(0))?;
/// assert_eq!(decision.action, Action::Stop);
/// assert_eq!(decision.findings[0].period, Some(11));
/// # Ok::<(), midstream_stream::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checks {
    pub(crate) known: Known,
    pub(crate) events: Events,
    settings: Settings,
    /// Of tool calls, which a stream of bytes alone has.
    calls: Option<Calls>,
    /// Where the settings have limits.
    budget: Option<Budgeted>,
    pace: Pace,
    repeat: Repeat,
    /// Of the current call.
    pub(crate) fresh: Vec<Finding>,
    /// How many of them stand in `findings` already.
    kept: usize,
    /// Where in the order of the text the redactions among those that are not kept stand.
    places: Vec<(u64, u8)>,
    /// Of the whole stream.
    findings: Vec<Finding>,
    now: Option<Timestamp>,
    clock_regressions: u64,
    /// What ended the stream.
    halted: Option<Action>,
    stop: Option<Box<Finding>>,
    continues: Continues,
    /// What asked for something that the owner does itself.
    asked: Option<Box<Finding>>,
    finished: bool,
    #[cfg(test)]
    pub(crate) broken: broken::Broken,
}

/// Checks with the default settings, which need no validation: a page that has no others is not linked with it.
impl Default for Checks {
    fn default() -> Self {
        Self::of(Settings::default(), None)
    }
}

impl Checks {
    /// Checks for one stream that was asked for at `started`; without it there is no time to first byte.
    ///
    /// # Errors
    /// [`Error::Setting`] for a value that is not allowed, and for rules of redaction and limits of a budget: only a
    /// [`Guard`](crate::Guard) has them.
    pub fn new(settings: Settings, started: Option<Timestamp>) -> Result<Self, Error> {
        settings.redact.refuse_rules()?;
        settings.budget.refuse_limits()?;
        if settings.hold.is_some() {
            return Err(held::needs_guard());
        }
        Self::of_guard(settings, started)
    }

    /// The same for a guard, which redacts by its rules.
    pub(crate) fn of_guard(settings: Settings, started: Option<Timestamp>) -> Result<Self, Error> {
        settings.validate()?;
        Ok(Self::of(settings, started))
    }

    fn of(settings: Settings, started: Option<Timestamp>) -> Self {
        Self {
            known: Known::default(),
            events: Events::default(),
            calls: None,
            budget: None,
            pace: Pace::new(settings.pace, started),
            repeat: Repeat::new(settings.repeat.clone()),
            settings,
            fresh: Vec::new(),
            kept: 0,
            places: Vec::new(),
            findings: Vec::new(),
            now: started,
            clock_regressions: 0,
            halted: None,
            stop: None,
            continues: Continues::default(),
            asked: None,
            finished: false,
            #[cfg(test)]
            broken: broken::Broken::default(),
        }
    }

    /// Reads the next text of the stream's only channel of this kind.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Checks::finish`].
    pub fn push_text(&mut self, kind: ChannelKind, text: &str, now: Timestamp) -> Result<Decision<'_>, Error> {
        let now = self.begin(now)?;
        if self.arrive(now) {
            return Ok(self.decision(Forward::Nothing));
        }
        self.read_text(kind, text, now);
        self.close_call(true, now);
        Ok(self.decision(self.pushed(text)))
    }

    /// Reads the text of a call that has begun.
    pub(crate) fn read_text(&mut self, kind: ChannelKind, text: &str, now: Timestamp) {
        let mut emit = Emit::new(&mut self.known, &mut self.events, now, None);
        emit.end().accept_clean_close();
        emit.plain_fragment(ChannelKey::new(Place::Stream, 0, kind), text);
        #[cfg(test)]
        self.broken.at(broken::Broken::Text);
        self.report_redactions();
        self.run(0);
    }

    /// Time passes without text: stalls.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Checks::finish`].
    pub fn tick(&mut self, now: Timestamp) -> Result<Decision<'_>, Error> {
        let now = self.begin(now)?;
        #[cfg(test)]
        self.broken.at(broken::Broken::Tick);
        if !self.arrive(now) {
            self.look_at_waits(now);
            self.settle();
        }
        Ok(self.decision(Forward::Nothing))
    }

    /// The owner reads on after a pause of its own, which is no stall: the clocks of waiting count from `now`.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Checks::finish`].
    pub fn resume(&mut self, now: Timestamp) -> Result<Decision<'_>, Error> {
        let now = self.begin(now)?;
        self.pace.resume(now);
        Ok(self.decision(Forward::Nothing))
    }

    /// The owner is about to wait for what comes next. Where it was away for more than a second since the last call,
    /// this is as [`Checks::resume`]; else, and behind the end, it does nothing.
    pub fn wait(&mut self, now: Timestamp) {
        let here = self.now.is_some_and(|last| now - last <= PAUSE);
        if !here && !self.finished {
            self.now = self.now.max(Some(now));
            self.pace.resume(now);
            if let Some(budget) = &mut self.budget {
                budget.start(now);
            }
        }
    }

    /// When `tick` is next needed; `None` where it is not.
    pub fn tick_at(&self) -> Option<Timestamp> {
        if self.is_halted() || self.finished {
            return None;
        }
        let waits = self.known.mask.as_ref().and_then(|mask| mask.deadline());
        let budget = self.budget.as_ref().and_then(Budgeted::tick_at);
        sooner(self.pace.tick_at(), sooner(waits, budget))
    }

    /// The stream closed.
    ///
    /// # Errors
    /// [`Error::Finished`] when called twice.
    pub fn finish(&mut self, close: Close, now: Timestamp) -> Result<(Decision<'_>, Summary), Error> {
        let now = self.begin(now)?;
        self.read_end(close, now);
        let summary = self.conclude(close, now);
        Ok((self.decision(Forward::Nothing), summary))
    }

    /// Starts a call: forgets the last one's events and findings and gives the time, which never goes back.
    pub(crate) fn begin(&mut self, now: Timestamp) -> Result<Timestamp, Error> {
        if self.finished {
            return Err(Error::Finished);
        }
        self.events.clear();
        self.fresh.clear();
        self.kept = 0;
        let before = self.now.unwrap_or(now);
        self.clock_regressions += u64::from(now < before);
        self.now = Some(now.max(before));
        if let Some(budget) = &mut self.budget {
            budget.start(now.max(before));
        }
        Ok(now.max(before))
    }

    /// Text arrives: what the time since the last call asks for comes before anything that is read in it, so that neither
    /// depends on how much of the text comes in one call. True where the stream is over.
    pub(crate) fn arrive(&mut self, now: Timestamp) -> bool {
        if !self.is_halted() {
            self.pace.tick(now, &mut self.fresh);
            self.look_at_budget(now);
            self.settle();
        }
        self.is_halted()
    }

    /// Whether a decision has ended the stream.
    pub(crate) fn is_halted(&self) -> bool {
        self.halted.is_some()
    }

    /// What was found when a decision ended the stream.
    pub(crate) fn stop(&self) -> Option<&Finding> {
        self.stop.as_deref()
    }

    /// Runs the checks on this call's events from `first` on. True where they end the stream.
    pub(crate) fn run(&mut self, first: usize) -> bool {
        for (at, event) in self.events.list.iter().enumerate().skip(first) {
            if let Some(budget) = &mut self.budget
                && event.kind.checked_text().is_none()
            {
                let before = self.fresh.len();
                budget.read(event, None, &self.known, &mut self.fresh);
                if !self.settings.shadow && ends_at_stop(&mut self.fresh, before, &self.continues) {
                    break;
                }
            }
            if let (EventKind::ToolEnd { .. }, Some(index)) = (&event.kind, event.channel) {
                self.repeat.end(index, &mut self.fresh);
                let before = self.fresh.len();
                if let (Some(calls), Some((id, tool, arguments))) = (&mut self.calls, self.known.tools.call(index)) {
                    (calls.read)(&mut calls.actions, Some(id), tool, arguments, &mut self.fresh);
                }
                let channel = self.known.channels.get(index);
                let found = self.fresh.iter_mut().skip(before);
                found.for_each(|finding| finding.channel = channel.map(|channel| channel.id.clone()));
                if !self.settings.shadow && ends_at_stop(&mut self.fresh, before, &self.continues) {
                    break;
                }
            }
            if let (EventKind::Finish { .. }, Some(calls)) = (&event.kind, &mut self.calls) {
                calls.actions.end_answer();
            }
            let Some(text) = event.kind.checked_text() else { continue };
            let Some((index, channel)) = event.channel.and_then(|index| Some((index, self.known.channels.get(index)?)))
            else {
                continue;
            };
            let tool = self.known.tools.name(index).filter(|_| channel.kind() == ChannelKind::Tool);
            let source = Source { index, id: &channel.id, kind: channel.kind(), code: channel.code, tool };
            let (before, forgotten) = (self.fresh.len(), self.repeat.forgotten());
            self.repeat.push(source, self.events.text(text), event.at, &mut self.fresh);
            if self.repeat.forgotten() > forgotten {
                self.known.anomalies.add(Anomaly::Limit);
            }
            if let Some(budget) = &mut self.budget {
                let later = self.events.list.get(at..).unwrap_or_default();
                let text = Some((index, channel, later, &self.events));
                budget.read(event, text, &self.known, &mut self.fresh);
                budgeted::sort(&mut self.fresh, before);
            }
            if !self.settings.shadow && ends_at_stop(&mut self.fresh, before, &self.continues) {
                break;
            }
        }
        self.order_pieces();
        self.settle()
    }

    /// How many characters of a channel were read behind the one that stopped the stream.
    pub(crate) fn read_behind_stop(&self) -> u64 {
        let Some(stop) = self.fresh.iter().rfind(|finding| self.continues.halts(finding.action)) else { return 0 };
        let channel = self.known.channels.iter().find(|(_, channel)| stop.channel.as_ref() == Some(&channel.id));
        channel.zip(stop.offset).map_or(0, |((_, channel), offset)| channel.characters.saturating_sub(offset))
    }

    /// Times the chunk that this call read. `opaque` where a chunk without events is progress all the same.
    pub(crate) fn close_call(&mut self, opaque: bool, now: Timestamp) {
        let chunk = Chunk::of(&self.events.list, opaque);
        self.pace.chunk(chunk, now);
        self.settle();
    }

    pub(crate) fn decision<'a>(&'a self, forward: Forward<'a>) -> Decision<'a> {
        self.decision_until(forward, self.tick_at())
    }

    /// The decision of an owner that has its own reasons for when it is next called.
    pub(crate) fn decision_until<'a>(&'a self, forward: Forward<'a>, tick_at: Option<Timestamp>) -> Decision<'a> {
        Decision {
            action: self.asked().max(self.halted.unwrap_or_default()),
            halted: self.is_halted(),
            forward,
            events: &self.events,
            channels: &self.known.channels,
            findings: &self.fresh,
            held: &[],
            ended: self.known.end.is_marked(),
            tick_at,
        }
    }

    /// What this call's findings together ask for; under shadow at most `observe`.
    fn asked(&self) -> Action {
        let asked = self.fresh.iter().map(|finding| finding.action).max().unwrap_or_default();
        if self.settings.shadow { asked.min(Action::Observe) } else { asked }
    }

    /// What this call found is kept, and may end the stream; whether it has ended.
    #[inline]
    fn settle(&mut self) -> bool {
        if !self.fresh.is_empty() {
            self.settle_found();
        }
        self.is_halted()
    }

    fn settle_found(&mut self) {
        let Self { fresh, continues, .. } = self;
        continues.answer(fresh.get_mut(self.kept..).unwrap_or_default());
        let (halting, asking): (Vec<&Finding>, Vec<&Finding>) =
            fresh.iter().filter(|finding| finding.action.halts()).partition(|finding| continues.halts(finding.action));
        if let Some(asking) = asking.last() {
            self.asked = Some(Box::new((*asking).clone()));
        }
        let halting = halting.into_iter().max_by_key(|finding| finding.action);
        if let Some(stop) = halting.filter(|stop| !self.settings.shadow && Some(stop.action) > self.halted) {
            self.halted = Some(stop.action);
            self.stop = Some(Box::new(stop.clone()));
        }
        self.keep();
    }

    /// Copies this call's findings that are not kept yet.
    fn keep(&mut self) {
        let room = MAX_FINDINGS.saturating_sub(self.findings.len());
        self.findings.extend(self.fresh.iter().skip(self.kept).take(room).cloned());
        self.kept = self.fresh.len();
    }
}

/// Whether a finding from `before` on ends the stream. What lies behind it is not looked at, so that no finding depends on
/// the cut.
fn ends_at_stop(findings: &mut Vec<Finding>, before: usize, continues: &Continues) -> bool {
    continues.answer(findings.get_mut(before..).unwrap_or_default());
    let stop = findings.iter().skip(before).position(|finding| continues.halts(finding.action));
    if let Some(stop) = stop {
        findings.truncate(before + stop + 1);
    }
    stop.is_some()
}

impl Chunk {
    fn of(events: &[Event], opaque: bool) -> Self {
        let any = |test: fn(&EventKind) -> bool| events.iter().any(|event| test(&event.kind));
        Self {
            event: !events.is_empty(),
            content: any(|kind| kind.checked_text().is_some() || matches!(kind, EventKind::Audio { .. })),
            text: any(|kind| matches!(kind, EventKind::Text { .. })),
            progress: opaque || any(|kind| !matches!(kind, EventKind::Ping)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_that_was_away_finds_no_stall_and_one_that_waited_does() {
        let at = |seconds| Timestamp::default() + Span::from_secs(seconds);
        for (away, stalls) in [(true, 0), (false, 1)] {
            let mut checks = Checks::new(Settings::default(), None).unwrap();
            checks.wait(at(0));
            checks.push_text(ChannelKind::Text, "a", at(1)).unwrap();
            checks.wait(at(if away { 60 } else { 1 }));
            assert_eq!(checks.tick_at(), Some(at(if away { 90 } else { 31 })));
            checks.push_text(ChannelKind::Text, "b", at(61)).unwrap();
            let (_, summary) = checks.finish(Close::Clean, at(61)).unwrap();
            assert_eq!(summary.pace.stalls, stalls);
            checks.wait(at(99));
            assert_eq!(checks.tick_at(), None);
        }
    }
}
