//! A guard that was kept as bytes and brought back goes on as the one that was not, at every cut.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "this test reads recordings from files")]
#![expect(clippy::unwrap_used, reason = "a guard that cannot be made fails the test")]

use std::path::{Path, PathBuf};

use midstream_series::{Span, Timestamp};
use midstream_stream::{AgentChecks, ChannelKind, Close, Error, Guard, Options, Settings, SnapshotFault, Step};

/// All that a stream's guard says, call by call, if it is replaced behind each call by `between`.
fn said(body: &[u8], chunk: usize, options: &Options, between: impl Fn(Guard, &Options) -> Guard) -> Vec<String> {
    let mut guard = Guard::new(options.clone()).unwrap();
    let (mut said, mut now) = (Vec::new(), Timestamp::from_nanos(1_000_000_007));
    for (number, bytes) in body.chunks(chunk).enumerate() {
        now = now + Span::from_millis(7);
        said.push(format!("{:?}", guard.feed(bytes, now).unwrap()));
        if number % 5 == 0 {
            now = now + Span::from_secs(31);
            said.push(format!("{:?}", guard.tick(now).unwrap()));
        }
        guard = between(guard, options);
        assert_eq!(guard.tick_at().is_some(), !said.last().unwrap().contains("tick_at: None"));
    }
    let (decision, summary) = guard.finish(Close::Clean, now).unwrap();
    said.extend([format!("{decision:?}"), format!("{summary:?}")]);
    said
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
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let data = std::env::var_os("MIDSTREAM_DATA").map(PathBuf::from);
    let streams = data.unwrap_or_else(|| project.join("../shared/data")).join("streams");
    if !streams.is_dir() {
        eprintln!("skipped: no recordings in {}; set MIDSTREAM_DATA", streams.display());
        return;
    }
    let options = options(r#"{"shadow": true, "budget": {"output_tokens": 50, "wall_time_s": 90, "warn_at": 0.5}}"#);
    let mut read = 0;
    for folder in std::fs::read_dir(streams).unwrap() {
        let folder = folder.unwrap().path();
        for file in folder.is_dir().then(|| std::fs::read_dir(&folder).unwrap()).into_iter().flatten() {
            let file = file.unwrap().path();
            let body = std::fs::read(&file).unwrap();
            let beginning = body.get(..if read % 8 == 0 { 250 } else { 0 }).unwrap_or(&body);
            for (part, chunk) in [(body.as_slice(), body.len().div_ceil(8).max(1)), (beginning, 1)] {
                let (whole, cut) =
                    (said(part, chunk, &options, |guard, _| guard), said(part, chunk, &options, restored));
                let differs = whole.iter().zip(&cut).find(|(whole, cut)| whole != cut);
                assert_eq!(differs, None, "{} in chunks of {chunk}", file.display());
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
    assert_eq!(fault(&bytes, redacts), SnapshotFault::Redacts);
    let refused = Guard::new(options(redacts)).unwrap().snapshot(&[]);
    assert_eq!(refused, Err(Error::Snapshot { fault: SnapshotFault::Redacts }));
    guard.finish(Close::Clean, Timestamp::from_nanos(1)).unwrap();
    assert_eq!(guard.snapshot(&[]), Err(Error::Finished));
}
