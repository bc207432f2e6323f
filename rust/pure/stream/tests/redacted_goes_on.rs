//! Text that goes on behind what said that it ended, or does not: what waits passes where readers look for it.
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

mod redacted;

use std::sync::Arc;

use midstream_series::Timestamp;
use midstream_stream::{Close, Dialect, Forward, Guard, Options};
use redacted::tickets::{RULES, assert_passes, chat, chat_end, sse, usage};
use serde_json::{Value, json};

#[test]
fn a_chunk_with_another_id_goes_on_with_the_text_as_readers_do() {
    let other = |mut chunk: Value| {
        chunk["id"] = json!("d");
        chunk
    };
    let text = |text: &str| chat(json!({"content": text}));
    let done = || json!("[DONE]");
    assert_passes(
        Dialect::OpenaiChat,
        &sse(&[text("A T"), chat_end("stop"), other(text("ICKET. ")), other(chat_end("stop")), done()]),
        &sse(&[text("A "), text("T"), chat_end("stop"), other(text("ICKET. ")), other(chat_end("stop")), done()]),
    );
    assert_passes(
        Dialect::OpenaiChat,
        &sse(&[text("A TICK"), chat_end("stop"), other(text("ET-0042. ")), other(chat_end("stop")), done()]),
        &sse(&[text("A "), chat_end("stop"), other(text("[TICKET]. ")), other(chat_end("stop")), done()]),
    );
    assert_passes(
        Dialect::OpenaiChat,
        &sse(&[text("A TICK"), other(text("ET-0042. ")), other(chat_end("stop")), done()]),
        &sse(&[text("A "), other(text("[TICKET]. ")), other(chat_end("stop")), done()]),
    );
}

/// A chunk with a piece of text for each choice that has one, and one with the reason that a choice ended.
fn choices(texts: &[(u32, &str)]) -> Value {
    let of = |(index, text): &(u32, &str)| json!({"index": index, "delta": {"content": text}});
    json!({"id": "c", "object": "chat.completion.chunk", "choices": texts.iter().map(of).collect::<Vec<_>>()})
}

fn choice_end(index: u32) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]})
}

#[test]
fn what_is_left_of_a_choice_passes_before_its_own_finish_reason() {
    let done = || json!("[DONE]");
    assert_passes(
        Dialect::OpenaiChat,
        &sse(&[
            choices(&[(0, "A TICK"), (1, "B TIC")]),
            choice_end(0),
            choices(&[(1, "KET-0042 ")]),
            choices(&[(1, "and TI")]),
            choice_end(1),
            done(),
        ]),
        &sse(&[
            choices(&[(0, "A "), (1, "B ")]),
            choices(&[(0, "TICK")]),
            choice_end(0),
            choices(&[(1, "[TICKET] ")]),
            choices(&[(1, "and ")]),
            choices(&[(1, "TI")]),
            choice_end(1),
            done(),
        ]),
    );
    let mut both = choices(&[(0, "TICK"), (1, "One. ")]);
    both["choices"][0]["finish_reason"] = json!("stop");
    let mut passed = both.clone();
    passed["choices"][0]["delta"]["content"] = json!("TICK");
    assert_passes(
        Dialect::OpenaiChat,
        &sse(&[both, choices(&[(0, "ET-0042."), (1, "Two. ")]), done()]),
        &sse(&[passed, choices(&[(0, "[TICKET]."), (1, "Two. ")]), done()]),
    );
}

#[test]
fn text_that_goes_on_behind_its_end_gives_away_no_more_than_what_had_passed() {
    let start = |index: u32| json!({"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}});
    let text = |index: u32, text: &str| json!({"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}});
    let stop = |index: u32| json!({"type": "content_block_stop", "index": index});
    assert_passes(
        Dialect::AnthropicMessages,
        &sse(&[
            start(0),
            text(0, "A TICK"),
            stop(0),
            text(0, "ET-0042 or T"),
            stop(0),
            start(1),
            text(1, "ICKET-0042. "),
        ]),
        &sse(&[
            start(0),
            text(0, "A "),
            text(0, "TICK"),
            stop(0),
            text(0, "[TICKET] or "),
            text(0, "T"),
            stop(0),
            start(1),
            text(1, "[TICKET]. "),
        ]),
    );
    assert_passes(
        Dialect::AnthropicMessages,
        &sse(&[start(0), text(0, "A TICK"), stop(0), start(1), text(1, "ling. TICKET-0042. ")]),
        &sse(&[start(0), text(0, "A "), text(0, "TICK"), stop(0), start(1), text(1, "ling. [TICKET]. ")]),
    );
    let (chat, done) = (|text: &str| chat(json!({"content": text})), json!("[DONE]"));
    assert_passes(
        Dialect::OpenaiChat,
        &sse(&[chat("A TICK"), done.clone(), chat("ET-0042. ")]),
        &sse(&[chat("A "), chat("TICK"), done, chat("[TICKET]. ")]),
    );
}

#[test]
fn a_copy_of_the_answer_so_far_is_whole_only_where_the_answer_ends() {
    let chunk = |piece: &str, so_far: &str, reason: Value| {
        json!({"object": "chat.completion.chunk", "choices": [{
            "index": 0, "delta": {"content": piece}, "message": {"content": so_far, "role": "assistant"}, "finish_reason": reason,
        }]})
    };
    let body = |second: &str, so_far: &str| {
        sse(&[chunk("A TICK", "A TICK", json!("stop")), chunk(second, so_far, json!("stop")), json!("[DONE]")])
    };
    assert_passes(
        Dialect::OpenaiChat,
        &body("ET-0042 ", "A TICKET-0042 "),
        &sse(&[chunk("A ", "A ", json!("stop")), chunk("[TICKET] ", "A [TICKET] ", json!("stop")), json!("[DONE]")]),
    );
    assert_passes(
        Dialect::OpenaiChat,
        &body("s. ", "A TICKs. "),
        &sse(&[chunk("A TICK", "A ", json!("stop")), chunk("s. ", "A TICKs. ", json!("stop")), json!("[DONE]")]),
    );
}

/// What passes where the connection breaks behind `body`.
fn passed_of_broken(body: &str, close: Close) -> String {
    let mut guard = Guard::new(Options { rules: Some(Arc::clone(&RULES)), ..Options::default() }).unwrap();
    let now = Timestamp::from_nanos(0);
    let mut passed = match guard.feed(body.as_bytes(), now).unwrap().forward {
        Forward::Same => body.as_bytes().to_vec(),
        Forward::Bytes(bytes) => bytes.to_vec(),
        Forward::Nothing => Vec::new(),
    };
    if let Forward::Bytes(bytes) = guard.finish(close, now).unwrap().0.forward {
        passed.extend_from_slice(bytes);
    }
    String::from_utf8(passed).unwrap()
}

#[test]
fn what_waits_passes_where_the_stream_ends_without_its_mark() {
    let text = |text: &str| chat(json!({"content": text}));
    let (open, ended) = (sse(&[text("A TICKET-00")]), sse(&[text("A TICKET-00"), chat_end("stop"), usage()]));
    let rest = sse(&[text("A "), text("TICKET-00")]);
    assert_eq!(passed_of_broken(&open, Close::Clean), rest);
    assert_eq!(passed_of_broken(&open, Close::Abrupt), sse(&[text("A ")]));
    for close in [Close::Clean, Close::Abrupt] {
        assert_eq!(passed_of_broken(&ended, close), rest.clone() + &sse(&[chat_end("stop"), usage()]));
    }
}
