mod going_on;
mod kept;
mod placing;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use midstream_series::Timestamp;

use super::beside::{BESIDE, Finder};
use super::frame::{Fault, Fragment, Parts, Rewritten, Whole};
use super::lane::{Found, Lane};
use super::masking::Masking;
use super::redactor::{Redaction, Redactor};
use super::rewriting::{Placed, Rewriting, encode};
use super::rule_set::RuleSet;
use super::settings::RedactSettings;
use super::spelling::Released;
use super::waits::Waits;
use crate::decode::Frame;
use crate::summary::RedactSummary;
use crate::{ChannelIndex, ChannelKey, json};

/// Texts of one stream that are read apart at most.
const MAX_LANES: usize = 512;

/// Frames that wait for whether an answer goes on at most.
const MAX_POSTPONED: usize = 64;

/// Redaction of one stream: what its channels hold, and what becomes of the frame that is being read.
#[derive(Clone, Debug)]
pub(crate) struct Mask {
    rules: Arc<RuleSet>,
    lanes: Vec<Lane>,
    last: usize,
    frame: Parts,
    /// Frames before it, which wait for whether an answer goes on that one of them ends.
    postponed: VecDeque<Parts>,
    /// The lane whose text ended last, if what passed then could begin a match.
    last_ended: Option<usize>,
    finder: Finder,
    rewriting: Rewriting,
    out: Released,
    redactions: Vec<Redaction>,
    found: Vec<Found>,
    /// Rules that were reported, a bit each.
    reported: u128,
    fault: Option<Fault>,
    waits: Waits,
    /// What a match asks for, by its channel and its rule.
    settings: RedactSettings,
    /// Matches are only reported.
    is_dry: bool,
}

impl Mask {
    pub(crate) fn new(rules: Arc<RuleSet>, is_dry: bool, settings: &RedactSettings) -> Self {
        Self {
            lanes: Vec::new(),
            last: 0,
            frame: Parts::default(),
            postponed: VecDeque::new(),
            last_ended: None,
            finder: Finder::default(),
            rewriting: Rewriting::new(&rules),
            out: Released::default(),
            redactions: Vec::new(),
            found: Vec::new(),
            reported: 0,
            fault: None,
            waits: Waits::new(settings.max_hold()),
            is_dry,
            rules,
            settings: settings.clone(),
        }
    }
}

impl Masking for Mask {
    fn boxed(&self) -> Box<dyn Masking> {
        Box::new(self.clone())
    }

    fn is_dry(&self) -> bool {
        self.is_dry
    }

    fn summary(&self) -> Option<RedactSummary> {
        let summary = self.waits.summary();
        let holds = if self.is_dry { Vec::new() } else { summary.holds };
        Some(RedactSummary { holds, ..summary })
    }

    fn deadline(&self) -> Option<Timestamp> {
        let max_hold = self.waits.max_hold()?;
        self.lanes.iter().filter_map(|lane| lane.held_since).min().map(|since| since + max_hold)
    }

    fn push(&mut self, fragment: &Fragment<'_>, now: Timestamp) -> bool {
        let Some(at) = self.lane(fragment) else {
            self.fail(Fault::Unreadable);
            self.clear_output();
            return !self.is_dry;
        };
        self.clear_output();
        if self.last_ended.is_some() && fragment.copy == 0 && !fragment.text.is_empty() {
            self.follow(at);
        }
        let Some(lane) = self.lanes.get_mut(at) else { return false };
        if lane.is_off {
            self.frame.has_text |= !fragment.text.is_empty();
            if let Some(place) = fragment.place.clone().filter(|_| !self.is_dry) {
                self.place(at, place, false);
            }
            return false;
        }
        let (before, was_placed, passes) = (lane.held(), lane.is_placed, lane.passes);
        lane.push(fragment.text, &mut self.out, &mut self.redactions);
        self.frame.has_text |= !fragment.text.is_empty();
        lane.is_placed = fragment.place.is_some();
        lane.ends_cut = fragment.ends_cut;
        lane.is_signed |= fragment.is_signed;
        self.waits.moved(before, lane.held(), fragment.text.len(), &mut lane.held_since, now);
        self.report(at);
        if self.is_dry {
            return false;
        }
        if passes {
            self.clear_output();
            if let Some(place) = fragment.place.clone() {
                self.place(at, place, false);
            }
            return false;
        }
        let moved = if was_placed && before > 0 { self.put_before(at, before) } else { 0 };
        self.goes_on(fragment);
        let differs = self.out.text != fragment.text;
        if let Some(place) = fragment.place.clone() {
            self.place_from(moved, at, place, differs || fragment.begins_cut || fragment.ends_cut);
        }
        differs
    }

    fn released(&self) -> &str {
        &self.out.text
    }

    fn payload(&self) -> Option<&str> {
        self.frame.inner.as_ref().map(|(payload, _)| payload.as_str())
    }

    fn push_empty(&mut self, key: ChannelKey, place: Range<usize>) {
        if let Some(at) = self.lanes.iter().position(|lane| lane.key == key && lane.copy == 0 && lane.is_placed) {
            self.out.text.clear();
            self.place(at, place, false);
        }
    }

    fn push_so_far(&mut self, text: &str, place: Range<usize>, is_whole: bool) {
        self.clear_output();
        let mut redactor = Redactor::new(Arc::clone(&self.rules));
        redactor.push(text, &mut self.out, &mut self.redactions);
        self.place(usize::MAX, place, self.out.text != text);
        if is_whole {
            redactor.finish(&mut self.out, &mut self.redactions);
            let start = self.frame.texts.len();
            self.frame.texts.push_str(&self.out.text);
            let (placed, is_changed) = (self.frame.placed.len() - 1, self.out.text != text);
            self.frame.whole.push(Whole { placed, text: start..self.frame.texts.len(), is_changed });
        }
    }

    fn end(&mut self, ends: &dyn Fn(ChannelKey, u8) -> bool, now: Timestamp, take: &mut dyn FnMut(ChannelIndex, &str)) {
        for at in 0..self.lanes.len() {
            self.clear_output();
            let Some(lane) = self.lanes.get_mut(at).filter(|lane| ends(lane.key, lane.copy)) else { continue };
            let before = lane.held();
            if std::mem::take(&mut lane.ends_cut) {
                lane.push("\u{fffd}", &mut self.out, &mut self.redactions);
            }
            lane.finish(&mut self.out, &mut self.redactions);
            self.waits.moved(before, 0, 0, &mut lane.held_since, now);
            let (channel, is_placed, passes) = (lane.channel, lane.is_placed, lane.passes);
            if before > 0 && self.out.replaced_at.is_empty() {
                lane.end.clone_from(&self.out.text);
                self.last_ended = Some(at);
            }
            self.report(at);
            if self.out.text.is_empty() || self.is_dry || passes {
                continue;
            }
            if let Some(channel) = channel {
                take(channel, &self.out.text);
            }
            if is_placed {
                self.append(at);
            }
        }
    }

    fn carries(&mut self, payload: &str, place: Range<usize>) {
        if !self.is_dry {
            self.frame.inner = Some((payload.to_owned(), place));
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.fault = self.fault.or(Some(fault));
    }

    fn fault(&self) -> Option<Fault> {
        self.fault
    }

    fn rewrite(&mut self, data: &str, rewritten: &mut Rewritten) {
        rewritten.data.clear();
        rewritten.before.clear();
        for (lane, text) in self.frame.rests.drain(..) {
            let template = self.lanes.get_mut(lane).and_then(|lane| lane.template.take());
            match (template, self.frame.texts.get(text)) {
                (Some(template), Some(text)) => {
                    let data = template.with(text, &mut self.rewriting);
                    rewritten.before.push((template, data));
                }
                _ => self.fault = self.fault.or(Some(Fault::Unplaceable)),
            }
        }
        self.frame.settle();
        self.frame.placed.sort_by_key(|placed| placed.at.start);
        let Self { rewriting, frame: Parts { placed, texts, inner, .. }, .. } = self;
        rewritten.is_changed = match inner {
            None => rewriting.rewrite(data, placed, texts, &mut rewritten.data),
            Some((payload, place)) => {
                let mut inside = String::new();
                let is_changed = rewriting.rewrite(payload, placed, texts, &mut inside);
                let encoded = if is_changed { encode(&inside) } else { String::new() };
                let whole = Placed { lane: usize::MAX, at: place.clone(), text: 0..encoded.len(), is_changed };
                rewriting.rewrite(data, &[whole], &encoded, &mut rewritten.data)
            }
        };
        self.report_elsewhere();
    }

    fn wants_templates(&self) -> bool {
        self.frame.placed.iter().any(|placed| self.lanes.get(placed.lane).is_some_and(|lane| lane.held() > 0))
    }

    fn close_frame(&mut self, data: &str, name: &str, head: &[u8], tail: &[u8]) {
        for placed in &self.frame.placed {
            let Some(lane) = self.lanes.get_mut(placed.lane).filter(|lane| lane.held() > 0) else { continue };
            let template = lane.template.get_or_insert_default();
            let inner = self.frame.inner.as_ref();
            for (bytes, from) in [(&mut template.head, head), (&mut template.tail, tail)] {
                bytes.clear();
                bytes.extend_from_slice(from);
            }
            name.clone_into(&mut template.name);
            inner.map_or(data, |(payload, _)| payload).clone_into(&mut template.data);
            template.outer = inner.map(|(_, place)| (data.to_owned(), place.clone()));
            template.place = placed.at.clone();
        }
        self.next_frame();
    }

    fn next_frame(&mut self) {
        self.frame.clear();
    }

    fn begin_answer(&mut self) {
        self.last_ended = None;
        self.lanes.iter_mut().for_each(|lane| lane.end.clear());
    }

    fn may_end(&mut self, choice: Option<u32>) {
        self.frame.may_end = true;
        self.frame.ended.extend(choice);
    }

    fn ended_choice(&self) -> Option<u32> {
        self.choice_left()
    }

    fn has_postponed(&self) -> bool {
        !self.postponed.is_empty()
    }

    fn says_end(&self) -> bool {
        self.frame.may_end
    }

    fn holds(&self, key: ChannelKey) -> bool {
        self.lanes.iter().any(|lane| lane.key == key && lane.copy == 0 && lane.held() > 0)
    }

    fn is_unknown(&mut self) {
        self.frame.is_unknown = true;
    }

    fn read_beside(&mut self, frame: &Frame<'_>, now: Timestamp) -> bool {
        if self.is_dry {
            return false;
        }
        let inner = self.frame.inner.take();
        let data = inner.as_ref().map_or(frame.data, |(payload, _)| payload.as_str());
        let mut finder = std::mem::take(&mut self.finder);
        finder.find(data, frame.name, self.frame.is_unknown, &self.frame.placed);
        let is_any = !finder.found.is_empty();
        for (key, place) in finder.found.drain(..) {
            let mut text = String::new();
            json::unescape_all(data.get(place.clone()).unwrap_or_default(), &mut text);
            self.push(&Fragment::copy(key, BESIDE, &text, Some(place)), now);
        }
        self.finder = finder;
        self.frame.inner = inner;
        is_any
    }

    fn postpone(&mut self) -> bool {
        let frame = self.postponed.front().unwrap_or(&self.frame);
        let waits = self.lanes.iter().any(|lane| lane.is_placed && lane.held() > 0 && frame.ends(lane.key));
        let goes_on = self.frame.has_text || self.postponed.len() >= MAX_POSTPONED;
        let postpones = waits && if self.postponed.is_empty() { self.frame.may_end } else { !goes_on };
        if postpones {
            self.postponed.push_back(std::mem::take(&mut self.frame));
        }
        postpones
    }

    fn swap_postponed(&mut self) {
        if let Some(postponed) = self.postponed.front_mut() {
            std::mem::swap(&mut self.frame, postponed);
        }
    }

    fn take_postponed(&mut self) {
        if let Some(postponed) = self.postponed.pop_front() {
            self.frame = postponed;
        }
    }

    fn replace_in(&mut self, text: &str) -> Option<String> {
        let mut out = String::new();
        let is_changed = self.rewriting.replace_in(text, &mut out);
        self.report_elsewhere();
        is_changed.then_some(out)
    }

    fn replace_in_field(&mut self, text: &str, names: bool) -> Option<String> {
        self.rewriting.replace_in_field(text, names).map(str::to_owned)
    }

    fn has_news(&self) -> bool {
        !self.found.is_empty() || self.fault.is_some()
    }

    fn take_found(&mut self, into: &mut Vec<Found>) {
        into.append(&mut self.found);
    }

    fn rule(&self, rule: usize) -> &str {
        self.rules.name(rule)
    }

    fn replacement(&self, rule: usize) -> &str {
        self.rules.replacement(rule)
    }
}
