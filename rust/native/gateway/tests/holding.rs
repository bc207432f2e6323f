//! Held text passes once an HTTP moderator has looked at it, and nobody sees what it refuses.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use midstream_gateway::{Api, ModeratorConfig, ModeratorFormat, OnModeratorFailure, Server};
use midstream_stream::Settings;
use serde_json::{Value, json};
use support::answers::{all, text_of};
use support::{Asker, LONGEST, Mock, Script, chat, chat_end, gateway_with};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";

/// A moderator that answers each question by this.
struct Moderator {
    address: SocketAddr,
    asked: mpsc::UnboundedReceiver<(Option<String>, Value)>,
}

impl Moderator {
    async fn start(answer: impl Fn(&Value) -> (Duration, StatusCode, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (log, asked) = mpsc::unbounded_channel();
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (answer, log) = (Arc::clone(&answer), log.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        let (answer, log) = (Arc::clone(&answer), log.clone());
                        async move {
                            let key =
                                request.headers().get("authorization").map(|key| key.to_str().unwrap().to_owned());
                            let body = request.into_body().collect().await.unwrap().to_bytes();
                            let question = serde_json::from_slice(&body).unwrap();
                            let (wait, status, verdict) = answer(&question);
                            let _ = log.send((key, question));
                            tokio::time::sleep(wait).await;
                            let mut response = Response::new(Full::new(Bytes::from(verdict.to_string())));
                            *response.status_mut() = status;
                            Ok::<_, Infallible>(response)
                        }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        });
        Self { address, asked }
    }

    /// Refuses text that holds this word, after a while.
    async fn against(word: &'static str, wait: Duration) -> Self {
        Self::start(move |question| {
            let text = question["text"].as_str().unwrap();
            let verdict = match text.contains(word) {
                true => json!({"verdict": "stop", "reason": "not nice"}),
                false => json!({"verdict": "release"}),
            };
            (wait, StatusCode::OK, verdict)
        })
        .await
    }

    fn config(&self) -> ModeratorConfig {
        ModeratorConfig::new(format!("http://{}/check", self.address))
    }
}

async fn gateway(mock: &Mock, moderator: ModeratorConfig, guard: &str) -> Server {
    gateway_with(mock, Api::Openai, |config| {
        config.guard = Settings::from_json(guard).unwrap();
        config.moderator = Some(moderator);
    })
    .await
}

const HOLDS: &str = r#"{"hold": {}}"#;

/// Everything that an operator can see of the only stream.
async fn seen(asker: &Asker) -> String {
    let shown = asker.get_json("/midstream/v1/streams").await;
    let id = shown["streams"][0]["id"].as_str().unwrap().to_owned();
    let events = all(asker.send("GET", &format!("/midstream/v1/streams/{id}/events"), "").await).await;
    let metrics = all(asker.send("GET", "/metrics", "").await).await;
    format!("{shown}{}{}", String::from_utf8_lossy(&events), String::from_utf8_lossy(&metrics))
}

#[tokio::test]
async fn text_that_may_pass_passes_byte_by_byte() {
    let chunks = [chat("All is"), chat(" well. And"), chat(" so on."), chat_end()];
    let expected = chunks.concat();
    let mock = Mock::start(Script::of(chunks)).await;
    let mut moderator = Moderator::against("never", Duration::from_millis(30)).await;
    let server = gateway(&mock, moderator.config(), HOLDS).await;
    let asker = Asker::new(&server);
    let body = all(asker.post(CHAT).await).await;
    assert_eq!(body, expected);
    let (key, first) = moderator.asked.recv().await.unwrap();
    assert_eq!((key, &first["text"], &first["kind"]), (None, &json!("All is well."), &json!("text")));
    assert_eq!((&first["channel"], &first["context"]), (&json!("choice:0/text"), &json!("All is well.")));
    let (_, second) = moderator.asked.recv().await.unwrap();
    assert_eq!((&second["text"], &second["context"]), (&json!(" And so on."), &json!("All is well. And so on.")));
    assert_ne!(first["id"], second["id"]);
    let seen = seen(&asker).await;
    assert!(seen.contains(r#""text":" so on.""#) && seen.contains(r#""ending":"complete""#), "{seen}");
}

#[tokio::test]
async fn refused_text_reaches_nobody() {
    let mut script = Script::of([chat("All is well."), chat(" The canary"), chat(" sings."), chat(" More.")]);
    script.chunks.iter_mut().for_each(|(wait, _)| *wait = Duration::from_millis(100));
    script.hangs = true;
    let mock = Mock::start(script).await;
    let moderator = Moderator::against("canary", Duration::ZERO).await;
    let server = gateway(&mock, moderator.config(), HOLDS).await;
    let asker = Asker::new(&server);
    let text = text_of(asker.post(CHAT).await).await;
    assert!(text.contains("All is well.") && !text.contains("canary") && !text.contains("[DONE]"), "{text}");
    assert!(text.contains("stopped by midstream: hold/refused"), "{text}");
    assert!(!mock.closed().await.0);
    let seen = seen(&asker).await;
    assert!(!seen.contains("canary") && seen.contains("not nice") && seen.contains("All is well."), "{seen}");
}

#[tokio::test]
async fn text_of_a_format_that_is_not_known_reaches_nobody() {
    const NATIVE: &str = "data: {\"index\":0,\"content\":\"The canary sings.\",\"stop\":false}\n\n";
    const WHOLE: &str = r#"{"output":"The canary sings."}"#;
    let bare = r#""The canary sings.""#;
    let completion = r#"{"completion":"The canary sings."}"#;
    let (sse, json) = ("text/event-stream", "application/json");
    for (path, body, content_type, is_read) in [
        ("/completion", NATIVE, sse, true),
        ("/completions", NATIVE, sse, true),
        ("/infill", NATIVE, sse, true),
        ("/v1/completions", NATIVE, sse, true),
        ("/v1/chat/completions", NATIVE, sse, false),
        ("/v1/chat/completions", WHOLE, json, false),
        ("/v1/chat/completions", bare, json, false),
        ("/v1/messages", completion, json, false),
        ("/v1/responses", WHOLE, json, false),
    ] {
        let mock = Mock::start(Script { content_type, ..Script::of([body]) }).await;
        let mut moderator = Moderator::against("canary", Duration::ZERO).await;
        let api = if path == "/v1/messages" { Api::Anthropic } else { Api::Openai };
        let server = gateway_with(&mock, api, |config| {
            config.guard = Settings::from_json(HOLDS).unwrap();
            config.moderator = Some(moderator.config());
        })
        .await;
        let asker = Asker::new(&server);
        for streams in [true, false] {
            let text = text_of(asker.send("POST", path, json!({"stream": streams}).to_string()).await).await;
            assert!(!text.contains("canary"), "{path} {body}: {text}");
        }
        assert_eq!(moderator.asked.try_recv().is_ok(), is_read, "{path} {body}");
    }
}

#[tokio::test]
async fn a_moderator_that_fails_stops_or_releases_as_it_is_told_to() {
    let slow = Moderator::against("never", LONGEST).await;
    let broken =
        Moderator::start(|_| (Duration::ZERO, StatusCode::INTERNAL_SERVER_ERROR, json!({"verdict": "release"}))).await;
    let wrong = Moderator::start(|_| (Duration::ZERO, StatusCode::OK, json!({"verdict": "perhaps"}))).await;
    let gone = ModeratorConfig::new("http://127.0.0.1:1");
    for config in [slow.config(), broken.config(), wrong.config(), gone] {
        for on_failure in [OnModeratorFailure::Stop, OnModeratorFailure::Release] {
            let chunks = [chat("The canary sings."), chat_end()];
            let expected = chunks.concat();
            let mock = Mock::start(Script::of(chunks)).await;
            let config = ModeratorConfig { on_failure, timeout_s: 0.5, ..config.clone() };
            let server = gateway(&mock, config, HOLDS).await;
            let asker = Asker::new(&server);
            let body = all(asker.post(CHAT).await).await;
            match on_failure {
                OnModeratorFailure::Release => assert_eq!(body, expected),
                OnModeratorFailure::Stop => {
                    let text = String::from_utf8(body.to_vec()).unwrap();
                    assert!(!text.contains("canary") && text.contains("hold/refused"), "{text}");
                    assert!(!seen(&asker).await.contains("canary"));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_slow_moderator_of_one_stream_delays_no_other() {
    let moderator = Moderator::start(|question| {
        let is_slow = question["text"].as_str().unwrap().contains("slow");
        let wait = if is_slow { LONGEST } else { Duration::ZERO };
        (wait, StatusCode::OK, json!({"verdict": "release"}))
    })
    .await;
    let slow = Mock::start(Script::of([chat("A slow one."), chat_end()])).await;
    let server = gateway_with(&slow, Api::Openai, |config| {
        config.guard = Settings::from_json(HOLDS).unwrap();
        config.moderator = Some(ModeratorConfig { timeout_s: 19.0, ..moderator.config() });
    })
    .await;
    let asker = Asker::new(&server);
    let mut waiting = asker.post(CHAT).await;
    let frame = tokio::spawn(async move { waiting.body_mut().frame().await.is_some() });
    let quick = Mock::start(Script::of([chat("A quick one."), chat_end()])).await;
    let other = gateway(&quick, moderator.config(), HOLDS).await;
    let body = timeout(Duration::from_secs(5), all(Asker::new(&other).post(CHAT).await)).await.unwrap();
    assert!(body.ends_with(b"[DONE]\n\n"));
    assert!(!frame.is_finished());
    frame.abort();
}

#[tokio::test]
async fn an_answer_in_one_piece_is_asked_for_before_anything_passes() {
    for (word, status) in [("canary", StatusCode::UNPROCESSABLE_ENTITY), ("never", StatusCode::OK)] {
        let message = json!({"id": "c1", "object": "chat.completion", "model": "m", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "All is well. The canary sings."}, "finish_reason": "stop"},
        ]});
        let body = Bytes::from(message.to_string());
        let script =
            Script { content_type: "application/json", length: Some(body.len()), ..Script::of([body.clone()]) };
        let mock = Mock::start(script).await;
        let moderator = Moderator::against(word, Duration::from_millis(20)).await;
        let server = gateway(&mock, moderator.config(), HOLDS).await;
        let asker = Asker::new(&server);
        let response = asker.send("POST", CHAT, r#"{"model":"m"}"#).await;
        assert_eq!(response.status(), status);
        let answered = all(response).await;
        if status == StatusCode::OK {
            assert_eq!(answered, body);
        } else {
            assert!(!String::from_utf8_lossy(&answered).contains("canary"));
            assert!(!seen(&asker).await.contains("canary"));
        }
    }
}

#[tokio::test]
async fn openais_moderations_are_asked_in_their_own_words() {
    let mut moderator = Moderator::start(|question| {
        let flagged = question["input"].as_str().unwrap().contains("canary");
        let result = json!({"flagged": flagged, "categories": {"violence": flagged, "hate": false}});
        (Duration::ZERO, StatusCode::OK, json!({"id": "modr-1", "results": [result]}))
    })
    .await;
    let mock = Mock::start(Script::of([chat("All is well."), chat(" The canary sings."), chat_end()])).await;
    let config = ModeratorConfig {
        format: ModeratorFormat::Openai,
        model: Some("omni-moderation-latest".to_owned()),
        ..moderator.config()
    };
    let server = gateway(&mock, config, HOLDS).await;
    let asker = Asker::new(&server);
    let text = text_of(asker.post(CHAT).await).await;
    assert!(text.contains("All is well.") && !text.contains("canary"), "{text}");
    assert!(seen(&asker).await.contains("violence"));
    let (_, question) = moderator.asked.recv().await.unwrap();
    assert_eq!(question, json!({"model": "omni-moderation-latest", "input": "All is well."}));
}

#[tokio::test]
async fn held_and_redacted_text_reaches_nobody_either() {
    let mut script = Script::of([chat("Write to bob@exa"), chat("mple.org. The can"), chat("ary sings."), chat_end()]);
    script.chunks.iter_mut().for_each(|(wait, _)| *wait = Duration::from_millis(20));
    let mock = Mock::start(script).await;
    let mut moderator = Moderator::against("canary", Duration::from_millis(10)).await;
    let guard = r#"{"hold": {}, "redact": {"rules": ["email"]}}"#;
    let server = gateway(&mock, moderator.config(), guard).await;
    let asker = Asker::new(&server);
    let text = text_of(asker.post(CHAT).await).await;
    assert!(text.contains("hold/refused") && !text.contains("bob@") && !text.contains("ary"), "{text}");
    let seen = seen(&asker).await;
    assert!(!seen.contains("bob@") && !seen.contains("ary sings"), "{seen}");
    let (_, question) = moderator.asked.recv().await.unwrap();
    assert!(question["text"].as_str().unwrap().contains("[EMAIL]"), "{question}");
}

#[tokio::test]
async fn a_secret_is_in_nothing_that_is_seen() {
    let mock = Mock::start(Script::of([chat("Write to bob@exa"), chat("mple.org now."), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.guard = Settings::from_json(r#"{"redact": {"rules": ["email"]}}"#).unwrap();
    })
    .await;
    let asker = Asker::new(&server);
    let text = text_of(asker.post(CHAT).await).await;
    let seen = seen(&asker).await;
    assert!(text.contains("[EMAIL]") && seen.contains("[EMAIL]"), "{text}{seen}");
    for part in ["bob@", "mple.org"] {
        assert!(!text.contains(part) && !seen.contains(part), "{text}{seen}");
    }
}
