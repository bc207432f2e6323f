//! An agent's request holds its whole conversation: a loop in it is told in the answer's stream, and may stop it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::sync::mpsc::{Sender, channel};
use std::thread::available_parallelism;
use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use midstream_gateway::{Api, OnStop, Server};
use midstream_stream::Settings;
use serde_json::{Value, json};
use support::answers::{all, json_of};
use support::ends::until;
use support::{Asker, LONGEST, Mock, Script, chat, chat_end, gateway, gateway_with};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";
const FOUND: &str = "stopped by midstream: actions/repeat";

/// One API: what its client sends of an agent that has called a tool so often, and how an answer of it begins.
struct Kind {
    api: Api,
    path: &'static str,
    content_type: &'static str,
    begin: String,
    request: fn(usize) -> Value,
}

/// A request of OpenAI's chat whose agent called the same tool so often, and got the same each time.
fn chat_request(turns: usize) -> Value {
    let turn = |number: usize| {
        let function = json!({"name": "search", "arguments": "{\"q\": 1}"});
        [
            json!({"role": "assistant", "tool_calls": [{"id": format!("c{number}"), "type": "function", "function": function}]}),
            json!({"role": "tool", "tool_call_id": format!("c{number}"), "content": "no hits"}),
        ]
    };
    let user = json!({"role": "user", "content": "find it"});
    let messages: Vec<Value> = std::iter::once(user).chain((0..turns).flat_map(turn)).collect();
    json!({"model": "m", "stream": true, "messages": messages})
}

fn responses_request(turns: usize) -> Value {
    let turn = |number: usize| {
        let id = format!("c{number}");
        [
            json!({"type": "function_call", "call_id": id, "name": "search", "arguments": "{}"}),
            json!({"type": "function_call_output", "call_id": id, "output": "no hits"}),
        ]
    };
    json!({"model": "m", "stream": true, "input": (0..turns).flat_map(turn).collect::<Vec<_>>()})
}

fn messages_request(turns: usize) -> Value {
    let turn = |number: usize| {
        let id = format!("c{number}");
        [
            json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "search", "input": {}}]}),
            json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "no hits"}]}),
        ]
    };
    json!({"model": "m", "stream": true, "messages": (0..turns).flat_map(turn).collect::<Vec<_>>()})
}

fn gemini_request(turns: usize) -> Value {
    let turn = |_| {
        [
            json!({"role": "model", "parts": [{"functionCall": {"name": "search", "args": {}}}]}),
            json!({"role": "user", "parts": [{"functionResponse": {"name": "search", "response": {"hits": 0}}}]}),
        ]
    };
    json!({"contents": (0..turns).flat_map(turn).collect::<Vec<_>>()})
}

fn ollama_request(turns: usize) -> Value {
    let turn = |_| {
        [
            json!({"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "search", "arguments": {}}}]}),
            json!({"role": "tool", "tool_name": "search", "content": "no hits"}),
        ]
    };
    json!({"model": "m", "messages": (0..turns).flat_map(turn).collect::<Vec<_>>()})
}

fn kinds() -> Vec<Kind> {
    let sse = "text/event-stream";
    let named = |data: Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
    let response = json!({"id": "r", "object": "response", "status": "in_progress", "model": "m", "output": []});
    let message = json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": null, "usage": {"input_tokens": 1, "output_tokens": 1}});
    let content = json!({"parts": [{"text": "Well"}], "role": "model"});
    let of_ollama = json!({"model": "m", "created_at": "2026-11-01T00:00:00Z", "done": false,
        "message": {"role": "assistant", "content": "Well"}});
    vec![
        Kind {
            api: Api::Openai,
            path: CHAT,
            content_type: sse,
            begin: String::from_utf8(chat("Well").to_vec()).unwrap(),
            request: chat_request,
        },
        Kind {
            api: Api::Openai,
            path: "/v1/responses",
            content_type: sse,
            begin: named(json!({"type": "response.created", "sequence_number": 0, "response": response})),
            request: responses_request,
        },
        Kind {
            api: Api::Anthropic,
            path: "/v1/messages",
            content_type: sse,
            begin: named(json!({"type": "message_start", "message": message})),
            request: messages_request,
        },
        Kind {
            api: Api::Gemini,
            path: "/v1beta/models/m:streamGenerateContent?alt=sse",
            content_type: sse,
            begin: format!("data: {}\r\n\r\n", json!({"candidates": [{"content": content, "index": 0}]})),
            request: gemini_request,
        },
        Kind {
            api: Api::Ollama,
            path: "/api/chat",
            content_type: "application/x-ndjson",
            begin: format!("{of_ollama}\n"),
            request: ollama_request,
        },
    ]
}

/// The stream that the gateway had last.
async fn last(asker: &Asker) -> Value {
    let streams = asker.get_json("/midstream/v1/streams").await;
    let id = streams["streams"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    asker.get_json(&format!("/midstream/v1/streams/{id}")).await
}

/// What was found in it: check, kind and action.
fn found(stream: &Value) -> Vec<String> {
    let findings = stream["findings"].as_array().unwrap().iter();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    findings.map(|finding| ["check", "kind", "action"].map(|name| text(finding, name)).join("/")).collect()
}

/// How many checks gave a result, by the metrics.
async fn deferred(asker: &Asker, result: &str) -> u64 {
    let text = asker.get_text("/metrics").await;
    let name = format!("midstream_deferred_total{{result=\"{result}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

/// An answer that goes on a while after its begin.
fn unhurried(pause: Duration) -> Script {
    let chunks = vec![(Duration::ZERO, chat("Well")), (pause, chat(" then")), (Duration::ZERO, chat_end())];
    Script { content_type: "text/event-stream", chunks, ..Script::default() }
}

const SHORT: Duration = Duration::from_millis(50);

async fn answered(server: &Server, request: &Value) -> (String, Value) {
    let asker = Asker::new(server);
    let body = all(asker.send("POST", CHAT, request.to_string()).await).await;
    (String::from_utf8(body.to_vec()).unwrap(), last(&asker).await)
}

#[tokio::test]
async fn a_loop_of_an_agent_stops_the_answer_of_every_api_in_its_own_words() {
    for kind in kinds() {
        let script = Script { hangs: true, content_type: kind.content_type, ..Script::of([kind.begin.clone()]) };
        let mock = Mock::start(script).await;
        let server = gateway(&mock, kind.api).await;
        let asker = Asker::new(&server);
        let body = all(asker.send("POST", kind.path, (kind.request)(8).to_string()).await).await;
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.starts_with(&kind.begin) && body.contains(FOUND), "{}: {body}", kind.path);
        assert!(!mock.closed().await.0);
        let stream = last(&asker).await;
        assert_eq!(found(&stream), ["actions/repeat/stop"], "{stream}");
        assert_eq!(stream["summary"]["ending"], "halted", "{stream}");
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_is_refused_whatever_its_stop_is() {
    let answer = json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Well."}, "finish_reason": "stop"}]});
    for (on_stop, hangs) in [(OnStop::Error, true), (OnStop::Finish, true), (OnStop::Finish, false)] {
        let chunks = if hangs { vec![] } else { vec![answer.to_string()] };
        let mock = Mock::start(Script { content_type: "application/json", hangs, ..Script::of(chunks) }).await;
        let server = gateway_with(&mock, Api::Openai, |config| config.on_stop = on_stop).await;
        let mut request = chat_request(8);
        request["stream"] = json!(false);
        let asker = Asker::new(&server);
        let response = asker.send("POST", CHAT, request.to_string()).await;
        let status = response.status();
        let told = json_of(response).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
        assert!(told["error"]["message"].as_str().unwrap().contains(FOUND), "{told}");
        if hangs {
            assert!(!mock.closed().await.0);
        }
        assert_eq!(found(&last(&asker).await), ["actions/repeat/stop"]);
    }
}

#[tokio::test]
async fn hints_and_warnings_are_told_and_the_answer_passes() {
    let mock = Mock::start(unhurried(SHORT)).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.continuation.hint = true).await;
    for (turns, wanted) in
        [(2, vec![]), (3, vec!["actions/repeat/hint"]), (4, vec![]), (5, vec!["actions/repeat/warn"])]
    {
        let (body, stream) = answered(&server, &chat_request(turns)).await;
        assert!(body.ends_with("data: [DONE]\n\n"), "{body}");
        assert_eq!(found(&stream), wanted, "{turns} turns");
        mock.asked().await;
    }
    // A hint asks for no second request.
    assert_eq!(deferred(&Asker::new(&server), "done").await, 4);
    let usage = Asker::new(&server).get_json("/midstream/v1/usage").await;
    assert_eq!(usage["usage"][0]["requests"], 4, "{usage}");
}

#[tokio::test]
async fn a_warning_is_told_inside_the_answer_where_that_is_asked_for() {
    let mock = Mock::start(unhurried(Duration::from_secs(2))).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.tell_warnings = true).await;
    let (body, _) = answered(&server, &chat_request(5)).await;
    assert!(body.contains("\"warning\"") && body.ends_with("data: [DONE]\n\n"), "{body}");
}

#[tokio::test]
async fn under_shadow_a_loop_is_told_alone() {
    let mock = Mock::start(unhurried(SHORT)).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.guard.shadow = true).await;
    let (body, stream) = answered(&server, &chat_request(8)).await;
    assert!(body.ends_with("data: [DONE]\n\n"), "{body}");
    assert_eq!(
        (found(&stream), &stream["summary"]["ending"]),
        (vec!["actions/repeat/stop".into()], &json!("complete"))
    );
}

#[tokio::test]
async fn limits_of_the_guard_are_those_of_the_conversation() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Well")]) }).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.guard = Settings::from_json(r#"{"actions": {"tools": {"search": {"stop": 3}}}}"#).unwrap();
    })
    .await;
    let (body, stream) = answered(&server, &chat_request(3)).await;
    assert!(body.contains(FOUND), "{body}");
    assert_eq!(found(&stream), ["actions/repeat/stop"]);
}

#[tokio::test]
async fn an_agent_that_got_out_of_its_loop_is_not_stopped() {
    let mock = Mock::start(unhurried(SHORT)).await;
    let server = gateway(&mock, Api::Openai).await;
    let mut request = chat_request(9);
    request["messages"].as_array_mut().unwrap().push(json!({"role": "user", "content": "Look elsewhere."}));
    let (body, stream) = answered(&server, &request).await;
    assert!(body.ends_with("data: [DONE]\n\n"), "{body}");
    assert!(found(&stream).is_empty());
}

#[tokio::test]
async fn an_answer_that_is_there_at_once_is_told_of_and_not_taken_back() {
    let whole = [chat("Well"), chat_end()].concat();
    let mock = Mock::start(Script::of([whole])).await;
    let server = gateway(&mock, Api::Openai).await;
    let (body, stream) = answered(&server, &chat_request(8)).await;
    assert!(body.contains("[DONE]") || body.contains(FOUND), "{body}");
    assert_eq!(found(&stream), ["actions/repeat/stop"]);
    let state = if body.contains(FOUND) { "halted" } else { "complete" };
    assert_eq!(stream["summary"]["ending"], state);
}

#[tokio::test]
async fn what_the_upstream_refuses_is_not_stopped_besides() {
    let refused = r#"{"error": {"message": "too many", "type": "rate_limit"}}"#;
    let status = Some(StatusCode::BAD_REQUEST);
    let mock = Mock::start(Script { status, content_type: "application/json", ..Script::of([refused]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    let response = Asker::new(&server).send("POST", CHAT, chat_request(8).to_string()).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(all(response).await, refused);
    assert_eq!(deferred(&Asker::new(&server), "dropped").await, 1);
}

#[tokio::test]
async fn a_request_without_results_of_tools_is_not_looked_at() {
    let mock = Mock::start(unhurried(SHORT)).await;
    let server = gateway(&mock, Api::Openai).await;
    answered(&server, &chat_request(0)).await;
    for result in ["done", "dropped", "failed", "late", "refused"] {
        assert_eq!(deferred(&Asker::new(&server), result).await, 0, "{result}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_drops_the_check() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Well")]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let mut response = asker.send("POST", CHAT, chat_request(3).to_string()).await;
    let first = timeout(LONGEST, response.body_mut().frame()).await.unwrap();
    assert!(first.is_some());
    drop(response);
    mock.closed().await;
    let other = Asker::new(&server);
    let sum = async {
        loop {
            let counts = [deferred(&other, "done").await, deferred(&other, "dropped").await];
            if counts.iter().sum::<u64>() == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONGEST, sum).await.expect("the check is counted");
}

/// A runtime on whose only thread for what blocks something blocks, until that is dropped.
fn blocked() -> (Runtime, Sender<()>) {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let (end, ended) = channel::<()>();
    runtime.spawn_blocking(move || ended.recv().is_err());
    (runtime, end)
}

#[test]
fn checks_that_find_no_room_or_no_time_are_counted_and_no_answer_waits_longer_for_them() {
    /// As many checks wait as may, besides those that run.
    const WAITING: usize = 64;
    let asked = (WAITING + available_parallelism().unwrap().get() + 10) as u64;
    let (runtime, end) = blocked();
    runtime.block_on(async {
        let mock = Mock::start(Script::of([chat("Well"), chat_end()])).await;
        let server = gateway(&mock, Api::Openai).await;
        let (asker, request) = (Asker::new(&server), chat_request(8).to_string());
        let asking = (0..asked).map(|_| async { all(asker.send("POST", CHAT, request.clone()).await).await });
        let answers = futures_util::future::join_all(asking).await;
        assert!(answers.iter().all(|answer| answer.ends_with(b"data: [DONE]\n\n")));
        let counts = async |result| deferred(&asker, result).await;
        until("all are counted", async || counts("refused").await + counts("late").await == asked).await;
        assert!(counts("refused").await > 0 && counts("late").await > 0);
        assert_eq!((counts("done").await, counts("failed").await), (0, 0));
    });
    drop(end);
}
