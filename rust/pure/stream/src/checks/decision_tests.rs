//! One decision of any findings, against the table of precedence as it stands in the design.

use midstream_series::Timestamp;

use super::*;

/// Strongest first.
const PRECEDENCE: [Action; 8] = [
    Action::Stop,
    Action::Hold,
    Action::Redact,
    Action::EndReasoning,
    Action::Reroute,
    Action::Hint,
    Action::Warn,
    Action::Observe,
];
const HALTING: [Action; 3] = [Action::Stop, Action::EndReasoning, Action::Reroute];

#[test]
fn the_strongest_of_a_calls_findings_decides_and_what_halts_the_stream_lasts() {
    for shadow in [false, true] {
        for first in all_lists() {
            for second in all_lists().into_iter().filter(|list| list.len() < 2) {
                let mut checks = Checks::new(Settings { shadow, ..Settings::default() }, None).unwrap();
                let told = [decide(&mut checks, &first), decide(&mut checks, &second)];
                assert_eq!(told, expected(&first, &second, shadow), "{first:?}, then {second:?}, shadow {shadow}");
            }
        }
    }
}

/// Every list of up to three actions.
fn all_lists() -> Vec<Vec<Action>> {
    let mut lists = vec![vec![]];
    for length in 0..3 {
        let longest: Vec<Vec<Action>> = lists.iter().filter(|list| list.len() == length).cloned().collect();
        lists.extend(longest.iter().flat_map(|list| PRECEDENCE.map(|action| [&list[..], &[action]].concat())));
    }
    lists
}

/// The action of a call that made such findings, and whether the stream is over.
fn decide(checks: &mut Checks, actions: &[Action]) -> (Action, bool) {
    let now = checks.begin(Timestamp::from_nanos(0)).unwrap();
    if !checks.is_halted() {
        checks.fresh.extend(actions.iter().map(|action| finding(*action)));
        checks.settle();
    }
    assert_eq!(checks.now, Some(now));
    let decision = checks.decision(Forward::Same);
    (decision.action, decision.halted)
}

fn finding(action: Action) -> Finding {
    Finding {
        check: "repeat",
        kind: "exact".into(),
        action,
        channel: None,
        offset: None,
        onset: None,
        period: None,
        score: 1.0,
        evidence: String::new(),
        explanation: String::new(),
    }
}

fn expected(first: &[Action], second: &[Action], shadow: bool) -> [(Action, bool); 2] {
    let strongest = |list: &[Action]| PRECEDENCE.into_iter().find(|action| list.contains(action));
    if shadow {
        return [first, second].map(|list| (strongest(list).map_or(Action::Pass, |_| Action::Observe), false));
    }
    match HALTING.into_iter().find(|action| first.contains(action)) {
        Some(ended) => [(strongest(first).unwrap(), true), (ended, true)],
        None => [first, second]
            .map(|list| (strongest(list).unwrap_or_default(), HALTING.iter().any(|action| list.contains(action)))),
    }
}
