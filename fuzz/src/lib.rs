//! What every target checks: a guard never panics, passes every byte on, and finds the same at every split.

pub mod operations;
pub mod planted;
pub mod snapshots;

use std::ops::Range;

use midstream_series::Timestamp;
use midstream_stream::{
    Anomaly, Close, Decision, Dialect, Forward, Framing, Guard, Options, PaceSummary, Settings, Summary,
};

/// The first byte of an input chooses the dialect, the next three where the rest is cut.
pub fn check(framing: Framing, input: &[u8]) {
    let Some(([choice, cuts @ ..], body)) = input.split_first_chunk::<4>() else { return };
    let dialect = Dialect::ALL[usize::from(*choice) % Dialect::ALL.len()];
    let whole = read(framing, dialect, body, &[body.len()]);
    assert_eq!(read(framing, dialect, body, &[1]), whole, "byte by byte");
    let cuts = cuts.map(|cut| usize::from(cut) + 1);
    assert_eq!(read(framing, dialect, body, &cuts), whole, "in pieces of {cuts:?}");
}

/// What a guard made of a body.
#[derive(Debug, PartialEq)]
struct Reading {
    /// Neighbours of one kind are joined where the framing has no borders of its own.
    events: Vec<Seen>,
    summary: Summary,
}

#[derive(Debug, PartialEq)]
struct Seen {
    kind: &'static str,
    channel: Option<u32>,
    bytes: Range<u64>,
    text: String,
}

fn read(framing: Framing, dialect: Dialect, body: &[u8], cuts: &[usize]) -> Reading {
    let settings = Settings { shadow: true, ..Settings::default() };
    let options = Options { dialect, framing, settings, ..Options::default() };
    let mut guard = Guard::new(options).expect("these settings are allowed");
    let now = Timestamp::from_nanos(0);
    let mut events = Vec::new();
    let mut rest = body;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, tail) = rest.split_at((*cut).min(rest.len()));
        let decision = guard.feed(chunk, now).expect("the guard is not finished");
        assert_eq!(decision.forward, Forward::Same, "a byte was lost");
        collect(&decision, &mut events);
        rest = tail;
    }
    let (decision, mut summary) = guard.finish(Close::Clean, now).expect("the guard is not finished");
    collect(&decision, &mut events);
    assert_eq!(summary.anomalies.count(Anomaly::AnalysisFailed), 0, "the analysis panicked");
    if summary.framing == Framing::Text.name() {
        events.dedup_by(|later, first| {
            let joins = later.kind == first.kind && later.channel == first.channel;
            if joins {
                first.bytes.end = later.bytes.end;
                first.text.push_str(&later.text);
            }
            joins
        });
        summary.events = 0;
    }
    // How many chunks came is a matter of time, and times may differ.
    summary.pace = PaceSummary::default();
    Reading { events, summary }
}

fn collect(decision: &Decision<'_>, events: &mut Vec<Seen>) {
    for event in decision.events {
        let text = event.kind.checked_text().map(|text| decision.events.text(text)).unwrap_or_default();
        events.push(Seen {
            kind: event.kind.name(),
            channel: event.channel.map(|channel| channel.0),
            bytes: event.bytes.clone(),
            text: text.to_owned(),
        });
    }
}
