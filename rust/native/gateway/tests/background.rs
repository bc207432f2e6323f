//! Responses in background mode outlive their connection: a stop cancels them, and who reads one again uses nothing.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use midstream_gateway::{Api, KeyConfig, LimitsConfig, Role};
use serde_json::{Value, json};
use support::answers::{all, text_of};
use support::ends::{all_ended, ended, until};
use support::keys::key;
use support::{Asker, Mock, Script, Seen, gateway, gateway_with};

const PATH: &str = "/v1/responses";
const BACKGROUND: &str = r#"{"model":"m","input":"Hi","background":true,"stream":true}"#;

fn event(kind: &str, number: usize, more: &Value) -> Bytes {
    let mut event = json!({"type": kind, "sequence_number": number});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("event: {kind}\ndata: {event}\n\n").into()
}

fn response(status: &str, text: &str) -> Value {
    let content = json!([{"type": "output_text", "text": text, "annotations": []}]);
    let message =
        json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content});
    let is_done = status == "completed";
    json!({
        "id": "resp_1", "object": "response", "model": "m", "status": status, "background": true,
        "output": if is_done { json!([message]) } else { json!([]) },
        "usage": if is_done { json!({"input_tokens": 7, "output_tokens": 20, "total_tokens": 27}) } else { Value::Null },
    })
}

fn created() -> Bytes {
    event("response.created", 0, &json!({"response": response("in_progress", "")}))
}

fn said(number: usize, text: &str) -> Bytes {
    let place = json!({"item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text});
    event("response.output_text.delta", number, &place)
}

fn completed(number: usize, text: &str) -> Bytes {
    event("response.completed", number, &json!({"response": response("completed", text)}))
}

/// A response that loops.
fn looping() -> Vec<Bytes> {
    std::iter::once(created()).chain((1..400).map(|number| said(number, "again and again and "))).collect()
}

/// One that is not over.
fn running() -> Script {
    Script { hangs: true, ..Script::of([created(), said(1, "Hello")]) }
}

fn whole(answer: &Value) -> Script {
    Script { content_type: "application/json", ..Script::of([answer.to_string()]) }
}

/// The next request that a provider sees.
async fn next(mock: &Mock) -> (String, http::HeaderMap) {
    loop {
        if let Seen::Asked { path, headers, .. } = mock.next().await {
            return (path, headers);
        }
    }
}

#[tokio::test]
async fn a_stop_cancels_a_response_in_background_mode_by_the_key_that_asked() {
    let mock = Mock::start(Script::of(looping())).await;
    let server = gateway(&mock, Api::Openai).await;
    let mut asker = Asker::new(&server);
    asker.key = Some("of-the-client");
    for (method, path, body) in
        [("POST", format!("{PATH}?api-version=1"), BACKGROUND), ("GET", format!("{PATH}/resp_1?stream=true"), "")]
    {
        all(asker.send(method, &path, body).await).await;
        assert_eq!(next(&mock).await.0, path);
        let (asked, headers) = next(&mock).await;
        let version = path.split_once('?').filter(|(_, query)| query.starts_with("api")).map(|(_, query)| query);
        let version = version.map(|query| format!("?{query}")).unwrap_or_default();
        assert_eq!(asked, format!("{PATH}/resp_1/cancel{version}"));
        assert_eq!(headers["authorization"], "Bearer of-the-client");
    }
}

#[tokio::test]
async fn a_stop_asks_for_no_cancel_of_a_response_that_ends_with_its_connection() {
    let mock = Mock::start(Script::of(looping())).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    all(asker.send("POST", PATH, BACKGROUND.replace("true,", "false,")).await).await;
    all(asker.send("GET", "/mock/next", "").await).await;
    assert_eq!(next(&mock).await.0, PATH);
    assert_eq!(next(&mock).await.0, "/next");
}

#[tokio::test]
async fn an_operator_cancels_a_response_in_background_mode() {
    let mock = Mock::start(running()).await;
    let server = gateway(&mock, Api::Openai).await;
    let mut answer = Asker::new(&server).send("POST", PATH, BACKGROUND).await;
    answer.body_mut().frame().await.unwrap().unwrap();
    next(&mock).await;
    let streams = support::ends::streams(&server);
    assert!(server.cancel(streams[0]["id"].as_str().unwrap()));
    assert_eq!(next(&mock).await.0, format!("{PATH}/resp_1/cancel"));
}

#[tokio::test]
async fn a_response_in_background_mode_goes_on_without_its_client_until_an_operator_cancels_it_once() {
    let mock = Mock::start(running()).await;
    let server = gateway(&mock, Api::Openai).await;
    let mut answer = Asker::new(&server).send("POST", PATH, BACKGROUND).await;
    answer.body_mut().frame().await.unwrap().unwrap();
    drop(answer);
    let stream = ended(&server).await;
    assert_eq!(stream["end"]["cause"], "client_left");
    let asker = Asker::new(&server);
    asker.send("GET", "/mock/next", "").await;
    let id = stream["id"].as_str().unwrap().to_owned();
    assert!(server.cancel(&id) && server.cancel(&id));
    asker.send("GET", "/mock/last", "").await;
    let mut seen = vec![next(&mock).await.0, next(&mock).await.0, next(&mock).await.0, next(&mock).await.0];
    // Nobody waits for the cancel.
    seen[2..].sort();
    assert_eq!(seen, [PATH, "/next", "/last", &format!("{PATH}/resp_1/cancel")]);
}

#[tokio::test]
async fn a_response_that_is_begun_alone_can_be_cancelled_by_its_stream() {
    let mock = Mock::start(whole(&response("queued", ""))).await;
    let server = gateway(&mock, Api::Openai).await;
    all(Asker::new(&server).send("POST", PATH, BACKGROUND.replace(r#","stream":true"#, "")).await).await;
    let stream = ended(&server).await;
    assert!(server.cancel(stream["id"].as_str().unwrap()));
    assert_eq!(next(&mock).await.0, PATH);
    assert_eq!(next(&mock).await.0, format!("{PATH}/resp_1/cancel"));
}

#[tokio::test]
async fn a_kept_response_is_under_guard_when_it_is_read_in_one_piece() {
    let answer = response("completed", &"again and again and ".repeat(400));
    let mock = Mock::start(whole(&answer)).await;
    let server = gateway(&mock, Api::Openai).await;
    let answer = Asker::new(&server).send("GET", &format!("{PATH}/resp_1"), "").await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let text = text_of(answer).await;
    assert!(text.contains("midstream_stopped") && !text.contains("again and"), "{text}");
}

#[tokio::test]
async fn a_kept_response_passes_as_it_is() {
    for answer in [response("completed", "Hello"), response("in_progress", "")] {
        let mock = Mock::start(whole(&answer)).await;
        let server = gateway(&mock, Api::Openai).await;
        let passed = Asker::new(&server).send("GET", &format!("{PATH}/resp_1"), "").await;
        assert_eq!(passed.status(), StatusCode::OK);
        assert_eq!(all(passed).await, answer.to_string());
    }
}

#[tokio::test]
async fn a_response_is_booked_once_however_often_it_is_read() {
    let text = "A short text about harbours and the sea.";
    let streamed = Mock::start(Script::of([created(), said(1, text), completed(2, text)])).await;
    let server = gateway(&streamed, Api::Openai).await;
    let asker = Asker::new(&server);
    all(asker.send("POST", PATH, BACKGROUND).await).await;
    for query in ["", "&starting_after=0"] {
        all(asker.send("GET", &format!("{PATH}/resp_1?stream=true{query}"), "").await).await;
    }
    all_ended(&server, 3).await;
    let sum = async |member: &str| {
        let usage = asker.get_json("/midstream/v1/usage").await;
        usage["usage"].as_array().unwrap().iter().map(|row| row[member].as_u64().unwrap_or_default()).sum::<u64>()
    };
    until("all are booked", async || sum("requests").await == 3).await;
    assert_eq!((sum("input").await, sum("output").await), (7, 20));
}

#[tokio::test]
async fn a_kept_response_uses_up_a_budget_once_however_often_it_is_read() {
    let text = "A short text about harbours and the sea.";
    let mock = Mock::start(Script::of([created(), said(1, text), completed(2, text)])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let roles = vec![Role::Call, Role::View];
        let limits = LimitsConfig { tokens_per_day: Some(30), ..LimitsConfig::default() };
        config.keys.insert("alice".to_owned(), KeyConfig { roles, limits, ..key("secret") });
    })
    .await;
    let asker = Asker::with_key(&server, "secret");
    let body = r#"{"model":"m","input":"Hi","stream":true,"max_output_tokens":20}"#;
    all(asker.send("POST", PATH, body).await).await;
    for _ in 0..4 {
        let read = asker.send("GET", &format!("{PATH}/resp_1?stream=true&starting_after=1"), "").await;
        assert_eq!(read.status(), StatusCode::OK);
        all(read).await;
    }
    all_ended(&server, 5).await;
    let row = asker.get_json("/midstream/v1/usage").await["usage"][0].clone();
    assert_eq!((&row["input"], &row["output"]), (&json!(7), &json!(20)));
}
