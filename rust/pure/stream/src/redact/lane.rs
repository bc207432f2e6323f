use std::collections::VecDeque;
use std::sync::Arc;

use midstream_series::Timestamp;

use super::arguments::Arguments;
use super::redactor::{Redaction, Redactor};
use super::rule_set::RuleSet;
use super::settings::Respond;
use super::spelling::Released;
use super::template::Template;
use crate::keep::{Keep, Kept, Source, State};
use crate::{Action, ChannelIndex, ChannelKey, ChannelKind};

/// The text of one channel on its way through the rules, or a copy of that text that streams beside it.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) key: ChannelKey,
    /// 0 is the channel itself.
    pub(super) copy: u8,
    /// Where events of its text belong; a copy has none.
    pub(super) channel: Option<ChannelIndex>,
    reader: Reader,
    /// Characters released, replacements among them.
    released: u64,
    /// Where in the released text replacements begin whose match is not over.
    onsets: VecDeque<u64>,
    /// When the oldest text that is held came.
    pub(super) held_since: Option<Timestamp>,
    /// Characters that were replaced beyond those that stand in their place.
    surplus: i64,
    /// Half a character stands at its end.
    pub(super) ends_cut: bool,
    /// Its text stands in strings of the frames, so that what is left at its end can stand in one.
    pub(super) is_placed: bool,
    /// What a match in it asks for.
    pub(super) respond: Respond,
    /// It passes unread.
    pub(super) is_off: bool,
    /// Matches in it are only told, though those of other channels are replaced.
    pub(super) passes: bool,
    /// The provider signs it.
    pub(super) is_signed: bool,
    /// What of its text passed when it ended, although it could begin a match; it may go on.
    pub(super) end: String,
    /// The last frame with a string of it, kept while text is held.
    pub(super) template: Option<Template>,
}

#[derive(Clone, Debug)]
enum Reader {
    Arguments(Box<Arguments>),
    Plain(Redactor),
}

/// A match that was replaced, by its place in what was released.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    /// The rule's place in the set.
    pub(crate) rule: usize,
    pub(crate) channel: Option<ChannelIndex>,
    /// What it asks for.
    pub(crate) action: Action,
    /// Characters of the channel's released text before the replacement.
    pub(crate) onset: u64,
    /// Characters that were replaced.
    pub(crate) length: u64,
    /// The rule's limit was passed.
    pub(crate) overflow: bool,
    /// Characters that the model had written when it was certain.
    pub(crate) certain: u64,
}

crate::keep::keep!(struct Found { rule, channel, action, onset, length, overflow, certain });

impl State for Lane {
    fn keep_state(&self, out: &mut Kept) {
        let Self { key: _, copy: _, channel, reader, released, onsets, held_since, surplus, template, .. } = self;
        let Self { ends_cut, is_placed, respond, is_off, passes, is_signed, end, .. } = self;
        (*channel, *released, *surplus).keep(out);
        match reader {
            Reader::Arguments(arguments) => arguments.keep_state(out),
            Reader::Plain(redactor) => redactor.keep_state(out),
        }
        onsets.keep(out);
        held_since.keep(out);
        ((*ends_cut, *is_placed), (*is_off, *passes), (*is_signed, *respond)).keep(out);
        end.keep(out);
        template.keep(out);
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        (self.channel, self.released, self.surplus) = Keep::take(from)?;
        match &mut self.reader {
            Reader::Arguments(arguments) => arguments.take_state(from)?,
            Reader::Plain(redactor) => redactor.take_state(from)?,
        }
        self.onsets = Keep::take(from)?;
        self.held_since = Keep::take(from)?;
        ((self.ends_cut, self.is_placed), (self.is_off, self.passes), (self.is_signed, self.respond)) =
            Keep::take(from)?;
        self.end = Keep::take(from)?;
        self.template = Keep::take(from)?;
        Some(())
    }
}

impl Lane {
    pub(super) fn new(key: ChannelKey, copy: u8, rules: &Arc<RuleSet>) -> Self {
        let rules = Arc::clone(rules);
        Self {
            key,
            copy,
            channel: None,
            reader: match key.kind {
                ChannelKind::Tool => Reader::Arguments(Box::new(Arguments::new(rules))),
                _ => Reader::Plain(Redactor::new(rules)),
            },
            released: 0,
            onsets: VecDeque::new(),
            held_since: None,
            surplus: 0,
            ends_cut: false,
            respond: Respond::On,
            is_off: false,
            passes: false,
            is_placed: false,
            is_signed: false,
            end: String::new(),
            template: None,
        }
    }

    /// Bytes of its text that wait; none where it passes.
    pub(super) fn held(&self) -> usize {
        match &self.reader {
            _ if self.passes => 0,
            Reader::Arguments(arguments) => arguments.held(),
            Reader::Plain(redactor) => redactor.held(),
        }
    }

    /// Reads the next text; `out` and `redactions` are empty before.
    pub(super) fn push(&mut self, text: &str, out: &mut Released, redactions: &mut Vec<Redaction>) {
        let known = (out.text.len(), out.replaced_at.len());
        match &mut self.reader {
            Reader::Arguments(arguments) => arguments.push(text, out, redactions),
            Reader::Plain(redactor) => redactor.push(text, out, redactions),
        }
        self.count(out, known);
    }

    /// Its next text goes on with one that ended.
    pub(super) fn go_on(&mut self, end: &str) {
        if let Reader::Plain(redactor) = &mut self.reader {
            redactor.go_on(end);
        }
    }

    /// Its text ended.
    pub(super) fn finish(&mut self, out: &mut Released, redactions: &mut Vec<Redaction>) {
        let known = (out.text.len(), out.replaced_at.len());
        match &mut self.reader {
            Reader::Arguments(arguments) => arguments.finish(out, redactions),
            Reader::Plain(redactor) => redactor.finish(out, redactions),
        }
        self.count(out, known);
    }

    /// Counts what came to `out` behind `known` bytes and replacements.
    fn count(&mut self, out: &Released, known: (usize, usize)) {
        let characters = |to: usize| out.text.get(known.0..to).map_or(0, |text| text.chars().count() as u64);
        for at in out.replaced_at.iter().skip(known.1) {
            self.onsets.push_back(self.released + characters(*at));
        }
        self.released += characters(out.text.len());
    }

    /// What a redaction that is over is reported as: by its place in what was released, or in what the model wrote.
    pub(super) fn found(&mut self, redaction: Redaction, replacement: u64, as_written: bool, action: Action) -> Found {
        let Redaction { rule, length, overflow, certain, .. } = redaction;
        let onset = self.onsets.pop_front().unwrap_or(self.released);
        let written = onset.saturating_add_signed(self.surplus);
        self.surplus += length as i64 - replacement as i64;
        let onset = if as_written { written } else { onset };
        Found { rule, channel: self.channel, action, onset, length, overflow, certain }
    }
}
