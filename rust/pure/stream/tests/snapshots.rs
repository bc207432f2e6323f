//! A guard that was kept as bytes and brought back goes on as the one that was not, at every cut.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "this test reads recordings from files")]
#![expect(clippy::unwrap_used, reason = "a guard that cannot be made fails the test")]

mod recorded;

use midstream_series::{Span, Timestamp};
use midstream_stream::{
    AgentChecks, Anomaly, ChannelKind, Close, Decision, End, Error, Framing, Guard, Options, Settings, SnapshotFault,
    Step,
};

/// Settings under which text waits, is replaced, and ends with an end of its own.
const WAITING: [(&str, End); 6] = [
    (r#"{"redact": {"rules": ["built_in"]}}"#, End::None),
    (r#"{"redact": {"rules": ["built_in"], "action": "stop"}}"#, End::Error),
    (r#"{"redact": {"rules": ["built_in"], "action": "warn"}, "budget": {"output_characters": 400}}"#, End::Finish),
    (r#"{"hold": {"channels": ["text", "reasoning", "tool"], "max_hold_s": 1, "at_max_hold": "pass"}}"#, End::Error),
    (r#"{"hold": {"limit": 20}, "redact": {"rules": ["email", "phone"]}, "shadow": false}"#, End::None),
    (r#"{"hold": {}, "redact": {"rules": ["email"], "action": "observe"}, "shadow": true}"#, End::None),
];

/// All that a stream's guard says, call by call, if it is replaced behind each call by `between`.
fn said(body: &[u8], chunk: usize, options: &Options, between: impl Fn(Guard, &Options) -> Guard) -> Vec<String> {
    let mut guard = Guard::new(options.clone()).unwrap();
    let (mut said, mut now) = (Vec::new(), Timestamp::from_nanos(1_000_000_007));
    let mut asked = Vec::new();
    for (number, bytes) in body.chunks(chunk).enumerate() {
        now = now + Span::from_millis(7);
        said.push(told(&guard.feed(bytes, now).unwrap(), &mut asked));
        if number % 5 == 0 {
            now = now + Span::from_secs(31);
            said.push(told(&guard.tick(now).unwrap(), &mut asked));
        }
        guard = between(guard, options);
        assert_eq!(guard.tick_at().is_some(), !said.last().unwrap().contains("tick_at: None"));
        if number % 3 == 1 {
            judge(&mut guard, &mut asked, now, &mut said);
            guard = between(guard, options);
        }
    }
    if guard.holds() {
        said.push(told(&guard.ask_rest(now).unwrap(), &mut asked));
        guard = between(guard, options);
        judge(&mut guard, &mut asked, now, &mut said);
    }
    let is_over = said.last().is_some_and(|last| last.contains("halted: true"));
    let (decision, summary) = guard.finish(if is_over { Close::Stopped } else { Close::Clean }, now).unwrap();
    said.extend([format!("{decision:?}"), format!("{summary:?}")]);
    said
}

fn told(decision: &Decision<'_>, asked: &mut Vec<u64>) -> String {
    asked.extend(decision.held.iter().map(|held| held.id));
    format!("{decision:?}")
}

/// Lets pass what waits, the latest first.
fn judge(guard: &mut Guard, asked: &mut Vec<u64>, now: Timestamp, said: &mut Vec<String>) {
    let waiting: Vec<u64> = guard.waiting().map(|held| held.id).collect();
    for id in asked.drain(..).rev().filter(|id| waiting.contains(id)) {
        said.push(format!("{:?}", guard.release(id, now).unwrap()));
    }
}

fn restored(guard: Guard, options: &Options) -> Guard {
    let bytes = guard.snapshot(b"beside").unwrap();
    let settings = Options { settings: options.settings.clone(), ..Options::default() };
    let (guard, beside) = Guard::restore(&bytes, settings, None).unwrap();
    assert_eq!(beside, b"beside");
    assert_eq!(guard.snapshot(&beside).unwrap(), bytes);
    guard
}

fn options(json: &str) -> Options {
    let started = Some(Timestamp::from_nanos(1_000_000_000));
    Options { settings: Settings::from_json(json).unwrap(), started, ..Options::default() }
}

#[test]
fn every_recording_goes_on_at_every_cut() {
    let Some(streams) = recorded::folder("streams") else { return };
    let plain = r#"{"shadow": true, "budget": {"output_tokens": 50, "wall_time_s": 90, "warn_at": 0.5}}"#;
    let mut read = 0;
    for folder in std::fs::read_dir(streams).unwrap() {
        let folder = folder.unwrap().path();
        for file in folder.is_dir().then(|| std::fs::read_dir(&folder).unwrap()).into_iter().flatten() {
            let file = file.unwrap().path();
            let body = std::fs::read(&file).unwrap();
            let beginning = body.get(..if read % 8 == 0 { 250 } else { 0 }).unwrap_or(&body);
            let beginnings = [(plain, End::None, beginning, 1)].into_iter();
            let ways = WAITING
                .iter()
                .cycle()
                .skip(read)
                .take(if recorded::is_whole() { 2 } else { 1 })
                .map(|(json, end)| (*json, *end));
            let ways = [(plain, End::None)].into_iter().chain(ways).map(|(json, end)| {
                let chunk = body.len().div_ceil(if json == plain || !recorded::is_whole() { 8 } else { 23 }).max(1);
                (json, end, body.as_slice(), chunk)
            });
            for (json, end, part, chunk) in beginnings.chain(ways) {
                let options = Options { end, ..options(json) };
                if end == End::Finish && options.settings.hold.is_some() {
                    continue;
                }
                let (whole, cut) =
                    (said(part, chunk, &options, |guard, _| guard), said(part, chunk, &options, restored));
                let differs = whole.iter().zip(&cut).find(|(whole, cut)| whole != cut);
                assert_eq!(differs, None, "{} in chunks of {chunk} under {json}", file.display());
            }
            read += 1;
        }
    }
    assert!(read > 100, "{read} recordings");
}

#[test]
fn loops_of_every_view_are_found_across_a_cut() {
    let days: String = (1..30).map(|day| format!("Day {day}: I woke up early and had breakfast.\\n")).collect();
    let prose =
        "So the answer is that we have to look at the sun again. We look at the sun, and so the answer is that. ";
    for text in
        ["I am done. ".repeat(30), days, prose.repeat(20), "```\\nx = 1\\n".to_owned() + &"y += x\\n".repeat(200)]
    {
        let mut body = String::new();
        for letters in text.as_bytes().chunks(9) {
            let content = String::from_utf8_lossy(letters).replace('\n', "\\n");
            body += &format!(
                "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}}}}]}}\n\n"
            );
        }
        for json in ["{}", r#"{"shadow": true}"#, r#"{"repeat": {"exact": "warn"}}"#] {
            let options = options(json);
            let (whole, cut) = (
                said(body.as_bytes(), 150, &options, |guard, _| guard),
                said(body.as_bytes(), 150, &options, restored),
            );
            assert_eq!(whole, cut);
        }
    }
}

#[test]
fn a_run_of_an_agent_goes_on_at_every_step() {
    let settings = Settings::default();
    let (mut whole, mut cut) =
        (AgentChecks::new(settings.clone()).unwrap(), AgentChecks::new(settings.clone()).unwrap());
    for step in 0..60 {
        let (tool, arguments) = ([("search", "{\"q\":1}"), ("read", "{}")][usize::from(step % 7 > 4)], "");
        let text = if step % 9 == 8 { format!("new {step}") } else { "Error: no such file".to_owned() };
        let message = format!("I will look at the harbour again now, number {}", step / 20);
        for step in [
            Step::Call { id: None, tool: tool.0, arguments: tool.1 },
            Step::Result { id: None, tool: None, text: &text, failed: None },
            Step::Message { agent: arguments, text: &message },
        ] {
            assert_eq!(format!("{:?}", whole.push(step)), format!("{:?}", cut.push(step)));
            cut = AgentChecks::restore(&cut.snapshot(), settings.clone()).unwrap();
        }
    }
    assert_eq!(whole.summary(), cut.summary());
    assert!(!whole.summary().findings.is_empty());
}

#[test]
fn times_go_on_from_another_clock() {
    let mut guard = Guard::new(options("{}")).unwrap();
    guard.feed(b"data: {}\n\n", Timestamp::from_nanos(2_000_000_000)).unwrap();
    let here = guard.tick_at().unwrap() - Timestamp::from_nanos(2_000_000_000);
    let elsewhere = Timestamp::from_nanos(-77);
    let bytes = guard.snapshot(&[]).unwrap();
    let (moved, _) = Guard::restore(&bytes, options("{}"), Some(elsewhere)).unwrap();
    assert_eq!(moved.tick_at().unwrap() - elsewhere, here);
}

#[test]
fn what_is_no_snapshot_of_this_guard_is_refused_with_its_cause() {
    let mut guard = Guard::new(options("{}")).unwrap();
    guard.push_text(ChannelKind::Text, "I am done. ", Timestamp::from_nanos(0)).unwrap();
    let bytes = guard.snapshot(&[]).unwrap();
    let fault = |bytes: &[u8], json: &str| match Guard::restore(bytes, options(json), None).map(|_| ()) {
        Err(Error::Snapshot { fault }) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(b"", "{}"), SnapshotFault::None);
    assert_eq!(fault(b"PK\x03\x04", "{}"), SnapshotFault::None);
    for end in 1..bytes.len() {
        assert!(matches!(fault(&bytes[..end], "{}"), SnapshotFault::Cut { given, .. } if given == end), "{end}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(fault(&longer, "{}"), SnapshotFault::Changed);
    for at in (bytes.len() / 2..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert_eq!(fault(&changed, "{}"), SnapshotFault::Changed, "{at}");
    }
    assert_eq!(fault(&bytes, r#"{"repeat": {"near": "off"}}"#), SnapshotFault::OtherSettings);
    let run = AgentChecks::new(Settings::default()).unwrap().snapshot();
    assert_eq!(fault(&run, "{}"), SnapshotFault::OtherKind { of: "AgentChecks", wanted: "a Guard" });
    let redacts = r#"{"redact": {"rules": ["email"]}}"#;
    assert_eq!(fault(&bytes, redacts), SnapshotFault::OtherSettings);
    guard.finish(Close::Clean, Timestamp::from_nanos(1)).unwrap();
    assert_eq!(guard.snapshot(&[]), Err(Error::Finished));
}

const SECRETS: [&str; 5] = [
    "Write to bob.miller@example.org, or call +49 170 1234567. ",
    "Der Schlüssel ist AKIAIOSFODNN7EXAMPLE und die IBAN DE89 3702 0044 0532 0130 00 ist. ",
    "card 4111 1111 1111 1111, bearer Authorization: Bearer abcdefghijklmnop.qrstuvwxyz012345 ",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----",
    "日本語 a@b.example と bob@example.com。 ",
];

#[test]
fn text_with_secrets_goes_on_at_every_byte() {
    for (json, end) in WAITING {
        let secrets = SECRETS.concat();
        let content = serde_json::to_string(&secrets).unwrap();
        let (first, second) = content.split_at(content.char_indices().nth(40).unwrap().0);
        let event = |content: &str| {
            format!(
                "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{content}}}}}]}}\r\n\r\n"
            )
        };
        let arguments =
            serde_json::to_string(&format!("{{\"to\": \"{}\", \"n\": 4111111111111111}}", "bob@example.org")).unwrap();
        let call = format!(
            "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":0,\"id\":\"a\",\"function\":{{\"name\":\"mail\",\"arguments\":{arguments}}}}}]}}}}]}}\r\n\r\n"
        );
        let body = event(&format!("{first}\"")) + &event(&format!("\"{second}")) + &call + "data: [DONE]\r\n\r\n";
        let options = Options { end, ..options(json) };
        for chunk in [1, 7] {
            let (whole, cut) = (
                said(body.as_bytes(), chunk, &options, |guard, _| guard),
                said(body.as_bytes(), chunk, &options, restored),
            );
            let differs = whole.iter().zip(&cut).find(|(whole, cut)| whole != cut);
            assert_eq!(differs, None, "{json} in chunks of {chunk}");
        }
    }
}

/// The same of text that the caller has, or of a socket's messages.
fn said_of_pushes(pieces: &[&str], as_json: bool, options: &Options, keeps: bool) -> Vec<String> {
    let mut guard = Guard::new(options.clone()).unwrap();
    let (mut said, mut asked, mut now) = (Vec::new(), Vec::new(), Timestamp::from_nanos(5));
    for (number, piece) in pieces.iter().enumerate() {
        now = now + Span::from_millis(400);
        let decision = match as_json {
            true => guard.push_json(piece, now).unwrap(),
            false => guard.push_text(ChannelKind::Text, piece, now).unwrap(),
        };
        said.push(told(&decision, &mut asked));
        if number % 4 == 3 {
            said.push(told(&guard.tick(now).unwrap(), &mut asked));
            judge(&mut guard, &mut asked, now, &mut said);
        }
        guard = if keeps { restored(guard, options) } else { guard };
    }
    let is_over = said.last().is_some_and(|last| last.contains("halted: true"));
    let (decision, summary) = guard.finish(if is_over { Close::Stopped } else { Close::Clean }, now).unwrap();
    said.extend([format!("{decision:?}"), format!("{summary:?}")]);
    said
}

#[test]
fn pushed_text_goes_on_at_every_character() {
    let text = SECRETS.concat() + &"I am done. ".repeat(12);
    let pieces: Vec<&str> = text.char_indices().map(|(at, letter)| &text[at..at + letter.len_utf8()]).collect();
    for (json, _) in WAITING {
        let options = options(json);
        assert_eq!(said_of_pushes(&pieces, false, &options, false), said_of_pushes(&pieces, false, &options, true));
    }
}

#[test]
fn messages_of_a_socket_go_on_with_their_end() {
    let created = r#"{"type":"response.created","response":{"id":"r1","status":"in_progress","temperature":0.8}}"#;
    let delta = r#"{"type":"response.output_text.delta","response_id":"r1","item_id":"i1","output_index":0,"content_index":0,"delta":"I am done. "}"#;
    let messages: Vec<&str> = [created].into_iter().chain(std::iter::repeat_n(delta, 20)).collect();
    for end in End::ALL {
        let options = Options { end, framing: Framing::WebSocket, ..options("{}") };
        let whole = said_of_pushes(&messages, true, &options, false);
        assert_eq!(whole, said_of_pushes(&messages, true, &options, true));
        assert_eq!(end != End::None, whole[whole.len() - 2].contains("forward: Bytes"), "{whole:?}");
    }
}

/// Bytes before the checksum's end, and those behind it.
fn parts(bytes: &[u8]) -> (usize, &[u8]) {
    let mut at = b"midstream snapshot\n".len() + 1 + env!("CARGO_PKG_VERSION").len();
    let sealed = at;
    for _ in ["length", "checksum"] {
        at += bytes[at..].iter().position(|byte| *byte < 0x80).unwrap() + 1;
    }
    (sealed, &bytes[at..])
}

fn sealed(head: &[u8], state: &[u8]) -> Vec<u8> {
    let mut bytes = head.to_vec();
    for mut number in [state.len() as u64, crc32fast::hash(state).into()] {
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }
    bytes.extend(state);
    bytes
}

#[test]
fn foreign_state_under_a_right_checksum_costs_no_panic_and_little_memory() {
    let mut seed = 0x2026_1121_u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below.max(1)
    };
    let (mut restored, mut refused) = (0, 0);
    for (json, end) in WAITING {
        let options = Options { end, ..options(json) };
        let mut guard = Guard::new(options.clone()).unwrap();
        let text = SECRETS.concat().replace('"', "");
        let event = |text: &str| {
            let text = text.replace('\n', "\\n");
            format!(
                "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\ndata: {{"
            )
        };
        guard.feed(event(&text).as_bytes(), Timestamp::from_nanos(9)).unwrap();
        let bytes = guard.snapshot(&[]).unwrap();
        let (head, state) = parts(&bytes);
        for _ in 0..400 {
            let mut state = state.to_vec();
            for _ in 0..=random(4) {
                let at = random(state.len());
                match random(4) {
                    0 => state[at] = random(256) as u8,
                    1 => state[at] ^= 1 << random(8),
                    2 => state.insert(at, 0xFF),
                    _ => _ = state.remove(at),
                }
            }
            let foreign = sealed(&bytes[..head], &state);
            let mut back = None;
            let used = allocation_counter::measure(|| back = Guard::restore(&foreign, options.clone(), None).ok());
            assert!(used.bytes_max < 4 << 20, "{} bytes", used.bytes_max);
            match back {
                Some((mut guard, _)) => {
                    restored += 1;
                    let _ = guard.feed(b"}\n\n", Timestamp::from_nanos(10));
                    let _ = guard.finish(Close::Clean, Timestamp::from_nanos(11));
                }
                None => refused += 1,
            }
        }
    }
    assert!(restored > 100 && refused > 100, "{restored} restored, {refused} refused");
}

#[test]
fn a_state_with_any_byte_changed_is_refused_or_goes_on() {
    let body = "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"I am done. I am done. Write to bob@example\"}}]}\n\ndata: {";
    for (json, end) in WAITING {
        let options = Options { end, ..options(json) };
        let mut guard = Guard::new(options.clone()).unwrap();
        guard.feed(body.as_bytes(), Timestamp::from_nanos(1)).unwrap();
        let bytes = guard.snapshot(&[]).unwrap();
        let (head, state) = parts(&bytes);
        for (at, changed) in (0..state.len()).flat_map(|at| [(at, 0), (at, 0xD0)]).filter(|(at, to)| state[*at] != *to)
        {
            let mut state = state.to_vec();
            state[at] = changed;
            let Ok((mut guard, _)) = Guard::restore(&sealed(&bytes[..head], &state), options.clone(), None) else {
                continue;
            };
            let _ = guard.feed(b"}\n\n", Timestamp::from_nanos(2));
            if let Ok((_, summary)) = guard.finish(Close::Clean, Timestamp::from_nanos(3)) {
                assert_eq!(summary.anomalies.count(Anomaly::AnalysisFailed), 0, "{changed} at {at} under {json}");
            }
        }
    }
}
