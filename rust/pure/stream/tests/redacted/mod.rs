//! What a guard makes of a whole stream.
#![allow(dead_code, reason = "each test uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

pub(crate) mod tickets;

use std::collections::BTreeMap;
use std::sync::Arc;

use midstream_series::Timestamp;
use midstream_stream::redact::RuleSet;
use midstream_stream::{Close, Decision, EventKind, Forward, Guard, Options, Summary};

/// What a guard made of a stream.
#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    /// The bytes that it passed.
    pub(crate) passed: Vec<u8>,
    /// The text of its events, by channel.
    pub(crate) texts: BTreeMap<String, String>,
    /// Check, kind, channel and onset of each finding.
    pub(crate) findings: Vec<String>,
    /// Everything else that it said.
    pub(crate) said: String,
    pub(crate) summary: Summary,
}

impl Run {
    /// In chunks of `size` bytes; without rules nothing is redacted.
    pub(crate) fn of(body: &[u8], size: usize, rules: Option<&Arc<RuleSet>>) -> Self {
        Self::with(body, size, Options { rules: rules.cloned(), ..Options::default() })
    }

    /// In chunks of `size` bytes.
    pub(crate) fn with(body: &[u8], size: usize, options: Options) -> Self {
        let mut guard = Guard::new(options).unwrap();
        let mut seen = Seen::default();
        for chunk in body.chunks(size) {
            seen.decision(&guard.feed(chunk, Timestamp::from_nanos(0)).unwrap(), chunk);
        }
        let (decision, summary) = guard.finish(Close::Clean, Timestamp::from_nanos(0)).unwrap();
        seen.decision(&decision, b"");
        let Seen { passed, texts, findings, mut said } = seen;
        said += &summary.to_json();
        Self { passed, texts, findings, said, summary }
    }

    /// What it passed, as text.
    pub(crate) fn passed(&self) -> &str {
        str::from_utf8(&self.passed).unwrap()
    }
}

#[derive(Default)]
struct Seen {
    passed: Vec<u8>,
    texts: BTreeMap<String, String>,
    findings: Vec<String>,
    said: String,
}

impl Seen {
    fn decision(&mut self, decision: &Decision<'_>, chunk: &[u8]) {
        match decision.forward {
            Forward::Same => self.passed.extend_from_slice(chunk),
            Forward::Bytes(bytes) => self.passed.extend_from_slice(bytes),
            Forward::Nothing => {}
        }
        for event in decision.events {
            if let EventKind::Error { code, message, .. } = event.kind {
                self.said.extend([decision.events.text(code), decision.events.text(message), "\n"]);
            }
            let (Some(channel), Some(text)) = (event.channel, event.kind.checked_text()) else { continue };
            let id = decision.channels.get(channel).unwrap().id.clone();
            self.texts.entry(id).or_default().push_str(decision.events.text(text));
        }
        for finding in decision.findings {
            let place = finding.channel.as_deref().unwrap_or("-");
            self.findings.push(format!("{}/{} {place} {:?}", finding.check, finding.kind, finding.onset));
            self.said.extend([finding.evidence.as_str(), finding.explanation.as_str(), "\n"]);
        }
    }
}

/// A fragment of text as it stands in the body.
#[derive(Debug)]
pub(crate) struct Fragment {
    pub(crate) channel: String,
    pub(crate) text: String,
    /// Between the quotes of its string.
    pub(crate) json: std::ops::Range<u64>,
    /// The frame it stands in.
    pub(crate) frame: std::ops::Range<u64>,
    /// It stands in the body as one piece.
    pub(crate) is_editable: bool,
    /// Text may be put before it: it is no JSON, or the middle of one of its strings.
    pub(crate) takes_text: bool,
}

/// The fragments of a stream, in order.
pub(crate) fn fragments(body: &[u8], options: Options) -> Vec<Fragment> {
    let mut guard = Guard::new(options).unwrap();
    let (mut fragments, mut so_far) = (Vec::new(), BTreeMap::<String, String>::new());
    let decision = guard.feed(body, Timestamp::from_nanos(0)).unwrap();
    for event in decision.events {
        let (Some(channel), Some(text)) = (event.channel, event.kind.checked_text()) else { continue };
        let channel = decision.channels.get(channel).unwrap().id.clone();
        let text = decision.events.text(text).to_owned();
        let before = so_far.entry(channel.clone()).or_default();
        let is_signed = matches!(event.kind, EventKind::Reasoning { signed: true, .. });
        let takes_text = !is_signed && (!channel.contains("/tool") || is_in_string(before));
        before.push_str(&text);
        let json = event.json.clone();
        let is_editable = json.is_some();
        let frame = event.bytes.clone();
        fragments.push(Fragment { channel, text, frame, json: json.unwrap_or_default(), is_editable, takes_text });
    }
    fragments
}

/// Whether JSON text ends inside a string, and not inside an escape.
fn is_in_string(text: &str) -> bool {
    let (mut inside, mut escaped) = (false, false);
    for character in text.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => inside = !inside,
            _ => {}
        }
    }
    inside && !escaped
}
