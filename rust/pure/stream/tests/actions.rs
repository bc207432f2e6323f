//! Calls of one stream that repeat themselves, however the stream is cut.
#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use midstream_series::Timestamp;
use midstream_stream::{Action, AgentChecks, Close, Finding, Guard, Options, Settings, Step};

const NOW: Timestamp = Timestamp::from_nanos(0);

/// An answer of a chat model that makes `calls` calls with equal arguments.
fn answer(calls: usize) -> String {
    let chunk = |delta: &str, reason: &str| {
        format!(
            "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    let call = |index| {
        let start = format!(
            r#"{{"tool_calls":[{{"index":{index},"id":"c{index}","function":{{"name":"roll","arguments":""}}}}]}}"#
        );
        let end = format!(r#"{{"tool_calls":[{{"index":{index},"function":{{"arguments":"{{\"sides\": 6}}"}}}}]}}"#);
        chunk(&start, "null") + &chunk(&end, "null")
    };
    (0..calls).map(call).collect::<String>() + &chunk("{}", "\"tool_calls\"") + "data: [DONE]\n\n"
}

fn findings(body: &str, step: usize, shadow: bool) -> (Vec<Finding>, bool) {
    let settings = Settings { shadow, ..Settings::default() };
    let mut guard = Guard::new(Options { settings, ..Options::default() }).unwrap();
    let mut stopped = false;
    for chunk in body.as_bytes().chunks(step) {
        stopped |= guard.feed(chunk, NOW).unwrap().action == Action::Stop;
    }
    (guard.finish(Close::Clean, NOW).unwrap().1.findings, stopped)
}

#[test]
fn equal_calls_of_one_answer_are_told_and_stopped_in_the_end() {
    for step in [1, 7, 100_000] {
        assert_eq!(findings(&answer(9), step, false), (vec![], false));
        let (found, stopped) = findings(&answer(40), step, false);
        let told: Vec<_> = found.iter().map(|one| (one.check, &*one.kind, one.action, one.score)).collect();
        let told_of = |action, copies| ("actions", "repeat", action, copies);
        assert_eq!(told, [told_of(Action::Hint, 10.0), told_of(Action::Warn, 20.0), told_of(Action::Stop, 30.0)]);
        assert!(stopped && found.iter().all(|one| one.channel.is_some()));
    }
}

#[test]
fn under_shadow_equal_calls_are_told_and_nothing_stops() {
    let (found, stopped) = findings(&answer(40), 7, true);
    assert_eq!((found.len(), stopped), (3, false));
}

#[test]
fn calls_of_several_answers_in_one_stream_are_not_counted_together() {
    let answers = answer(4).replace("data: [DONE]\n\n", "").repeat(10);
    let (found, _) = findings(&answers, 7, false);
    assert!(!found.iter().any(|one| one.check == "actions"), "{found:?}");
}

#[test]
fn findings_show_no_secret_of_calls_and_messages() {
    let settings = r#"{"redact": {"rules": ["email", "aws_secret_key"]}}"#;
    let key = ["wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYEXAMPLEKEY"].concat();
    let mut checks = AgentChecks::new(Settings::from_json(settings).unwrap()).unwrap();
    let mut said = String::new();
    for _ in 0..5 {
        let arguments = format!(r#"{{"to": "b\u006fb@example.org", "aws_secret_access_key": "{key}"}}"#);
        let decision = checks.push(Step::Call { id: None, tool: "mail", arguments: &arguments });
        said += &decision.hint().unwrap_or_default();
        let text = "Error: no such user bob@example.org";
        said += &checks.push(Step::Result { id: None, tool: None, text, failed: None }).hint().unwrap_or_default();
        checks.push(Step::Message { agent: "bob@example.org", text: "I write to bob@example.org" });
    }
    said += &checks.summary().to_json();
    said += &String::from_utf8_lossy(&checks.snapshot());
    assert!(said.contains("[EMAIL]") && said.contains("[AWS_SECRET_KEY]"), "{said}");
    assert!(!said.contains("bob@") && !said.contains("b\\u006fb") && !said.contains(&key[..6]), "{said}");
}
