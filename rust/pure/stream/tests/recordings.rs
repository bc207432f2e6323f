//! Every recording gives what an independent reading of it says, however the body is cut into chunks.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "this test reads recordings from files")]

mod recorded;

use std::collections::BTreeMap;
use std::path::Path;

use midstream_series::Timestamp;
use midstream_stream::{
    ChannelKind, Channels, Close, Dialect, EndingState, Events, Framing, Guard, Options, Settings, Summary, UsageSource,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

type Failure = Box<dyn std::error::Error>;

/// Bytes a chunk; the largest recording fits into the last.
const CHUNKS: [usize; 3] = [1, 61, 1 << 30];

#[test]
fn recordings_give_what_was_read_from_them_without_this_crate() -> Result<(), Failure> {
    let Some(streams) = recorded::folder("streams") else { return Ok(()) };
    let entries = index(&streams)?;
    let cases: Value = serde_json::from_str(include_str!("../../../../tests/cases/recordings.json"))?;
    let mut wrong = Vec::new();
    for (file, expected) in cases["files"].as_object().into_iter().flatten() {
        let entry = entries.get(file).ok_or_else(|| format!("{file} is not in the index"))?;
        let body = std::fs::read(streams.join(file))?;
        for chunk in CHUNKS {
            let found = read(&body, entry, Dialect::Auto, chunk)?.0;
            if &found != expected {
                wrong.push(format!("{file} in chunks of {chunk}:\n  found    {found}\n  expected {expected}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{} recordings differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

#[test]
fn a_dialect_that_is_given_is_read_and_a_wrong_one_is_named() -> Result<(), Failure> {
    let Some(streams) = recorded::folder("streams") else { return Ok(()) };
    let mut wrong = Vec::new();
    for (file, entry) in index(&streams)? {
        let body = std::fs::read(streams.join(&file))?;
        let (told, summary) = read(&body, &entry, Dialect::Auto, 4093)?;
        let dialect = Dialect::from_name(summary.dialect)?;
        if matches!(dialect, Dialect::Opaque | Dialect::Text) {
            continue;
        }
        let (given, summary) = read(&body, &entry, dialect, 4093)?;
        if given != told || summary.looks_like.is_some() {
            wrong.push(format!("{file} given as {}: {:?}, {given}", dialect.name(), summary.looks_like));
        }
        for other in [Dialect::AnthropicMessages, Dialect::Ollama, Dialect::OpenaiChat, Dialect::Cohere] {
            let (_, summary) = read(&body, &entry, other, 4093)?;
            let state = summary.ending.state;
            let may_share = (other, dialect) == (Dialect::OpenaiChat, Dialect::OpenaiCompletions);
            let named = summary.looks_like.is_some() && state != EndingState::Complete;
            if other != dialect && !may_share && !named && state != EndingState::Failed {
                wrong.push(format!("{file} given as {}: {:?}, {state:?}", other.name(), summary.looks_like));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

fn index(streams: &Path) -> Result<BTreeMap<String, Value>, Failure> {
    let text = std::fs::read_to_string(streams.join("index.jsonl"))?;
    let entries = text.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().filter_map(|entry| Some((entry["file"].as_str()?.to_owned(), entry))).collect())
}

/// What a guard that only observes makes of the body, in the form of the cases.
fn read(body: &[u8], entry: &Value, dialect: Dialect, chunk: usize) -> Result<(Value, Summary), Failure> {
    let is_socket = entry["framing"].as_str().is_some_and(|framing| framing.starts_with("websocket"));
    let mut guard = Guard::new(Options {
        dialect,
        framing: if is_socket { Framing::WebSocketLines } else { Framing::Auto },
        content_type: entry["content_type"].as_str().map(str::to_owned),
        settings: Settings { shadow: true, ..Settings::default() },
        ..Options::default()
    })?;
    let now = Timestamp::from_nanos(0);
    let mut texts = BTreeMap::new();
    for piece in body.chunks(chunk) {
        let decision = guard.feed(piece, now)?;
        collect(decision.events, decision.channels, &mut texts);
    }
    let (decision, summary) = guard.finish(Close::Clean, now)?;
    collect(decision.events, decision.channels, &mut texts);
    Ok((case(&summary, &texts), summary))
}

fn collect(events: &Events, channels: &Channels, texts: &mut BTreeMap<String, String>) {
    for event in events {
        let channel = event.channel.and_then(|index| channels.get(index));
        if let (Some(channel), Some(text)) = (channel, event.kind.checked_text())
            && channel.kind() != ChannelKind::Tool
        {
            texts.entry(channel.id.clone()).or_default().push_str(events.text(text));
        }
    }
}

fn case(summary: &Summary, texts: &BTreeMap<String, String>) -> Value {
    let texts = texts
        .iter()
        .map(|(id, text)| (id.clone(), json!({"characters": text.chars().count(), "sha256": sha256(text)})));
    let sounds = summary.channels.iter().filter(|channel| channel.kind == ChannelKind::Audio.name());
    let sounds = sounds.map(|channel| (channel.id.clone(), json!({"bytes": channel.characters})));
    let calls = summary.tool_calls.iter().map(|call| {
        json!({"name": call.name, "arguments_sha256": sha256(&canonical(&call.arguments)), "complete": call.complete})
    });
    let reported = summary.usage.output.filter(|_| summary.usage.source == UsageSource::Reported);
    json!({
        "dialect": summary.dialect,
        "ending": summary.ending.state,
        "channels": texts.chain(sounds).collect::<serde_json::Map<_, _>>(),
        "finish_reasons": summary.finish_reasons,
        "tool_calls": calls.collect::<Vec<_>>(),
        "usage": {"input": summary.usage.input, "output": reported},
    })
}

/// JSON with sorted keys and no spaces, so that only the value counts; text that is no JSON as it is.
fn canonical(arguments: &str) -> String {
    serde_json::from_str::<Value>(arguments).map_or_else(|_| arguments.to_owned(), |value| value.to_string())
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
