//! What the owner of a stream does itself in the place of its end.

use crate::{Action, Finding};

/// Findings that a stream's owner answers by asking a model anew: they do not end the stream.
///
/// The owner closes what it reads from when such a finding is told, and feeds what follows. Where it cannot, it calls
/// [`Guard::halt`](crate::Guard::halt).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Continues {
    /// Reasoning that is to end is ended by the owner.
    pub end_reasoning: bool,
    /// Checks, or kinds of them as in `repeat/exact`, whose stop lets another model go on instead. Secrets and refused text
    /// always stop.
    pub reroute: Vec<String>,
}

impl Continues {
    /// Whether a finding that asks for this ends the stream.
    pub(crate) fn halts(&self, action: Action) -> bool {
        match action {
            Action::EndReasoning => !self.end_reasoning,
            Action::Reroute => self.reroute.is_empty(),
            other => other.halts(),
        }
    }

    /// Lets another model go on where a stop may be that.
    pub(crate) fn answer(&self, findings: &mut [Finding]) {
        if self.reroute.is_empty() {
            return;
        }
        for finding in findings.iter_mut().filter(|finding| finding.action == Action::Stop) {
            let asks = |name: &String| match name.split_once('/') {
                Some((check, kind)) => check == finding.check && kind == finding.kind,
                None => name == finding.check,
            };
            if !matches!(finding.check, "hold" | "redact") && self.reroute.iter().any(asks) {
                finding.action = Action::Reroute;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use midstream_series::Timestamp;

    use super::*;
    use crate::{ChannelKind, Close, EndingState, Guard, Options, Settings};

    const LOOP: &str = r#"{"repeat": {"reasoning": {"exact": "end_reasoning"}}}"#;

    fn guard(continues: Continues) -> Guard {
        Guard::new(Options { settings: Settings::from_json(LOOP).unwrap(), continues, ..Options::default() }).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn reasoning_that_its_owner_ends_does_not_end_the_stream() {
        let mut guard = guard(Continues { end_reasoning: true, ..Continues::default() });
        let decision = guard.push_text(ChannelKind::Reasoning, &"I am done. ".repeat(20), at(0)).unwrap();
        assert_eq!((decision.action, decision.halted), (Action::EndReasoning, false));
        let decision = guard.push_text(ChannelKind::Text, "17 is prime.", at(1)).unwrap();
        assert!(!decision.halted && decision.forward != crate::Forward::Nothing);
        let (_, summary) = guard.finish(Close::Clean, at(2)).unwrap();
        assert_eq!(summary.ending.state, EndingState::Complete);
    }

    #[test]
    fn a_stop_that_may_be_another_models_turn_is_one() {
        let mut guard = guard(Continues { reroute: vec!["repeat/exact".into()], ..Continues::default() });
        let decision = guard.push_text(ChannelKind::Text, &"I am done. ".repeat(20), at(0)).unwrap();
        assert_eq!((decision.action, decision.halted), (Action::Reroute, false));
        assert_eq!(decision.findings[0].action, Action::Reroute);
        let decision = guard.halt(at(1)).unwrap();
        assert!(decision.halted);
        let (_, summary) = guard.finish(Close::Stopped, at(2)).unwrap();
        assert_eq!(summary.ending.state, EndingState::Halted);
    }

    #[test]
    fn without_an_owner_that_answers_every_finding_ends_the_stream_as_before() {
        let mut guard = guard(Continues { reroute: vec!["pace".into()], ..Continues::default() });
        let decision = guard.push_text(ChannelKind::Reasoning, &"I am done. ".repeat(20), at(0)).unwrap();
        assert_eq!((decision.action, decision.halted), (Action::EndReasoning, true));
    }
}
