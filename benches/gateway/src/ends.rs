//! Streams that end before their time, and when the provider hears of it.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde::Serialize;

use crate::ask::{Ask, Asker, Ended, asker};
use crate::times::{Spread, now};

/// What the ends took.
#[derive(Serialize)]
struct Ends {
    took: Spread,
    /// Streams whose end the provider did not hear of before they were all sent.
    missed: u64,
}

/// Chunks behind which the text loops.
const LOOP_AT: u64 = 30;

/// So many clients leave, each at its moment: from there to the close of the provider's connection.
pub(crate) async fn leave(port: u16, mock: u16, streams: u64, is_silent: bool) -> Result<(), Box<dyn Error>> {
    let asker = asker();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..streams {
        let asker = asker.clone();
        let ask = Ask { wait: if is_silent { 20.0 } else { 0.0 }, ..Ask::new(number, 50.0, 20.0) };
        clients.spawn(async move {
            // Spread over two seconds.
            let stays = Duration::from_secs_f64(2.0 + 2.0 * number as f64 / streams as f64);
            let mut reading = Box::pin(drain(&asker, port, ask));
            let _ = tokio::time::timeout(stays, reading.as_mut()).await;
            let left = now();
            drop(reading);
            (number, left)
        });
    }
    let left: HashMap<u64, u64> = clients.join_all().await.into_iter().collect();
    tell(&asker, mock, streams, |ended| left.get(&ended.number).map(|left| ended.closed_ns.saturating_sub(*left))).await
}

/// So many streams loop, each until it is stopped: from the last chunk that was sent to the close of the provider's connection.
pub(crate) async fn run_in_loops(port: u16, mock: u16, streams: u64) -> Result<(), Box<dyn Error>> {
    let asker = asker();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..streams {
        let asker = asker.clone();
        // So far apart that the last chunk is the one that was one too many.
        let ask = Ask { loop_at: Some(LOOP_AT), ..Ask::new(number, 10.0, 20.0) };
        clients.spawn(async move { drain(&asker, port, ask).await });
    }
    clients.join_all().await;
    tell(&asker, mock, streams, |ended| Some(ended.closed_ns - ended.sent_ns)).await
}

/// Reads a stream to its end.
async fn drain(asker: &Asker, port: u16, ask: Ask) {
    let Ok(response) = ask.send(asker, port).await else { return };
    let mut body = response.into_body();
    while let Some(Ok(_)) = body.frame().await {}
}

/// Prints what the provider noted of the streams.
async fn tell(
    asker: &Asker,
    mock: u16,
    streams: u64,
    took: impl Fn(&Ended) -> Option<u64>,
) -> Result<(), Box<dyn Error>> {
    // What never closes is sent to its end, and counts as missed.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let request = Request::get(format!("http://127.0.0.1:{mock}/ended")).body(Full::new(Bytes::new()))?;
    let body = asker.request(request).await?.into_body().collect().await?.to_bytes();
    let ended: Vec<Ended> = serde_json::from_slice(&body)?;
    let took = Spread::of(ended.iter().filter(|ended| !ended.is_whole).filter_map(took).collect());
    println!("{}", serde_json::to_string(&Ends { missed: streams.saturating_sub(took.count as u64), took })?);
    Ok(())
}
