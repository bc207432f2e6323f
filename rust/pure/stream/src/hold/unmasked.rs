use std::ops::Range;

use midstream_series::Timestamp;

use crate::decode::Frame;
use crate::keep::{Keep, Kept, Source, State};
use crate::redact::{Fault, Found, Fragment, Masking, Rewritten};
use crate::summary::RedactSummary;
use crate::{ChannelIndex, ChannelKey};

/// Stands for redaction where text is held and none is replaced: frames pass whole and as they are, and a stream that
/// cannot be read is stopped. Rules that only report do so.
#[derive(Clone, Debug)]
pub(crate) struct Unmasked {
    fault: Option<Fault>,
    reports: Option<Box<dyn Masking>>,
}

impl Unmasked {
    pub(crate) fn new(reports: Option<Box<dyn Masking>>) -> Self {
        Self { fault: None, reports }
    }
}

impl State for Unmasked {
    fn keep_state(&self, out: &mut Kept) {
        self.fault.keep(out);
        if let Some(reports) = &self.reports {
            reports.keep_state(out);
        }
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        self.fault = Keep::take(from)?;
        self.reports.as_mut().map_or(Some(()), |reports| reports.take_state(from))
    }
}

impl Masking for Unmasked {
    fn boxed(&self) -> Box<dyn Masking> {
        Box::new(self.clone())
    }

    fn is_dry(&self) -> bool {
        false
    }

    fn is_bare(&self) -> bool {
        true
    }

    fn push(&mut self, fragment: &Fragment<'_>, now: Timestamp) -> bool {
        self.reports.as_mut().is_some_and(|reports| reports.push(fragment, now))
    }

    fn released(&self) -> &str {
        ""
    }

    fn push_empty(&mut self, _: ChannelKey, _: Range<usize>) {}

    fn push_so_far(&mut self, _: &str, _: Range<usize>, _: bool) {}

    fn end(&mut self, ends: &dyn Fn(ChannelKey, u8) -> bool, now: Timestamp, _: &mut dyn FnMut(ChannelIndex, &str)) {
        if let Some(reports) = &mut self.reports {
            reports.end(ends, now, &mut |_, _| {});
        }
    }

    fn may_end(&mut self, _: Option<u32>) {}

    fn says_end(&self) -> bool {
        false
    }

    fn holds(&self, _: ChannelKey) -> bool {
        false
    }

    fn is_unknown(&mut self) {}

    fn read_beside(&mut self, _: &Frame<'_>, _: Timestamp) -> bool {
        false
    }

    fn carries(&mut self, _: &str, _: Range<usize>) {}

    fn payload(&self) -> Option<&str> {
        None
    }

    fn replace_in(&mut self, _: &str) -> Option<String> {
        None
    }

    fn replace_in_field(&mut self, _: &str, _: bool) -> Option<String> {
        None
    }

    fn fail(&mut self, fault: Fault) {
        self.fault = self.fault.or(Some(fault));
    }

    fn fault(&self) -> Option<Fault> {
        self.fault
    }

    fn rewrite(&mut self, _: &str, rewritten: &mut Rewritten) {
        rewritten.before.clear();
        rewritten.is_changed = false;
    }

    fn wants_templates(&self) -> bool {
        false
    }

    fn close_frame(&mut self, _: &str, _: &str, _: &[u8], _: &[u8]) {}

    fn next_frame(&mut self) {}

    fn postpone(&mut self) -> bool {
        false
    }

    fn swap_postponed(&mut self) {}

    fn take_postponed(&mut self) {}

    fn has_news(&self) -> bool {
        self.fault.is_some() || self.reports.as_ref().is_some_and(|reports| reports.has_news())
    }

    fn take_found(&mut self, into: &mut Vec<Found>) {
        if let Some(reports) = &mut self.reports {
            reports.take_found(into);
        }
    }

    fn rule(&self, rule: usize) -> &str {
        self.reports.as_ref().map_or("", |reports| reports.rule(rule))
    }

    fn replacement(&self, rule: usize) -> &str {
        self.reports.as_ref().map_or("", |reports| reports.replacement(rule))
    }

    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    fn summary(&self) -> Option<RedactSummary> {
        self.reports.as_ref()?.summary()
    }
}
