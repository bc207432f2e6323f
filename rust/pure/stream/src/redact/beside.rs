//! Texts that may stream in a frame beside those that its dialect reads: in events and members that it does not know.

use std::ops::Range;

use super::names::{holds_arguments, is_arguments, is_left};
use super::rewriting::Placed;
use super::scan::{Level, Scan, Token};
use super::template::is_list_of_tokens;
use crate::{ChannelKey, ChannelKind, Place};

/// The number of the copy that such texts are.
pub(super) const BESIDE: u8 = u8::MAX;

/// Looks for them in one frame after the other.
///
/// Frames whose texts belong together have the same type, and the texts the same path and the same numbers of choice, item
/// or block around them.
#[derive(Clone, Debug, Default)]
pub(super) struct Finder {
    levels: Vec<Level>,
    containers: Vec<Container>,
    open: Vec<usize>,
    texts: Vec<Text>,
    /// Which text of the stream stands where.
    pub(super) found: Vec<(ChannelKey, Range<usize>)>,
}

/// An object or array.
#[derive(Clone, Debug)]
struct Container {
    parent: Option<usize>,
    path: u64,
    /// Of the numbers that tell it from others of its path.
    numbers: u64,
    /// It is what a fragment adds, or stands in that.
    is_delta: bool,
    /// It is whole, or no text of the model's.
    is_whole: bool,
    /// The dialect has read a string of it.
    is_read: bool,
}

#[derive(Clone, Debug)]
struct Text {
    container: usize,
    key: Range<usize>,
    at: Range<usize>,
}

impl Finder {
    /// Fills `found` for a frame of that name; `read` is what the dialect has read of it.
    pub(super) fn find(&mut self, data: &str, name: &str, is_unknown: bool, read: &[Placed]) {
        self.found.clear();
        if !data.trim_start().starts_with(['{', '[']) || (!is_unknown && read.is_empty() && !data.contains("elta")) {
            return;
        }
        let kind = self.scan(data, name, read);
        let streams = is_unknown && !is_over(kind);
        let event = path(0xcbf2_9ce4_8422_2325, kind);
        for text in &self.texts {
            let Some(container) = self.containers.get(text.container) else { continue };
            let key = data.get(text.key.clone()).unwrap_or_default();
            let is_text = container.is_delta || is_delta(key) || (container.is_read && is_text(key)) || streams;
            if !is_text || container.is_whole || is_left(key) || is_constant(key) {
                continue;
            }
            let mut id = path(container.path, key) ^ event;
            let mut around = Some(container);
            while let Some(one) = around {
                id = mix(id, one.numbers);
                around = one.parent.and_then(|parent| self.containers.get(parent));
            }
            let kind = if holds_arguments(key) { ChannelKind::Tool } else { ChannelKind::Text };
            let key = ChannelKey::new(Place::Stream, (id >> 32) as u32, kind).part(id as u32);
            self.found.push((key, text.at.clone()));
        }
    }

    /// Lists containers and the strings in them that were not read; gives the event's type.
    fn scan<'a>(&mut self, data: &'a str, name: &'a str, read: &[Placed]) -> &'a str {
        let Self { levels, containers, open, texts, .. } = self;
        containers.clear();
        open.clear();
        texts.clear();
        let mut scan = Scan::new(data, levels);
        let mut kind = name;
        while let Some((token, at)) = scan.next() {
            let key = scan.key();
            match token {
                Token::Open { .. } => {
                    open.push(containers.len());
                    containers.push(Container::new(key, open.iter().rev().nth(1).copied(), containers));
                }
                Token::Close { .. } => {
                    open.pop();
                }
                Token::Text if open.len() == 1 && matches!(key, "type" | "event_type") => {
                    kind = data.get(at).unwrap_or_default();
                }
                Token::Text => {
                    let Some(container) = open.last().copied() else { continue };
                    if read.iter().any(|placed| placed.at == at) {
                        containers.get_mut(container).into_iter().for_each(|container| container.is_read = true);
                    } else if !at.is_empty() {
                        texts.push(Text { container, key: scan.key_at(), at });
                    }
                }
                Token::Word if key.ends_with("ndex") => {
                    let number = data.get(at).and_then(|word| word.parse().ok()).unwrap_or(u64::MAX);
                    if let Some(container) = open.last().and_then(|container| containers.get_mut(*container)) {
                        container.numbers = mix(path(container.numbers, key), number);
                    }
                }
                Token::Key | Token::Word => {}
            }
        }
        kind
    }
}

impl Container {
    fn new(key: &str, parent: Option<usize>, all: &[Self]) -> Self {
        let around = parent.and_then(|parent| all.get(parent));
        Self {
            parent,
            path: path(around.map_or(0, |around| around.path), key),
            numbers: 0,
            is_delta: around.is_some_and(|around| around.is_delta) || is_delta(key),
            is_whole: around.is_some_and(|around| around.is_whole) || is_whole(key),
            is_read: false,
        }
    }
}

/// Another number for each pair, as FNV-1a has it.
fn mix(hash: u64, with: u64) -> u64 {
    with.to_le_bytes().into_iter().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn path(hash: u64, key: &str) -> u64 {
    let hash = key.bytes().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    mix(hash, key.len() as u64)
}

/// Whether a member is what a frame adds.
fn is_delta(key: &str) -> bool {
    key == "delta" || key.ends_with("_delta") || key.ends_with("Delta")
}

/// Whether a member beside text that was read is text too, which streams like that.
fn is_text(key: &str) -> bool {
    let words = ["content", "reasoning", "refusal", "summary", "text", "thinking", "thought", "transcript"];
    words.iter().any(|word| key.contains(word)) || key.ends_with("Text") || key.ends_with("Content")
}

/// Whether a member is whole in each frame, or not the model's text.
fn is_whole(key: &str) -> bool {
    const WHOLE: [&str; 18] = [
        "annotations",
        "audio",
        "citation",
        "citations",
        "container",
        "content_block",
        "error",
        "executed_tools",
        "images",
        "item",
        "metadata",
        "part",
        "response",
        "search_results",
        "sources",
        "usage",
        "usageMetadata",
        "x_groq",
    ];
    WHOLE.contains(&key) || is_list_of_tokens(key, "[") || is_arguments(key)
}

/// Whether a string says of a text what it is and is no text itself.
pub(crate) fn is_constant(key: &str) -> bool {
    const CONSTANT: [&str; 20] = [
        "created",
        "finishReason",
        "finish_reason",
        "format",
        "kind",
        "language",
        "media_type",
        "mimeType",
        "mime_type",
        "model",
        "name",
        "phase",
        "provider",
        "role",
        "service_tier",
        "status",
        "stopReason",
        "stop_reason",
        "stop_sequence",
        "system_fingerprint",
    ];
    CONSTANT.contains(&key) || key.ends_with("_at") || key.ends_with("_type") || key.ends_with("_name")
}

/// Whether an event of that type says that something begins or ended, so that what it says is whole.
fn is_over(kind: &str) -> bool {
    const OVER: [&str; 9] = ["added", "completed", "created", "done", "end", "failed", "in_progress", "start", "stop"];
    kind.rsplit(['.', '_', '-']).next().is_some_and(|last| OVER.contains(&last)) || kind.ends_with("in_progress")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The strings that may stream, each with a number for the text that it belongs to.
    fn found(frames: &[(&str, bool)]) -> Vec<Vec<(usize, String)>> {
        let (mut finder, mut keys) = (Finder::default(), Vec::new());
        let mut number = |key: ChannelKey| match keys.iter().position(|known| *known == key) {
            Some(at) => at,
            None => {
                keys.push(key);
                keys.len() - 1
            }
        };
        let mut frame = |data: &str, is_unknown: bool| {
            finder.find(data, "", is_unknown, &[]);
            finder.found.iter().map(|(key, at)| (number(*key), data[at.clone()].to_owned())).collect()
        };
        frames.iter().map(|(data, is_unknown)| frame(data, *is_unknown)).collect()
    }

    fn texts(frame: &[(usize, String)]) -> Vec<(usize, &str)> {
        frame.iter().map(|(number, text)| (*number, text.as_str())).collect()
    }

    #[test]
    fn members_of_a_delta_stream_by_their_path_and_the_number_of_their_choice() {
        let chunk = |index: u32, text: &str| {
            format!(
                r#"{{"id":"c","model":"m","choices":[{{"index":{index},"delta":{{"role":"assistant","plan":"{text}"}}}}]}}"#
            )
        };
        let frames = [chunk(0, "a"), chunk(1, "b"), chunk(0, "c")];
        let found = found(&frames.each_ref().map(|frame| (frame.as_str(), false)));
        assert_eq!([texts(&found[0]), texts(&found[1]), texts(&found[2])], [[(0, "a")], [(1, "b")], [(0, "c")]]);
    }

    #[test]
    fn all_text_of_an_unknown_event_streams_unless_it_says_that_it_is_whole() {
        let event = |kind: &str| format!(r#"{{"type":"response.{kind}","item_id":"i","words":["a","b"]}}"#);
        let (delta, other, done) = (event("words.delta"), event("signs.delta"), event("words.done"));
        let found = found(&[(&delta, true), (&other, true), (&delta, true), (&done, true), (&delta, false)]);
        assert_eq!(texts(&found[0]), [(0, "a"), (0, "b")]);
        assert_eq!(texts(&found[1]), [(1, "a"), (1, "b")]);
        assert_eq!(texts(&found[2]), [(0, "a"), (0, "b")]);
        assert_eq!((found[3].len(), found[4].len()), (0, 0));
    }

    #[test]
    fn what_is_whole_in_a_delta_does_not_stream() {
        let frame =
            r#"{"delta":{"type":"x","citation":{"cited_text":"a"},"logprobs":[{"token":"b"}],"stop_reason":"c"}}"#;
        assert_eq!(texts(&found(&[(frame, false)])[0]), []);
    }
}
