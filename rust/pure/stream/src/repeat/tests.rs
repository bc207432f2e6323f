//! The views together: against a slow twin, at every split, in bounded memory.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::{Action, ChannelKind, Settings};

const NOW: Timestamp = Timestamp::from_nanos(0);

fn source(index: u32, kind: ChannelKind) -> Source<'static> {
    Source { index: ChannelIndex(index), id: "a", kind, code: false, tool: None }
}

fn findings_in(kind: ChannelKind, settings: RepeatSettings, pieces: &[&str]) -> Vec<Finding> {
    let (mut repeat, mut findings) = (Repeat::new(settings), Vec::new());
    for piece in pieces {
        repeat.push(source(0, kind), piece, NOW, &mut findings);
    }
    findings
}

fn findings(text: &str) -> Vec<Finding> {
    findings_in(ChannelKind::Text, RepeatSettings::default(), &[text])
}

/// Kind, action, offset, onset and period of each.
fn places(text: &str) -> Vec<(&'static str, Action, u64, u64, Option<u64>)> {
    let kind = |kind| if let Cow::Borrowed(kind) = kind { kind } else { panic!("{kind} is no view") };
    let place =
        |found: Finding| (kind(found.kind), found.action, found.offset.unwrap(), found.onset.unwrap(), found.period);
    findings(text).into_iter().map(place).collect()
}

#[test]
fn a_sentence_stops_70_characters_behind_its_second_copy() {
    let text = "I am done. ".repeat(20);
    assert_eq!(places(&text), [("exact", Action::Stop, 22 + 70, 11, Some(11))]);
    let found = &findings(&text)[0];
    assert_eq!((found.score, found.evidence.as_str()), (8.3, "I am done."));
    assert_eq!(found.explanation, "11 characters repeated 8.3 times since character 11");
}

#[test]
fn offsets_count_white_space_as_it_came() {
    let text = "I  am\n\ndone. ".repeat(20);
    let [(kind, _, offset, onset, period)] = places(&text)[..] else { panic!("one finding") };
    // 81 folded symbols equal those before: seven copies of 13 characters and 4 symbols, which are 5 characters.
    assert_eq!((kind, offset, onset, period), ("exact", 13 + 7 * 13 + 5, 13, Some(13)));
}

#[test]
fn a_period_counts_white_space_that_the_stop_cuts() {
    // Nine copies of 10 symbols, of the last of which white space is cut.
    let text = "done now.\n\n\n".repeat(12);
    let found = &findings(&text)[0];
    assert_eq!((found.offset, found.onset, found.period), (Some(9 * 12 - 2), Some(12), Some(12)));
    let text = format!("{}now", "then  ".repeat(30));
    assert_eq!(findings(&text)[0].period, Some(6));
}

#[test]
fn a_run_of_one_letter_fills_more_than_a_line_first() {
    assert_eq!(places(&"a".repeat(99)), []);
    assert_eq!(places(&"a".repeat(100)), [("exact", Action::Stop, 100, 1, Some(1))]);
    assert_eq!(places(&"哈".repeat(60)), [("exact", Action::Stop, 40, 1, Some(1))]);
    assert_eq!(places(&"🌈".repeat(60)), [("exact", Action::Stop, 40, 1, Some(1))]);
}

#[test]
fn a_rule_of_marks_and_a_googol_are_silent() {
    for text in ["-".repeat(300), "═".repeat(300), format!("1{}", "0".repeat(100)), "| - ".repeat(60)] {
        assert_eq!(places(&text), [], "{text}");
    }
}

#[test]
fn white_space_without_end_is_a_loop() {
    let text = format!("done{}", " \n".repeat(600));
    assert_eq!(places(&text), [("exact", Action::Stop, 1_004, 5, Some(1))]);
}

#[test]
fn a_block_needs_three_copies() {
    let block: String = (0..120).map(|number| format!("word{} ", number * 7919 % 1_000)).collect();
    let length = block.len() as u64;
    assert!(length > 512);
    assert_eq!(places(&block.repeat(2)), []);
    assert_eq!(exact(&block.repeat(4)), [(3 * length, length, length)]);
}

#[test]
fn a_period_of_7_000_is_found_and_the_ring_keeps_its_count() {
    let block: String =
        (0..1_000u32).map(|number| format!("{:06} ", number.wrapping_mul(2_654_435_761) % 999_983)).collect();
    assert_eq!(block.len(), 7_000);
    let found = places(&block.replace(['1', '7'], "x").repeat(4));
    assert_eq!(found, [("exact", Action::Stop, 21_000, 7_000, Some(7_000))]);
}

#[test]
fn a_loop_that_breaks_and_comes_back_is_found_again() {
    let text = format!("{}But no. {}", "I am done. ".repeat(20), "I am done. ".repeat(20));
    assert_eq!(places(&text).len(), 2);
}

#[test]
fn lines_of_code_in_a_fence_may_repeat_where_prose_may_not() {
    let lines = "    assert!(next.is_none());\n".repeat(12);
    assert_eq!(places(&format!("```rust\n{lines}```\n")), []);
    assert_eq!(places(&"I think that I am done.\n".repeat(12)).len(), 1);
    let endless = format!("```rust\n{}", "    assert!(next.is_none());\n".repeat(40));
    assert_eq!(places(&endless).len(), 1);
}

#[test]
fn a_counter_warns_at_five_copies_and_stops_at_twelve() {
    let text: String = (1..40).map(|day| format!("Day {day}: I woke up early.\n")).collect();
    let found = places(&text);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((found[0].0, found[0].1), ("counter", Action::Warn));
    assert_eq!((found[1].0, found[1].1), ("counter", Action::Stop));
    // Days 1 to 9 have 24 characters, the others 25: the twelfth copy ends with day 12.
    assert!((9 * 24 + 2 * 25..=9 * 24 + 3 * 25).contains(&found[1].2), "{found:?}");
    assert_eq!(found[0].3, 24);
}

#[test]
fn counting_that_says_something_is_silent() {
    let lists: [fn(u32) -> String; 7] = [
        |n| format!("{n}, "),
        |n| format!("Line {n}\n"),
        |n| format!("const FLAG_{n}: u32 = {n};\n"),
        |n| format!("{} bottles of beer on the wall, {} bottles of beer.\n", 99 - n, 99 - n),
        |n| format!("12:{:02}:{:02} INFO worker alive\n", n / 3, n * 20 % 60),
        |n| format!("epoch {n} loss 0.{:03}\n", 900 - n * n % 77),
        |n| format!("[#{}]: https://example.org/issues/{}\n", n * n + 5, n * n + 5),
    ];
    for list in lists {
        let text: String = (1..60).map(list).collect();
        assert_eq!(places(&text), [], "{text}");
    }
}

#[test]
fn settings_switch_views_kinds_and_tools_off() {
    let text = "I am done. ".repeat(20);
    let with = |json: &str, kind, tool| {
        let settings = Settings::from_json(json).unwrap().repeat;
        let (mut repeat, mut findings) = (Repeat::new(settings), Vec::new());
        repeat.push(Source { tool, ..source(0, kind) }, &text.repeat(3), NOW, &mut findings);
        findings.iter().find(|found| found.kind == "exact").map(|found| found.action)
    };
    use ChannelKind::{Reasoning, Text, Tool};
    assert_eq!(with(r#"{"repeat": {"exact": "off"}}"#, Text, None), None);
    assert_eq!(with(r#"{"repeat": {"exact": "warn"}}"#, Text, None), Some(Action::Warn));
    assert_eq!(with(r#"{"repeat": {"text": "off"}}"#, Text, None), None);
    assert_eq!(with(r#"{"repeat": {"reasoning": {"exact": "observe"}}}"#, Reasoning, None), Some(Action::Observe));
    assert_eq!(with(r#"{"repeat": {"reasoning": {"exact": "observe"}}}"#, Text, None), Some(Action::Stop));
    assert_eq!(with(r#"{"repeat": {}}"#, Tool, Some("write")), Some(Action::Stop));
    let tools =
        r#"{"repeat": {"tool": {"exact": "warn"}, "tools": {"write": "off", "a \"b\"": {"exact": "observe"}}}}"#;
    assert_eq!(with(tools, Tool, Some("write")), None);
    assert_eq!(with(tools, Tool, Some("a \"b\"")), Some(Action::Observe));
    assert_eq!(with(tools, Tool, Some("read")), Some(Action::Warn));
    assert_eq!(with(tools, Text, None), Some(Action::Stop));
}

#[test]
fn a_limit_that_one_copy_reaches_is_refused() {
    for (field, json) in [
        ("repeat.exact_run", r#"{"repeat": {"exact_run": 1}}"#),
        ("repeat.exact_beyond", r#"{"repeat": {"exact_beyond": 0}}"#),
        ("repeat.exact_beyond", r#"{"repeat": {"exact_beyond": -1000}}"#),
        ("repeat.counter_repeats", r#"{"repeat": {"counter_repeats": 0}}"#),
        ("repeat.counter_stop_copies", r#"{"repeat": {"counter_stop_copies": 1}}"#),
        ("repeat.near_share", r#"{"repeat": {"near_share": 0}}"#),
    ] {
        let error = Settings::from_json(json).unwrap_err();
        assert!(error.to_string().starts_with(field), "{error}");
    }
}

#[test]
fn channels_do_not_join_and_the_least_recent_is_forgotten() {
    let (mut repeat, mut findings) = (Repeat::new(RepeatSettings::default()), Vec::new());
    for _ in 0..20 {
        for channel in 0..8 {
            repeat.push(source(channel, ChannelKind::Text), "I am", NOW, &mut findings);
            repeat.push(source(channel, ChannelKind::Text), " done. ", NOW, &mut findings);
        }
    }
    assert_eq!(findings.len(), 8);
    repeat.push(source(8, ChannelKind::Text), "I am done. ", NOW, &mut findings);
    let known: Vec<u32> = repeat.channels.list.iter().map(|(index, _)| index.0).collect();
    assert_eq!((known, repeat.forgotten()), (vec![1, 2, 3, 4, 5, 6, 7, 8], 1));
    repeat.end(ChannelIndex(3), &mut findings);
    assert_eq!(repeat.channels.list.len(), 7);
}

#[test]
fn a_million_characters_stay_below_64_kibibytes_a_channel() {
    let (mut repeat, mut findings) = (Repeat::new(RepeatSettings::default()), Vec::new());
    let mut state = 1u32;
    let mut bytes = Vec::new();
    for _ in 0..100 {
        let text: String = (0..10_000).map(|_| letter(&mut state)).collect();
        repeat.push(source(0, ChannelKind::Text), &text, NOW, &mut findings);
        bytes.push(repeat.channels.list[0].1.bytes());
    }
    assert!(bytes.iter().all(|bytes| *bytes <= 64 * 1024), "{bytes:?}");
    assert_eq!(bytes[10], bytes[99], "no growth in steady state");
    assert!(findings.is_empty());
}

#[test]
fn a_short_text_costs_little() {
    let (mut repeat, mut findings) = (Repeat::new(RepeatSettings::default()), Vec::new());
    repeat.push(source(0, ChannelKind::Text), "Hello, world.", NOW, &mut findings);
    assert!(repeat.channels.list[0].1.bytes() <= 6 * 1024, "{}", repeat.channels.list[0].1.bytes());
}

fn letter(state: &mut u32) -> char {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    b"etaoin shrdlu\n1."[(*state >> 28) as usize].into()
}

/// Every lag at every character, for texts of letters: offset, onset and period of each exact loop.
fn twin(text: &str) -> Vec<(u64, u64, u64)> {
    let letters: Vec<char> = text.chars().collect();
    let mut equal = vec![0; letters.len() + 1];
    let (mut found, mut quiet) = (Vec::new(), None);
    for at in 0..letters.len() {
        for lag in 1..=at {
            equal[lag] = if letters[at] == letters[at - lag] { equal[lag] + 1 } else { 0 };
        }
        quiet = quiet.filter(|lag: &usize| equal[*lag] > 0);
        let need = |lag| if lag == 1 { 99 } else { lag + 70 };
        let whole = |lag: usize| (1..lag).all(|part| !lag.is_multiple_of(part) || equal[part] < lag);
        let fires = |lag: &usize| equal[*lag] >= need(*lag) && whole(*lag);
        if let Some(lag) = (1..=at.min(512)).find(fires).filter(|_| quiet.is_none()) {
            quiet = Some(lag);
            found.push((at as u64 + 1, (at + 1 - equal[lag]) as u64, lag as u64));
        }
    }
    found
}

fn exact(text: &str) -> Vec<(u64, u64, u64)> {
    let exact = findings(text).into_iter().filter(|found| found.kind == "exact");
    exact.map(|found| (found.offset.unwrap(), found.onset.unwrap(), found.period.unwrap())).collect()
}

/// Pieces over a few letters, some of them repeated.
fn planted(letters: &'static str) -> impl Strategy<Value = String> {
    let letter = prop::sample::select(letters.chars().collect::<Vec<_>>());
    let piece = (prop::collection::vec(letter, 1..60), 1..12usize);
    prop::collection::vec(piece, 1..6)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, times)| String::from_iter(piece).repeat(times)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn two_letters_give_what_every_lag_gives(text in planted("ab")) {
        prop_assert_eq!(exact(&text), twin(&text));
    }

    #[test]
    fn three_letters_give_what_every_lag_gives(text in planted("abc")) {
        prop_assert_eq!(exact(&text), twin(&text));
    }

    #[test]
    fn findings_do_not_depend_on_the_split(
        text in planted("ab 漢😀\n1."),
        cuts in prop::collection::vec(0..4_000usize, 0..12),
    ) {
        let whole = findings(&text);
        let characters: Vec<char> = text.chars().collect();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (characters.len() + 1)).collect();
        cuts.extend([0, characters.len()]);
        cuts.sort_unstable();
        let pieces: Vec<String> = cuts.windows(2).map(|cut| characters[cut[0]..cut[1]].iter().collect()).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        prop_assert_eq!(findings_in(ChannelKind::Text, RepeatSettings::default(), &pieces), whole);
    }

    #[test]
    fn a_finding_lies_within_its_text(text in planted("ab 漢1.\n")) {
        for found in findings(&text) {
            let (offset, onset) = (found.offset.unwrap(), found.onset.unwrap());
            prop_assert!(onset < offset && offset <= text.chars().count() as u64);
            prop_assert!(found.score >= 1.0 && found.evidence.chars().count() <= 80);
            prop_assert!(!found.evidence.contains(char::is_control));
        }
    }
}
