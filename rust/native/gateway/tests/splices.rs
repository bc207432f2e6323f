//! Answers of every format that can go on, cut behind each of their events: one text, one end, and no character of it
//! lost or doubled.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use bytes::Bytes;
use http_body_util::BodyExt;
use midstream_gateway::Api;
use serde_json::{Value, json};
use support::answers::all;
use support::routes::{cut, next_request, two_routes};
use support::{Asker, Mock, Script};

const PIECES: [&str; 4] = ["The quick ", "brown fox", " jumps over", " the dog."];
const THOUGHTS: [&str; 3] = ["Is it ", "the fox that jumps,", " or the dog? "];

/// A format of answers.
struct Format {
    path: &'static str,
    api: Api,
    content_type: &'static str,
    /// What is asked for.
    request: Value,
    /// A whole answer with these thoughts and this text.
    body: fn(&[&str], &[&str]) -> Vec<Bytes>,
    /// Where the text and the thoughts of an event stand, and what a last one has.
    text: &'static str,
    thought: &'static str,
    last: fn(&Value) -> bool,
    /// The end of the text that the second provider is given to go on with.
    begun: fn(&Value) -> String,
}

fn sse(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}

fn line(data: &Value) -> Bytes {
    format!("{data}\n").into()
}

fn chat(thoughts: &[&str], pieces: &[&str]) -> Vec<Bytes> {
    let chunk = |delta: Value, finish: Value| {
        sse(&json!({"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [
            {"index": 0, "delta": delta, "finish_reason": finish}]}))
    };
    let begin = chunk(json!({"role": "assistant", "content": ""}), Value::Null);
    let thoughts = thoughts.iter().map(|text| chunk(json!({ "reasoning_content": text }), Value::Null));
    let pieces = pieces.iter().map(|text| chunk(json!({ "content": text }), Value::Null));
    let end = [chunk(json!({}), json!("stop")), Bytes::from_static(b"data: [DONE]\n\n")];
    [begin].into_iter().chain(thoughts).chain(pieces).chain(end).collect()
}

fn completion(_: &[&str], pieces: &[&str]) -> Vec<Bytes> {
    let chunk = |text: &str, finish: Value| {
        sse(&json!({"id": "c1", "object": "text_completion", "created": 7, "model": "m", "choices": [
            {"index": 0, "text": text, "logprobs": null, "finish_reason": finish}]}))
    };
    let pieces = pieces.iter().map(|text| chunk(text, Value::Null));
    pieces.chain([chunk("", json!("stop")), Bytes::from_static(b"data: [DONE]\n\n")]).collect()
}

fn ollama(says: impl Fn(&str) -> Value, pieces: &[&str]) -> Vec<Bytes> {
    let of = |text: &str, more: Value| {
        let mut all = json!({"model": "m", "created_at": "2026-11-21T20:48:36.1Z"});
        for part in [says(text), more] {
            all.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        }
        line(&all)
    };
    let end = json!({"done": true, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 9});
    pieces.iter().map(|text| of(text, json!({"done": false}))).chain([of("", end)]).collect()
}

fn ollama_chat(_: &[&str], pieces: &[&str]) -> Vec<Bytes> {
    ollama(|text| json!({"message": {"role": "assistant", "content": text}}), pieces)
}

fn ollama_generate(_: &[&str], pieces: &[&str]) -> Vec<Bytes> {
    ollama(|text| json!({ "response": text }), pieces)
}

fn last_turn(request: &Value) -> String {
    let turn = request["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(turn["role"], "assistant", "{request}");
    turn["content"].as_str().unwrap().to_owned()
}

fn prompt(request: &Value) -> String {
    request["prompt"].as_str().unwrap().to_owned()
}

const HI: &str = "Hi";

fn formats() -> [Format; 5] {
    let messages = json!([{"role": "user", "content": HI}]);
    let chat_of_openai = Format {
        path: "/v1/chat/completions",
        api: Api::Openai,
        content_type: "text/event-stream",
        request: json!({"model": "m", "stream": true, "messages": messages}),
        body: chat,
        text: "/choices/0/delta/content",
        thought: "/choices/0/delta/reasoning_content",
        last: |event| event.pointer("/choices/0/finish_reason").is_some_and(Value::is_string),
        begun: last_turn,
    };
    let completions = Format {
        path: "/v1/completions",
        request: json!({"model": "m", "stream": true, "prompt": HI}),
        body: completion,
        text: "/choices/0/text",
        begun: prompt,
        ..chat_of_openai
    };
    let chat_of_ollama = Format {
        path: "/api/chat",
        api: Api::Ollama,
        content_type: "application/x-ndjson",
        request: json!({"model": "m", "messages": messages}),
        body: ollama_chat,
        text: "/message/content",
        thought: "/message/thinking",
        last: |event| event["done"] == true,
        begun: last_turn,
    };
    let raw = Format {
        path: "/api/generate",
        request: json!({"model": "m", "prompt": HI, "raw": true}),
        body: ollama_generate,
        text: "/response",
        thought: "/thinking",
        begun: prompt,
        ..chat_of_ollama
    };
    let generate =
        Format { request: json!({"model": "m", "prompt": HI, "system": "Be brief."}), begun: last_turn, ..raw };
    [chat_of_openai, completions, chat_of_ollama, raw, generate]
}

impl Format {
    fn script(&self, chunks: Vec<Bytes>) -> Script {
        Script { content_type: self.content_type, ..Script::of(chunks) }
    }

    fn events(&self, body: &[u8]) -> Vec<Value> {
        let text = String::from_utf8_lossy(body).into_owned();
        let data = text.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
        data.filter(|data| !data.is_empty() && *data != "[DONE]")
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }

    fn said(&self, place: &str, events: &[Value]) -> String {
        events.iter().filter_map(|event| event.pointer(place).and_then(Value::as_str)).collect()
    }

    /// How the second provider answers: a prompt of Ollama's goes on as a chat.
    fn second(&self, is_begun: bool, thoughts: &[&str], pieces: &[&str]) -> Script {
        let turned = self.path == "/api/generate" && self.request.get("raw").is_none() && is_begun;
        self.script(if turned { ollama_chat(thoughts, pieces) } else { (self.body)(thoughts, pieces) })
    }
}

/// How many of these pieces the events hold.
fn held(chunks: &[Bytes], pieces: &[&str]) -> usize {
    let text = String::from_utf8(chunks.concat()).unwrap();
    pieces.iter().filter(|piece| text.contains(&format!("\"{piece}\""))).count()
}

#[tokio::test]
async fn a_text_that_is_cut_behind_any_event_goes_on() {
    for format in formats() {
        let whole = (format.body)(&[], &PIECES);
        for behind in 0..=whole.len() {
            let said = held(&whole[..behind], &PIECES);
            let first = Mock::start(Script { content_type: format.content_type, ..cut(&whole[..behind]) }).await;
            let second = Mock::start(format.second(said > 0, &[], &PIECES[said..])).await;
            let server = two_routes(&first, &second, format.api, "{}", &[]).await;
            let response = Asker::new(&server).send("POST", format.path, format.request.to_string()).await;
            let body = all(response).await;
            let case = format!("{} cut behind event {behind}: {}", format.path, String::from_utf8_lossy(&body));
            let events = format.events(&body);
            assert_eq!(format.said(format.text, &events), PIECES.concat(), "{case}");
            assert_eq!(events.iter().filter(|event| (format.last)(event)).count(), 1, "{case}");
            assert!(events.last().is_some_and(format.last), "{case}");
            if !body.starts_with(b"{") {
                assert!(body.ends_with(b"data: [DONE]\n\n"), "{case}");
            }
            let has_finished = whole[..behind].iter().any(|chunk| format.events(chunk).iter().any(format.last));
            if said > 0 && !has_finished {
                let (_, request) = next_request(&second).await;
                assert_eq!(request["model"], "other", "{case}");
                assert!((format.begun)(&request).ends_with(&PIECES[..said].concat()), "{case}: {request}");
            }
        }
    }
}

#[tokio::test]
async fn a_prompt_goes_on_as_the_chat_that_its_server_makes_of_it() {
    let [.., format] = formats();
    let first =
        Mock::start(Script { content_type: format.content_type, ..cut(&ollama_generate(&[], &PIECES)[..2]) }).await;
    let second = Mock::start(format.second(true, &[], &PIECES[2..])).await;
    let server = two_routes(&first, &second, format.api, "{}", &[]).await;
    all(Asker::new(&server).send("POST", format.path, format.request.to_string()).await).await;
    let (path, request) = next_request(&second).await;
    assert_eq!(path, "/api/chat");
    assert_eq!(
        request,
        json!({"model": "other", "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": HI},
        {"role": "assistant", "content": PIECES[..2].concat()}]})
    );
}

#[tokio::test]
async fn thoughts_that_are_cut_behind_any_event_go_on() {
    let [format, ..] = formats();
    let whole = chat(&THOUGHTS, &PIECES);
    for behind in 0..=whole.len() {
        for says_again in [false, true] {
            let (thought, said) = (held(&whole[..behind], &THOUGHTS), held(&whole[..behind], &PIECES));
            // A server that does not go on in a turn may say the end of it again.
            let again = if says_again && said == 0 && thought > 1 { thought - 2 } else { thought };
            let first = Mock::start(cut(&whole[..behind])).await;
            let second = Mock::start(Script::of(chat(&THOUGHTS[again..], &PIECES[said..]))).await;
            let server = two_routes(&first, &second, Api::Openai, "{}", &[]).await;
            let response = Asker::new(&server).send("POST", format.path, format.request.to_string()).await;
            let body = all(response).await;
            let events = format.events(&body);
            let case = format!("cut behind event {behind}: {}", String::from_utf8_lossy(&body));
            assert_eq!(format.said(format.thought, &events), THOUGHTS.concat(), "{case}");
            assert_eq!(format.said(format.text, &events), PIECES.concat(), "{case}");
            assert!(body.ends_with(b"data: [DONE]\n\n"), "{case}");
        }
    }
}

#[tokio::test]
async fn a_loop_in_any_format_may_be_another_models_turn() {
    for format in formats() {
        let mut looping = (format.body)(&[], &["I am done. "; 40]);
        looping.truncate(40);
        let first = Mock::start(Script { hangs: true, ..format.script(looping) }).await;
        let second = Mock::start(format.second(true, &[], &["That is all."])).await;
        let server = two_routes(&first, &second, format.api, "{}", &["repeat"]).await;
        let body = all(Asker::new(&server).send("POST", format.path, format.request.to_string()).await).await;
        let events = format.events(&body);
        let text = format.said(format.text, &events);
        assert!(text.ends_with("I am done. That is all."), "{}: {text}", format.path);
        assert_eq!(events.iter().filter(|event| (format.last)(event)).count(), 1, "{}", format.path);
        assert!(!first.closed().await.0);
    }
}

#[tokio::test]
async fn a_client_that_takes_trailers_is_told_who_went_on() {
    let [format, ..] = formats();
    let first = Mock::start(cut(&chat(&[], &PIECES)[..3])).await;
    let second = Mock::start(Script::of(chat(&[], &PIECES[2..]))).await;
    let server = two_routes(&first, &second, Api::Openai, "{}", &[]).await;
    let asked = format.request.to_string();
    let response = Asker::new(&server).send_with("POST", format.path, asked, &[("te", "trailers")]).await;
    assert_eq!(response.headers()["trailer"], "x-midstream-spliced");
    assert_eq!(response.headers()["x-midstream-upstream"], "mock");
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-midstream-spliced"], "second");
}

#[tokio::test]
async fn an_answer_in_one_piece_names_who_went_on_in_its_head() {
    let whole = |text: &str| {
        let message = json!({"id": "c1", "object": "chat.completion", "model": "m", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]});
        let body = Bytes::from(message.to_string());
        Script { content_type: "application/json", length: Some(body.len()), ..Script::of([body]) }
    };
    for (text, spliced) in [("That is it.".to_owned(), None), ("I am done. ".repeat(60), Some("second"))] {
        let first = Mock::start(whole(&text)).await;
        let second = Mock::start(whole("That is all.")).await;
        let server = two_routes(&first, &second, Api::Openai, "{}", &["repeat"]).await;
        let asked = r#"{"model":"m","messages":[]}"#;
        let response = Asker::new(&server).send("POST", "/v1/chat/completions", asked).await;
        let named = response.headers().get("x-midstream-spliced").map(|name| name.to_str().unwrap().to_owned());
        assert_eq!(named.as_deref(), spliced);
    }
}
