//! A slow, obvious twin of the matcher: sets of places, no automaton, every start tried from the left.

use std::collections::BTreeSet;

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::pattern;
use super::rule::{Part, Rule};

/// A place in the text, and whether what comes next still has a say.
type Places = BTreeSet<(usize, bool)>;

pub(super) struct Oracle<'a> {
    rules: &'a [Rule],
    forms: Vec<Form>,
}

/// A pattern of a rule, and what stands around its matches.
struct Form {
    rule: usize,
    pattern: Hir,
    behind: Option<Hir>,
    unless: Option<Hir>,
    except: Option<Hir>,
    underscore: bool,
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
    /// Whether `_` is part of a word.
    underscore: bool,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(rules: &'a [Rule]) -> Self {
        let read = |pattern: Option<&str>| pattern.map(|pattern| pattern::parse_any(pattern).unwrap());
        let form = |rule: usize, part: Part<'_>| Form {
            rule,
            pattern: pattern::parse(part.pattern).unwrap(),
            behind: read(part.behind),
            unless: read(part.unless),
            except: read(part.except),
            underscore: part.underscore,
        };
        let forms = rules.iter().enumerate();
        let forms = forms.flat_map(|(at, rule)| rule.forms().into_iter().map(move |part| form(at, part)));
        Self { rules, forms: forms.collect() }
    }

    /// What is released of a text, and how many bytes are held while `more` may come.
    pub(super) fn read(&self, text: &str, more: bool) -> (String, usize) {
        let (mut released, mut at, mut last_match) = (String::new(), 0, 0);
        while at < text.len() {
            let verdict = self.verdict(text, (last_match, at), more);
            let masked = verdict.overflow.is_some();
            if verdict.open && !masked {
                break;
            }
            match verdict.found {
                Some((end, rule)) => {
                    released.push_str(&self.rules[verdict.overflow.unwrap_or(rule)].replaced_by());
                    (at, last_match) = (end, end);
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

    fn verdict(&self, text: &str, (last_match, start): (usize, usize), more: bool) -> Verdict {
        let mut verdict = Verdict::default();
        let mut first_overflow = (usize::MAX, usize::MAX);
        let (mut pending, mut winner) = (Vec::new(), usize::MAX);
        for form in self.forms.iter().filter(|form| form.may_begin(&text[last_match..start])) {
            let (index, rule) = (form.rule, &self.rules[form.rule]);
            let passes = |end: usize| rule.check().passes(&text.as_bytes()[start..end]);
            let mut later = false;
            let reading = Reading { text, more, underscore: form.underscore };
            let void_from = form.void_from(reading, start);
            let mut ends = walk(&form.pattern, reading, &[(start, false)].into(), &mut later);
            ends.retain(|(end, _)| *end < void_from);
            for (end, _) in ends.iter().filter(|(_, open)| !open).filter(|(end, _)| passes(*end)) {
                verdict.keep(*end, index);
                if more && *end == text.len() && rule.check() == Default::default() {
                    winner = winner.min(index);
                }
            }
            for end in self.overflows(form, text, start).into_iter().filter(|end| *end < void_from) {
                verdict.keep(end, index);
                first_overflow = first_overflow.min((end, index));
            }
            let undecided = ends.contains(&(text.len(), true)) && !ends.contains(&(text.len(), false));
            if undecided && passes(text.len()) {
                pending.push(index);
            }
            verdict.open |= later && void_from == usize::MAX && rule.check().could_pass(&text.as_bytes()[start..]);
        }
        verdict.open |= pending.iter().any(|index| *index < winner);
        verdict.overflow = Some(first_overflow.1).filter(|index| *index < usize::MAX);
        verdict
    }

    /// Places beyond a rule's limit up to which it goes on.
    fn overflows(&self, form: &Form, text: &str, start: usize) -> Vec<usize> {
        let (rule, hir) = (&self.rules[form.rule], &form.pattern);
        if hir.properties().maximum_len().is_some() {
            return Vec::new();
        }
        let limit = start + rule.limit().unwrap();
        let goes_on = |end: &usize| {
            let mut later = false;
            let reading = Reading { text: &text[..*end], more: true, underscore: form.underscore };
            let ends = walk(hir, reading, &[(start, false)].into(), &mut later);
            later || ends.iter().any(|(place, _)| place == end)
        };
        // Inside a character a rule may go on that stops behind it: the matcher reads bytes.
        (limit + 1..=text.len()).filter(|end| text.is_char_boundary(*end)).filter(goes_on).collect()
    }
}

impl Form {
    /// Whether a match may begin behind `text`, which itself begins with the text or behind the last match.
    fn may_begin(&self, text: &str) -> bool {
        let ends_with = |hir: &Hir| {
            let reading = Reading { text, more: false, underscore: true };
            let from: Places = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).map(|at| (at, false)).collect();
            walk(hir, reading, &from, &mut false).contains(&(text.len(), false))
        };
        self.behind.as_ref().is_none_or(ends_with) && !self.unless.as_ref().is_some_and(ends_with)
    }

    /// Where the first exception ends that is found at `start`: from there on nothing matches.
    fn void_from(&self, reading: Reading<'_>, start: usize) -> usize {
        let except = self.except.iter().flat_map(|hir| walk(hir, reading, &[(start, false)].into(), &mut false));
        except.filter(|(_, open)| !open).map(|(end, _)| end).min().unwrap_or(usize::MAX)
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
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || (self.underscore && *byte == b'_');
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
