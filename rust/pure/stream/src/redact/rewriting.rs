use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::arguments::Arguments;
use super::names::{Reading, holds_arguments, is_arguments, is_count};
use super::redactor::{Redaction, Redactor};
use super::rule_set::RuleSet;
use super::scan::{Level, Scan, Token, escape};
use super::spelling::Released;
use super::template::{empty, is_list_of_others, is_list_of_tokens};
use crate::json;
use crate::keep::{Keep, Kept, Source, State};

/// A fragment in the data of a frame, and what is released in its place.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// Its lane's place among the lanes.
    pub(super) lane: usize,
    /// Where the text stands: inside a string's quotes, or all of the data.
    pub(super) at: Range<usize>,
    /// Where in the texts of the frame the released text stands.
    pub(super) text: Range<usize>,
    /// It is not what the frame says.
    pub(super) is_changed: bool,
}

crate::keep::keep!(struct Placed { lane, at, text, is_changed });

/// Writes a frame's data anew: fragments as their channels released them, all else with its matches replaced.
#[derive(Clone, Debug)]
pub(super) struct Rewriting {
    rules: Arc<RuleSet>,
    plain: Redactor,
    arguments: Arguments,
    /// Reads lists of tokens, from frame to frame.
    tokens: Redactor,
    /// Where in the frame such lists stand.
    lists: Vec<Range<usize>>,
    /// What the tokens of a frame say.
    said: String,
    /// One of them says what may not pass.
    leaks: bool,
    levels: Vec<Level>,
    edits: Vec<(Range<usize>, Range<usize>)>,
    /// What the edits put in.
    texts: String,
    decoded: String,
    name: String,
    out: Released,
    redactions: Vec<Redaction>,
    /// Rules that matched outside of fragments.
    pub(super) found: Vec<Redaction>,
    clean: Clean,
}

/// What stands around the only fragment of the last frame, if nothing there changes: most frames have the same.
#[derive(Clone, Debug, Default)]
struct Clean {
    is_known: bool,
    head: String,
    tail: String,
}

impl Clean {
    /// What stands in `data` around a fragment at `place`, where that is known to be clean.
    fn around(&self, data: &str, place: &Range<usize>) -> bool {
        self.is_known
            && data.get(..place.start) == Some(self.head.as_str())
            && data.get(place.end..) == Some(self.tail.as_str())
    }

    fn learn(&mut self, data: &str, place: &Range<usize>) {
        if let (Some(head), Some(tail)) = (data.get(..place.start), data.get(place.end..)) {
            head.clone_into(&mut self.head);
            tail.clone_into(&mut self.tail);
            self.is_known = true;
        }
    }
}

/// What one frame would spare the next is learned anew.
impl State for Rewriting {
    fn keep_state(&self, out: &mut Kept) {
        let Self { plain, arguments, tokens, found, .. } = self;
        plain.keep_state(out);
        arguments.keep_state(out);
        tokens.keep_state(out);
        found.keep(out);
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        self.plain.take_state(from)?;
        self.arguments.take_state(from)?;
        self.tokens.take_state(from)?;
        self.found = Keep::take(from)?;
        Some(())
    }
}

impl Rewriting {
    pub(super) fn new(rules: &Arc<RuleSet>) -> Self {
        Self {
            rules: Arc::clone(rules),
            plain: Redactor::new(Arc::clone(rules)),
            arguments: Arguments::new(Arc::clone(rules)),
            tokens: Redactor::new(Arc::clone(rules)),
            lists: Vec::new(),
            said: String::new(),
            leaks: false,
            levels: Vec::new(),
            edits: Vec::new(),
            texts: String::new(),
            decoded: String::new(),
            name: String::new(),
            out: Released::default(),
            redactions: Vec::new(),
            found: Vec::new(),
            clean: Clean::default(),
        }
    }

    /// Writes `data` to `out`, unless nothing in it changes. `placed` is in the order of the data.
    pub(super) fn rewrite(&mut self, data: &str, placed: &[Placed], texts: &str, out: &mut String) -> bool {
        if let [whole] = placed
            && whole.at == (0..data.len())
        {
            out.push_str(texts.get(whole.text.clone()).unwrap_or_default());
            return whole.is_changed;
        }
        if let [only] = placed
            && self.clean.around(data, &only.at)
        {
            if only.is_changed {
                out.push_str(&self.clean.head);
                escape(texts.get(only.text.clone()).unwrap_or_default(), out);
                out.push_str(&self.clean.tail);
            }
            return only.is_changed;
        }
        if !data.trim_start().starts_with(['{', '[', '"']) {
            return self.replace_in(data, out);
        }
        self.edits.clear();
        self.texts.clear();
        let found = self.found.len();
        let is_plain = self.strings(data, placed, texts);
        self.clean.is_known = false;
        if let [only] = placed
            && is_plain
            && self.found.len() == found
        {
            self.clean.learn(data, &only.at);
        }
        if self.edits.is_empty() && !self.leaks {
            return false;
        }
        self.clear_tokens(data);
        self.edits.sort_unstable_by_key(|(at, _)| at.start);
        let mut end = 0;
        for (at, text) in &self.edits {
            out.push_str(data.get(end..at.start).unwrap_or_default());
            out.push_str(self.texts.get(text.clone()).unwrap_or_default());
            end = at.end;
        }
        out.push_str(data.get(end..).unwrap_or_default());
        true
    }

    /// Writes a text that is no JSON to `out`, unless nothing in it changes.
    pub(super) fn replace_in(&mut self, text: &str, out: &mut String) -> bool {
        if text.len() < self.rules.shortest {
            return false;
        }
        self.decoded.clear();
        self.decoded.push_str(text);
        self.name.clear();
        let is_changed = self.redact(false);
        if is_changed {
            out.push_str(&self.out.text);
        }
        is_changed
    }

    /// A field of a frame as `rewrite` leaves it, of which it does not tell; `None` where it stays.
    pub(super) fn replace_in_field(&mut self, text: &str, names: bool) -> Option<&str> {
        if text.len() < self.rules.shortest {
            return None;
        }
        self.decoded.clear();
        self.decoded.push_str(text);
        self.name.clear();
        let found = self.found.len();
        let is_changed = self.matches(if names { Reading::Identifier } else { Reading::Text }, false);
        self.found.truncate(found);
        is_changed.then_some(self.out.text.as_str())
    }

    /// Looks at every string, key and number. True where each fragment was among them, and nothing that says them again, token by token.
    fn strings(&mut self, data: &str, placed: &[Placed], texts: &str) -> bool {
        let mut levels = std::mem::take(&mut self.levels);
        let mut scan = Scan::new(data, &mut levels);
        let mut placed = placed.iter().peekable();
        // How many containers are around the one that is a tool's arguments, or a list of tokens.
        let (mut arguments, mut tokens, mut others) = (None, None, None);
        let (mut missed, mut leaks) = (false, false);
        self.lists.clear();
        let mut said = std::mem::take(&mut self.said);
        said.clear();
        while let Some((token, at)) = scan.next() {
            match token {
                Token::Open { levels } => {
                    let value = data.get(at.clone()).unwrap_or_default();
                    if tokens.is_some() {
                        others = others.or(is_list_of_others(scan.key()).then_some(levels));
                    } else if arguments.is_none() && is_list_of_tokens(scan.key(), value) {
                        tokens = Some(levels);
                        self.lists.push(at);
                    } else if arguments.is_none() && is_arguments(scan.key()) {
                        arguments = Some(levels);
                    }
                }
                Token::Close { levels } => {
                    if tokens == Some(levels)
                        && let Some(list) = self.lists.last_mut()
                    {
                        list.end = at.end;
                    }
                    tokens = tokens.filter(|open| *open < levels);
                    others = others.filter(|open| *open < levels);
                    arguments = arguments.filter(|open| *open < levels);
                }
                Token::Text if tokens.is_some() => {
                    if others.is_none() && matches!(scan.key(), "text" | "token" | "tokens") {
                        let token = data.get(at).unwrap_or_default();
                        json::unescape_all(token, &mut said);
                    } else {
                        leaks |= self.says(data, at);
                    }
                }
                Token::Text => {
                    while placed.next_if(|placed| placed.at.start < at.start).is_some() {
                        missed = true;
                    }
                    if let Some(placed) = placed.next_if(|placed| placed.at == at) {
                        if placed.is_changed {
                            self.edit(at, texts.get(placed.text.clone()).unwrap_or_default());
                        }
                    } else {
                        let reading = if arguments.is_some() { Reading::Text } else { Reading::of(scan.key()) };
                        self.name_is(scan.key());
                        self.string(data, at, reading, arguments.is_none() && holds_arguments(scan.key()));
                    }
                }
                Token::Key if tokens.is_some() => leaks |= self.says(data, at),
                Token::Word if tokens.is_some() => {}
                Token::Key => {
                    self.name.clear();
                    let reading = if arguments.is_some() { Reading::Text } else { Reading::Identifier };
                    self.string(data, at, reading, false);
                }
                Token::Word if arguments.is_some() => {
                    self.name_is(scan.key());
                    self.number(data, at, Reading::Text);
                }
                Token::Word if is_count(scan.key()) => {}
                Token::Word => self.number(data, at, Reading::Identifier),
            }
        }
        self.levels = levels;
        std::mem::swap(&mut said, &mut self.decoded);
        self.leaks = !self.lists.is_empty() && (self.leaks() || leaks);
        self.said = said;
        !missed && self.lists.is_empty() && placed.next().is_none()
    }

    /// Reads the tokens of the frame; whether they say what may not pass.
    fn leaks(&mut self) -> bool {
        self.out.text.clear();
        self.out.replaced_at.clear();
        self.tokens.push(&self.decoded, &mut self.out, &mut self.found);
        self.out.text != self.decoded
    }

    /// Whether a string beside the tokens of a list is a secret for itself.
    fn says(&mut self, data: &str, at: Range<usize>) -> bool {
        self.name.clear();
        !self.is_too_short(at.len()) && {
            self.decoded.clear();
            json::unescape_all(data.get(at).unwrap_or_default(), &mut self.decoded);
            self.matches(Reading::Text, false)
        }
    }

    /// The next value is that of the member `key`.
    fn name_is(&mut self, key: &str) {
        self.name.clear();
        json::unescape_all(key, &mut self.name);
    }

    /// Whether a value of so many bytes could hold a match, be it behind its name.
    fn is_too_short(&self, length: usize) -> bool {
        // Between a name and its value are two characters at most.
        length + self.name.len() + 2 < self.rules.shortest
    }

    /// A string that is no fragment, or a key.
    fn string(&mut self, data: &str, at: Range<usize>, reading: Reading, as_arguments: bool) {
        if at.is_empty() || self.is_too_short(at.len()) {
            return;
        }
        self.decoded.clear();
        json::unescape_all(data.get(at.clone()).unwrap_or_default(), &mut self.decoded);
        if self.matches(reading, as_arguments) {
            let text = std::mem::take(&mut self.out.text);
            self.edit(at, &text);
            self.out.text = text;
        }
    }

    /// A number: one that is a secret becomes a string.
    fn number(&mut self, data: &str, at: Range<usize>, reading: Reading) {
        let number = data.get(at.clone()).unwrap_or_default();
        if self.is_too_short(at.len()) || !number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return;
        }
        self.decoded.clear();
        self.decoded.push_str(number);
        if self.matches(reading, false) {
            let start = self.texts.len();
            self.texts.extend(["\"", &self.out.text, "\""]);
            self.edits.push((at, start..self.texts.len()));
        }
    }

    /// Redacts what was decoded; says whether something is to be replaced.
    fn matches(&mut self, reading: Reading, as_arguments: bool) -> bool {
        let reading = reading.of_value(&self.decoded);
        if reading == Reading::Text {
            return self.redact(as_arguments);
        }
        if !reading.may_be_secret(self.decoded.len()) {
            return false;
        }
        let found = self.found.len();
        self.name.clear();
        let is_secret = self.redact(false)
            && self.found.get(found..).unwrap_or_default().iter().any(|one| {
                let [is_lettered, is_checked] =
                    [self.rules.lettered, self.rules.checked].map(|set| set >> one.rule & 1 == 1);
                reading.is_secret(one.length as usize, &self.decoded, is_lettered, is_checked)
            });
        if !is_secret {
            self.found.truncate(found);
        }
        is_secret
    }

    /// Redacts what was decoded; says whether something was replaced.
    fn redact(&mut self, as_arguments: bool) -> bool {
        self.out.text.clear();
        self.out.replaced_at.clear();
        self.redactions.clear();
        if as_arguments {
            self.arguments.push(&self.decoded, &mut self.out, &mut self.redactions);
            self.arguments.finish(&mut self.out, &mut self.redactions);
        } else {
            if !self.name.is_empty() {
                self.plain.lead(&self.name);
            }
            self.plain.push(&self.decoded, &mut self.out, &mut self.redactions);
            self.plain.finish(&mut self.out, &mut self.redactions);
        }
        self.found.append(&mut self.redactions);
        !self.out.replaced_at.is_empty()
    }

    fn edit(&mut self, at: Range<usize>, text: &str) {
        let start = self.texts.len();
        escape(text, &mut self.texts);
        self.edits.push((at, start..self.texts.len()));
    }

    /// Empties the lists that say the changed text again, token by token.
    fn clear_tokens(&mut self, data: &str) {
        for list in self.lists.drain(..) {
            let begin = self.texts.len();
            self.texts.push_str(empty(data.get(list.clone()).unwrap_or_default()));
            self.edits.push((list, begin..self.texts.len()));
        }
    }
}

/// Standard base64 with padding, as Bedrock writes it.
pub(super) fn encode(text: &str) -> String {
    STANDARD.encode(text)
}
