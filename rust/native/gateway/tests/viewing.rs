//! Those who look on: from where they were, by any way, with a token, and never told of an end that is none.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use http_body_util::BodyExt;
use midstream_gateway::{Api, Server};
use serde_json::Value;
use support::answers::{all, id_of, json_of, text_of};
use support::connections::Raw;
use support::ends::ended;
use support::keys::key;
use support::{Asker, LONGEST, Mock, Script, chat, chat_end, gateway, gateway_with};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

const CHAT: &str = "/v1/chat/completions";

fn events(id: &str, query: &str) -> String {
    format!("/midstream/v1/streams/{id}/events{query}")
}

/// An answer of so many words, whole, and its id.
async fn answered(words: &[&str]) -> (Mock, Server, Asker, String) {
    let chunks: Vec<Bytes> = words.iter().map(|word| chat(word)).chain([chat_end()]).collect();
    let mock = Mock::start(Script::of(chunks)).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let id = id_of(&response);
    all(response).await;
    (mock, server, asker, id)
}

#[tokio::test]
async fn an_event_that_is_not_there_yet_is_refused() {
    let (_mock, _server, asker, id) = answered(&["Hello"]).await;
    let refused = asker.send("GET", &events(&id, "?after=1000"), "").await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(text_of(refused).await.contains("after is 1000"));
    for (path, told) in [
        (events(&id, "?after=-1"), "after is \"-1\", allowed is the number of an event"),
        (events(&id, "?mode=other"), "mode is \"other\", allowed is norm, raw"),
        (events(&id, "?afetr=1"), "no parameter is named \"afetr\"; known: after, key, mode, token"),
        ("/midstream/v1/streams?state=over".to_owned(), "state is \"over\", allowed is waiting, running, ended"),
    ] {
        let refused = asker.send("GET", &path, "").await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{path}");
        let refused = json_of(refused).await;
        assert_eq!(refused["error"]["message"], told);
    }
    assert_eq!(asker.send("GET", &events("unknown", ""), "").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn numbers_stand_in_the_answer_where_the_client_asks_and_the_rest_goes_on_behind_them() {
    let mock = Mock::start(Script::of([chat("Hello"), chat(" world"), chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let plain = text_of(asker.post(CHAT).await).await;
    let response = asker.send_with("POST", CHAT, r#"{"model":"m","stream":true}"#, &[("x-midstream-ids", "1")]).await;
    let id = id_of(&response);
    let numbered = text_of(response).await;
    let frames: Vec<&str> = numbered.split_inclusive("\n\n").collect();
    let without: String =
        numbered.lines().filter(|line| !line.starts_with("id: ")).map(|line| format!("{line}\n")).collect();
    assert_eq!(without, plain);
    let number =
        |frame: &str| -> u64 { frame.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().parse().unwrap() };
    let rest = asker.get_text(&events(&id, &format!("?mode=raw&after={}", number(frames[0])))).await;
    let (raw, end) = rest.split_once("event: midstream.end").unwrap();
    assert_eq!(raw, frames[1..].concat());
    assert!(end.contains(r#""ending":"complete""#));
}

#[tokio::test]
async fn a_raw_viewer_is_told_of_frames_that_are_gone() {
    let unlike = |number: u32| {
        (0..50)
            .map(|part: u32| format!("{:08x}", (part * 61 + number + 1).wrapping_mul(2_654_435_761)))
            .collect::<String>()
    };
    let mut chunks: Vec<_> = (0..100).map(|number| chat(&unlike(number))).collect();
    chunks.push(chat_end());
    let mock = Mock::start(Script::of(chunks)).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let id = id_of(&response);
    let sent = text_of(response).await;
    let raw = asker.get_text(&events(&id, "?mode=raw&after=0")).await;
    let lagged: Value = serde_json::from_str(raw.lines().nth(1).unwrap().strip_prefix("data: ").unwrap()).unwrap();
    assert!(raw.starts_with("event: midstream.lagged") && lagged["from"] == 1, "{raw}");
    let (kept, _) = raw.split_once("event: midstream.end").unwrap();
    let data = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("data: ")).map(str::to_owned).collect()
    };
    let (frames, newest) = (data(kept).split_off(1), data(&sent));
    assert!(newest.ends_with(&frames));
    assert!((5..100).contains(&frames.len()), "{}", frames.len());
}

#[tokio::test]
async fn an_answer_in_one_piece_is_one_frame() {
    let body = r#"{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#;
    let script = Script { content_type: "application/json", length: Some(body.len()), ..Script::of([body]) };
    let mock = Mock::start(script).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let id = id_of(&response);
    assert_eq!(all(response).await, body);
    let raw = asker.get_text(&events(&id, "?mode=raw")).await;
    assert!(raw.contains(&format!("data: {body}\n\nevent: midstream.end")), "{raw}");
}

#[tokio::test]
async fn a_websocket_tells_the_same_events() {
    let (_mock, server, asker, id) = answered(&["Hello", " world"]).await;
    let sse = asker.get_text(&events(&id, "?after=0")).await;
    let url = format!("ws://{}{}", server.address(), events(&id, "?after=0"));
    let (socket, _) = timeout(LONGEST, tokio_tungstenite::connect_async(url)).await.unwrap().unwrap();
    let messages: Vec<Message> = timeout(LONGEST, socket.map(Result::unwrap).collect()).await.unwrap();
    let told: Vec<Value> =
        messages.iter().filter_map(|message| serde_json::from_str(message.to_text().ok()?).ok()).collect();
    let expected =
        sse.lines().filter_map(|line| line.strip_prefix("data: ")).map(|json| serde_json::from_str(json).unwrap());
    let expected: Vec<Value> = expected.collect();
    assert_eq!(told.len(), expected.len());
    assert_eq!(told[..told.len() - 1], expected[..expected.len() - 1]);
    assert_eq!(told.last().unwrap()["event"], "midstream.end");
    assert!(matches!(messages.last(), Some(Message::Close(_))));
}

#[tokio::test]
async fn a_viewer_that_sends_more_than_a_little_by_websocket_is_let_go() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    let response = Asker::new(&server).post(CHAT).await;
    let url = format!("ws://{}{}", server.address(), events(&id_of(&response), ""));
    let (mut socket, _) = timeout(LONGEST, tokio_tungstenite::connect_async(url)).await.unwrap().unwrap();
    socket.send(Message::Text("a little".into())).await.unwrap();
    // The gateway may close while this is sent.
    let _ = socket.send(Message::Text("x".repeat(1 << 20).into())).await;
    while let Some(Ok(message)) = timeout(LONGEST, socket.next()).await.expect("the gateway lets nobody go") {
        assert!(!matches!(message, Message::Close(Some(_))), "{message}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_websocket() {
    let (_mock, server, asker, id) = answered(&["Hello"]).await;
    let headers = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("origin", "https://elsewhere.example"),
    ];
    assert_eq!(asker.send_with("GET", &events(&id, ""), "", &headers).await.status(), StatusCode::FORBIDDEN);
    drop(server);
}

#[tokio::test]
async fn who_is_one_too_many_is_sent_away_and_a_place_that_is_left_is_free() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.viewers.per_stream = 1).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let path = events(&id_of(&response), "");
    let mut first = asker.send("GET", &path, "").await;
    timeout(LONGEST, first.body_mut().frame()).await.unwrap().unwrap().unwrap();
    let refused = asker.send("GET", &path, "").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    drop(first);
    timeout(LONGEST, async {
        while asker.send("GET", &path, "").await.status() != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_note_is_an_event_and_a_part_of_the_stream() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let path = format!("/midstream/v1/streams/{}", id_of(&response));
    let note = r#"{"note": {"reviewer": "alice",
        "score": 3}}"#;
    assert_eq!(asker.send("POST", &format!("{path}/annotate"), note).await.status(), StatusCode::CREATED);
    assert_eq!(asker.get_json(&path).await["notes"][0]["score"], 3);
    let mut viewer = asker.send("GET", &format!("{path}/events"), "").await;
    let mut told = String::new();
    while !told.contains(r#""kind":"note","note":{"reviewer":"alice","score":3}"#) {
        let frame = timeout(LONGEST, viewer.body_mut().frame()).await.unwrap().unwrap().unwrap();
        told.push_str(str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    let long = format!(r#"{{"note": "{}"}}"#, "x".repeat(5000));
    for body in ["", "{}", "[1]", r#"{"note": 1, "other": 2}"#, long.as_str()] {
        let refused = asker.send("POST", &format!("{path}/annotate"), body.to_owned()).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn a_token_shows_one_stream_and_nothing_else() {
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.keys.insert("alice".to_owned(), key("alice-key"));
        config.keys.insert("bob".to_owned(), key("bob-key"));
    })
    .await;
    let (alice, bob) = (Asker::with_key(&server, "alice-key"), Asker::with_key(&server, "bob-key"));
    let nobody = Asker::new(&server);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let response = alice.post(CHAT).await;
        ids.push(id_of(&response));
        all(response).await;
    }
    let path = |id: &str| format!("/midstream/v1/streams/{id}");
    let status = async |asker: &Asker, method: &str, path: &str| asker.send(method, path, "").await.status();
    assert_eq!(status(&alice, "GET", &events(&ids[0], "")).await, StatusCode::OK);
    assert_eq!(status(&bob, "GET", &events(&ids[0], "")).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&bob, "POST", &format!("{}/token", path(&ids[0]))).await, StatusCode::FORBIDDEN);
    let given = alice.send("POST", &format!("{}/token", path(&ids[0])), "").await;
    let given = json_of(given).await;
    let token = given["token"].as_str().unwrap();
    let with_token = |path: String| format!("{path}?token={token}");
    assert_eq!(status(&nobody, "GET", &with_token(events(&ids[0], ""))).await, StatusCode::OK);
    assert_eq!(status(&nobody, "GET", &with_token(path(&ids[0]))).await, StatusCode::OK);
    let percent_encoded: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let encoded = format!("{}?a=1&token={percent_encoded}", path(&ids[0]));
    assert_eq!(status(&nobody, "GET", &encoded).await, StatusCode::OK);
    assert_eq!(status(&nobody, "GET", &with_token(events(&ids[1], ""))).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&nobody, "GET", &with_token("/midstream/v1/streams".to_owned())).await, StatusCode::UNAUTHORIZED);
    for act in ["cancel", "annotate", "token"] {
        let acted = status(&nobody, "POST", &with_token(format!("{}/{act}", path(&ids[0])))).await;
        assert_eq!(acted, StatusCode::UNAUTHORIZED, "{act}");
    }
}

#[tokio::test]
async fn a_list_is_filtered_and_goes_on() {
    let (_mock, _server, asker, _) = answered(&["Hello"]).await;
    for _ in 0..2 {
        all(asker.post(CHAT).await).await;
    }
    let list = async |query: &str| asker.get_json(&format!("/midstream/v1/streams{query}")).await;
    let first = list("?limit=2&state=ended&model=m").await;
    assert_eq!(first["streams"].as_array().unwrap().len(), 2);
    let rest = list(&format!("?after={}", first["next"].as_str().unwrap())).await;
    assert_eq!((rest["streams"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    assert_eq!(list("?model=other").await["streams"], Value::Array(Vec::new()));
    assert_eq!(list("?state=running").await["streams"], Value::Array(Vec::new()));
    for query in ["?limit=0", "?limit=1001", "?state=over", "?modle=m", "?after=nobody"] {
        let refused = asker.send("GET", &format!("/midstream/v1/streams{query}"), "").await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn a_forgotten_stream_tells_its_end() {
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.store.keep_s = 0.0).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let path = events(&id_of(&response), "?after=0");
    all(response).await;
    let gone = timeout(LONGEST, async {
        loop {
            let response = asker.send("GET", &path, "").await;
            if response.status() == StatusCode::GONE {
                return response;
            }
            all(response).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let told = json_of(gone.await.unwrap()).await;
    assert_eq!(
        (&told["error"]["type"], &told["stream"]["end"]["state"]),
        (&"midstream_expired".into(), &"complete".into())
    );
}

#[tokio::test]
async fn an_ended_stream_is_deleted_and_one_that_runs_is_not() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let path = format!("/midstream/v1/streams/{}", id_of(&response));
    let status = async |method: &str, path: &str| asker.send(method, path, "").await.status();
    let refused = asker.send("DELETE", &path, "").await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert!(text_of(refused).await.contains("the stream runs; cancel it first"));
    assert_eq!(asker.get_json(&path).await["state"], "running");
    let cancel = format!("{path}/cancel");
    assert_eq!(status("POST", &cancel).await, StatusCode::ACCEPTED);
    ended(&server).await;
    // Whoever asks for its end has what they want.
    assert_eq!(status("POST", &cancel).await, StatusCode::ACCEPTED);
    assert_eq!(status("DELETE", &path).await, StatusCode::NO_CONTENT);
    for (method, path) in [("GET", &path), ("DELETE", &path), ("POST", &cancel)] {
        assert_eq!(status(method, path).await, StatusCode::NOT_FOUND, "{method} {path}");
    }
}

#[tokio::test]
async fn the_document_says_who_is_refused() {
    let (_mock, _server, asker, _) = answered(&["Hello"]).await;
    let document = asker.get_json("/midstream/v1/openapi.json").await;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let is_open = ["/healthz", "/readyz"].contains(&path.as_str());
        for (method, operation) in operations.as_object().unwrap() {
            let told = operation["responses"].as_object().unwrap();
            let refuses = ["401", "403"].map(|status| told.contains_key(status));
            assert_eq!(refuses, [!is_open; 2], "{method} {path}");
            // Where a token of a viewer is enough, it may stand in the query.
            let takes_token = operation["parameters"].to_string().contains(r#""name":"token""#);
            let is_seen = ["/{id}", "/{id}/events", "/{id}/findings"].iter().any(|end| path.ends_with(end));
            assert_eq!(takes_token, is_seen && method == "get", "{method} {path}");
            let names_one = path.contains("{id}");
            assert_eq!(told.contains_key("404"), names_one, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_viewer_in_the_process_needs_no_socket() {
    let (_mock, server, _asker, id) = answered(&["Hello"]).await;
    let mut view = server.view(&id, Some(0), false).await.unwrap();
    let mut told = Vec::new();
    while let Some(text) = timeout(LONGEST, view.next()).await.unwrap() {
        told.push(serde_json::from_str::<Value>(&text).unwrap());
    }
    assert_eq!(told[0]["sequence"], 1);
    assert_eq!(told.last().unwrap()["event"], "midstream.end");
    assert!(server.view(&id, Some(999), false).await.is_err());
}

#[tokio::test]
async fn a_viewer_that_takes_nothing_is_let_go_and_counted() {
    let much = chat(&"x".repeat(64 << 10));
    let mock = Mock::start(Script { hangs: true, ..Script::of((0..150).map(|_| much.clone())) }).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.clients.slow_s = 0.5;
        config.guard.shadow = true;
    })
    .await;
    let asker = Asker::new(&server);
    let mut response = asker.post(CHAT).await;
    let mut viewer = Raw::open(&server).await;
    let path = events(&id_of(&response), "");
    viewer.write(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    viewer.until("data: ").await;
    let reading = tokio::spawn(async move { while let Some(Ok(_)) = response.frame().await {} });
    let slow = r#"midstream_subscriber_dropped_total{reason="slow"} 1"#;
    let told = async { while !asker.get_text("/metrics").await.contains(slow) {} };
    timeout(LONGEST, told).await.expect("the viewer was let go");
    reading.abort();
}
