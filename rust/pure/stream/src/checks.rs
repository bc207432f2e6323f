use midstream_series::Timestamp;

use crate::pace::{Chunk, Pace};
use crate::{
    Action, Channels, Detector, Ending, EndingState, Event, EventKind, Finding, PaceSummary, Repeat, Settings, Source,
};

/// Every check on one stream's events. What it is given decides what it says: it reads no clock and keeps no text.
#[derive(Clone, Debug)]
pub(crate) struct Checks {
    settings: Settings,
    pace: Pace,
    repeat: Repeat,
}

impl Checks {
    pub(crate) fn new(settings: &Settings, started: Option<Timestamp>) -> Self {
        Self {
            pace: Pace::new(settings.pace, started),
            repeat: Repeat::new(settings.repeat.clone()),
            settings: settings.clone(),
        }
    }

    /// Reads the text of one event.
    pub(crate) fn event(&mut self, event: &Event, text: &str, source: Option<Source<'_>>, findings: &mut Vec<Finding>) {
        if let (Some(source), Some(_)) = (source, event.kind.checked_text()) {
            self.repeat.push(source, text, event.at, findings);
        }
    }

    /// A chunk is read whole: `events` are those it completed.
    pub(crate) fn chunk(&mut self, events: &[Event], now: Timestamp, findings: &mut Vec<Finding>) {
        let any = |test: fn(&EventKind) -> bool| events.iter().any(|event| test(&event.kind));
        let chunk = Chunk {
            event: !events.is_empty(),
            content: any(|kind| kind.checked_text().is_some() || matches!(kind, EventKind::Audio { .. })),
            text: any(|kind| matches!(kind, EventKind::Text { .. })),
            progress: any(|kind| !matches!(kind, EventKind::Ping)),
        };
        self.pace.chunk(chunk, now, findings);
    }

    pub(crate) fn tick(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        self.pace.tick(now, findings);
    }

    pub(crate) fn tick_at(&self) -> Option<Timestamp> {
        self.pace.tick_at()
    }

    /// No more text comes in any channel.
    pub(crate) fn end(&mut self, channels: &Channels, ending: &Ending, findings: &mut Vec<Finding>) {
        for (index, _) in channels.iter() {
            self.repeat.end(index, findings);
        }
        let by_itself = !matches!(ending.state, EndingState::Complete | EndingState::Halted);
        if let (true, Some(action)) = (by_itself, self.settings.ending.action) {
            findings.push(Finding {
                check: "ending",
                kind: ending.state.name(),
                action,
                channel: None,
                offset: None,
                onset: None,
                period: None,
                score: 1.0,
                evidence: ending.notes.join(", "),
                explanation: explanation(ending.state).to_owned(),
            });
        }
    }

    pub(crate) fn pace(&self, now: Timestamp, tokens: Option<u64>) -> PaceSummary {
        self.pace.summary(now, tokens)
    }

    /// What all findings of a call together ask for; under shadow at most `observe`.
    pub(crate) fn decide(&self, findings: &[Finding]) -> Action {
        let asked = findings.iter().map(|finding| finding.action).max().unwrap_or_default();
        if self.settings.shadow { asked.min(Action::Observe) } else { asked }
    }
}

fn explanation(state: EndingState) -> &'static str {
    match state {
        EndingState::Cancelled => "the stream was cancelled before its end",
        EndingState::Complete => "the stream reached its end",
        EndingState::Failed => "the provider reported an error inside the stream",
        EndingState::Halted => "the guard ended the stream",
        EndingState::Stalled => "the stream went quiet and was given up",
        EndingState::Truncated => "the stream stopped before its end",
    }
}
