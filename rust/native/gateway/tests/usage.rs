//! Usage is booked once, however a stream ends.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use midstream_gateway::{Api, Config, RouteConfig, Server, UpstreamConfig};
use serde_json::{Value, json};
use support::answers::all;
use support::ends::ended;
use support::{Asker, LONGEST, Mock, Script, Seen, chat, chat_end, gateway, gateway_with, looping, mock_of};
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";

/// The usage that OpenAI's chat sends at its end.
fn counted(input: u64, output: u64) -> Bytes {
    let usage = json!({"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [],
        "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output}});
    format!("data: {usage}\n\n").into()
}

fn finish() -> Bytes {
    let all = chat_end();
    all.slice(..all.len() - DONE.len())
}

const DONE: &str = "data: [DONE]\n\n";

/// The only record of the only stream: end, input, output, source.
async fn record(server: &Server) -> (Value, Value, Value, Value) {
    let stream = ended(server).await;
    let records = stream["usage"].as_array().unwrap();
    assert_eq!(records.len(), 1, "{stream}");
    let record = &records[0];
    assert_eq!(record["stream"], stream["id"]);
    (record["end"].clone(), record["input"].clone(), record["output"].clone(), record["source"].clone())
}

fn expected(end: &str, input: Option<u64>, output: u64, source: &str) -> (Value, Value, Value, Value) {
    (end.into(), input.into(), output.into(), source.into())
}

#[tokio::test]
async fn a_complete_answer_has_the_providers_count() {
    let mock = Mock::start(Script::of([chat("Hello"), finish(), counted(7, 2), Bytes::from(DONE)])).await;
    let server = gateway(&mock, Api::Openai).await;
    all(Asker::new(&server).post(CHAT).await).await;
    assert_eq!(record(&server).await, expected("complete", Some(7), 2, "reported"));
    let usage = Asker::new(&server).get_json("/midstream/v1/usage").await;
    assert_eq!(usage["usage"].as_array().unwrap().len(), 1);
    let row = &usage["usage"][0];
    assert_eq!((&row["model"], &row["upstream"], &row["requests"]), (&json!("m"), &json!("mock"), &json!(1)));
    assert_eq!((&row["input"], &row["output"], &row["output_estimated"]), (&json!(7), &json!(2), &json!(0)));
    assert_eq!(serde_json::from_str::<Value>(&server.usage_json()).unwrap(), usage);
}

#[tokio::test]
async fn without_a_count_the_characters_make_one() {
    let mock = Mock::start(Script::of([chat("Hello world!"), chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    all(Asker::new(&server).post(CHAT).await).await;
    assert_eq!(record(&server).await, expected("complete", None, 3, "estimated"));
}

#[tokio::test]
async fn how_many_characters_a_token_has_is_learned() {
    let long = "The quick brown fox jumps over the lazy dog while nobody counts the letters it takes.";
    let mock = Mock::start(Script::of([chat(long), finish(), counted(7, 40), Bytes::from(DONE)])).await;
    let other = Mock::start(Script::of([chat(long), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let upstream = UpstreamConfig::new(format!("http://{}", other.address), &[Api::Openai]);
        config.upstreams.insert("silent".to_owned(), upstream);
    })
    .await;
    all(Asker::new(&server).post(CHAT).await).await;
    all(Asker::new(&server).post("/silent/v1/chat/completions").await).await;
    let usage = Asker::new(&server).get_json("/midstream/v1/usage").await;
    let outputs: Vec<&Value> = usage["usage"].as_array().unwrap().iter().map(|row| &row["output"]).collect();
    assert_eq!(outputs, [&json!(40), &json!(40)]);
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_stream_pays_for_what_came() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello world!")]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    let mut response = Asker::new(&server).post(CHAT).await;
    timeout(LONGEST, response.body_mut().frame()).await.unwrap().unwrap().unwrap();
    drop(response);
    assert_eq!(record(&server).await, expected("cancelled", None, 3, "estimated"));
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_byte_is_booked_with_nothing() {
    let mock = Mock::start(Script { before: LONGEST * 2, ..Script::of([chat("late")]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let request = tokio::spawn(async move { asker.post(CHAT).await });
    let Seen::Asked { .. } = mock.next().await else { panic!("asked first") };
    request.abort();
    assert_eq!(record(&server).await, expected("cancelled", None, 0, "estimated"));
}

/// 60 characters of a request.
fn asked() -> String {
    json!({"model": "m", "stream": true, "messages": [
        {"role": "system", "content": "Be brief. "},
        {"role": "user", "content": [{"type": "text", "text": "x".repeat(50)},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
    ]})
    .to_string()
}

#[tokio::test]
async fn a_request_that_nobody_counted_is_estimated_as_its_answer_is() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello world!")]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    let mut response = Asker::new(&server).send("POST", CHAT, asked()).await;
    timeout(LONGEST, response.body_mut().frame()).await.unwrap().unwrap().unwrap();
    drop(response);
    assert_eq!(record(&server).await, expected("cancelled", Some(15), 3, "estimated"));
    let usage = Asker::new(&server).get_json("/midstream/v1/usage").await;
    assert_eq!(usage["usage"][0]["input_estimated"], 15);
    let stream = ended(&server).await;
    assert_eq!(stream["usage"][0]["input_source"], "estimated");
    let metrics = Asker::new(&server).get_text("/metrics").await;
    assert!(metrics.contains(r#"kind="input",source="estimated"} 15"#), "{metrics}");
}

#[tokio::test]
async fn a_client_that_does_not_wait_pays_for_its_request_and_one_that_is_refused_does_not() {
    let mock = Mock::start(Script { before: LONGEST * 2, ..Script::of([chat("late")]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    let request = tokio::spawn(async move { asker.send("POST", CHAT, asked()).await });
    let Seen::Asked { .. } = mock.next().await else { panic!("asked first") };
    request.abort();
    assert_eq!(record(&server).await, expected("cancelled", Some(15), 0, "estimated"));
    let mock = Mock::start(Script { status: Some(StatusCode::BAD_REQUEST), ..Script::of(["{}"]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    all(Asker::new(&server).send("POST", CHAT, asked()).await).await;
    assert_eq!(record(&server).await, expected("failed", None, 0, "estimated"));
}

/// A client that has what it wants leaves, and its provider has more to say.
async fn leave_behind_the_end(server: &Server) {
    let mut response = Asker::new(server).post(CHAT).await;
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("\"stop\"") {
        let frame = timeout(LONGEST, response.body_mut().frame()).await.unwrap().unwrap().unwrap();
        seen.extend_from_slice(&frame.into_data().unwrap());
    }
}

#[tokio::test]
async fn a_client_that_leaves_behind_the_end_has_a_complete_answer_and_the_providers_count() {
    let mut script = Script::of([chat("Hello"), finish()]);
    script.chunks.push((Duration::from_millis(100), counted(7, 2)));
    script.hangs = true;
    let mock = Mock::start(script).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.usage.wait_s = 10.0).await;
    leave_behind_the_end(&server).await;
    assert_eq!(record(&server).await, expected("complete", Some(7), 2, "reported"));
    assert!(!mock.closed().await.0);
}

#[tokio::test]
async fn a_count_that_does_not_come_is_not_waited_for_long() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello"), finish()]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    leave_behind_the_end(&server).await;
    assert!(!mock.closed().await.0);
    assert_eq!(record(&server).await, expected("complete", None, 2, "estimated"));
    // With what else it takes that is less than a tenth of a second.
    assert!(Config::default().usage.wait_s <= 0.05);
    let row = &Asker::new(&server).get_json("/midstream/v1/usage").await["usage"][0];
    assert_eq!((&row["input"], &row["output"], &row["cost"]), (&json!(null), &json!(2), &json!(null)));
}

#[tokio::test]
async fn a_stopped_answer_is_booked_with_what_it_saved() {
    let mock = Mock::start(looping()).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    all(asker.send("POST", CHAT, r#"{"model":"m","stream":true,"max_tokens":1000}"#).await).await;
    let (end, _, output, source) = record(&server).await;
    assert_eq!((end, source), (json!("halted"), json!("estimated")));
    let metrics = asker.get_text("/metrics").await;
    let saved = format!("midstream_tokens_saved_total {}", 1000 - output.as_u64().unwrap());
    assert!(metrics.contains(&saved), "{saved} is not in {metrics}");
    assert!(metrics.contains("midstream_upstream_cancel_seconds_count 1"), "{metrics}");
    assert!(metrics.contains("midstream_usage_records_total{upstream=\"mock\",end=\"halted\"} 1"), "{metrics}");
}

#[tokio::test]
async fn each_upstream_of_a_failover_has_its_record() {
    let mock = Mock::start(Script::of([chat("Hello"), finish(), counted(7, 2), Bytes::from(DONE)])).await;
    let refusing = Mock::start(Script { status: Some(StatusCode::SERVICE_UNAVAILABLE), ..Script::default() }).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let mut upstream = UpstreamConfig::new("http://127.0.0.1:1", &[Api::Openai]);
        upstream.retries = 0;
        config.upstreams.insert("gone".to_owned(), upstream.clone());
        upstream.url = format!("http://{}", refusing.address);
        config.upstreams.insert("refusing".to_owned(), upstream);
        let route = |upstream: &str| RouteConfig { upstream: upstream.to_owned(), model: None };
        config.models.insert("m".to_owned(), ["gone", "refusing", "mock"].map(route).into());
    })
    .await;
    all(Asker::new(&server).post(CHAT).await).await;
    let stream = ended(&server).await;
    let told: Vec<_> = stream["usage"].as_array().unwrap().iter().map(|one| (&one["upstream"], &one["end"])).collect();
    let all = [json!("gone"), json!("failed"), json!("refusing"), json!("mock"), json!("complete")];
    assert_eq!(told, [(&all[0], &all[1]), (&all[2], &all[1]), (&all[3], &all[4])]);
    assert_eq!(stream["usage"][0]["output"], 0);
}

#[tokio::test]
async fn a_refusal_is_booked_with_nothing() {
    let mock = Mock::start(Script { status: Some(StatusCode::BAD_REQUEST), ..Script::of(["{}"]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    all(Asker::new(&server).post(CHAT).await).await;
    assert_eq!(record(&server).await, expected("failed", None, 0, "estimated"));
}

#[tokio::test]
async fn records_are_appended_to_a_file() {
    let file = std::env::temp_dir().join(format!("midstream-usage-{}.jsonl", std::process::id()));
    std::fs::write(&file, "{\"before\":1}\n").unwrap();
    let mock = Mock::start(Script::of([chat("Hello"), finish(), counted(7, 2), Bytes::from(DONE)])).await;
    let server = gateway_with(&mock, Api::Openai, |config: &mut Config| config.usage.file = Some(file.clone())).await;
    for _ in 0..3 {
        all(Asker::new(&server).post(CHAT).await).await;
    }
    let lines = timeout(LONGEST, async {
        loop {
            let text = std::fs::read_to_string(&file).unwrap();
            if text.lines().count() == 4 {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let text = lines.await.expect("the records are not written");
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&last["output"], &last["end"], &last["upstream"]), (&json!(2), &json!("complete"), &json!("mock")));
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn usage_that_only_the_gateway_asked_for_is_hidden() {
    let chunks = [chat("Hello"), finish(), counted(7, 2), Bytes::from(DONE)];
    let mock = Mock::start(Script::of(chunks.concat().chunks(3).map(Bytes::copy_from_slice).collect::<Vec<_>>())).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        mock_of(config).include_usage = Some(true);
    })
    .await;
    let asker = Asker::new(&server);
    assert_eq!(all(asker.post(CHAT).await).await, [chat("Hello"), finish(), Bytes::from(DONE)].concat());
    let Seen::Asked { body, .. } = mock.next().await else { panic!("asked first") };
    assert_eq!(&body[..], br#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#);
    assert_eq!(record(&server).await, expected("complete", Some(7), 2, "reported"));
    let asks = r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#;
    assert_eq!(all(asker.send("POST", CHAT, asks).await).await, chunks.concat());
}

#[tokio::test]
async fn llama_cpps_own_counts_are_booked_and_what_nobody_can_read_is_unknown() {
    let frame = |content: &str, stop: bool| {
        let counts = json!({"index": 0, "content": content, "stop": stop, "stop_type": "eos",
            "tokens_predicted": 2, "tokens_evaluated": 7});
        format!("data: {counts}\n\n")
    };
    let native = [frame("Hello", false), frame("", true)];
    for path in ["/completions", "/completion", "/infill"] {
        let mock = Mock::start(Script::of(native.clone())).await;
        let server = gateway(&mock, Api::Openai).await;
        assert_eq!(all(Asker::new(&server).post(path).await).await, native.concat(), "{path}");
        assert_eq!(record(&server).await, expected("complete", Some(7), 2, "reported"), "{path}");
    }
    for body in ["data: {\"output\":\"Hello\"}\n\n", &native[0]] {
        let mock = Mock::start(Script::of([body.to_owned()])).await;
        let server = gateway(&mock, Api::Openai).await;
        assert_eq!(all(Asker::new(&server).post(CHAT).await).await, body);
        let (_, _, output, source) = record(&server).await;
        assert_eq!((output, source), (Value::Null, "unknown".into()), "{body}");
    }
}
