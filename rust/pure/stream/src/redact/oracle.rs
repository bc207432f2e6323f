//! A slow, obvious twin of the matcher: sets of places, no automaton, every start tried from the left.

use std::collections::BTreeSet;

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::pattern;
use super::rule::Rule;

/// A place in the text, and whether what comes next still has a say.
type Places = BTreeSet<(usize, bool)>;

pub(super) struct Oracle<'a> {
    rules: Vec<(&'a Rule, Hir)>,
}

/// What a match that begins at a place comes to.
#[derive(Clone, Copy, Debug, Default)]
struct Verdict {
    found: Option<(usize, usize)>,
    overflow: Option<usize>,
    open: bool,
}

/// Text as far as a pattern reads it.
#[derive(Clone, Copy)]
struct Reading<'a> {
    text: &'a str,
    /// Text may still come.
    more: bool,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(rules: &'a [Rule]) -> Self {
        Self { rules: rules.iter().map(|rule| (rule, pattern::parse(rule.pattern()).unwrap())).collect() }
    }

    /// What is released of a text, and how many bytes are held while `more` may come.
    pub(super) fn read(&self, text: &str, more: bool) -> (String, usize) {
        let (mut released, mut at) = (String::new(), 0);
        while at < text.len() {
            let verdict = self.verdict(text, at, more);
            let masked = verdict.overflow.is_some();
            if verdict.open && !masked {
                break;
            }
            match verdict.found {
                Some((end, rule)) => {
                    released.push_str(&self.rules[verdict.overflow.unwrap_or(rule)].0.replaced_by());
                    at = end;
                }
                None => {
                    let character = text[at..].chars().next().unwrap();
                    released.push(character);
                    at += character.len_utf8();
                }
            }
            if verdict.open {
                break;
            }
        }
        (released, text.len() - at)
    }

    fn verdict(&self, text: &str, start: usize, more: bool) -> Verdict {
        let mut verdict = Verdict::default();
        let mut first_overflow = (usize::MAX, usize::MAX);
        let (mut pending, mut winner) = (Vec::new(), usize::MAX);
        for (index, (rule, hir)) in self.rules.iter().enumerate() {
            let passes = |end: usize| rule.check().passes(&text.as_bytes()[start..end]);
            let mut later = false;
            let ends = walk(hir, Reading { text, more }, &[(start, false)].into(), &mut later);
            for (end, _) in ends.iter().filter(|(_, open)| !open).filter(|(end, _)| passes(*end)) {
                verdict.keep(*end, index);
                if more && *end == text.len() && rule.check() == Default::default() {
                    winner = winner.min(index);
                }
            }
            for end in self.overflows(index, text, start) {
                verdict.keep(end, index);
                first_overflow = first_overflow.min((end, index));
            }
            let undecided = ends.contains(&(text.len(), true)) && !ends.contains(&(text.len(), false));
            if undecided && passes(text.len()) {
                pending.push(index);
            }
            verdict.open |= later && rule.check().could_pass(&text.as_bytes()[start..]);
        }
        verdict.open |= pending.iter().any(|index| *index < winner);
        verdict.overflow = Some(first_overflow.1).filter(|index| *index < usize::MAX);
        verdict
    }

    /// Places beyond a rule's limit up to which it goes on.
    fn overflows(&self, index: usize, text: &str, start: usize) -> Vec<usize> {
        let (rule, hir) = &self.rules[index];
        if hir.properties().maximum_len().is_some() {
            return Vec::new();
        }
        let limit = start + rule.limit().unwrap();
        let goes_on = |end: &usize| {
            let mut later = false;
            let reading = Reading { text: &text[..*end], more: true };
            let ends = walk(hir, reading, &[(start, false)].into(), &mut later);
            later || ends.iter().any(|(place, _)| place == end)
        };
        // Inside a character a rule may go on that stops behind it: the matcher reads bytes.
        (limit + 1..=text.len()).filter(|end| text.is_char_boundary(*end)).filter(goes_on).collect()
    }
}

impl Verdict {
    fn keep(&mut self, end: usize, rule: usize) {
        if self.found.is_none_or(|(longest, first)| (end, first) > (longest, rule)) {
            self.found = Some((end, rule));
        }
    }
}

/// Where a pattern can end that begins at one of `from`; `later` where it can also go on behind the text.
fn walk(hir: &Hir, reading: Reading<'_>, from: &Places, later: &mut bool) -> Places {
    match hir.kind() {
        HirKind::Empty => from.clone(),
        HirKind::Literal(literal) => {
            let literal = std::str::from_utf8(&literal.0).unwrap();
            literal.chars().fold(from.clone(), |places, wanted| reading.character(&places, later, |one| one == wanted))
        }
        HirKind::Class(Class::Unicode(class)) => reading.character(from, later, |one| {
            class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&one))
        }),
        HirKind::Class(Class::Bytes(class)) => reading.character(from, later, |one| {
            class.ranges().iter().any(|range| (range.start()..=range.end()).any(|byte| char::from(byte) == one))
        }),
        HirKind::Look(look) => {
            from.iter().filter_map(|(at, open)| Some((*at, *open | !reading.look(*look, *at)?))).collect()
        }
        HirKind::Repetition(repetition) => {
            let mut all = if repetition.min == 0 { from.clone() } else { Places::new() };
            let mut places = from.clone();
            for count in 1..=repetition.max.unwrap_or(u32::MAX) {
                places = walk(&repetition.sub, reading, &places, later);
                if places.is_empty() || (count > repetition.min && places.is_subset(&all)) {
                    break;
                }
                if count >= repetition.min {
                    all.extend(&places);
                }
            }
            all
        }
        HirKind::Capture(capture) => walk(&capture.sub, reading, from, later),
        HirKind::Concat(parts) => parts.iter().fold(from.clone(), |places, part| walk(part, reading, &places, later)),
        HirKind::Alternation(parts) => parts.iter().flat_map(|part| walk(part, reading, from, later)).collect(),
    }
}

impl Reading<'_> {
    fn character(&self, from: &Places, later: &mut bool, is_wanted: impl Fn(char) -> bool) -> Places {
        let mut places = Places::new();
        for (at, open) in from {
            match self.text[*at..].chars().next() {
                Some(one) if is_wanted(one) => drop(places.insert((at + one.len_utf8(), *open))),
                Some(_) => {}
                None => *later |= self.more,
            }
        }
        places
    }

    /// Whether an assertion holds, `None` where it does not; false where the next character decides.
    fn look(&self, look: Look, at: usize) -> Option<bool> {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let before = at.checked_sub(1).and_then(|at| self.text.as_bytes().get(at)).is_some_and(is_word);
        if self.more && at == self.text.len() && look != Look::Start {
            return Some(false);
        }
        let after = self.text.as_bytes().get(at).is_some_and(is_word);
        let holds = match look {
            Look::Start => at == 0,
            Look::End => at == self.text.len(),
            Look::WordAscii => before != after,
            Look::WordAsciiNegate => before == after,
            other => panic!("the oracle does not know {other:?}"),
        };
        holds.then_some(true)
    }
}
