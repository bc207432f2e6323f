//! What the gateway adds to a chunk is measured from its arrival to its leaving, without what waits for a verdict.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use midstream_gateway::{Api, ModeratorConfig, OnClientGone, Server};
use midstream_stream::Settings;
use support::answers::all;
use support::connections::{Raw, chat_request};
use support::ends::{all_ended, until};
use support::{Asker, LONGEST, Mock, Script, chat, chat_end, gateway, gateway_with};

const CHAT: &str = "/v1/chat/completions";
const PAUSE: Duration = Duration::from_millis(30);

/// How many chunks were measured, and for how long they were here together.
async fn measured(server: &Server, metric: &str) -> (u64, f64) {
    let text = Asker::new(server).get_text("/metrics").await;
    let value = |end: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{metric}_{end} "))).unwrap();
    (value("count").parse().unwrap(), value("sum").parse().unwrap())
}

fn paused(chunks: &[Bytes]) -> Script {
    Script { chunks: chunks.iter().map(|chunk| (PAUSE, chunk.clone())).collect(), ..Script::of([chat("")]) }
}

#[tokio::test]
async fn every_chunk_that_passes_is_measured() {
    let mock = Mock::start(paused(&[chat("a"), chat("b"), chat("c"), chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    all(Asker::new(&server).post(CHAT).await).await;
    let (count, sum) = measured(&server, "midstream_overhead_seconds").await;
    // Chunks may come together on a machine with other work to do.
    assert!((1..=4).contains(&count), "{count}");
    assert!(sum > 0.0 && sum < LONGEST.as_secs_f64(), "{sum}");
}

#[tokio::test]
async fn a_chunk_that_its_client_does_not_take_is_still_here() {
    let long = Bytes::from(vec![b'x'; 1 << 20]);
    let mock = Mock::start(Script { content_type: "application/octet-stream", ..Script::of(vec![long; 32]) }).await;
    let server = gateway(&mock, Api::Openai).await;
    let mut response = Asker::new(&server).send("GET", "/mock/a/file", "").await;
    response.body_mut().frame().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    while let Some(frame) = response.body_mut().frame().await {
        frame.unwrap();
    }
    let (_, sum) = measured(&server, "midstream_overhead_seconds").await;
    assert!(sum > 0.5, "{sum}");
}

#[tokio::test]
async fn text_that_waits_is_reported_apart() {
    /// A moderator that takes its time.
    const WAIT: Duration = Duration::from_secs(2);
    let verdict = Bytes::from(r#"{"verdict":"release"}"#);
    let moderator = Script { content_type: "application/json", before: WAIT, ..Script::of([verdict]) };
    let moderator = Mock::start(moderator).await;
    let mock = Mock::start(paused(&[chat("One sentence. "), chat("Another one."), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.guard = Settings::from_json(r#"{"hold": {"channels": ["text"]}}"#).unwrap();
        config.moderator = Some(ModeratorConfig::new(format!("http://{}/check", moderator.address)));
    })
    .await;
    all(Asker::new(&server).post(CHAT).await).await;
    all_ended(&server, 1).await;
    let (held, waited) = measured(&server, "midstream_holdback_seconds").await;
    assert!(held > 0 && waited >= WAIT.as_secs_f64() / 2.0, "{held} {waited}");
    let (_, sum) = measured(&server, "midstream_overhead_seconds").await;
    assert!(sum < WAIT.as_secs_f64() / 2.0, "{sum}");
}

#[tokio::test]
async fn what_nobody_is_given_is_not_measured() {
    let chunks: Vec<Bytes> = (0..20).map(|_| chat("word ")).collect();
    let mock = Mock::start(paused(&chunks)).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.on_client_gone = OnClientGone::Continue;
        config.guard.shadow = true;
    })
    .await;
    let mut raw = Raw::open(&server).await;
    raw.write(chat_request()).await;
    raw.until("word ").await;
    drop(raw);
    let stream = all_ended(&server, 1).await.remove(0);
    assert_eq!(stream["summary"]["bytes"], chunks.iter().map(Bytes::len).sum::<usize>());
    until("the metrics are there", async || measured(&server, "midstream_overhead_seconds").await.0 > 0).await;
    assert!(measured(&server, "midstream_overhead_seconds").await.0 < 20);
}
