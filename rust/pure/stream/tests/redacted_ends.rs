//! Text behind what says that an answer ended, and text that no dialect reads: nothing of a match passes there either.

mod redacted;

use std::sync::Arc;

use midstream_stream::redact::Respond;
use midstream_stream::{Dialect, Options, Settings};
use redacted::Run;
use redacted::tickets::{RULES, assert_passes, chat, chat_end, run, sse, usage};
use serde_json::{Value, json};

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// A format's frames: what carries a text, what says that the answer ended, and how frames become a body.
type Format = (Dialect, fn(&str) -> Value, Value, fn(&[Value]) -> String);

fn formats() -> Vec<Format> {
    vec![
        (Dialect::OpenaiChat, |text| chat(json!({"content": text})), chat_end("stop"), sse),
        (
            Dialect::OpenaiCompletions,
            |text| json!({"object": "text_completion", "choices": [{"index": 0, "text": text}]}),
            json!({"object": "text_completion", "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}),
            sse,
        ),
        (
            Dialect::AnthropicMessages,
            |text| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}),
            sse,
        ),
        (
            Dialect::OpenaiResponses,
            |text| json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "delta": text}),
            json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}),
            sse,
        ),
        (
            Dialect::Gemini,
            |text| json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}}]}),
            json!({"candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP"}]}),
            sse,
        ),
        (
            Dialect::Ollama,
            |text| json!({"model": "m", "message": {"role": "assistant", "content": text}, "done": false}),
            json!({"model": "m", "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop"}),
            lines,
        ),
        (
            Dialect::Cohere,
            |text| json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}}),
            json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}),
            sse,
        ),
    ]
}

#[test]
fn a_secret_around_a_finish_reason_is_replaced_in_every_format() {
    for (dialect, text, end, body) in formats() {
        assert_passes(
            dialect,
            &body(&[text("A TICK"), end.clone(), text("ET-0042. "), end.clone()]),
            &body(&[text("A "), end.clone(), text("[TICKET]. "), end]),
        );
    }
}

#[test]
fn what_is_left_of_an_answer_passes_before_its_finish_reason_or_in_it() {
    for (dialect, text, end, body) in formats() {
        let whole = run(&body(&[text("A TICKET-004"), end.clone()]), 5, dialect);
        let events: Vec<&str> = whole.passed().lines().filter(|line| line.contains('{')).collect();
        let at = events.iter().position(|event| event.contains("TICKET-004")).unwrap();
        assert!(at + 1 == events.len() || at + 2 == events.len(), "{dialect:?}: {events:?}");
        assert!(whole.findings.is_empty(), "{dialect:?}: {:?}", whole.findings);
    }
    let rest = chat(json!({"content": "T"}));
    let done = json!("[DONE]");
    assert_passes(
        Dialect::OpenaiChat,
        &sse(&[chat(json!({"content": "A T"})), chat_end("stop"), usage(), done.clone()]),
        &sse(&[chat(json!({"content": "A "})), rest, chat_end("stop"), usage(), done]),
    );
}

#[test]
fn arguments_of_a_call_that_go_on_behind_its_finish_reason_are_redacted() {
    let call = |arguments: &str| {
        chat(
            json!({"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": arguments}}]}),
        )
    };
    let (end, done) = (chat_end("tool_calls"), json!("[DONE]"));
    let body = [call(r#"{"a": "TICK"#), end.clone(), call(r#"ET-0042"}"#), end.clone(), done.clone()];
    let expected = [call(r#"{"a": ""#), end.clone(), call(r#"[TICKET]"}"#), end, done];
    assert_passes(Dialect::OpenaiChat, &sse(&body), &sse(&expected));
    let run = run(&sse(&body), 9, Dialect::OpenaiChat);
    assert_eq!(
        (run.summary.tool_calls[0].arguments.as_str(), run.summary.tool_calls[0].complete),
        (r#"{"a": "[TICKET]"}"#, true)
    );
}

#[test]
fn an_error_does_not_end_a_text_that_goes_on() {
    let text = |text: &str| chat(json!({"content": text}));
    let error = json!({"error": {"message": "late", "code": "x"}});
    assert_passes(
        Dialect::OpenaiChat,
        &sse(&[text("A TICK"), error.clone(), text("ET-0042 ")]),
        &sse(&[text("A "), error.clone(), text("[TICKET] ")]),
    );
    assert_passes(
        Dialect::OpenaiChat,
        &sse(&[text("A TICK"), error.clone()]),
        &sse(&[text("A "), text("TICK"), error]),
    );
}

#[test]
fn members_of_a_delta_that_no_dialect_knows_are_redacted_as_texts_of_their_own() {
    let delta = |content: &str, plan: &str| chat(json!({"content": content, "plan": plan}));
    assert_passes(
        Dialect::OpenaiChat,
        &sse(&[
            delta("One. ", "See TICK"),
            delta("Two. ", "ET-0042 T"),
            delta("Three. ", "wo. "),
            chat_end("stop"),
            json!("[DONE]"),
        ]),
        &sse(&[
            delta("One. ", "See "),
            delta("Two. ", "[TICKET] "),
            delta("Three. ", "Two. "),
            chat_end("stop"),
            json!("[DONE]"),
        ]),
    );
    let block = |words: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "words_delta", "words": words}});
    let stop = json!({"type": "message_stop"});
    assert_passes(
        Dialect::AnthropicMessages,
        &sse(&[block("See TICK"), block("ET-0042 "), stop.clone()]),
        &sse(&[block("See "), block("[TICKET] "), stop]),
    );
}

#[test]
fn events_that_no_dialect_knows_are_redacted_by_their_type() {
    let event = |kind: &str, words: &str| json!({"type": format!("response.{kind}"), "item_id": "i", "output_index": 0, "words": words});
    let known =
        |text: &str| json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 1, "delta": text});
    let end = json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}});
    assert_passes(
        Dialect::OpenaiResponses,
        &sse(&[
            known("Hi. "),
            event("plan.delta", "See TICK"),
            event("sign.delta", "ET-0042 "),
            event("plan.delta", "ET-0042 and TICK"),
            event("plan.done", "See TICKET-0042 and TICK"),
            end.clone(),
        ]),
        &sse(&[
            known("Hi. "),
            event("plan.delta", "See "),
            event("sign.delta", "ET-0042 "),
            event("plan.delta", "[TICKET] and "),
            event("plan.done", "See [TICKET] and TICK"),
            event("plan.delta", "TICK"),
            end,
        ]),
    );
}

#[test]
fn channels_and_tools_that_are_off_pass_as_they_were_written() {
    let mut settings = Settings::from_json(
        r#"{"redact": {"reasoning": "off", "tools": {"vault": "off"}, "rules": [{"name": "ticket", "pattern": "TICKET-[0-9]{4}"}]}}"#,
    )
    .unwrap();
    let call = |index: u32, name: &str, arguments: &str| {
        chat(json!({"tool_calls": [{"index": index, "id": name, "function": {"name": name, "arguments": arguments}}]}))
    };
    let secret = json!({"content": "TICKET-0042 ", "reasoning_content": "\\ TICKET-0042 and TICK"});
    let body = sse(&[
        chat(secret),
        call(0, "vault", "{\"a\": \"TICKET-0042\"}"),
        call(1, "mail", "{\"a\": \"TICKET-0042\"}"),
        chat_end("stop"),
    ]);
    let expected = body.replacen("\"TICKET-0042 ", "\"[TICKET] ", 1).replace(
        &call(1, "mail", "{\"a\": \"TICKET-0042\"}").to_string(),
        &call(1, "mail", "{\"a\": \"[TICKET]\"}").to_string(),
    );
    for size in [1, 50, body.len()] {
        let run = Run::with(body.as_bytes(), size, Options { settings: settings.clone(), ..Options::default() });
        assert_eq!((run.passed(), run.findings.len()), (expected.as_str(), 2), "{:?}", run.findings);
    }
    settings.redact.tool = Respond::Off;
    let run = Run::with(body.as_bytes(), 7, Options { settings, ..Options::default() });
    assert_eq!(run.passed(), body.replacen("\"TICKET-0042 ", "\"[TICKET] ", 1));
}

#[test]
fn names_of_tools_and_bytes_that_are_no_text_hide_no_secret() {
    let call = |name: &str| {
        chat(json!({"tool_calls": [{"index": 0, "id": "t", "function": {"name": name, "arguments": "{}"}}]}))
    };
    let run = run(&sse(&[call("TICKET-0042"), chat_end("tool_calls")]), 9, Dialect::OpenaiChat);
    assert_eq!(
        (run.passed(), run.summary.tool_calls[0].name.as_str()),
        (sse(&[call("[TICKET]"), chat_end("tool_calls")]).as_str(), "[TICKET]")
    );

    let text = |text: &str| sse(&[chat(json!({"content": text}))]);
    let broken = |text: &str| {
        [
            b"data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{\"content\":\"\xff",
            text.as_bytes(),
            b"\"}}]}\n\n",
        ]
        .concat()
    };
    let body = [text("A TICK").into_bytes(), broken("TICKET-0042 TICK"), text("ET-0042 ").into_bytes()].concat();
    let plain = [b"A TICKET-0042 \xff\xf0\x9f TICKET-0042 ".to_vec(), b"\xe2\x82TICKET-0042".to_vec()].concat();
    for (body, count) in [(body, 2), (plain, 3)] {
        for size in [1, 5, body.len()] {
            let run = Run::with(&body, size, Options { rules: Some(Arc::clone(&RULES)), ..Options::default() });
            let passed = String::from_utf8_lossy(&run.passed);
            assert!(!passed.contains("0042"), "{passed}");
            assert_eq!(passed.matches("[TICKET]").count(), count, "{passed}");
        }
    }
}
