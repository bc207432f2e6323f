//! Secrets in places of a frame that are no text of a channel: beside text that is held, in keys, in numbers, in ids.
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

mod redacted;

use std::sync::{Arc, LazyLock};

use midstream_stream::redact::{Rule, RuleSet};
use midstream_stream::{Dialect, Framing, Options};
use redacted::Run;
use serde_json::{Value, json};

static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| Arc::new(RuleSet::new(&Rule::all_built_in()).unwrap()));

const MAIL: &str = "bob@example.org";
const CARD: &str = "4111111111111111";

fn sse(events: &[Value]) -> String {
    let frame = |event: &Value| match event["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    };
    events.iter().map(frame).collect()
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// What passes, at any cut the same.
fn passed(body: &str, rules: &Arc<RuleSet>, dialect: Dialect, framing: Framing) -> String {
    let options = || Options { rules: Some(Arc::clone(rules)), dialect, framing, ..Options::default() };
    let whole = Run::with(body.as_bytes(), body.len(), options());
    for size in [1, 7, 301] {
        assert_eq!(Run::with(body.as_bytes(), size, options()).passed(), whole.passed(), "{size} bytes a chunk");
    }
    whole.passed().to_owned()
}

fn chat(extra: &[(&str, Value)], content: &str) -> Value {
    let mut chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {"content": content}}]});
    for (key, value) in extra {
        chunk[*key] = value.clone();
    }
    chunk
}

fn of_chat(events: &[Value]) -> String {
    passed(&sse(events), &RULES, Dialect::OpenaiChat, Framing::Sse)
}

/// Two frames, with a second secret at each place of the frame whose text waits, in each format.
#[test]
fn the_frame_that_carries_held_text_says_nothing_else_that_is_secret() {
    let gemini = |text: &str| json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}], "modelVersion": "m"});
    let message =
        |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    let responses = |text: &str| json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text, "sequence_number": 4});
    let cohere =
        |text: &str| json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}});
    let ollama =
        |text: &str| json!({"model": "m", "created_at": "2026-01-01T00:00:00Z", "response": text, "done": false});
    let formats: [(Dialect, Framing, Value); 6] = [
        (Dialect::OpenaiChat, Framing::Sse, chat(&[], "see x")),
        (Dialect::Gemini, Framing::Sse, gemini("see x")),
        (Dialect::AnthropicMessages, Framing::Sse, message("see x")),
        (Dialect::OpenaiResponses, Framing::Sse, responses("see x")),
        (Dialect::Cohere, Framing::Sse, cohere("see x")),
        (Dialect::Ollama, Framing::Ndjson, ollama("see x")),
    ];
    for (dialect, framing, frame) in formats {
        let begin = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
        for key in ["url", "n", "item_id", "label", MAIL] {
            for secret in
                [json!(MAIL), json!(4_111_111_111_111_111_u64), json!({MAIL: [MAIL, 4_111_111_111_111_111_u64]})]
            {
                let mut frame = frame.clone();
                frame[key] = secret;
                let mut events = vec![frame];
                if dialect == Dialect::AnthropicMessages {
                    events.insert(0, json!({"type": "message_start", "message": {"id": "m", "content": []}}));
                    events.insert(1, begin.clone());
                }
                let body = if framing == Framing::Sse { sse(&events) } else { lines(&events) };
                let passed = passed(&body, &RULES, dialect, framing);
                assert!(!passed.contains(MAIL) && !passed.contains(CARD), "{dialect:?}: {passed}");
                assert!(passed.contains('x'), "{dialect:?}: {passed}");
            }
        }
    }
}

#[test]
fn the_frame_that_carries_held_text_keeps_what_it_belongs_to() {
    let passed = of_chat(&[chat(&[("url", json!(MAIL)), ("user", json!("ann"))], "hi bob")]);
    assert_eq!(passed, sse(&[chat(&[("url", json!("[EMAIL]")), ("user", json!("ann"))], "hi "), chat(&[], "bob")]));
}

#[test]
fn the_frame_that_carries_held_text_repeats_no_other_channel() {
    let first = json!({"model": "m", "thinking": "so bob", "response": "x bob@example.org y. ", "done": false});
    let passed = passed(&lines(&[first]), &RULES, Dialect::Ollama, Framing::Ndjson);
    assert!(!passed.contains(MAIL), "{passed}");
    assert_eq!(passed.matches("[EMAIL]").count(), 1, "{passed}");
    assert_eq!(passed.matches("y. ").count(), 1, "{passed}");
}

#[test]
fn keys_of_arguments_that_are_objects_are_replaced() {
    let arguments = json!({MAIL: 1, "to": {"4111111111111111": MAIL}});
    let hidden = json!({"[EMAIL]": 1, "to": {"[CARD]": "[EMAIL]"}});
    let ollama = |arguments: &Value| json!({"model": "m", "message": {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}, "done": false});
    let gemini = |arguments: &Value| json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": arguments}}], "role": "model"}, "index": 0}]});
    let message = |arguments: &Value| json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": arguments}});
    for (event, expected, dialect, framing) in [
        (ollama(&arguments), ollama(&hidden), Dialect::Ollama, Framing::Ndjson),
        (gemini(&arguments), gemini(&hidden), Dialect::Gemini, Framing::Sse),
        (message(&arguments), message(&hidden), Dialect::AnthropicMessages, Framing::Sse),
    ] {
        let body = if framing == Framing::Sse { sse(&[event]) } else { lines(&[event]) };
        let passed = passed(&body, &RULES, dialect, framing);
        let data = passed.lines().find_map(|line| line.find('{').map(|at| &line[at..])).unwrap();
        assert_eq!(serde_json::from_str::<Value>(data).unwrap(), expected);
    }
}

#[test]
fn strings_numbers_and_keys_of_a_frame_that_are_secret_as_a_whole_are_replaced() {
    let extra = |mail: &str, card: Value| {
        let more = json!({"session_id": mail, "data": mail, "event": mail, "type": mail, "result": {mail: card.clone(), "card_number": card}});
        [("metadata", more), ("userId", json!(mail)), ("signature", json!(mail)), ("order_id", card)]
    };
    let passed = of_chat(&[chat(&extra(MAIL, json!(4_111_111_111_111_111_u64)), "Hi. ")]);
    assert_eq!(passed, sse(&[chat(&extra("[EMAIL]", json!("[CARD]")), "Hi. ")]));
}

#[test]
fn ids_signatures_and_counts_stay_where_a_short_rule_meets_them() {
    let rules = [
        Rule::new("pin", "[0-9]{4}"),
        Rule::new("word", "[a-z]{8,20}"),
        Rule::new("stamp", "[0-9]{10}"),
        Rule::new("base", "[A-Za-z0-9+]{12,40}"),
    ];
    let rules = Arc::new(RuleSet::new(&rules).unwrap());
    let mut frame = chat(&[], "1234, ");
    frame["id"] = json!("call_4111-1234");
    frame["created"] = json!(1_732_212_000);
    frame["tool_call_id"] = json!("1234");
    frame["signature"] = json!("EuYBCkQYAiJA1234abcd+567");
    frame["data"] = json!("UklGRiQ1234AAAAxx");
    frame["usage"] = json!({"total_tokens": 1_234_567_890, "n": 12_345});
    frame["metadata"] = json!({"assistant": 1});
    let mut expected = frame.clone();
    expected["choices"][0]["delta"]["content"] = json!("[PIN], ");
    let passed = passed(&sse(&[frame]), &rules, Dialect::OpenaiChat, Framing::Sse);
    assert_eq!(passed, sse(&[expected]));
}

#[test]
fn secrets_with_a_beginning_of_their_own_are_found_in_ids_keys_and_base64() {
    let names = ["openai_key", "aws_access_key", "iban"].map(|name| Rule::built_in(name).unwrap());
    let rules = Arc::new(
        RuleSet::new(&[&names[..], &[Rule::new("ticket", "T_[A-Z]{4}"), Rule::new("code", "SECRET")]].concat())
            .unwrap(),
    );
    let key = ["sk", "-", &"AbCdEfGh".repeat(4)].concat();
    let access = ["AK", "IAIOSFODNN7EXAMPLE"].concat();
    let blob = format!("Em{}+/{access}", "Ab1/".repeat(90));
    let signed = ["Ab_", &access].concat();
    let frame = |key: &str, access: &str, code: &str, iban: &str| {
        let mut frame = chat(&[], "Hi. ");
        frame["id"] = json!(format!("chatcmpl-{key}"));
        frame["request_id"] = json!(code);
        frame["metadata"] = json!({code: 1, "data": key, "p": format!("key={access}"), "iban": {"data": iban}});
        frame["image"] = json!({"data": blob, "signature": signed, "encrypted_content": signed});
        frame
    };
    assert_eq!(rules.redact("DE89370400440532013000"), "[IBAN]");
    let passed = passed(
        &sse(&[frame(&key, &access, "SECRET", "DE89370400440532013000")]),
        &rules,
        Dialect::OpenaiChat,
        Framing::Sse,
    );
    assert_eq!(passed, sse(&[frame("[OPENAI_KEY]", "[AWS_ACCESS_KEY]", "[CODE]", "[IBAN]")]));
}

#[test]
fn lists_of_tokens_are_emptied_where_they_say_a_secret_together() {
    let tokens = |tokens: &[&str]| {
        let one = |token: &&str| json!({"token": token, "logprob": -0.1, "bytes": [], "top_logprobs": [{"token": "bob@exa", "logprob": -1}]});
        json!({"content": tokens.iter().map(one).collect::<Vec<_>>()})
    };
    let frame = |content: &str, logprobs: Value| {
        let mut frame = chat(&[], content);
        frame["choices"][0]["logprobs"] = logprobs;
        frame
    };
    let whole = of_chat(&[frame("Hi. ", tokens(&["Hi", ". "])), frame("", tokens(&[" bob@", "example", ".org "]))]);
    assert_eq!(whole, sse(&[frame("Hi. ", tokens(&["Hi", ". "])), frame("", Value::Null)]));
    let split = of_chat(&[
        frame("Hi. ", tokens(&["Hi. bob@"])),
        frame("Yo. ", tokens(&["example", ".org "])),
        frame("Yo. ", tokens(&["Yo. "])),
    ]);
    assert!(!split.contains("example\""), "{split}");
    assert!(split.ends_with(&sse(&[frame("Yo. ", tokens(&["Yo. "]))])), "{split}");
    let listed = |list: Value| chat(&[("tokens", list), ("usage", json!({"tokens": {"input": 1}}))], "Hi. ");
    assert_eq!(of_chat(&[listed(json!(["bob@exam", "ple.org", " "]))]), sse(&[listed(json!([]))]));
    assert_eq!(of_chat(&[listed(json!(["Hi", ". "]))]), sse(&[listed(json!(["Hi", ". "]))]));
}

#[test]
fn the_summary_says_what_passed_of_ids_the_model_and_reasons() {
    let rules = Arc::new(RuleSet::new(&[Rule::new("key", "KEY-[0-9a-f]{16}")]).unwrap());
    let key = "KEY-0123456789abcdef";
    let mut event = chat(&[("id", json!(key)), ("model", json!(format!("m {key}")))], "Hi");
    event["choices"][0]["finish_reason"] = json!(format!("stop {key}"));
    let call =
        json!({"index": 0, "id": format!("{key}x"), "type": "function", "function": {"name": key, "arguments": "{}"}});
    event["choices"][0]["delta"]["tool_calls"] = json!([call]);
    let run = Run::of(sse(&[event]).as_bytes(), 7, Some(&rules));
    let summary = &run.summary;
    assert_eq!((summary.id.as_deref(), summary.model.as_deref()), (Some("[KEY]"), Some("m [KEY]")));
    assert_eq!(summary.finish_reasons, ["stop [KEY]"]);
    assert_eq!((summary.tool_calls[0].id.as_str(), summary.tool_calls[0].name.as_str()), ("[KEY]x", "[KEY]"));
    assert!(!run.said.contains(key) && !run.passed().contains(key));
    let short = chat(&[("id", json!("12345678"))], "Hi");
    let digits = Arc::new(RuleSet::new(&[Rule::new("short", "[0-9]{4}")]).unwrap());
    assert_eq!(Run::of(sse(&[short]).as_bytes(), 7, Some(&digits)).summary.id.as_deref(), Some("12345678"));
}

#[test]
fn a_list_of_tokens_that_says_a_secret_beside_its_tokens_is_emptied() {
    for list in [json!([MAIL]), json!({"content": [{"token": "Hi", "note": MAIL}]}), json!({"content": [{MAIL: 1}]})] {
        let mut event = chat(&[], "Hi");
        event["choices"][0]["logprobs"] = list;
        assert!(!of_chat(&[event.clone()]).contains(MAIL), "{event}");
    }
}
