//! Bytes pass as they are, and what the gateway decides reaches client, provider and operator.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use midstream_gateway::{Api, OnClientGone, RouteConfig, UpstreamConfig};
use serde_json::Value;
use support::answers::{all, id_of, json_of, text_of};
use support::keys::key;
use support::{Asker, LONGEST, Mock, Script, Seen, chat, chat_end, gateway, gateway_with, looping, mock_of};
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn the_body_passes_unchanged() {
    let chunks = vec![chat("Hello"), Bytes::from(": comment\r\n\r\n"), chat(" world\u{1F600}"), chat_end()];
    let expected = chunks.concat();
    let mock = Mock::start(Script::of(chunks)).await;
    let server = gateway(&mock, Api::Openai).await;
    let response = Asker::new(&server).post(CHAT).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-midstream-upstream"], "mock");
    assert_eq!(response.headers()["x-midstream-stream-id"].len(), 32);
    assert_eq!(all(response).await, expected);
}

#[tokio::test]
async fn the_request_passes_with_its_key_and_path() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    all(Asker::new(&server).post("/v1/chat/completions?trace=1").await).await;
    let Seen::Asked { path, headers, body } = mock.next().await else { panic!("asked first") };
    assert_eq!(path, "/v1/chat/completions?trace=1");
    assert_eq!(headers["accept-encoding"], "identity");
    assert_eq!(headers["host"], mock.address.to_string());
    assert_eq!(&body[..], br#"{"model":"m","stream":true}"#);
}

#[tokio::test]
async fn a_looping_answer_is_stopped_and_the_provider_closed() {
    let mock = Mock::start(looping()).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let id = id_of(&response);
    let body = all(response).await;
    let text = String::from_utf8(body.to_vec()).unwrap();
    let last: Value = serde_json::from_str(text.trim_end().rsplit("data: ").next().unwrap()).unwrap();
    assert!(last["error"]["message"].as_str().unwrap().contains("repeat"), "{last}");
    assert_eq!((&last["error"]["type"], &last["midstream"]["ending"]), (&"midstream_stopped".into(), &"halted".into()));
    assert!(!text.contains("[DONE]"));
    assert!(!mock.closed().await.0);
    let shown = asker.get_json(&format!("/midstream/v1/streams/{id}")).await;
    assert_eq!(shown["state"], "ended");
    assert_eq!(shown["summary"]["ending"], "halted");
    assert_eq!(shown["findings"][0]["check"], "repeat");
    let metrics = asker.get_text("/metrics").await;
    for line in [
        "midstream_streams_total{api=\"openai\",end=\"halted\"} 1",
        "midstream_streams_active{api=\"openai\"} 0",
        "midstream_detections_total{check=\"repeat\",action=\"stop\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn an_operator_can_end_a_stream() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let id = id_of(&response);
    let cancelled = asker.send("POST", &format!("/midstream/v1/streams/{id}/cancel"), "").await;
    assert_eq!(cancelled.status(), StatusCode::ACCEPTED);
    let (mut body, mut seen) = (response.into_body(), Vec::new());
    while let Ok(frame) = timeout(LONGEST, body.frame()).await.unwrap().expect("it breaks off") {
        seen.extend_from_slice(&frame.into_data().unwrap());
    }
    let seen = String::from_utf8(seen).unwrap();
    let last: Value = serde_json::from_str(seen.trim_end().rsplit("data: ").next().unwrap()).unwrap();
    let told = (&last["error"]["type"], &last["midstream"]["ending"]);
    assert_eq!(told, (&"midstream_cancelled".into(), &"cancelled".into()));
    assert!(!mock.closed().await.0);
}

#[tokio::test]
async fn a_refused_request_is_sent_again() {
    let script = Script::of([chat("Hello"), chat_end()]);
    script.refused.store(1, Ordering::SeqCst);
    let mock = Mock::start(script).await;
    let server = gateway(&mock, Api::Openai).await;
    let response = Asker::new(&server).post(CHAT).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(all(response).await.starts_with(&chat("Hello")));
}

#[tokio::test]
async fn the_next_upstream_of_a_model_is_asked_with_the_name_that_it_knows() {
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.upstreams.insert("gone".to_owned(), UpstreamConfig::new("http://127.0.0.1:1", &[Api::Openai]));
        let routes = [("gone", None), ("mock", Some("real"))]
            .map(|(upstream, model)| RouteConfig { upstream: upstream.to_owned(), model: model.map(str::to_owned) });
        config.models.insert("m".to_owned(), routes.into());
    })
    .await;
    let response = Asker::new(&server).post(CHAT).await;
    assert_eq!(response.headers()["x-midstream-upstream"], "mock");
    all(response).await;
    let Seen::Asked { body, .. } = mock.next().await else { panic!("asked first") };
    assert_eq!(&body[..], br#"{"model":"real","stream":true}"#);
}

#[tokio::test]
async fn a_model_that_stands_in_the_path_has_its_routes_and_each_its_name() {
    let refusing =
        Mock::start(Script { status: Some(StatusCode::SERVICE_UNAVAILABLE), ..Script::of([chat_end()]) }).await;
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Gemini, |config| {
        let refuses = UpstreamConfig::new(format!("http://{}", refusing.address), &[Api::Gemini]);
        config.upstreams.insert("refusing".to_owned(), UpstreamConfig { retries: 0, ..refuses });
        config.upstreams.insert("other".to_owned(), UpstreamConfig::new("http://127.0.0.1:1", &[Api::Openai]));
        let route = |(upstream, model): (&str, Option<&str>)| RouteConfig {
            upstream: upstream.to_owned(),
            model: model.map(str::to_owned),
        };
        config.models.insert("fast".to_owned(), [("refusing", Some("flash")), ("mock", Some("pro"))].map(route).into());
        config.models.insert("chat".to_owned(), [("other", None)].map(route).into());
    })
    .await;
    let asker = Asker::new(&server);
    let body = r#"{"contents":[]}"#;
    for verb in ["streamGenerateContent?alt=sse", "generateContent"] {
        let response = asker.send("POST", &format!("/v1beta/models/fast:{verb}"), body).await;
        assert_eq!(response.headers()["x-midstream-upstream"], "mock");
        all(response).await;
        for (provider, model) in [(&refusing, "flash"), (&mock, "pro")] {
            let asked = loop {
                if let Seen::Asked { path, body: sent, .. } = provider.next().await {
                    assert_eq!(sent, body);
                    break path;
                }
            };
            assert_eq!(asked, format!("/v1beta/models/{model}:{verb}"));
        }
    }
    let response = asker.send("POST", "/v1beta/models/chat:generateContent", body).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let body = json_of(response).await;
    assert_eq!(body["error"]["code"], 404);
    assert_eq!(body["error"]["message"], "no upstream serves the model \"chat\"; known: fast");
}

#[tokio::test]
async fn a_refusal_that_stays_one_passes_as_it_is() {
    let script = Script::of([chat_end()]);
    script.refused.store(9, Ordering::SeqCst);
    let mock = Mock::start(script).await;
    let server = gateway(&mock, Api::Openai).await;
    assert_eq!(Asker::new(&server).post(CHAT).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn with_keys_nobody_passes_without_one_and_none_reaches_the_provider() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.keys.insert("alice".to_owned(), key("secret"));
    })
    .await;
    let mut asker = Asker::new(&server);
    assert_eq!(asker.post(CHAT).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(asker.send("GET", "/midstream/v1/streams", "").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(asker.send("GET", "/healthz", "").await.status(), StatusCode::OK);
    asker.key = Some("secret");
    assert_eq!(asker.send("GET", "/midstream/v1/streams", "").await.status(), StatusCode::FORBIDDEN);
    all(asker.post("/v1/chat/completions?a=1&key=secret&b=2").await).await;
    let Seen::Asked { path, headers, .. } = mock.next().await else { panic!("asked first") };
    assert_eq!(path, "/v1/chat/completions?a=1&b=2");
    assert!(!headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_silent_answer_is_kept_alive_between_its_events_alone() {
    let hello = chat("Hello");
    let (begin, rest) = hello.split_at(20);
    let mut script = Script::of([chat("Hi")]);
    let pause = Duration::from_millis(250);
    script.chunks.extend([(pause, Bytes::copy_from_slice(begin)), (pause, Bytes::copy_from_slice(rest))]);
    script.chunks.push((Duration::ZERO, chat_end()));
    let mock = Mock::start(script).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.keepalive_s = 0.1).await;
    let body = all(Asker::new(&server).post(CHAT).await).await;
    let text = String::from_utf8(body.to_vec()).unwrap();
    let comments = text.matches(": keepalive\n\n").count();
    assert!(comments >= 1, "{text}");
    assert_eq!(text.replace(": keepalive\n\n", "").as_bytes(), [chat("Hi"), hello.clone(), chat_end()].concat());
}

#[tokio::test]
async fn an_answer_may_outlive_its_client() {
    let mut script = Script::of([chat("Hello")]);
    script.chunks.push((Duration::from_millis(200), chat_end()));
    let mock = Mock::start(script).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.on_client_gone = OnClientGone::Continue).await;
    let asker = Asker::new(&server);
    let mut response = asker.post(CHAT).await;
    let id = id_of(&response);
    timeout(LONGEST, response.body_mut().frame()).await.unwrap().unwrap().unwrap();
    drop((response, asker));
    assert!(mock.closed().await.0);
    let path = format!("/midstream/v1/streams/{id}/events");
    let events = all(Asker::new(&server).send("GET", &path, "").await).await;
    assert!(String::from_utf8(events.to_vec()).unwrap().contains(r#""ending":"complete""#));
}

/// A whole answer with this text.
fn answer(text: &str) -> Script {
    let message = serde_json::json!({"id": "c1", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"},
    ]});
    let body = Bytes::from(message.to_string());
    Script { content_type: "application/json", length: Some(body.len()), ..Script::of([body]) }
}

#[tokio::test]
async fn a_whole_answer_passes_unchanged_with_its_length() {
    let script = answer("Hello");
    let body = script.chunks[0].1.clone();
    let mock = Mock::start(script).await;
    let server = gateway(&mock, Api::Openai).await;
    let response = Asker::new(&server).send("POST", CHAT, r#"{"model":"m"}"#).await;
    assert_eq!(response.headers()["content-length"], body.len().to_string());
    assert_eq!(all(response).await, body);
}

#[tokio::test]
async fn a_whole_answer_that_loops_is_refused_by_its_status() {
    let mock = Mock::start(answer(&"I am done. ".repeat(60))).await;
    let server = gateway(&mock, Api::Openai).await;
    let response = Asker::new(&server).send("POST", CHAT, r#"{"model":"m"}"#).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let body = json_of(response).await;
    assert_eq!(body["error"]["message"], "stopped by midstream: repeat/exact");
    assert_eq!(body["error"]["type"], "midstream_stopped");
}

#[tokio::test]
async fn a_broken_provider_breaks_the_answer() {
    let mut script = Script { breaks: true, ..Script::of([chat("Hello")]) };
    script.chunks.push((Duration::from_millis(50), Bytes::from_static(b"data: {")));
    let mock = Mock::start(script).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let id = id_of(&response);
    assert!(timeout(LONGEST, response.into_body().collect()).await.unwrap().is_err());
    let shown = asker.get_json(&format!("/midstream/v1/streams/{id}")).await;
    assert_eq!(shown["summary"]["ending"], "truncated");
}

#[tokio::test]
async fn a_silent_provider_is_given_up() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        mock_of(config).idle_s = 0.2;
    })
    .await;
    let response = Asker::new(&server).post(CHAT).await;
    assert!(timeout(LONGEST, response.into_body().collect()).await.unwrap().is_err());
    assert!(!mock.closed().await.0);
}

#[tokio::test]
async fn what_is_refused_is_told_in_the_words_of_the_api() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.max_body = 10).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let body = json_of(response).await;
    assert_eq!(body["error"]["type"], "midstream_body_too_large");
    assert_eq!(asker.post("/v1/messages").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(asker.post("/nothing").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_bad_gateway() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.upstreams.insert("gone".to_owned(), UpstreamConfig::new("http://127.0.0.1:1", &[Api::Openai]));
    })
    .await;
    let response = Asker::new(&server).post("/gone/v1/chat/completions").await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    let text = text_of(response).await;
    assert!(!text.contains("127.0.0.1"), "{text}");
}

#[tokio::test]
async fn viewers_get_every_event_and_the_end_and_go_on_where_they_were() {
    let mock = Mock::start(Script::of([chat("Hello"), chat(" world"), chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let id = id_of(&response);
    all(response).await;
    let path = format!("/midstream/v1/streams/{id}/events");
    let whole = asker.get_text(&path).await;
    assert!(whole.contains(r#""text":"Hello""#) && whole.contains(r#""text":" world""#), "{whole}");
    assert_eq!(whole.matches("event: midstream.end").count(), 1);
    let rest = asker.get_text(&format!("{path}?after=1")).await;
    assert!(whole.ends_with(&rest) && rest.starts_with("id: 2\n"), "{rest}");
}

#[tokio::test]
async fn a_server_that_stops_lets_running_answers_end() {
    let mut script = Script::of([chat("Hello")]);
    script.chunks.push((Duration::from_millis(300), chat_end()));
    let mock = Mock::start(script).await;
    let server = gateway(&mock, Api::Openai).await;
    let response = Asker::new(&server).post(CHAT).await;
    let ((), body) = tokio::join!(server.stop(), all(response));
    assert!(body.ends_with(b"data: [DONE]\n\n"));
}
