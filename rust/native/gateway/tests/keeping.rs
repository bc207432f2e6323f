//! What is kept of a stream is bounded, and a burst of events is kept whole in the log.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use bytes::Bytes;
use http::StatusCode;
use midstream_gateway::{Api, Config, KeyConfig, Server};
use midstream_stream::Settings;
use serde_json::{Value, json};
use support::answers::{all, id_of, json_of};
use support::ends::{counted, ended, until};
use support::folder::Folder;
use support::keys::key;
use support::{Asker, Mock, Script, chat, chat_end, gateway, gateway_with};

const CHAT: &str = "/v1/chat/completions";

async fn shown(server: &Server) -> Value {
    Asker::new(server).get_json("/midstream/v1/streams").await["streams"][0].clone()
}

#[tokio::test]
async fn a_name_of_a_model_that_is_too_long_is_refused_in_the_words_of_the_api() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let asked = |bytes: usize| json!({"model": "x".repeat(bytes), "stream": true}).to_string();
    for bytes in [257, 70 << 10, 20 << 20] {
        let refused = asker.send("POST", CHAT, asked(bytes)).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let told = json_of(refused).await;
        assert_eq!(told["error"]["type"], "midstream_bad_request");
        assert_eq!(told["error"]["message"], format!("the model's name has {bytes} bytes, allowed are 256"));
    }
    assert_eq!(asker.send("POST", CHAT, asked(256)).await.status(), StatusCode::OK);
    let long = format!("/v1beta/models/{}:generateContent", "x".repeat(257));
    let gemini = gateway(&mock, Api::Gemini).await;
    let refused = Asker::new(&gemini).send("POST", &long, "{}").await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let told = json_of(refused).await;
    assert_eq!(told["error"]["status"], "MIDSTREAM_BAD_REQUEST");
}

#[tokio::test]
async fn of_many_findings_the_newest_are_kept_and_all_are_counted() {
    let written = (0..250).map(|number| chat(&format!("Ask user{number}@example.org today. ")));
    let mock = Mock::start(Script::of(written.chain([chat_end()]))).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let rules = r#"{"redact": {"rules": ["email"]}, "repeat": {"exact": "off", "counter": "off", "near": "off"}}"#;
        config.guard = Settings::from_json(rules).unwrap();
    })
    .await;
    let asker = Asker::new(&server);
    all(asker.post(CHAT).await).await;
    let stream = ended(&server).await;
    assert_eq!(stream["finding_count"], 250, "{}", stream["summary"]["ending"]);
    let findings = stream["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 100);
    assert!(stream["summary"]["findings"].as_array().unwrap().len() <= 100);
    let path = format!("/midstream/v1/streams/{}/findings", stream["id"].as_str().unwrap());
    let told = asker.get_json(&path).await;
    assert_eq!((told["findings"].as_array(), &told["finding_count"]), (Some(findings), &json!(250)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_whole_in_the_log_and_its_viewers_have_places() {
    const CHUNKS: usize = 20;
    const EVENTS: usize = 500;
    let chunk = |at: usize| -> Bytes {
        (0..EVENTS).map(|number| chat(&format!("{} ", at * EVENTS + number))).collect::<Vec<_>>().concat().into()
    };
    let mock = Mock::start(Script::of((0..CHUNKS).map(chunk).chain([chat_end()]))).await;
    let folder = Folder::new();
    let with_log = |config: &mut Config| {
        config.store.folder = Some(folder.0.clone());
        config.guard.shadow = true;
        config.viewers.per_stream = 1;
    };
    let server = gateway_with(&mock, Api::Openai, with_log).await;
    all(Asker::new(&server).post(CHAT).await).await;
    until("the log has it", async || {
        let stored = shown(&server).await;
        assert_eq!(stored["stored"]["not_resumable"], false, "at {}", stored["stored"]["durable"]);
        stored["state"] == "ended" && stored["stored"]["durable"] == stored["events"]
    })
    .await;
    let (id, events) = {
        let stream = shown(&server).await;
        (stream["id"].as_str().unwrap().to_owned(), stream["events"].as_u64().unwrap())
    };
    assert!(events >= (CHUNKS * EVENTS) as u64);
    server.stop().await;

    let server = gateway_with(&mock, Api::Openai, with_log).await;
    let mut first = server.view(&id, None, false).await.unwrap();
    let asker = Asker::new(&server);
    let path = format!("/midstream/v1/streams/{id}/events");
    assert_eq!(asker.send("GET", &path, "").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    for number in 0..events {
        let told: Value = serde_json::from_str(&first.next().await.unwrap()).unwrap();
        assert_eq!(told["sequence"], number, "{told}");
    }
    drop(first);
    assert_eq!(asker.send("GET", &path, "").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_finds_no_room_before_the_log_is_lost_and_told() {
    let folder = Folder::new();
    let mock = Mock::start(Script::of([chat(&"x".repeat(2 << 20)), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.guard.shadow = true;
        config.store.folder = Some(folder.0.clone());
        config.store.max_unwritten_bytes = 0;
    })
    .await;
    let asker = Asker::new(&server);
    all(asker.post(CHAT).await).await;
    ended(&server).await;
    until("the loss is told", async || shown(&server).await["stored"]["not_resumable"] == true).await;
    assert_eq!(counted(&asker, "midstream_not_resumable_total").await, 1);
    assert!(counted(&asker, "midstream_log_lost_events_total").await > 0);
}

#[tokio::test]
async fn streams_that_only_the_log_knows_are_listed_and_say_so() {
    let folder = Folder::new();
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let with_log = |config: &mut Config| config.store.folder = Some(folder.0.clone());
    let server = gateway_with(&mock, Api::Openai, with_log).await;
    let mut ids = Vec::new();
    for model in ["m", "other"] {
        let asked = format!(r#"{{"model":"{model}","stream":true}}"#);
        let response = Asker::new(&server).send("POST", CHAT, asked).await;
        ids.push(id_of(&response));
        all(response).await;
    }
    server.stop().await;
    let server = gateway_with(&mock, Api::Openai, with_log).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    ids.push(id_of(&response));
    all(response).await;
    let listed = asker.get_json("/midstream/v1/streams").await;
    let of = |listed: &Value| -> Vec<(String, bool)> {
        let streams = listed["streams"].as_array().unwrap().iter();
        streams.map(|one| (one["id"].as_str().unwrap().to_owned(), one["only_in_log"] == true)).collect()
    };
    assert_eq!(of(&listed), [(ids[0].clone(), true), (ids[1].clone(), true), (ids[2].clone(), false)]);
    assert_eq!(listed["streams"][0]["summary"]["ending"], "complete");
    let one = asker.get_json("/midstream/v1/streams?limit=1&state=ended").await;
    assert_eq!((of(&one), one["next"].as_str()), (vec![(ids[0].clone(), true)], Some(&*ids[0])));
    let rest = asker.get_json(&format!("/midstream/v1/streams?after={}&model=m", ids[0])).await;
    assert_eq!(of(&rest), [(ids[2].clone(), false)]);
    assert_eq!(asker.get_json(&format!("/midstream/v1/streams/{}", ids[0])).await["only_in_log"], true);
}

#[tokio::test]
async fn a_stream_that_only_the_log_knows_has_ended_and_is_cancelled_by_nobody() {
    let folder = Folder::new();
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let with_log = |config: &mut Config| config.store.folder = Some(folder.0.clone());
    let server = gateway_with(&mock, Api::Openai, with_log).await;
    let response = Asker::new(&server).post(CHAT).await;
    let cancel = format!("/midstream/v1/streams/{}/cancel", id_of(&response));
    all(response).await;
    server.stop().await;
    let server = gateway_with(&mock, Api::Openai, with_log).await;
    assert_eq!(Asker::new(&server).send("POST", &cancel, "").await.status(), StatusCode::ACCEPTED);
}

/// What the log and the file of usage hold, as one who kills the gateway leaves them.
fn killed(folder: &Folder) -> Folder {
    let copy = Folder::new();
    for name in ["store", "usage.jsonl"] {
        let (from, to) = (folder.0.join(name), copy.0.join(name));
        if from.is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            for file in std::fs::read_dir(&from).unwrap().map(Result::unwrap) {
                std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        } else if from.exists() {
            std::fs::copy(from, to).unwrap();
        }
    }
    copy
}

#[tokio::test]
async fn a_stream_whose_gateway_was_killed_is_booked_once_as_an_estimate() {
    let limits = || serde_json::from_str(r#"{"tokens_per_day": 12}"#).unwrap();
    let configured = |folder: &Folder, config: &mut Config, has_file: bool| {
        config.store.folder = Some(folder.0.join("store"));
        config.usage.file = has_file.then(|| folder.0.join("usage.jsonl"));
        config.keys.insert("alice".to_owned(), KeyConfig { limits: limits(), ..key("alice-key") });
    };
    let mock =
        Mock::start(Script { hangs: true, ..Script::of([chat("Twenty characters + "), chat("twenty more of it. ")]) })
            .await;
    for has_file in [true, false] {
        let folder = Folder::new();
        let server = gateway_with(&mock, Api::Openai, |config| configured(&folder, config, has_file)).await;
        let response = Asker::with_key(&server, "alice-key").post(CHAT).await;
        let id = id_of(&response);
        let shown = || serde_json::from_str::<Value>(&server.stream_json(&id).unwrap()).unwrap();
        until("both chunks are logged", async || shown()["stored"]["durable"].as_u64() >= Some(3)).await;
        let first = killed(&folder);
        for round in 0..2 {
            let server = gateway_with(&mock, Api::Openai, |config| configured(&first, config, has_file)).await;
            let asker = Asker::with_key(&server, "alice-key");
            let usage = asker.get_json(&format!("/midstream/v1/streams/{id}")).await["usage"].clone();
            let record = &usage[0];
            assert_eq!(
                (usage.as_array().unwrap().len(), &record["end"], &record["key"]),
                (1, &json!("failed"), &json!("alice"))
            );
            assert_eq!((&record["source"], &record["output"]), (&json!("estimated"), &json!(10)));
            let lines = std::fs::read_to_string(first.0.join("usage.jsonl")).unwrap_or_default();
            assert_eq!(lines.lines().count(), usize::from(has_file), "round {round}");
            if round == 0 {
                let sums: Value = serde_json::from_str(&server.usage_json()).unwrap();
                assert_eq!(sums["usage"][0]["output_estimated"], 10);
                let refused = asker.send("POST", CHAT, r#"{"model":"m","stream":true,"max_tokens":5}"#).await;
                assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
            }
            server.stop().await;
        }
    }
}
