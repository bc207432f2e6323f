//! Random texts with planted secrets, cut anywhere: what streams is what one call gives, and no secret is in it.
//!
//! `REDACTION_CASES` says how many; the seed is fixed.
#![allow(clippy::disallowed_methods, reason = "the number of cases comes from the environment")]
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

mod secrets;

use std::sync::{Arc, LazyLock};

use midstream_series::Timestamp;
use midstream_stream::redact::{Rule, RuleSet};
use midstream_stream::{Close, Dialect, Forward, Framing, Guard, Options};
use secrets::{Random, assert_same_at_every_cut};
use serde_json::Value;

static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| Arc::new(RuleSet::new(&Rule::all_built_in()).unwrap()));

fn cases(share: u64) -> u64 {
    let cases: Option<u64> = std::env::var("REDACTION_CASES").ok().and_then(|count| count.parse().ok());
    cases.unwrap_or(10_000) * share / 10
}

/// No eight characters of a secret that `text` holds nowhere else are in `output`, from its first character on.
fn assert_hidden(output: &str, secrets: &[String], text: &str) {
    for secret in secrets {
        let places = secret.char_indices().map(|(at, _)| at);
        let parts = places.filter_map(|at| secret.get(at..at + 8));
        for part in parts.filter(|part| text.matches(part).count() == 1) {
            assert!(!output.contains(part), "{part:?} of {secret:?} of {text:?} is in {output:?}");
        }
    }
}

#[test]
fn texts_cut_at_every_character_give_what_they_give_whole() {
    let (mut random, mut left) = (Random(1), cases(7));
    while left > 0 {
        let (text, secrets) = random.text(6);
        let expected = RULES.redact(&text);
        assert_hidden(&expected, &secrets, &text);
        assert_same_at_every_cut(&RULES, &text, &expected, &mut left);
    }
}

/// What a guard passes of a body in chunks of random size.
fn passed(body: &str, dialect: Dialect, random: &mut Random) -> String {
    let options = Options { dialect, framing: Framing::Sse, rules: Some(Arc::clone(&RULES)), ..Options::default() };
    let mut guard = Guard::new(options).unwrap();
    let (mut passed, now) = (Vec::new(), Timestamp::from_nanos(0));
    let mut rest = body.as_bytes();
    while !rest.is_empty() {
        let longest = 1 << random.below(11);
        let size = 1 + random.below(longest);
        let (chunk, behind) = rest.split_at(size.min(rest.len()));
        match guard.feed(chunk, now).unwrap().forward {
            Forward::Same => passed.extend_from_slice(chunk),
            Forward::Bytes(bytes) => passed.extend_from_slice(bytes),
            Forward::Nothing => {}
        }
        rest = behind;
    }
    if let Forward::Bytes(bytes) = guard.finish(Close::Clean, now).unwrap().0.forward {
        passed.extend_from_slice(bytes);
    }
    String::from_utf8(passed).unwrap()
}

/// The strings at a place in each event, together.
fn joined(body: &str, pointer: &str) -> String {
    let events = body.lines().filter_map(|line| line.strip_prefix("data: {")).map(|rest| format!("{{{rest}"));
    let text = |event: String| {
        let event: Value = serde_json::from_str(&event).unwrap();
        event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    events.map(text).collect()
}

#[test]
fn texts_in_chunks_of_chat_give_what_they_give_whole() {
    let mut random = Random(2);
    for _ in 0..cases(1) {
        let (text, secrets) = random.text(6);
        let chunk = |piece: &String| {
            format!(
                "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{piece}\"}}}}]}}\n\n"
            )
        };
        let body: String = random.json_pieces(&text, 6).iter().map(chunk).collect();
        let passed = passed(&body, Dialect::OpenaiChat, &mut random);
        assert_eq!(joined(&passed, "/choices/0/delta/content"), RULES.redact(&text), "{body}");
        assert_hidden(&passed, &secrets, &text);
    }
}

#[test]
fn arguments_of_calls_in_deltas_of_messages_give_what_their_strings_give_whole() {
    let mut random = Random(3);
    for _ in 0..cases(2) {
        let (text, secrets) = random.text(6);
        let inner = random.json_pieces(&text, 1).concat();
        let arguments = format!("{{\"a\": [1, true, \"{inner}\"]}}");
        let delta = |piece: &String| {
            format!(
                "data: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"input_json_delta\",\"partial_json\":\"{piece}\"}}}}\n\n"
            )
        };
        let start = "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\n\n";
        let deltas: String = random.json_pieces(&arguments, 6).iter().map(delta).collect();
        let passed = passed(&format!("{start}{deltas}"), Dialect::AnthropicMessages, &mut random);
        let whole: Value = serde_json::from_str(&joined(&passed, "/delta/partial_json")).unwrap();
        assert_eq!(whole["a"][2], RULES.redact(&text), "{deltas}");
        assert_hidden(&passed, &secrets, &text);
    }
}
