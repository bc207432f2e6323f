//! Reads JSON lines `{"name", "text"}` or `{"path"}`, each with optional `"fence": true`, and prints each finding of
//! the check of loops as a JSON line, none of them acted on. What is counted goes to standard error.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a program, not the crate"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, stdin};

use midstream_series::Timestamp;
use midstream_stream::{ChannelIndex, ChannelKind, Detector, Repeat, RepeatSettings, Source};
use serde::Deserialize;

#[derive(Deserialize)]
struct Item {
    name: Option<String>,
    path: Option<String>,
    text: Option<String>,
    #[serde(default)]
    fence: bool,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = RepeatSettings::default();
    let mut findings = Vec::new();
    let (mut characters, mut texts) = (0, [0, 0]);
    let mut counts: BTreeMap<_, u64> = BTreeMap::new();
    let mut spent = std::time::Duration::ZERO;
    for line in stdin().lock().lines() {
        let item: Item = serde_json::from_str(&line?)?;
        let mut text = match (item.text, &item.path) {
            (Some(text), _) => text,
            (None, Some(path)) => String::from_utf8_lossy(&std::fs::read(path)?).into_owned(),
            (None, None) => continue,
        };
        if item.fence {
            text = format!("```\n{text}\n```\n");
        }
        characters += text.chars().count();
        texts[usize::from(item.fence)] += 1;
        let mut repeat = Repeat::new(settings.clone());
        let source = Source { index: ChannelIndex(0), id: "text", kind: ChannelKind::Text, code: false, tool: None };
        let began = std::time::Instant::now();
        repeat.push(source, &text, Timestamp::from_nanos(0), &mut findings);
        spent += began.elapsed();
        let mut seen: Vec<_> = findings.iter().map(|found| (item.fence, found.kind.clone(), found.action)).collect();
        seen.sort();
        seen.dedup();
        for kind in seen {
            *counts.entry(kind).or_default() += 1;
        }
        for finding in findings.drain(..) {
            let finding = serde_json::json!({"name": item.name.as_ref().or(item.path.as_ref()), "finding": finding});
            println!("{finding}");
        }
    }
    eprintln!("{} texts, {} in a fence, {characters} characters in {spent:?}", texts[0] + texts[1], texts[1]);
    for ((fence, kind, action), count) in counts {
        let place = if fence { "in a fence" } else { "as text" };
        eprintln!("{place}: {kind} {} in {count}", action.name());
    }
    Ok(())
}
