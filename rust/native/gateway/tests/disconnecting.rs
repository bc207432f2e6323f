//! Many clients that leave at any moment leave nothing behind. DISCONNECTS says how many: 500, and 10,000 in `make soak`.
//!
//! One test alone: it counts what its process has open.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use http_body_util::BodyExt;
use midstream_gateway::{Api, Server, TlsConfig};
use serde_json::Value;
use support::connections::{Connection, Http, post};
use support::ends::{counted, streams, until};
use support::{Asker, Mock, Script, chat, gateway_with};
use tokio::runtime::Handle;
use tokio::time::timeout;

const PATHS: [&str; 3] = ["/v1/chat/completions", "/v1/embeddings", "/mock/any/path"];
/// Clients at a time.
const TOGETHER: usize = 20;

/// Numbers that look random and are the same each time; xorshift, G. Marsaglia, 2003.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Begins after a while, goes on for a while, and never ends.
fn slow() -> Script {
    let mut script = Script { before: Duration::from_millis(3), hangs: true, ..Script::of([chat("Hello")]) };
    script.chunks.extend((0..5).map(|_| (Duration::from_millis(1), chat(" again"))));
    script
}

/// Asks, reads what comes, and is gone so long after it was connected.
async fn ask_and_leave(server: &Server, path: &str, http: Http, leaves: Duration) {
    let mut connection = Connection::open(server, http).await;
    let asking = async {
        let Ok(mut response) = connection.send(post(path)).await else { return };
        while let Some(Ok(_)) = response.body_mut().frame().await {}
    };
    let _ = timeout(leaves, asking).await;
}

async fn leave(server: &Server, count: usize, http: Http, numbers: &mut Numbers) {
    let mut leaving = FuturesUnordered::new();
    for number in 0..count {
        if leaving.len() >= TOGETHER {
            leaving.next().await;
        }
        let leaves = Duration::from_micros(numbers.below(12_000));
        leaving.push(ask_and_leave(server, PATHS[number % PATHS.len()], http, leaves));
    }
    while leaving.next().await.is_some() {}
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_leave_at_any_moment_leave_nothing_behind() {
    let count = std::env::var("DISCONNECTS").map_or(500, |count| count.parse().unwrap());
    for http in Http::BOTH {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("left-{}-{http:?}", std::process::id()));
        let mock = Mock::start(slow()).await;
        let start = || {
            gateway_with(&mock, Api::Openai, |config| {
                config.store.folder = Some(folder.clone());
                config.tls = (http == Http::Two).then(|| TlsConfig { generated: true, ..TlsConfig::default() });
            })
        };
        let server = start().await;
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        leave(&server, TOGETHER, http, &mut numbers).await;
        until("the first are over", async || streams(&server).iter().all(|stream| stream["state"] == "ended")).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let before = (descriptors(), Handle::current().metrics().num_alive_tasks());

        leave(&server, count / 2, http, &mut numbers).await;
        until("streams that run", async || streams(&server).iter().all(|stream| stream["state"] == "ended")).await;
        until("sockets are closed", async || descriptors() <= before.0).await;
        until("tasks are over", async || Handle::current().metrics().num_alive_tasks() <= before.1).await;
        let is_kept = |stream: &Value| stream["stored"]["durable"] == stream["events"];
        until("the log has all", async || streams(&server).iter().all(is_kept)).await;
        let left = streams(&server);
        assert!(left.len() > count / 8, "{} of {count} came to be streams", left.len());
        for stream in &left {
            assert_eq!(stream["end"], serde_json::json!({"state": "cancelled", "cause": "client_left"}), "{stream}");
            assert_eq!(stream["usage"].as_array().unwrap().len(), 1, "{stream}");
            assert_eq!(stream["stored"]["not_resumable"], false);
        }
        let asked: BTreeSet<bool> = left.iter().map(|stream| stream["summary"].is_null()).collect();
        assert_eq!(asked.len(), 2, "some left before the first byte and some behind it");
        if http == Http::One {
            let asker = Asker::new(&server);
            assert_eq!(counted(&asker, "midstream_streams_active").await, 0);
            for name in ["midstream_streams_total", "midstream_usage_records_total"] {
                assert_eq!(counted(&asker, name).await, left.len() as u64, "{name}");
            }
        }
        server.stop().await;

        // Whoever opens the log finds nobody who was lost.
        let again = start().await;
        let log = folder.join("000000000000.log");
        let ends = String::from_utf8_lossy(&std::fs::read(log).unwrap()).matches("owner_lost").count();
        assert_eq!(ends, 0);
        again.stop().await;
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
