//! Held text: what passes is a prefix of the stream, in its own frames, and holds no text that was not let pass.
#![expect(clippy::unwrap_used, reason = "tests")]

mod held;

use held::{Random, anthropic, chat, completed, delta, ndjson, pieces, said, text_of};
use midstream_series::{Span, Timestamp};
use midstream_stream::{Action, ChannelKind, Checks, Close, Decision, End, Forward, Guard, Held, Options, Settings};

fn at(millis: i64) -> Timestamp {
    Timestamp::default() + Span::from_millis(millis)
}

fn guard(settings: &str) -> Guard {
    Guard::new(Options { settings: Settings::from_json(settings).unwrap(), ..Options::default() }).unwrap()
}

/// What a stream of `body` in chunks that `random` cuts, with verdicts that come when it says, asked for and let pass.
struct Run {
    asked: Vec<Held>,
    passed: Vec<u8>,
    /// What had passed after each call, and which texts were let pass by then.
    steps: Vec<(usize, Vec<u64>)>,
    findings: Vec<(String, Action)>,
    ending: &'static str,
}

fn run(settings: &str, body: &[u8], random: &mut Random, refused: Option<u64>) -> Run {
    let mut guard = guard(settings);
    let mut run = Run { asked: vec![], passed: vec![], steps: vec![], findings: vec![], ending: "" };
    let (mut waiting, mut passed): (Vec<u64>, Vec<u64>) = (vec![], vec![]);
    let mut rest = body;
    loop {
        let chunk;
        (chunk, rest) = rest.split_at(random.below(40).min(rest.len()));
        run.take(&guard.feed(chunk, at(0)).unwrap(), chunk, &mut waiting);
        run.judge(&mut guard, &mut waiting, &mut passed, random.below(4), random, refused);
        if rest.is_empty() {
            break;
        }
    }
    run.take(&guard.ask_rest(at(1)).unwrap(), &[], &mut waiting);
    run.judge(&mut guard, &mut waiting, &mut passed, usize::MAX, random, refused);
    let (decision, summary) = guard.finish(Close::Clean, at(2)).unwrap();
    assert_eq!(decision.forward, Forward::Nothing);
    run.ending = summary.ending.state.name();
    run
}

impl Run {
    fn take(&mut self, decision: &Decision<'_>, chunk: &[u8], waiting: &mut Vec<u64>) {
        match decision.forward {
            Forward::Bytes(bytes) => self.passed.extend_from_slice(bytes),
            Forward::Nothing => {}
            Forward::Same => self.passed.extend_from_slice(chunk),
        }
        self.findings.extend(decision.findings.iter().map(|f| (format!("{}/{}", f.check, f.kind), f.action)));
        waiting.extend(decision.held.iter().map(|held| held.id));
        self.asked.extend(decision.held.iter().cloned());
    }

    fn judge(
        &mut self,
        guard: &mut Guard,
        waiting: &mut Vec<u64>,
        passed: &mut Vec<u64>,
        count: usize,
        random: &mut Random,
        refused: Option<u64>,
    ) {
        for _ in 0..count.min(waiting.len()) {
            let id = waiting.swap_remove(random.below(waiting.len()));
            let mut none = vec![];
            if refused == Some(id) {
                self.take(&guard.refuse(id, "no", at(0)).unwrap(), &[], &mut none);
            } else {
                self.take(&guard.release(id, at(0)).unwrap(), &[], &mut none);
                passed.push(id);
            }
        }
        self.steps.push((self.passed.len(), passed.clone()));
    }
}

/// Bodies with one text, and that text.
fn bodies(random: &mut Random) -> Vec<(Vec<u8>, String)> {
    let words = random.words();
    let text = words.concat();
    [chat(&words), anthropic(&words), ndjson(&words), words.concat()]
        .into_iter()
        .map(|body| (body.into_bytes(), text.clone()))
        .collect()
}

#[test]
fn every_split_and_schedule_of_verdicts_asks_for_the_same_texts_and_passes_the_whole_stream() {
    let mut random = Random::new(4);
    for round in 0..60 {
        let limit = 1 + random.below(30);
        let settings = format!(r#"{{"hold": {{"limit": {limit}}}, "repeat": {{"exact": "off"}}}}"#);
        for (body, text) in bodies(&mut random) {
            let told = String::from_utf8_lossy(&body).into_owned();
            let run = run(&settings, &body, &mut random, None);
            let asked: Vec<&str> = run.asked.iter().map(|held| held.text.as_str()).collect();
            let all = pieces(&text, limit);
            let says: Vec<usize> = (0..all.len()).filter(|piece| !all[*piece].trim().is_empty()).collect();
            assert_eq!(asked, says.iter().map(|piece| &all[*piece]).collect::<Vec<_>>(), "round {round}: {told}");
            assert_eq!(run.passed, body, "round {round}: {told}");
            let so_far: Vec<String> = says.iter().map(|piece| all[..=*piece].concat()).collect();
            assert!(run.asked.iter().map(|held| &held.so_far).eq(&so_far));
            assert!(run.findings.is_empty(), "{:?}", run.findings);
        }
    }
}

#[test]
fn no_text_passes_before_it_was_let_pass_and_none_behind_one_that_was_refused() {
    let mut random = Random::new(9);
    for round in 0..50 {
        let limit = 1 + random.below(20);
        let settings = format!(r#"{{"hold": {{"limit": {limit}}}, "repeat": {{"exact": "off"}}}}"#);
        for (body, text) in bodies(&mut random) {
            let all = pieces(&text, limit);
            let says: Vec<usize> = (0..all.len()).filter(|piece| !all[*piece].trim().is_empty()).collect();
            let refused = (round % 2 == 0 && !says.is_empty()).then(|| says[random.below(says.len())] as u64);
            let run = run(&settings, &body, &mut random, refused);
            assert!(body.starts_with(&run.passed), "round {round}");
            for (length, passed) in &run.steps {
                let first = says.iter().find(|piece| !passed.contains(&(**piece as u64))).copied().unwrap_or(all.len());
                let allowed = all[..first].concat();
                let seen = text_of(&body[..*length]);
                assert!(allowed.starts_with(&seen), "round {round}: {seen:?} passed, allowed was {allowed:?}");
            }
            if refused.is_some() {
                assert_eq!(run.findings, [("hold/refused".to_owned(), Action::Stop)]);
                assert_eq!(run.ending, "halted");
            }
        }
    }
}

#[test]
fn text_is_held_as_it_is_redacted() {
    let mut random = Random::new(2);
    let redact = r#""redact": {"rules": ["email"]}, "repeat": {"exact": "off"}"#;
    for _ in 0..40 {
        let mut words = random.words();
        words.insert(random.below(words.len() + 1), "bo".into());
        words.insert(random.below(words.len() + 1), "bob@example.org".into());
        for body in [chat(&words), anthropic(&words), words.concat()].map(String::into_bytes) {
            let mut redacted = guard(&format!("{{{redact}}}"));
            let mut expected = match redacted.feed(&body, at(0)).unwrap().forward {
                Forward::Bytes(bytes) => bytes.to_vec(),
                Forward::Nothing => Vec::new(),
                Forward::Same => body.clone(),
            };
            if let Forward::Bytes(bytes) = redacted.finish(Close::Clean, at(0)).unwrap().0.forward {
                expected.extend_from_slice(bytes);
            }
            let run = run(&format!(r#"{{"hold": {{"limit": 9}}, {redact}}}"#), &body, &mut random, None);
            let asked: String = run.asked.iter().map(|held| held.text.as_str()).collect();
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(letters(&asked), letters(&text_of(&expected)));
            assert_eq!(text_of(&run.passed), text_of(&expected));
        }
    }
}

#[test]
fn white_space_alone_is_not_asked_for() {
    let mut guard = guard(r#"{"hold": {}}"#);
    let pushed = guard.push_text(ChannelKind::Text, "All is well.\n\n", at(0)).unwrap();
    assert_eq!(pushed.held.len(), 1);
    assert_eq!(guard.release(0, at(0)).unwrap().forward, Forward::Bytes(b"All is well."));
    let rest = guard.ask_rest(at(0)).unwrap();
    assert_eq!((rest.held.len(), rest.forward), (0, Forward::Bytes(b"\n\n")));
    let (_, summary) = guard.finish(Close::Clean, at(0)).unwrap();
    assert_eq!((summary.ending.state.name(), summary.hold.unwrap().pieces), ("complete", 1));
}

#[test]
fn no_text_waits_longer_than_is_allowed() {
    let mut random = Random::new(21);
    for round in 0..80 {
        let (stops, max_hold) = (round % 2 == 1, 50 + random.below(400) as i64);
        let then = if stops { "stop" } else { "pass" };
        let settings = format!(
            r#"{{"hold": {{"limit": 12, "max_hold_s": {}, "at_max_hold": "{then}"}}, "repeat": {{"exact": "off"}}}}"#,
            max_hold as f64 / 1e3
        );
        for (body, text) in bodies(&mut random) {
            let mut guard = guard(&settings);
            let (mut now, mut asked, mut passed) = (0, Vec::<(i64, usize)>::new(), Vec::new());
            let (mut rest, mut is_over, all) = (body.as_slice(), false, pieces(&text, 12));
            for _ in 0..120 {
                if is_over {
                    break;
                }
                let chunk;
                (chunk, rest) = rest.split_at(random.below(30).min(rest.len()));
                let due = guard.tick_at().map(|due| (due - at(0)).as_nanos() / 1_000_000);
                let came = now + random.below(200) as i64;
                // The owner ticks when it was told to, and reads on before that.
                now = due.filter(|due| *due <= came || chunk.is_empty()).unwrap_or(came).max(now);
                let decision = if now == due.unwrap_or(-1) { guard.tick(at(now)) } else { guard.feed(chunk, at(now)) };
                let fed = now != due.unwrap_or(-1);
                let decision = decision.unwrap();
                asked.extend(decision.held.iter().map(|held| (now, held.id as usize)));
                match decision.forward {
                    Forward::Bytes(bytes) => passed.extend_from_slice(bytes),
                    Forward::Nothing => {}
                    Forward::Same => passed.extend_from_slice(chunk),
                }
                is_over = decision.halted;
                rest = if fed { rest } else { &body[body.len() - rest.len() - chunk.len()..] };
                let late = asked.iter().filter(|(at, _)| now - at >= max_hold).map(|(_, id)| id + 1).max();
                let seen = text_of(&passed);
                // A frame that holds the beginning of the next text too waits with that.
                if let (Some(late), false, true) = (late, stops, body == text.as_bytes()) {
                    assert!(seen.starts_with(&all[..late].concat()), "round {round}: {seen:?} of {all:?} at {now}");
                }
                assert!(!stops || is_over == late.is_some(), "round {round} at {now}");
                assert!(!stops || seen.is_empty() || all[0].trim().is_empty(), "round {round}: {seen:?}");
            }
        }
    }
}

#[test]
fn text_that_is_pushed_waits_by_the_character() {
    let mut guard = guard(r#"{"hold": {}}"#);
    let decision = guard.push_text(ChannelKind::Text, "All is well. And", at(0)).unwrap();
    assert_eq!((decision.forward, decision.action, decision.held[0].offset), (Forward::Nothing, Action::Hold, 12));
    assert_eq!(guard.release(0, at(0)).unwrap().forward, Forward::Bytes(b"All is well."));
    assert_eq!(guard.passed_text(ChannelKind::Text), Some("All is well."));
    assert_eq!(guard.ask_rest(at(0)).unwrap().held[0].text, " And");
    assert_eq!(guard.release(1, at(0)).unwrap().forward, Forward::Bytes(b" And"));
    let (_, summary) = guard.finish(Close::Clean, at(0)).unwrap();
    assert_eq!((summary.ending.state.name(), summary.hold.unwrap().pieces), ("complete", 2));
}

#[test]
fn only_the_channels_that_are_named_wait_and_what_comes_behind_them() {
    let reasoning = delta(r#"{"reasoning_content":"Hm."}"#);
    let mut guard = guard(r#"{"hold": {}}"#);
    assert_eq!(guard.feed(reasoning.as_bytes(), at(0)).unwrap().forward, Forward::Same);
    let text = said("Hi.");
    assert_eq!(guard.feed(text.as_bytes(), at(0)).unwrap().forward, Forward::Nothing);
    assert_eq!(guard.feed(b": ping\n\n", at(0)).unwrap().forward, Forward::Nothing);
    assert_eq!(guard.release(0, at(0)).unwrap().forward, Forward::Bytes((text + ": ping\n\n").as_bytes()));
}

#[test]
fn a_call_of_a_tool_ends_the_sentence_before_it() {
    let call = delta(r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}"#);
    let mut guard = guard(r#"{"hold": {}}"#);
    let body = said("Let me look") + &call;
    let decision = guard.feed(body.as_bytes(), at(0)).unwrap();
    assert_eq!(decision.held.iter().map(|held| held.text.as_str()).collect::<Vec<_>>(), ["Let me look"]);
    assert_eq!(guard.release(0, at(0)).unwrap().forward, Forward::Bytes(body.as_bytes()));
}

#[test]
fn a_check_that_takes_too_long_stops_the_stream_or_lets_the_text_pass_as_chosen() {
    let late = |then: &str| guard(&format!(r#"{{"hold": {{"max_hold_s": 2, "at_max_hold": "{then}"}}}}"#));
    let text = said("Hi.");
    let mut stopped = late("stop");
    assert_eq!(stopped.feed(text.as_bytes(), at(0)).unwrap().tick_at, Some(at(2000)));
    assert!(stopped.tick(at(1999)).unwrap().findings.is_empty());
    let decision = stopped.tick(at(2000)).unwrap();
    assert_eq!(
        (decision.findings[0].kind.as_ref(), decision.halted, decision.forward),
        ("max_hold", true, Forward::Nothing)
    );
    assert_eq!(stopped.release(0, at(2001)).unwrap().forward, Forward::Nothing);
    assert_eq!(stopped.finish(Close::Stopped, at(2002)).unwrap().0.forward, Forward::Nothing);

    let mut passed = late("pass");
    passed.feed(text.as_bytes(), at(0)).unwrap();
    let decision = passed.tick(at(2000)).unwrap();
    assert_eq!((decision.findings[0].action, decision.forward), (Action::Warn, Forward::Bytes(text.as_bytes())));
    let decision = passed.refuse(0, "rude", at(2500)).unwrap();
    assert_eq!((decision.findings[0].kind.as_ref(), decision.halted), ("refused", true));

    let mut clocked = late("stop");
    clocked.feed(text.as_bytes(), at(0)).unwrap();
    let decision = clocked.release(0, at(2000)).unwrap();
    assert_eq!((decision.findings[0].kind.as_ref(), decision.forward), ("max_hold", Forward::Nothing));
}

#[test]
fn whatever_ends_a_stream_nothing_that_waits_passes() {
    for close in [Close::Clean, Close::ClientLeft, Close::Stopped, Close::GaveUp] {
        let mut guard = guard(r#"{"hold": {}}"#);
        guard.feed(said("Hi. There").as_bytes(), at(0)).unwrap();
        let (decision, summary) = guard.finish(close, at(1)).unwrap();
        assert_eq!(decision.forward, Forward::Nothing, "{close:?}");
        let unjudged = summary.findings.iter().any(|finding| finding.kind == "unjudged");
        assert_eq!(unjudged, matches!(close, Close::Clean));
    }
}

#[test]
fn what_cannot_be_read_stops_the_stream_unseen() {
    for body in [
        "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"del\n\n",
        "\u{1}\u{2}\u{3}binary\0\0",
        "<html><body>No</body></html>",
    ] {
        let mut guard = guard(r#"{"hold": {}}"#);
        let head = said("Hi.");
        let forward = guard.feed(body.as_bytes(), at(0)).unwrap().forward;
        assert_eq!(forward, Forward::Nothing, "{body:?}");
        let _ = guard.feed(head.as_bytes(), at(0)).unwrap();
        guard.ask_rest(at(0)).unwrap();
        let (decision, summary) = guard.finish(Close::Clean, at(0)).unwrap();
        assert_eq!(decision.forward, Forward::Nothing);
        assert_eq!(summary.ending.state.name(), "halted", "{body:?}");
        assert!(summary.findings.iter().any(|finding| finding.check == "hold"), "{:?}", summary.findings);
    }
}

#[test]
fn under_shadow_everything_passes_and_verdicts_are_told() {
    let mut guard = guard(r#"{"hold": {}, "shadow": true}"#);
    let text = said("Hi.");
    let decision = guard.feed(text.as_bytes(), at(0)).unwrap();
    assert_eq!((decision.forward, decision.held.len(), decision.action), (Forward::Same, 1, Action::Pass));
    let decision = guard.refuse(0, "rude", at(1)).unwrap();
    assert_eq!((decision.findings[0].action, decision.halted), (Action::Stop, false));
}

#[test]
fn settings_that_leave_a_choice_open_are_refused_by_name() {
    for (hold, told) in [
        (r#"{"max_hold_s": 2}"#, "hold.at_max_hold is not given, allowed is pass or stop"),
        (r#"{"at_max_hold": "stop"}"#, "hold.max_hold_s is not given"),
        (r#"{"max_hold_s": 0, "at_max_hold": "stop"}"#, "hold.max_hold_s is 0"),
        (r#"{"limit": 0}"#, "hold.limit is 0"),
        (r#"{"channels": []}"#, "hold.channels is "),
        (r#"{"channels": ["audio"]}"#, "hold.channels[0] is \"audio\""),
    ] {
        let error = Settings::from_json(&format!(r#"{{"hold": {hold}}}"#)).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
    let settings = Settings::from_json(r#"{"hold": {}}"#).unwrap();
    assert!(Checks::new(settings, None).unwrap_err().to_string().starts_with("hold is a table"));
}

#[test]
fn the_summary_says_how_much_waited_and_how_long() {
    let mut guard = guard(r#"{"hold": {}}"#);
    guard.feed(completed(&["Hi.".into(), " Bye.".into()]).as_bytes(), at(0)).unwrap();
    guard.release(0, at(100)).unwrap();
    guard.release(1, at(300)).unwrap();
    let (_, summary) = guard.finish(Close::Clean, at(300)).unwrap();
    let hold = summary.hold.unwrap();
    assert_eq!((hold.pieces, hold.held_bytes, hold.held_bytes_max, hold.held_bytes_total), (2, 0, 8, 8));
    assert!((hold.hold_p99_s.unwrap() - 0.3).abs() < 0.004 && (hold.hold_p50_s.unwrap() - 0.1).abs() < 0.21);
    assert_eq!(summary.redact, None);
}

#[test]
fn refused_text_ends_with_the_error_although_the_providers_own_end_was_read() {
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let body = [&chunk("{\"content\":\"No.\"}", "null"), &chunk("{}", "\"stop\""), "data: [DONE]\n\n"].concat();
    let settings = Settings::from_json(r#"{"hold": {}}"#).unwrap();
    let mut guard = Guard::new(Options { settings, end: End::Error, ..Options::default() }).unwrap();
    let now = Timestamp::default();
    assert_eq!(guard.feed(body.as_bytes(), now).unwrap().forward, Forward::Nothing);
    assert!(guard.refuse(0, "not nice", now).unwrap().halted);
    let (decision, _) = guard.finish(Close::Stopped, now).unwrap();
    let Forward::Bytes(end) = decision.forward else { panic!("an end") };
    assert!(String::from_utf8_lossy(end).contains("stopped by midstream: hold/refused"));
}
