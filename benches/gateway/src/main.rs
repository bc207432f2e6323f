//! One side of a load test of a gateway, in a process of its own.
//!
//! `gateway-load mock PORT`: a provider whose chat streams send chunks by the clock, each with the time it was sent.
//! `gateway-load bare PORT UPSTREAM_PORT`: a reverse proxy of hyper alone, the floor.
//! `gateway-load gateway PORT UPSTREAM_PORT all|observe`: the gateway.
//! `gateway-load client PORT STREAMS RATE SECONDS`: so many clients at once; prints one line of JSON.
//! `gateway-load viewers PORT READERS STALLED SECONDS`: so many look on at the newest stream that runs; prints what came.

use std::error::Error;

mod client;
mod mock;
mod proxies;
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
            ["gateway", port, upstream, checks] => {
                proxies::gateway(port.parse()?, upstream.parse()?, *checks == "all").await
            }
            ["client", port, streams, rate, seconds] => {
                client::run(port.parse()?, streams.parse()?, rate.parse()?, seconds.parse()?).await
            }
            ["viewers", port, readers, stalled, seconds] => {
                viewers::run(port.parse()?, readers.parse()?, stalled.parse()?, seconds.parse()?).await
            }
            _ => Err("see the top of main.rs".into()),
        }
    })
}
