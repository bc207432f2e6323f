//! The end of the body.

use midstream_series::Timestamp;

use super::Guard;
use super::passage::{Passed, Passing};
use super::reader::Reader;
use crate::decode::Framing;
use crate::redact::Fault;
use crate::{Close, Forward};

impl Guard {
    /// What passes at the end.
    pub(super) fn rest(&self, passed: Option<Passed>) -> Forward<'_> {
        match passed {
            None => Forward::Nothing,
            Some(_) if self.pushed => self.checks.released(),
            Some(passed) => match self.passed(passed, &[]) {
                Forward::Same => Forward::Nothing,
                forward => forward,
            },
        }
    }

    /// Reads what the end of the body decides, once.
    pub(super) fn drain(&mut self, close: Close, now: Timestamp) -> Option<Passed> {
        let mut passage = self.passage.take();
        let mut passing = passage.as_deref_mut().map(|passage| passage.begin(self.framing, &[], self.position));
        if self.checks.is_halted() {
            self.analyse(|guard| guard.read_waiting(now));
        } else if !self.drained {
            self.analyse(|guard| guard.read_rest(close, now, &mut passing));
        }
        let passed = passing.map(Passing::end);
        self.passage = passage;
        passed
    }

    /// Reads what the end of the body decides: the framing of a short one, an event without delimiter.
    fn read_rest(&mut self, close: Close, now: Timestamp, passing: &mut Option<Passing<'_>>) {
        if self.framing == Framing::Auto && !self.head.is_empty() {
            self.settle_framing(self.detect.framing(&self.head, true).unwrap_or(Framing::Opaque));
            let head = std::mem::take(&mut self.head);
            self.decode(&head, 0, now, passing);
        }
        if matches!(self.framing, Framing::Auto | Framing::Opaque) {
            self.framing = Framing::Opaque;
            if self.position > 0 {
                self.checks.known.end.content();
                self.checks.fail(Fault::Unreadable);
            }
        }
        let ends_clean = matches!(close, Close::Clean);
        let mut reader = Reader::new(&mut self.checks, &mut self.reading, now, passing);
        reader.hold = self.hold.as_deref_mut();
        // What is left of its texts has no place behind an array's bracket.
        if ends_clean && self.framing == Framing::JsonArray {
            reader.end_texts();
        }
        if let Some(decoder) = self.decoder.as_mut()
            && !reader.checks.is_halted()
        {
            let _ = decoder.finish(self.position, &mut reader);
        }
        reader.finish();
        // A finish reason came before the connection broke: what waited with it is over too.
        if ends_clean || (close == Close::Abrupt && reader.has_postponed()) {
            reader.end_texts();
        }
        if ends_clean {
            reader.end_held();
        }
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
