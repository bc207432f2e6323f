//! Those who look on.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

type Asker = Client<HttpConnector, Empty<Bytes>>;

/// Looks on at the newest stream that runs, so many readers and so many who read nothing; prints how much came.
pub(crate) async fn run(port: u16, readers: u64, stalled: u64, seconds: f64) -> Result<(), Box<dyn Error>> {
    let client: Asker = Client::builder(TokioExecutor::new()).build_http();
    let path = format!("/midstream/v1/streams/{}/events", newest(&client, port).await?);
    let events = Arc::new(AtomicU64::new(0));
    let mut held: Vec<Response<Incoming>> = Vec::new();
    for _ in 0..stalled {
        held.push(get(&client, port, &path).await?);
    }
    let mut reading = tokio::task::JoinSet::new();
    for _ in 0..readers {
        let mut body = get(&client, port, &path).await?.into_body();
        let events = Arc::clone(&events);
        reading.spawn(async move {
            while let Some(Ok(frame)) = body.frame().await {
                let data = frame.into_data().unwrap_or_default();
                let ends = data.windows(2).filter(|window| *window == b"\n\n").count();
                events.fetch_add(ends as u64, Ordering::Relaxed);
            }
        });
    }
    let before = events.load(Ordering::Relaxed);
    let read = timeout(Duration::from_secs_f64(seconds), async { while reading.join_next().await.is_some() {} }).await;
    let came = events.load(Ordering::Relaxed) - before;
    println!(
        "{{\"viewers\": {readers}, \"stalled\": {}, \"events\": {came}, \"events_per_s\": {:.0}, \"ended\": {}}}",
        held.len(),
        came as f64 / seconds,
        read.is_ok()
    );
    Ok(())
}

async fn newest(client: &Asker, port: u16) -> Result<String, Box<dyn Error>> {
    let body = get(client, port, "/midstream/v1/streams?state=running").await?.into_body().collect().await?.to_bytes();
    let text = str::from_utf8(&body)?;
    let (_, rest) = text.rsplit_once("\"id\":\"").ok_or("no stream runs")?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

async fn get(client: &Asker, port: u16, path: &str) -> Result<Response<Incoming>, Box<dyn Error>> {
    let request = Request::get(format!("http://127.0.0.1:{port}{path}")).body(Empty::new())?;
    let response = client.request(request).await?;
    if response.status().is_success() { Ok(response) } else { Err(format!("status {}", response.status()).into()) }
}
