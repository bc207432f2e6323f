//! A secret in the text of a stream, however its events and their bytes are cut.

use std::sync::{Arc, LazyLock};

use midstream_series::Timestamp;
use midstream_stream::redact::{Redactor, RuleSet};
use midstream_stream::{Close, EventKind, Forward, Framing, Guard, Options, Settings};

const SECRET: &str = "T-48151623";
const RULE: &str = r#"{"redact": {"rules": ["email", "card", {"name": "t", "pattern": "T-[0-9]{8}"}]}}"#;
/// Built once: they take longer than an input.
static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
    let rules = settings().redact.rule_set().expect("these rules compile");
    rules.expect("rules are given")
});
const NOW: Timestamp = Timestamp::from_nanos(0);

/// The first two bytes of an input say how many characters an event holds and how many bytes a chunk; the secret stands
/// where the third says.
pub fn check(input: &[u8]) {
    let Some(([characters, bytes, place], rest)) = input.split_first_chunk::<3>() else { return };
    let clean = String::from_utf8_lossy(rest).replace(SECRET, "");
    let place = clean.floor_char_boundary(usize::from(*place) * clean.len() / 256);
    let (before, behind) = clean.split_at(place);
    // Digits beside it would be a longer word that no rule names.
    let text = format!("{before} {SECRET} {behind}");
    let body = body(&text, usize::from(*characters) + 1);
    let passed = redacted(&body, usize::from(*bytes) + 1);
    assert!(!passed.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "the secret passed");
    assert_eq!(text_of(&passed), once(&text), "not what redacting the whole text gives");
}

/// Events of so many characters each, as a provider writes them.
fn body(text: &str, characters: usize) -> Vec<u8> {
    let all: Vec<char> = text.chars().collect();
    let mut body = String::new();
    for piece in all.chunks(characters) {
        let piece: String = piece.iter().collect();
        body.push_str(&format!(
            "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{}}}}}]}}\n\n",
            json(&piece)
        ));
    }
    body.push_str("data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    body.push_str("data: [DONE]\n\n");
    body.into_bytes()
}

/// A JSON string; every other character beyond ASCII is escaped.
fn json(text: &str) -> String {
    let mut written = String::from("\"");
    for (at, character) in text.chars().enumerate() {
        match character {
            '"' | '\\' => written.extend(['\\', character]),
            character if character < ' ' || (character > '~' && at % 2 == 0) => {
                let units = &mut [0; 2];
                character.encode_utf16(units).iter().for_each(|unit| written.push_str(&format!("\\u{unit:04x}")));
            }
            character => written.push(character),
        }
    }
    written + "\""
}

/// What passes of a body in chunks of so many bytes.
fn redacted(body: &[u8], bytes: usize) -> Vec<u8> {
    let (settings, rules) = (quiet(settings()), Some(Arc::clone(&RULES)));
    let options = Options { settings, rules, framing: Framing::Sse, ..Options::default() };
    let mut guard = Guard::new(options).expect("these rules compile");
    let mut passed = Vec::new();
    for chunk in body.chunks(bytes) {
        match guard.feed(chunk, NOW).expect("it is not finished").forward {
            Forward::Bytes(bytes) => passed.extend_from_slice(bytes),
            Forward::Nothing => {}
            Forward::Same => passed.extend_from_slice(chunk),
        }
    }
    let (decision, _) = guard.finish(Close::Clean, NOW).expect("it is not finished");
    if let Forward::Bytes(bytes) = decision.forward {
        passed.extend_from_slice(bytes);
    }
    passed
}

fn settings() -> Settings {
    Settings::from_json(RULE).expect("these rules are allowed")
}

/// A loop would stop the stream.
fn quiet(settings: Settings) -> Settings {
    let off = Settings::from_json(r#"{"repeat": {"exact": "off", "counter": "off", "near": "off"}}"#);
    Settings { repeat: off.expect("these settings are allowed").repeat, ..settings }
}

/// The text that a reader of a body sees.
fn text_of(body: &[u8]) -> String {
    let settings = quiet(Settings::default());
    let mut guard = Guard::new(Options { settings, framing: Framing::Sse, ..Options::default() }).expect("allowed");
    let mut text = String::new();
    let events = guard.feed(body, NOW).expect("it is not finished").events;
    for event in events {
        if let EventKind::Text { text: piece } = event.kind {
            text.push_str(events.text(piece));
        }
    }
    text
}

/// What the rules make of the whole text at once.
fn once(text: &str) -> String {
    let mut redactor = Redactor::new(Arc::clone(&RULES));
    let (mut released, mut redactions) = (String::new(), Vec::new());
    redactor.push(text, &mut released, &mut redactions);
    redactor.finish(&mut released, &mut redactions);
    released
}
