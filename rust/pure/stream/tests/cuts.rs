//! What a stream is stopped for, and what is found in it, do not depend on where its chunks are cut.
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

use midstream_series::{Span, Timestamp};
use midstream_stream::{Action, Close, Forward, Framing, Guard, Options, Settings};

const START: Timestamp = Timestamp::from_nanos(0);

/// What a stream came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    passed: String,
    found: Vec<(String, Action, Option<u64>)>,
}

/// Reads what came first and what came at `late`, each in pieces of so many bytes.
fn read(settings: &str, framing: Framing, (first, then, late): (&str, &str, Timestamp), step: usize) -> Outcome {
    let settings = Settings::from_json(settings).unwrap();
    let mut guard = Guard::new(Options { settings, framing, ..Options::default() }).unwrap();
    let mut passed = Vec::new();
    for (text, now) in [(first, START), (then, late)] {
        for chunk in text.as_bytes().chunks(step) {
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
    Outcome { passed: String::from_utf8(passed).unwrap(), found }
}

fn event(text: &str) -> String {
    format!(
        "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}

fn assert_one_outcome(settings: &str, framing: Framing, body: (&str, &str, Timestamp)) -> Outcome {
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
