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

const NAMES: [&str; 12] = [
    "agent_3k_steps_1k_bytes",
    "checks_text_100k_characters",
    "guard_text_20k_tokens_20_rules",
    "guard_sse_2k_events_20_rules",
    "guard_sse_2k_events_20_rules_64_bytes",
    "guard_sse_2k_events_budget",
    "guard_sse_2k_events_hold",
    "guard_sse_2k_events_observe",
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
        "guard_text_20k_tokens_20_rules" => redacted_text(&input::prose(120_000)),
        "guard_sse_2k_events_20_rules" => redacted_events(&input::sse(2_000)),
        "guard_sse_2k_events_20_rules_64_bytes" => redacted_pieces(&input::sse(2_000)),
        "guard_sse_2k_events_budget" => budgeted_events(&input::sse(2_000)),
        "guard_sse_2k_events_hold" => held_events(&input::sse(2_000)),
        "guard_sse_2k_events_observe" => observed_events(&input::sse(2_000)),
        "guard_sse_2k_events_whole" => measured_guard(Options::default(), &[&input::sse(2_000)]),
        "guard_sse_2k_events_64_bytes" => {
            measured_guard(Options::default(), &input::sse(2_000).chunks(64).collect::<Vec<_>>())
        }
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
fn measured_guard(options: Options, chunks: &[&[u8]]) -> Result<(), Error> {
    let mut guard = Guard::new(options)?;
    for chunk in chunks {
        black_box(guard.feed(chunk, NOW)?.events.len());
    }
    Ok(())
}

#[inline(never)]
fn measured_text(options: Options, tokens: &[&str]) -> Result<(), Error> {
    let mut guard = Guard::new(options)?;
    for token in tokens {
        black_box(guard.push_text(ChannelKind::Text, token, NOW)?.events.len());
    }
    Ok(())
}

fn redacted_text(prose: &str) -> Result<(), Error> {
    measured_text(twenty_rules()?, &input::tokens(prose).take(20_000).collect::<Vec<_>>())
}

fn redacted_events(body: &[u8]) -> Result<(), Error> {
    measured_guard(twenty_rules()?, &input::events(body).collect::<Vec<_>>())
}

fn redacted_pieces(body: &[u8]) -> Result<(), Error> {
    measured_guard(twenty_rules()?, &body.chunks(64).collect::<Vec<_>>())
}

fn observed_events(body: &[u8]) -> Result<(), Error> {
    let off = r#"{"repeat": {"exact": "off", "counter": "off", "near": "off"}, "redact": {"action": "off"}, "pace": {"stall": "off"}}"#;
    let options = Options { settings: Settings::from_json(off)?, ..Options::default() };
    measured_guard(options, &input::events(body).collect::<Vec<_>>())
}

fn budgeted_events(body: &[u8]) -> Result<(), Error> {
    let limits = r#"{"budget": {"output_tokens": 1000000, "output_characters": 1000000, "wall_time_s": 3600, "cost": 1000,
        "price_input": 1, "price_output": 1, "warn_at": 0.9}}"#;
    let options = Options { settings: Settings::from_json(limits)?, ..Options::default() };
    measured_guard(options, &input::events(body).collect::<Vec<_>>())
}

fn held_events(body: &[u8]) -> Result<(), Error> {
    let options = Options { settings: Settings::from_json(r#"{"hold": {}}"#)?, ..Options::default() };
    measured_hold(options, &input::events(body).collect::<Vec<_>>())
}

/// The caller lets every text pass as soon as it is asked.
#[inline(never)]
fn measured_hold(options: Options, chunks: &[&[u8]]) -> Result<(), Error> {
    let mut guard = Guard::new(options)?;
    for chunk in chunks {
        let asked = guard.feed(chunk, NOW)?.held.first().map(|held| held.id);
        if let Some(id) = asked {
            black_box(guard.release(id, NOW)?.forward);
        }
    }
    Ok(())
}

/// Every check, and 20 rules, which are built here so that nothing of that is counted.
fn twenty_rules() -> Result<Options, Error> {
    let rules = Rule::all_built_in();
    let twenty = rules.get(rules.len().saturating_sub(20)..).unwrap_or_default();
    Ok(Options { rules: Some(Arc::new(RuleSet::new(twenty)?)), ..Options::default() })
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
    let Some(rules) = twenty_rules()?.rules else { return Ok(()) };
    let pieces = if by_word { text.split_inclusive(' ').collect() } else { vec![text] };
    measured_redactor(Redactor::new(rules), &pieces);
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
