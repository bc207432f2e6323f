//! The event that the gateway asks for and its client does not: the usage at the end of OpenAI's chat.
//!
//! It comes behind the last finish reason. Until then bytes pass unread; from there on an event passes when it is whole.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// No event with nothing but usage is longer.
const MAX_EVENT: usize = 64 << 10;

/// Takes that event out; every other byte passes.
#[derive(Default)]
pub(crate) struct Hidden {
    /// The last bytes that came, to know where an event ends.
    tail: Vec<u8>,
    /// An event that is not whole.
    held: Vec<u8>,
    /// The event ended with a carriage return, whose line feed may follow; whether the event passed.
    after_return: Option<bool>,
    /// The event that comes is too long to be held.
    is_passing: bool,
}

/// A chunk without choices.
#[derive(Deserialize)]
struct Chunk {
    choices: Vec<IgnoredAny>,
    usage: Option<IgnoredAny>,
}

impl Hidden {
    /// What passes of these bytes; `is_told` once the answer's end was told.
    pub(crate) fn pass(&mut self, bytes: Bytes, is_told: bool) -> Bytes {
        if !is_told && self.held.is_empty() {
            let from = bytes.len().saturating_sub(TAIL);
            self.remember(bytes.get(from..).unwrap_or_default());
            return bytes;
        }
        let mut passed = Vec::with_capacity(bytes.len());
        for byte in bytes {
            self.read(byte, &mut passed);
        }
        passed.into()
    }

    /// What is left at the end of the stream.
    pub(crate) fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.held).into()
    }

    fn read(&mut self, byte: u8, passed: &mut Vec<u8>) {
        if let Some(has_passed) = self.after_return.take()
            && byte == b'\n'
        {
            self.remember(&[byte]);
            passed.extend(has_passed.then_some(byte));
            return;
        }
        // Bytes of an event that had begun to pass before anything was held go on passing.
        let is_inside = self.held.is_empty() && !ends_event(&self.tail);
        let is_passing = is_inside || self.is_passing;
        self.remember(&[byte]);
        let ends = ends_event(&self.tail);
        if is_passing {
            passed.push(byte);
            self.is_passing = !ends && self.is_passing;
            self.after_return = (ends && byte == b'\r').then_some(true);
            return;
        }
        self.held.push(byte);
        if ends {
            let is_usage = is_usage(&self.held);
            if !is_usage {
                passed.append(&mut self.held);
            }
            self.held.clear();
            self.after_return = (byte == b'\r').then_some(!is_usage);
        } else if self.held.len() > MAX_EVENT {
            passed.append(&mut self.held);
            self.is_passing = true;
        }
    }

    fn remember(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        let from = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..from);
    }
}

/// Two line ends.
const TAIL: usize = 4;

/// Whether an event ends behind these bytes: with an empty line, or because nothing came.
fn ends_event(tail: &[u8]) -> bool {
    if tail.is_empty() {
        return true;
    }
    let line = tail.strip_suffix(b"\r\n").or_else(|| tail.strip_suffix(b"\n")).or_else(|| tail.strip_suffix(b"\r"));
    line.is_some_and(|line| line.ends_with(b"\n") || line.ends_with(b"\r"))
}

fn is_usage(event: &[u8]) -> bool {
    let lines = event.split(|byte| matches!(byte, b'\n' | b'\r'));
    let data: Vec<u8> = lines.filter_map(|line| line.strip_prefix(b"data:")).flatten().copied().collect();
    serde_json::from_slice(&data).is_ok_and(|chunk: Chunk| chunk.choices.is_empty() && chunk.usage.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n";
    const FILTER: &str = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
    const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    /// What passes of a body in pieces of a size; its end is told behind so many bytes.
    fn pass(body: &str, size: usize, told_at: usize) -> String {
        let mut hidden = Hidden::default();
        let mut passed = Vec::new();
        let mut at = 0;
        for chunk in body.as_bytes().chunks(size) {
            at += chunk.len();
            passed.extend_from_slice(&hidden.pass(Bytes::copy_from_slice(chunk), at >= told_at));
        }
        passed.extend_from_slice(&hidden.rest());
        String::from_utf8(passed).unwrap()
    }

    #[test]
    fn the_usage_is_hidden_and_every_other_byte_passes() {
        for end in ["\n", "\r\n", "\r"] {
            let all = [FILTER, TEXT, TEXT, USAGE, DONE].concat().replace('\n', end);
            let rest = [FILTER, TEXT, TEXT, DONE].concat().replace('\n', end);
            let told_at = [FILTER, TEXT, TEXT].concat().replace('\n', end).len();
            for size in [1, 2, 3, 7, 50, all.len()] {
                assert_eq!(pass(&all, size, told_at), rest, "{end:?} {size}");
                assert_eq!(pass(&all, size, 1), rest, "{end:?} {size}");
            }
        }
    }

    #[test]
    fn what_is_not_whole_at_the_end_passes() {
        let all = [TEXT, "data: {\"choices\":[],"].concat();
        assert_eq!(pass(&all, 5, TEXT.len()), all);
    }

    #[test]
    fn a_long_event_passes_without_being_held() {
        let all = format!("{TEXT}data: {{\"a\":\"{}\"}}\n\n{USAGE}{DONE}", "x".repeat(MAX_EVENT));
        assert_eq!(pass(&all, 1000, TEXT.len()), all.replace(USAGE, ""));
    }
}
