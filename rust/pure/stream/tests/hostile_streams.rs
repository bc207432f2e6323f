//! Streams as broken servers, proxies and models make them: what each ends as, at every split.
#![expect(clippy::unwrap_used, reason = "a guard that cannot be made fails the test")]

use std::collections::BTreeMap;

use midstream_series::Timestamp;
use midstream_stream::{ChannelKind, Close, Decision, EndingState, Guard, Options, Settings, Summary};

const DONE: &str = "data: [DONE]\n\n";
const OLLAMA: &str = "{\"model\":\"m\",\"message\":{\"content\":\"Hi\"},\"done\":false}\n";
const OLLAMA_END: &str = "{\"model\":\"m\",\"done\":true,\"done_reason\":\"stop\"}\n";

type Texts = BTreeMap<String, String>;

/// What a guard makes of the body, checked to be the same in chunks of 1, 2, 3 and 7 bytes.
fn read(body: &[u8]) -> (Texts, Summary) {
    let whole = read_in(body, body.len().max(1));
    for step in [1, 2, 3, 7] {
        let (texts, summary) = read_in(body, step);
        assert_eq!((&texts, &summary.ending), (&whole.0, &whole.1.ending), "{step} bytes a chunk");
        assert_eq!((summary.anomalies, &summary.tool_calls), (whole.1.anomalies, &whole.1.tool_calls));
    }
    whole
}

fn read_in(body: &[u8], step: usize) -> (Texts, Summary) {
    let settings = Settings { shadow: true, ..Settings::default() };
    let mut guard = Guard::new(Options { settings, ..Options::default() }).unwrap();
    let now = Timestamp::from_nanos(0);
    let mut texts = Texts::new();
    for chunk in body.chunks(step) {
        collect(&guard.feed(chunk, now).unwrap(), &mut texts);
    }
    let (decision, summary) = guard.finish(Close::Clean, now).unwrap();
    collect(&decision, &mut texts);
    (texts, summary)
}

fn collect(decision: &Decision<'_>, texts: &mut Texts) {
    for event in decision.events {
        if let (Some(channel), Some(text)) = (event.channel, event.kind.checked_text()) {
            let id = decision.channels.get(channel).unwrap().id.clone();
            texts.entry(id).or_default().push_str(decision.events.text(text));
        }
    }
}

/// A chunk of chat whose choice `index` has this delta.
fn chat(index: u32, delta: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":{index},\"delta\":{delta}}}]}}\n\n"
    )
}

fn text(words: &str) -> String {
    chat(0, &format!("{{\"content\":\"{words}\"}}"))
}

fn finish(index: u32, reason: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{}},\"finish_reason\":\"{reason}\"}}]}}\n\n")
}

/// A piece of a tool call; the first has an id and a name.
fn call(index: u32, id: &str, arguments: &str) -> String {
    let start = if id.is_empty() { String::new() } else { format!("\"id\":\"{id}\",\"type\":\"function\",") };
    let name = if id.is_empty() { String::new() } else { format!("\"name\":\"f{id}\",") };
    let arguments = arguments.replace('\\', "\\\\").replace('"', "\\\"");
    let function = format!("{{{name}\"arguments\":\"{arguments}\"}}");
    chat(0, &format!("{{\"tool_calls\":[{{\"index\":{index},{start}\"function\":{function}}}]}}"))
}

/// Body, state, notes, anomalies and the text of the answer.
type Case<'a> = (&'a str, Vec<u8>, EndingState, &'a [&'a str], &'a [(&'a str, u64)], &'a str);

fn check(cases: Vec<Case<'_>>) {
    for (name, body, state, notes, anomalies, answer) in cases {
        let (texts, summary) = read(&body);
        let found: Vec<_> = summary.anomalies.iter().map(|(anomaly, count)| (anomaly.name(), count)).collect();
        assert_eq!((summary.ending.state, summary.ending.notes.as_slice()), (state, notes), "{name}");
        assert_eq!(found, anomalies, "{name}");
        assert_eq!(texts.get("choice:0/text").map_or("", String::as_str), answer, "{name}");
    }
}

#[test]
fn lines_and_fields_in_every_form_give_the_same_events() {
    let body = format!("{}{}{DONE}", text("Hi"), finish(0, "stop"));
    let bodies = [
        format!("\u{feff}{body}"),
        body.replace('\n', "\r\n"),
        body.replace('\n', "\r"),
        body.replace("\n\n", "\n\r\n"),
        body.replace("\n\n", "\r\n\n"),
        body.replace("data: ", "data:"),
        body.replace("data: ", "data:  "),
        format!(": hi\n\nretry: 5\n\n{}:c\nretry: x\n{}:\n\n{DONE}:bye\n\n", text("Hi"), finish(0, "stop")),
        format!("data:\n\ndata\n\ndata: \n\n{body}data:\n\n"),
        format!("\n\n\n{}\n\n\n", body.replace("\n\n", "\n\n\n\n")),
        format!("id: 1\0\n{body}"),
        format!("{}{}{body}", ": queued\n\n".repeat(500), "data:\n\n".repeat(500)),
    ];
    let case = |body: String| ("form", body.into_bytes(), EndingState::Complete, &[][..], &[][..], "Hi");
    check(bodies.into_iter().map(case).collect());
}

#[test]
fn what_comes_behind_the_end_is_counted() {
    use EndingState::{Complete, Failed, Truncated};
    let (hi, stop) = (text("Hi"), finish(0, "stop"));
    let all = format!("{hi}{stop}{DONE}");
    let other = hi.replace("\"id\":\"c\"", "\"id\":\"d\"");
    let counts = "data: {\"id\":\"d\",\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n";
    let error = "data: {\"error\":{\"message\":\"m\"}}\n\n";
    check(vec![
        ("garbage", format!("{all}garbage\n\n").into(), Complete, &[], &[("unknown_event", 1)], "Hi"),
        ("text", format!("{all}{hi}").into(), Complete, &[], &[("after_end", 1)], "HiHi"),
        ("error", format!("{all}{error}").into(), Failed, &[], &[("after_end", 1)], "Hi"),
        ("second answer, cut", format!("{hi}{stop}{other}").into(), Truncated, &[], &[], "HiHi"),
        ("two answers", format!("{hi}{stop}{other}{stop}").into(), Complete, &["no_end_mark"], &[], "HiHi"),
        ("counts of another id", format!("{hi}{stop}{counts}").into(), Complete, &["no_end_mark"], &[], "Hi"),
        ("the same answer", format!("{hi}{stop}{hi}").into(), Complete, &["no_end_mark"], &[], "HiHi"),
        ("second of Ollama, cut", format!("{OLLAMA}{OLLAMA_END}{OLLAMA}").into(), Truncated, &[], &[], "HiHi"),
        ("end of Ollama twice", format!("{OLLAMA}{OLLAMA_END}{OLLAMA_END}").into(), Complete, &[], &[], "Hi"),
    ]);
}

#[test]
fn text_that_is_damaged_is_read_as_far_as_it_goes() {
    use EndingState::Complete;
    let (hi, stop) = (text("Hi"), finish(0, "stop"));
    let bytes = |middle: &[u8]| [hi.as_bytes(), middle, stop.as_bytes()].concat();
    let delta = |inside: &[u8]| {
        [&b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\""[..], inside, b"\"}}]}\n\n"].concat()
    };
    let twice = chat(0, "{\"content\":\"A\",\"content\":\"B\"}");
    let large = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1e999,\"completion_tokens\":5.0}}\n\n";
    let note: &[&str] = &["no_end_mark"];
    check(vec![
        ("cut character", bytes(&delta(b"\xe4\xb8")), Complete, note, &[("bad_utf8", 1)], "Hi\u{fffd}"),
        ("zero byte", bytes(&delta(b"a\0b")), Complete, note, &[("bad_json", 1)], "Hi"),
        ("line of bytes", bytes(b"\xff\xfe\0\n\n"), Complete, note, &[("unknown_event", 1)], "Hi"),
        ("first half of a pair", bytes(&delta(b"\\ud83d")), Complete, note, &[], "Hi\u{fffd}"),
        ("second half of a pair", bytes(&delta(b"\\ude00")), Complete, note, &[], "Hi\u{fffd}"),
        ("a name said twice", bytes(twice.as_bytes()), Complete, note, &[("bad_json", 1)], "HiB"),
        ("a number too large", bytes(large.as_bytes()), Complete, note, &[], "Hi"),
    ]);
    assert_eq!(read(&bytes(large.as_bytes())).1.usage.output, Some(5));
}

#[test]
fn an_error_in_any_form_fails_the_stream() {
    let bodies = [
        "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}\n\n",
        "data: {\"error\":\"m\"}\n\n",
        "data: {\"detail\":\"m\"}\n\n",
        "data: {\"message\":\"m\",\"status\":502}\n\n",
        "event: error\ndata: {\"message\":\"m\"}\n\n",
        "event: error\ndata: upstream connect error\n\n",
        "event: error\ndata:\n\n",
    ];
    for body in bodies {
        let (texts, summary) = read(format!("{}{body}{}{DONE}", text("Hi"), finish(0, "stop")).as_bytes());
        assert_eq!((summary.ending.state, texts["choice:0/text"].as_str()), (EndingState::Failed, "Hi"), "{body}");
    }
    let plain = format!("{}data: upstream connect error\n\n", text("Hi"));
    assert_eq!(read(plain.as_bytes()).1.ending.state, EndingState::Truncated);
}

#[test]
fn each_choice_must_end_and_the_reason_does_not_matter() {
    use EndingState::{Complete, Truncated};
    let (hi, stop) = (text("Hi"), finish(0, "stop"));
    let second = chat(1, "{\"content\":\"Ho\"}");
    let refusal = chat(0, "{\"refusal\":\"No\"}");
    check(vec![
        ("one of two", format!("{hi}{second}{stop}").into(), Truncated, &[], &[], "Hi"),
        ("one of two, mark", format!("{hi}{second}{stop}{DONE}").into(), Complete, &["no_finish_reason"], &[], "Hi"),
        ("both", format!("{hi}{second}{stop}{}{DONE}", finish(1, "stop")).into(), Complete, &[], &[], "Hi"),
        ("refusal", format!("{refusal}{stop}{DONE}").into(), Complete, &[], &[], ""),
        ("filter", format!("{hi}{}{DONE}", finish(0, "content_filter")).into(), Complete, &[], &[], "Hi"),
        ("length", format!("{hi}{}{DONE}", finish(0, "length")).into(), Complete, &["length"], &[], "Hi"),
        ("no reason", format!("{hi}{}", finish(0, "")).into(), Truncated, &[], &[], "Hi"),
        ("mark alone", DONE.into(), Complete, &["no_finish_reason"], &[], ""),
        ("blank", b" \r\n\n".to_vec(), Truncated, &[], &[], ""),
    ]);
}

#[test]
fn text_that_is_pushed_is_no_blank_body() {
    let mut guard = Guard::new(Options::default()).unwrap();
    let now = Timestamp::from_nanos(0);
    guard.push_text(ChannelKind::Text, "Hi", now).unwrap();
    assert_eq!(guard.finish(Close::Clean, now).unwrap().1.ending.state, EndingState::Complete);
}

#[test]
fn a_body_cut_at_any_byte_hands_on_no_call_that_is_cut() {
    let arguments = "{\"path\": \"/tmp/\\u4e2d\\\"a\", \"n\": [1, {\"x\": null}]}";
    let (first, rest) = arguments.split_at(9);
    let start = [call(0, "a", ""), call(1, "b", ""), call(0, "", first), call(1, "", first)].concat();
    let ends = call(1, "", rest) + &call(0, "", rest);
    let reason = finish(0, "tool_calls");
    let body = format!("{start}{ends}{reason}{DONE}");
    // The brace that closes the reason's JSON proves the end: its blank line may be missing.
    let proved = start.len() + ends.len() + reason.len() - 2;
    // Fewer bytes than the name of a field could be text.
    for cut in "data:".len()..=body.len() {
        let (_, summary) = read_in(&body.as_bytes()[..cut], usize::MAX);
        let expected = if cut < proved { EndingState::Truncated } else { EndingState::Complete };
        assert_eq!(summary.ending.state, expected, "cut at {cut} of {}", body.len());
        for call in &summary.tool_calls {
            assert_eq!(call.complete, cut >= proved, "cut at {cut}: {call:?}");
            assert!(!call.complete || call.arguments == arguments, "cut at {cut}: {call:?}");
        }
    }
}

#[test]
fn arguments_that_stop_inside_their_json_are_never_whole() {
    let arguments = "{\"a\": [1, \"x\\ny\"], \"b\": {}}";
    for cut in 1..arguments.len() {
        for reason in ["tool_calls", "stop", "length"] {
            let body = format!("{}{}{DONE}", call(0, "a", &arguments[..cut]), finish(0, reason));
            let (_, summary) = read_in(body.as_bytes(), usize::MAX);
            let call = &summary.tool_calls[0];
            assert_eq!(
                (summary.ending.state, call.complete),
                (EndingState::Truncated, false),
                "{reason}, cut at {cut}"
            );
            assert!(summary.ending.notes.contains(&"cut_tool_call"));
        }
    }
}

#[test]
fn arguments_nested_too_deep_are_counted() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(3_000), "]".repeat(3_000));
    let (_, summary) = read_in(format!("{}{}", call(0, "a", &deep), finish(0, "tool_calls")).as_bytes(), 61);
    assert_eq!(
        summary.anomalies.iter().map(|(anomaly, count)| (anomaly.name(), count)).collect::<Vec<_>>(),
        [("too_deep", 1)]
    );
    assert_eq!((summary.tool_calls[0].valid_json, summary.tool_calls[0].complete), (Some(true), true));
}
