use std::ops::Range;

use midstream_series::Timestamp;
use serde::Serialize;

use crate::{ChannelIndex, EndingState};

/// A piece of text in the arena of [`Events`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text {
    start: u32,
    end: u32,
}

/// Why a choice ended, in MidStream's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The provider reported a failure as the reason.
    Error,
    /// A content filter ended it.
    Filter,
    /// The token limit was reached. Complete, though callers mistake it for truncation.
    Length,
    /// A word this version does not know; see the raw one.
    Other,
    /// The provider paused a long turn and expects to be called again.
    Pause,
    /// The model refused.
    Refusal,
    /// The model was done, or a stop sequence came.
    Stop,
    /// The model called a tool.
    Tool,
}

impl Reason {
    /// The lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Filter => "filter",
            Self::Length => "length",
            Self::Other => "other",
            Self::Pause => "pause",
            Self::Refusal => "refusal",
            Self::Stop => "stop",
            Self::Tool => "tool",
        }
    }
}

/// Where token counts come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UsageSource {
    /// Characters divided by 4, because the provider sent none.
    Estimated,
    /// The provider's own numbers.
    Reported,
    /// Nothing is known. Not the same as zero.
    #[default]
    Unknown,
}

impl UsageSource {
    /// The lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Estimated => "estimated",
            Self::Reported => "reported",
            Self::Unknown => "unknown",
        }
    }
}

/// Token counts. `None` is unknown, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tokens of the request.
    pub input: Option<u64>,
    /// Tokens generated, reasoning included where the provider includes it.
    pub output: Option<u64>,
    /// Tokens of reasoning.
    pub reasoning: Option<u64>,
    /// Input tokens read from a cache.
    pub cache_read: Option<u64>,
    /// Input tokens written to a cache.
    pub cache_write: Option<u64>,
    /// Where the numbers come from.
    pub source: UsageSource,
}

impl Usage {
    /// What this response and those before it cost together. A number that only one of them has counts as it is.
    pub(crate) fn plus(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        Self {
            input: sum(self.input, other.input),
            output: sum(self.output, other.output),
            reasoning: sum(self.reasoning, other.reasoning),
            cache_read: sum(self.cache_read, other.cache_read),
            cache_write: sum(self.cache_write, other.cache_write),
            source: if self.source == UsageSource::Unknown { other.source } else { self.source },
        }
    }

    /// Takes over every number `later` has: reports are cumulative, they replace and are never added.
    pub(crate) fn replace_by(&mut self, later: Self) {
        self.input = later.input.or(self.input);
        self.output = later.output.or(self.output);
        self.reasoning = later.reasoning.or(self.reasoning);
        self.cache_read = later.cache_read.or(self.cache_read);
        self.cache_write = later.cache_write.or(self.cache_write);
        self.source = later.source;
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EventKind {
    /// Sound arrived.
    Audio {
        /// Decoded length in bytes.
        bytes: u64,
    },
    /// A source was cited.
    Citation,
    /// The stream ended; the last event.
    End {
        /// How.
        state: EndingState,
    },
    /// The provider reported an error inside the stream.
    Error {
        /// Its code or type; empty where it gave none.
        code: Text,
        /// Its message; empty where it gave none.
        message: Text,
        /// A retry may help (overload, rate limit, time-out, server error).
        retryable: bool,
    },
    /// A choice, message, response or turn ended.
    Finish {
        /// Which one, from 0.
        choice: u32,
        /// Why.
        reason: Reason,
        /// The provider's own word; empty where it gave none.
        raw: Text,
    },
    /// An event with no meaning for the checks: unknown, a full-text copy, metadata.
    Other {
        /// The provider's name of it; empty where it has none.
        name: Text,
    },
    /// A keep-alive.
    Ping,
    /// A fragment of reasoning.
    Reasoning {
        /// The decoded fragment.
        text: Text,
        /// The provider signs it, so it must never be edited.
        signed: bool,
    },
    /// A fragment of a refusal.
    Refusal {
        /// The decoded fragment.
        text: Text,
    },
    /// A tool that the provider runs itself began.
    ServerTool {
        /// Its name.
        name: Text,
    },
    /// The response began.
    Start {
        /// The provider's id; empty where it gave none.
        id: Text,
        /// The model's name; empty where it gave none.
        model: Text,
    },
    /// A fragment of the answer.
    Text {
        /// The decoded fragment.
        text: Text,
    },
    /// A fragment of a tool call's arguments.
    ToolArgs {
        /// The decoded fragment of JSON text.
        fragment: Text,
    },
    /// A tool call is whole.
    ToolEnd {
        /// Its arguments are valid JSON; `None` where they passed a limit and were not kept.
        valid_json: Option<bool>,
    },
    /// A tool call began.
    ToolStart {
        /// The provider's call id; the channel's id where it gave none.
        call: Text,
        /// The tool's name.
        name: Text,
    },
    /// Token counts of the response so far; a stream may hold several.
    Usage(Usage),
}

impl EventKind {
    /// The snake_case name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Audio { .. } => "audio",
            Self::Citation => "citation",
            Self::End { .. } => "end",
            Self::Error { .. } => "error",
            Self::Finish { .. } => "finish",
            Self::Other { .. } => "other",
            Self::Ping => "ping",
            Self::Reasoning { .. } => "reasoning",
            Self::Refusal { .. } => "refusal",
            Self::ServerTool { .. } => "server_tool",
            Self::Start { .. } => "start",
            Self::Text { .. } => "text",
            Self::ToolArgs { .. } => "tool_args",
            Self::ToolEnd { .. } => "tool_end",
            Self::ToolStart { .. } => "tool_start",
            Self::Usage(_) => "usage",
        }
    }

    /// The text that checks read: of an answer, reasoning, refusal or tool arguments.
    pub const fn checked_text(&self) -> Option<Text> {
        match self {
            Self::Reasoning { text, .. } | Self::Refusal { text } | Self::Text { text } => Some(*text),
            Self::ToolArgs { fragment } => Some(*fragment),
            _ => None,
        }
    }
}

/// One thing that happened in a stream, in the same terms for every provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Counts the stream's events from 0.
    pub sequence: u64,
    /// The channel it belongs to, if any.
    pub channel: Option<ChannelIndex>,
    /// When its last byte arrived.
    pub at: Timestamp,
    /// The bytes of the raw stream it was read from, its frame's delimiter included.
    pub bytes: Range<u64>,
    /// For text: the bytes between the quotes of its JSON string in the raw stream, where they are contiguous.
    pub json: Option<Range<u64>>,
    /// What happened.
    pub kind: EventKind,
}

/// The events of one call and the arena their texts live in. Cleared and used again by the next call.
#[derive(Clone, Debug, Default)]
pub struct Events {
    pub(crate) list: Vec<Event>,
    pub(crate) arena: String,
}

impl Events {
    /// The text of a span of this arena; empty for a span of another.
    pub fn text(&self, text: Text) -> &str {
        self.arena.get(text.start as usize..text.end as usize).unwrap_or_default()
    }

    /// What the arena holds from the first event's text on.
    pub(crate) fn texts(&self) -> &str {
        let first = self.list.iter().find_map(|event| event.kind.checked_text());
        first.and_then(|text| self.arena.get(text.start as usize..)).unwrap_or_default()
    }

    /// The events, oldest first.
    pub fn iter(&self) -> std::slice::Iter<'_, Event> {
        self.list.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.arena.clear();
    }

    pub(crate) fn store(&mut self, text: &str) -> Text {
        let start = self.arena.len();
        self.arena.push_str(text);
        self.stored_since(start)
    }

    pub(crate) fn stored_since(&self, start: usize) -> Text {
        Text { start: start as u32, end: self.arena.len() as u32 }
    }
}

impl<'a> IntoIterator for &'a Events {
    type Item = &'a Event;
    type IntoIter = std::slice::Iter<'a, Event>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

crate::keep::keep!(
    enum Reason {
        Error,
        Filter,
        Length,
        Other,
        Pause,
        Refusal,
        Stop,
        Tool,
    }
);
crate::keep::keep!(
    enum UsageSource {
        Estimated,
        Reported,
        Unknown,
    }
);
crate::keep::keep!(struct Usage { input, output, reasoning, cache_read, cache_write, source });
