//! Budgets: what passes a limit is found at the same character however the stream is cut.
#![expect(clippy::unwrap_used, reason = "tests")]

use midstream_series::{Span, Timestamp};
use midstream_stream::{Action, ChannelKind, Checks, Close, Finding, Guard, Options, Settings, Summary, UsageSource};

const START: Timestamp = Timestamp::from_nanos(0);

fn guard(budget: &str) -> Guard {
    let settings = Settings::from_json(&format!(r#"{{"budget": {budget}}}"#)).unwrap();
    Guard::new(Options { settings, ..Options::default() }).unwrap()
}

fn chat(delta: &str) -> String {
    format!("data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n")
}

const FINISH: &str = "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

fn used(input: u32, output: u32) -> String {
    format!(
        "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{{\"prompt_tokens\":{input},\"completion_tokens\":{output},\"prompt_tokens_details\":{{\"cached_tokens\":100}}}}}}\n\n"
    )
}

/// What passes of a body in chunks of `step` bytes, what is found in it, and its summary.
fn run(budget: &str, body: &str, step: usize) -> (String, Vec<Finding>, Summary) {
    let (mut guard, mut passed, mut found) = (guard(budget), Vec::new(), Vec::new());
    for chunk in body.as_bytes().chunks(step) {
        let decision = guard.feed(chunk, START).unwrap();
        match decision.forward {
            midstream_stream::Forward::Bytes(bytes) => passed.extend_from_slice(bytes),
            midstream_stream::Forward::Nothing => {}
            midstream_stream::Forward::Same => passed.extend_from_slice(chunk),
        }
        found.extend_from_slice(decision.findings);
    }
    let (_, summary) = guard.finish(Close::Clean, START).unwrap();
    (String::from_utf8(passed).unwrap(), found, summary)
}

fn told(found: &[Finding]) -> Vec<(&str, Action, Option<u64>)> {
    found.iter().map(|finding| (&*finding.kind, finding.action, finding.offset)).collect()
}

#[test]
fn a_stop_comes_behind_the_event_that_passes_a_limit_at_every_split() {
    let words: Vec<String> = (0..12).map(|i| chat(&format!("{{\"content\":\"word{i:04}\"}}"))).collect();
    let body = words.concat();
    for (budget, events, offset) in [
        (r#"{"output_characters": 20}"#, 3, 21),
        (r#"{"output_characters": 24}"#, 4, 25),
        (r#"{"output_tokens": 10}"#, 6, 41),
        (r#"{"cost": 0.00001, "price_input": 1, "price_output": 1}"#, 6, 41),
    ] {
        let whole = run(budget, &body, usize::MAX);
        for step in [1, 2, 3, 7, 64, 1000] {
            assert_eq!(run(budget, &body, step), whole, "{budget}, {step} bytes a chunk");
        }
        assert_eq!(whole.0, words[..events].concat(), "{budget}");
        assert_eq!(whole.1[0].offset, Some(offset), "{budget}");
        assert_eq!((whole.1[0].check, whole.1[0].channel.as_deref()), ("budget", Some("choice:0/text")));
    }
}

#[test]
fn pushed_text_passes_a_limit_at_the_same_character_at_every_split() {
    let text = "Ünïcode wörds, and some more of them. ".repeat(9);
    for (budget, offset) in [(r#"{"output_tokens": 20}"#, 81), (r#"{"output_characters": 7, "warn_at": 0.5}"#, 8)] {
        for step in [1, 2, 5, 400] {
            let (mut guard, mut found) = (guard(budget), Vec::new());
            for piece in text.chars().collect::<Vec<_>>().chunks(step) {
                let piece: String = piece.iter().collect();
                found.extend_from_slice(guard.push_text(ChannelKind::Text, &piece, START).unwrap().findings);
            }
            let last = found.last().unwrap();
            assert_eq!((last.action, last.offset), (Action::Stop, Some(offset)), "{budget}, {step} a push");
            assert_eq!(found.len(), if budget.contains("warn_at") { 2 } else { 1 });
        }
    }
}

#[test]
fn a_share_of_a_limit_is_warned_of_once_before() {
    let body = chat(r#"{"content":"0123456789"}"#).repeat(4);
    let (_, found, _) = run(r#"{"output_characters": 30, "warn_at": 0.5}"#, &body, 50);
    assert_eq!(
        told(&found),
        [("output_characters", Action::Warn, Some(16)), ("output_characters", Action::Stop, Some(31))]
    );
    assert_eq!(found[0].explanation, "the budget of 30 output characters is nearly used: 16");
}

#[test]
fn reported_usage_beats_the_estimate_and_text_since_then_is_estimated_on_top() {
    let part = chat(r#"{"content":"0123456789012345678901234567890123456789"}"#);
    let body = part.clone() + &used(9, 2) + &part;
    assert!(run(r#"{"output_tokens": 13}"#, &body, 9).1.is_empty());
    let (_, found, _) = run(r#"{"output_tokens": 11}"#, &body, 9);
    assert_eq!(told(&found), [("output_tokens", Action::Stop, Some(77))]);
    assert_eq!(found[0].evidence, "12 of 11, estimated");
    let (_, found, _) = run(r#"{"output_tokens": 50}"#, &(part + &used(9, 51)), 9);
    assert_eq!((told(&found), &*found[0].evidence), (vec![("output_tokens", Action::Stop, None)], "51 of 50"));
}

#[test]
fn a_limit_that_is_passed_by_the_last_report_alone_is_a_warning() {
    let body = chat(r#"{"content":"Hi"}"#) + FINISH + &used(9, 51) + "data: [DONE]\n\n";
    let (passed, found, summary) = run(r#"{"output_tokens": 50}"#, &body, 9);
    assert_eq!(told(&found), [("output_tokens", Action::Warn, None)]);
    assert_eq!((passed, summary.ending.state.name()), (body, "complete"));
}

#[test]
fn reasoning_has_limits_of_its_own() {
    let body = chat(r#"{"content":"0123456789"}"#) + &chat(r#"{"reasoning_content":"0123456789"}"#).repeat(3);
    let (_, found, _) = run(r#"{"reasoning_characters": 15, "reasoning_action": "warn"}"#, &body, 9);
    assert_eq!(told(&found), [("reasoning_characters", Action::Warn, Some(16))]);
    let (_, found, _) = run(r#"{"reasoning_tokens": 5}"#, &body, 9);
    assert_eq!(told(&found), [("reasoning_tokens", Action::Stop, Some(21))]);
    assert_eq!(found[0].channel.as_deref(), Some("choice:0/reasoning"));
    let (_, found, _) = run(r#"{"reasoning_tokens": 5, "reasoning_action": "end_reasoning"}"#, &body, 9);
    assert_eq!(told(&found), [("reasoning_tokens", Action::EndReasoning, Some(21))]);
    assert!(run(r#"{"reasoning_tokens": 5, "reasoning_action": "off"}"#, &body, 9).1.is_empty());
}

#[test]
fn the_call_that_is_one_too_many_stops_the_stream() {
    let call = |index| {
        chat(&format!(
            "{{\"tool_calls\":[{{\"index\":{index},\"id\":\"c{index}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{{}}\"}}}}]}}"
        ))
    };
    let body = call(0) + &call(1) + &call(2) + &call(3);
    let (passed, found, _) = run(r#"{"tool_calls": 2}"#, &body, 9);
    assert_eq!(told(&found), [("tool_calls", Action::Stop, None)]);
    assert_eq!(passed, call(0) + &call(1) + &call(2));
}

#[test]
fn a_stream_may_take_no_longer_than_its_wall_time_whatever_comes() {
    let at = |seconds| START + Span::from_secs(seconds);
    let mut guard = guard(r#"{"wall_time_s": 10, "warn_at": 0.8}"#);
    assert_eq!(guard.tick_at(), None);
    guard.feed(chat(r#"{"content":"Hi"}"#).as_bytes(), at(5)).unwrap();
    assert_eq!(guard.tick_at(), Some(at(13)));
    assert_eq!(told(guard.tick(at(13)).unwrap().findings), [("wall_time", Action::Warn, None)]);
    assert_eq!(guard.tick_at(), Some(at(15)));
    let late = chat(r#"{"content":"Hi"}"#);
    let decision = guard.feed(late.as_bytes(), at(15)).unwrap();
    assert_eq!(told(decision.findings), [("wall_time", Action::Stop, None)]);
    assert_eq!(decision.tick_at, None);
}

#[test]
fn the_cost_is_of_what_is_reported_and_unknown_is_none() {
    let prices = r#"{"cost": 1, "price_input": 2, "price_output": 10, "price_cached_input": 1}"#;
    let body = chat(r#"{"content":"Hi"}"#) + FINISH + &used(1_000, 500);
    let (_, _, summary) = run(prices, &body, 9);
    assert_eq!((summary.cost, summary.cost_source), (Some(0.0069), UsageSource::Reported));
    let (_, _, summary) = run(prices, &chat(r#"{"content":"Hi"}"#), 9);
    assert_eq!((summary.cost, summary.cost_source), (Some(0.00001), UsageSource::Estimated));
    assert_eq!(run(prices, "", 9).2.cost, None);
    assert_eq!(run("{}", &body, 9).2.cost_source, UsageSource::Unknown);
}

#[test]
fn anthropic_counts_what_a_cache_took_part_in_beside_the_rest() {
    let prices = r#"{"cost": 1, "price_input": 2, "price_output": 10, "price_cached_input": 0.2}"#;
    let body = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\",\"content\":[],\"usage\":{\"input_tokens\":100,\"cache_read_input_tokens\":1000,\"cache_creation_input_tokens\":50,\"output_tokens\":1}}}\n\n";
    let (_, _, summary) = run(prices, body, 9);
    assert_eq!(summary.cost, Some((100.0 * 2.0 + 50.0 * 2.0 + 1000.0 * 0.2 + 10.0) / 1e6));
}

#[test]
fn under_shadow_nothing_is_stopped_and_what_would_be_is_told() {
    let settings = Settings::from_json(r#"{"budget": {"output_characters": 3}, "shadow": true}"#).unwrap();
    let mut guard = Guard::new(Options { settings, ..Options::default() }).unwrap();
    let decision = guard.push_text(ChannelKind::Text, "Hello", START).unwrap();
    assert_eq!(told(decision.findings), [("output_characters", Action::Stop, Some(4))]);
    assert_eq!(decision.action, Action::Observe);
}

#[test]
fn a_limit_that_makes_no_sense_is_refused_by_name() {
    for (budget, field) in [
        (r#"{"output_tokens": 0}"#, "budget.output_tokens is 0"),
        (r#"{"wall_time_s": -1}"#, "budget.wall_time_s is -1"),
        (r#"{"cost": 1}"#, "budget.price_input is not given"),
        (r#"{"cost": 1, "price_input": 1}"#, "budget.price_output is not given"),
        (r#"{"cost": 1, "price_input": -1, "price_output": 1}"#, "budget.price_input is -1"),
        (r#"{"price_output": 1}"#, "budget.price_output is 1, allowed is no price without budget.cost"),
        (r#"{"warn_at": 1}"#, "budget.warn_at is 1"),
    ] {
        let error = Settings::from_json(&format!(r#"{{"budget": {budget}}}"#)).unwrap_err().to_string();
        assert!(error.starts_with(field), "{error}");
    }
}

#[test]
fn checks_without_a_guard_count_nothing_and_say_so() {
    let settings = Settings::from_json(r#"{"budget": {"tool_calls": 3}}"#).unwrap();
    let error = Checks::new(settings, None).unwrap_err().to_string();
    assert_eq!(error, "budget.tool_calls is 3, allowed is none for checks alone; a guard counts");
}
