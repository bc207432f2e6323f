//! The bytes that a stream holds, counted by the allocator, as JSON.

#[path = "../../instructions/src/input.rs"]
mod input;

use std::process::ExitCode;
use std::sync::Arc;

use midstream_series::Timestamp;
use midstream_stream::redact::{Rule, RuleSet};
use midstream_stream::{ChannelKind, Error, Guard, Options, Settings};

const NOW: Timestamp = Timestamp::from_nanos(0);
const OFF: &str = r#"{"repeat": {"exact": "off", "counter": "off", "near": "off"}, "redact": {"action": "off"}, "pace": {"stall": "off"}}"#;
const CHARACTERS: usize = 10_000_000;
const KIB: usize = 1_024;

fn main() -> ExitCode {
    match rows() {
        Ok(rows) => {
            println!("[{}]", rows.join(", "));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn rows() -> Result<Vec<String>, Error> {
    let all = Rule::all_built_in();
    let rules = Arc::new(RuleSet::new(all.get(all.len().saturating_sub(20)..).unwrap_or_default())?);
    let redacting = || Options { rules: Some(Arc::clone(&rules)), ..Options::default() };
    let observing = Options { settings: Settings::from_json(OFF)?, ..Options::default() };
    let prose = input::prose(CHARACTERS);
    [
        ("idle, all checks, 20 rules", redacting(), "", 16),
        ("no check, 10 M characters", observing, prose.as_str(), 8),
        ("all checks, 10 M characters", Options::default(), prose.as_str(), 96),
        ("all checks, 20 rules, 10 M characters", redacting(), prose.as_str(), 96),
    ]
    .into_iter()
    .map(|(name, options, text, bar)| {
        let bytes = held(options, text)?;
        Ok(format!("{{\"name\": \"{name}\", \"bytes\": {bytes}, \"bar\": {}}}", bar * KIB))
    })
    .collect()
}

/// Bytes that a guard holds behind a text.
fn held(options: Options, text: &str) -> Result<usize, Error> {
    let tokens: Vec<&str> = input::tokens(text).collect();
    let (mut guard, mut failed) = (None, None);
    let counted = allocation_counter::measure(|| {
        let read = || -> Result<Guard, Error> {
            let mut guard = Guard::new(options)?;
            for token in &tokens {
                guard.push_text(ChannelKind::Text, token, NOW)?;
            }
            Ok(guard)
        };
        match read() {
            Ok(read) => guard = Some(read),
            Err(error) => failed = Some(error),
        }
    });
    drop(guard);
    match failed {
        Some(error) => Err(error),
        None => Ok(size_of::<Guard>() + usize::try_from(counted.bytes_current).unwrap_or_default()),
    }
}
