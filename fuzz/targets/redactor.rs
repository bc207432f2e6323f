#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use midstream_stream::redact::{Redaction, Redactor, Rule, RuleSet};

// The first two bytes say where the rest is cut; its first line is a rule, and the lines behind it are the text.
fuzz_target!(|input: &[u8]| {
    let Some(([first, second], rest)) = input.split_first_chunk::<2>() else { return };
    let rest = String::from_utf8_lossy(rest);
    let (pattern, text) = rest.split_once('\n').unwrap_or(("a", &rest));
    let rules = [Rule::built_in("npm_token").expect("known"), Rule::new("own", pattern).max_len(64)];
    let Ok(rules) = RuleSet::new(&rules) else { return };
    let rules = Arc::new(rules);
    let whole = read(&rules, text, &[text.len().max(1)]);
    assert_eq!(read(&rules, text, &[1]), whole, "character by character");
    assert_eq!(read(&rules, text, &[usize::from(*first) + 1, usize::from(*second) + 1]), whole, "in pieces");
});

/// What is released of a text that is cut after so many bytes each, rounded up to whole characters.
fn read(rules: &Arc<RuleSet>, text: &str, cuts: &[usize]) -> (String, Vec<Redaction>) {
    let mut redactor = Redactor::new(Arc::clone(rules));
    let (mut released, mut redactions) = (String::new(), Vec::new());
    let mut rest = text;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, tail) = rest.split_at(rest.ceil_char_boundary(*cut));
        redactor.push(piece, &mut released, &mut redactions);
        rest = tail;
    }
    redactor.finish(&mut released, &mut redactions);
    assert_eq!(redactor.held(), 0);
    (released, redactions)
}
