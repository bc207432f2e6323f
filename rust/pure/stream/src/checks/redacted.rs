//! Redaction among the checks: what it finds, and the stop of a stream whose text could pass unseen.

use midstream_series::Timestamp;

use super::{Checks, ends_at_stop};
use crate::emit::Emit;
use crate::redact::{Fault, Found, Masking};
use crate::{Action, Finding, Forward};

impl Checks {
    /// Text is redacted by `mask` from now on.
    pub(crate) fn mask_is(&mut self, mask: Box<dyn Masking>) {
        self.known.mask = Some(mask);
    }

    /// Whether text is changed, so that none may pass unread.
    pub(crate) fn is_masked(&self) -> bool {
        self.known.mask.as_ref().is_some_and(|mask| !mask.is_dry())
    }

    /// Stops the stream for `fault`, where text is changed.
    pub(crate) fn fail(&mut self, fault: Fault) {
        if let Some(mask) = &mut self.known.mask {
            mask.fail(fault);
        }
    }

    /// Stops the stream, where text is changed or waits, for a part of it that was not read.
    pub(crate) fn stop_unread(&mut self) {
        self.fail(Fault::Unreadable);
        self.report_redactions();
        self.settle();
    }

    /// Makes findings of what redaction found since the last time.
    pub(crate) fn report_redactions(&mut self) {
        let Some(mask) = self.known.mask.as_mut().filter(|mask| mask.has_news()) else { return };
        let mut found = Vec::new();
        mask.take_found(&mut found);
        // What lies behind a stop is not told, so that no finding depends on the cut.
        let end = found.iter().position(|found| !mask.is_dry() && found.action.halts());
        for found in found.iter().take(end.map_or(usize::MAX, |end| end + 1)) {
            let channel = found.channel.and_then(|index| self.known.channels.get(index));
            let id = channel.map(|channel| channel.id.clone());
            let finding = finding(found, id, mask.as_ref());
            self.places.push(place(found, &finding, mask.is_dry() || found.action < Action::Redact));
            self.fresh.push(finding);
        }
        let check = if mask.is_bare() { "hold" } else { "redact" };
        let fault = mask.fault().filter(|_| !mask.is_dry() && self.halted.is_none()).map(|fault| stop(fault, check));
        self.fresh.extend(fault.filter(|stop| self.fresh.iter().all(|told| told.kind != stop.kind)));
    }

    /// Plain text comes in pieces whose borders mean nothing: what was found in one stands in the order of its characters,
    /// redactions among the rest, and nothing behind a stop is told.
    pub(super) fn order_pieces(&mut self) {
        let (first, places) = (self.kept, std::mem::take(&mut self.places));
        let in_piece = |finding: &Finding| {
            // The channels of pieces have no number.
            finding.offset.is_some() && finding.channel.as_ref().is_some_and(|channel| !channel.contains(':'))
        };
        if self.known.mask.is_none() || !self.fresh.iter().skip(first).all(in_piece) {
            return;
        }
        let (mut places, mut ordered) = (places.into_iter(), Vec::new());
        for finding in self.fresh.drain(first..) {
            let redaction = (finding.check == "redact").then(|| places.next()).flatten();
            ordered.push((redaction.unwrap_or((finding.offset.unwrap_or_default(), 1)), finding));
        }
        ordered.sort_by_key(|(place, _)| *place);
        self.fresh.extend(ordered.into_iter().map(|(_, finding)| finding));
        if !self.settings.shadow {
            ends_at_stop(&mut self.fresh, first, &self.continues);
        }
    }

    /// No more text comes: what is held is decided and becomes events.
    pub(crate) fn end_texts(&mut self, now: Timestamp) {
        let first = self.events.list.len();
        Emit::new(&mut self.known, &mut self.events, now, None).texts_end(|_| true);
        self.report_redactions();
        self.run(first);
    }

    /// What passes of `text`, which the caller has pushed: what its channel released, up to a stop.
    pub(crate) fn pushed(&self, text: &str) -> Forward<'_> {
        if !self.is_masked() && !self.is_halted() {
            return Forward::Same;
        }
        match self.released() {
            Forward::Bytes(released) if released == text.as_bytes() => Forward::Same,
            released => released,
        }
    }

    /// What the channels released in this call, up to a stop.
    pub(crate) fn released(&self) -> Forward<'_> {
        let released = self.events.texts();
        let surplus = if self.is_halted() { self.read_behind_stop() as usize } else { 0 };
        let end = released.char_indices().rev().take(surplus).last().map_or(released.len(), |(at, _)| at);
        match released.as_bytes().get(..end).unwrap_or_default() {
            [] => Forward::Nothing,
            released => Forward::Bytes(released),
        }
    }

    /// Stops the stream where text has waited too long.
    pub(super) fn look_at_waits(&mut self, now: Timestamp) {
        let late = self.known.mask.as_ref().and_then(|mask| mask.deadline()).is_some_and(|deadline| deadline <= now);
        if late && self.is_masked() {
            self.fail(Fault::HeldTooLong);
            self.report_redactions();
        }
    }
}

/// Where a redaction stands among the findings of its text. What is only reported is found when it is certain; what is
/// replaced is where its replacement ends, and one beyond its limit is over only behind what was found there.
fn place(found: &Found, finding: &Finding, is_dry: bool) -> (u64, u8) {
    match finding.offset {
        Some(offset) if !is_dry => (offset, if found.overflow { 2 } else { 0 }),
        _ => (found.certain, 0),
    }
}

fn finding(found: &Found, channel: Option<String>, mask: &dyn Masking) -> Finding {
    let rule = mask.rule(found.rule);
    let replacement = mask.replacement(found.rule);
    let is_dry = mask.is_dry() || mask.is_bare() || found.action < Action::Redact;
    let stands = if is_dry { found.length } else { replacement.len() as u64 };
    let place = channel.is_some().then_some(found.onset);
    let limit = if found.overflow { ", beyond the limit of the rule" } else { "" };
    let did = if is_dry { "would replace" } else { "replaced" };
    Finding {
        check: "redact",
        kind: rule.to_owned().into(),
        action: found.action,
        offset: place.map(|onset| onset + stands),
        onset: place,
        period: None,
        score: 1.0,
        evidence: replacement.to_owned(),
        explanation: format!("rule {rule} {did} {} characters{limit}", found.length),
        channel,
    }
}

fn stop(fault: Fault, check: &'static str) -> Finding {
    let (kind, explanation) = match fault {
        Fault::HeldTooLong => ("max_hold", "text that may begin a secret waited longer than redact.max_hold_s"),
        Fault::Signed => ("signed", "a secret stands in text that the provider signs, which cannot be changed"),
        Fault::Unplaceable => ("unplaceable", "redacted text has no place in this frame of the stream"),
        Fault::Unreadable => {
            ("unreadable", "a part of the stream cannot be read, so that text could pass unseen in it")
        }
    };
    Finding {
        check,
        kind: kind.into(),
        action: Action::Stop,
        channel: None,
        offset: None,
        onset: None,
        period: None,
        score: 1.0,
        evidence: String::new(),
        explanation: explanation.to_owned(),
    }
}
