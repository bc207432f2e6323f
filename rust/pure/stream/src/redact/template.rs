use std::ops::Range;

use super::names::belongs;
use super::rewriting::{Placed, Rewriting, encode};
use super::scan::{escape, value_end};

/// A frame that carried a string of a channel, to make one more like it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    /// The frame's name.
    pub(crate) name: String,
    /// Its raw bytes before its data, and behind them.
    pub(crate) head: Vec<u8>,
    pub(crate) tail: Vec<u8>,
    pub(super) data: String,
    /// The string's place in `data`, without quotes; all of `data` where that is no JSON.
    pub(super) place: Range<usize>,
    /// Data that carries `data` as base64, and where.
    pub(super) outer: Option<(String, Range<usize>)>,
}

impl Template {
    /// Data of a frame that carries `text` where this one had its own, and nothing else that says anything.
    pub(super) fn with(&self, text: &str, rewriting: &mut Rewriting) -> String {
        let inner = match self.place == (0..self.data.len()) {
            true => text.to_owned(),
            false => copy(&self.data, &self.place, text, rewriting),
        };
        match &self.outer {
            Some((outer, place)) => copy(outer, place, &encode(&inner), rewriting),
            None => inner,
        }
    }
}

/// Copies `json` with `text` as the string at `place`, and what stays beside it redacted.
fn copy(json: &str, place: &Range<usize>, text: &str, rewriting: &mut Rewriting) -> String {
    let mut copied = Copy { json, place, text, out: String::new(), at: 0..0 };
    copied.value(0, "", Level::Root);
    let Copy { out, at, .. } = copied;
    let mut redacted = String::new();
    let placed = Placed { lane: usize::MAX, at, text: 0..0, is_changed: false };
    if rewriting.rewrite(&out, &[placed], "", &mut redacted) { redacted } else { out }
}

/// Where in the frame an object stands.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Root,
    Inside,
}

/// Copies what leads to one string and says what it belongs to.
///
/// Readers add up what fragments of one answer say, so that a name, a role or an id of a call must not come twice.
struct Copy<'a> {
    json: &'a str,
    place: &'a Range<usize>,
    text: &'a str,
    out: String,
    /// Where in `out` the text stands.
    at: Range<usize>,
}

impl Copy<'_> {
    /// Copies the value at `at`, which holds the string. `key` is its own.
    fn value(&mut self, at: usize, key: &str, level: Level) {
        let at = at + self.blanks(at);
        match self.json.as_bytes().get(at) {
            Some(b'{') => self.object(at + 1, key, level),
            Some(b'[') => self.array(at + 1, key),
            _ => {
                self.out.push('"');
                let start = self.out.len();
                escape(self.text, &mut self.out);
                self.at = start..self.out.len();
                self.out.push('"');
            }
        }
    }

    fn object(&mut self, mut at: usize, parent: &str, level: Level) {
        self.out.push('{');
        let mut is_first = true;
        loop {
            at += self.blanks(at);
            if self.json.as_bytes().get(at) != Some(&b'"') {
                break;
            }
            let behind_key = value_end(self.json, at);
            let key = self.json.get(at + 1..behind_key.saturating_sub(1)).unwrap_or_default();
            let start = behind_key + self.blanks(behind_key);
            let end = value_end(self.json, start);
            let leads = (start..end).contains(&self.place.start);
            let value = self.json.get(start..end).unwrap_or_default();
            if leads || stays(key, value, parent, level) {
                if !std::mem::take(&mut is_first) {
                    self.out.push(',');
                }
                self.out.push_str(self.json.get(at..start).unwrap_or_default());
                match leads {
                    true => self.value(start, key, Level::Inside),
                    false if is_list_of_tokens(key, value) => self.out.push_str(empty(value)),
                    false => self.out.push_str(value),
                }
            }
            at = end;
        }
        self.out.push('}');
    }

    fn array(&mut self, mut at: usize, key: &str) {
        self.out.push('[');
        loop {
            at += self.blanks(at);
            if matches!(self.json.as_bytes().get(at), None | Some(b']')) {
                break;
            }
            let end = value_end(self.json, at);
            if (at..end).contains(&self.place.start) {
                self.value(at, key, Level::Inside);
            }
            at = end.max(at + 1);
        }
        self.out.push(']');
    }

    /// White space, commas and colons at `at`.
    fn blanks(&self, at: usize) -> usize {
        let rest = self.json.get(at..).unwrap_or_default();
        rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', ',', ':']).len()
    }
}

/// Whether a member beside those that lead to the string comes into the copy.
fn stays(key: &str, value: &str, parent: &str, level: Level) -> bool {
    if is_list_of_tokens(key, value) {
        return true;
    }
    match value.as_bytes().first() {
        Some(b'{' | b'[') => false,
        Some(b'"') => belongs(key, parent, level == Level::Root),
        _ => true,
    }
}

/// Whether the member, whose value begins with `value`, says again, token by token, what the text says.
pub(super) fn is_list_of_tokens(key: &str, value: &str) -> bool {
    // Counts of tokens have that name too.
    matches!(key, "logprobs" | "logprobsResult" | "token_ids") || (key == "tokens" && value.starts_with('['))
}

/// Whether a list says which tokens could have stood in the place of others.
pub(super) fn is_list_of_others(key: &str) -> bool {
    matches!(key, "topCandidates" | "top_logprobs")
}

/// Nothing, in the shape of `value`.
pub(super) fn empty(value: &str) -> &'static str {
    if value.starts_with('[') { "[]" } else { "null" }
}

crate::keep::keep!(struct Template { name, head, tail, data, place, outer });
