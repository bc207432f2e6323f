//! A stream that time alone stops is cut behind an event, at every byte where it went quiet.
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

use midstream_series::{Span, Timestamp};
use midstream_stream::{Close, Decision, End, EndingState, Forward, Guard, Options, Settings};

const START: Timestamp = Timestamp::from_nanos(0);
const QUIET: Span = Span::from_secs(31);
const SECOND: Span = Span::from_secs(1);

fn sse(line_end: &str) -> Vec<Vec<u8>> {
    let event = |text: &str| {
        format!(
            "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}{line_end}{line_end}"
        )
    };
    ["Hello", "wörld", "and all"].map(|text| event(text).into_bytes()).into()
}

fn lines() -> Vec<Vec<u8>> {
    let line = |text: &str| format!("{{\"model\":\"m\",\"message\":{{\"content\":\"{text}\"}},\"done\":false}}\n");
    ["Hello", "wörld", "and all"].map(|text| line(text).into_bytes()).into()
}

fn array() -> Vec<Vec<u8>> {
    let element = |text: &str| format!("{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}]}}}}]}}");
    vec![
        format!("[{}", element("Hello")).into_bytes(),
        format!(",\r\n{}", element("wörld")).into_bytes(),
        format!("\n, {}", element("and all")).into_bytes(),
    ]
}

fn formats() -> Vec<Vec<Vec<u8>>> {
    vec![sse("\n"), sse("\r\n"), sse("\r"), lines(), array()]
}

fn guard() -> Guard {
    let settings = Settings::from_json(r#"{"pace": {"stall": "stop"}}"#).unwrap();
    Guard::new(Options { end: End::Error, settings, ..Options::default() }).unwrap()
}

fn bytes(decision: &Decision<'_>, chunk: &[u8]) -> Vec<u8> {
    match decision.forward {
        Forward::Bytes(bytes) => bytes.to_vec(),
        Forward::Nothing => Vec::new(),
        Forward::Same => chunk.to_vec(),
    }
}

/// The ends of events, what may stand behind each included: line ends and the comma before the next element.
fn is_border(events: &[Vec<u8>], passed: &[u8]) -> bool {
    let all = events.concat();
    let mut end = 0;
    std::iter::once(&Vec::new()).chain(events).any(|event| {
        end += event.len();
        let behind = passed.len() >= end && all.starts_with(passed);
        behind && passed[end..].iter().all(|byte| b" ,\r\n".contains(byte))
    })
}

fn assert_ends_as_failed(body: &[u8], context: &str) {
    let mut reader = Guard::new(Options::default()).unwrap();
    reader.feed(body, START).unwrap();
    let (_, summary) = reader.finish(Close::Clean, START).unwrap();
    let shown = String::from_utf8_lossy(body);
    assert_eq!(summary.ending.state, EndingState::Failed, "{context}: {shown}");
    assert_eq!(summary.anomalies.iter().filter(|(_, count)| *count > 0).count(), 0, "{context}: {shown}");
}

#[test]
fn a_tick_inside_an_event_waits_for_its_end() {
    for events in formats() {
        let body = events.concat();
        for cut in 1..body.len() {
            for step in [1, 9, body.len()] {
                let mut guard = guard();
                let mut passed = bytes(&guard.feed(&body[..cut], START).unwrap(), &body[..cut]);
                let late = START + QUIET;
                let decision = guard.tick(late).unwrap();
                let mut halted = decision.halted;
                assert_eq!(halted, decision.tick_at.is_none(), "byte {cut}");
                for chunk in body[cut..].chunks(step) {
                    if halted {
                        assert_eq!(guard.feed(chunk, late).unwrap().forward, Forward::Nothing);
                        continue;
                    }
                    let decision = guard.feed(chunk, late).unwrap();
                    passed.extend(bytes(&decision, chunk));
                    halted = decision.halted;
                }
                let (decision, summary) = guard.finish(Close::Stopped, late).unwrap();
                let end = bytes(&decision, &[]);
                assert_eq!(summary.ending.state, EndingState::Halted);
                if !halted || passed.is_empty() {
                    assert!(end.is_empty() || passed.is_empty(), "byte {cut}: an end behind half an event");
                    continue;
                }
                assert!(is_border(&events, &passed), "byte {cut}: {:?}", String::from_utf8_lossy(&passed));
                if !end.is_empty() {
                    assert_ends_as_failed(&[passed, end].concat(), &format!("byte {cut}, {step} bytes a chunk"));
                }
            }
        }
    }
}

#[test]
fn an_event_that_does_not_end_within_a_second_is_given_up_and_has_no_end() {
    for events in formats() {
        let body = events.concat();
        for cut in 1..body.len() {
            let mut guard = guard();
            guard.feed(&body[..cut], START).unwrap();
            let late = START + QUIET;
            if guard.tick(late).unwrap().halted {
                continue;
            }
            let almost = guard.tick(late + Span::from_millis(999)).unwrap();
            assert_eq!((almost.halted, almost.tick_at), (false, Some(late + SECOND)), "byte {cut}");
            assert!(guard.tick(late + SECOND).unwrap().halted, "byte {cut}");
            assert_eq!(guard.feed(&body[cut..], late + SECOND).unwrap().forward, Forward::Nothing);
            let (decision, _) = guard.finish(Close::Stopped, late + SECOND).unwrap();
            assert_eq!(decision.forward, Forward::Nothing, "byte {cut}");
        }
    }
}

#[test]
fn a_stop_by_a_late_chunk_is_cut_behind_an_event_too() {
    for events in formats() {
        let body = events.concat();
        for cut in 1..body.len() {
            for behind in [1, 20, body.len() - cut] {
                let (first, rest) = body.split_at(cut);
                let (second, third) = rest.split_at(behind.min(rest.len()));
                let mut guard = guard();
                let mut passed = bytes(&guard.feed(first, START).unwrap(), first);
                let late = START + QUIET;
                let mut halted = false;
                for chunk in [second, third] {
                    let decision = guard.feed(chunk, late).unwrap();
                    halted = decision.halted;
                    passed.extend(bytes(&decision, chunk));
                }
                let (decision, _) = guard.finish(Close::Stopped, late).unwrap();
                let end = bytes(&decision, &[]);
                if !halted {
                    assert!(end.is_empty(), "byte {cut}: an end behind half an event");
                    continue;
                }
                assert!(is_border(&events, &passed), "byte {cut}: {:?}", String::from_utf8_lossy(&passed));
                if !end.is_empty() {
                    assert_ends_as_failed(&[passed, end].concat(), &format!("byte {cut}, then {behind}"));
                }
            }
        }
    }
}
