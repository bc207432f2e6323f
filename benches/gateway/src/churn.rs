//! Clients that come and go.

use std::error::Error;
use std::time::Duration;

use http_body_util::BodyExt;
use serde::Serialize;
use tokio::time::{Instant, timeout};

use crate::ask::{Ask, Asker, asker};
use crate::times::now;

/// How many streams ended how, as their clients saw it.
#[derive(Default, Serialize)]
struct Churned {
    asked: u64,
    whole: u64,
    left_silent: u64,
    left_speaking: u64,
    /// Of the streams that looped, those whose body came to an end.
    stopped: u64,
    /// Streams that ended in no way that was meant.
    broken: u64,
}

/// What a client means to do.
#[derive(Clone, Copy)]
enum Means {
    LeaveSilent,
    LeaveSpeaking,
    Loop,
    Read,
}

/// Keeps so many streams running, each of another length and end, and prints how they ended.
pub(crate) async fn run(port: u16, streams: u64, seconds: f64) -> Result<(), Box<dyn Error>> {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let asker = asker();
    let mut places = tokio::task::JoinSet::new();
    for place in 0..streams {
        let asker = asker.clone();
        // They do not begin in one moment, nor later on.
        places.spawn(async move {
            tokio::time::sleep(Duration::from_millis(5 * place)).await;
            let mut churned = Churned::default();
            while Instant::now() < until {
                one(&asker, port, &mut churned).await;
            }
            churned
        });
    }
    let churned = places.join_all().await.into_iter().fold(Churned::default(), |all, one| Churned {
        asked: all.asked + one.asked,
        whole: all.whole + one.whole,
        left_silent: all.left_silent + one.left_silent,
        left_speaking: all.left_speaking + one.left_speaking,
        stopped: all.stopped + one.stopped,
        broken: all.broken + one.broken,
    });
    println!("{}", serde_json::to_string(&churned)?);
    Ok(())
}

async fn one(asker: &Asker, port: u16, churned: &mut Churned) {
    // Any generator will do: the clock's last digits are one.
    let drawn = (now() / 64).wrapping_mul(0x9E37_79B9) % 1009;
    let means = [Means::Read, Means::LeaveSilent, Means::LeaveSpeaking, Means::Loop][(drawn % 4) as usize];
    let seconds = 4.0 + drawn as f64 / 1009.0 * 24.0;
    let wait = if matches!(means, Means::LeaveSilent) { seconds } else { 0.0 };
    let loop_at = matches!(means, Means::Loop).then_some(drawn % 40);
    // One that is to be left, or stopped, would go on for long.
    let lasts = if matches!(means, Means::Read) { seconds } else { 10.0 * seconds };
    let ask = Ask { loop_at, wait, ..Ask::new(drawn, 5.0, lasts) };
    churned.asked += 1;
    let stays = if matches!(means, Means::LeaveSilent | Means::LeaveSpeaking) { seconds / 2.0 } else { 10.0 * seconds };
    let ended = timeout(Duration::from_secs_f64(stays), drain(asker, port, ask)).await;
    match (means, ended) {
        (Means::Read, Ok(Some(true))) => churned.whole += 1,
        (Means::LeaveSilent, Err(_)) => churned.left_silent += 1,
        (Means::LeaveSpeaking, Err(_)) => churned.left_speaking += 1,
        (Means::Loop, Ok(Some(false))) => churned.stopped += 1,
        _ => churned.broken += 1,
    }
}

/// Reads a stream to its end; gives whether it was whole, and nothing where it was refused.
async fn drain(asker: &Asker, port: u16, ask: Ask) -> Option<bool> {
    let mut body = ask.send(asker, port).await.ok()?.into_body();
    let mut is_whole = false;
    while let Some(Ok(frame)) = body.frame().await {
        is_whole |= frame.data_ref().is_some_and(|data| data.ends_with(b"[DONE]\n\n"));
    }
    Some(is_whole)
}
