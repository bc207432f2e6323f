//! What settings ask for is what is decided, however the stream is cut.
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

use midstream_series::Timestamp;
use midstream_stream::{Action, Close, EndingState, Forward, Guard, Options, Settings, Summary};

const ACTIONS: [(&str, Option<Action>); 6] = [
    ("off", None),
    ("observe", Some(Action::Observe)),
    ("warn", Some(Action::Warn)),
    ("hint", Some(Action::Hint)),
    ("end_reasoning", Some(Action::EndReasoning)),
    ("stop", Some(Action::Stop)),
];

/// A chat whose reasoning or text says one thing over and over.
fn body(field: &str) -> Vec<u8> {
    let delta = |text: &str| {
        format!("data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{{text}}}}}]}}\n\n")
    };
    let mut body = delta("\"role\":\"assistant\"");
    body.push_str(&delta(&format!("\"{field}\":\"Wait. \"")).repeat(40));
    body.push_str(&delta("\"content\":\"42\""));
    body.into_bytes()
}

/// What passed, the strongest action, and the end.
fn run(settings: &str, body: &[u8], step: usize) -> (Vec<u8>, Action, Summary) {
    let settings = Settings::from_json(settings).unwrap();
    let mut guard = Guard::new(Options { settings, ..Options::default() }).unwrap();
    let (mut passed, mut strongest) = (Vec::new(), Action::Pass);
    for chunk in body.chunks(step) {
        let decision = guard.feed(chunk, Timestamp::from_nanos(0)).unwrap();
        strongest = strongest.max(decision.action);
        assert_eq!(decision.halted, decision.action.halts());
        match decision.forward {
            Forward::Bytes(bytes) => passed.extend_from_slice(bytes),
            Forward::Nothing => {}
            Forward::Same => passed.extend_from_slice(chunk),
        }
    }
    let halted = strongest.halts();
    let (_, summary) =
        guard.finish(if halted { Close::Stopped } else { Close::Clean }, Timestamp::from_nanos(0)).unwrap();
    (passed, strongest, summary)
}

#[test]
fn a_loop_in_reasoning_does_what_its_settings_ask_for_at_every_cut() {
    let body = body("reasoning_content");
    for (name, action) in ACTIONS {
        for shadow in [false, true] {
            let settings = format!(
                r#"{{"repeat": {{"reasoning": {{"exact": "{name}", "counter": "off", "near": "off"}}}}, "shadow": {shadow}}}"#
            );
            let whole = run(&settings, &body, usize::MAX);
            for step in [1, 7, 100] {
                assert_eq!(run(&settings, &body, step).0, whole.0, "{name}, {step} bytes a chunk");
            }
            let (passed, strongest, summary) = whole;
            let asked = action.unwrap_or(Action::Pass);
            let done = if shadow { asked.min(Action::Observe) } else { asked };
            assert_eq!(strongest, done, "{name}, shadow {shadow}");
            let found: Vec<Action> = summary
                .findings
                .iter()
                .filter(|finding| finding.check == "repeat")
                .map(|finding| finding.action)
                .collect();
            assert_eq!(found, Vec::from_iter(action), "findings tell what is asked for, also under shadow");
            assert_eq!(summary.ending.state == EndingState::Halted, done.halts());
            assert_eq!(passed == body, !done.halts());
            assert!(!done.halts() || passed.ends_with(b"\n\n"), "the cut is behind an event");
            assert_eq!(summary.hints.len(), usize::from(done == Action::Hint));
        }
    }
}

#[test]
fn a_loop_of_text_can_end_no_reasoning() {
    for (name, action) in ACTIONS {
        let settings = Settings::from_json(&format!(r#"{{"repeat": {{"exact": "{name}"}}}}"#));
        assert_eq!(settings.is_err(), action == Some(Action::EndReasoning), "{name}");
    }
}

#[test]
fn a_counter_loop_in_reasoning_that_goes_on_ends_the_reasoning_where_exact_loops_do() {
    let numbered: String = (1..80).map(|number| format!("Step {number}. I check the same thing again. ")).collect();
    let event = format!(
        "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"reasoning\":\"{numbered}\"}}}}]}}\n\n"
    );
    for (exact, last) in [("end_reasoning", Action::EndReasoning), ("warn", Action::Stop)] {
        for counter in ["warn", "hint"] {
            let settings = format!(
                r#"{{"repeat": {{"reasoning": {{"exact": "{exact}", "counter": "{counter}", "near": "off"}}}}}}"#
            );
            let (_, strongest, summary) = run(&settings, event.as_bytes(), usize::MAX);
            assert_eq!(strongest, last, "{:?}", summary.findings);
        }
    }
}
