//! One side of a load test of a gateway, in a process of its own.
//!
//! `gateway-load mock PORT`: a provider whose chat streams send chunks by the clock, each with the time it was sent.
//! `gateway-load bare PORT UPSTREAM_PORT`: a reverse proxy of hyper alone, the floor.
//! `gateway-load gateway PORT UPSTREAM_PORT observe|all|redact`: the gateway.
//! `gateway-load read PORT STREAMS RATE SECONDS`: so many clients at once, of so many chunks a second each.
//! `gateway-load leave PORT MOCK_PORT STREAMS silent|speaking`: so many clients that leave, one after the other.
//! `gateway-load loop PORT MOCK_PORT STREAMS`: so many streams that loop, until each is stopped.
//! `gateway-load churn PORT STREAMS SECONDS`: so many streams at once, of every length and end.
//! `gateway-load viewers PORT READERS STALLED SECONDS`: so many look on at the newest stream that runs.
//!
//! The last five print one line of JSON. `THREADS` says how many threads a process has, 2 by default.

use std::error::Error;

mod ask;
mod churn;
mod client;
mod ends;
mod mock;
mod proxies;
mod times;
mod viewers;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let threads = std::env::var("THREADS").ok().and_then(|threads| threads.parse().ok()).unwrap_or(2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(async {
        match words.as_slice() {
            ["mock", port] => mock::serve(port.parse()?).await,
            ["bare", port, upstream] => proxies::bare(port.parse()?, upstream.parse()?).await,
            ["gateway", port, upstream, does] => proxies::gateway(port.parse()?, upstream.parse()?, does).await,
            ["read", port, streams, rate, seconds] => {
                client::run(port.parse()?, streams.parse()?, rate.parse()?, seconds.parse()?).await
            }
            ["leave", port, mock, streams, phase] => {
                ends::leave(port.parse()?, mock.parse()?, streams.parse()?, *phase == "silent").await
            }
            ["loop", port, mock, streams] => ends::run_in_loops(port.parse()?, mock.parse()?, streams.parse()?).await,
            ["churn", port, streams, seconds] => churn::run(port.parse()?, streams.parse()?, seconds.parse()?).await,
            ["viewers", port, readers, stalled, seconds] => {
                viewers::run(port.parse()?, readers.parse()?, stalled.parse()?, seconds.parse()?).await
            }
            _ => Err("see the top of main.rs".into()),
        }
    })
}
