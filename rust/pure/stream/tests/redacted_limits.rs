//! What cannot be redacted never passes: the stream is stopped before it.
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

mod redacted;

use std::sync::{Arc, LazyLock};

use midstream_series::{Span, Timestamp};
use midstream_stream::redact::{Rule, RuleSet};
use midstream_stream::{Action, ChannelKind, Close, EndingState, Forward, Framing, Guard, Options, Settings};
use redacted::Run;

static RULES: LazyLock<Arc<RuleSet>> =
    LazyLock::new(|| Arc::new(RuleSet::new(&[Rule::new("ticket", "TICKET-[0-9]{4}")]).unwrap()));

const START: Timestamp = Timestamp::from_nanos(0);

fn options() -> Options {
    Options { rules: Some(Arc::clone(&RULES)), ..Options::default() }
}

fn chat(content: &str) -> String {
    let content = serde_json::to_string(content).unwrap();
    format!(r#"data: {{"object":"chat.completion.chunk","choices":[{{"index":0,"delta":{{"content":{content}}}}}]}}"#)
        + "\n\n"
}

/// At every cut `expected` passes, then the stream is stopped for `kind`.
fn assert_stops(body: &[u8], expected: &str, kind: &str) {
    for size in [1, 7, 4096, body.len()] {
        let run = Run::with(body, size, options());
        assert_eq!(String::from_utf8_lossy(&run.passed), expected, "{size} bytes a chunk");
        let told = format!("redact/{kind} - None");
        assert!(run.findings.contains(&told), "{size} bytes a chunk: {:?}", run.findings);
        assert_eq!(run.summary.ending.state, EndingState::Halted);
    }
}

#[test]
fn a_frame_that_is_no_json_stops_the_stream_before_it() {
    let body = chat("Hi. ") + "data: {\"object\":\"chat.completion.chunk\",\"choices\":[\n\n" + &chat("Bye. ");
    assert_stops(body.as_bytes(), &chat("Hi. "), "unreadable");
}

#[test]
fn a_format_that_is_not_known_stops_the_stream() {
    assert_stops(b"data: {\"words\":[\"TICKET\"]}\n\n", "", "unreadable");
    assert_stops(b"\x00\xff\xfe\x01TICKET-0042", "", "unreadable");
}

#[test]
fn a_frame_beyond_the_limit_stops_the_stream() {
    let body = chat("Hi. ") + "data: " + &"x".repeat(9 << 20);
    let run = Run::with(body.as_bytes(), 1 << 16, options());
    assert_eq!((run.passed(), run.findings[0].as_str()), (chat("Hi. ").as_str(), "redact/unreadable - None"));
}

#[test]
fn a_dialect_that_was_given_wrongly_stops_the_stream() {
    let given = Options { dialect: midstream_stream::Dialect::AnthropicMessages, ..options() };
    let run = Run::with((chat("Hi. ") + &chat("TICKET-0042")).as_bytes(), 7, given);
    assert_eq!((run.passed(), run.summary.ending.state), ("", EndingState::Halted));
}

#[test]
fn a_secret_in_signed_thinking_stops_the_stream() {
    let thinking = |text: &str| {
        format!(
            "data: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"thinking_delta\",\"thinking\":\"{text}\"}}}}\n\n"
        )
    };
    let body = thinking("So TICK") + &thinking("ET-0042.");
    assert_stops(body.as_bytes(), &thinking("So "), "signed");
}

#[test]
fn text_that_waits_too_long_stops_the_stream_and_never_passes() {
    let mut options = options();
    options.settings.redact.max_hold_s = Some(2.0);
    let mut guard = Guard::new(options).unwrap();
    let decision = guard.feed(b"Is it TICK", START).unwrap();
    assert_eq!(decision.forward, Forward::Bytes(b"Is it "));
    assert_eq!(decision.tick_at, Some(START + Span::from_secs(2)));
    assert_eq!(guard.tick(START + Span::from_secs(1)).unwrap().action, Action::Pass);
    let decision = guard.tick(START + Span::from_secs(2)).unwrap();
    assert_eq!((decision.action, decision.findings[0].kind.as_ref()), (Action::Stop, "max_hold"));
    assert_eq!(guard.feed(b"ET", START + Span::from_secs(3)).unwrap().forward, Forward::Nothing);
    let (decision, summary) = guard.finish(Close::Stopped, START + Span::from_secs(3)).unwrap();
    assert_eq!((decision.forward, summary.redact.unwrap().held_bytes), (Forward::Nothing, 4));
}

#[test]
fn a_rule_that_stops_passes_the_text_up_to_its_replacement() {
    let mut options = options();
    options.settings.redact.action = Some(Action::Stop);
    let text = "It is TICKET-0042 and TICKET-0043.";
    for size in [1, 5, 100] {
        let run = Run::with(text.as_bytes(), size, Options { ..options.clone() });
        assert_eq!((run.passed(), run.summary.ending.state), ("It is [TICKET]", EndingState::Halted), "{size}");
    }
    let body = chat("It is TICK") + &chat("ET-0042 now");
    let run = Run::with(body.as_bytes(), 9, options);
    assert_eq!(run.passed(), chat("It is ") + &chat("[TICKET] now"));
}

#[test]
fn a_rule_of_its_own_action_stops_where_the_others_replace() {
    let rules = r#"["built_in", {"name": "card", "action": "stop"}, {"name": "ticket", "pattern": "TICKET-[0-9]{4}", "replacement": "***"}]"#;
    let settings = format!(r#"{{"redact": {{"rules": {rules}}}}}"#);
    let options = Options { settings: Settings::from_json(&settings).unwrap(), ..Options::default() };
    let text = "Is bob@example.org, TICKET-0042, 4111 1111 1111 1111, bob@example.org.";
    for size in [1, 5, 100] {
        let run = Run::with(text.as_bytes(), size, options.clone());
        assert_eq!(
            (run.passed(), run.summary.ending.state),
            ("Is [EMAIL], ***, [CARD]", EndingState::Halted),
            "{size}"
        );
        assert_eq!(run.findings.len(), 3, "{:?}", run.findings);
    }
}

#[test]
fn an_action_of_a_rule_that_nothing_could_follow_is_refused() {
    let refused = |table: &str| Settings::from_json(&format!(r#"{{"redact": {{{table}}}}}"#)).unwrap_err().to_string();
    for table in [
        r#""rules": ["email", {"name": "card", "action": "warn"}]"#,
        r#""action": "observe", "rules": ["email", {"name": "card", "action": "stop"}]"#,
        r#""rules": ["email", {"name": "card", "action": "off"}]"#,
    ] {
        assert!(refused(table).starts_with("redact.rules[1].action is "), "{}", refused(table));
    }
    let settings = Settings::from_json(r#"{"redact": {"rules": [{"name": "cart", "action": "stop"}]}}"#).unwrap();
    let error = settings.redact.rule_set().unwrap_err().to_string();
    assert!(error.contains("did you mean \"card\""), "{error}");
}

#[test]
fn rules_that_observe_report_by_what_was_written_and_change_nothing() {
    let body = chat("A TICKET-0042 and TICK") + &chat("ET-0043.");
    for shadow in [true, false] {
        let mut options = options();
        options.settings.shadow = shadow;
        options.settings.redact.action = Some(if shadow { Action::Redact } else { Action::Warn });
        let run = Run::with(body.as_bytes(), 10, options);
        assert_eq!(run.passed(), body);
        assert_eq!(run.findings[..2], ["redact/ticket choice:0/text Some(2)", "redact/ticket choice:0/text Some(18)"]);
        assert!(!run.said.contains("0042"));
    }
}

#[test]
fn where_bytes_are_not_passed_redaction_is_refused() {
    for framing in [Framing::WebSocket, Framing::WebSocketLines] {
        let error = Guard::new(Options { framing, ..options() }).err().unwrap().to_string();
        assert!(error.starts_with("redact.action is redact for a socket's messages"), "{error}");
    }
    let error = Guard::new(options()).unwrap().push_json("{}", START).err().unwrap().to_string();
    assert!(error.starts_with("redact.action is redact for events"), "{error}");
}

#[test]
fn text_that_is_pushed_comes_back_redacted() {
    let mut guard = Guard::new(options()).unwrap();
    let mut push = |text: &str| match guard.push_text(ChannelKind::Text, text, START).unwrap().forward {
        Forward::Same => text.to_owned(),
        Forward::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Forward::Nothing => String::new(),
    };
    assert_eq!(["One ", "TICKET-", "0042 T", "wo TICK"].map(&mut push), ["One ", "", "[TICKET] ", "Two "]);
    let (decision, summary) = guard.finish(Close::Clean, START).unwrap();
    assert_eq!((decision.forward, summary.channels[0].characters), (Forward::Bytes(b"TICK"), 21));
}

#[test]
fn an_event_that_the_end_cuts_off_does_not_pass() {
    let body = chat("Hi. ") + "data: {\"choices\":[{\"delta\":{\"content\":\"TICKET-0042";
    let run = Run::with(body.as_bytes(), 13, options());
    assert_eq!((run.passed(), run.summary.ending.state), (chat("Hi. ").as_str(), EndingState::Truncated));
}

#[test]
fn what_waits_where_the_connection_breaks_does_not_pass() {
    for (close, rest) in [(Close::Clean, Forward::Bytes(b"TICKET-")), (Close::Abrupt, Forward::Nothing)] {
        let mut guard = Guard::new(options()).unwrap();
        guard.feed(b"It is TICKET-", START).unwrap();
        assert_eq!(guard.finish(close, START).unwrap().0.forward, rest);
    }
}

#[test]
fn comments_and_errors_pass_with_their_secrets_replaced() {
    let error = r#"data: {"error":{"message":"no TICKET-0042","code":"x"}}"#;
    let body = ": see TICKET-0042\n\n".to_owned() + &chat("Hi. ") + error + "\n\n";
    let run = Run::with(body.as_bytes(), 11, options());
    assert_eq!(run.passed(), body.replace("TICKET-0042", "[TICKET]"));
    assert!(!run.said.contains("0042") && run.said.contains("no [TICKET]"));
    let words = "event: error\ndata: no TICKET-0042 here\n\n";
    let run = Run::with((chat("Hi. ") + words).as_bytes(), 11, options());
    assert_eq!(run.passed(), (chat("Hi. ") + words).replace("TICKET-0042", "[TICKET]"));
}

#[test]
fn secrets_in_the_other_lines_of_an_event_are_replaced_and_all_else_stays() {
    let event = |id: &str, comment: &str, text: &str| {
        let data =
            format!(r#"{{"object":"chat.completion.chunk","choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
        format!(":{comment}\r\nid: {id}\r\ndata:{data}\r\nretry: 5\r\n\r\n")
    };
    let body = event("TICKET-0042", " a", "Hi TICK")
        + &event("2", "see TICKET-0042 ", "ET-0042. ")
        + &event("TICKET-0042", "", "Bye. ");
    let expected =
        event("[TICKET]", " a", "Hi ") + &event("2", "see [TICKET] ", "[TICKET]. ") + &event("[TICKET]", "", "Bye. ");
    for size in [1, 7, body.len()] {
        let run = Run::with(body.as_bytes(), size, options());
        assert_eq!(run.passed(), expected, "{size} bytes a chunk");
    }
}

#[test]
fn lines_of_data_stay_as_they_were_written_around_what_changes() {
    let event = |id: &str, text: &str| {
        format!(
            "id: {id}\ndata:{{\"object\":\"chat.completion.chunk\",\n: TICK\ndata:\"choices\":[{{\"index\":0,\ndata: \"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
        )
    };
    let body = event("1", "Hi TICK") + &event("TICKET-0042", "ET-0042. ") + &event("3", "TICKET-0042 ");
    let expected = event("1", "Hi ") + &event("[TICKET]", "[TICKET]. ") + &event("3", "[TICKET] ");
    for size in [1, 7, body.len()] {
        let run = Run::with(body.as_bytes(), size, options());
        assert_eq!(run.passed(), expected, "{size} bytes a chunk");
    }
}
