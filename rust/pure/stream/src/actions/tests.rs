use std::borrow::Cow;

use super::*;
use crate::{Action, Settings};

/// A call and its result.
pub(super) fn does(actions: &mut Actions, tool: &str, arguments: &str, result: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    actions.push(Step::Call { id: None, tool, arguments }, &mut findings);
    actions.push(Step::Result { id: None, tool: None, text: result, failed: None }, &mut findings);
    findings
}

/// What is found in calls that follow each other: `tool arguments -> result`.
fn found(calls: &[&str]) -> Vec<(&'static str, Action)> {
    let mut actions = Actions::new(ActionsSettings::default());
    let findings = calls.iter().flat_map(|line| {
        let (call, result) = line.split_once(" -> ").unwrap();
        let (tool, arguments) = call.split_once(' ').unwrap();
        does(&mut actions, tool, arguments, result)
    });
    findings.map(|finding| (name(finding.kind), finding.action)).collect()
}

/// The name of a kind, none of which is a user's.
fn name(kind: Cow<'static, str>) -> &'static str {
    match kind {
        Cow::Borrowed(name) => name,
        Cow::Owned(_) => unreachable!(),
    }
}

fn times<'a>(count: usize, calls: &[&'a str]) -> Vec<&'a str> {
    calls.iter().copied().cycle().take(count * calls.len()).collect()
}

#[test]
fn the_same_call_with_the_same_result_is_told_three_times_ever_stronger() {
    let call = ["search {\"q\": 1} -> no hits"];
    assert_eq!(found(&times(2, &call)), []);
    assert_eq!(found(&times(4, &call)), [("repeat", Action::Hint)]);
    let all = [("repeat", Action::Hint), ("repeat", Action::Warn), ("repeat", Action::Stop)];
    assert_eq!(found(&times(220, &call)), all);
}

#[test]
fn a_finding_says_what_was_called_how_often_and_since_when() {
    let mut actions = Actions::new(ActionsSettings::default());
    does(&mut actions, "list", "{}", "a.txt");
    let findings: Vec<Finding> =
        (0..3).flat_map(|_| does(&mut actions, "read", r#"{"path": "a"}"#, "no file")).collect();
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.check, finding.onset, finding.offset, finding.score), ("actions", Some(4), Some(8), 3.0));
    assert_eq!(finding.evidence, r#"read({"path": "a"})"#);
    let explanation = "read was called 3 times with the same arguments and the same result since step 4";
    assert_eq!(finding.explanation, explanation);
}

#[test]
fn a_cycle_is_told_by_its_turns_and_not_call_by_call() {
    for period in 2..=5 {
        let names = ["open {} -> a", "read {} -> b", "close {} -> c", "list {} -> d", "stat {} -> e"];
        let cycle = &names[..period];
        assert_eq!(found(&times(2, cycle)), [], "{period}");
        assert_eq!(found(&times(3, cycle)), [("ping_pong", Action::Hint)], "{period}");
        let all = [("ping_pong", Action::Hint), ("ping_pong", Action::Warn), ("ping_pong", Action::Stop)];
        assert_eq!(found(&times(20, cycle)), all, "{period}");
    }
}

#[test]
fn one_error_from_different_calls_is_told() {
    let calls: Vec<String> =
        (0..6).map(|day| format!("book {{\"day\": {day}}} -> Error: the date is malformed")).collect();
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    assert_eq!(found(&calls[..3]), []);
    assert_eq!(found(&calls), [("same_error", Action::Hint), ("same_error", Action::Warn)]);
}

#[test]
fn messages_that_say_the_same_are_told_whatever_the_tools_give() {
    let mut actions = Actions::new(ActionsSettings::default());
    let mut findings = Vec::new();
    for number in 0..12 {
        let text = format!("I will now look at the list of harbours again to find the one we want, attempt {number}.");
        actions.push(Step::Message { agent: "Scout", text: &text }, &mut findings);
        findings.extend(does(&mut actions, "look", "{}", &format!("page {number}")));
    }
    let kinds: Vec<_> = findings.iter().map(|finding| (&*finding.kind, finding.action)).collect();
    assert_eq!(kinds, [("no_progress", Action::Hint), ("no_progress", Action::Warn)]);
    assert_eq!(findings[0].explanation, "4 of the last messages of Scout say the same since step 1");
}

/// Work that repeats itself for good reason.
#[test]
fn legitimate_repetition_is_silent() {
    let named = |calls: &[String]| found(&calls.iter().map(String::as_str).collect::<Vec<_>>());
    let poll = "job {\"id\": 7} -> {\"status\": \"running\"}";
    let waits: Vec<String> =
        [poll; 9].into_iter().chain(["job {\"id\": 7} -> done: 12 files"]).map(str::to_owned).collect();
    let poll_with_sleep: Vec<String> =
        [["job {} -> pending", "sleep {\"s\": 5} -> ok"]; 9].concat().into_iter().map(str::to_owned).collect();
    let changing: Vec<String> = (0..40).map(|at| format!("job {{}} -> running, {at}% of it")).collect();
    let pages: Vec<String> = (0..40).map(|page| format!("list {{\"page\": {page}}} -> row {page}")).collect();
    let next_page: Vec<String> = (0..40).map(|page| format!("next {{}} -> text of page {page}")).collect();
    let files: Vec<String> =
        (0..40).map(|file| format!("read {{\"path\": \"{file}.rs\"}} -> fn f{file}() {{}}")).collect();
    let same_content: Vec<String> =
        (0..40).map(|file| format!("read {{\"path\": \"{file}.rs\"}} -> (empty file)")).collect();
    let mut retries = vec!["get {} -> Error: 503 service unavailable, try again".to_owned(); 6];
    retries.push("get {} -> the page".to_owned());
    let mended: Vec<String> = (0..5)
        .flat_map(|attempt| {
            [format!("edit {{\"line\": {attempt}}} -> saved it"), "test {} -> FAILED: 1 of 12: adds_up".to_owned()]
        })
        .chain(["test {} -> 12 passed".to_owned()])
        .collect();
    let newly_failing: Vec<String> =
        (0..30).map(|at| format!("test {{}} -> error: line {at} does not compile")).collect();
    let stepper: Vec<String> =
        (0..30).map(|line| format!("gdb {{\"command\": \"next\"}} -> {line}: x = {}", line * 2)).collect();
    let keys: Vec<String> = vec!["press {\"key\": \"down\"} -> ok".to_owned(); 9];
    let looked_up: Vec<String> = (0..20)
        .flat_map(|at| ["status {} -> clean".to_owned(), format!("write {{\"n\": {at}}} -> wrote part {at}")])
        .collect();
    for (name, calls) in [
        ("polling until done", &waits),
        ("polling with a sleep", &poll_with_sleep),
        ("polling with progress", &changing),
        ("pages by number", &pages),
        ("pages by the same call", &next_page),
        ("different files", &files),
        ("different files, equal content", &same_content),
        ("retry with backoff", &retries),
        ("test, mend, test", &mended),
        ("a build that fails anew", &newly_failing),
        ("a stepper", &stepper),
        ("keys without an answer", &keys),
        ("one look between different works", &looked_up),
    ] {
        assert_eq!(named(calls), [], "{name}");
    }
}

#[test]
fn waiting_without_end_is_told_in_the_end() {
    let told = found(&times(40, &["job {\"id\": 7} -> {\"status\": \"running\"}"]));
    assert_eq!(told, [("repeat", Action::Hint), ("repeat", Action::Warn), ("repeat", Action::Stop)]);
}

#[test]
fn mending_without_effect_is_told_later_than_doing_the_same() {
    let calls: Vec<String> = (0..16)
        .flat_map(|at| [format!("edit {{\"line\": {at}}} -> saved it"), "test {} -> FAILED: adds_up".to_owned()])
        .collect();
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    assert_eq!(found(&calls[..10]), []);
    let kinds: Vec<Action> = found(&calls).into_iter().map(|(_, action)| action).collect();
    assert_eq!(kinds, [Action::Hint]);
}

#[test]
fn a_result_not_seen_before_is_progress() {
    let calls = times(2, &["search {} -> no hits"]);
    let calls = [&calls[..], &["read {} -> news"], &calls[..], &["read {} -> more news"], &calls[..]].concat();
    assert_eq!(found(&calls), []);
}

#[test]
fn a_tool_has_limits_of_its_own() {
    let json = r#"{"actions": {"tools": {"next": "off", "spin": {"stop": 4}}}}"#;
    let settings = Settings::from_json(json).unwrap().actions;
    let told = |tool: &str| {
        let mut actions = Actions::new(settings.clone());
        (0..64)
            .flat_map(|_| does(&mut actions, tool, "{}", "same"))
            .map(|finding| (finding.action, finding.score))
            .collect::<Vec<_>>()
    };
    assert_eq!(told("next"), []);
    assert_eq!(told("spin"), [(Action::Stop, 4.0)]);
    assert_eq!(told("other").len(), 3);
}

#[test]
fn views_that_are_off_find_nothing() {
    let off = r#"{"actions": {"repeat": "off", "ping_pong": "off", "same_error": "off", "no_progress": "off"}}"#;
    let mut actions = Actions::new(Settings::from_json(off).unwrap().actions);
    for _ in 0..40 {
        assert_eq!(does(&mut actions, "a", "{}", "error: same"), []);
        assert_eq!(does(&mut actions, "poll", "{}", "pending"), []);
    }
}

#[test]
fn with_cycles_off_their_calls_count_one_by_one() {
    let settings = Settings::from_json(r#"{"actions": {"ping_pong": "off"}}"#).unwrap().actions;
    let mut actions = Actions::new(settings);
    let cycle = |_| ["left", "right"].into_iter();
    let findings: Vec<_> = (0..5).flat_map(cycle).flat_map(|tool| does(&mut actions, tool, "{}", "a wall")).collect();
    let hints: Vec<&str> =
        findings.iter().filter(|finding| finding.action == Action::Hint).map(|finding| &*finding.kind).collect();
    assert_eq!(hints, ["repeat", "repeat"]);
}

#[test]
fn calls_without_results_need_more_copies() {
    let mut actions = Actions::new(ActionsSettings::default());
    let mut findings = Vec::new();
    for _ in 0..30 {
        actions.push(Step::Call { id: None, tool: "roll", arguments: "{}" }, &mut findings);
    }
    let told: Vec<_> = findings.iter().map(|finding| (finding.action, finding.score)).collect();
    assert_eq!(told, [(Action::Hint, 10.0), (Action::Warn, 20.0), (Action::Stop, 30.0)]);
    assert_eq!(findings[0].explanation, "roll was called 10 times with the same arguments since step 1");
}

#[test]
fn results_find_their_calls_by_id_by_tool_and_by_order() {
    let mut actions = Actions::new(ActionsSettings::default());
    let mut findings = Vec::new();
    let call = |id, tool| Step::Call { id, tool, arguments: "{}" };
    let result = |id, tool| Step::Result { id, tool, text: "same", failed: None };
    for _ in 0..3 {
        let steps = [call(Some("1"), "a"), call(Some("2"), "b"), call(None, "c"), call(None, "d")];
        let results = [result(Some("2"), None), result(None, Some("d")), result(Some("1"), None), result(None, None)];
        steps.into_iter().chain(results).for_each(|step| actions.push(step, &mut findings));
    }
    assert_eq!(actions.open_calls(), 0);
    assert_eq!(actions.anomalies().count(Anomaly::OrphanResult), 0);
    actions.push(result(Some("1"), None), &mut findings);
    assert_eq!(actions.anomalies().count(Anomaly::OrphanResult), 1);
    assert_eq!(
        findings.iter().map(|finding| (&*finding.kind, finding.period)).collect::<Vec<_>>(),
        [("ping_pong", Some(4))]
    );
}
