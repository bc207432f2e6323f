use std::collections::VecDeque;

use midstream_series::Timestamp;

use super::lane::Lane;
use super::queue::Queue;
use super::report::{self, Report};
use super::settings::HoldSettings;
use crate::summary::HoldSummary;
use crate::{Action, Channel, ChannelIndex, ChannelKind, Error, Finding};

/// Bytes that may wait at most.
const MAX_BYTES: usize = 8 << 20;

/// A text that waits for the caller's check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What the verdict names it by; counts from 0 in the order of the first characters.
    pub id: u64,
    /// The channel's id.
    pub channel: String,
    /// The text: a sentence, or as much of one as the limit allows.
    pub text: String,
    /// All of the channel's text up to its end.
    pub so_far: String,
    /// Characters of the channel before it.
    pub onset: u64,
    /// The same with it.
    pub offset: u64,
}

/// What the caller's check says of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<'a> {
    Pass,
    /// With its reason.
    Refuse(&'a str),
}

/// The text of one stream that waits, and its bytes.
#[derive(Debug)]
pub(crate) struct Hold {
    settings: HoldSettings,
    /// Verdicts are only reported.
    is_dry: bool,
    lanes: Vec<Lane>,
    /// Those that may not pass, by id.
    pieces: VecDeque<Piece>,
    /// Those that passed unchecked, and whose verdict may still come.
    late: Vec<Held>,
    /// The id of the next piece.
    next: u64,
    queue: Queue,
    /// Where in what passes the current call begins.
    call: u64,
    /// Events of the current call that were read.
    read: usize,
    /// What passes of the current call.
    out: Vec<u8>,
    /// It is all that would pass without holding.
    is_whole: bool,
    /// Bytes were dropped after a stop.
    has_dropped: bool,
    /// What the current call asks for.
    asked: Vec<Held>,
    /// Text that may pass: of answers, and of reasoning.
    passed: (String, String),
    report: Report,
}

/// A piece of text on its way.
#[derive(Debug)]
struct Piece {
    id: u64,
    since: Timestamp,
    kind: ChannelKind,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It grows.
    Open,
    /// It was asked for, at this time.
    Asked(Held, Timestamp),
    /// It may pass.
    Passed(String),
}

crate::keep::keep!(struct Held { id, channel, text, so_far, onset, offset });
crate::keep::keep!(state Hold { lanes, pieces, late, next, queue, call, passed, report } rest { settings, is_dry, read, out, is_whole, has_dropped, asked });
crate::keep::keep!(struct Piece { id, since, kind, state });
crate::keep::keep!(
    enum State {
        Open,
        Asked(held, at),
        Passed(text),
    }
);

impl Hold {
    pub(crate) fn new(settings: HoldSettings, is_dry: bool) -> Self {
        Self {
            settings,
            is_dry,
            lanes: Vec::new(),
            pieces: VecDeque::new(),
            late: Vec::new(),
            next: 0,
            queue: Queue::default(),
            call: 0,
            read: 0,
            out: Vec::new(),
            is_whole: false,
            has_dropped: false,
            asked: Vec::new(),
            passed: Default::default(),
            report: Report::default(),
        }
    }

    /// Whether bytes pass whatever the verdicts say.
    pub(crate) fn is_dry(&self) -> bool {
        self.is_dry
    }

    /// Begins a call.
    pub(crate) fn begin(&mut self) {
        self.call = self.queue.end();
        self.read = 0;
        self.out.clear();
        self.is_whole = false;
        self.asked.clear();
    }

    /// How many events of the call were read before; now there are `count`.
    pub(crate) fn take_read(&mut self, count: usize) -> usize {
        std::mem::replace(&mut self.read, count)
    }

    /// Reads the next text of a channel. Where its bytes are that text, they begin at the call's byte `at`.
    pub(crate) fn text(
        &mut self,
        (index, channel): (ChannelIndex, &Channel),
        tool: Option<&str>,
        text: &str,
        at: Option<usize>,
        now: Timestamp,
    ) {
        self.close_where(now, |lane| {
            let (one, other) = (lane.key, channel.key);
            lane.channel != index && (one.place, one.index) == (other.place, other.index)
        });
        if !self.settings.holds(channel.kind(), tool) {
            return;
        }
        let known = self.lanes.iter().position(|lane| lane.channel == index);
        let lane = known.unwrap_or_else(|| {
            self.lanes.push(Lane::new(index, channel.key, &channel.id));
            self.lanes.len() - 1
        });
        self.report.waits(text.len());
        for (start, character) in text.char_indices() {
            let Some(entry) = self.lanes.get_mut(lane) else { return };
            if entry.open.is_none() {
                entry.open(self.next);
                self.pieces.push_back(Piece { id: self.next, since: now, kind: channel.kind(), state: State::Open });
                self.next += 1;
            }
            if entry.push(character, self.settings.limit) {
                self.close(lane, now);
                if let Some(at) = at {
                    self.mark(at + start + character.len_utf8());
                }
            }
        }
    }

    /// The texts that `ends` names ended: what is left of them is asked for.
    pub(crate) fn end(&mut self, ends: impl Fn(ChannelIndex) -> bool, now: Timestamp) {
        self.close_where(now, |lane| ends(lane.channel));
    }

    /// The bytes of this call before `end` belong to what was read up to here.
    pub(crate) fn mark(&mut self, end: usize) {
        self.queue.mark(self.call + end as u64, self.next);
    }

    /// Ends a call in which `bytes` would pass; whether there are too many.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> Option<Finding> {
        let is_first = self.queue.len() == 0 && self.out.is_empty();
        self.queue.push(bytes);
        self.release();
        self.is_whole = is_first && self.queue.len() == 0;
        (self.queue.len() > MAX_BYTES).then(|| report::overflow(MAX_BYTES))
    }

    /// What passes of this call.
    pub(crate) fn out(&self) -> &[u8] {
        &self.out
    }

    /// Whether that is all that would pass without holding.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The texts that this call asks for.
    pub(crate) fn asked(&self) -> &[Held] {
        &self.asked
    }

    /// The texts that were asked for and wait for their verdict, those that passed without one last.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Held> {
        let pieces = self.pieces.iter().filter_map(|piece| match &piece.state {
            State::Asked(held, _) => Some(held),
            State::Open | State::Passed(_) => None,
        });
        pieces.chain(&self.late)
    }

    /// Whether any text waits.
    pub(crate) fn waits(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Bytes that wait.
    pub(crate) fn held_bytes(&self) -> usize {
        self.queue.len()
    }

    /// Text that may pass, of answers or of reasoning; `None` where that kind does not wait.
    pub(crate) fn passed_text(&self, kind: ChannelKind) -> Option<&str> {
        let passed = if kind == ChannelKind::Reasoning { &self.passed.1 } else { &self.passed.0 };
        self.settings.holds(kind, None).then_some(passed)
    }

    /// The stream is over: nothing that waits passes any more.
    pub(crate) fn drop_all(&mut self) {
        self.has_dropped |= self.queue.len() > 0;
        self.queue.clear();
        self.pieces.clear();
        self.late.clear();
        self.asked.clear();
    }

    /// Whether bytes were dropped so.
    pub(crate) fn has_dropped(&self) -> bool {
        self.has_dropped
    }

    /// Says what the stream's end finds where text still waits.
    pub(crate) fn unjudged(&self) -> Option<Finding> {
        let held = self.pieces.iter().find_map(|piece| match &piece.state {
            State::Asked(held, _) => Some(held),
            State::Open | State::Passed(_) => None,
        });
        self.waits().then(|| report::unjudged(held))
    }

    /// Takes a verdict, and gives what it finds.
    pub(crate) fn judge(&mut self, id: u64, verdict: Verdict<'_>, now: Timestamp) -> Result<Option<Finding>, Error> {
        if let Some(place) = self.late.iter().position(|held| held.id == id) {
            let held = self.late.swap_remove(place);
            return Ok(self.refused(&held, verdict));
        }
        let is_asked = |piece: &&mut Piece| matches!(&piece.state, State::Asked(held, _) if held.id == id);
        let Some(piece) = self.pieces.iter_mut().find(is_asked) else { return Err(unknown(id)) };
        let State::Asked(held, at) = std::mem::replace(&mut piece.state, State::Open) else { return Err(unknown(id)) };
        piece.state = State::Passed(held.text.clone());
        let mut finding = self.refused(&held, verdict);
        if finding.is_none() {
            finding = self.lateness(at, now).map(|action| self.too_late(&held, action));
        }
        if finding.as_ref().is_none_or(|finding| finding.action != Action::Stop || self.is_dry) {
            self.settle(now);
        }
        Ok(finding)
    }

    /// Time passed: texts whose check takes too long.
    pub(crate) fn tick(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        for place in 0..self.pieces.len() {
            let Some(Piece { state: State::Asked(held, at), .. }) = self.pieces.get(place) else { continue };
            let Some(action) = self.lateness(*at, now) else { continue };
            let held = held.clone();
            findings.push(self.too_late(&held, action));
            if action == Action::Stop && !self.is_dry {
                return;
            }
            if let Some(piece) = self.pieces.get_mut(place) {
                piece.state = State::Passed(held.text.clone());
            }
            self.late.push(held);
        }
        self.settle(now);
    }

    /// When `tick` is next needed.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let max_hold = self.settings.max_hold()?;
        let asked = self.pieces.iter().filter_map(|piece| match piece.state {
            State::Asked(_, at) => Some(at),
            State::Open | State::Passed(_) => None,
        });
        asked.min().map(|at| at + max_hold)
    }

    pub(crate) fn summary(&self) -> HoldSummary {
        let summary = self.report.summary();
        let holds = if self.is_dry { Vec::new() } else { summary.holds };
        HoldSummary { holds, ..summary }
    }

    fn close_where(&mut self, now: Timestamp, ends: impl Fn(&Lane) -> bool) {
        for lane in 0..self.lanes.len() {
            if self.lanes.get(lane).is_some_and(|lane| lane.open.is_some() && ends(lane)) {
                self.close(lane, now);
            }
        }
    }

    /// Ends the piece that grows in a lane, and asks for it. One of white space alone says nothing, and may pass.
    fn close(&mut self, lane: usize, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        let Some(open) = lane.close() else { return };
        let text = lane.text.get(open.start..).unwrap_or_default();
        if text.trim().is_empty() {
            let passed = State::Passed(text.to_owned());
            if let Some(piece) = self.pieces.iter_mut().find(|piece| piece.id == open.id) {
                piece.state = passed;
            }
            return self.settle(now);
        }
        let held = Held {
            id: open.id,
            channel: lane.id.clone(),
            text: text.to_owned(),
            so_far: lane.text.clone(),
            onset: open.onset,
            offset: lane.characters(),
        };
        self.report.pieces += 1;
        self.asked.push(held.clone());
        if let Some(piece) = self.pieces.iter_mut().find(|piece| piece.id == open.id) {
            piece.state = State::Asked(held, now);
        }
    }

    /// What the settings say of a text that was asked for at `at`, where it is late by now.
    fn lateness(&self, at: Timestamp, now: Timestamp) -> Option<Action> {
        self.settings.max_hold().filter(|max_hold| now - at >= *max_hold)?;
        self.settings.at_max_hold()
    }

    fn too_late(&mut self, held: &Held, action: Action) -> Finding {
        self.report.late += 1;
        report::late(held, action, self.settings.max_hold().unwrap_or_default())
    }

    fn refused(&mut self, held: &Held, verdict: Verdict<'_>) -> Option<Finding> {
        let Verdict::Refuse(reason) = verdict else { return None };
        self.report.refused += 1;
        Some(report::refused(held, reason))
    }

    /// Forgets the first pieces that may pass, and lets their bytes pass.
    fn settle(&mut self, now: Timestamp) {
        while let Some(Piece { state: State::Passed(text), since, kind, .. }) = self.pieces.front() {
            self.report.passes(text.len(), *since, now);
            match kind {
                ChannelKind::Text => self.passed.0.push_str(text),
                ChannelKind::Reasoning => self.passed.1.push_str(text),
                ChannelKind::Audio | ChannelKind::Refusal | ChannelKind::Tool => {}
            }
            self.pieces.pop_front();
        }
        self.release();
    }

    fn release(&mut self) {
        let passed = self.pieces.front().map_or(self.next, |piece| piece.id);
        self.queue.take(passed, &mut self.out);
    }
}

fn unknown(id: u64) -> Error {
    Error::Setting { field: "id".into(), value: id.to_string(), allowed: "the id of a text that waits".into() }
}
