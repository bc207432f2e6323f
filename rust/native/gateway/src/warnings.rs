//! Warnings inside an answer, where its format allows an event more.

use bytes::Bytes;
use midstream_stream::{Action, Decision, Dialect};
use serde_json::json;

/// Warnings that wait for the next border of events.
pub(crate) struct Warnings {
    dialect: Dialect,
    waiting: Vec<Bytes>,
}

impl Warnings {
    /// `None` for a format that allows no event more: a reader of the others numbers them, or takes each for text.
    pub(crate) fn of(dialect: Option<Dialect>) -> Option<Self> {
        let dialect = dialect?;
        let is_open = matches!(dialect, Dialect::AnthropicMessages | Dialect::OpenaiChat | Dialect::OpenaiCompletions);
        is_open.then(|| Self { dialect, waiting: Vec::new() })
    }

    /// Takes the warnings of a decision.
    pub(crate) fn take(&mut self, decision: &Decision<'_>) {
        for finding in decision.findings.iter().filter(|finding| finding.action == Action::Warn) {
            // What was seen stays out: text around it may be held or redacted.
            let warning = json!({"check": finding.check, "kind": finding.kind, "explanation": finding.explanation});
            let event = match self.dialect {
                Dialect::AnthropicMessages => {
                    format!("event: midstream\ndata: {}\n\n", json!({"type": "midstream", "warning": warning}))
                }
                dialect => {
                    let is_chat = dialect == Dialect::OpenaiChat;
                    let object = if is_chat { "chat.completion.chunk" } else { "text_completion" };
                    let chunk = json!({"object": object, "choices": [], "midstream": {"warning": warning}});
                    format!("data: {chunk}\n\n")
                }
            };
            self.waiting.push(event.into());
        }
    }

    /// Those that may pass behind `bytes`; none behind the answer's end.
    pub(crate) fn behind(&mut self, bytes: &[u8], is_over: bool) -> Vec<Bytes> {
        let is_border = bytes.ends_with(b"\n\n") || bytes.ends_with(b"\r\n\r\n");
        if is_border && !is_over { std::mem::take(&mut self.waiting) } else { Vec::new() }
    }
}
