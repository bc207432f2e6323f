//! Waiting for what becomes true, and for streams that end.

use std::time::Duration;

use midstream_gateway::Server;
use serde_json::Value;
use tokio::time::timeout;

use super::{Asker, LONGEST};

/// The provider is closed so soon behind its client's leaving.
const IN_TIME: Duration = Duration::from_millis(100);
/// How often a client may leave until that is so.
const TRIES: usize = 5;

/// Waits until that holds.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONGEST * 3, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// All streams.
pub(crate) fn streams(server: &Server) -> Vec<Value> {
    serde_json::from_str(&server.streams_json()).unwrap()
}

/// All streams, once so many have ended.
pub(crate) async fn all_ended(server: &Server, count: usize) -> Vec<Value> {
    let is_over = |stream: &Value| stream["state"] == "ended";
    until("the streams are over", async || streams(server).iter().filter(|stream| is_over(stream)).count() >= count)
        .await;
    streams(server)
}

/// The only stream, once it has ended.
pub(crate) async fn ended(server: &Server) -> Value {
    all_ended(server, 1).await.remove(0)
}

/// The sum of a metric over its labels.
pub(crate) async fn counted(asker: &Asker, name: &str) -> u64 {
    let text = asker.get_text("/metrics").await;
    let samples = text.lines().filter_map(|line| line.strip_prefix(name)).filter(|rest| rest.starts_with(['{', ' ']));
    samples.map(|sample| sample.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// Leaves until the provider was closed in time, and gives how often that was. A machine with other work to do may be late
/// once; a gateway that waits for something is late each time.
pub(crate) async fn in_time(what: &str, leaves: impl AsyncFn() -> Duration) -> usize {
    let mut took = Vec::new();
    while took.len() < TRIES {
        took.push(leaves().await);
        if took.last() < Some(&IN_TIME) {
            return took.len();
        }
    }
    panic!("{what}: the provider was closed after {took:?}");
}
