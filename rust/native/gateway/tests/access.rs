//! Who may ask, for which models, by which name, and what of the streams of others is told.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use http::{Response, StatusCode};
use hyper::body::Incoming;
use midstream_gateway::{Api, Config, KeyConfig, Role, Server};
use serde_json::Value;
use support::answers::{all, id_of};
use support::connections::Raw;
use support::folder::Folder;
use support::keys::key;
use support::{Asker, LONGEST, Mock, Script, Seen, chat_end, gateway_with, mock_of};
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";
/// Each API, by a path of it and where its errors hold their kind.
const SHAPES: [(&str, &str); 4] = [
    (CHAT, "/error/code"),
    ("/v1/messages", "/error/type"),
    ("/v1beta/models/fast:generateContent", "/error/status"),
    ("/api/chat", "/error"),
];

/// A key for these models.
fn key_for(secret: &str, models: &[&str]) -> KeyConfig {
    KeyConfig { models: Some(models.iter().map(|model| (*model).to_owned()).collect()), ..key(secret) }
}

/// A gateway whose one upstream speaks every API.
async fn of_all_apis(mock: &Mock, change: impl FnOnce(&mut Config)) -> Server {
    gateway_with(mock, Api::Openai, |config| {
        let apis = vec![Api::Openai, Api::Anthropic, Api::Gemini, Api::Ollama];
        mock_of(config).apis = apis;
        change(config);
    })
    .await
}

async fn told(response: Response<Incoming>) -> (StatusCode, Value) {
    let status = response.status();
    (status, serde_json::from_slice(&all(response).await).unwrap_or_default())
}

#[tokio::test]
async fn a_key_for_some_models_asks_no_other_and_none_that_cannot_be_read() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = of_all_apis(&mock, |config| {
        config.keys.insert("alice".to_owned(), key_for("alice-key", &["fast"]));
    })
    .await;
    let asker = Asker::with_key(&server, "alice-key");
    let multipart = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ngpt-5-pro\r\n--x--\r\n";
    let refused = [
        ("POST", CHAT, r#"{"model":"gpt-5-pro"}"#),
        ("POST", CHAT, r#"{"Model":"gpt-5-pro"}"#),
        ("POST", CHAT, r#"{"messages":[]}"#),
        ("POST", CHAT, r#"{"model":["fast"]}"#),
        ("POST", CHAT, "\u{feff}{\"model\":\"fast\"}"),
        ("POST", CHAT, ""),
        ("POST", "/v1/audio/transcriptions", multipart),
        ("POST", "/v1/images/edits", multipart),
        ("POST", "/v1/batches", r#"{"model":"fast","input_file_id":"f"}"#),
        ("DELETE", "/v1/files/f", ""),
        ("POST", "/v1beta/models/pro:generateContent", r#"{"model":"fast"}"#),
        ("POST", "/mock/openai/deployments/gpt-5-pro/chat/completions", r#"{"model":"fast"}"#),
        ("POST", "/v1/messages", "{}"),
        ("POST", "/api/chat", "{}"),
        ("POST", CHAT, r#"{"model":"fast","models":["fast","gpt-5-pro"]}"#),
        ("POST", CHAT, r#"{"model":"fast","models":"gpt-5-pro"}"#),
        ("POST", CHAT, r#"{"model":"fast","fallbacks":[{"model":"gpt-5-pro"}]}"#),
        ("POST", CHAT, r#"{"model":"fast","fallback_models":["gpt-5-pro"]}"#),
        ("POST", CHAT, r#"{"model":"fast","route":"fallback"}"#),
        ("POST", CHAT, r#"{"model":"fast","preset":"pro"}"#),
        ("POST", "/v1/engines/gpt-5-pro/chat/completions", r#"{"model":"fast"}"#),
        ("POST", "/v1/engines/fast/chat/completions", r#"{"model":"gpt-5-pro"}"#),
        ("POST", "/v1/engines/gpt-5-pro/embeddings", r#"{"model":"fast"}"#),
        ("POST", "/v1/chat/completions?model=gpt-5-pro", r#"{"model":"fast"}"#),
    ];
    for (method, path, body) in refused {
        let (status, told) = told(asker.send(method, path, body).await).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path} {body}");
        assert!(told.to_string().contains("for: fast"), "{told}");
    }
    assert_eq!(mock.connections(), 0);
    for (method, path, body) in [
        ("POST", CHAT, r#"{"model":"fast"}"#),
        ("POST", CHAT, r#"{"model":"fast","models":["fast"]}"#),
        ("POST", CHAT, r#"{"model":"fast","models":["fast"],"route":"fallback","fallbacks":[{"fast":["fast"]}]}"#),
        ("POST", "/v1/engines/fast/chat/completions", r#"{"model":"fast"}"#),
        ("POST", "/v1beta/models/fast:generateContent", "{}"),
        ("GET", "/v1/models", ""),
    ] {
        assert_eq!(asker.send(method, path, body).await.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_key_for_some_models_sends_no_header_that_leads_to_others() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = of_all_apis(&mock, |config| {
        config.keys.insert("alice".to_owned(), key_for("alice-key", &["fast"]));
        config.keys.insert("bob".to_owned(), key("bob-key"));
    })
    .await;
    for (secret, expected) in [("alice-key", StatusCode::FORBIDDEN), ("bob-key", StatusCode::OK)] {
        for header in [("x-portkey-config", "pc-1"), ("Helicone-Fallbacks", "[]")] {
            let asker = Asker::with_key(&server, secret);
            let answer = asker.send_with("POST", CHAT, r#"{"model":"fast"}"#, &[header]).await;
            assert_eq!(answer.status(), expected, "{header:?}");
        }
    }
}

#[tokio::test]
async fn a_body_that_says_twice_what_decides_is_refused_in_the_shape_of_its_api() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = of_all_apis(&mock, |config| {
        config.keys.insert("alice".to_owned(), key_for("alice-key", &["fast"]));
        config.keys.insert("bob".to_owned(), key("bob-key"));
    })
    .await;
    for secret in ["alice-key", "bob-key"] {
        for (path, kind) in SHAPES {
            let asker = Asker::with_key(&server, secret);
            let body = r#"{"model":"fast","messages":[],"model":"gpt-5-pro"}"#;
            let (status, told) = told(asker.send("POST", path, body).await).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
            assert!(told.pointer(kind).is_some_and(Value::is_string), "{path} {told}");
            assert!(told.to_string().contains(r#"\"model\" twice"#), "{told}");
        }
    }
    assert_eq!(mock.connections(), 0);
}

#[tokio::test]
async fn a_fault_before_an_upstream_is_chosen_has_the_shape_of_its_api() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        mock_of(config).apis.clear();
    })
    .await;
    for (path, kind) in SHAPES {
        let (status, told) = told(Asker::new(&server).send("POST", path, "{}").await).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(told.pointer(kind).is_some_and(Value::is_string), "{path} {told}");
        assert!(told.to_string().contains("its configuration names none in upstreams.NAME.apis"), "{told}");
    }
    let (status, told) = told(Asker::new(&server).send("GET", "/", "").await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for what in ["/midstream/v1/streams", "/v1"] {
        assert!(told["error"]["message"].as_str().unwrap().contains(what), "{told}");
    }
}

#[tokio::test]
async fn who_has_no_key_learns_nothing_of_upstreams() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.keys.insert("alice".to_owned(), key("alice-key"));
    })
    .await;
    let paths = ["/", "/mock/x", "/other/x", "/v1/chat/completions/", "/api/tags", "/nothing", "/v1/../x"];
    for path in SHAPES.into_iter().map(|(path, _)| path).chain(paths) {
        for key in [None, Some("wrong-key")] {
            let (status, told) = told(Asker::with_key(&server, key).send("POST", path, "{}").await).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(!told.to_string().contains("mock"), "{told}");
        }
    }
    let (status, told) = told(Asker::new(&server).send("POST", "/api/chat", "{}").await).await;
    assert!(status == StatusCode::UNAUTHORIZED && told["error"].is_string(), "{told}");
}

/// The answer to a page whose name was made to lead to the gateway.
async fn asked_as(server: &Server, host: &str, request: &str) -> String {
    let mut raw = Raw::open(server).await;
    let body = r#"{"model":"m"}"#;
    let head = format!("{request} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nconnection: close\r\n");
    raw.write(format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await;
    raw.rest().await
}

#[tokio::test]
async fn without_keys_only_names_of_loopback_are_answered() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = of_all_apis(&mock, |_| ()).await;
    let port = server.address().port();
    for request in [format!("POST {CHAT}"), "GET /midstream/v1/streams".to_owned(), "GET /metrics".to_owned()] {
        let answer = asked_as(&server, &format!("evil.example:{port}"), &request).await;
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("midstream_host"), "{request} {answer}");
    }
    assert_eq!(mock.connections(), 0);
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let answer = asked_as(&server, &format!("{host}:{port}"), &format!("POST {CHAT}")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host} {answer}");
    }
}

#[tokio::test]
async fn with_keys_a_gateway_has_any_name() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = of_all_apis(&mock, |config| {
        config.keys.insert("alice".to_owned(), key("alice-key"));
    })
    .await;
    let answer = asked_as(&server, "gateway.example", &format!("POST {CHAT}?key=alice-key")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn the_end_of_a_forgotten_stream_is_told_to_those_who_could_see_it() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = of_all_apis(&mock, |config| {
        config.store.keep_s = 0.0;
        let mut add = |name: &str, tenant: Option<&str>, roles: &[Role]| {
            let (tenant, roles) = (tenant.map(str::to_owned), roles.to_vec());
            config.keys.insert(name.to_owned(), KeyConfig { tenant, roles, ..key(&format!("{name}-key")) });
        };
        add("alice", Some("blue"), &[Role::Call]);
        add("bob", Some("red"), &[Role::View, Role::Admin]);
        add("carol", Some("blue"), &[Role::Call]);
        add("dave", None, &[Role::View]);
    })
    .await;
    let alice = Asker::with_key(&server, "alice-key");
    let response = alice.post(CHAT).await;
    let id = id_of(&response);
    all(response).await;
    let path = format!("/midstream/v1/streams/{id}");
    let forgotten = async { while alice.send("GET", &path, "").await.status() != StatusCode::GONE {} };
    timeout(LONGEST, forgotten).await.expect("it was not forgotten");
    for (key, expected) in [
        (Some("alice-key"), StatusCode::GONE),
        (Some("dave-key"), StatusCode::GONE),
        (Some("bob-key"), StatusCode::NOT_FOUND),
        (Some("carol-key"), StatusCode::FORBIDDEN),
        (None, StatusCode::UNAUTHORIZED),
    ] {
        let asker = Asker::with_key(&server, key);
        for below in ["", "/events", "/findings"] {
            let (status, told) = told(asker.send("GET", &format!("{path}{below}"), "").await).await;
            assert_eq!(status, expected, "{key:?} {below}");
            assert_eq!(told.get("stream").is_some(), expected == StatusCode::GONE, "{told}");
        }
    }
    let (bob, other) = (Asker::with_key(&server, "bob-key"), "/midstream/v1/streams/other".to_owned());
    let kind = async |path: &str| told(bob.send("GET", path, "").await).await.1["error"]["type"].clone();
    assert_eq!(kind(&path).await, kind(&other).await);
}

#[tokio::test]
async fn the_key_in_a_file_is_read_again_by_a_reload() {
    let folder = Folder::new();
    let file = folder.0.join("key");
    std::fs::write(&file, "sk-1\n").unwrap();
    let mock = Mock::start(Script::of([chat_end()])).await;
    let mut config = None;
    let server = of_all_apis(&mock, |given| {
        given.upstreams.get_mut("mock").unwrap().key_file = Some(file.clone());
        config = Some(given.clone());
    })
    .await;
    let config = Config { listen: server.address(), ..config.unwrap() };
    let asked_with = async || {
        all(Asker::new(&server).post(CHAT).await).await;
        loop {
            if let Seen::Asked { headers, .. } = mock.next().await {
                return headers["authorization"].to_str().unwrap().to_owned();
            }
        }
    };
    assert_eq!(asked_with().await, "Bearer sk-1");
    std::fs::write(&file, "sk-2").unwrap();
    server.reload(config.clone()).unwrap();
    assert_eq!(asked_with().await, "Bearer sk-2");
    std::fs::remove_file(&file).unwrap();
    let refused = server.reload(config).unwrap_err().to_string();
    assert!(refused.ends_with("allowed is a file that can be read: no such file"), "{refused}");
    assert_eq!(asked_with().await, "Bearer sk-2");
}

#[test]
fn what_a_configuration_names_and_is_not_there_has_its_line() {
    let upstream = "[upstreams.a]\nurl = \"http://127.0.0.1:1\"\napis = [\"openai\"]\n";
    let moderator = "[guard.hold]\nchannels = [\"text\"]\n[moderator]\nurl = \"http://127.0.0.1:1\"\n";
    for (text, told) in [
        (
            format!("{upstream}key_env = \"MIDSTREAM_TEST_NOT_SET\"\n"),
            "upstreams.a.key_env is \"MIDSTREAM_TEST_NOT_SET\", allowed is a variable of the environment that is set (line \
             4, column 11)",
        ),
        (
            format!("{upstream}key_file = \"gone.key\"\n"),
            "upstreams.a.key_file is \"gone.key\", allowed is a file that can be read: no such file (line 4, column 12)",
        ),
        (
            format!("{upstream}ca = \"gone.pem\"\n"),
            "upstreams.a.ca is \"gone.pem\", allowed is a file in PEM that can be used; this one cannot: no such file \
             (line 4, column 6)",
        ),
        (
            format!("{moderator}key_file = \"gone.key\"\n"),
            "moderator.key_file is \"gone.key\", allowed is a file that can be read: no such file (line 5, column 12)",
        ),
        (
            "[viewers]\nsecret_env = \"MIDSTREAM_TEST_NOT_SET\"\n".to_owned(),
            "viewers.secret_env is \"MIDSTREAM_TEST_NOT_SET\", allowed is a variable of the environment that is set (line 2, \
             column 14)",
        ),
        (
            "[tls]\nkey = \"gone.key\"\ncertificate = \"gone.pem\"\n".to_owned(),
            "tls.certificate is \"gone.pem\", allowed is a file in PEM that can be used; this one cannot: no such file \
             (line 3, column 15)",
        ),
        (
            "[tls]\ngenerated = true\nclient_ca = \"gone.pem\"\n".to_owned(),
            "tls.client_ca is \"gone.pem\", allowed is a file in PEM that can be used; this one cannot: no such file \
             (line 3, column 13)",
        ),
    ] {
        assert!(Config::from_toml(text.as_bytes()).is_ok(), "{text}");
        assert_eq!(Config::from_toml_to_serve(text.as_bytes()).unwrap_err().to_string(), told);
    }
}

#[test]
fn a_secret_of_viewers_has_sixteen_bytes() {
    let folder = Folder::new();
    let file = folder.0.join("secret");
    let text = format!("[viewers]\nsecret_file = {:?}\n", file.display().to_string());
    std::fs::write(&file, "canary\n").unwrap();
    let fault = Config::from_toml_to_serve(text.as_bytes()).unwrap_err().to_string();
    assert!(
        fault.contains("a file that holds 16 bytes or more (line 2, column 15)") && !fault.contains("canary"),
        "{fault}"
    );
    std::fs::write(&file, "canary-canary-canary").unwrap();
    assert!(Config::from_toml_to_serve(text.as_bytes()).is_ok());
}
