//! Text that a dialect does not know: where text is held it ends the stream, else the format counts as unknown.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "this test reads recordings from files")]
#![expect(clippy::unwrap_used, reason = "a recording that cannot be read fails the test")]

mod recorded;

use midstream_series::Timestamp;
use midstream_stream::{Anomaly, Close, Dialect, Forward, Guard, Options, Settings, Summary};
use serde_json::Value;

const NOW: Timestamp = Timestamp::from_nanos(0);

/// Reads a body, and lets all pass that is held; gives what passed too.
fn read(body: &[u8], dialect: Dialect, content_type: Option<&str>, settings: &str) -> (Vec<u8>, Summary) {
    let settings = Settings::from_json(settings).unwrap();
    let content_type = content_type.map(str::to_owned);
    let mut guard = Guard::new(Options { dialect, content_type, settings, ..Options::default() }).unwrap();
    let mut passed = Vec::new();
    let decision = guard.feed(body, NOW).unwrap();
    passed.extend_from_slice(bytes(decision.forward, body));
    if guard.holds() {
        passed.extend_from_slice(bytes(guard.ask_rest(NOW).unwrap().forward, &[]));
        let waiting: Vec<u64> = guard.waiting().map(|held| held.id).collect();
        for id in waiting {
            passed.extend_from_slice(bytes(guard.release(id, NOW).unwrap().forward, &[]));
        }
    }
    let (decision, summary) = guard.finish(Close::Clean, NOW).unwrap();
    passed.extend_from_slice(bytes(decision.forward, &[]));
    (passed, summary)
}

fn bytes<'a>(forward: Forward<'a>, chunk: &'a [u8]) -> &'a [u8] {
    match forward {
        Forward::Bytes(bytes) => bytes,
        Forward::Nothing => &[],
        Forward::Same => chunk,
    }
}

fn is_unreadable(summary: &Summary) -> bool {
    summary.findings.iter().any(|finding| finding.kind == "unreadable")
}

#[test]
fn text_in_members_that_a_dialect_does_not_know_passes_nobody_who_holds() {
    let native = "data: {\"index\":0,\"content\":\"Canary. \",\"stop\":false}\n\n";
    let cases = [
        (Dialect::OpenaiChat, native),
        (Dialect::OpenaiChat, "{\"content\":\"Canary.\"}"),
        (Dialect::OpenaiChat, "{\"output\":\"Canary.\"}"),
        (Dialect::OpenaiChat, "data: \"Canary.\"\n\n"),
        (Dialect::OpenaiResponses, "data: {\"type\":\"novel\",\"delta\":\"Canary.\"}\n\n"),
        (Dialect::AnthropicMessages, "{\"completion\":\"Canary.\"}"),
        (Dialect::OpenaiResponses, "{\"output_text\":\"Canary.\"}"),
        (Dialect::Gemini, "data: {\"text\":\"Canary.\"}\n\n"),
        (Dialect::Ollama, "{\"content\":\"Canary.\"}\n"),
    ];
    for (dialect, body) in cases {
        let (passed, summary) = read(body.as_bytes(), dialect, None, r#"{"hold": {}}"#);
        assert!(passed.is_empty() && is_unreadable(&summary), "{body}: {:?}", summary.findings);
        let (passed, summary) = read(body.as_bytes(), dialect, None, "{}");
        assert_eq!((passed.as_slice(), summary.usage.output), (body.as_bytes(), None));
        let notes = &summary.ending.notes;
        assert!(notes.contains(&"unknown_format") || notes.contains(&"wrong_dialect"), "{body}: {notes:?}");
    }
}

#[test]
fn text_that_a_dialect_does_not_know_is_redacted_or_ends_the_stream() {
    let secret = "bob@example.org";
    for (dialect, body) in [
        (Dialect::OpenaiChat, format!("data: {{\"output\":\"To {secret} now\"}}\n\n")),
        (Dialect::OpenaiChat, format!("data: {{\"index\":0,\"content\":\"To {secret}\",\"stop\":false}}\n\n")),
        (Dialect::OpenaiChat, format!("\"To {secret}\"")),
        (Dialect::OpenaiChat, format!("[\"To {secret}\"]")),
        (Dialect::AnthropicMessages, format!("{{\"completion\":\"To {secret}\"}}")),
        (
            Dialect::OpenaiChat,
            "data: {\"output\":\"To bob@exa\"}\n\ndata: {\"output\":\"mple.org now\"}\n\n".to_owned(),
        ),
        (
            Dialect::AnthropicMessages,
            "data: {\"type\":\"novel\",\"delta\":\"To bob@exa\"}\n\ndata: {\"type\":\"novel\",\"delta\":\"mple.org now\"}\n\n"
                .to_owned(),
        ),
        (Dialect::OpenaiChat, "data: \"To bob@exa\"\n\ndata: \"mple.org now\"\n\n".to_owned()),
    ] {
        let (passed, _) = read(body.as_bytes(), dialect, None, r#"{"redact": {"rules": ["built_in"]}}"#);
        let passed = String::from_utf8(passed).unwrap();
        assert!(!passed.contains(secret) && !passed.contains("bob@exa"), "{body}: {passed}");
    }
}

#[test]
fn recordings_are_read_by_their_dialect_to_the_end() {
    let Some(streams) = recorded::folder("streams") else { return };
    let index = std::fs::read_to_string(streams.join("index.jsonl")).unwrap();
    let (mut known, mut wrong) = (0, Vec::new());
    for entry in index.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if entry["framing"].as_str().unwrap_or_default().starts_with("websocket") {
            continue;
        }
        let body = std::fs::read(streams.join(entry["file"].as_str().unwrap())).unwrap();
        let content_type = entry["content_type"].as_str();
        let settings = |hold: &str| format!(r#"{{"repeat": {{"exact": "off", "counter": "off"}}{hold}}}"#);
        let (_, plain) = read(&body, Dialect::Auto, content_type, &settings(""));
        let dialect = Dialect::from_name(plain.dialect).unwrap();
        let is_odd = [Anomaly::BadJson, Anomaly::Limit, Anomaly::CrcMismatch].iter();
        let is_odd = is_odd.map(|anomaly| plain.anomalies.count(*anomaly)).sum::<u64>() > 0;
        if is_odd || dialect == Dialect::Opaque || plain.ending.notes.contains(&"error_page") {
            continue;
        }
        known += 1;
        let (_, given) = read(&body, dialect, content_type, &settings(""));
        let (_, held) = read(&body, dialect, content_type, &settings(r#", "hold": {}"#));
        let is_unknown = given.ending.notes.contains(&"unknown_format");
        if is_unreadable(&held) || is_unknown || (given.ending.state, given.usage) != (plain.ending.state, plain.usage)
        {
            wrong.push((entry["file"].clone(), given.ending, held.findings));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(known > 100, "{known}");
}
