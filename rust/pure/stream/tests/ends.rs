//! What the one end of a stopped stream says, and what it does not say.
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

use midstream_series::Timestamp;
use midstream_stream::{Close, End, Forward, Guard, Options, Settings};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_nanos(0);
const RULES: &str = r#"{"redact": {"rules": ["email"]}, "repeat": {"counter": "off", "near": "off"}}"#;

fn event(data: &Value) -> Vec<u8> {
    let name = data["type"].as_str().map(|name| format!("event: {name}\n")).unwrap_or_default();
    format!("{name}data: {data}\n\n").into_bytes()
}

/// What passes of a body until it is stopped, and its end.
fn stopped(body: &[Vec<u8>], settings: &str, end: End) -> (Vec<u8>, Vec<u8>) {
    let settings = Settings::from_json(settings).unwrap();
    let mut guard = Guard::new(Options { end, settings, ..Options::default() }).unwrap();
    let mut passed = Vec::new();
    for chunk in body {
        match guard.feed(chunk, NOW).unwrap().forward {
            Forward::Bytes(bytes) => passed.extend_from_slice(bytes),
            Forward::Nothing => {}
            Forward::Same => passed.extend_from_slice(chunk),
        }
    }
    let (decision, summary) = guard.finish(Close::Stopped, NOW).unwrap();
    assert_eq!(summary.ending.state.name(), "halted");
    match decision.forward {
        Forward::Bytes(bytes) => (passed, bytes.to_vec()),
        _ => (passed, Vec::new()),
    }
}

fn events(end: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(end.to_vec()).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

/// An answer of Responses that says a secret and then loops.
fn responses() -> Vec<Vec<u8>> {
    let place = json!({"item_id": "m", "output_index": 0, "content_index": 0});
    let of = |name: &str, number: u64, fields: Value| {
        let mut data = json!({"type": name, "sequence_number": number});
        for (key, value) in fields.as_object().unwrap() {
            data[key] = value.clone();
        }
        event(&data)
    };
    let mut part = place.clone();
    part["part"] = json!({"type": "output_text", "text": "", "annotations": []});
    let item = json!({"id": "m", "type": "message", "role": "assistant", "status": "in_progress", "content": []});
    let response = json!({"id": "r", "object": "response", "status": "in_progress", "output": []});
    let mut body = vec![
        of("response.created", 0, json!({"response": response})),
        of("response.output_item.added", 1, json!({"output_index": 0, "item": item})),
        of("response.content_part.added", 2, part),
    ];
    let texts = ["Write to bob@exam", "ple.org. "].into_iter().chain(std::iter::repeat_n("I am done. ", 40));
    for (number, text) in (3..).zip(texts) {
        let mut delta = place.clone();
        delta["delta"] = text.into();
        body.push(of("response.output_text.delta", number, delta));
    }
    body
}

#[test]
fn open_parts_and_items_of_responses_are_done_and_numbered_on() {
    let settings = r#"{"repeat": {"counter": "off", "near": "off"}}"#;
    let (passed, end) = stopped(&responses(), settings, End::Finish);
    let (before, closing) = (events(&passed), events(&end));
    let numbers: Vec<u64> =
        before.iter().chain(&closing).map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    let names: Vec<&str> = closing.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.incomplete"]
    );
    let text: String = before.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(closing[0]["text"], text);
    assert_eq!(closing[1]["part"]["text"], text);
    assert_eq!(closing[2]["item"]["content"][0]["text"], text);
    let response = &closing[3]["response"];
    assert_eq!(response["output"][0], closing[2]["item"]);
    assert_eq!((&response["status"], &response["id"]), (&json!("incomplete"), &json!("r")));
    assert_eq!(response["incomplete_details"], json!({"reason": "max_output_tokens"}));
}

#[test]
fn an_end_never_holds_a_secret_and_an_error_never_the_models_text() {
    for end in [End::Error, End::Finish] {
        let (passed, closing) = stopped(&responses(), RULES, end);
        let closing = String::from_utf8(closing).unwrap();
        assert!(!String::from_utf8(passed).unwrap().contains("bob@"));
        assert!(!closing.contains("bob@") && !closing.contains("example"), "{closing}");
        assert_eq!(closing.contains("I am done."), end == End::Finish);
        assert!(closing.contains(r#""check":"repeat""#) && closing.contains(r#""kind":"exact""#), "{closing}");
    }
}

#[test]
fn a_cut_tool_call_is_never_made_whole() {
    let start = json!({"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 1}}});
    let tool = json!({"type": "tool_use", "id": "t", "name": "shell", "input": {}});
    let mut body =
        vec![event(&start), event(&json!({"type": "content_block_start", "index": 0, "content_block": tool}))];
    let delta = |text: &str| {
        event(&json!({
            "type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": text},
        }))
    };
    body.push(delta("{\"command\": \""));
    body.extend((0..200).map(|_| delta("rm -r build && make && ")));
    let (passed, end) = stopped(&body, "{}", End::Finish);
    let names: Vec<Value> = events(&end).iter().map(|event| event["type"].clone()).collect();
    assert_eq!(names, ["content_block_stop", "message_delta", "message_stop"]);
    assert_eq!(events(&end)[1]["delta"]["stop_reason"], "max_tokens");
    let settings = Settings { shadow: true, ..Settings::default() };
    let mut reader = Guard::new(Options { settings, ..Options::default() }).unwrap();
    reader.feed(&[passed, end].concat(), NOW).unwrap();
    let (_, summary) = reader.finish(Close::Clean, NOW).unwrap();
    assert_eq!((summary.ending.state.name(), summary.ending.notes), ("truncated", vec!["cut_tool_call", "length"]));
}

#[test]
fn without_a_decision_and_of_plain_text_there_is_no_end() {
    let settings = Settings::from_json(r#"{"repeat": {"exact": "warn", "counter": "off"}}"#).unwrap();
    let mut guard = Guard::new(Options { end: End::Error, settings, ..Options::default() }).unwrap();
    responses().iter().for_each(|chunk| assert!(!guard.feed(chunk, NOW).unwrap().halted));
    assert_eq!(guard.finish(Close::Stopped, NOW).unwrap().0.forward, Forward::Nothing);
    for end in [End::Error, End::Finish, End::None] {
        let body = vec!["I am done. ".repeat(40).into_bytes()];
        assert_eq!(stopped(&body, "{}", end).1, b"");
    }
    assert_eq!(stopped(&responses(), "{}", End::None).1, b"");
}

#[test]
fn llama_cpps_own_completion_stops_at_its_limit() {
    let frame = |content: &str| event(&json!({"index": 0, "content": content, "stop": false, "id_slot": 0}));
    let body: Vec<Vec<u8>> = (0..60).map(|_| frame("I am done. ")).collect();
    let (passed, end) = stopped(&body, "{}", End::Finish);
    assert!(passed.len() < body.concat().len());
    let [end] = events(&end).try_into().unwrap();
    assert_eq!((&end["index"], &end["content"], &end["stop"]), (&json!(0), &json!(""), &json!(true)));
    assert_eq!((&end["stop_type"], &end["midstream"]["check"]), (&json!("limit"), &json!("repeat")));
}
