use serde::{Deserialize, Serialize};

use crate::settings::{self, Asked};
use crate::{Action, Error};

/// How a stream ended. An end must be proved by the provider's own positive signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EndingState {
    /// The client left, or the provider reports that it was cancelled.
    Cancelled,
    /// Every choice, block and turn reached its semantic end.
    Complete,
    /// The provider reported an error, also after a finish reason.
    Failed,
    /// The guard ended it.
    Halted,
    /// The owner gave up waiting.
    Stalled,
    /// The body ended before the semantic end, or a tool call's JSON is cut.
    Truncated,
}

impl EndingState {
    /// The lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Halted => "halted",
            Self::Stalled => "stalled",
            Self::Truncated => "truncated",
        }
    }
}

/// How the owner saw the stream close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The connection broke, or the body ended against its announced length.
    Abrupt,
    /// The body ended as HTTP, the socket or the iterator says.
    Clean,
    /// The consumer went away.
    ClientLeft,
    /// The owner gave up waiting.
    GaveUp,
    /// The owner ended it because of a decision.
    Stopped,
}

impl Close {
    /// Every way, in the order of its name.
    pub const ALL: [Self; 5] = [Self::Abrupt, Self::Clean, Self::ClientLeft, Self::GaveUp, Self::Stopped];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abrupt => "abrupt",
            Self::Clean => "clean",
            Self::ClientLeft => "client_left",
            Self::GaveUp => "gave_up",
            Self::Stopped => "stopped",
        }
    }

    /// The way of that name.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        settings::by_name("close", name, &Self::ALL, Self::name)
    }
}

/// A stream's end and what is notable about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ending {
    /// How it ended.
    pub state: EndingState,
    /// States that apply beside the first, then `cut_tool_call`, `no_end_mark`, `no_finish_reason`, `abrupt_close`,
    /// `length`, then what is odd about the body as a whole: `http_status`, `error_page`, `compressed`,
    /// `unknown_format`, `wrong_dialect`.
    pub notes: Vec<&'static str>,
}

/// What the check of endings asks for.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EndingSettings {
    /// For every ending but complete. `None` switches the check off. `stop` has nothing left to stop.
    #[serde(deserialize_with = "settings::action")]
    pub action: Option<Action>,
}

impl Default for EndingSettings {
    fn default() -> Self {
        Self { action: Some(Action::Warn) }
    }
}

impl EndingSettings {
    pub(crate) fn asked(&self) -> Asked {
        Asked::new("ending.action", self.action)
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        match self.action {
            Some(Action::Stop) => Err(Error::Setting {
                field: "ending.action".into(),
                value: "stop".into(),
                allowed: "off, observe or warn: an ended stream cannot be stopped".into(),
            }),
            _ => Ok(()),
        }
    }
}

/// Collects the proofs of an end while a stream runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndTracker {
    lanes: Vec<Lane>,
    any_finished: bool,
    marked: bool,
    failed: bool,
    cancelled: bool,
    length: bool,
    wants_mark: bool,
    wants_finish: bool,
    clean_close_is_complete: bool,
    any_content: bool,
    /// What is odd about the body as a whole.
    oddities: Vec<&'static str>,
    /// The events are of another dialect, so only what this one understood proves anything.
    foreign: bool,
    /// Text came in members that the dialect does not know.
    unread: bool,
}

#[derive(Clone, Copy, Debug)]
struct Lane {
    number: u32,
    open: bool,
}

/// Lanes that are open at once at most; those beyond are not watched.
const MAX_LANES: usize = 64;

impl EndTracker {
    /// The dialect closes a stream with a mark of the transport (`[DONE]`, `message_stop`).
    pub(crate) fn expect_mark(&mut self) {
        self.wants_mark = true;
    }

    /// The dialect gives reasons, so a mark alone is notable.
    pub(crate) fn expect_finish(&mut self) {
        self.wants_finish = true;
    }

    /// The format has no positive end at all: plain text, a command's output, an unknown format.
    pub(crate) fn accept_clean_close(&mut self) {
        self.clean_close_is_complete = true;
    }

    /// The stream is of one that gives a positive end after all.
    pub(crate) fn refuse_clean_close(&mut self) {
        self.clean_close_is_complete = false;
    }

    /// The answer has no body, and is whole without one.
    pub(crate) fn expect_nothing(&mut self) {
        (self.clean_close_is_complete, self.any_content) = (true, true);
    }

    pub(crate) fn content(&mut self) {
        self.any_content = true;
    }

    /// All that came was blank.
    pub(crate) fn blank(&mut self) {
        self.any_content = false;
    }

    pub(crate) fn has_content(&self) -> bool {
        self.any_content
    }

    pub(crate) fn open(&mut self, number: u32) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.number == number) {
            lane.open = true;
        } else if self.lanes.len() < MAX_LANES {
            self.lanes.push(Lane { number, open: true });
        } else if let Some(lane) = self.lanes.iter_mut().find(|lane| !lane.open) {
            *lane = Lane { number, open: true };
        }
    }

    /// Opens the lane unless it is known already: text after a finish reason does not open it again.
    pub(crate) fn seen(&mut self, number: u32) {
        if !self.lanes.iter().any(|lane| lane.number == number) {
            self.open(number);
        }
    }

    pub(crate) fn finish(&mut self, number: u32, length: bool) {
        self.seen(number);
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.number == number) {
            lane.open = false;
        }
        self.any_finished = true;
        self.length |= length;
    }

    /// Whether an answer has begun.
    pub(crate) fn has_lanes(&self) -> bool {
        !self.lanes.is_empty()
    }

    /// The lanes that have not finished; the first where there is none.
    pub(crate) fn open_lanes(&self) -> Vec<u32> {
        let open: Vec<u32> = self.lanes.iter().filter(|lane| lane.open).map(|lane| lane.number).collect();
        if open.is_empty() { vec![0] } else { open }
    }

    /// Whether the provider said how it ended: well, failed or cancelled.
    pub(crate) fn is_told(&self) -> bool {
        self.failed || self.cancelled || self.is_proved()
    }

    fn is_proved(&self) -> bool {
        let every_lane = self.any_finished && self.lanes.iter().all(|lane| !lane.open);
        let marked = self.marked && (self.any_content || !self.foreign);
        marked || every_lane
    }

    pub(crate) fn mark(&mut self) {
        self.marked = true;
    }

    /// A mark, or a session whose turns may go on, was followed by a new start.
    pub(crate) fn unmark(&mut self) {
        self.marked = false;
    }

    pub(crate) fn is_marked(&self) -> bool {
        self.marked
    }

    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    pub(crate) fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// Notes what is odd about the body as a whole.
    pub(crate) fn odd(&mut self, note: &'static str) {
        if !self.oddities.contains(&note) {
            self.oddities.push(note);
        }
    }

    /// The events are of another dialect: the transport's mark, which several share, ends only what was understood.
    pub(crate) fn foreign(&mut self) {
        self.foreign = true;
        self.odd("wrong_dialect");
    }

    /// Text came that the dialect does not know: where nothing else did, the format is unknown.
    pub(crate) fn unread(&mut self) {
        self.unread = true;
    }

    /// The end, given how the stream closed, whether the guard stopped it and whether a tool call's JSON is cut.
    pub(crate) fn conclude(&self, close: Close, halted: bool, cut_tool: bool) -> Ending {
        let every_lane = self.any_finished && self.lanes.iter().all(|lane| !lane.open);
        let is_unknown = self.unread && !self.any_content;
        let has_no_end = is_unknown && self.lanes.is_empty() && !self.foreign;
        let closed = ((self.clean_close_is_complete && self.any_content) || has_no_end) && close == Close::Clean;
        let proved = (self.is_proved() || closed) && !cut_tool;
        let applying = [
            (EndingState::Halted, halted || close == Close::Stopped),
            (EndingState::Cancelled, self.cancelled || (close == Close::ClientLeft && !proved)),
            (EndingState::Stalled, close == Close::GaveUp && !proved),
            (EndingState::Failed, self.failed),
            (EndingState::Truncated, !proved),
        ];
        let mut states = applying.iter().filter(|(_, applies)| *applies).map(|(state, _)| *state);
        let state = states.next().unwrap_or(EndingState::Complete);
        let mut notes: Vec<&'static str> = states.map(EndingState::name).collect();
        let note = [
            ("cut_tool_call", cut_tool),
            ("no_end_mark", proved && !self.marked && (self.wants_mark || self.clean_close_is_complete)),
            ("no_finish_reason", proved && self.marked && self.wants_finish && !every_lane),
            ("abrupt_close", proved && close == Close::Abrupt),
            ("length", self.length),
        ];
        notes.extend(note.iter().filter(|(_, applies)| *applies).map(|(name, _)| *name));
        notes.extend(&self.oddities);
        if is_unknown && self.oddities.is_empty() {
            notes.push("unknown_format");
        }
        Ending { state, notes }
    }
}

crate::keep::keep!(struct EndTracker { lanes, any_finished, marked, failed, cancelled, length, wants_mark, wants_finish, clean_close_is_complete, any_content, oddities, foreign, unread });
crate::keep::keep!(struct Lane { number, open });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_of_two_choices_is_complete_when_both_have_a_reason() {
        let mut end = EndTracker::default();
        end.expect_mark();
        end.open(0);
        end.open(1);
        end.finish(0, false);
        assert_eq!(end.conclude(Close::Clean, false, false).state, EndingState::Truncated);
        end.finish(1, false);
        let ending = end.conclude(Close::Clean, false, false);
        assert_eq!((ending.state, ending.notes), (EndingState::Complete, vec!["no_end_mark"]));
    }

    #[test]
    fn an_error_after_a_finish_reason_is_a_failure() {
        let mut end = EndTracker::default();
        end.finish(0, false);
        end.mark();
        end.fail();
        assert_eq!(end.conclude(Close::Clean, false, false).state, EndingState::Failed);
    }

    #[test]
    fn a_cut_tool_call_is_truncated_although_the_choice_finished() {
        let mut end = EndTracker::default();
        end.finish(0, true);
        let ending = end.conclude(Close::Clean, false, true);
        assert_eq!((ending.state, ending.notes), (EndingState::Truncated, vec!["cut_tool_call", "length"]));
    }

    #[test]
    fn our_own_stop_comes_before_everything_else() {
        let mut end = EndTracker::default();
        end.fail();
        let ending = end.conclude(Close::Stopped, true, false);
        assert_eq!((ending.state, ending.notes), (EndingState::Halted, vec!["failed", "truncated"]));
    }

    #[test]
    fn an_answer_that_has_no_body_is_complete_without_one() {
        let mut end = EndTracker::default();
        end.expect_nothing();
        assert_eq!(end.conclude(Close::Clean, false, false).state, EndingState::Complete);
    }

    #[test]
    fn an_empty_body_of_plain_text_is_truncated() {
        let mut end = EndTracker::default();
        end.accept_clean_close();
        assert_eq!(end.conclude(Close::Clean, false, false).state, EndingState::Truncated);
        end.content();
        assert_eq!(end.conclude(Close::Clean, false, false).state, EndingState::Complete);
    }
}
