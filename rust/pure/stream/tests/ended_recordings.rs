//! Every recording, stopped at random bytes, ends once and in its own format: as failed, or as an answer that reached its
//! length.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "this test reads recordings from files")]

mod recorded;

use midstream_series::{Span, Timestamp};
use midstream_stream::{Action, Anomaly, Close, End, EndingState, Forward, Framing, Guard, Options, Settings, Summary};
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

/// Cuts of a recording.
const CUTS: u64 = 12;
const START: Timestamp = Timestamp::from_nanos(0);

/// What a consumer got of a stream that was stopped.
struct Stopped {
    passed: Vec<u8>,
    end: Vec<u8>,
}

#[test]
fn a_recording_that_is_stopped_anywhere_ends_once_in_its_own_format() -> Result<(), Failure> {
    let Some(streams) = recorded::folder("streams") else { return Ok(()) };
    let (mut wrong, mut ended) = (Vec::new(), 0);
    for entry in std::fs::read_to_string(streams.join("index.jsonl"))?.lines() {
        let entry: Value = serde_json::from_str(entry)?;
        let file = entry["file"].as_str().unwrap_or_default();
        let body = std::fs::read(streams.join(file))?;
        for number in 0..CUTS {
            let cut = (number * 0x9E37_79B9 + 17) as usize % (body.len() + 1);
            for end in [End::Error, End::Finish] {
                let stopped = stop(&body, cut, &entry, end)?;
                if !body.starts_with(&stopped.passed) {
                    wrong.push(format!("{file} at {cut}: other bytes passed"));
                }
                let before = read(&stopped.passed, &entry)?;
                let after = read(&[&stopped.passed[..], &stopped.end].concat(), &entry)?;
                ended += usize::from(!stopped.end.is_empty());
                if let Some(fault) = fault(end, &stopped, &before, &after) {
                    let shown = String::from_utf8_lossy(&stopped.end);
                    wrong.push(format!("{file} at {cut} of {}, {end:?}: {fault}\n    {shown}", body.len()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {ended} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(ended > 1_000, "{ended}");
    Ok(())
}

/// What is wrong with an end, by how the bytes before it read and how all read.
fn fault(end: End, stopped: &Stopped, before: &Summary, after: &Summary) -> Option<String> {
    let state = before.ending.state;
    let told = state != EndingState::Truncated
        || before.ending.notes.contains(&"cut_tool_call") && !before.finish_reasons.is_empty();
    let unknown = matches!(before.dialect, "opaque" | "text");
    if stopped.end.is_empty() {
        return (!told && !unknown).then(|| format!("no end, {:?}, {}", before.ending, before.dialect));
    }
    if state != EndingState::Truncated {
        return Some(format!("a second end, {:?}", before.ending));
    }
    for anomaly in [
        Anomaly::BadJson,
        Anomaly::CrcMismatch,
        Anomaly::IndexGap,
        Anomaly::AfterEnd,
        Anomaly::UnterminatedEvent,
        Anomaly::UnknownEvent,
        Anomaly::DuplicateStart,
    ] {
        if before.dialect == after.dialect && after.anomalies.count(anomaly) > before.anomalies.count(anomaly) {
            return Some(format!("{anomaly:?}"));
        }
    }
    let notes = &after.ending.notes;
    let has_reached_length =
        notes.contains(&"length") && (after.ending.state == EndingState::Complete || notes.contains(&"cut_tool_call"));
    let right = match end {
        End::Finish => has_reached_length || (after.ending.state == EndingState::Failed && !begun(before)),
        _ => after.ending.state == EndingState::Failed,
    };
    (!right).then(|| format!("{:?} became {:?}", before.ending, after.ending))
}

/// Whether there is an answer to finish, in a format that knows a length.
fn begun(summary: &Summary) -> bool {
    !matches!(summary.dialect, "mcp" | "gemini-live") && summary.events > 0 && !summary.channels.is_empty()
}

fn stop(body: &[u8], cut: usize, entry: &Value, end: End) -> Result<Stopped, Failure> {
    let mut settings = Settings::from_json(r#"{"repeat": {"exact": "off", "counter": "off"}}"#)?;
    settings.pace.stall = Some(Action::Stop);
    let mut guard = Guard::new(Options { end, settings, ..options(entry) })?;
    let (before, behind) = body.split_at(cut);
    let mut passed = forwarded(guard.feed(before, START)?.forward, before).to_vec();
    let late = START + Span::from_secs(1_000_000);
    if !guard.tick(late)?.halted {
        for chunk in behind.chunks(5) {
            let decision = guard.feed(chunk, late)?;
            passed.extend_from_slice(forwarded(decision.forward, chunk));
            if decision.halted {
                break;
            }
        }
    }
    let (decision, summary) = guard.finish(Close::Stopped, late)?;
    assert_eq!(summary.ending.state, EndingState::Halted);
    Ok(Stopped { end: forwarded(decision.forward, &[]).to_vec(), passed })
}

fn forwarded<'a>(forward: Forward<'a>, chunk: &'a [u8]) -> &'a [u8] {
    match forward {
        Forward::Bytes(bytes) => bytes,
        Forward::Nothing => &[],
        Forward::Same => chunk,
    }
}

fn read(body: &[u8], entry: &Value) -> Result<Summary, Failure> {
    let mut guard =
        Guard::new(Options { settings: Settings { shadow: true, ..Settings::default() }, ..options(entry) })?;
    guard.feed(body, START)?;
    Ok(guard.finish(Close::Clean, START)?.1)
}

fn options(entry: &Value) -> Options {
    let is_socket = entry["framing"].as_str().is_some_and(|framing| framing.starts_with("websocket"));
    Options {
        framing: if is_socket { Framing::WebSocketLines } else { Framing::Auto },
        content_type: entry["content_type"].as_str().map(str::to_owned),
        ..Options::default()
    }
}
