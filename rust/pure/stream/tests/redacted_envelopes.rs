//! Redaction in the envelopes of each format: copies of the text, tools, frames in other framings.
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

mod redacted;

use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use midstream_stream::redact::{Rule, RuleSet};
use midstream_stream::{EndingState, Options};
use redacted::Run;
use serde_json::{Value, json};

static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
    let rules = [Rule::new("ticket", r"\bTICKET-[0-9]{4}\b"), Rule::built_in("card").unwrap()];
    Arc::new(RuleSet::new(&rules).unwrap())
});

fn sse(events: &[Value]) -> String {
    let frame = |event: &Value| match event["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    };
    events.iter().map(frame).collect()
}

fn run(body: &[u8], size: usize) -> Run {
    Run::with(body, size, Options { rules: Some(Arc::clone(&RULES)), ..Options::default() })
}

/// At every cut `expected` passes, and no piece of the secret.
fn assert_passes(body: &[u8], expected: &[u8]) -> Run {
    let whole = run(body, body.len());
    assert_eq!(String::from_utf8_lossy(&whole.passed), String::from_utf8_lossy(expected));
    assert_eq!(whole.passed, expected);
    for size in [1, 2, 13] {
        let run = run(body, size);
        assert_eq!(run.passed, whole.passed, "{size} bytes a chunk");
        assert_eq!((&run.texts, &run.findings), (&whole.texts, &whole.findings), "{size} bytes a chunk");
    }
    assert!(!whole.said.contains("0042"), "{}", whole.said);
    whole
}

fn delta(delta: Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]})
}

#[test]
fn copies_that_stream_beside_a_fragment_are_redacted_with_it() {
    let both = |words: &str| {
        delta(json!({
            "reasoning": words,
            "reasoning_details": [{"type": "reasoning.text", "text": words, "index": 0}],
            "role": "assistant",
        }))
    };
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let rest = |member: Value| delta(member);
    assert_passes(
        sse(&[both("See TICKET"), both("-0042, T"), end.clone()]).as_bytes(),
        sse(&[
            both("See "),
            both("[TICKET], "),
            rest(json!({"reasoning": "T"})),
            rest(json!({"reasoning_details": [{"index": 0, "text": "T", "type": "reasoning.text"}]})),
            end,
        ])
        .as_bytes(),
    );
}

#[test]
fn a_message_that_grows_with_every_chunk_shows_no_more_than_has_passed() {
    let chunk = |piece: &str, so_far: &str, reason: Value| {
        json!({"object": "chat.completion.chunk", "choices": [{
            "index": 0, "delta": {"content": piece}, "message": {"content": so_far, "role": "assistant"}, "finish_reason": reason,
        }]})
    };
    assert_passes(
        sse(&[chunk("A TICK", "A TICK", Value::Null), chunk("ET-0042", "A TICKET-0042", json!("stop"))]).as_bytes(),
        sse(&[chunk("A ", "A ", Value::Null), chunk("[TICKET]", "A [TICKET]", json!("stop"))]).as_bytes(),
    );
}

#[test]
fn tokens_are_left_out_where_the_text_changed() {
    let chunk = |text: &str, logprobs: Value| json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}, "logprobs": logprobs}]});
    let tokens =
        |token: &str| json!({"content": [{"token": token, "logprob": -0.1, "bytes": [65], "top_logprobs": []}]});
    assert_passes(
        sse(&[chunk("Hi. ", tokens("Hi. ")), chunk("TICKET", tokens("TICKET")), chunk("-0042.", tokens("-0042."))])
            .as_bytes(),
        sse(&[chunk("Hi. ", tokens("Hi. ")), chunk("", Value::Null), chunk("[TICKET].", Value::Null)]).as_bytes(),
    );
}

#[test]
fn arguments_of_a_call_are_redacted_by_their_strings() {
    let call = |arguments: &str| delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}));
    let first = delta(
        json!({"tool_calls": [{"index": 0, "id": "call", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
    );
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    let run = assert_passes(
        sse(&[
            first.clone(),
            call(r#"{"a": "TICK"#),
            call(r#"\u0045T-0042", "n": 41111111"#),
            call("11111111}"),
            end.clone(),
        ])
        .as_bytes(),
        sse(&[first, call(r#"{"a": ""#), call(r#"[TICKET]", "n": "#), call(r#""[CARD]"}"#), end]).as_bytes(),
    );
    assert_eq!(run.summary.tool_calls[0].arguments, r#"{"a": "[TICKET]", "n": "[CARD]"}"#);
    assert_eq!((run.summary.tool_calls[0].valid_json, run.summary.ending.state), (Some(true), EndingState::Complete));
}

#[test]
fn a_secret_that_its_name_tells_is_replaced_in_streamed_arguments_and_in_whole_ones() {
    let key = ["wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYEXAMPLEKEY"].concat();
    let rules = Arc::new(RuleSet::new(&[Rule::built_in("aws_secret_key").unwrap()]).unwrap());
    let call = |arguments: &str| delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}));
    let whole = format!(r#"{{"aws_secret_access_key": "{key}", "key": "{key}"}}"#);
    let message = json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [
        {"type": "function_call", "id": "f", "call_id": "c", "name": "n", "arguments": whole},
        {"type": "message", "id": "m", "content": [], "aws_secret_access_key": key},
    ]}});
    let object = json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {
        "aws_secret_access_key": key, "key": key}}}], "role": "model"}, "index": 0}]});
    for cut in 1..whole.len() {
        let body = sse(&[call(&whole[..cut]), call(&whole[cut..])]);
        let run = Run::of(body.as_bytes(), 64, Some(&rules));
        assert_eq!(run.summary.tool_calls[0].arguments, whole.replacen(&key, "[AWS_SECRET_KEY]", 1), "cut at {cut}");
    }
    for (event, secrets) in [(message, 2), (object, 1)] {
        let run = Run::of(sse(&[event]).as_bytes(), 64, Some(&rules));
        assert_eq!(run.passed().matches("[AWS_SECRET_KEY]").count(), secrets, "{}", run.passed());
        assert_eq!(run.passed().matches(&key).count(), 1, "{}", run.passed());
    }
}

#[test]
fn the_rest_of_a_block_passes_before_its_stop_and_a_servers_tool_is_redacted_too() {
    let start =
        |index: u32, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u32, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let text = |text: &str| delta(0, json!({"type": "text_delta", "text": text}));
    let input = |json: &str| delta(1, json!({"type": "input_json_delta", "partial_json": json}));
    let stop = |index: u32| json!({"type": "content_block_stop", "index": index});
    let tool = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}});
    let message = json!({"type": "message_start", "message": {"id": "m", "content": []}});
    let begin = [message, start(0, json!({"type": "text", "text": ""}))];
    let run = assert_passes(
        sse(&[
            &begin[..],
            &[
                text("See TICKET-0042"),
                stop(0),
                start(1, tool.clone()),
                input("{\"q\":\"TICK"),
                input("ET-0042\"}"),
                stop(1),
            ],
        ]
        .concat())
        .as_bytes(),
        sse(&[
            &begin[..],
            &[
                text("See "),
                text("[TICKET]"),
                stop(0),
                start(1, tool),
                input("{\"q\":\""),
                input("[TICKET]\"}"),
                stop(1),
            ],
        ]
        .concat())
        .as_bytes(),
    );
    assert_eq!(run.texts["block:0/text"], "See [TICKET]");
}

#[test]
fn full_copies_of_a_response_are_redacted_and_their_tokens_left_out() {
    let text = |delta: &str| json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": delta, "logprobs": []});
    let done = |text: &str, logprobs: Value| json!({"type": "response.output_text.done", "item_id": "m", "output_index": 0, "content_index": 0, "text": text, "logprobs": logprobs});
    let whole = |text: &str, id: &str| {
        json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [
            {"type": "message", "id": "m", "content": [{"type": "output_text", "text": text}]},
            {"type": "reasoning", "id": id, "encrypted_content": "TICKET-0042"},
        ]}})
    };
    let tokens = json!([{"token": "TICKET", "logprob": 0, "bytes": []}]);
    assert_passes(
        sse(&[text("A TICKET-"), text("0042"), done("A TICKET-0042", tokens), whole("A TICKET-0042", "TICKET-0042")])
            .as_bytes(),
        sse(&[text("A "), text(""), text("[TICKET]"), done("A [TICKET]", json!([])), whole("A [TICKET]", "[TICKET]")])
            .as_bytes(),
    );
}

#[test]
fn lines_an_array_and_what_stands_in_one_keep_their_form() {
    let line = |text: &str, done: bool| {
        format!("{{\"model\":\"m\",\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"done\":{done}}}\r\n")
    };
    assert_passes(
        [line("A TICKET", false), line("-0042 T", false), line("", true)].concat().as_bytes(),
        [line("A ", false), line("[TICKET] ", false), line("T", true)].concat().as_bytes(),
    );
    let element = |text: &str, end: &str| {
        format!("{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}],\"role\":\"model\"}}{end}}}]}}")
    };
    let array = |elements: &[String]| format!("[{}\n]\n", elements.join(",\r\n"));
    let stop = ",\"finishReason\":\"STOP\"";
    assert_passes(
        array(&[element("A TICKET", ""), element("-0042 T", stop)]).as_bytes(),
        array(&[element("A ", ""), element("[TICKET] T", stop)]).as_bytes(),
    );
    assert_passes(
        array(&[element("A TICKET", stop), element("-0042 T", stop)]).as_bytes(),
        array(&[element("A ", stop), element("[TICKET] T", stop)]).as_bytes(),
    );
    let cut = format!("[{}\n]\n", [element("A TICKET", ""), element("A ", "").replace("A ", "-0042 T")].join(",\r\n"));
    let rest = element("T", "");
    assert_passes(
        cut.as_bytes(),
        format!("[{},\r\n{},\r\n{rest}\n]\n", element("A ", ""), element("[TICKET] ", "")).as_bytes(),
    );
}

/// An AWS event stream message.
fn message(name: &str, payload: &Value) -> Vec<u8> {
    let payload = payload.to_string();
    let mut headers = Vec::new();
    for (name, value) in [(":message-type", "event"), (":event-type", name)] {
        headers.push(name.len() as u8);
        headers.extend(name.bytes());
        headers.push(7);
        headers.extend((value.len() as u16).to_be_bytes());
        headers.extend(value.bytes());
    }
    let mut bytes = ((headers.len() + payload.len() + 16) as u32).to_be_bytes().to_vec();
    bytes.extend((headers.len() as u32).to_be_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload.bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

#[test]
fn lengths_and_checksums_of_binary_frames_are_renewed() {
    let text = |text: &str| message("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": text}}));
    let stop = || message("contentBlockStop", &json!({"contentBlockIndex": 0}));
    assert_passes(
        &[text("A TICKET"), text("-0042 T"), stop()].concat(),
        &[text("A "), text("[TICKET] "), text("T"), stop()].concat(),
    );
    let mut damaged = [text("A TICKET"), text("-0042 T")].concat();
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    let run = run(&damaged, 3);
    assert_eq!((run.passed, run.summary.ending.state), (text("A "), EndingState::Halted));
}

#[test]
fn the_binary_frame_that_carries_held_text_says_nothing_else_that_is_secret() {
    let inside =
        |payload: &Value| json!({"bytes": STANDARD.encode(payload.to_string()), "p": "abc", "note": "TICKET-0042"});
    for key in ["url", "n", "item_id", "TICKET-0042"] {
        for secret in [json!("TICKET-0042"), json!(4_111_111_111_111_111_u64), json!({"TICKET-0042": ["TICKET-0042"]})]
        {
            let mut converse = json!({"contentBlockIndex": 0, "delta": {"text": "See TICKET-"}});
            let mut invoke = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "See TICKET-"}});
            (converse[key], invoke[key]) = (secret.clone(), secret);
            for body in [message("contentBlockDelta", &converse), message("chunk", &inside(&invoke))] {
                let run = run(&body, 7);
                let decoded = String::from_utf8_lossy(&run.passed).replace("\\\"", "\"");
                let carried = decoded
                    .split("\"bytes\":\"")
                    .skip(1)
                    .filter_map(|part| STANDARD.decode(part.split('"').next()?).ok());
                let said = carried.map(|bytes| String::from_utf8(bytes).unwrap()).collect::<String>() + &decoded;
                assert!(!said.contains("0042") && !said.contains("4111111111111111"), "{key}: {said}");
                assert!(said.contains("See ") && said.contains("TICKET-\""), "{key}: {said}");
            }
        }
    }
}

#[test]
fn a_payload_in_base64_is_redacted_inside() {
    let inside = |payload: &Value| json!({"bytes": STANDARD.encode(payload.to_string()), "p": "abc"});
    let text =
        |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    let stop = json!({"type": "content_block_stop", "index": 0});
    let chunk = |payload: &Value| message("chunk", &inside(payload));
    let extra = message("chunk", &json!({"bytes": STANDARD.encode(text("T").to_string())}));
    assert_passes(
        &[chunk(&text("A TICKET")), chunk(&text("-0042 T")), chunk(&stop)].concat(),
        &[chunk(&text("A ")), chunk(&text("[TICKET] ")), extra, chunk(&stop)].concat(),
    );
}

#[test]
fn lines_of_an_event_and_halves_of_a_character_find_their_place_again() {
    let body = "event: output\r\nid: 1\r\ndata: A TICKET\r\ndata: next TICKET\r\n\r\nevent: output\r\ndata: -0042 T\r\n\r\nevent: done\r\ndata: {}\r\n\r\n";
    assert_passes(
        body.as_bytes(),
        b"event: output\r\nid: 1\r\ndata: A TICKET\r\ndata: next \r\n\r\nevent: output\r\ndata: [TICKET] \r\n\r\nevent: output\r\ndata: T\r\n\r\nevent: done\r\ndata: {}\r\n\r\n",
    );
    let chunk =
        |text: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    assert_passes(
        [chunk("A \\ud83d"), chunk("\\ude00 TI"), chunk("lt.")].concat().as_bytes(),
        [chunk("A "), chunk("\u{1f600} "), chunk("TIlt.")].concat().as_bytes(),
    );
}
