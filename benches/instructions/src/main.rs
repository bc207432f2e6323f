//! The work whose instructions `make counts` compares: `instructions NAME` does it once, `instructions` lists names.
//!
//! Callgrind counts inside `measured_*` alone, so that making the input costs nothing. Input is generated, without
//! randomness from outside: two runs are the same run.

mod input;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use midstream_series::Timestamp;
use midstream_stream::redact::{Redactor, Rule, RuleSet};
use midstream_stream::{AgentChecks, ChannelKind, Checks, Error, Guard, Options, Settings, Step};

const NAMES: [&str; 6] = [
    "agent_3k_steps_1k_bytes",
    "checks_text_100k_characters",
    "guard_sse_2k_events_whole",
    "guard_sse_2k_events_64_bytes",
    "redactor_20_rules_100k_characters_whole",
    "redactor_20_rules_100k_characters_by_word",
];
const NOW: Timestamp = Timestamp::from_nanos(0);

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        println!("{}", NAMES.join("\n"));
        return ExitCode::SUCCESS;
    };
    let done = match name.as_str() {
        "agent_3k_steps_1k_bytes" => measured_agent(&input::prose(1_000_000)),
        "checks_text_100k_characters" => measured_checks(&input::prose(100_000)),
        "guard_sse_2k_events_whole" => measured_guard(&input::sse(2_000), usize::MAX),
        "guard_sse_2k_events_64_bytes" => measured_guard(&input::sse(2_000), 64),
        "redactor_20_rules_100k_characters_whole" => redactor(&input::prose(100_000), false),
        "redactor_20_rules_100k_characters_by_word" => redactor(&input::prose(100_000), true),
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

/// A thousand times: a message, a call of one of eight tools, its result, each with a thousand bytes.
#[inline(never)]
fn measured_agent(text: &str) -> Result<(), Error> {
    let mut checks = AgentChecks::new(Settings::default())?;
    for (number, text) in text.as_bytes().chunks(1_000).enumerate() {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let arguments = format!("{{\"number\": {}, \"text\": \"{text}\"}}", number % 16);
        let tool = ["read", "write", "list", "search", "test", "build", "open", "close"][number % 8];
        black_box(checks.push(Step::Message { agent: "", text }).findings.len());
        black_box(checks.push(Step::Call { id: None, tool, arguments: &arguments }).findings.len());
        black_box(checks.push(Step::Result { id: None, tool: None, text, failed: None }).findings.len());
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

fn redactor(text: &str, by_word: bool) -> Result<(), Error> {
    let rules = Rule::all_built_in();
    let twenty = rules.get(rules.len().saturating_sub(20)..).unwrap_or_default();
    let rules = RuleSet::new(twenty)?;
    let pieces = if by_word { text.split_inclusive(' ').collect() } else { vec![text] };
    measured_redactor(Redactor::new(Arc::new(rules)), &pieces);
    Ok(())
}

#[inline(never)]
fn measured_redactor(mut redactor: Redactor, pieces: &[&str]) {
    let (mut released, mut redactions) = (String::new(), Vec::new());
    for piece in pieces {
        released.clear();
        redactor.push(piece, &mut released, &mut redactions);
        black_box(released.len());
    }
}
