//! A secret that is redacted for the client stands nowhere else: in no answer, event, log, metric or file.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use bytes::Bytes;
use midstream_gateway::{Api, Config, Server};
use midstream_stream::Settings;
use serde_json::{Value, json};
use support::answers::all;
use support::folder::Folder;
use support::{Asker, Mock, Script, gateway_with};

/// In pieces that no whole file of this test holds as one.
const SECRET: [&str; 3] = ["bob.canary", "@exam", "ple.org"];
const GUARD: &str = r#"{"redact": {"rules": ["email"]}}"#;

fn secret() -> String {
    SECRET.concat()
}

/// A path, its API, a request and an answer in one piece, with the secret in text, arguments and reasoning.
struct Case {
    path: &'static str,
    api: Api,
    request: Value,
    answer: Value,
    /// What stays as it is.
    kept: &'static [&'static str],
}

fn cases() -> Vec<Case> {
    let text = || format!("Ask {} today.", secret());
    let arguments = || json!({"to": secret(), "n": 3});
    let written = || arguments().to_string();
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12});
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "send", "arguments": written()}});
    let choice = json!({"index": 0, "finish_reason": "tool_calls", "logprobs": null,
        "message": {"role": "assistant", "content": text(), "reasoning_content": text(), "tool_calls": [call]}});
    let chat = json!({"id": "c1", "object": "chat.completion", "created": 7, "model": "m", "choices": [choice],
        "usage": usage});
    let choice = json!({"index": 0, "finish_reason": "stop", "logprobs": null, "text": text()});
    let completion = json!({"id": "c1", "object": "text_completion", "created": 7, "model": "m", "choices": [choice],
        "usage": usage});
    let output = json!([
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": text()}]},
        {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "send", "arguments": written(),
            "status": "completed"},
        {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text(), "annotations": []}]}]);
    let response = json!({"id": "resp_1", "object": "response", "created_at": 7, "status": "completed", "model": "m",
        "output": output, "usage": {"input_tokens": 3, "output_tokens": 9, "total_tokens": 12}});
    let content = json!([{"type": "thinking", "thinking": "Whom?", "signature": "c2ln"}, {"type": "text", "text": text()},
        {"type": "tool_use", "id": "toolu_1", "name": "send", "input": arguments()}]);
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content,
        "stop_reason": "tool_use", "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 9}});
    let counts = json!({"done": true, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 9});
    let ollama = |said: Value| {
        let mut all = json!({"model": "m", "created_at": "2026-11-21T20:48:36.1Z"});
        for part in [said, counts.clone()] {
            all.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        }
        all
    };
    let call = json!({"function": {"name": "send", "arguments": arguments()}});
    let said = json!({"role": "assistant", "content": text(), "thinking": text(), "tool_calls": [call]});
    let parts = json!([{"text": text(), "thought": true}, {"text": text()},
        {"functionCall": {"id": "f1", "name": "send", "args": arguments()}}]);
    let candidate = json!({"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": "STOP"});
    let gemini = json!({"candidates": [candidate], "modelVersion": "m", "responseId": "r1",
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 9, "totalTokenCount": 12}});
    let asked = json!({"model": "m", "stream": false});
    let case = |path, api, answer, kept| Case { path, api, request: asked.clone(), answer, kept };
    vec![
        case("/v1/chat/completions", Api::Openai, chat, &["/id", "/usage", "/choices/0/message/tool_calls/0/id"]),
        case("/v1/completions", Api::Openai, completion, &["/id", "/usage"]),
        case("/v1/responses", Api::Openai, response, &["/id", "/usage", "/output/1/call_id", "/output/2/id"]),
        case("/v1/messages", Api::Anthropic, message, &["/id", "/usage", "/content/2/id", "/content/2/name"]),
        case("/api/chat", Api::Ollama, ollama(json!({ "message": said })), &["/eval_count", "/done_reason"]),
        case("/api/generate", Api::Ollama, ollama(json!({"response": text(), "thinking": text()})), &["/eval_count"]),
        case("/v1beta/models/m:generateContent", Api::Gemini, gemini, &["/responseId", "/usageMetadata"]),
    ]
}

async fn gateway(mock: &Mock, api: Api, change: impl FnOnce(&mut Config)) -> Server {
    gateway_with(mock, api, |config| {
        config.guard = Settings::from_json(GUARD).unwrap();
        change(config);
    })
    .await
}

/// All that operators and viewers are told.
async fn told(server: &Server, mode: &str) -> String {
    let asker = Asker::new(server);
    let list = asker.get_json("/midstream/v1/streams").await;
    let mut told = list.to_string();
    for stream in list["streams"].as_array().unwrap() {
        let path = format!("/midstream/v1/streams/{}", stream["id"].as_str().unwrap());
        for more in ["".to_owned(), "/findings".to_owned(), format!("/events?mode={mode}")] {
            let body = all(asker.send("GET", &format!("{path}{more}"), "").await).await;
            told += &String::from_utf8_lossy(&body);
        }
    }
    told + &String::from_utf8_lossy(&all(asker.send("GET", "/metrics", "").await).await) + &server.streams_json()
}

#[tokio::test]
async fn a_whole_answer_of_every_api_is_redacted_and_else_the_same() {
    for case in cases() {
        let body = Bytes::from(case.answer.to_string());
        let script = Script { content_type: "application/json", length: Some(body.len()), ..Script::of([body]) };
        let mock = Mock::start(script).await;
        let server = gateway(&mock, case.api, |_| ()).await;
        let response = Asker::new(&server).send("POST", case.path, case.request.to_string()).await;
        let length = response.headers()["content-length"].to_str().unwrap().parse::<usize>().unwrap();
        let passed = all(response).await;
        let text = String::from_utf8(passed.to_vec()).unwrap();
        assert_eq!(length, passed.len(), "{}", case.path);
        assert_eq!(text, case.answer.to_string().replace(&secret(), "[EMAIL]"), "{}", case.path);
        let answer: Value = serde_json::from_str(&text).unwrap();
        for place in case.kept {
            assert!(answer.pointer(place).is_some(), "{} {place}", case.path);
            assert_eq!(answer.pointer(place), case.answer.pointer(place), "{} {place}", case.path);
        }
        for mode in ["norm", "raw"] {
            let told = told(&server, mode).await;
            assert!(told.contains("[EMAIL]") && !told.contains(&secret()), "{} {mode}: {told}", case.path);
        }
    }
}

#[tokio::test]
async fn signed_thoughts_that_hold_a_secret_are_refused_since_they_cannot_be_changed() {
    let Some(Case { path, api, request, mut answer, .. }) = cases().into_iter().find(|case| case.api == Api::Anthropic)
    else {
        panic!("a case of messages");
    };
    answer["content"][0]["thinking"] = secret().into();
    let body = Bytes::from(answer.to_string());
    let script = Script { content_type: "application/json", length: Some(body.len()), ..Script::of([body]) };
    let mock = Mock::start(script).await;
    let server = gateway(&mock, api, |_| ()).await;
    let response = Asker::new(&server).send("POST", path, request.to_string()).await;
    assert_eq!(response.status(), 422);
    let told = told(&server, "raw").await + &String::from_utf8_lossy(&all(response).await);
    assert!(told.contains("redact") && !told.contains(&secret()), "{told}");
}

fn chunk(delta: &Value) -> Bytes {
    let chunk = json!({"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [
        {"index": 0, "delta": delta, "finish_reason": null}]});
    format!("data: {chunk}\n\n").into()
}

/// The secret in text, arguments and reasoning, cut in the middle each time, and then what `last` makes of it.
fn streamed(last: &[Bytes]) -> Script {
    let mut chunks = Vec::new();
    for key in ["reasoning_content", "content"] {
        chunks.extend(SECRET.iter().map(|piece| chunk(&json!({ key: piece }))));
        chunks.push(chunk(&json!({ key: ". Ask again. " })));
    }
    let call = |arguments: &str| {
        json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function",
        "function": {"name": "send", "arguments": arguments}}]})
    };
    let begun = format!("{{\"to\": \"{}", SECRET[0]);
    chunks.extend([&begun, SECRET[1], SECRET[2], "\"}"].map(|piece| chunk(&call(piece))));
    chunks.extend_from_slice(last);
    Script::of(chunks)
}

#[tokio::test]
async fn a_secret_of_a_stream_is_in_no_file_of_the_store_and_told_to_no_viewer() {
    let looping: Vec<Bytes> = (0..60).map(|_| chunk(&json!({"content": format!("Ask {}. ", secret())}))).collect();
    let cut = chunk(&json!({"content": format!("Or {}", SECRET[0])}));
    let error = json!({"error": {"message": format!("no mail to {}", secret()), "type": "x", "code": "y"}});
    let endings: [(&str, Vec<Bytes>); 4] = [
        ("complete", vec![support::chat_end()]),
        ("halted", looping),
        ("truncated", vec![cut]),
        ("failed", vec![format!("data: {error}\n\n").into()]),
    ];
    for (ending, last) in endings {
        let folder = Folder::new();
        let mock = Mock::start(streamed(&last)).await;
        let server = gateway(&mock, Api::Openai, |config| {
            config.store.folder = Some(folder.0.join("streams"));
            config.usage.file = Some(folder.0.join("usage.jsonl"));
        })
        .await;
        let body = all(Asker::new(&server).post("/v1/chat/completions").await).await;
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("[EMAIL]") && !text.contains(&secret()), "{ending}: {text}");
        for mode in ["norm", "raw"] {
            let told = told(&server, mode).await;
            assert!(told.contains(ending) && told.contains("[EMAIL]"), "{ending} {mode}: {told}");
            assert!(!told.contains(&secret()) && !told.contains(SECRET[1]), "{ending} {mode}: {told}");
        }
        server.stop().await;
        let written = folder.text();
        assert!(written.contains("[EMAIL]") && written.contains(ending), "{ending}: {written}");
        assert!(!written.contains(SECRET[1]) && !written.contains(SECRET[2]), "{ending}: {written}");
    }
}
