//! Loops of actions as findings.

use super::said::Near;
use super::window::{Copies, Cycle, Window};
use crate::{Action, Finding};

/// Characters of evidence.
const EVIDENCE: usize = 80;
/// Characters of a name.
const NAME: usize = 40;

/// A call for people: `search({"q": "harbour"})`.
pub(super) fn shown(tool: &str, arguments: &str) -> String {
    excerpt(&format!("{}({})", excerpt(tool, NAME), arguments.trim()), EVIDENCE)
}

pub(super) fn repeat(copies: &Copies, action: Action, window: &Window, answered: bool, steps: u64) -> Finding {
    let result = if answered { "the same arguments and the same result" } else { "the same arguments" };
    let Copies { seen, onset, .. } = *copies;
    let call = window.shown(1).next().unwrap_or_default();
    let tool = call.split('(').next().unwrap_or_default();
    let explanation = format!("{tool} was called {seen} times with {result} since step {onset}");
    Finding { period: Some(1), evidence: call.to_owned(), explanation, ..finding("repeat", action, seen, onset, steps) }
}

pub(super) fn ping_pong(cycle: &Cycle, action: Action, window: &Window, answered: bool, steps: u64) -> Finding {
    let Cycle { period, copies, onset, .. } = *cycle;
    let results = if answered { " with the same results" } else { "" };
    let names: Vec<&str> = window.shown(period).map(|call| call.split('(').next().unwrap_or_default()).collect();
    let calls: Vec<&str> = window.shown(period).collect();
    let explanation = format!("{} were called in turn {copies} times{results} since step {onset}", names.join(", "));
    Finding {
        period: Some(period as u64),
        evidence: excerpt(&calls.join(" "), EVIDENCE),
        explanation,
        ..finding("ping_pong", action, copies, onset, steps)
    }
}

pub(super) fn same_error(copies: &Copies, action: Action, window: &Window, steps: u64) -> Finding {
    let Copies { seen, onset, .. } = *copies;
    let call = window.shown(1).next().unwrap_or_default();
    let tool = call.split('(').next().unwrap_or_default();
    let explanation = format!("{seen} calls, the last of {tool}, failed with the same error since step {onset}");
    Finding { evidence: call.to_owned(), explanation, ..finding("same_error", action, seen, onset, steps) }
}

pub(super) fn no_progress(near: &Near, action: Action, agent: &str, text: &str, steps: u64) -> Finding {
    let Near { copies, onset } = *near;
    let whose = if agent.is_empty() { String::new() } else { format!(" of {}", excerpt(agent, NAME)) };
    let explanation = format!("{copies} of the last messages{whose} say the same since step {onset}");
    Finding { evidence: excerpt(text, EVIDENCE), explanation, ..finding("no_progress", action, copies, onset, steps) }
}

fn finding(kind: &'static str, action: Action, copies: u32, onset: u64, steps: u64) -> Finding {
    Finding {
        check: "actions",
        kind: kind.into(),
        action,
        channel: None,
        offset: Some(steps),
        onset: Some(onset),
        period: None,
        score: f64::from(copies),
        evidence: String::new(),
        explanation: String::new(),
    }
}

/// The first characters of a text in one line.
fn excerpt(text: &str, most: usize) -> String {
    let line = text.chars().take(2 * most).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => line.get(..end).unwrap_or_default().to_owned(),
        None => line,
    }
}
