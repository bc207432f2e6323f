//! The shared cases of `tests/cases`, which Python and the WebAssembly module run too.
#![expect(clippy::disallowed_methods, reason = "tests read files")]
#![expect(clippy::unwrap_used, reason = "a case that cannot be read fails the test")]

use std::collections::BTreeMap;

use midstream_series::Timestamp;
use midstream_stream::{ChannelKind, Checks, Close, Decision, Guard, Options, Settings};
use serde_json::{Value, json};

/// Bytes or characters per chunk; the last is one chunk for all.
const STEPS: [usize; 3] = [1, 7, usize::MAX];
/// What two surfaces may differ by, relative to the number.
const TOLERANCE: f64 = 1e-9;

#[test]
fn streams_give_the_texts_and_the_summary_of_their_case() {
    for case in cases("streams.json") {
        for step in STEPS {
            let (texts, summary) = run(case["body"].as_str().unwrap().as_bytes(), step);
            assert_eq!(texts, case["texts"], "{}, {step} bytes a chunk", case["name"]);
            assert!(holds(&summary, &case["summary"]), "{}, {step} bytes a chunk: {summary}", case["name"]);
        }
    }
}

#[test]
fn texts_give_the_findings_of_their_case() {
    for case in ["repeat.json", "texts.json"].into_iter().flat_map(cases) {
        for step in STEPS {
            let found = findings(case["text"].as_str().unwrap(), step);
            assert!(holds(&found, &case["findings"]), "{}, {step} characters a push: {found}", case["name"]);
        }
    }
}

fn cases(name: &str) -> Vec<Value> {
    let path = format!("{}/../../../tests/cases/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn run(body: &[u8], step: usize) -> (Value, Value) {
    let mut guard = Guard::new(Options::default()).unwrap();
    let mut texts = BTreeMap::new();
    for chunk in body.chunks(step) {
        collect(&mut texts, &guard.feed(chunk, Timestamp::from_nanos(0)).unwrap());
    }
    let (decision, summary) = guard.finish(Close::Clean, Timestamp::from_nanos(0)).unwrap();
    collect(&mut texts, &decision);
    (json!(texts), serde_json::to_value(summary).unwrap())
}

fn collect(texts: &mut BTreeMap<String, String>, decision: &Decision<'_>) {
    for event in decision.events {
        let (Some(channel), Some(text)) = (event.channel, event.kind.checked_text()) else { continue };
        let id = decision.channels.get(channel).unwrap().id.clone();
        texts.entry(id).or_default().push_str(decision.events.text(text));
    }
}

fn findings(text: &str, step: usize) -> Value {
    let mut checks = Checks::new(Settings::default(), None).unwrap();
    let characters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    for piece in characters.chunks(step) {
        let piece: String = piece.iter().collect();
        let decision = checks.push_text(ChannelKind::Text, &piece, Timestamp::from_nanos(0)).unwrap();
        found.extend_from_slice(decision.findings);
    }
    serde_json::to_value(found).unwrap()
}

/// Whether `seen` has everything that `wanted` names.
fn holds(seen: &Value, wanted: &Value) -> bool {
    match (seen, wanted) {
        (Value::Object(seen), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| seen.get(key).is_some_and(|seen| holds(seen, value)))
        }
        (Value::Array(seen), Value::Array(wanted)) => {
            seen.len() == wanted.len() && seen.iter().zip(wanted).all(|(seen, wanted)| holds(seen, wanted))
        }
        (Value::Number(seen), Value::Number(wanted)) => {
            let (seen, wanted) = (seen.as_f64().unwrap(), wanted.as_f64().unwrap());
            (seen - wanted).abs() <= TOLERANCE * wanted.abs()
        }
        _ => seen == wanted,
    }
}
