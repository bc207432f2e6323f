//! A guard under any list of operations, with any settings.

use midstream_series::{Span, Timestamp};
use midstream_stream::{
    Action, Anomaly, ChannelKind, Close, Decision, Dialect, End, Ending, Forward, Framing, Guard, Options, Settings,
};

/// The settings an input can choose, one bit each.
const SETTINGS: [(&str, &str); 8] = [
    ("shadow", "true"),
    (
        "redact",
        r#"{"rules": ["email", "card", {"name": "t", "pattern": "T-[0-9]{2,4}"}, {"name": "k", "pattern": "BEGIN[^!]*!", "max_len": 32}]}"#,
    ),
    ("redact", r#"{"rules": ["email", {"name": "t", "pattern": "\\bT-[0-9]+", "max_len": 16}], "action": "stop"}"#),
    ("redact", r#"{"rules": ["built_in"], "action": "warn"}"#),
    ("pace", r#"{"stall": "stop", "idle_s": 5}"#),
    ("repeat", r#"{"exact": "stop", "exact_run": 12, "exact_beyond": 12, "counter_repeats": 2, "counter": "stop"}"#),
    ("budget", r#"{"output_characters": 200, "action": "stop"}"#),
    ("hold", r#"{"limit": 30, "max_hold_s": 20, "at_max_hold": "pass"}"#),
];
/// Calls of tools that repeat, hold and end a stream early.
const ACTIONS: &str =
    r#""actions": {"repeat": {"hint": 2, "warn": 3, "stop": 4}, "same_error": {"hint": 2, "stop": 3}}"#;

/// What is done to a guard.
#[derive(Clone, Copy)]
enum Operation<'a> {
    Bytes(&'a [u8]),
    /// Time passes, and the guard is told.
    Tick(u8),
    /// Time passes while the owner was away.
    Resume(u8),
    /// Time passes before the owner waits.
    Wait(u8),
    Snapshot,
    /// The caller's check lets one of the texts that wait pass, or refuses it.
    Judge {
        nth: u8,
        passes: bool,
    },
    /// No more bytes come.
    AskRest,
}

/// What came of it.
struct Outcome {
    passed: String,
    seen: Seen,
}

#[derive(Debug, PartialEq)]
struct Seen {
    findings: Vec<(String, Action, Option<String>, Option<u64>)>,
    ending: Ending,
    anomalies: Vec<(Anomaly, u64)>,
}

/// The first four bytes of an input choose settings, dialect, framing and the way the stream closes.
pub fn check(input: &[u8]) {
    let Some(([settings, dialect, framing, close], rest)) = input.split_first_chunk::<4>() else { return };
    let (framing, with_actions) = chosen(*framing, &FRAMINGS);
    let (close, end) = chosen(*close, &Close::ALL);
    let json = json_of(*settings);
    let json = if with_actions % 2 == 1 { with(&json, ACTIONS) } else { json };
    let Ok(settings) = Settings::from_json(&json) else { return };
    let options = || Options {
        settings: settings.clone(),
        dialect: chosen(*dialect, &Dialect::ALL).0,
        framing,
        end: chosen(end, &End::ALL).0,
        ..Options::default()
    };
    if Guard::new(options()).is_err() {
        return;
    }
    let operations = operations(rest);
    let whole = run(&options, &operations, close, usize::MAX);
    if framing == Framing::WebSocket {
        return; // a call is a message there
    }
    for step in [1, 7] {
        let cut = run(&options, &operations, close, step);
        assert_eq!(cut.seen, whole.seen, "{step} bytes at a time");
        assert_eq!(cut.passed, whole.passed, "{step} bytes at a time");
    }
}

const FRAMINGS: [Framing; 9] = [
    Framing::Auto,
    Framing::EventStream,
    Framing::JsonArray,
    Framing::Ndjson,
    Framing::Opaque,
    Framing::Sse,
    Framing::Text,
    Framing::WebSocket,
    Framing::WebSocketLines,
];

/// The choice that a byte makes, and what of it is left for another.
fn chosen<T: Copy>(byte: u8, from: &[T]) -> (T, u8) {
    let count = from.len() as u8;
    (from[usize::from(byte % count)], byte / count)
}

/// A JSON object with one more member.
fn with(object: &str, member: &str) -> String {
    let members = object.trim_start_matches('{');
    format!("{{{member}{}{members}", if members == "}" { "" } else { ", " })
}

/// Later settings of one name replace earlier ones.
pub fn json_of(bits: u8) -> String {
    let chosen = SETTINGS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, setting)| *setting);
    let chosen: std::collections::BTreeMap<_, _> = chosen.collect();
    let members: Vec<String> = chosen.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}", members.join(", "))
}

/// Byte 0xFF begins what is not bytes of the stream: its kind, and a number of seconds.
fn operations(input: &[u8]) -> Vec<Operation<'_>> {
    let mut parts = input.split(|byte| *byte == 0xFF);
    let mut operations: Vec<_> = parts.next().map(Operation::Bytes).into_iter().collect();
    for part in parts {
        let [kind, seconds, bytes @ ..] = part else { continue };
        operations.push(match kind % 7 {
            0 => Operation::Tick(*seconds),
            1 => Operation::Resume(*seconds),
            2 => Operation::Wait(*seconds),
            3 => Operation::Snapshot,
            4 => Operation::Judge { nth: *seconds, passes: true },
            5 => Operation::Judge { nth: *seconds, passes: false },
            _ => Operation::AskRest,
        });
        operations.push(Operation::Bytes(bytes));
    }
    operations
}

fn run(options: &impl Fn() -> Options, operations: &[Operation<'_>], close: Close, step: usize) -> Outcome {
    let mut guard = Guard::new(options()).expect("it was made before");
    let mut now = Timestamp::from_nanos(0);
    let (mut passed, mut halted, mut drained) = (Vec::new(), false, false);
    let redacts = guard.redacts();
    for operation in operations {
        match *operation {
            Operation::Bytes(bytes) => {
                for chunk in bytes.chunks(step.min(bytes.len().max(1))).take_while(|_| !drained) {
                    let decision = guard.feed(chunk, now).expect("it is not finished");
                    assert!(
                        redacts || halted || decision.halted || decision.forward == Forward::Same,
                        "bytes were lost"
                    );
                    assert!(!halted || decision.forward == Forward::Nothing, "bytes passed behind the end");
                    pass(&decision, chunk, &mut passed);
                    halted = decision.halted;
                }
            }
            Operation::Tick(seconds) => {
                now = now + Span::from_secs(seconds.into());
                let decision = guard.tick(now).expect("it is not finished");
                pass(&decision, &[], &mut passed);
                halted = decision.halted;
            }
            Operation::Resume(seconds) => {
                now = now + Span::from_secs(seconds.into());
                guard.resume(now).expect("it is not finished");
            }
            Operation::Wait(seconds) => {
                now = now + Span::from_secs(seconds.into());
                guard.wait(now);
            }
            Operation::Snapshot => {
                let bytes = guard.snapshot(b"beside").expect("it is not finished");
                let (restored, beside) = Guard::restore(&bytes, options(), None).expect("it was just written");
                assert_eq!(beside, b"beside");
                guard = restored;
            }
            Operation::Judge { nth, passes } => {
                let ids: Vec<u64> = guard.waiting().map(|held| held.id).collect();
                let Some(id) = ids.get(usize::from(nth) % ids.len().max(1)) else { continue };
                let judged = if passes { guard.release(*id, now) } else { guard.refuse(*id, "refused", now) };
                let decision = judged.expect("it waits");
                pass(&decision, &[], &mut passed);
                halted = decision.halted;
                assert!(passes || halted || settings_are_dry(options), "refused text passed");
            }
            Operation::AskRest => {
                if guard.holds() && !drained {
                    let decision = guard.ask_rest(now).expect("it is not finished");
                    pass(&decision, &[], &mut passed);
                    (halted, drained) = (decision.halted, true);
                }
            }
        }
    }
    let (decision, summary) = guard.finish(close, now).expect("it is not finished");
    pass(&decision, &[], &mut passed);
    assert_eq!(summary.anomalies.count(Anomaly::AnalysisFailed), 0, "the analysis panicked");
    assert!(guard.feed(b"more", now).is_err(), "a guard serves one stream");
    let findings = summary.findings.iter();
    let seen = Seen {
        findings: findings
            .map(|found| (format!("{}/{}", found.check, found.kind), found.action, found.channel.clone(), found.offset))
            .collect(),
        ending: summary.ending,
        // What is odd about bytes behind a stop depends on how many came with it.
        anomalies: if halted { Vec::new() } else { summary.anomalies.iter().collect() },
    };
    Outcome { passed: String::from_utf8_lossy(&passed).into_owned(), seen }
}

/// Whether decisions are only reported.
fn settings_are_dry(options: &impl Fn() -> Options) -> bool {
    options().settings.shadow
}

fn pass(decision: &Decision<'_>, chunk: &[u8], passed: &mut Vec<u8>) {
    match decision.forward {
        Forward::Bytes(bytes) => passed.extend_from_slice(bytes),
        Forward::Nothing => {}
        Forward::Same => passed.extend_from_slice(chunk),
    }
}

/// Text that the caller has, in the order of its kinds, as one piece and character by character.
pub fn check_text(input: &[u8]) {
    let Some(([settings], rest)) = input.split_first_chunk::<1>() else { return };
    let Ok(settings) = Settings::from_json(&json_of(*settings)) else { return };
    let text = String::from_utf8_lossy(rest);
    let read = |step: usize| {
        let mut guard = Guard::new(Options { settings: settings.clone(), ..Options::default() }).ok()?;
        let (mut passed, now) = (Vec::new(), Timestamp::from_nanos(0));
        let mut rest = &*text;
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(rest.ceil_char_boundary(step.min(rest.len())));
            let decision = guard.push_text(ChannelKind::Text, piece, now).ok()?;
            pass(&decision, piece.as_bytes(), &mut passed);
            rest = tail;
        }
        let (decision, summary) = guard.finish(Close::Clean, now).ok()?;
        pass(&decision, &[], &mut passed);
        Some((passed, summary.findings.iter().map(|found| (found.check, found.offset)).collect::<Vec<_>>()))
    };
    let whole = read(usize::MAX);
    assert_eq!(read(1), whole, "character by character");
    assert_eq!(read(5), whole, "five bytes a piece");
}
