//! Clients that read.

use std::error::Error;
use std::time::Duration;

use http_body_util::BodyExt;
use serde::Serialize;

use crate::ask::{Ask, Asker, asker};
use crate::mock::ASKED;
use crate::times::{Spread, now, times_of};

/// What the streams took.
#[derive(Serialize)]
struct Read {
    chunks: Spread,
    /// Beyond what the provider waited: the time of the request and of the first chunk on their ways.
    first: Spread,
    expected: u64,
    broken: usize,
}

/// One stream.
#[derive(Default)]
struct Seen {
    took: Vec<u64>,
    first: Option<u64>,
    is_whole: bool,
}

/// Reads so many streams at once, of so many chunks a second each, and prints what their chunks took.
pub(crate) async fn run(port: u16, streams: u64, rate: f64, seconds: f64) -> Result<(), Box<dyn Error>> {
    let asker = asker();
    let mut readers = tokio::task::JoinSet::new();
    for number in 0..streams {
        let asker = asker.clone();
        readers.spawn(async move { read(&asker, port, Ask::new(number, rate, seconds)).await });
        // Not all in one moment: how fast connections are made is not measured here.
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    let seen = readers.join_all().await;
    let read = Read {
        expected: streams * (rate * seconds) as u64,
        broken: seen.iter().filter(|seen| !seen.is_whole).count(),
        first: Spread::of(seen.iter().filter_map(|seen| seen.first).collect()),
        chunks: Spread::of(seen.into_iter().flat_map(|seen| seen.took).collect()),
    };
    println!("{}", serde_json::to_string(&read)?);
    Ok(())
}

async fn read(asker: &Asker, port: u16, ask: Ask) -> Seen {
    let mut seen = Seen::default();
    let asked = now();
    let Ok(response) = ask.send(asker, port).await else { return seen };
    let on_its_way =
        response.headers().get(ASKED).and_then(|at| at.to_str().ok()?.parse().ok()).map(|at: u64| at - asked);
    let mut body = response.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else { continue };
        let read_at = now();
        seen.took.extend(times_of(data).map(|sent| read_at.saturating_sub(sent)));
        if seen.first.is_none() {
            seen.first = on_its_way.zip(seen.took.first()).map(|(there, back)| there + back);
        }
        seen.is_whole |= data.ends_with(b"[DONE]\n\n");
    }
    seen
}
