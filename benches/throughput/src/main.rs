//! How much a guard reads in a second on one core: `throughput NAME` prints one round, `throughput` lists names, and
//! `throughput tokens` prints the tokens as JSON, for other programs to read the same.
//!
//! A round prints `units seconds p50 p99`: tokens or events read, the time that took, and the nanoseconds of one call.
//! Those are timed in a pass of their own, since reading the clock costs as much as a cheap call.

#[path = "../../instructions/src/input.rs"]
mod input;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use midstream_series::Timestamp;
use midstream_stream::redact::{Redactor, Rule, RuleSet};
use midstream_stream::{ChannelKind, Error, Guard, Options, Settings};

const NOW: Timestamp = Timestamp::from_nanos(0);
/// Tokens or events of the input, which is read this often in a round. It is longer than what any check looks back on, and
/// short enough to stay where the network would have left it: near the core.
const UNITS: usize = 10_000;
const TIMES: usize = 240;
const OFF: &str = r#"{"repeat": {"exact": "off", "counter": "off", "near": "off"}, "redact": {"action": "off"}, "pace": {"stall": "off"}}"#;

/// What is on.
#[derive(Clone, Copy, PartialEq)]
enum On {
    Nothing,
    Checks,
    ChecksAndRules,
}

const NAMES: [(&str, Run); 8] = [
    ("text_observe", |rules| text(On::Nothing, rules)),
    ("text_all", |rules| text(On::Checks, rules)),
    ("text_all_20_rules", |rules| text(On::ChecksAndRules, rules)),
    ("sse_observe", |rules| sse(On::Nothing, rules)),
    ("sse_all", |rules| sse(On::Checks, rules)),
    ("sse_all_20_rules", |rules| sse(On::ChecksAndRules, rules)),
    ("rules_20_whole", |rules| matcher(usize::MAX, rules)),
    ("rules_20_tokens", |rules| matcher(1, rules)),
];

type Run = fn(&Arc<RuleSet>) -> Result<Round, Error>;

/// Units read in so many seconds, and the times of single calls.
struct Round {
    units: usize,
    seconds: f64,
    calls_ns: Vec<u64>,
}

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        NAMES.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    if name == "tokens" {
        println!("{:?}", input::tokens(&input::prose(UNITS * 6)).take(UNITS).collect::<Vec<_>>());
        return ExitCode::SUCCESS;
    }
    let Some((_, run)) = NAMES.iter().find(|(known, _)| *known == name) else {
        eprintln!("no bench is named {name}");
        return ExitCode::from(2);
    };
    let round = twenty().and_then(|rules| run(&rules));
    match round {
        Ok(Round { units, seconds, mut calls_ns }) => {
            calls_ns.sort_unstable();
            let quantile = |part: usize| calls_ns.get(calls_ns.len() * part / 100).copied().unwrap_or_default();
            println!("{units} {seconds:.6} {} {}", quantile(50), quantile(99));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn twenty() -> Result<Arc<RuleSet>, Error> {
    let rules = Rule::all_built_in();
    let twenty = rules.get(rules.len().saturating_sub(20)..).unwrap_or_default();
    Ok(Arc::new(RuleSet::new(twenty)?))
}

fn guard(on: On, rules: &Arc<RuleSet>) -> Result<Guard, Error> {
    let settings = if on == On::Nothing { Settings::from_json(OFF)? } else { Settings::default() };
    let rules = (on == On::ChecksAndRules).then(|| Arc::clone(rules));
    Guard::new(Options { settings, rules, ..Options::default() })
}

/// Tokens of prose, each given as text.
fn text(on: On, rules: &Arc<RuleSet>) -> Result<Round, Error> {
    let prose = input::prose(UNITS * 6);
    let tokens: Vec<&str> = input::tokens(&prose).take(UNITS).collect();
    round(&tokens, &mut || {
        let mut guard = guard(on, rules)?;
        Ok(move |token: &&str| Ok(black_box(guard.push_text(ChannelKind::Text, token, NOW)?.findings.len())))
    })
}

/// Events of a chat stream, one a chunk, each with one token.
fn sse(on: On, rules: &Arc<RuleSet>) -> Result<Round, Error> {
    let body = input::sse(UNITS);
    let events: Vec<&[u8]> = input::events(&body).take(UNITS).collect();
    round(&events, &mut || {
        let mut guard = guard(on, rules)?;
        Ok(move |event: &&[u8]| Ok(black_box(guard.feed(event, NOW)?.findings.len())))
    })
}

/// Bytes of prose through the rules alone, cut into tokens or whole; a unit is a byte.
fn matcher(per_piece: usize, rules: &Arc<RuleSet>) -> Result<Round, Error> {
    let prose = input::prose(UNITS * 6);
    let pieces: Vec<&str> = if per_piece == 1 { input::tokens(&prose).collect() } else { vec![&prose] };
    let mut round = round(&pieces, &mut || {
        let (mut redactor, mut released, mut redactions) =
            (Redactor::new(Arc::clone(rules)), String::new(), Vec::new());
        Ok(move |piece: &&str| {
            released.clear();
            redactor.push(piece, &mut released, &mut redactions);
            Ok(black_box(released.len()))
        })
    })?;
    round.units = prose.len() * TIMES;
    Ok(round)
}

/// Reads all inputs twice: once with the clock around the whole, once with it around each call.
fn round<T, R: FnMut(&T) -> Result<usize, Error>>(
    inputs: &[T],
    begin: &mut impl FnMut() -> Result<R, Error>,
) -> Result<Round, Error> {
    let units = inputs.len() * TIMES;
    let mut read = begin()?;
    let started = Clock::start();
    for input in inputs.iter().cycle().take(units) {
        read(input)?;
    }
    let seconds = started.seconds();
    let (mut read, mut calls_ns) = (begin()?, Vec::with_capacity(units));
    for input in inputs.iter().cycle().take(units) {
        let before = Instant::now();
        read(input)?;
        calls_ns.push(before.elapsed().as_nanos() as u64);
    }
    Ok(Round { units, seconds, calls_ns })
}

/// The time that this thread had a core, where the system says so; else the time that passed.
struct Clock {
    on_core_ns: Option<u64>,
    started: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { on_core_ns: on_core_ns(), started: Instant::now() }
    }

    fn seconds(&self) -> f64 {
        let passed = self.started.elapsed().as_secs_f64();
        let on_core = self.on_core_ns.zip(on_core_ns()).map(|(before, after)| (after - before) as f64 / 1e9);
        on_core.unwrap_or(passed)
    }
}

fn on_core_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}
