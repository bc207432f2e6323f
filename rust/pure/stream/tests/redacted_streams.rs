//! Redaction in the providers' own envelopes: what passes is the stream with its secrets replaced, at every cut.
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

mod redacted;

use std::sync::{Arc, LazyLock};

use midstream_series::Timestamp;
use midstream_stream::redact::{Rule, RuleSet};
use midstream_stream::{Action, ChannelKind, Close, EndingState, Forward, Guard, Options, Settings};
use redacted::Run;

static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
    let rules = ["email", "card"].map(|name| Rule::built_in(name).unwrap());
    Arc::new(RuleSet::new(&[&rules[..], &[Rule::new("ticket", "TICKET-[0-9]{4}")]].concat()).unwrap())
});

/// Whole and in pieces of every size the guard passes `expected`.
fn assert_passes(body: &str, expected: &str) -> Run {
    let whole = Run::of(body.as_bytes(), body.len(), Some(&RULES));
    assert_eq!(whole.passed(), expected);
    for size in [1, 2, 3, 7, 61] {
        let run = Run::of(body.as_bytes(), size, Some(&RULES));
        assert_eq!(run.passed(), expected, "{size} bytes a chunk");
        assert_eq!((&run.texts, &run.findings), (&whole.texts, &whole.findings), "{size} bytes a chunk");
    }
    whole
}

fn chat(contents: &[&str]) -> String {
    let chunk = |content: &&str| {
        let content = serde_json::to_string(content).unwrap();
        format!(
            r#"data: {{"id":"c","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{{"content":{content}}},"finish_reason":null}}]}}"#
        ) + "\n\n"
    };
    let end = r#"data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    contents.iter().map(chunk).collect::<String>() + end + "\n\ndata: [DONE]\n\n"
}

#[test]
fn text_passes_with_its_secrets_replaced_at_every_cut() {
    let run = assert_passes("Ask bob@example.org, not TICKET-004.", "Ask [EMAIL], not TICKET-004.");
    assert_eq!(run.findings, ["redact/email text Some(4)"]);
    assert_eq!(run.texts["text"], "Ask [EMAIL], not TICKET-004.");
}

#[test]
fn a_secret_that_is_split_over_chunks_of_chat_is_replaced_where_it_ends() {
    let run = assert_passes(
        &chat(&["Ask bob@exam", "ple.org", " now. ", "Bye"]),
        &chat(&["Ask ", "", "[EMAIL] now. ", "", "Bye"]),
    );
    assert_eq!(run.texts["choice:0/text"], "Ask [EMAIL] now. Bye");
    assert_eq!(run.findings, ["redact/email choice:0/text Some(4)"]);
    assert_eq!(run.summary.ending.state, EndingState::Complete);
    assert!(!run.said.contains("bob@"));
}

#[test]
fn frames_without_text_that_waits_pass_as_they_came() {
    let body = chat(&["One, ", "two, \\u00e9. ", "\u{1f600} "]);
    let mut guard = Guard::new(Options { rules: Some(Arc::clone(&RULES)), ..Options::default() }).unwrap();
    for frame in body.split_inclusive("\n\n") {
        let decision = guard.feed(frame.as_bytes(), Timestamp::from_nanos(0)).unwrap();
        assert_eq!((decision.forward, decision.action), (Forward::Same, Action::Pass));
    }
}

#[test]
fn what_is_found_in_plain_text_stands_in_the_order_of_its_characters() {
    let settings = r#"{"repeat": {"exact_run": 20}, "redact": {"action": "warn"}}"#;
    let text = format!("Ask bob@example.org. {} Ask TICKET-0042.", "a".repeat(40));
    let found = |size: usize| {
        let options = Options {
            settings: Settings::from_json(settings).unwrap(),
            rules: Some(Arc::clone(&RULES)),
            ..Options::default()
        };
        let mut guard = Guard::new(options).unwrap();
        for piece in text.as_bytes().chunks(size) {
            let piece = str::from_utf8(piece).unwrap();
            guard.push_text(ChannelKind::Text, piece, Timestamp::from_nanos(0)).unwrap();
        }
        let (_, summary) = guard.finish(Close::Stopped, Timestamp::from_nanos(1)).unwrap();
        summary.findings.iter().map(|finding| (finding.check, finding.offset)).collect::<Vec<_>>()
    };
    assert_eq!(found(text.len()), [("redact", Some(19)), ("repeat", Some(42))]);
    assert_eq!(found(1), found(text.len()));
}
