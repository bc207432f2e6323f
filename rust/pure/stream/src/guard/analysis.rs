//! The analysis, whose panic costs what it would have found and no stream.

use std::panic::{AssertUnwindSafe, catch_unwind};

use midstream_series::Timestamp;

use super::holding::HeldBack;
use super::{Guard, holding};
use crate::decode::Framing;
use crate::dialect::{Dialect, Reading};
use crate::{Anomaly, ChannelKind, Checks, Decision, Error, Forward};

impl Guard {
    /// Reads text that the caller has and not bytes; see [`Checks::push_text`].
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn push_text(&mut self, kind: ChannelKind, text: &str, now: Timestamp) -> Result<Decision<'_>, Error> {
        let now = self.begin(now)?;
        if self.drained && self.hold.is_some() {
            return Err(Error::Finished);
        }
        if self.framing == Framing::Auto {
            self.framing = Framing::Text;
            self.reading = Reading::new(Dialect::Text, Framing::Text);
        }
        self.position += text.len() as u64;
        self.pushed = true;
        if self.arrive(now) {
            return Ok(self.decide(Forward::Nothing));
        }
        self.analyse(|guard| guard.checks.read_text(kind, text, now));
        let is_lost = self.stop_blind();
        self.checks.close_call(true, now);
        if self.hold.is_some() {
            let held = HeldBack::of(if is_lost { Forward::Nothing } else { self.checks.pushed(text) }, text.as_bytes());
            self.analyse(|guard| guard.ask_pushed(&held, text.len(), now));
            self.stop_blind();
            self.hold_back(&held, text.as_bytes());
            self.note(now);
            return Ok(self.decide(self.held_forward(&held, &[])));
        }
        self.note(now);
        Ok(self.decide(if is_lost { Forward::Nothing } else { self.checks.pushed(text) }))
    }

    /// Takes what was pushed as text that waits.
    fn ask_pushed(&mut self, held: &HeldBack, length: usize, now: Timestamp) {
        let Some(hold) = &mut self.hold else { return };
        let Checks { known, events, .. } = &mut self.checks;
        holding::read(hold, known, events, Some(0), now);
        hold.mark(match held {
            HeldBack::Chunk => length,
            HeldBack::Bytes(bytes) => bytes.len(),
        });
    }

    /// Runs `work`, unless the analysis failed before, so that its panic costs the analysis and no byte.
    pub(super) fn analyse<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.blind { None } else { self.caught(work) }
    }

    /// The same for what goes on where the analysis failed: times, and verdicts.
    pub(super) fn caught<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self))).ok();
        if outcome.is_none() && !self.blind {
            self.blind = true;
            self.decoder = None;
            self.head = Vec::new();
            self.checks.known.anomalies.add(Anomaly::AnalysisFailed);
        }
        outcome
    }

    /// Stops the stream where the analysis failed and text may not pass unread; whether that is so.
    pub(super) fn stop_blind(&mut self) -> bool {
        let is_lost = self.blind && self.checks.is_masked();
        if is_lost {
            self.checks.stop_unread();
        }
        is_lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::broken::Broken;
    use crate::{Close, Options, Settings, Summary};

    const REDACTED: &str = r#"{"redact": {"rules": ["email"]}}"#;
    const HELD: &str = r#"{"hold": {}}"#;

    fn guard(settings: &str, broken: Broken) -> Guard {
        let settings = Settings::from_json(settings).unwrap();
        let mut guard = Guard::new(Options { settings, ..Options::default() }).unwrap();
        guard.checks.broken = broken;
        guard
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_nanos(second * 1_000_000_000)
    }

    /// What passes of two texts, a tick between them, and what the end says.
    fn read(mut guard: Guard) -> (Vec<u8>, Summary) {
        let mut passed = Vec::new();
        for (second, text) in [(0, "All is "), (2, "well. ")] {
            let decision = guard.push_text(ChannelKind::Text, text, at(second)).unwrap();
            passed.extend_from_slice(match decision.forward {
                Forward::Same => text.as_bytes(),
                Forward::Bytes(bytes) => bytes,
                Forward::Nothing => &[],
            });
            let decision = guard.tick(at(second + 1)).unwrap();
            assert!(matches!(decision.forward, Forward::Nothing));
        }
        let (decision, summary) = guard.finish(Close::Clean, at(4)).unwrap();
        assert!(matches!(decision.forward, Forward::Nothing), "{:?}", decision.forward);
        (passed, summary)
    }

    fn failed(summary: &Summary) -> u64 {
        summary.anomalies.count(Anomaly::AnalysisFailed)
    }

    #[test]
    fn text_passes_unseen_behind_a_panic_and_the_stream_goes_on() {
        for broken in [Broken::Text, Broken::Tick, Broken::End] {
            for settings in ["{}", r#"{"hold": {}, "redact": {"rules": ["email"]}, "shadow": true}"#] {
                let (passed, summary) = read(guard(settings, broken));
                assert_eq!(passed, b"All is well. ", "{broken:?}");
                assert_eq!(failed(&summary), 1, "{broken:?}");
                assert_eq!(summary.ending.state, crate::EndingState::Complete, "{broken:?}");
            }
        }
    }

    #[test]
    fn where_text_is_redacted_or_held_a_panic_stops_the_stream() {
        for (settings, check) in [(REDACTED, "redact"), (HELD, "hold")] {
            for broken in [Broken::Text, Broken::Tick] {
                let (passed, summary) = read(guard(settings, broken));
                assert!(!passed.ends_with(b"well. "), "{settings} {broken:?}");
                assert_eq!(failed(&summary), 1);
                assert_eq!(summary.ending.state, crate::EndingState::Halted);
                let told: Vec<_> = summary.findings.iter().map(|finding| (finding.check, &*finding.kind)).collect();
                assert!(told.contains(&(check, "unreadable")), "{told:?}");
            }
        }
    }

    #[test]
    fn a_panic_at_the_end_passes_no_text_that_waits() {
        let mut guard = guard(REDACTED, Broken::End);
        guard.push_text(ChannelKind::Text, "bob@example", at(0)).unwrap();
        let (decision, summary) = guard.finish(Close::Clean, at(1)).unwrap();
        assert!(matches!(decision.forward, Forward::Nothing));
        assert_eq!(summary.ending.state, crate::EndingState::Halted);
    }

    #[test]
    fn a_panic_over_a_verdict_stops_the_stream() {
        for refused in [false, true] {
            let mut guard = guard(HELD, Broken::Verdict);
            let decision = guard.push_text(ChannelKind::Text, "All is well. ", at(0)).unwrap();
            let id = decision.held.first().unwrap().id;
            let decision = if refused { guard.refuse(id, "no", at(1)) } else { guard.release(id, at(1)) }.unwrap();
            assert!(decision.halted && matches!(decision.forward, Forward::Nothing));
        }
    }
}
