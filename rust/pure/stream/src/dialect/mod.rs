//! Frames to events: one file per provider format.

use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::keep::State;
use crate::settings::by_name;
use crate::{Anomaly, ChannelKind, Error};

mod alike;
mod anthropic_messages;

#[cfg(test)]
mod any_frame_tests;
mod bedrock_converse;
mod bedrock_invoke;
mod cohere;
mod cohere_first;
mod failure;
mod foreign;
mod gemini;
mod gemini_arguments;
mod gemini_interactions;
mod gemini_live;
mod gemini_parts;
mod given;
mod langchain;
mod llama_cpp;
mod mcp;
mod ollama;
mod openai;
mod openai_assistants;
mod openai_calls;
mod openai_chat;
mod openai_completions;
mod openai_delta;
mod openai_items;
mod openai_realtime;
mod openai_responses;
mod openai_wire;
mod payload;
mod reading;
mod replicate;
#[cfg(test)]
pub(crate) mod sample;
mod sniff;
mod text;
mod watsonx;
mod xai_grpc;

pub(crate) use reading::Reading;

/// A provider's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Anthropic messages.
    AnthropicMessages,
    /// Told by the first frames.
    #[default]
    Auto,
    /// Amazon Bedrock's converse stream.
    BedrockConverse,
    /// Amazon Bedrock's invoke stream: the model's own format in base64.
    BedrockInvoke,
    /// Cohere chat, versions 1 and 2.
    Cohere,
    /// Gemini generateContent.
    Gemini,
    /// Gemini Interactions.
    GeminiInteractions,
    /// Gemini Live over WebSocket.
    GeminiLive,
    /// LangChain's message chunks, of any provider.
    Langchain,
    /// Model Context Protocol over HTTP.
    Mcp,
    /// Ollama chat and generate.
    Ollama,
    /// Nothing is known: bytes, timing and close.
    Opaque,
    /// OpenAI assistants, threads and runs.
    OpenaiAssistants,
    /// OpenAI chat completions and all that follow them.
    OpenaiChat,
    /// OpenAI completions.
    OpenaiCompletions,
    /// OpenAI Realtime over WebSocket.
    OpenaiRealtime,
    /// OpenAI Responses.
    OpenaiResponses,
    /// Replicate: plain text in server-sent events.
    Replicate,
    /// Plain text.
    Text,
    /// IBM watsonx text generation.
    Watsonx,
    /// xAI gRPC chunks as JSON.
    XaiGrpc,
}

impl Dialect {
    /// Every dialect, in the order of its name.
    pub const ALL: [Self; 21] = [
        Self::AnthropicMessages,
        Self::Auto,
        Self::BedrockConverse,
        Self::BedrockInvoke,
        Self::Cohere,
        Self::Gemini,
        Self::GeminiInteractions,
        Self::GeminiLive,
        Self::Langchain,
        Self::Mcp,
        Self::Ollama,
        Self::Opaque,
        Self::OpenaiAssistants,
        Self::OpenaiChat,
        Self::OpenaiCompletions,
        Self::OpenaiRealtime,
        Self::OpenaiResponses,
        Self::Replicate,
        Self::Text,
        Self::Watsonx,
        Self::XaiGrpc,
    ];

    /// The name in settings and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnthropicMessages => "anthropic-messages",
            Self::Auto => "auto",
            Self::BedrockConverse => "bedrock-converse",
            Self::BedrockInvoke => "bedrock-invoke",
            Self::Cohere => "cohere",
            Self::Gemini => "gemini",
            Self::GeminiInteractions => "gemini-interactions",
            Self::GeminiLive => "gemini-live",
            Self::Langchain => "langchain",
            Self::Mcp => "mcp",
            Self::Ollama => "ollama",
            Self::Opaque => "opaque",
            Self::OpenaiAssistants => "openai-assistants",
            Self::OpenaiChat => "openai-chat",
            Self::OpenaiCompletions => "openai-completions",
            Self::OpenaiRealtime => "openai-realtime",
            Self::OpenaiResponses => "openai-responses",
            Self::Replicate => "replicate",
            Self::Text => "text",
            Self::Watsonx => "watsonx",
            Self::XaiGrpc => "xai-grpc",
        }
    }

    /// The dialect of that name.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        by_name("dialect", name, &Self::ALL, Self::name)
    }
}

/// Reads one provider's frames.
pub(crate) trait Parse: Send + State {
    /// Says what proves an end in this format; called once, before the first frame.
    fn begin(&mut self, emit: &mut Emit<'_>);

    /// Reads one frame. It never fails: what is unknown or malformed becomes an anomaly and an `Other` event.
    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>);

    /// Where a frame that differs from `frame`, the last one, in its only fragment alone says the same of another text:
    /// the name of its event while that text is held. `kind` is that of the fragment's channel.
    fn says_again<'a>(&self, frame: &Frame<'a>, kind: ChannelKind) -> Option<&'a str> {
        let _ = (frame, kind);
        None
    }
}

/// A parser of `dialect`; `Auto` and `Opaque` read nothing but errors.
pub(crate) fn parser(dialect: Dialect) -> Box<dyn Parse> {
    match dialect {
        Dialect::AnthropicMessages => Box::new(anthropic_messages::AnthropicMessages::default()),
        Dialect::OpenaiChat => Box::new(openai_chat::OpenaiChat::default()),
        Dialect::OpenaiAssistants => Box::new(openai_assistants::OpenaiAssistants::default()),
        Dialect::OpenaiCompletions => Box::new(openai_completions::OpenaiCompletions::default()),
        Dialect::OpenaiRealtime => Box::new(openai_realtime::OpenaiRealtime::default()),
        Dialect::OpenaiResponses => Box::new(openai_responses::OpenaiResponses::default()),
        Dialect::BedrockConverse => Box::new(bedrock_converse::BedrockConverse::default()),
        Dialect::BedrockInvoke => Box::new(bedrock_invoke::BedrockInvoke::default()),
        Dialect::Cohere => Box::new(cohere::Cohere),
        Dialect::Gemini => Box::new(gemini::Gemini::default()),
        Dialect::GeminiInteractions => Box::new(gemini_interactions::GeminiInteractions::default()),
        Dialect::GeminiLive => Box::new(gemini_live::GeminiLive::default()),
        Dialect::Langchain => Box::new(langchain::Langchain::default()),
        Dialect::Ollama => Box::new(ollama::Ollama::default()),
        Dialect::Mcp => Box::new(mcp::Mcp::default()),
        Dialect::Replicate => Box::new(replicate::Replicate),
        Dialect::Text => Box::new(text::Text),
        Dialect::Watsonx => Box::new(watsonx::Watsonx),
        Dialect::XaiGrpc => Box::new(xai_grpc::XaiGrpc::default()),
        _ => Box::new(Opaque),
    }
}

/// The dialect that a frame shows, `None` where it could be several.
pub(crate) fn sniff(frame: &Frame<'_>) -> Option<Dialect> {
    openai::sniff(frame)
        .or_else(|| sniff::outside_openai(frame))
        .or_else(|| replicate::sniff(frame))
        .or_else(|| watsonx::sniff(frame))
        .or_else(|| xai_grpc::sniff(frame))
        .or_else(|| mcp::sniff(frame))
        .or_else(|| openai::sniff_error(frame))
}

/// The dialect of a body that ended before any frame showed one; `None` where there is no sign at all.
pub(crate) fn likely(frame: &Frame<'_>) -> Option<Dialect> {
    openai::sniff_beginning(frame)
}

/// Knows nothing of the format: every frame is an `Other` event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opaque;

impl Parse for Opaque {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().accept_clean_close();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if frame.data.trim().is_empty() && frame.kind == FrameKind::Message {
            return emit.ping();
        }
        let claims_json = frame.data.starts_with(['{', '[']) && frame.data != "[DONE]";
        if claims_json && serde_json::from_str::<serde::de::IgnoredAny>(frame.data).is_err() {
            emit.anomaly(Anomaly::BadJson);
        } else if let Some(failure) = failure::of_any_shape(frame.data) {
            return failure.emit(emit);
        } else {
            emit.end().content();
        }
        emit.other(frame.name);
    }
}

crate::keep::keep!(
    enum Dialect {
        AnthropicMessages,
        Auto,
        BedrockConverse,
        BedrockInvoke,
        Cohere,
        Gemini,
        GeminiInteractions,
        GeminiLive,
        Langchain,
        Mcp,
        Ollama,
        Opaque,
        OpenaiAssistants,
        OpenaiChat,
        OpenaiCompletions,
        OpenaiRealtime,
        OpenaiResponses,
        Replicate,
        Text,
        Watsonx,
        XaiGrpc,
    }
);
crate::keep::keep!(
    struct Opaque {}
);
