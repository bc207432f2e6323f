//! Every recording with secrets planted in its texts: what passes is the recording with their replacements.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "this test reads recordings from files")]
#![expect(clippy::unwrap_used, reason = "a recording that cannot be read fails the test")]

mod recorded;
mod redacted;
mod secrets;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use midstream_stream::redact::{Redactor, Rule, RuleSet};
use midstream_stream::{Anomaly, Options, Summary, UsageSource};
use redacted::Run;
use secrets::Random;
use serde_json::{Value, json};

static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| Arc::new(RuleSet::new(&Rule::all_built_in()).unwrap()));

#[test]
fn recordings_say_the_same_with_rules() {
    let mut wrong = Vec::new();
    for (file, entry) in recordings() {
        let body = std::fs::read(&file).unwrap();
        let (plain, run) = (read(&body, &entry, None), read(&body, &entry, Some(&RULES)));
        if plain.summary.anomalies.count(Anomaly::BadJson) > 0 {
            assert_eq!(run.findings, ["redact/unreadable - None"], "{}", file.display());
            continue;
        }
        let passed = read(&run.passed, &entry, None);
        let expected = said(&plain, |text| RULES.redact(text));
        if said(&passed, str::to_owned) != expected {
            wrong.push(format!(
                "{}: {:?}\n {}\n {expected}",
                file.display(),
                run.findings,
                said(&passed, str::to_owned)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Recordings of streams of bytes, with their entries in the index; none where the folder is missing, which is said.
fn recordings() -> Vec<(PathBuf, Value)> {
    let Some(streams) = recorded::folder("streams") else { return Vec::new() };
    let index = std::fs::read_to_string(streams.join("index.jsonl")).unwrap();
    let entries = index.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_bytes = entries.filter(|entry| !entry["framing"].as_str().unwrap_or_default().starts_with("websocket"));
    of_bytes.map(|entry| (streams.join(entry["file"].as_str().unwrap()), entry)).collect()
}

fn read(body: &[u8], entry: &Value, rules: Option<&Arc<RuleSet>>) -> Run {
    Run::with(body, body.len().max(1), options(entry, rules))
}

fn options(entry: &Value, rules: Option<&Arc<RuleSet>>) -> Options {
    let content_type = entry["content_type"].as_str().map(str::to_owned);
    let mut options = Options { content_type, rules: rules.cloned(), ..Options::default() };
    options.settings.repeat.exact = None;
    options.settings.repeat.counter = None;
    options
}

/// What a stream says, as `redact` leaves it.
fn said(run: &Run, redact: impl Fn(&str) -> String + Copy) -> Value {
    let is_tool = |id: &str| id.contains("/tool");
    let texts = run.texts.iter().filter(|(id, _)| !is_tool(id)).map(|(id, text)| (id.clone(), json!(redact(text))));
    let calls = run.summary.tool_calls.iter().map(|call| {
        let arguments = serde_json::from_str(&call.arguments)
            .map_or_else(|_| json!(redact(&call.arguments)), |arguments| strings(arguments, redact));
        json!({"name": call.name, "arguments": arguments, "complete": call.complete})
    });
    let Summary { usage, .. } = &run.summary;
    json!({
        "dialect": run.summary.dialect,
        "ending": run.summary.ending.state,
        "texts": texts.collect::<serde_json::Map<_, _>>(),
        "finish_reasons": run.summary.finish_reasons,
        "calls": calls.collect::<Vec<_>>(),
        "usage": [usage.input, usage.output.filter(|_| usage.source == UsageSource::Reported)],
    })
}

/// A value with its strings as `redact` leaves them.
fn strings(value: Value, redact: impl Fn(&str) -> String + Copy) -> Value {
    match value {
        Value::String(text) => redact(&text).into(),
        Value::Array(list) => list.into_iter().map(|value| strings(value, redact)).collect(),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (redact(&name), strings(value, redact))).collect())
        }
        other => other,
    }
}

/// Characters of a text that are read one by one at most.
const READ: usize = 1_000;

#[test]
fn text_without_secrets_is_held_for_less_than_eight_characters() {
    let (mut held, mut read, mut found) = (0, 0, BTreeMap::<&str, usize>::new());
    for (file, entry) in recordings() {
        for text in self::read(&std::fs::read(&file).unwrap(), &entry, None).texts.values() {
            let mut redactor = Redactor::new(Arc::clone(&RULES));
            let (mut released, mut redactions, mut of_text) = (String::new(), Vec::new(), 0);
            for character in text.chars().take(READ) {
                redactor.push(character.encode_utf8(&mut [0; 4]), &mut released, &mut redactions);
                of_text += redactor.held();
            }
            redactions.iter().for_each(|one| *found.entry(RULES.name(one.rule)).or_default() += 1);
            if redactions.is_empty() {
                held += of_text;
                read += text.chars().take(READ).count();
            }
        }
    }
    eprintln!("{held} bytes held over {read} characters; in other texts {found:?}; rules of {} bytes", RULES.bytes());
    assert!(held <= 8 * read, "{held} bytes held over {read} characters");
}

/// Secrets to plant, with spaces around them that keep them apart from other words.
const SECRETS: [(&str, &str); 3] = [
    (" jane.doe@example.org, ", " [EMAIL], "),
    (" 4111 1111 1111 1111; ", " [CARD]; "),
    (" hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345 ", " [HUGGING_FACE_TOKEN] "),
];

/// Bytes of a chunk.
const SIZES: [usize; 3] = [1, 7, 301];

#[test]
fn secrets_planted_between_two_fragments_are_replaced_in_every_other_recording() {
    assert_planted_are_replaced(0);
}

#[test]
fn secrets_planted_between_two_fragments_are_replaced_in_the_recordings_between() {
    assert_planted_are_replaced(1);
}

/// Nothing of a secret passes that is planted in a half of the recordings: two halves take all cores of a small machine.
fn assert_planted_are_replaced(half: usize) {
    let (mut wrong, mut planted, mut random) = (Vec::new(), 0, Random(half as u64));
    let cases: Vec<_> = (0..SECRETS.len())
        .flat_map(|secret| (3..SECRETS[secret].0.len() - 3).step_by(5).enumerate().map(move |case| (secret, case)))
        .collect();
    for (number, (file, entry)) in recordings().into_iter().skip(half).step_by(2).enumerate() {
        let body = std::fs::read(&file).unwrap();
        let plain = read(&body, &entry, None);
        if plain.summary.anomalies.count(Anomaly::BadJson) > 0 {
            continue;
        }
        let mut drawn = vec![cases[number % cases.len()]];
        drawn.extend((body.len() < 20_000).then(|| random.one(&cases)));
        for (number, (at, cut)) in if recorded::is_whole() { &cases[..] } else { &drawn } {
            let (secret, replacement) = SECRETS[*number];
            let Some(with) = plant(&body, &entry, &plain, number + at, secret, *cut) else { continue };
            planted += 1;
            let size = [random.one(&SIZES)];
            let sizes = if recorded::is_whole() { &SIZES[..] } else { &size };
            if let Err(fault) = check(&with, &entry, &plain, (secret, *cut, replacement), sizes) {
                wrong.push(format!("{}, {secret:?} cut at {cut}: {fault}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {planted} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(planted > 50 || recordings().is_empty(), "only {planted} could be planted");
}

#[test]
fn secrets_beside_the_text_of_every_frame_are_replaced_wherever_the_stream_ends() {
    let (mut wrong, mut planted, mut random) = (Vec::new(), 0, Random(2));
    for (file, entry) in recordings() {
        let Ok(body) = String::from_utf8(std::fs::read(&file).unwrap()) else { continue };
        let beside = r#"{"label":"jane.doe@example.org","hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345":4111111111111111,"#;
        let of_line = |line: &str| match line.find('{') {
            Some(at) if matches!(&line[..at], "" | "data: " | "data:") && !line[at..].starts_with("{}") => {
                [&line[..at], beside, &line[at + 1..]].concat()
            }
            _ => line.to_owned(),
        };
        let lines: Vec<String> = body.split_inclusive('\n').map(of_line).collect();
        let with: String = lines.concat();
        if !with.contains(beside) {
            continue;
        }
        planted += 1;
        let ends = [lines.len() / 3, lines.len() / 2, lines.len()];
        let one = [random.one(&ends)];
        for &end in if recorded::is_whole() { &ends[..] } else { &one } {
            let run = read(lines[..end].concat().as_bytes(), &entry, Some(&RULES));
            let passed = String::from_utf8_lossy(&run.passed);
            for secret in ["jane.doe", "hf_AbCdEfGh", "4111111111111111"] {
                if passed.contains(secret) || run.said.contains(secret) {
                    wrong.push(format!("{}, {end} lines: {secret:?} passed", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {planted} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(planted > 20 || recordings().is_empty(), "only {planted} could be planted");
}

fn check(
    body: &[u8],
    entry: &Value,
    plain: &Run,
    (secret, cut, replacement): (&str, usize, &str),
    sizes: &[usize],
) -> Result<(), String> {
    let before = read(body, entry, None);
    if before.texts == plain.texts {
        return Err("the secret is not there".into());
    }
    let whole = read(body, entry, Some(&RULES));
    let passed = read(&whole.passed, entry, None);
    let expected = said(&before, |text| RULES.redact(text));
    if said(&passed, str::to_owned) != expected {
        return Err(format!("passed\n {}\n {expected}\n {:?}", said(&passed, str::to_owned), whole.findings));
    }
    if said(&whole, str::to_owned)["texts"] != expected["texts"] {
        return Err("events say something else than what passed".into());
    }
    let inside = secret.trim_matches([' ', ',', ';']);
    let passed = String::from_utf8_lossy(&whole.passed);
    let halves =
        [&inside[..inside.len() / 2], &inside[inside.len() / 2..], &inside[..cut - 1], &secret[cut..inside.len() + 1]];
    for part in halves.into_iter().filter(|part| part.len() > 3) {
        let count = |text: &str| text.matches(part).count();
        if count(&passed) > count(&String::from_utf8_lossy(&plain.passed)) || whole.said.contains(part) {
            return Err(format!("{part:?} passed"));
        }
    }
    if !passed.contains(replacement.trim()) {
        return Err("no replacement".into());
    }
    for &size in sizes {
        let run = Run::with(body, size, options(entry, Some(&RULES)));
        if run.passed != whole.passed || run.texts != whole.texts || run.findings != whole.findings {
            return Err(format!("in chunks of {size} another stream"));
        }
    }
    Ok(())
}

/// The body with a secret whose first `cut` bytes stand at the end of one fragment and the others at the beginning of the
/// next one, and whole in every copy of the channel's text. `number` chooses the place.
fn plant(body: &[u8], entry: &Value, plain: &Run, number: usize, secret: &str, cut: usize) -> Option<Vec<u8>> {
    let fragments: Vec<_> =
        redacted::fragments(body, options(entry, None)).into_iter().filter(|fragment| fragment.is_editable).collect();
    let pairs: Vec<(usize, usize)> = (0..fragments.len())
        .filter_map(|first| {
            let channel = &fragments[first].channel;
            let second = (first + 1..fragments.len()).find(|second| fragments[*second].channel == *channel)?;
            Some((first, second))
        })
        .filter(|(_, second)| fragments[*second].takes_text)
        .collect();
    let (first, second) = *pairs.get(number * 7 % pairs.len().max(1))?;
    let (head, tail) = (&secret[..cut], &secret[cut..]);
    let mut edits = vec![
        (fragments[first].json.end as usize..fragments[first].json.end as usize, head.to_owned()),
        (fragments[second].json.start as usize..fragments[second].json.start as usize, tail.to_owned()),
    ];
    let channel = &fragments[first].channel;
    let text: String = fragments.iter().filter(|one| one.channel == *channel).map(|one| one.text.as_str()).collect();
    let before: String =
        fragments[..=first].iter().filter(|one| one.channel == *channel).map(|one| one.text.as_str()).collect();
    if text != plain.texts[channel] {
        return None;
    }
    // Copies of the whole text, and of all of it so far.
    let full = json_inside(&text);
    let changed = json_inside(&format!("{before}{secret}{}", &text[before.len()..]));
    let whole = in_place(body);
    for (at, _) in whole.match_indices(&format!("\"{full}\"")) {
        let inside = at + 1..at + 1 + full.len();
        if fragments.iter().all(|one| !(one.json.start as usize..one.json.end as usize).contains(&inside.start)) {
            edits.push((inside, changed.clone()));
        }
    }
    let is_fragment =
        |at: usize| fragments.iter().any(|one| (one.json.start as usize..=one.json.end as usize).contains(&at));
    let mut so_far = String::new();
    for (number, fragment) in fragments.iter().enumerate().filter(|(_, one)| one.channel == *channel) {
        so_far.push_str(&fragment.text);
        let (start, end) = (fragment.frame.start as usize, fragment.frame.end as usize);
        let frame = in_place(&body[start..end]);
        let mut copy = |of: String, with: String| {
            for (at, _) in frame.match_indices(&format!("\"{of}\"")) {
                let is_value = frame[..at].trim_end().ends_with(':');
                let at = start + at + 1;
                if is_value && !is_fragment(at) && edits.iter().all(|(range, _)| range.start != at) {
                    edits.push((at..at + of.len(), with.clone()));
                }
            }
        };
        let json = json_inside(&fragment.text);
        match number {
            _ if number == first => copy(json.clone(), json + head),
            _ if number == second => copy(json.clone(), tail.to_owned() + &json),
            _ => {}
        }
        if number > first && so_far != fragment.text {
            let rest = &so_far[before.len()..];
            copy(json_inside(&so_far), json_inside(&format!("{before}{secret}{rest}")));
        } else if number == first && so_far != fragment.text {
            copy(json_inside(&so_far), json_inside(&format!("{so_far}{head}")));
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    let is_binary = plain.summary.framing == "aws-eventstream";
    Some(if is_binary { edited_messages(body, &edits) } else { edited(body, 0..body.len(), &edits) })
}

/// A part of a body with its edits, which are in the order of the body.
fn edited(body: &[u8], part: Range<usize>, edits: &[(Range<usize>, String)]) -> Vec<u8> {
    let (mut out, mut end) = (Vec::new(), part.start);
    for (range, text) in edits.iter().filter(|(range, _)| part.contains(&range.start)) {
        out.extend_from_slice(&body[end..range.start]);
        out.extend_from_slice(text.as_bytes());
        end = range.end;
    }
    out.extend_from_slice(&body[end..part.end]);
    out
}

/// The same for messages of an AWS event stream, with their lengths and checksums.
fn edited_messages(body: &[u8], edits: &[(Range<usize>, String)]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < body.len() {
        let length = u32::from_be_bytes(body[at..at + 4].try_into().unwrap()) as usize;
        let mut message = edited(body, at..at + length, edits);
        let length_now = (message.len() as u32).to_be_bytes();
        message[..4].copy_from_slice(&length_now);
        let checksum = crc32fast::hash(&message[..8]).to_be_bytes();
        message[8..12].copy_from_slice(&checksum);
        let end = message.len() - 4;
        let checksum = crc32fast::hash(&message[..end]).to_be_bytes();
        message[end..].copy_from_slice(&checksum);
        out.extend(message);
        at += length;
    }
    out
}

/// Bytes as text in which everything stands at the same place; what is no text is replaced byte by byte.
fn in_place(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect(),
    }
}

fn json_inside(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}
