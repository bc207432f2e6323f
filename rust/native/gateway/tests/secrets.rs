//! Keys of clients and upstreams, wherever an SDK may put them, are told to nobody.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it cannot go on")]

mod support;

use std::sync::{Arc, Mutex};

use axum::routing::post;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use midstream_gateway::{Api, Config, KeyConfig, Log, LogFormat, ModeratorConfig, Role, Server, UpstreamConfig};
use midstream_stream::Settings;
use support::answers::all;
use support::connections::{Connection, Http};
use support::folder::Folder;
use support::keys::key;
use support::lines::listen;
use support::{Mock, Script, Seen, chat, chat_end, gateway_with, mock_of};

/// A client's own.
const CANARY: &str = "sk-canary-7f3a9c";
/// Where the key of an upstream stands: every process has it, and it is longer than any word of an answer.
const VARIABLE: &str = "CARGO_MANIFEST_DIR";

const PLACES: [&str; 5] = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "query"];

fn request(path: &str, place: &str, key: &str) -> Request<Full<Bytes>> {
    let path = if place == "query" { format!("{path}?alt=sse&key={key}") } else { path.to_owned() };
    let builder = Request::builder().method("POST").uri(format!("http://localhost{path}")).header("host", "localhost");
    let builder = match place {
        "query" => builder,
        "authorization" => builder.header(place, format!("Bearer {key}")),
        _ => builder.header(place, key),
    };
    builder.body(Full::new(Bytes::from(r#"{"model":"m","stream":true}"#))).unwrap()
}

async fn told(server: &Server, request: Request<Full<Bytes>>) -> String {
    let response = Connection::open(server, Http::Two).await.send(request).await.unwrap();
    let head = format!("{} {:?}", response.status(), response.headers());
    format!("{head} {}", String::from_utf8_lossy(&all(response).await))
}

fn logged(log: &Log) -> String {
    log.lines().close();
    log.lines().take().concat()
}

async fn shown(server: &Server) -> String {
    let admin = Request::builder().uri("http://localhost/metrics").header("authorization", "Bearer admin");
    let metrics = told(server, admin.body(Full::default()).unwrap()).await;
    format!("{metrics} {}", server.streams_json())
}

#[tokio::test]
async fn a_key_of_a_client_is_told_to_nobody() {
    let (log, _guard) = listen(LogFormat::Text);
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        for (name, secret, roles) in [("alice", CANARY, vec![Role::Call]), ("admin", "admin", vec![Role::View])] {
            config.keys.insert(name.to_owned(), KeyConfig { roles, ..key(secret) });
        }
        assert!(!format!("{config:?}").contains(CANARY));
    })
    .await;
    let mut everything = String::new();
    for place in PLACES {
        for path in ["/v1/chat/completions", "/mock/v1/files", "/v1/messages", "/nothing", "/midstream/v1/streams"] {
            everything += &told(&server, request(path, place, CANARY)).await;
            // One that is not known, and holds a known one.
            everything += &told(&server, request(path, place, &format!("{CANARY}x"))).await;
        }
    }
    everything += &shown(&server).await;
    everything += &logged(&log);
    assert!(everything.contains("stream_ended") && everything.contains("request_refused"), "{everything}");
    assert!(everything.contains("Hello") && !everything.contains(CANARY), "{everything}");
    while let Ok(seen) = tokio::time::timeout(std::time::Duration::from_millis(100), mock.next()).await {
        if let Seen::Asked { path, headers, body } = seen {
            assert!(!format!("{path} {headers:?} {body:?}").contains(CANARY), "{path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_key_of_an_upstream_is_told_to_that_one_alone() {
    let (log, _guard) = listen(LogFormat::Text);
    let secret = std::env::var(VARIABLE).unwrap();
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        mock_of(config).key_env = Some(VARIABLE.to_owned());
        let gone = UpstreamConfig {
            key_env: Some(VARIABLE.to_owned()),
            retries: 0,
            ..UpstreamConfig::new("http://127.0.0.1:1", &[Api::Openai])
        };
        config.upstreams.insert("other".to_owned(), gone);
        assert!(!format!("{config:?}").contains(&secret));
    })
    .await;
    let mut everything = String::new();
    for path in ["/v1/chat/completions", "/other/v1/chat/completions", "/mock/v1/nothing"] {
        everything += &told(&server, request(path, "authorization", "own")).await;
    }
    everything += &shown(&server).await;
    everything += &logged(&log);
    assert!(everything.contains("upstream_failed"), "{everything}");
    assert!(everything.contains("Hello") && !everything.contains(&secret), "{everything}");
    let Seen::Asked { headers, .. } = mock.next().await else { panic!("asked first") };
    assert_eq!(headers["authorization"], format!("Bearer {secret}"));
}

#[tokio::test]
async fn a_key_in_a_file_is_told_to_its_upstream_alone() {
    let (log, _guard) = listen(LogFormat::Text);
    let folder = Folder::new();
    let file = folder.0.join("key");
    std::fs::write(&file, format!("{CANARY}\n")).unwrap();
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let mut kept = None;
    let server = gateway_with(&mock, Api::Openai, |config| {
        mock_of(config).key_file = Some(file.clone());
        kept = Some(config.clone());
    })
    .await;
    let mut everything = told(&server, request("/v1/chat/completions", "authorization", "own")).await;
    let Seen::Asked { headers, .. } = mock.next().await else { panic!("asked first") };
    assert_eq!(headers["authorization"], format!("Bearer {CANARY}"));
    std::fs::write(&file, format!("{CANARY}\n{CANARY}\n")).unwrap();
    let kept = Config { listen: server.address(), ..kept.unwrap() };
    let refused = server.reload(kept.clone()).unwrap_err().to_string();
    assert!(refused.starts_with("upstreams.mock.key_file is"), "{refused}");
    everything += &format!("{refused} {kept:?} {} {}", shown(&server).await, logged(&log));
    assert!(everything.contains("configuration_refused"), "{everything}");
    assert!(everything.contains("Hello") && !everything.contains(CANARY), "{everything}");
}

#[tokio::test]
async fn a_key_that_passes_to_a_provider_is_not_told_where_that_cannot_be_reached() {
    let (log, _guard) = listen(LogFormat::Text);
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let gone = |url: &str| UpstreamConfig { retries: 1, ..UpstreamConfig::new(url, &[Api::Openai]) };
        config.upstreams.insert("gone".to_owned(), gone("http://127.0.0.1:1"));
        config.upstreams.insert("unsafe".to_owned(), gone(&format!("https://{}", mock.address)));
    })
    .await;
    let mut everything = String::new();
    for place in PLACES {
        for upstream in ["gone", "unsafe", "mock"] {
            let path = format!("/{upstream}/v1/chat/completions");
            everything += &told(&server, request(&path, place, CANARY)).await;
        }
    }
    everything += &shown(&server).await;
    everything += &logged(&log);
    assert!(everything.contains("upstream_retried") && everything.contains("no connection could be made"));
    assert!(everything.contains("Hello") && !everything.contains(CANARY), "{everything}");
}

#[test]
fn a_key_in_an_address_of_the_configuration_is_not_told_with_what_is_wrong_there() {
    for url in ["http://a:CANARY@x", "http://x/?key=CANARY", "ftp://x?CANARY"].map(|url| url.replace("CANARY", CANARY))
    {
        for table in ["[upstreams.a]\napis = [\"openai\"]\nurl", "[moderator]\nurl", "[telemetry]\notlp"] {
            let fault = Config::from_toml(format!("{table} = {url:?}").as_bytes()).unwrap_err().to_string();
            assert!(fault.contains("allowed is") && !fault.contains(CANARY), "{fault}");
        }
    }
}

/// A collector of OpenTelemetry, and all that it got.
async fn collector() -> (Arc<Mutex<Vec<u8>>>, String) {
    let got = Arc::<Mutex<Vec<u8>>>::default();
    let kept = Arc::clone(&got);
    let take = move |headers: http::HeaderMap, body: Bytes| async move {
        let mut kept = kept.lock().unwrap();
        kept.extend_from_slice(format!("{headers:?}").as_bytes());
        kept.extend_from_slice(&body);
    };
    let router = axum::Router::new().route("/v1/traces", post(take.clone())).route("/v1/metrics", post(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    (got, url)
}

/// Secrets by the names of their files.
const SECRETS: [(&str, &str); 3] = [
    ("upstream", "sk-canary-of-the-upstream"),
    ("moderator", "sk-canary-of-the-moderator"),
    ("viewers", "canary-of-the-viewers-secret"),
];

#[tokio::test]
async fn no_secret_is_told_written_or_sent_to_a_collector() {
    let (log, _guard) = listen(LogFormat::Text);
    let (folder, kept) = (Folder::new(), Folder::new());
    for (name, secret) in SECRETS {
        std::fs::write(folder.0.join(name), secret).unwrap();
    }
    let moderator =
        Mock::start(Script { content_type: "application/json", ..Script::of(["{\"verdict\": \"release\"}"]) }).await;
    let mock = Mock::start(Script::of([chat("Hello. "), chat("World. "), chat_end()])).await;
    let (got, url) = collector().await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        mock_of(config).key_file = Some(folder.0.join("upstream"));
        let address = format!("http://{}", moderator.address);
        config.moderator =
            Some(ModeratorConfig { key_file: Some(folder.0.join("moderator")), ..ModeratorConfig::new(address) });
        config.guard = Settings::from_json(r#"{"hold": {}}"#).unwrap();
        config.viewers.secret_file = Some(folder.0.join("viewers"));
        config.store.folder = Some(kept.0.join("store"));
        config.usage.file = Some(kept.0.join("usage.jsonl"));
        config.telemetry.otlp = Some(url);
    })
    .await;
    let mut everything = told(&server, request("/v1/chat/completions", "authorization", CANARY)).await;
    let streams: serde_json::Value = serde_json::from_str(&server.streams_json()).unwrap();
    let path = format!("/midstream/v1/streams/{}", streams[0]["id"].as_str().unwrap());
    let ask = |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(format!("http://localhost{path}"));
        request.header("host", "localhost").body(Full::default()).unwrap()
    };
    // Who asks for a token is told it, and nobody else.
    let given = told(&server, ask("POST", &format!("{path}/token"))).await;
    let (_, given) = given.split_once("\"token\":\"").expect("a token");
    let token = given.split('"').next().unwrap();
    everything += &told(&server, ask("GET", &format!("{path}/events?token={token}"))).await;
    everything += &told(&server, ask("GET", &format!("{path}/events?token={token}x"))).await;
    everything += &shown(&server).await;
    let Seen::Asked { headers, .. } = moderator.next().await else { panic!("asked first") };
    assert_eq!(headers["authorization"], format!("Bearer {}", SECRETS[1].1));
    server.stop().await;
    let sent = String::from_utf8_lossy(&got.lock().unwrap()).into_owned();
    let files = kept.text();
    for (place, holds) in [(&sent, "gen_ai"), (&files, "Hello"), (&files, "\"output\""), (&everything, "Hello")] {
        assert!(place.contains(holds), "{holds}: {place}");
    }
    everything += &[sent, files, logged(&log)].concat();
    for secret in SECRETS.map(|(_, secret)| secret).into_iter().chain([CANARY, token]) {
        assert!(!everything.contains(secret), "{secret}: {everything}");
    }
}
