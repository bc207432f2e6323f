//! The matcher against its twin, on random rules and texts.
#![allow(clippy::disallowed_methods, reason = "the number of cases comes from the environment")]

use std::sync::Arc;

use super::check::Check;
use super::oracle::Oracle;
use super::rule::Part;
use super::{Redaction, Redactor, Rule, RuleSet};

/// Texts per set of rules.
const TEXTS: u64 = 40;

/// Cases in all: `REDACTION_CASES`, of which `make soak` sets ten millions.
fn cases(default: u64) -> u64 {
    std::env::var("REDACTION_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(default)
}

/// Splitmix64: the same cases in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn text(&mut self, alphabet: &[&str], longest: usize) -> String {
        (0..self.below(longest + 1)).map(|_| *self.one(alphabet)).collect()
    }

    fn cuts(&mut self, text: &str) -> Vec<usize> {
        let mut cuts: Vec<usize> = (0..self.below(4)).map(|_| self.below(text.len() + 1)).collect();
        cuts.retain(|cut| text.is_char_boundary(*cut));
        cuts.sort_unstable();
        cuts
    }

    /// A small pattern over the alphabet of `ALPHABET`.
    fn pattern(&mut self, depth: usize) -> String {
        let count = 1 + self.below(3);
        let parts: Vec<String> = (0..count).map(|_| self.part(depth)).collect();
        parts.concat()
    }

    fn part(&mut self, depth: usize) -> String {
        let atom = match self.below(if depth == 0 { 6 } else { 9 }) {
            kind @ 0..=5 => ["a", "b", "-", "é", "[ab]", "[^b ]"][kind].to_owned(),
            6 => format!("(?:{}|{})", self.pattern(depth - 1), self.pattern(depth - 1)),
            _ => format!("(?:{})", self.pattern(depth - 1)),
        };
        atom + *self.one(&["", "", "", "", "?", "{1,2}", "{0,3}", "+", "*"])
    }

    fn rule(&mut self, name: String) -> Rule {
        let (before, after) = (*self.one(&["", "", r"\b", r"\B", "^"]), *self.one(&["", "", "", r"\b", r"\B", "$"]));
        let pattern = format!("{before}(?:{}){after}", self.pattern(2));
        Rule::new(name, pattern).max_len(1 + self.below(8))
    }
}

/// é and è begin with the same byte.
const ALPHABET: [&str; 8] = ["a", "a", "b", "b", "-", "é", "è", " "];
const DIGITS: [&str; 7] = ["0", "1", "2", "3", "4", "-", "a"];

/// What the matcher makes of a text cut at `cuts`: released, redactions, and after each piece what is held.
fn read(rules: &Arc<RuleSet>, text: &str, cuts: &[usize], finish: bool) -> (String, Vec<Redaction>, usize) {
    let mut redactor = Redactor::new(Arc::clone(rules));
    let (mut released, mut redactions) = (String::new(), Vec::new());
    let mut at = 0;
    for cut in cuts.iter().copied().chain([text.len()]) {
        redactor.push(&text[at..cut], &mut released, &mut redactions);
        at = cut;
    }
    if finish {
        redactor.finish(&mut released, &mut redactions);
    }
    (released, redactions, redactor.held())
}

fn agree(rules: &[Rule], set: &Arc<RuleSet>, oracle: &Oracle<'_>, text: &str, random: &mut Random) {
    let patterns: Vec<_> = rules.iter().map(|rule| (rule.pattern(), rule.limit())).collect();
    let whole = read(set, text, &[], true);
    assert_eq!(whole.0, oracle.read(text, false).0, "{text:?} by {patterns:?}");
    let cuts = random.cuts(text);
    assert_eq!(read(set, text, &cuts, true), whole, "{text:?} cut at {cuts:?} by {patterns:?}");
    let end = cuts.first().copied().unwrap_or_default();
    let (released, _, held) = read(set, &text[..end], &[], false);
    assert_eq!((released, held), oracle.read(&text[..end], true), "{:?} and more, by {patterns:?}", &text[..end]);
}

#[test]
fn random_rules_give_what_the_twin_gives_at_every_cut() {
    let mut random = Random(1);
    let (mut left, mut tried) = (cases(1_000), 0);
    while left > 0 {
        tried += 1;
        let rules: Vec<Rule> = (0..1 + random.below(3)).map(|at| random.rule(format!("r{at}"))).collect();
        let Ok(set) = RuleSet::new(&rules) else { continue };
        let (set, oracle) = (Arc::new(set), Oracle::new(&rules));
        for _ in 0..TEXTS.min(left) {
            let text = random.text(&ALPHABET, 16);
            agree(&rules, &set, &oracle, &text, &mut random);
        }
        left -= TEXTS.min(left);
    }
    assert!(tried < 10 * cases(1_000).div_ceil(TEXTS) + 10);
}

#[test]
fn rules_tied_to_what_stands_before_give_what_the_twin_gives_at_every_cut() {
    let mut random = Random(3);
    let part = |pattern| Part { underscore: true, ..Part::anywhere(pattern) };
    let sets: [Vec<Rule>; 5] = [
        vec![Rule::of_parts("r", vec![Part { behind: Some("^|[^ab]"), ..part("ab?a+") }])],
        vec![
            Rule::of_parts("r", vec![Part { behind: Some("^|-|b-*é"), except: Some("bb|aba"), ..part("[ab]+") }]),
            Rule::new("plain", r"\ba"),
        ],
        vec![
            Rule::of_parts("r", vec![Part { unless: Some("a-?"), ..part("b[ab]*") }, part("é-?b")]),
            Rule::new("own", r"\Bb-"),
        ],
        vec![
            Rule::new("first", "ab"),
            Rule::of_parts("r", vec![Part { behind: Some("[ab]{2} ?"), except: Some("b-"), ..part("[é-]+b?") }]),
        ],
        vec![Rule::of_parts("r", vec![Part { behind: Some("a"), unless: Some("[^b]a"), ..part("a|b-+é") }])],
    ];
    for rules in sets.map(|rules| rules.into_iter().map(|rule| rule.max_len(5)).collect::<Vec<_>>()) {
        let (set, oracle) = (Arc::new(RuleSet::new(&rules).unwrap()), Oracle::new(&rules));
        for _ in 0..cases(1_000) / 5 {
            let text = random.text(&ALPHABET, 16);
            agree(&rules, &set, &oracle, &text, &mut random);
        }
    }
}

#[test]
fn a_match_inside_a_text_that_comes_to_nothing_is_found() {
    let rules = [Rule::new("r", "ya|x?yab*c").max_len(9)];
    let set = Arc::new(RuleSet::new(&rules).unwrap());
    assert_eq!(set.redact("xyabb xyabbc"), "x[R]bb [R]");
}

#[test]
fn checked_rules_give_what_the_twin_gives_at_every_cut() {
    let mut random = Random(2);
    let sets = [
        vec![Rule::new("luhn", r"\b[1-4](?:-?[0-4]){1,4}\b").checked_by(Check::Luhn)],
        vec![Rule::new("luhn", r"[0-4](?:-?[0-4]){2,4}").checked_by(Check::Luhn)],
        vec![
            Rule::new("luhn", r"[0-4]{2,5}").checked_by(Check::Luhn),
            Rule::new("plain", r"1-?[23]{1,2}"),
            Rule::new("long", r"\b3[0-4-]+a").max_len(6),
        ],
        vec![Rule::new("luhn", r"(?:1-?)?[0-4]{2,3}").checked_by(Check::Luhn)],
        vec![Rule::new("luhn", r"(?:1-?|2)?[0-4]{2,3}\b").checked_by(Check::Luhn), Rule::new("plain", "1-a")],
        vec![Rule::new("long", r"[0-2]+3").max_len(3), Rule::new("luhn", r"[0-4]{2,9}a?").checked_by(Check::Luhn)],
    ];
    for rules in &sets {
        let (set, oracle) = (Arc::new(RuleSet::new(rules).unwrap()), Oracle::new(rules));
        for _ in 0..cases(1_000) / sets.len() as u64 {
            let text = random.text(&DIGITS, 14);
            agree(rules, &set, &oracle, &text, &mut random);
        }
    }
}
