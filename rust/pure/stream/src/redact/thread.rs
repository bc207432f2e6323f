use super::rule_set::RuleSet;
use super::table::{DEAD, Facts, Rules};

/// One place where a match may have begun, and how far its rules got. Places count bytes of the channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    pub(super) start: u64,
    pub(super) state: u32,
    /// What rules ask of the text before it.
    pub(super) behind: u32,
    /// Where the longest match so far ends, and its rule.
    pub(super) found: Option<(u64, usize)>,
    /// The first rule whose limit was passed.
    pub(super) overflow: Option<usize>,
    /// Threads that began later and came to the same state are left to this one.
    merged: bool,
    /// One of them may match where this one does not.
    pub(super) lossy: bool,
}

/// What a thread reads beside its state: the text at hand, which begins at byte `base` of the channel.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) text: &'a [u8],
    pub(super) base: u64,
}

crate::keep::keep!(struct Thread { start, state, behind, found, overflow, merged, lossy });

impl Seen<'_> {
    fn place(&self, at: u64) -> usize {
        at.saturating_sub(self.base) as usize
    }

    /// Whether a character ends at `at`.
    fn is_boundary(&self, at: u64) -> bool {
        self.text.get(self.place(at)).is_none_or(|byte| !matches!(byte, 0x80..=0xbf))
    }
}

impl Thread {
    pub(super) fn new(start: u64, state: u32, behind: u32) -> Self {
        Self { start, state, behind, found: None, overflow: None, merged: false, lossy: false }
    }

    /// Nothing but its state has to be known to go on.
    pub(super) fn is_bare(&self) -> bool {
        self.found.is_none() && !self.lossy
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state == DEAD
    }

    /// Reads a byte that stands at `at`.
    pub(super) fn step(&mut self, byte: u8, at: u64, seen: Seen<'_>) {
        self.state = seen.rules.table.next(self.state, byte);
        let before = seen.rules.table.facts(self.state).before;
        self.matched(before, at, seen);
    }

    /// The text ends at `at`: what waited for its next byte is decided.
    pub(super) fn close(&mut self, at: u64, seen: Seen<'_>) {
        self.state = seen.rules.table.at_end(self.state);
        let before = seen.rules.table.facts(self.state).before;
        self.matched(before, at, seen);
        self.state = DEAD;
    }

    /// Looks at what is known once all bytes before `at` are read, and ends the thread where nothing can come of it.
    pub(super) fn look(&mut self, at: u64, seen: Seen<'_>) {
        let facts = seen.rules.table.facts(self.state);
        self.matched(facts.certain, at, seen);
        let unbounded = facts.alive() & seen.rules.unbounded;
        if unbounded != 0 && at - self.start > seen.rules.min_limit && seen.is_boundary(at) {
            self.limit(unbounded, at, seen);
        }
        if !self.is_hopeful(facts, at, seen) {
            // Whoever was left to this thread had another text to be checked.
            self.lossy |= self.merged && facts.rivals | facts.later != 0;
            self.state = DEAD;
        }
    }

    /// Takes over a thread of the same state that began later.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.merged = true;
        self.lossy |= other.lossy || other.found.is_some();
    }

    fn matched(&mut self, rules: Rules, end: u64, seen: Seen<'_>) {
        let mut failed = false;
        for rule in each(rules) {
            if !seen.rules.check(rule).passes(self.text(end, seen)) {
                failed = true;
                continue;
            }
            self.keep(end, rule);
            return;
        }
        self.lossy |= failed && self.merged;
    }

    /// A match of a rule; a longer one wins, and of equally long ones the earlier rule's.
    fn keep(&mut self, end: u64, rule: usize) {
        if self.found.is_none_or(|(longest, first)| end > longest || (end == longest && rule < first)) {
            self.found = Some((end, rule));
        }
    }

    /// Beyond its limit all that a rule goes on with counts as its match.
    fn limit(&mut self, unbounded: Rules, at: u64, seen: Seen<'_>) {
        if let Some(rule) = each(unbounded).find(|rule| at - self.start > seen.rules.limit(*rule)) {
            self.keep(at, rule);
            self.overflow = self.overflow.or(Some(rule));
        }
    }

    fn is_hopeful(&self, facts: Facts, at: u64, seen: Seen<'_>) -> bool {
        let open = facts.rivals | facts.later;
        if open & !seen.rules.checked != 0 {
            return true;
        }
        each(open).any(|rule| {
            let (check, text) = (seen.rules.check(rule), self.text(at, seen));
            (facts.rivals >> rule & 1 == 1 && check.passes(text))
                || (facts.later >> rule & 1 == 1 && check.could_pass(text))
        })
    }

    fn text<'a>(&self, end: u64, seen: Seen<'a>) -> &'a [u8] {
        seen.text.get(seen.place(self.start)..seen.place(end)).unwrap_or_default()
    }
}

/// The rules of a set, the first first.
fn each(mut rules: Rules) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let rule = rules.trailing_zeros();
        rules &= rules.wrapping_sub(1);
        (rule < Rules::BITS).then_some(rule as usize)
    })
}
