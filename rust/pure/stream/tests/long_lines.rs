//! A line of a gigabyte passes in bounded memory, and the events behind it are read. A test that is not optimised
//! makes do with 64 MiB.
#![expect(clippy::disallowed_methods, reason = "this test reads its own memory from a file")]
#![expect(clippy::unwrap_used, reason = "a guard that cannot be made fails the test")]

use std::io::Write;

use midstream_series::Timestamp;
use midstream_stream::{Anomaly, Close, EndingState, Forward, Framing, Guard, Options, Summary};

const LINE: u64 = if cfg!(debug_assertions) { 64 << 20 } else { 1 << 30 };
const CHUNK: usize = 1 << 16;
/// A frame that fits is kept twice at most, while its buffer grows; the rest is the test's own.
const MEMORY: u64 = 32 << 20;

/// What stands around the long line, which is inside a JSON string where there is JSON.
struct Body {
    framing: Framing,
    before: &'static str,
    after: &'static str,
}

const BODIES: [Body; 4] = [
    Body {
        framing: Framing::Sse,
        before: "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"",
        after: "\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    },
    Body {
        framing: Framing::Ndjson,
        before: "{\"model\":\"m\",\"response\":\"Hi\",\"done\":false}\n{\"model\":\"m\",\"response\":\"",
        after: "\",\"done\":false}\n{\"model\":\"m\",\"response\":\"\",\"done\":true}\n",
    },
    Body {
        framing: Framing::JsonArray,
        before: "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}]},{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"",
        after: "\"}]}}]},{\"candidates\":[{\"content\":{\"parts\":[]},\"finishReason\":\"STOP\"}]}]",
    },
    Body {
        framing: Framing::WebSocketLines,
        before: concat!(
            "{\"direction\":\"received\",\"data\":{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"text\":\"Hi\"}]}}}}\n",
            "{\"direction\":\"received\",\"data\":{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"text\":\"",
        ),
        after: concat!(
            "\"}]}}}}\n",
            "{\"direction\":\"received\",\"data\":{\"serverContent\":{\"turnComplete\":true}}}\n",
        ),
    },
];

#[test]
fn a_line_of_a_gigabyte_passes_in_bounded_memory() {
    let start = memory();
    for body in BODIES {
        let summary = read(&body);
        let name = body.framing.name();
        assert_eq!(summary.framing, name);
        assert_eq!(summary.bytes, LINE + (body.before.len() + body.after.len()) as u64);
        assert_eq!(summary.anomalies.iter().collect::<Vec<_>>(), [(Anomaly::Limit, 1)], "{name}");
        assert_eq!((summary.ending.state, summary.channels[0].characters), (EndingState::Complete, 2), "{name}");
        if let (Some(start), Some(now)) = (start, memory()) {
            assert!(now - start < MEMORY, "{name}: {} MiB", (now - start) >> 20);
        }
    }
    if start.is_none() {
        writeln!(std::io::stderr(), "memory not checked: no /proc/self/status here").unwrap();
    }
}

/// Feeds the body, made on the fly, and takes every byte back.
fn read(body: &Body) -> Summary {
    let mut guard = Guard::new(Options::default()).unwrap();
    let line = [b'x'; CHUNK];
    let lines = std::iter::repeat_n(&line[..], (LINE / CHUNK as u64) as usize);
    for chunk in [body.before.as_bytes()].into_iter().chain(lines).chain([body.after.as_bytes()]) {
        assert_eq!(guard.feed(chunk, Timestamp::from_nanos(0)).unwrap().forward, Forward::Same);
    }
    guard.finish(Close::Clean, Timestamp::from_nanos(0)).unwrap().1
}

/// The most memory that this process has held, in bytes; Linux tells it.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}
