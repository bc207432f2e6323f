mod kept;
mod lead;
mod release;

use std::sync::Arc;

use super::rule_set::RuleSet;
use super::table::{DEAD, Table};
use super::thread::{Seen, Thread};

pub use release::Release;

/// One replaced piece of a channel's text. It never holds the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// The rule's place in its [`RuleSet`].
    pub rule: usize,
    /// Characters of the channel's text before the match.
    pub offset: u64,
    /// Characters of the match.
    pub length: u64,
    /// The rule's limit was passed: the text was masked as far as the rule went on, without a whole match.
    pub overflow: bool,
    /// Characters of the channel's text that were read when the match was certain.
    pub(crate) certain: u64,
}

crate::keep::keep!(struct Redaction { rule, offset, length, overflow, certain });

/// Replaces the matches in one channel's text while it comes.
///
/// It reads each byte once for each thread: a place where a match may have begun. Threads of equal state are one, so that
/// there are never more than the automaton has states, and in ordinary text one or none. Text is read again only behind a
/// match that was waited for to grow, and where a check turned down what other threads were left to. Memory is what is
/// held: at most the longest match, or the limit of the rule.
///
/// ```
/// use std::sync::Arc;
/// use midstream_stream::redact::{Redactor, Rule, RuleSet};
/// let rules = Arc::new(RuleSet::new(&[Rule::built_in("email")?])?);
/// let mut redactor = Redactor::new(rules);
/// let (mut released, mut redactions) = (String::new(), Vec::new());
/// redactor.push("Write to bo", &mut released, &mut redactions);
/// assert_eq!((released.as_str(), redactor.held()), ("Write to ", 2));
/// redactor.push("b@example.org!", &mut released, &mut redactions);
/// assert_eq!(released, "Write to [EMAIL]!");
/// assert_eq!((redactions[0].offset, redactions[0].length), (9, 15));
/// # Ok::<(), midstream_stream::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Redactor {
    rules: Arc<RuleSet>,
    /// Text that is held, and while a call runs all that it brought.
    text: String,
    /// Bytes of the channel before `text`.
    base: u64,
    /// The last of them.
    before: Option<u8>,
    /// Bytes of `text` that are read.
    position: usize,
    /// What rules ask of the text up to there.
    behind: u32,
    /// Bytes of the channel that were read, some of which may be read again.
    furthest: u64,
    /// Bytes of `text` that are released or replaced.
    given: usize,
    /// Characters of the channel up to there.
    characters: u64,
    /// By start.
    threads: Vec<Thread>,
    /// Characters before the match that the first thread masks beyond its limit.
    mask: Option<u64>,
    /// Bytes behind those that are given that lead to the text and are none of it.
    lead: usize,
    /// The match that is masked began there, and has nothing of the text so far.
    waits: Option<usize>,
    /// Room to sort in.
    order: Vec<(u32, u32)>,
}

/// Where a call puts what it decides.
struct Output<'a, R> {
    released: &'a mut R,
    redactions: &'a mut Vec<Redaction>,
}

impl Redactor {
    /// For one channel.
    pub fn new(rules: Arc<RuleSet>) -> Self {
        Self {
            rules,
            text: String::new(),
            base: 0,
            before: None,
            position: 0,
            behind: Table::TEXT,
            furthest: 0,
            given: 0,
            characters: 0,
            threads: Vec::new(),
            mask: None,
            lead: 0,
            waits: None,
            order: Vec::new(),
        }
    }

    /// The rules it goes by.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// Reads the next text, and adds to `released` what can be no part of a match, matches replaced.
    pub fn push(&mut self, text: &str, released: &mut impl Release, redactions: &mut Vec<Redaction>) {
        self.text.push_str(text);
        let mut output = Output { released, redactions };
        self.read(&mut output, false);
        self.release(&mut output);
    }

    /// The channel ended: decides and releases the rest. Text that is pushed afterwards begins a new text.
    pub fn finish(&mut self, released: &mut impl Release, redactions: &mut Vec<Redaction>) {
        let mut output = Output { released, redactions };
        self.read(&mut output, true);
        self.release(&mut output);
        self.before = None;
        self.lead = 0;
        self.behind = Table::TEXT;
    }

    /// Bytes that are held because they may belong to a match.
    pub fn held(&self) -> usize {
        self.text.len() - self.given - self.lead
    }

    fn read<R: Release>(&mut self, output: &mut Output<'_, R>, last: bool) {
        loop {
            while self.position < self.text.len() {
                self.skim();
                if self.position < self.text.len() {
                    self.step(output);
                }
            }
            if !last || self.threads.is_empty() {
                return;
            }
            let end = self.base + self.text.len() as u64;
            let seen = Seen { rules: &self.rules, text: self.text.as_bytes(), base: self.base };
            self.threads.iter_mut().filter(|thread| !thread.is_dead()).for_each(|thread| thread.close(end, seen));
            self.settle(output);
        }
    }

    /// Reads on while there is at most one thread, and that one without a match: most of all text.
    fn skim(&mut self) {
        let (table, bytes) = (&self.rules.table, self.text.as_bytes());
        let mut thread = match self.threads.as_slice() {
            [] => Thread::new(0, DEAD, Table::TEXT),
            [thread] if thread.is_bare() && table.is_plain(thread.state) => *thread,
            _ => return,
        };
        let mut at = self.position;
        let mut behind = self.behind;
        loop {
            if thread.is_dead() {
                let Some(skipped) = bytes.get(at..).and_then(|rest| {
                    rest.iter().position(|byte| {
                        let first = table.first(behind, *byte);
                        thread.state = first;
                        if first == DEAD {
                            behind = table.past(behind, *byte);
                        }
                        first != DEAD
                    })
                }) else {
                    at = bytes.len();
                    break;
                };
                at += skipped;
                if !table.is_plain(thread.state) {
                    thread.state = DEAD;
                    break;
                }
                thread = Thread::new(self.base + at as u64, thread.state, behind);
                behind = table.past(behind, bytes.get(at).copied().unwrap_or_default());
                at += 1;
            }
            // From the smallest limit on every byte has to be looked at.
            let limit =
                (thread.start - self.base).saturating_add(self.rules.min_limit).min(bytes.len() as u64) as usize;
            let mut is_plain = true;
            for byte in bytes.get(at..limit).unwrap_or_default() {
                let next = table.next(thread.state, *byte);
                is_plain = table.first(behind, *byte) == DEAD && (table.is_plain(next) || next == DEAD);
                if !is_plain {
                    break;
                }
                behind = table.past(behind, *byte);
                thread.state = next;
                at += 1;
                if next == DEAD {
                    break;
                }
            }
            if !is_plain || !thread.is_dead() {
                break;
            }
        }
        self.position = at;
        self.behind = behind;
        self.threads.clear();
        if !thread.is_dead() {
            self.threads.push(thread);
        }
    }

    /// Reads one byte with every thread.
    fn step<R: Release>(&mut self, output: &mut Output<'_, R>) {
        let Some(byte) = self.text.as_bytes().get(self.position).copied() else { return };
        let at = self.base + self.position as u64;
        let seen = Seen { rules: &self.rules, text: self.text.as_bytes(), base: self.base };
        self.threads.iter_mut().filter(|thread| !thread.is_dead()).for_each(|thread| thread.step(byte, at, seen));
        if self.mask.is_none() {
            let state = seen.rules.table.first(self.behind, byte);
            self.threads.extend((state != DEAD).then(|| Thread::new(at, state, self.behind)));
        }
        self.threads.iter_mut().filter(|thread| !thread.is_dead()).for_each(|thread| thread.look(at + 1, seen));
        self.behind = self.rules.table.past(self.behind, byte);
        self.position += 1;
        self.merge();
        // The first one stays for its end to be settled.
        let mut first = true;
        self.threads.retain(|thread| std::mem::take(&mut first) || !thread.is_dead() || !thread.is_bare());
        self.settle(output);
    }

    /// Makes threads of equal state one: they have the same future, and the earliest start wins.
    fn merge(&mut self) {
        if self.threads.len() < 2 {
            return;
        }
        self.order.clear();
        let alive = self.threads.iter().enumerate().filter(|(_, thread)| !thread.is_dead());
        self.order.extend(alive.map(|(at, thread)| (thread.state, at as u32)));
        self.order.sort_unstable();
        let mut first: Option<(u32, u32)> = None;
        for (state, at) in &self.order {
            match first {
                Some((same, into)) if same == *state => {
                    let Some(other) = self.threads.get_mut(*at as usize) else { continue };
                    let absorbed = *other;
                    *other = Thread::new(absorbed.start, DEAD, absorbed.behind);
                    if let Some(thread) = self.threads.get_mut(into as usize) {
                        thread.absorb(&absorbed);
                    }
                }
                _ => first = Some((*state, *at)),
            }
        }
    }

    /// Decides what the first threads are over for. Ends at one that is not, or with the text to be read again.
    fn settle<R: Release>(&mut self, output: &mut Output<'_, R>) {
        while let Some(thread) = self.threads.first().copied() {
            if let (Some(rule), None) = (thread.overflow, self.mask) {
                self.replace(&thread, rule, output);
                self.threads.truncate(1);
            }
            if let (Some(_), Some((end, _))) = (self.mask, thread.found) {
                self.pass(end, output.released);
            }
            if !thread.is_dead() {
                return;
            }
            let again = match thread.found {
                Some((end, rule)) => {
                    self.conclude(&thread, end, thread.overflow.unwrap_or(rule), output);
                    self.behind = self.rules.table.past_match(self.byte_before((end - self.base) as usize));
                    end
                }
                None if thread.lossy => {
                    let start = (thread.start - self.base) as usize;
                    let first = self.text.get(start..).and_then(|rest| rest.chars().next()).unwrap_or_default();
                    let (mut behind, table) = (thread.behind, &self.rules.table);
                    first.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| behind = table.past(behind, byte));
                    self.behind = behind;
                    thread.start + first.len_utf8() as u64
                }
                None => {
                    self.threads.remove(0);
                    continue;
                }
            };
            self.threads.clear();
            self.furthest = self.read_to();
            self.position = (again - self.base) as usize;
            return;
        }
    }

    fn conclude<R: Release>(&mut self, thread: &Thread, end: u64, rule: usize, output: &mut Output<'_, R>) {
        if self.mask.is_none() {
            self.replace(thread, rule, output);
        }
        self.pass(end, output.released);
        if let Some(offset) = self.mask.take()
            && self.waits.take().is_none()
        {
            let length = self.characters - offset;
            let behind =
                self.text.as_bytes().get(self.given..(self.read_to() - self.base) as usize).unwrap_or_default();
            let certain = self.characters + behind.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64;
            output.redactions.push(Redaction { rule, offset, length, overflow: thread.overflow.is_some(), certain });
        }
    }

    /// Releases what stands before a match and puts the replacement behind it.
    fn replace<R: Release>(&mut self, thread: &Thread, rule: usize, output: &mut Output<'_, R>) {
        let end = thread.found.map_or(thread.start, |(end, _)| end);
        let (start, place) = ((thread.start - self.base) as usize, (end - self.base) as usize);
        let name = self.rules.name_len(rule, self.text.as_bytes().get(start..place).unwrap_or_default());
        self.pass(thread.start + name as u64, output.released);
        match self.lead {
            0 => output.released.replacement(self.rules.replacement(rule)),
            _ => self.waits = Some(rule),
        }
        self.mask = Some(self.characters);
    }

    /// Moves on to the byte `end` of the channel: what lies before it is part of the match that is masked, if one is.
    fn pass(&mut self, end: u64, released: &mut impl Release) {
        let end = end.saturating_sub(self.base) as usize;
        let Some(text) = self.text.get(self.given..end) else { return };
        let lead = self.lead.min(text.len());
        self.lead -= lead;
        let text = text.get(lead..).unwrap_or_default();
        if let (false, Some(rule)) = (text.is_empty(), self.waits) {
            self.waits = None;
            released.replacement(self.rules.replacement(rule));
        }
        self.characters += text.chars().count() as u64;
        match self.mask {
            Some(_) => released.secret(text),
            None => released.text(text),
        }
        self.given = end;
    }

    /// Ends a call: gives out what no thread holds and forgets it.
    fn release<R: Release>(&mut self, output: &mut Output<'_, R>) {
        let first = self.threads.first();
        let mut drop = self.given;
        if self.mask.is_none() {
            let held_from = first.map_or(self.base + self.position as u64, |thread| thread.start);
            self.pass(held_from, output.released);
            drop = self.given;
        } else if let Some(thread) = first
            && self.rules.table.facts(thread.state).alive() & self.rules.checked != 0
        {
            // A check may still ask for the whole match.
            drop = thread.start.saturating_sub(self.base) as usize;
        }
        self.before = self.byte_before(drop);
        if drop == self.text.len() {
            self.text.clear();
        } else {
            self.text.drain(..drop);
        }
        self.base += drop as u64;
        self.position -= drop;
        self.given -= drop;
    }

    fn read_to(&self) -> u64 {
        self.furthest.max(self.base + self.position as u64)
    }

    fn byte_before(&self, at: usize) -> Option<u8> {
        match at.checked_sub(1) {
            Some(before) => self.text.as_bytes().get(before).copied(),
            None => self.before,
        }
    }
}
