//! What a stream is stopped for, and what is found in it, do not depend on where its chunks are cut.
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

use midstream_series::{Span, Timestamp};
use midstream_stream::{Action, ChannelKind, Close, Forward, Framing, Guard, Options, Settings};

const START: Timestamp = Timestamp::from_nanos(0);

/// What a stream came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    passed: String,
    found: Vec<(String, Action, Option<u64>)>,
}

/// Reads what came first and what came at `late`, each in pieces of so many bytes.
fn read(settings: &str, framing: Framing, (first, then, late): (&[u8], &[u8], Timestamp), step: usize) -> Outcome {
    let settings = Settings::from_json(settings).unwrap();
    let mut guard = Guard::new(Options { settings, framing, ..Options::default() }).unwrap();
    let mut passed = Vec::new();
    for (text, now) in [(first, START), (then, late)] {
        for chunk in text.chunks(step) {
            match guard.feed(chunk, now).unwrap().forward {
                Forward::Bytes(bytes) => passed.extend_from_slice(bytes),
                Forward::Nothing => {}
                Forward::Same => passed.extend_from_slice(chunk),
            }
        }
    }
    let (decision, summary) = guard.finish(Close::Clean, late).unwrap();
    passed.extend_from_slice(match decision.forward {
        Forward::Bytes(bytes) => bytes,
        _ => &[],
    });
    let found = summary.findings.iter();
    let found = found.map(|found| (format!("{}/{}", found.check, found.kind), found.action, found.offset)).collect();
    Outcome { passed: String::from_utf8_lossy(&passed).into_owned(), found }
}

fn event(text: &str) -> String {
    format!(
        "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}

fn assert_one_outcome(settings: &str, framing: Framing, body: (&str, &str, Timestamp)) -> Outcome {
    assert_one_outcome_of_bytes(settings, framing, (body.0.as_bytes(), body.1.as_bytes(), body.2))
}

fn assert_one_outcome_of_bytes(settings: &str, framing: Framing, body: (&[u8], &[u8], Timestamp)) -> Outcome {
    let whole = read(settings, framing, body, usize::MAX);
    for step in 1..=9 {
        assert_eq!(read(settings, framing, body, step), whole, "{settings}, {step} bytes at a time");
    }
    whole
}

#[test]
fn a_late_chunk_is_stopped_for_the_time_and_not_for_what_it_holds() {
    let late = START + Span::from_secs(40);
    let (first, loops) = (event("Hello"), event(&"I am done. ".repeat(20)));
    for (settings, kind) in [
        (r#"{"pace": {"stall": "stop"}}"#, "pace/stall"),
        (r#"{"pace": {"stall": "off"}, "budget": {"wall_time_s": 9}}"#, "budget/wall_time"),
    ] {
        let outcome = assert_one_outcome(settings, Framing::Sse, (&first, &loops, late));
        assert_eq!(outcome.passed, first);
        assert_eq!(outcome.found[0], (kind.into(), Action::Stop, None));
    }
}

#[test]
fn a_late_chunk_that_ends_an_event_passes_to_its_end() {
    let late = START + Span::from_secs(40);
    let (first, second) = (event("Hello"), event("you"));
    let (begun, rest) = first.split_at(30);
    let outcome =
        assert_one_outcome(r#"{"pace": {"stall": "stop"}}"#, Framing::Sse, (begun, &format!("{rest}{second}"), late));
    assert_eq!(outcome.passed, first);
}

#[test]
fn a_stall_is_found_before_what_the_late_chunk_holds() {
    let late = START + Span::from_secs(40);
    let loops = "I am done. ".repeat(20);
    let outcome = assert_one_outcome(r#"{"shadow": true}"#, Framing::Text, ("Hello. ", &loops, late));
    assert_eq!(outcome.found[0].0, "pace/stall");
    assert!(outcome.found[1].0.starts_with("repeat/"));
}

#[test]
fn a_stop_cuts_pushed_text_behind_the_same_character_however_it_is_pushed() {
    let text = "Ça va. ".to_owned() + &"I am done. ".repeat(20);
    for settings in ["{}", r#"{"redact": {"rules": ["email"]}}"#] {
        let passed = |step: usize| {
            let settings = Settings::from_json(settings).unwrap();
            let mut guard = Guard::new(Options { settings, ..Options::default() }).unwrap();
            let mut passed = String::new();
            let characters: Vec<char> = text.chars().collect();
            for piece in characters.chunks(step) {
                let piece: String = piece.iter().collect();
                match guard.push_text(ChannelKind::Text, &piece, START).unwrap().forward {
                    Forward::Bytes(bytes) => passed.push_str(std::str::from_utf8(bytes).unwrap()),
                    Forward::Nothing => {}
                    Forward::Same => passed.push_str(&piece),
                }
            }
            passed
        };
        let one_by_one = passed(1);
        assert!(one_by_one.len() < 120, "{one_by_one}");
        for step in [2, 9, 50, text.len()] {
            assert_eq!(passed(step), one_by_one, "{settings}, {step} characters at a time");
        }
    }
}

#[test]
fn a_match_that_is_only_reported_is_found_where_it_is_certain_and_not_where_it_ends() {
    let rules = r#""redact": {"rules": [{"name": "t", "pattern": "T-[0-9]{2,9}"}], "action": "warn"}"#;
    let budget = r#""budget": {"output_characters": 6, "action": "#;
    let body = ("T-12345 and on", "", START);
    for (action, found) in [("warn", &["budget", "redact"][..]), ("stop", &["budget"])] {
        let settings = format!("{{{rules}, {budget}\"{action}\"}}}}");
        let outcome = assert_one_outcome(&settings, Framing::Text, body);
        let checks: Vec<&str> = outcome.found.iter().filter_map(|(name, ..)| name.split('/').next()).collect();
        assert_eq!(checks, found);
    }
}

#[test]
fn an_element_that_the_next_byte_ends_is_whole_though_that_byte_comes_alone() {
    let late = START + Span::from_secs(40);
    let outcome = assert_one_outcome(r#"{"pace": {"stall": "stop"}}"#, Framing::JsonArray, ("[1,2,", "3]", late));
    assert_eq!(outcome.passed, "[1,2,");
}

#[test]
fn a_stop_takes_back_bytes_that_are_no_text_as_one_character() {
    let settings = r#"{"redact": {"rules": ["email"]}, "repeat": {"exact_run": 12, "exact_beyond": 12}}"#;
    let body = [&[b'a'; 30][..], b"\xb6 bc\xf0\x9f\x98 d"].concat();
    let outcome = assert_one_outcome_of_bytes(settings, Framing::Text, (&body, b"", START));
    assert_eq!(outcome.passed, "a".repeat(13));
}

#[test]
fn text_that_is_held_passes_before_bytes_that_are_none_however_they_come() {
    let settings = Settings::from_json(r#"{"hold": {"limit": 10, "max_hold_s": 20, "at_max_hold": "pass"}}"#).unwrap();
    let passed = |step: usize| {
        let options = Options { settings: settings.clone(), framing: Framing::Text, ..Options::default() };
        let mut guard = Guard::new(options).unwrap();
        for chunk in b"All of it. Half a\xb6".chunks(step) {
            assert_eq!(guard.feed(chunk, START).unwrap().forward, Forward::Nothing);
        }
        let late = START + Span::from_secs(20);
        match guard.tick(late).unwrap().forward {
            Forward::Bytes(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        }
    };
    assert_eq!(passed(1), b"All of it.");
    assert_eq!(passed(99), passed(1));
}
