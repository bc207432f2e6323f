//! Heads that are sent before an upstream has answered: comments, then the answer, or what refuses it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use midstream_gateway::{Api, Config, RouteConfig, Server, UpstreamConfig};
use serde_json::{Value, json};
use support::answers::all;
use support::connections::{Connection, Http, Raw, chat_request, post};
use support::ends::{counted, ended};
use support::{Asker, LONGEST, Mock, Script, chat, chat_end, gateway_with, mock_of};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";
const COMMENT: &str = ": keepalive\n\n";
/// What Google's SDKs get in its place.
const BLANK: &str = "\n";
const LATE: Duration = Duration::from_millis(300);

/// One that comments soon, and asks its upstream once.
async fn early(mock: &Mock, api: Api, change: impl FnOnce(&mut Config)) -> Server {
    gateway_with(mock, api, |config| {
        (config.early_head, config.keepalive_s) = (true, 0.05);
        mock_of(config).retries = 0;
        change(config);
    })
    .await
}

/// A provider that does not answer at all.
fn silent() -> Script {
    Script { before: LONGEST * 4, ..Script::of([chat("late")]) }
}

fn late(script: Script) -> Script {
    Script { before: LATE, ..script }
}

fn with_trailers() -> Request<Full<Bytes>> {
    let mut request = post(CHAT);
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    request
}

/// The first bytes of a body.
async fn first(response: &mut Response<Incoming>) -> Bytes {
    let frame = timeout(LONGEST, response.body_mut().frame()).await.expect("nothing came");
    frame.unwrap().unwrap().into_data().unwrap()
}

/// The one event of a body that breaks off, behind comments.
async fn broken(response: Response<Incoming>) -> String {
    let mut body = response.into_body();
    let mut read = Vec::new();
    loop {
        match timeout(LONGEST, body.frame()).await.expect("no end") {
            Some(Ok(frame)) => read.extend(frame.into_data().expect("no trailers")),
            Some(Err(_)) => break,
            None => panic!("its client takes it for whole: {}", String::from_utf8_lossy(&read)),
        }
    }
    let text = String::from_utf8(read).unwrap();
    text.trim_start_matches(COMMENT).trim_start_matches(BLANK).to_owned()
}

/// The object that an event holds.
fn data(event: &str) -> Value {
    serde_json::from_str(event.trim_end().rsplit("data: ").next().unwrap()).unwrap()
}

#[tokio::test]
async fn a_late_answer_follows_the_comments_byte_for_byte() {
    let chunks = [chat("Hello"), Bytes::from(": theirs\r\n\r\n"), chat(" world\u{1F600}"), chat_end()];
    let expected = String::from_utf8(chunks.concat()).unwrap();
    for http in Http::BOTH {
        let mock = Mock::start(late(Script::of(chunks.clone()))).await;
        let server = early(&mock, Api::Openai, |_| ()).await;
        let mut connection = Connection::open(&server, http).await;
        let response = connection.send(with_trailers()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers().clone();
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-transform"),
            ("x-accel-buffering", "no"),
            ("trailer", "x-midstream-upstream, x-midstream-spliced"),
        ] {
            assert_eq!(headers[name], value, "{http:?}");
        }
        assert!(!headers.contains_key("x-midstream-upstream"));
        let body = timeout(LONGEST, response.into_body().collect()).await.expect("no end").expect("a whole body");
        assert_eq!(body.trailers().unwrap()["x-midstream-upstream"], "mock", "{http:?}");
        let text = String::from_utf8(body.to_bytes().to_vec()).unwrap();
        assert!(text.starts_with(COMMENT), "{text}");
        assert_eq!(text.replace(COMMENT, ""), expected, "{http:?}");
        let stream = ended(&server).await;
        assert_eq!(stream["id"], headers["x-midstream-stream-id"].to_str().unwrap());
        assert_eq!((&stream["end"]["state"], &stream["upstream"]), (&"complete".into(), &"mock".into()));
    }
}

#[tokio::test]
async fn comments_go_on_while_the_upstream_is_silent_and_a_client_that_leaves_closes_it() {
    for http in Http::BOTH {
        let mock = Mock::start(silent()).await;
        let server = early(&mock, Api::Openai, |_| ()).await;
        let mut connection = Connection::open(&server, http).await;
        let mut response = connection.post(CHAT).await.unwrap();
        for _ in 0..3 {
            assert_eq!(first(&mut response).await, COMMENT);
        }
        assert_eq!(support::ends::streams(&server)[0]["state"], "waiting");
        drop((response, connection));
        assert!(!mock.closed().await.0, "{http:?}");
        let stream = ended(&server).await;
        assert_eq!(stream["end"], json!({"state": "cancelled", "cause": "client_left"}), "{http:?}");
        let records = stream["usage"].as_array().unwrap();
        assert_eq!((records.len(), &records[0]["end"]), (1, &"cancelled".into()), "{http:?}");
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_while_it_waits_leaves_the_others_of_its_connection() {
    let mock = Mock::start(late(Script::of([chat("Hello"), chat_end()]))).await;
    let server = early(&mock, Api::Openai, |_| ()).await;
    let mut connection = Connection::open(&server, Http::Two).await;
    let left = connection.post(CHAT).await.unwrap();
    let stays = connection.post(CHAT).await.unwrap();
    drop(left);
    assert!(!mock.closed().await.0);
    assert!(String::from_utf8_lossy(&all(stays).await).contains("[DONE]"));
}

#[tokio::test]
async fn a_client_that_stops_writing_and_still_reads_gets_its_late_answer_and_may_leave() {
    let mock = Mock::start(late(Script { hangs: true, ..Script::of([chat("Hello")]) })).await;
    let server = early(&mock, Api::Openai, |_| ()).await;
    let mut raw = Raw::open(&server).await;
    raw.write(chat_request()).await;
    raw.until(COMMENT).await;
    raw.0.shutdown().await.unwrap();
    raw.until("Hello").await;
    raw.until(COMMENT).await;
    drop(raw);
    assert!(!mock.closed().await.0);
    assert_eq!(ended(&server).await["cause"], "client_left");
}

#[tokio::test]
async fn an_upstream_that_gives_no_answer_in_time_is_told_of_in_the_stream() {
    for http in Http::BOTH {
        let mock = Mock::start(silent()).await;
        let server = early(&mock, Api::Openai, |config| mock_of(config).first_byte_s = 0.3).await;
        let mut connection = Connection::open(&server, http).await;
        let response = connection.post(CHAT).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let told = broken(response).await;
        assert_eq!(data(&told)["error"]["code"], "midstream_upstream_timeout", "{told}");
        assert!(told.starts_with("data: ") && !told.contains("[DONE]"), "{told}");
        assert!(!mock.closed().await.0);
        let stream = ended(&server).await;
        assert_eq!(stream["end"], json!({"state": "failed", "cause": "no_answer"}));
        assert_eq!(stream["usage"][0]["end"], "failed");
        assert_eq!(counted(&Asker::new(&server), "midstream_streams_total").await, 1);
    }
}

#[tokio::test]
async fn a_late_refusal_is_told_by_the_upstreams_own_error_in_the_words_of_each_api() {
    let openai = json!({"error": {"message": "slow down", "type": "rate_limit", "code": "rate_limit", "param": null}});
    let anthropic = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let gemini = json!({"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}});
    let responses = json!({"type": "error", "code": "rate_limit", "message": "slow down", "param": null,
        "sequence_number": 0, "error": openai["error"]});
    for (api, path, error, name, expected) in [
        (Api::Openai, CHAT, &openai, "", &openai),
        (Api::Openai, "/v1/completions", &openai, "", &openai),
        (Api::Openai, "/v1/responses", &openai, "event: error\n", &responses),
        (Api::Anthropic, "/v1/messages", &anthropic, "event: error\n", &anthropic),
        (Api::Gemini, "/v1beta/models/m:streamGenerateContent?alt=sse", &gemini, "", &gemini),
    ] {
        // With a length it is read before it passes, without one while it does.
        let body = Bytes::from(serde_json::to_string_pretty(error).unwrap());
        for length in [Some(body.len()), None] {
            let script = Script { content_type: "application/json", length, ..Script::of([body.clone()]) };
            let mock = Mock::start(late(Script { status: Some(StatusCode::TOO_MANY_REQUESTS), ..script })).await;
            let server = early(&mock, api, |_| ()).await;
            let told = broken(Asker::new(&server).post(path).await).await;
            assert!(told.starts_with(&format!("{name}data: ")) && told.ends_with("}\n\n"), "{path} {told}");
            assert_eq!(&data(&told), expected, "{path}");
            assert_eq!(ended(&server).await["end"]["state"], "failed", "{path}");
        }
    }
}

#[tokio::test]
async fn a_refusal_in_other_words_is_told_in_those_of_the_api() {
    let page = Script { content_type: "text/html", ..Script::of(["<html>10.0.0.1 is down</html>"]) };
    let mock = Mock::start(late(Script { status: Some(StatusCode::BAD_GATEWAY), ..page })).await;
    let server = early(&mock, Api::Anthropic, |_| ()).await;
    let told = broken(Asker::new(&server).post("/v1/messages").await).await;
    let error = json!({"type": "midstream_upstream_refused",
        "message": "upstream \"mock\" refused the request with the status 502"});
    assert_eq!(data(&told), json!({"type": "error", "error": error}));
}

#[tokio::test]
async fn a_late_answer_that_is_no_stream_of_events_is_told_of_and_its_upstream_closed() {
    let whole = Bytes::from(r#"{"id":"c1","object":"chat.completion","choices":[]}"#);
    let length = Some(whole.len());
    for script in [
        Script { content_type: "application/json", length, ..Script::of([whole.clone()]) },
        Script { content_type: "application/x-ndjson", hangs: true, ..Script::of([whole.clone()]) },
        Script { encoding: "gzip", hangs: true, ..Script::of([whole.clone()]) },
    ] {
        let mock = Mock::start(late(script)).await;
        let server = early(&mock, Api::Openai, |_| ()).await;
        let told = broken(Asker::new(&server).post(CHAT).await).await;
        assert_eq!(data(&told)["error"]["code"], "midstream_no_events", "{told}");
        mock.closed().await;
        let stream = ended(&server).await;
        assert_eq!((&stream["end"]["state"], &stream["cause"]), (&"failed".into(), &Value::Null));
    }
}

#[tokio::test]
async fn an_operator_ends_a_stream_that_has_a_head_and_no_answer() {
    for http in Http::BOTH {
        let mock = Mock::start(silent()).await;
        let server = early(&mock, Api::Openai, |_| ()).await;
        let mut connection = Connection::open(&server, http).await;
        let response = connection.post(CHAT).await.unwrap();
        assert!(server.cancel(response.headers()["x-midstream-stream-id"].to_str().unwrap()));
        assert!(!mock.closed().await.0);
        assert_eq!(data(&broken(response).await)["error"]["code"], "midstream_cancelled");
        assert_eq!(ended(&server).await["end"], json!({"state": "cancelled", "cause": "operator"}));
    }
}

#[tokio::test]
async fn who_has_a_head_and_no_answer_is_told_that_the_gateway_stops() {
    let mock = Mock::start(silent()).await;
    let server = early(&mock, Api::Openai, |config| config.drain_s = 0.2).await;
    let mut connection = Connection::open(&server, Http::One).await;
    let response = connection.post(CHAT).await.unwrap();
    let (told, ()) = tokio::join!(broken(response), server.stop());
    assert_eq!(data(&told)["error"]["code"], "midstream_draining");
    assert!(!mock.closed().await.0);
}

#[tokio::test]
async fn the_next_upstream_is_asked_meanwhile_and_named_at_the_end() {
    let refusing = Mock::start(late(Script { status: Some(StatusCode::SERVICE_UNAVAILABLE), ..Script::default() }));
    let (refusing, mock) = (refusing.await, Mock::start(Script::of([chat("Hello"), chat_end()])).await);
    let server = early(&mock, Api::Openai, |config| {
        // It is asked twice, and each time it is late.
        let first = UpstreamConfig::new(format!("http://{}", refusing.address), &[Api::Openai]);
        config.upstreams.insert("refusing".to_owned(), first);
        let route = |upstream: &str| RouteConfig { upstream: upstream.to_owned(), model: None };
        config.models.insert("m".to_owned(), ["refusing", "mock"].map(route).into());
    })
    .await;
    let mut connection = Connection::open(&server, Http::One).await;
    let response = connection.send(with_trailers()).await.unwrap();
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-midstream-upstream"], "mock");
    let text = String::from_utf8(body.to_bytes().to_vec()).unwrap();
    assert!(text.starts_with(COMMENT));
    assert_eq!(text.replace(COMMENT, "").as_bytes(), [chat("Hello"), chat_end()].concat());
    let stream = ended(&server).await;
    let asked: Vec<&Value> = stream["usage"].as_array().unwrap().iter().map(|record| &record["upstream"]).collect();
    assert_eq!(asked, ["refusing", "mock"]);
}

#[tokio::test]
async fn an_answer_that_comes_in_time_has_its_own_head() {
    let refusal = json!({"error": {"message": "no"}}).to_string();
    let script = Script { content_type: "application/json", ..Script::of([refusal.clone()]) };
    let mock = Mock::start(Script { status: Some(StatusCode::BAD_REQUEST), ..script }).await;
    let server = early(&mock, Api::Openai, |config| config.keepalive_s = LONGEST.as_secs_f64() * 2.0).await;
    let response = Asker::new(&server).post(CHAT).await;
    assert_eq!(
        (response.status(), &response.headers()["x-midstream-upstream"]),
        (400.try_into().unwrap(), &"mock".parse().unwrap())
    );
    assert_eq!(all(response).await, refusal);
}

#[tokio::test]
async fn who_asks_for_no_events_waits_for_the_upstreams_head() {
    let lines = || Script { content_type: "application/x-ndjson", ..Script::of(["{\"done\":true}\n"]) };
    let whole = || Script { content_type: "application/json", ..Script::of(["{}"]) };
    for (api, path, body, script) in [
        (Api::Ollama, "/api/chat", r#"{"model":"m"}"#, lines()),
        (Api::Openai, CHAT, r#"{"model":"m"}"#, whole()),
        (Api::Gemini, "/v1beta/models/m:streamGenerateContent", "{}", whole()),
        (Api::Openai, "/v1/embeddings", "{}", whole()),
    ] {
        let expected = script.chunks[0].1.clone();
        let mock = Mock::start(late(script)).await;
        let server = early(&mock, api, |_| ()).await;
        let response = Asker::new(&server).send("POST", path, body).await;
        assert_eq!(response.headers()["x-midstream-upstream"], "mock", "{path}");
        assert_eq!(all(response).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_holds_no_upstream() {
    for script in [silent(), late(Script { hangs: true, ..Script::of([chat("Hello")]) })] {
        let mock = Mock::start(script).await;
        let server = early(&mock, Api::Openai, |config| {
            config.clients.slow_s = 0.3;
            mock_of(config).first_byte_s = 1.0;
        })
        .await;
        let socket = TokioIo::new(TcpStream::connect(server.address()).await.unwrap());
        let mut builder = http2::Builder::new(TokioExecutor::new());
        let (mut sender, connection) = builder.initial_stream_window_size(0).handshake(socket).await.unwrap();
        let driver = tokio::spawn(connection);
        let response = timeout(LONGEST, sender.send_request(post(CHAT))).await.expect("no head").unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(!mock.closed().await.0);
        assert_ne!(ended(&server).await["cause"], "client_left");
        drop((response, driver));
    }
}

#[tokio::test]
async fn a_mark_of_the_byte_order_behind_comments_is_left_out() {
    for early_head in [true, false] {
        let expected = [chat("Hi"), chat_end()].concat();
        let mut script = late(Script::of([Bytes::from("\u{feff}"), chat("Hi"), chat_end()]));
        if !early_head {
            // Its head comes at once, and nothing behind that.
            (script.before, script.chunks[0].0) = (Duration::ZERO, LATE);
        }
        let mock = Mock::start(script).await;
        let server = early(&mock, Api::Openai, |config| config.early_head = early_head).await;
        let text = String::from_utf8(all(Asker::new(&server).post(CHAT).await).await.to_vec()).unwrap();
        assert!(text.starts_with(COMMENT), "{text}");
        assert_eq!(text.replace(COMMENT, "").as_bytes(), expected, "{early_head}");
    }
}
