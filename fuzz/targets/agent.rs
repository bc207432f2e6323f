#![no_main]

use libfuzzer_sys::fuzz_target;
use midstream_stream::{AgentChecks, Settings, Step};

/// Lines are steps, the first byte of each its kind, and the whole is read as the messages of a request too.
fuzz_target!(|input: &str| {
    let mut checks = AgentChecks::new(Settings::default()).unwrap();
    let _ = checks.push_messages(input);
    let read = checks.summary().steps;
    let _ = checks.push_messages(input);
    assert_eq!(checks.summary().steps, read, "messages were read twice");
    for line in input.lines() {
        let (kind, rest) = line.split_at_checked(1).unwrap_or_default();
        let (name, text) = rest.split_once(' ').unwrap_or((rest, rest));
        checks.push(match kind {
            "c" => Step::Call { id: Some(name), tool: name, arguments: text },
            "o" => Step::Call { id: None, tool: name, arguments: text },
            "m" => Step::Message { agent: name, text },
            "r" => Step::Result { id: Some(name), tool: None, text, failed: None },
            _ => Step::Result { id: None, tool: None, text, failed: None },
        });
    }
});
