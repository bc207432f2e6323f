//! Upstreams that are full or broken are spared.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::sync::atomic::Ordering;

use http::StatusCode;
use midstream_gateway::{Api, Config, RouteConfig, Server, UpstreamConfig};
use serde_json::json;
use support::answers::{all, id_of, json_of, retry_after};
use support::ends::until;
use support::{Asker, LONGEST, Mock, Script, Seen, chat, chat_end, gateway_with, mock_of};
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn an_upstream_that_is_full_makes_the_next_wait_and_refuses_the_rest() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        mock_of(config).max_concurrent = Some(1);
        mock_of(config).max_waiting = 1;
    })
    .await;
    let first = Asker::new(&server).post(CHAT).await;
    let asker = Asker::new(&server);
    let second = tokio::spawn(async move { asker.post(CHAT).await });
    let asker = Asker::new(&server);
    let waits = "midstream_upstream_requests_waiting{upstream=\"mock\"} 1";
    until("one waits", async || asker.get_text("/metrics").await.contains(waits)).await;
    let third = asker.post(CHAT).await;
    assert_eq!((third.status(), retry_after(&third)), (StatusCode::SERVICE_UNAVAILABLE, Some(1)));
    assert_eq!(json_of(third).await["error"]["type"], "midstream_upstream_full");
    drop(first);
    assert_eq!(timeout(LONGEST, second).await.unwrap().unwrap().status(), StatusCode::OK);
}

/// A gateway whose upstream has failed as often as is needed to leave it alone.
async fn broken(mock: &Mock, open_s: f64, change: impl FnOnce(&mut Config)) -> (Server, Asker) {
    let server = gateway_with(mock, Api::Openai, |config| {
        let upstream = mock_of(config);
        (upstream.retries, upstream.breaker_failures, upstream.breaker_open_s) = (0, 2, open_s);
        change(config);
    })
    .await;
    let asker = Asker::new(&server);
    for _ in 0..2 {
        all(asker.post("/mock/v1/chat/completions").await).await;
        let Seen::Asked { .. } = mock.next().await else { panic!("asked first") };
        mock.closed().await;
    }
    (server, asker)
}

#[tokio::test]
async fn an_upstream_that_fails_again_and_again_is_left_alone() {
    let script = Script::of([chat_end()]);
    script.refused.store(2, Ordering::SeqCst);
    let mock = Mock::start(script).await;
    let (_server, asker) = broken(&mock, 1000.0, |_| ()).await;
    let refused = asker.post(CHAT).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!((990..=1000).contains(&retry_after(&refused).unwrap()));
    assert_eq!(json_of(refused).await["error"]["type"], "midstream_upstream_open");
    let ready = asker.send("GET", "/readyz", "").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json_of(ready).await["upstreams"], json!({"closed": 0, "half_open": 0, "open": 1}));
    let metrics = asker.get_text("/metrics").await;
    for line in [
        "midstream_upstream_circuit{upstream=\"mock\",state=\"open\"} 1",
        "midstream_upstream_failures_total{upstream=\"mock\"} 2",
        "midstream_upstream_opened_total{upstream=\"mock\"} 1",
        "midstream_streams_total{api=\"openai\",end=\"failed\"} 3",
        "midstream_usage_records_total{upstream=\"mock\",end=\"failed\"} 2",
        "midstream_usage_records_total{upstream=\"none\",end=\"failed\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn one_that_is_left_alone_is_tried_again_after_a_while() {
    let script = Script::of([chat_end()]);
    script.refused.store(2, Ordering::SeqCst);
    let mock = Mock::start(script).await;
    let (_server, asker) = broken(&mock, 0.05, |_| ()).await;
    until("it is tried again", async || asker.post(CHAT).await.status() == StatusCode::OK).await;
    assert_eq!(asker.send("GET", "/readyz", "").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn one_that_is_left_alone_is_passed_over_by_the_next() {
    let script = Script::of([chat_end()]);
    script.refused.store(2, Ordering::SeqCst);
    let mock = Mock::start(script).await;
    let spare = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let (_server, asker) = broken(&mock, 1000.0, |config| {
        let upstream = UpstreamConfig::new(format!("http://{}", spare.address), &[Api::Openai]);
        config.upstreams.insert("spare".to_owned(), upstream);
        let route = |upstream: &str| RouteConfig { upstream: upstream.to_owned(), model: None };
        config.models.insert("m".to_owned(), ["mock", "spare"].map(route).into());
    })
    .await;
    // The first part of a path chooses nobody where a model does.
    let response = asker.post(CHAT).await;
    assert_eq!(response.headers()["x-midstream-upstream"], "spare");
    let id = id_of(&response);
    all(response).await;
    let shown = asker.get_json(&format!("/midstream/v1/streams/{id}")).await;
    assert_eq!(shown["usage"].as_array().unwrap().len(), 1);
    assert_eq!(shown["usage"][0]["upstream"], "spare");
}
