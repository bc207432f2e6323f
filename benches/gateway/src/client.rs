//! The clients.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::mock::now;

/// Reads so many streams at once, of so many chunks a second each, and prints what their chunks took.
pub(crate) async fn run(port: u16, streams: u64, rate: f64, seconds: f64) -> Result<(), Box<dyn Error>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let broken = Arc::new(AtomicU64::new(0));
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..streams {
        let (client, broken) = (client.clone(), Arc::clone(&broken));
        readers.spawn(async move {
            let (took, whole) = read(client, port, rate, seconds).await;
            broken.fetch_add(u64::from(!whole), Ordering::Relaxed);
            took
        });
        // Not all in one moment: how fast connections are made is not measured here.
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    let mut took: Vec<u64> = readers.join_all().await.into_iter().flatten().collect();
    took.sort_unstable();
    let at = |share: f64| took.get((took.len() as f64 * share) as usize).copied().unwrap_or_default() as f64 / 1e3;
    let expected = streams * (rate * seconds) as u64;
    println!(
        "{{\"p50_us\": {}, \"p90_us\": {}, \"p99_us\": {}, \"max_us\": {}, \"chunks\": {}, \"expected\": {expected}, \
         \"broken\": {}}}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0 - f64::EPSILON),
        took.len(),
        broken.load(Ordering::Relaxed)
    );
    Ok(())
}

/// How long each chunk took in nanoseconds, and whether the stream reached its end.
async fn read(client: Client<HttpConnector, Full<Bytes>>, port: u16, rate: f64, seconds: f64) -> (Vec<u64>, bool) {
    const SENT: &[u8] = b"\"sent\":";
    let body = format!("{{\"model\":\"m\",\"stream\":true,\"rate\":{rate},\"seconds\":{seconds}}}");
    let request = Request::post(format!("http://127.0.0.1:{port}/v1/chat/completions"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)));
    let Ok(request) = request else { return (Vec::new(), false) };
    let Ok(response) = client.request(request).await else { return (Vec::new(), false) };
    let mut body = response.into_body();
    let (mut took, mut whole) = (Vec::new(), false);
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else { continue };
        let read_at = now();
        let mut rest: &[u8] = data;
        while let Some(at) = rest.windows(SENT.len()).position(|window| window == SENT) {
            rest = rest.get(at + SENT.len()..).unwrap_or_default();
            let sent =
                rest.get(..20).and_then(|digits| str::from_utf8(digits).ok()).and_then(|digits| digits.parse().ok());
            took.extend(sent.map(|sent: u64| read_at.saturating_sub(sent)));
        }
        whole |= data.ends_with(b"[DONE]\n\n");
    }
    (took, whole)
}
