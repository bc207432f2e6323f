//! The bars of the check of agents' loops on recorded runs; `-- --nocapture` prints the table.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "this test reads recordings from files")]

mod recorded;

use std::collections::BTreeMap;

use midstream_stream::{Action, AgentChecks, Finding, Settings, Step};
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

/// A run and what its check found.
struct Run {
    trace: Value,
    findings: Vec<Finding>,
}

impl Run {
    fn of(trace: Value) -> Result<Self, Failure> {
        let mut checks = AgentChecks::new(Settings { shadow: true, ..Settings::default() })?;
        for step in trace["steps"].as_array().into_iter().flatten() {
            read(step, &mut checks);
        }
        Ok(Self { findings: checks.summary().findings, trace })
    }

    fn asks_for(&self, action: Action) -> bool {
        self.findings.iter().any(|finding| finding.action >= action)
    }

    fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = self.findings.iter().map(|finding| &*finding.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// The orchestrator's own ledger says so, which is a model's judgement.
    fn is_called_a_loop(&self) -> bool {
        self.trace["labels"]["ledger_loop_flags"].as_array().is_some_and(|flags| !flags.is_empty())
    }

    fn succeeded(&self) -> bool {
        self.trace["outcome"]["success"] == true || self.trace["outcome"]["exit_status"] == "submitted"
    }
}

/// What the orchestrator thinks is no message to anybody: the ledger with the labels stands in it.
fn read(step: &Value, checks: &mut AgentChecks) {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let agent = step["agent"].as_str().unwrap_or_default();
    match text("kind") {
        "tool_call" => {
            let arguments = step["arguments"].to_string();
            checks.push(Step::Call { id: step["call_id"].as_str(), tool: text("tool"), arguments: &arguments });
        }
        "tool_result" => {
            let (id, tool) = (step["call_id"].as_str(), step["tool"].as_str());
            checks.push(Step::Result { id, tool, text: text("content"), failed: None });
        }
        _ if agent == "human" || agent.ends_with("(thought)") => {}
        _ if agent.is_empty() && text("role") != "assistant" => {}
        _ => {
            checks.push(Step::Message { agent, text: text("content") });
        }
    }
}

#[test]
fn steps_give_the_findings_of_their_case() -> Result<(), Failure> {
    let path = format!("{}/../../../tests/cases/agents.json", env!("CARGO_MANIFEST_DIR"));
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    for case in &cases {
        let mut checks = AgentChecks::new(Settings::default())?;
        for step in case["steps"].as_array().into_iter().flatten() {
            let [kind, first, second] = [0, 1, 2].map(|at| step[at].as_str().unwrap_or_default());
            checks.push(match kind {
                "call" => Step::Call { id: None, tool: first, arguments: second },
                "result" => Step::Result { id: None, tool: None, text: first, failed: None },
                _ => Step::Message { agent: first, text: second },
            });
        }
        let found = serde_json::to_value(checks.summary().findings)?;
        let wanted = case["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert_eq!(found.as_array().map(Vec::len), Some(wanted.len()), "{}: {found}", case["name"]);
        for (at, (name, value)) in wanted
            .iter()
            .enumerate()
            .flat_map(|(at, one)| one.as_object().into_iter().flatten().map(move |entry| (at, entry)))
        {
            assert_eq!(&found[at][name], value, "{}: {name} of finding {at}", case["name"]);
        }
    }
    Ok(())
}

#[test]
fn recorded_runs_meet_the_bars() -> Result<(), Failure> {
    let Some(files) = recorded_runs()? else { return Ok(()) };
    let rows: Vec<(&str, Vec<&Run>)> = files
        .iter()
        .flat_map(|(name, runs)| {
            let (looping, other): (Vec<&Run>, Vec<&Run>) = runs.iter().partition(|run| run.is_called_a_loop());
            let (succeeded, failed): (Vec<&Run>, Vec<&Run>) = other.into_iter().partition(|run| run.succeeded());
            [
                (name, "in a loop by its ledger", looping),
                (name, "succeeded", succeeded),
                (name, "failed, no loop flagged", failed),
            ]
        })
        .filter(|(.., runs)| !runs.is_empty())
        .map(|(name, what, runs)| {
            let count = |action| runs.iter().filter(|run| run.asks_for(action)).count();
            println!(
                "{name:28} {what:24} runs {:2}  found {:2}  warned {:2}  stopped {:2}",
                runs.len(),
                count(Action::Observe),
                runs.iter().filter(|run| run.findings.iter().any(|finding| finding.action == Action::Warn)).count(),
                count(Action::Stop)
            );
            (what, runs)
        })
        .collect();
    for run in files.values().flatten().filter(|run| !run.findings.is_empty()) {
        println!("{} {} {:?}", run.trace["trace_id"], run.findings.len(), run.kinds());
    }
    let recorded = &files["who_and_when_handcrafted"];
    let found =
        |loops: bool| recorded.iter().filter(|run| run.is_called_a_loop() == loops && !run.findings.is_empty()).count();
    assert!(found(true) >= 9, "{} of 13 looping runs found", found(true));
    assert!(found(false) <= 1, "{} of 5 other runs", found(false));
    for (_, runs) in rows.iter().filter(|(what, _)| *what == "succeeded") {
        assert!(!runs.iter().any(|run| run.asks_for(Action::Stop)), "a run that succeeded was stopped");
    }
    Ok(())
}

/// The runs of each file; none where no data is at hand.
fn recorded_runs() -> Result<Option<BTreeMap<String, Vec<Run>>>, Failure> {
    let Some(folder) = recorded::folder("traces") else { return Ok(None) };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(path)?;
            let runs = text.lines().map(|line| Run::of(serde_json::from_str(line)?)).collect::<Result<_, Failure>>()?;
            files.insert(name, runs);
        }
    }
    Ok(Some(files))
}
