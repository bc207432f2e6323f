//! Bodies that are not what was expected say so: nested too deep, compressed, a page, another provider's format.
#![expect(clippy::unwrap_used, reason = "a guard that cannot be made fails the test")]

use midstream_series::Timestamp;
use midstream_stream::{Close, Dialect, EndingState, Forward, Framing, Guard, Options, Settings, Summary};

/// Bytes a chunk; the last is one chunk for all.
const STEPS: [usize; 3] = [1, 4093, usize::MAX];
const LEVELS: usize = 1_000_000;

const CHAT: &str = concat!(
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);
const ANTHROPIC: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[]}}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

/// What a guard makes of the body, checked to be the same in chunks of every size and to lose no byte.
fn read(options: &Options, body: &[u8]) -> Summary {
    let sizes = STEPS.iter().filter(|step| **step > 1 || body.len() < 1 << 16);
    let mut summaries = sizes.map(|step| read_in(options, body, *step));
    let summary = summaries.next().unwrap();
    for other in summaries {
        assert_eq!((other.ending, other.anomalies), (summary.ending.clone(), summary.anomalies));
    }
    summary
}

fn read_in(options: &Options, body: &[u8], step: usize) -> Summary {
    let settings = Settings { shadow: true, ..Settings::default() };
    let mut guard = Guard::new(Options { settings, ..options.clone() }).unwrap();
    let now = Timestamp::from_nanos(0);
    for chunk in body.chunks(step) {
        assert_eq!(guard.feed(chunk, now).unwrap().forward, Forward::Same);
    }
    let (_, mut summary) = guard.finish(Close::Clean, now).unwrap();
    assert_eq!(summary.bytes, body.len() as u64);
    summary.pace = Default::default();
    summary.gaps = Default::default();
    summary
}

fn of(body: impl AsRef<[u8]>) -> Summary {
    read(&Options::default(), body.as_ref())
}

fn given(dialect: Dialect, body: &str) -> Summary {
    read(&Options { dialect, ..Options::default() }, body.as_bytes())
}

fn count(summary: &Summary, anomaly: &str) -> u64 {
    summary.anomalies.iter().find(|(found, _)| found.name() == anomaly).map_or(0, |(_, count)| count)
}

fn deep() -> String {
    "[".repeat(LEVELS) + &"]".repeat(LEVELS)
}

#[test]
fn json_nested_a_million_deep_is_counted_in_every_framing() {
    let deep = deep();
    let bodies = [
        ("ndjson", format!("{{\"done\":false}}\n{{\"a\":{deep}}}\n")),
        ("ndjson", format!("{{\"done\":false}}\n{deep}\n")),
        ("sse", format!("data: {{\"a\":{deep}}}\n\n")),
        ("json-array", format!("[{{\"a\":{deep}}}]")),
        ("json-array", format!("{{\"a\":{deep}}}\n")),
        ("json-array", deep.clone()),
        ("websocket-lines", format!("{{\"direction\":\"received\",\"data\":{{\"a\":{deep}}}}}\n")),
    ];
    for (framing, body) in bodies {
        let summary = read_in(&Options::default(), body.as_bytes(), 1 << 16);
        assert_eq!((summary.framing, count(&summary, "too_deep")), (framing, 1), "{:?}", summary.ending);
    }
}

#[test]
fn what_else_a_deep_event_holds_is_read() {
    let deep = format!("\"object\":\"chat.completion.chunk\",\"logprobs\":{}", deep());
    let summary = of(CHAT.replace("\"object\":\"chat.completion.chunk\"", &deep));
    assert_eq!((summary.ending.state, summary.channels[0].characters), (EndingState::Complete, 2));
    assert_eq!(count(&summary, "too_deep"), 1);
}

#[test]
fn brackets_in_a_string_and_in_plain_text_are_not_nested() {
    let text = CHAT.replace("Hi", &"[{".repeat(500));
    assert_eq!(count(&of(text), "too_deep"), 0);
    let output = format!("event: output\ndata: {}\n\n", "[".repeat(500));
    assert_eq!(count(&of(output), "too_deep"), 0);
}

#[test]
fn a_format_that_is_not_known_is_noted() {
    let random: Vec<u8> = (0u32..5000).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 0x80).collect();
    let image = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    for body in [&random[..], image, b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", b"data: {\"a\":1}\n\n"] {
        let ending = of(body).ending;
        assert_eq!((ending.state, ending.notes), (EndingState::Complete, vec!["no_end_mark", "unknown_format"]));
    }
    assert_eq!(given(Dialect::Opaque, "{\"a\":1}\n").ending.notes, ["no_end_mark"]);
    assert_eq!(of("Once upon a time").ending.notes, ["no_end_mark"]);
}

#[test]
fn a_compressed_body_is_noted_whatever_was_said_of_it() {
    let bodies =
        [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], b"\x28\xb5\x2f\xfd\x04\0", b"\x78\x9c\x4b\x04\0", b"\xfd7zXZ\0\0"];
    for body in bodies {
        let content_type = Some("text/event-stream".to_owned());
        for options in [
            Options::default(),
            Options { content_type: content_type.clone(), ..Options::default() },
            Options { dialect: Dialect::OpenaiChat, content_type, ..Options::default() },
            Options { framing: Framing::Sse, ..Options::default() },
        ] {
            let ending = read(&options, body).ending;
            assert!(ending.notes.contains(&"compressed"), "{body:?} {options:?}: {ending:?}");
        }
    }
    assert_eq!(of("x marks the spot").ending.notes, ["no_end_mark"]);
}

#[test]
fn a_page_where_a_stream_was_expected_has_failed() {
    let http = Options { http_status: Some(200), content_type: Some("text/html".into()), ..Options::default() };
    let pages =
        ["<html>\n<head>", "\r\n <!DOCTYPE html>\n<html>", "<!doctype HTML PUBLIC>", "<?xml version=\"1.0\"?><Error/>"];
    for page in pages {
        for options in [&http, &Options::default(), &Options { framing: Framing::Sse, ..Options::default() }] {
            let summary = read(options, page.as_bytes());
            let ending = &summary.ending;
            assert_eq!((ending.state, ending.notes.contains(&"error_page")), (EndingState::Failed, true), "{page}");
            assert!(summary.channels.is_empty(), "a page is no answer: {:?}", summary.channels);
            assert_eq!(summary.findings.last().unwrap().explanation, "the body is a web page and not a stream");
        }
    }
    for text in ["<htm", "<p>Hi", "< html", "<think>"] {
        assert_eq!(of(text).ending.state, EndingState::Complete, "{text}");
    }
    let plain = Options { content_type: Some("text/plain; charset=utf-8".into()), ..Options::default() };
    assert_eq!(read(&plain, b"<html>").ending.state, EndingState::Complete);
    assert_eq!(given(Dialect::Text, "<html>").ending.state, EndingState::Complete);
}

#[test]
fn an_error_body_has_failed_in_any_providers_words() {
    let bodies = [
        r#"{"error":{"message":"m"}}"#,
        r#"{"error":"m"}"#,
        r#"{"error":true,"message":"m"}"#,
        r#"{"detail":"Not Found"}"#,
        r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#,
        r#"{"success":false,"errors":[{"code":1000,"message":"m"}]}"#,
        r#"{"type":"about:blank","title":"Bad Gateway","status":502}"#,
        r#"{"message":"m","code":429}"#,
        r#"{"message":"m","statusCode":503}"#,
        r#"{"__type":"ThrottlingException","message":"m"}"#,
        "{\n  \"message\": \"m\",\n  \"http_status_code\": 503\n}",
    ];
    for body in bodies {
        for dialect in
            [Dialect::Auto, Dialect::OpenaiChat, Dialect::AnthropicMessages, Dialect::Ollama, Dialect::Gemini]
        {
            let ending = given(dialect, body).ending;
            assert_eq!(ending.state, EndingState::Failed, "{} {body}", dialect.name());
        }
    }
    for body in
        [r#"{"message":"m"}"#, r#"{"code":200,"message":"ok"}"#, r#"{"errors":[],"text":"a"}"#, r#"{"error":null}"#]
    {
        assert_ne!(of(body).ending.state, EndingState::Failed, "{body}");
    }
}

#[test]
fn an_http_status_of_failure_is_the_cause() {
    let summary = read(&Options { http_status: Some(503), ..Options::default() }, b"upstream connect error");
    assert_eq!((summary.ending.state, summary.ending.notes), (EndingState::Failed, vec!["no_end_mark", "http_status"]));
    assert_eq!(summary.findings.last().unwrap().explanation, "the HTTP status says that the request failed");
}

#[test]
fn another_providers_format_than_the_one_given_is_named() {
    let responses = "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n\
                     data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\"}}\n\n";
    let ollama = "{\"model\":\"m\",\"response\":\"Hi\",\"done\":false}\n{\"model\":\"m\",\"done\":true}\n";
    for (name, body) in
        [("openai-chat", CHAT), ("anthropic-messages", ANTHROPIC), ("openai-responses", responses), ("ollama", ollama)]
    {
        for dialect in Dialect::ALL {
            if matches!(dialect, Dialect::Auto | Dialect::Opaque | Dialect::Text) || dialect.name() == name {
                continue;
            }
            let summary = given(dialect, body);
            let said = format!("{} is given, {name} is there", dialect.name());
            assert_eq!(summary.dialect, dialect.name());
            assert_eq!((count(&summary, "wrong_dialect"), summary.looks_like), (1, Some(name)), "{said}");
            assert!(summary.ending.notes.contains(&"wrong_dialect"), "{said}: {:?}", summary.ending);
            if dialect != Dialect::OpenaiCompletions {
                assert_eq!(summary.ending.state, EndingState::Truncated, "{said}");
                let explanation = format!("read as {}, but the bytes look like {name}", dialect.name());
                assert_eq!(summary.findings.last().unwrap().explanation, explanation);
            }
        }
        let right = given(Dialect::from_name(name).unwrap(), body);
        assert_eq!((right.ending.state, right.looks_like), (EndingState::Complete, None), "{name}");
    }
}

#[test]
fn an_error_in_the_shape_of_another_family_is_no_wrong_dialect() {
    let fault = "event: error\ndata: {\"error\":{\"message\":\"m\",\"code\":500}}\n\n";
    for dialect in [Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::Cohere, Dialect::Gemini] {
        let summary = given(dialect, fault);
        assert_eq!((summary.ending.state, summary.looks_like), (EndingState::Failed, None), "{}", dialect.name());
    }
}
