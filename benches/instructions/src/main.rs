//! The work whose instructions `make counts` compares: `instructions NAME` does it once, `instructions` lists names.
//!
//! Callgrind counts inside `measured_*` alone, so that making the input costs nothing. Input is generated, without
//! randomness from outside: two runs are the same run.

mod input;

use std::hint::black_box;
use std::process::ExitCode;

use midstream_series::Timestamp;
use midstream_stream::{ChannelKind, Checks, Error, Guard, Options, Settings};

const NAMES: [&str; 3] = ["checks_text_100k_characters", "guard_sse_2k_events_whole", "guard_sse_2k_events_64_bytes"];
const NOW: Timestamp = Timestamp::from_nanos(0);

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        println!("{}", NAMES.join("\n"));
        return ExitCode::SUCCESS;
    };
    let done = match name.as_str() {
        "checks_text_100k_characters" => measured_checks(&input::prose(100_000)),
        "guard_sse_2k_events_whole" => measured_guard(&input::sse(2_000), usize::MAX),
        "guard_sse_2k_events_64_bytes" => measured_guard(&input::sse(2_000), 64),
        _ => {
            eprintln!("no bench is named {name}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = done {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

#[inline(never)]
fn measured_guard(body: &[u8], step: usize) -> Result<(), Error> {
    let mut guard = Guard::new(Options::default())?;
    for chunk in body.chunks(step) {
        black_box(guard.feed(chunk, NOW)?.events.len());
    }
    Ok(())
}

#[inline(never)]
fn measured_checks(text: &str) -> Result<(), Error> {
    let mut checks = Checks::new(Settings::default(), None)?;
    for word in text.split_inclusive(' ') {
        black_box(checks.push_text(ChannelKind::Text, word, NOW)?.findings.len());
    }
    Ok(())
}
