//! The bars of the check of loops: on labelled streams of a local model and on recordings of real providers.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "this test reads recordings from files")]

mod recorded;

use std::path::Path;

use midstream_series::Timestamp;
use midstream_stream::{
    Action, ChannelIndex, ChannelKind, Close, Detector, Finding, Guard, Options, Repeat, RepeatSettings, Settings,
    Source,
};
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

/// A text and what a person says of it.
struct Labelled {
    name: String,
    text: String,
    kind: String,
    /// Where the second copy begins, and how long it is.
    place: Option<(u64, u64)>,
    ambiguous: bool,
}

/// What the check makes of the texts of one kind whose label is not open to doubt.
#[derive(Debug, Default)]
struct Score {
    texts: usize,
    found: usize,
    warned: usize,
    stopped: usize,
    missed: Vec<String>,
    /// Exact loops whose second copy lies where the label says.
    placed: usize,
    /// Characters from the end of the second copy to an exact stop.
    delays: Vec<i64>,
}

#[test]
fn labelled_streams_of_the_recordings_meet_the_bars() -> Result<(), Failure> {
    let Some(streams) = recorded::folder("streams") else { return Ok(()) };
    let texts = recorded_runs(&streams)?;
    let [exact, counter, near, none] = ["exact", "counter", "near", "none"].map(|kind| score(&texts, kind));
    assert_eq!((exact.found, exact.stopped, exact.placed), (exact.texts, exact.texts, exact.texts), "{exact:?}");
    assert_eq!(counter.found, counter.texts, "{counter:?}");
    assert!(3 * near.found >= 2 * near.texts, "{near:?}");
    assert_eq!(none.found, 0, "{none:?}");
    assert!(median(&exact.delays) <= 80.0, "{exact:?}");
    Ok(())
}

#[test]
fn loops_kept_for_judging_are_found() -> Result<(), Failure> {
    are_found("loops-judge.jsonl")
}

#[test]
fn loops_that_limits_were_chosen_on_are_found() -> Result<(), Failure> {
    are_found("loops-tune.jsonl")
}

/// Of counter loops the check misses those in code and those whose other numbers change at random.
fn are_found(file: &str) -> Result<(), Failure> {
    let texts = labelled(file)?;
    let [exact, counter, near] = ["exact", "counter", "near"].map(|kind| score(&texts, kind));
    assert!(16 * exact.found >= 15 * exact.texts, "{exact:?}");
    assert!(8 * counter.found >= 7 * counter.texts, "{counter:?}");
    assert!(5 * near.found >= 3 * near.texts, "{near:?}");
    assert!(median(&exact.delays) <= 80.0, "{exact:?}");
    for kind in ["none", "none-progression"] {
        let clean = score(&texts, kind);
        assert_eq!(clean.found, 0, "{kind}: {clean:?}");
    }
    Ok(())
}

#[test]
fn recordings_without_a_loop_are_silent() -> Result<(), Failure> {
    let Some(streams) = recorded::folder("streams") else { return Ok(()) };
    let mut found = Vec::new();
    let entries = index(&streams)?;
    for entry in entries.iter().filter(|entry| entry["loop"].is_null()) {
        let file = entry["file"].as_str().unwrap_or_default();
        let settings = Settings { shadow: true, ..Settings::default() };
        let content_type = entry["content_type"].as_str().map(str::to_owned);
        let mut guard = Guard::new(Options { settings, content_type, ..Options::default() })?;
        guard.feed(&std::fs::read(streams.join(file))?, Timestamp::from_nanos(0))?;
        let (_, summary) = guard.finish(Close::Clean, Timestamp::from_nanos(0))?;
        found.extend(summary.findings.into_iter().filter(|finding| finding.check == "repeat").map(|one| (file, one)));
    }
    assert!(found.is_empty(), "{found:#?}");
    Ok(())
}

fn score(texts: &[Labelled], kind: &str) -> Score {
    let mut score = Score::default();
    for text in texts.iter().filter(|text| text.kind == kind && !text.ambiguous) {
        let findings = findings(&text.text);
        let stop = findings.iter().find(|finding| finding.action == Action::Stop);
        score.texts += 1;
        score.found += usize::from(!findings.is_empty());
        score.warned += usize::from(findings.iter().any(|finding| finding.action == Action::Warn));
        score.stopped += usize::from(stop.is_some());
        if findings.is_empty() != kind.starts_with("none") {
            score.missed.push(text.name.clone());
        }
        let exact = stop.filter(|stop| stop.kind == "exact");
        if let Some((stop, (onset, period))) = exact.zip(text.place) {
            score.placed += usize::from((stop.onset, stop.period) == (Some(onset), Some(period)));
            score.delays.extend(stop.offset.map(|offset| offset as i64 - (onset + period) as i64));
        }
    }
    score.delays.sort_unstable();
    eprintln!(
        "{kind}: {} of {} found, {} stopped, {} warned, median delay {}",
        score.found,
        score.texts,
        score.stopped,
        score.warned,
        median(&score.delays)
    );
    score
}

/// The findings of a text as if nothing were acted on.
fn findings(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let source = Source { index: ChannelIndex(0), id: "text", kind: ChannelKind::Text, code: false, tool: None };
    Repeat::new(RepeatSettings::default()).push(source, text, Timestamp::from_nanos(0), &mut findings);
    findings
}

/// The mean of the two in the middle where they are even in number.
fn median(sorted: &[i64]) -> f64 {
    let middle = |at: usize| sorted.get(at).copied().unwrap_or_default() as f64;
    (middle(sorted.len() / 2) + middle(sorted.len().saturating_sub(1) / 2)) / 2.0
}

/// The streams of `tests/loops`.
fn labelled(file: &str) -> Result<Vec<Labelled>, Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/loops").join(file);
    let lines = std::fs::read_to_string(path)?;
    lines
        .lines()
        .map(|line| {
            let entry: Value = serde_json::from_str(line)?;
            let text = entry["text"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            Ok(Labelled {
                name: entry["id"].to_string(),
                text,
                kind: entry["kind"].as_str().unwrap_or_default().to_owned(),
                place: entry["onset_char"].as_u64().zip(entry["period_chars"].as_u64()),
                ambiguous: entry["ambiguous"] == true,
            })
        })
        .collect()
}

/// The labelled runs among the recordings.
fn recorded_runs(streams: &Path) -> Result<Vec<Labelled>, Failure> {
    let entries = index(streams)?;
    let labelled = entries.iter().filter(|entry| !entry["loop"].is_null());
    labelled
        .map(|entry| {
            let name = entry["file"].as_str().unwrap_or_default().to_owned();
            let label = &entry["loop"];
            Ok(Labelled {
                text: completion(&std::fs::read_to_string(streams.join(&name))?),
                name,
                kind: label["kind"].as_str().unwrap_or_default().to_owned(),
                place: label["onset_char"].as_u64().zip(label["period_chars"].as_u64()),
                ambiguous: false,
            })
        })
        .collect()
}

/// The text of an OpenAI body, read without this crate.
fn completion(body: &str) -> String {
    let payloads = body.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let choices = payloads.flat_map(|mut payload| payload["choices"].take().as_array().cloned().unwrap_or_default());
    choices
        .filter_map(|choice| Some(choice["text"].as_str().or(choice["delta"]["content"].as_str())?.to_owned()))
        .collect()
}

fn index(streams: &Path) -> Result<Vec<Value>, Failure> {
    let text = std::fs::read_to_string(streams.join("index.jsonl"))?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}
