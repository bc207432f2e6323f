//! The end of a stream, and the finding where it is not the semantic one.

use midstream_series::Timestamp;

use super::Checks;
#[cfg(test)]
use super::broken;
use super::budgeted::Budgeted;
use crate::detector::Detector;
use crate::emit::Emit;
use crate::{Action, Close, Dialect, Ending, EndingState, EventKind, Finding, Summary};

impl Checks {
    /// Reads what the end of the stream decides.
    pub(crate) fn read_end(&mut self, close: Close, now: Timestamp) {
        #[cfg(test)]
        self.broken.at(broken::Broken::End);
        let first = self.events.list.len();
        if !self.is_halted() {
            if !self.is_masked() || matches!(close, Close::Clean) {
                Emit::new(&mut self.known, &mut self.events, now, None).flush_surrogates();
            }
            self.report_redactions();
            self.run(first);
        }
        for (index, _) in self.known.channels.iter() {
            self.repeat.end(index, &mut self.fresh);
        }
    }

    /// Ends the stream for the checks and sums it up.
    pub(crate) fn conclude(&mut self, close: Close, now: Timestamp) -> Summary {
        let ending = self.known.end.conclude(close, self.is_halted(), self.known.tools.any_cut());
        let kind = EventKind::End { state: ending.state };
        Emit::new(&mut self.known, &mut self.events, now, None).push(None, kind);
        self.fresh.extend(finding(&ending, self.known.mistaken, self.settings.ending.action));
        self.keep();
        self.finished = true;
        let tokens = self.known.usage().output.or_else(|| self.known.estimated_tokens());
        let pace = self.now.map(|_| self.pace.summary(now, tokens)).unwrap_or_default();
        let hints = self.hints();
        let findings = std::mem::take(&mut self.findings);
        let cost = self.budget.as_ref().and_then(Budgeted::cost);
        Summary {
            hints,
            cost: cost.map(|(cost, _)| cost),
            cost_source: cost.map(|(_, source)| source).unwrap_or_default(),
            ..Summary::new(&self.known, ending, pace, findings, self.clock_regressions)
        }
    }

    /// Gaps between chunks with content, in seconds, and how often each was; none where no time was told.
    pub(crate) fn gaps(&self, now: Timestamp) -> Vec<(f64, u32)> {
        self.now.map(|_| self.pace.gaps(now)).unwrap_or_default()
    }

    /// What to say to the model; nothing under shadow.
    fn hints(&self) -> Vec<String> {
        if self.settings.shadow { Vec::new() } else { self.findings.iter().filter_map(Finding::hint).collect() }
    }
}

/// An ending other than complete is a finding too; our own stop is none, since its cause is one already.
fn finding(ending: &Ending, mistaken: Option<(Dialect, Dialect)>, action: Option<Action>) -> Option<Finding> {
    if matches!(ending.state, EndingState::Complete | EndingState::Halted) {
        return None;
    }
    let explanation = match mistaken {
        Some((given, seen)) if ending.state == EndingState::Truncated => {
            format!("read as {}, but the bytes look like {}", given.name(), seen.name())
        }
        _ => cause(ending).to_owned(),
    };
    Some(Finding {
        check: "ending",
        kind: ending.state.name().into(),
        action: action?,
        channel: None,
        offset: None,
        onset: None,
        period: None,
        score: 1.0,
        evidence: ending.notes.join(", "),
        explanation,
    })
}

fn cause(ending: &Ending) -> &'static str {
    let noted = |note| ending.notes.contains(&note);
    match ending.state {
        EndingState::Cancelled => "the stream was cancelled before its end",
        EndingState::Complete | EndingState::Halted => "",
        EndingState::Failed if noted("http_status") => "the HTTP status says that the request failed",
        EndingState::Failed if noted("error_page") => "the body is a web page and not a stream",
        EndingState::Failed => "the provider reported an error inside the stream",
        EndingState::Stalled => "the stream went quiet and was given up",
        EndingState::Truncated if noted("cut_tool_call") => "the stream stopped inside the arguments of a tool call",
        EndingState::Truncated if noted("compressed") => {
            "the body is compressed, so no end of the stream was seen in it"
        }
        EndingState::Truncated => "the stream stopped before its end",
    }
}
