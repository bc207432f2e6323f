//! Recorded runs of agents as the requests that they are made of: each holds the conversation so far.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "this test reads recordings from files")]

mod recorded;

use std::collections::BTreeSet;

use midstream_stream::{Action, ActionsSettings, Finding, History};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// The messages of a run, each with whether the model speaks in it.
fn messages(trace: &Value) -> Vec<(Value, bool)> {
    let mut ids = 0;
    let steps = trace["steps"].as_array().into_iter().flatten();
    let message = |step: &Value| {
        let agent = step["agent"].as_str().unwrap_or_default();
        let role = step["role"].as_str().unwrap_or_default();
        match step["kind"].as_str().unwrap_or_default() {
            "tool_call" => {
                ids += 1;
                let id = step["call_id"].as_str().map_or_else(|| format!("call {ids}"), str::to_owned);
                let function = json!({"name": step["tool"], "arguments": step["arguments"].to_string()});
                Some((json!({"role": "assistant", "tool_calls": [{"id": id, "function": function}]}), true))
            }
            "tool_result" => {
                let id = step["call_id"].as_str().map_or_else(|| format!("call {ids}"), str::to_owned);
                Some((json!({"role": "tool", "tool_call_id": id, "content": step["content"]}), false))
            }
            // What the orchestrator thinks is no message to anybody.
            _ if agent.ends_with("(thought)") => None,
            _ if role == "user" || role == "system" || agent == "human" => Some((
                json!({"role": if role == "system" { "system" } else { "user" }, "content": step["content"]}),
                false,
            )),
            _ => Some((json!({"role": "assistant", "name": agent, "content": step["content"]}), true)),
        }
    };
    steps.filter_map(message).collect()
}

/// It is of the run's only agent.
fn is_alone(message: &Value) -> bool {
    message["name"].as_str().unwrap_or_default().is_empty()
}

/// What the requests of a run show, one after the other.
fn requests(trace: &Value) -> Vec<Vec<Finding>> {
    let messages = messages(trace);
    let is_asked = |at: usize| {
        let speaks = |at: usize| messages.get(at).is_some_and(|(_, speaks)| *speaks);
        // Calls and what an agent of its own says before them are one answer.
        let goes_on = at > 0 && speaks(at - 1) && messages.get(at - 1).is_some_and(|(message, _)| is_alone(message));
        at > 0 && (speaks(at) || at == messages.len()) && !goes_on
    };
    let ends = (0..=messages.len()).filter(|at| is_asked(*at));
    let bodies = ends.map(|end| {
        let sent: Vec<&Value> = messages.iter().take(end).map(|(message, _)| message).collect();
        json!({"model": "m", "messages": sent}).to_string()
    });
    let settings = ActionsSettings::default();
    bodies.filter_map(|body| History::read(body.as_bytes(), &settings, None)).map(|history| history.findings).collect()
}

#[test]
fn runs_that_succeeded_are_never_stopped_and_loops_are_found() -> Result<(), Failure> {
    let Some(folder) = recorded::folder("traces") else { return Ok(()) };
    let (mut looping, mut other) = (0, 0);
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let is_labelled = path.file_stem().is_some_and(|name| name == "who_and_when_handcrafted");
        for line in std::fs::read_to_string(&path)?.lines() {
            let trace: Value = serde_json::from_str(line)?;
            let found = requests(&trace);
            let succeeded = trace["outcome"]["success"] == true || trace["outcome"]["exit_status"] == "submitted";
            let stops = found.iter().flatten().filter(|finding| finding.action == Action::Stop).count();
            assert!(!succeeded || stops == 0, "{}: a run that succeeded was stopped", trace["trace_id"]);
            let news: Vec<_> = found
                .iter()
                .flatten()
                .filter(|finding| finding.action != Action::Stop)
                .map(|finding| (finding.kind.clone(), finding.onset, finding.action, finding.offset))
                .collect();
            assert_eq!(news.iter().map(|one| format!("{one:?}")).collect::<BTreeSet<_>>().len(), news.len());
            let is_found = found.iter().any(|findings| !findings.is_empty());
            if is_labelled && is_found {
                let flags = trace["labels"]["ledger_loop_flags"].as_array();
                if flags.is_some_and(|flags| !flags.is_empty()) { looping += 1 } else { other += 1 }
            }
            if is_found {
                println!("{} {} requests, {} told, {stops} stops", trace["trace_id"], found.len(), news.len());
            }
        }
    }
    println!("{looping} of 13 looping runs found, {other} of 5 others");
    assert!(looping >= 9 && other <= 1, "{looping} of 13 looping runs found, {other} of 5 others");
    Ok(())
}
