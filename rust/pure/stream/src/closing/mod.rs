//! The one end of a stream that a decision stopped, in the consumer's own format.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::decode::{Frame, FrameKind, Framing};
use crate::dialect::Dialect;
use crate::emit::{Emit, Known};
use crate::keep::{Keep, Kept, Source, State};
use crate::settings::by_name;
use crate::{ChannelIndex, ChannelKind, EndingState, Error, Finding};

mod anthropic;
mod assistants;
mod bedrock;
mod border;
mod cohere;
mod gemini;
mod openai;
mod others;
mod realtime;
mod responses;
mod wire;

pub(crate) use border::Border;
use wire::{Message, encode};

/// How a stream that a decision stopped ends for its consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// With the format's own error, so that an SDK raises and nobody takes it for a whole answer.
    Error,
    /// As an answer that has reached its limit of tokens; where the format has no such end, or more than 8 MiB of text
    /// came, with the error. The text is kept for it.
    Finish,
    /// With nothing: the owner closes the connection.
    #[default]
    None,
}

impl End {
    /// Every way, in the order of its name.
    pub const ALL: [Self; 3] = [Self::Error, Self::Finish, Self::None];

    /// The lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Finish => "finish",
            Self::None => "none",
        }
    }

    /// The way of that name.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        by_name("end", name, &Self::ALL, Self::name)
    }
}

/// Bytes of text and of a first frame that are kept at most; a longer answer ends with the error.
const MAX_KEPT: usize = 8 << 20;

/// The type of the error where a decision ends a stream.
const STOPPED: &str = "midstream_stopped";

/// What a consumer is told of an answer that breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken<'a> {
    /// The type of the error, in a word.
    pub code: &'a str,
    /// Why, for people.
    pub message: &'a str,
    /// How the stream ends by that.
    pub ending: EndingState,
}

/// What is known of an answer when it ends.
struct Told<'a> {
    /// `midstream_` and what ends it.
    code: &'a str,
    message: String,
    midstream: Value,
    known: &'a Known,
    /// The first frame of the answer; null where it was not kept.
    first: Value,
    texts: &'a BTreeMap<ChannelIndex, String>,
    /// The lanes that have not finished, at least one.
    lanes: Vec<u32>,
}

impl<'a> Told<'a> {
    /// The same around another first frame.
    fn with_first(&self, first: Value) -> Self {
        let Self { code, message, midstream, known, texts, lanes, .. } = self;
        let (message, midstream, lanes) = (message.clone(), midstream.clone(), lanes.clone());
        Self { code, message, midstream, known, first, texts, lanes }
    }

    /// Tokens written, reported or else estimated.
    fn output_tokens(&self) -> u64 {
        self.known.usage().output.or_else(|| self.known.estimated_tokens()).unwrap_or_default()
    }

    /// The text of all channels of a kind.
    fn text(&self, kind: ChannelKind) -> String {
        let of_kind = self.known.channels.iter().filter(|(_, channel)| channel.kind() == kind);
        of_kind.filter_map(|(index, _)| self.texts.get(&index)).map(String::as_str).collect()
    }

    /// A member of the first frame, else of what is inside it.
    fn of_first(&self, key: &str) -> Value {
        self.first.get(key).cloned().unwrap_or_default()
    }
}

/// How one format ends.
trait Ends: Send + State {
    /// Reads a frame of the stream, to know what is open.
    fn frame(&mut self, _: &Frame<'_>) {}

    /// The error of the format.
    fn error(&self, told: &Told<'_>) -> Vec<Message>;

    /// The end of an answer that has reached its limit; `None` where the format has none.
    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>>;
}

fn ends(dialect: Dialect) -> Option<Box<dyn Ends>> {
    Some(match dialect {
        Dialect::AnthropicMessages => Box::new(anthropic::Anthropic::default()),
        Dialect::Auto | Dialect::Langchain | Dialect::Opaque | Dialect::Text => return None,
        Dialect::BedrockConverse => Box::new(bedrock::Converse::default()),
        Dialect::BedrockInvoke => Box::new(bedrock::Invoke::default()),
        Dialect::Cohere => Box::new(cohere::Cohere::default()),
        Dialect::Gemini => Box::new(gemini::Gemini),
        Dialect::GeminiInteractions => Box::new(gemini::Interactions::default()),
        Dialect::GeminiLive => Box::new(gemini::Live),
        Dialect::Mcp => Box::new(others::Mcp),
        Dialect::Ollama => Box::new(others::Ollama),
        Dialect::OpenaiAssistants => Box::new(assistants::Assistants::default()),
        Dialect::OpenaiChat => Box::new(openai::Chat),
        Dialect::OpenaiCompletions => Box::new(openai::Completions),
        Dialect::OpenaiRealtime => Box::new(realtime::Realtime::default()),
        Dialect::OpenaiResponses => Box::new(responses::Responses::default()),
        Dialect::Replicate => Box::new(others::Replicate),
        Dialect::Watsonx => Box::new(others::Watsonx),
        Dialect::XaiGrpc => Box::new(others::XaiGrpc),
    })
}

/// What the end of a stream in this format needs.
struct Format {
    dialect: Dialect,
    ends: Box<dyn Ends>,
}

impl Format {
    /// `None` where the format has no end.
    fn new(dialect: Dialect) -> Option<Self> {
        ends(dialect).map(|ends| Self { dialect, ends })
    }

    fn keep_state(&self, out: &mut Kept) {
        self.dialect.keep(out);
        self.ends.keep_state(out);
    }

    fn take(from: &mut Source<'_>, is_allowed: fn(Dialect) -> bool) -> Option<Self> {
        let mut format = Self::new(Keep::take(from).filter(|dialect| is_allowed(*dialect))?)?;
        format.ends.take_state(from)?;
        Some(format)
    }
}

/// Keeps of a stream what its end needs.
pub(crate) struct Closing {
    end: End,
    format: Option<Format>,
    /// The first frame that opened the answer.
    first: Option<String>,
    texts: BTreeMap<ChannelIndex, String>,
    kept: usize,
    /// Events have names.
    named: bool,
    /// The array was opened by a bracket.
    in_array: bool,
}

impl Closing {
    /// `None` where a stream ends with nothing.
    pub(crate) fn new(end: End) -> Option<Box<Self>> {
        let texts = BTreeMap::new();
        let kept = Self { end, format: None, first: None, texts, kept: 0, named: false, in_array: false };
        (end != End::None).then(|| Box::new(kept))
    }

    /// The way that was asked for.
    pub(crate) fn end(&self) -> End {
        self.end
    }

    /// The body is an array, whose closing bracket is part of its end.
    pub(crate) fn is_array(&mut self) {
        self.in_array = true;
    }

    /// Takes note of a frame that was read.
    pub(crate) fn frame(&mut self, dialect: Dialect, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if frame.kind == FrameKind::Comment {
            return;
        }
        self.named |= !frame.name.is_empty();
        if self.format.is_none() {
            self.format = Format::new(dialect);
        }
        if self.first.is_none() && frame.kind == FrameKind::Message && emit.end().has_lanes() {
            let fits = frame.data.len() <= MAX_KEPT / 8;
            self.first = Some(if fits { frame.data.to_owned() } else { String::new() });
        }
        if let Some(format) = &mut self.format {
            format.ends.frame(frame);
        }
        if self.end == End::Finish {
            for (channel, text) in emit.texts_of_frame() {
                self.kept = self.kept.saturating_add(text.len());
                if self.kept <= MAX_KEPT {
                    self.texts.entry(channel).or_default().push_str(text);
                }
            }
        }
    }

    /// The bytes of the end that `stop` asks for; nothing where the format has none.
    pub(crate) fn bytes(&self, stop: &Finding, framing: Framing, border: &Border, known: &mut Known) -> Vec<u8> {
        let (check, kind) = (stop.check, &stop.kind);
        let message = format!("stopped by midstream: {check}/{kind}");
        let midstream = json!({"ending": "halted", "check": check, "kind": kind, "action": stop.action.name()});
        self.told((STOPPED, message, midstream), self.end == End::Finish, framing, border, known)
    }

    /// The bytes of the error of an answer that breaks off.
    pub(crate) fn broken(&self, why: &Broken<'_>, framing: Framing, border: &Border, known: &mut Known) -> Vec<u8> {
        let Broken { code, message, ending } = why;
        let told = (*code, (*message).to_owned(), json!({"ending": ending.name()}));
        self.told(told, false, framing, border, known)
    }

    fn told(
        &self,
        (code, message, midstream): (&str, String, Value),
        may_finish: bool,
        framing: Framing,
        border: &Border,
        known: &mut Known,
    ) -> Vec<u8> {
        let Some(format) = &self.format else { return Vec::new() };
        let told = Told {
            code,
            message,
            midstream,
            first: self.first.as_deref().and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default(),
            texts: &self.texts,
            lanes: known.end.open_lanes(),
            known,
        };
        let finishes = may_finish && self.kept <= MAX_KEPT && known.has_begun();
        let finish = if finishes { format.ends.finish(&told) } else { None };
        let mut messages = finish.unwrap_or_else(|| format.ends.error(&told));
        messages.iter_mut().for_each(|message| message.mask(known));
        encode(framing, &messages, self.named, self.in_array, border)
    }
}

crate::keep::keep!(
    enum End {
        Error,
        Finish,
        None,
    }
);

impl State for Closing {
    fn keep_state(&self, out: &mut Kept) {
        let Self { end, format, first, texts, kept, named, in_array } = self;
        (*end, *kept).keep(out);
        (*named, *in_array, format.is_some()).keep(out);
        first.keep(out);
        texts.keep(out);
        if let Some(format) = format {
            format.keep_state(out);
        }
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        let has_format;
        (self.end, self.kept) = Keep::take(from)?;
        (self.named, self.in_array, has_format) = Keep::take(from)?;
        self.first = Keep::take(from)?;
        self.texts = Keep::take(from)?;
        self.format = if has_format { Some(Format::take(from, |_| true)?) } else { None };
        Some(())
    }
}
