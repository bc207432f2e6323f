//! Usage of a stream: within a response the last report counts, over several responses the sum.
#![expect(clippy::unwrap_used, reason = "a guard that cannot be made fails the test")]

use midstream_series::Timestamp;
use midstream_stream::{Close, Dialect, Guard, Options, Usage, UsageSource};

fn usage(dialect: &str, body: &str) -> Usage {
    let options = Options { dialect: Dialect::from_name(dialect).unwrap(), ..Options::default() };
    let mut guard = Guard::new(options).unwrap();
    let now = Timestamp::from_nanos(0);
    guard.feed(body.as_bytes(), now).unwrap();
    guard.finish(Close::Clean, now).unwrap().1.usage
}

fn counts(dialect: &str, body: &str) -> (Option<u64>, Option<u64>) {
    let usage = usage(dialect, body);
    assert_eq!(usage.source, UsageSource::Reported, "{dialect}");
    (usage.input, usage.output)
}

fn sse(payloads: &[String]) -> String {
    payloads.iter().map(|payload| format!("data: {payload}\n\n")).collect()
}

fn message(id: &str) -> [String; 4] {
    [
        format!(
            r#"{{"type":"message_start","message":{{"id":"{id}","content":[],"usage":{{"input_tokens":7,"output_tokens":1}}}}}}"#
        ),
        r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":5}}"#.into(),
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":12}}"#.into(),
        r#"{"type":"message_stop"}"#.into(),
    ]
}

fn completion(id: &str, output: u64) -> [String; 4] {
    [
        format!(
            r#"{{"id":"{id}","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{{"content":"Hi"}}}}]}}"#
        ),
        format!(r#"{{"id":"{id}","choices":[{{"index":0,"delta":{{}},"finish_reason":"stop"}}]}}"#),
        format!(r#"{{"id":"{id}","choices":[],"usage":{{"prompt_tokens":3,"completion_tokens":{output}}}}}"#),
        "[DONE]".into(),
    ]
}

fn response(id: &str) -> [String; 3] {
    let of = |kind: &str, usage: &str| format!(r#"{{"type":"response.{kind}","response":{{"id":"{id}"{usage}}}}}"#);
    let usage = r#","usage":{"input_tokens":3,"output_tokens":2}"#;
    [of("created", ""), of("in_progress", ""), of("completed", usage)]
}

#[test]
fn within_a_response_the_last_report_counts() {
    assert_eq!(counts("anthropic-messages", &sse(&message("m1"))), (Some(7), Some(12)));
    assert_eq!(counts("openai-chat", &sse(&completion("c1", 2))), (Some(3), Some(2)));
    let gemini = |output: u64| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"a"}}]}}}}],"usageMetadata":{{"promptTokenCount":3,"candidatesTokenCount":{output}}}}}"#
        )
    };
    assert_eq!(counts("gemini", &sse(&[gemini(1), gemini(2), gemini(4)])), (Some(3), Some(4)));
}

#[test]
fn the_reports_of_several_responses_add_up() {
    let two = [message("m1"), message("m2")].concat();
    assert_eq!(counts("anthropic-messages", &sse(&two)), (Some(14), Some(24)));
    let two = [completion("c1", 2), completion("c2", 5)].concat();
    assert_eq!(counts("openai-chat", &sse(&two)), (Some(6), Some(7)));
    let two = [response("r1"), response("r2")].concat();
    assert_eq!(counts("openai-responses", &sse(&two)), (Some(6), Some(4)));
    let line = r#"{"model":"m","message":{"content":"Hi"},"done":false}
{"model":"m","message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":4}
"#;
    assert_eq!(counts("ollama", &line.repeat(2)), (Some(6), Some(8)));
    let done = r#"{"type":"response.done","response":{"id":"r1","status":"completed","usage":{"input_tokens":1,"output_tokens":2}}}"#;
    let two = [done.to_owned(), done.replace("r1", "r2")].join("\n");
    assert_eq!(counts("openai-realtime", &two), (Some(2), Some(4)));
    let turn = r#"{"serverContent":{"modelTurn":{"parts":[{"text":"a"}]}}}
{"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":3,"responseTokenCount":4}}
"#;
    assert_eq!(counts("gemini-live", &turn.repeat(2)), (Some(6), Some(8)));
}

#[test]
fn a_start_that_a_proxy_doubles_is_one_response() {
    let doubled = [&message("m1")[..1], &message("m1")].concat();
    assert_eq!(counts("anthropic-messages", &sse(&doubled)), (Some(7), Some(12)));
    let doubled = [&response("r1")[..1], &response("r1")].concat();
    assert_eq!(counts("openai-responses", &sse(&doubled)), (Some(3), Some(2)));
}

#[test]
fn a_number_that_one_response_lacks_is_not_taken_for_zero() {
    let cached = r#"{"type":"message_start","message":{"id":"m2","content":[],"usage":{"input_tokens":7,"cache_read_input_tokens":9}}}"#;
    let two = [&message("m1")[..], &[cached.to_owned()]].concat();
    let usage = usage("anthropic-messages", &sse(&two));
    assert_eq!((usage.input, usage.output, usage.cache_read, usage.reasoning), (Some(14), Some(12), Some(9), None));
}
