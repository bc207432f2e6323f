//! The fields of the events of Responses and Realtime.

use serde::Deserialize;

use crate::ChannelKind;
use crate::json::{self, Leaf, List, Maybe};

/// One event of Responses or Realtime, with the fields that any of them has.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Leaf<'a>,
    #[serde(borrow)]
    pub(super) object: Leaf<'a>,
    #[serde(borrow)]
    pub(super) sequence_number: Leaf<'a>,
    #[serde(borrow)]
    pub(super) response_id: Leaf<'a>,
    #[serde(borrow)]
    pub(super) response: Leaf<'a>,
    #[serde(borrow)]
    pub(super) error: Leaf<'a>,
    #[serde(borrow)]
    pub(super) session: Leaf<'a>,
    #[serde(borrow)]
    pub(super) item_id: Leaf<'a>,
    #[serde(borrow)]
    pub(super) output_index: Leaf<'a>,
    #[serde(borrow)]
    pub(super) item: Leaf<'a>,
    #[serde(borrow)]
    pub(super) content_index: Leaf<'a>,
    #[serde(borrow)]
    pub(super) summary_index: Leaf<'a>,
    #[serde(borrow)]
    pub(super) delta: Leaf<'a>,
    #[serde(borrow)]
    pub(super) text: Leaf<'a>,
    #[serde(borrow)]
    pub(super) refusal: Leaf<'a>,
    #[serde(borrow)]
    pub(super) transcript: Leaf<'a>,
    #[serde(borrow)]
    pub(super) arguments: Leaf<'a>,
    #[serde(borrow)]
    pub(super) input: Leaf<'a>,
    #[serde(borrow)]
    pub(super) code: Leaf<'a>,
    #[serde(borrow)]
    pub(super) command: Leaf<'a>,
    #[serde(borrow)]
    pub(super) command_index: Leaf<'a>,
    #[serde(borrow)]
    pub(super) call_id: Leaf<'a>,
    #[serde(borrow)]
    pub(super) name: Leaf<'a>,
    #[serde(borrow)]
    pub(super) part: Leaf<'a>,
}

/// An output item.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Item<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Leaf<'a>,
    #[serde(borrow)]
    pub(super) id: Leaf<'a>,
    #[serde(borrow)]
    pub(super) call_id: Leaf<'a>,
    #[serde(borrow)]
    pub(super) name: Leaf<'a>,
    #[serde(borrow)]
    pub(super) arguments: Leaf<'a>,
    #[serde(borrow)]
    pub(super) input: Leaf<'a>,
    #[serde(borrow)]
    pub(super) code: Leaf<'a>,
    #[serde(borrow)]
    pub(super) action: Leaf<'a>,
    #[serde(borrow)]
    pub(super) operation: Leaf<'a>,
    #[serde(borrow)]
    environment: Maybe<Kind<'a>>,
    #[serde(borrow)]
    pub(super) content: List<Part<'a>>,
    #[serde(borrow)]
    pub(super) summary: List<Part<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Part<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Leaf<'a>,
    #[serde(borrow)]
    pub(super) text: Leaf<'a>,
    #[serde(borrow)]
    pub(super) refusal: Leaf<'a>,
    #[serde(borrow)]
    pub(super) transcript: Leaf<'a>,
    pub(super) annotations: List<Anything>,
}

#[derive(Deserialize)]
pub(super) struct Anything {}

/// What a fragment belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stem {
    Arguments,
    Audio,
    Code,
    Command,
    Input,
    Refusal,
    ServerArguments,
    Summary,
    Text,
    Thought,
    Transcript,
}

impl Stem {
    pub(super) fn of(stem: &str) -> Option<Self> {
        Some(match stem {
            "function_call_arguments" => Self::Arguments,
            "audio" | "output_audio" => Self::Audio,
            "code_interpreter_call_code" | "code_interpreter_call.code" => Self::Code,
            "shell_call_command" => Self::Command,
            "custom_tool_call_input" => Self::Input,
            "refusal" => Self::Refusal,
            "mcp_call_arguments" | "mcp_call.arguments" => Self::ServerArguments,
            "reasoning_summary_text" | "reasoning_summary" => Self::Summary,
            "output_text" | "text" => Self::Text,
            "reasoning_text" | "reasoning" => Self::Thought,
            "audio.transcript" | "audio_transcript" | "output_audio_transcript" => Self::Transcript,
            _ => return None,
        })
    }

    pub(super) fn channel(self) -> ChannelKind {
        match self {
            Self::Arguments | Self::Code | Self::Command | Self::Input | Self::ServerArguments => ChannelKind::Tool,
            Self::Audio => ChannelKind::Audio,
            Self::Refusal => ChannelKind::Refusal,
            Self::Summary | Self::Thought => ChannelKind::Reasoning,
            Self::Text | Self::Transcript => ChannelKind::Text,
        }
    }

    /// The field that holds the whole text in the event that closes it.
    pub(super) fn whole<'a>(self, wire: &Wire<'a>) -> Leaf<'a> {
        match self {
            Self::Arguments | Self::ServerArguments => wire.arguments,
            Self::Audio => None,
            Self::Code => wire.code,
            Self::Command => wire.command,
            Self::Input => wire.input,
            Self::Refusal => wire.refusal,
            Self::Summary | Self::Text | Self::Thought => wire.text,
            Self::Transcript => wire.transcript,
        }
    }
}

impl Item<'_> {
    /// The id that the tool's result must name.
    pub(super) fn call(&self) -> String {
        let id = json::words(self.call_id).or(self.id);
        json::string(id).unwrap_or_default().into_owned()
    }

    pub(super) fn name(&self) -> String {
        json::string(self.name).unwrap_or_default().into_owned()
    }

    /// Whether the client runs the tool. A shell may be the provider's own or the client's.
    pub(super) fn client_runs(&self, kind: &str) -> bool {
        match kind {
            "apply_patch_call" | "computer_call" | "custom_tool_call" | "function_call" | "local_shell_call" => true,
            "shell_call" => {
                let environment = self.environment.as_ref().and_then(|environment| json::string(environment.kind));
                environment.is_none_or(|kind| kind == "local")
            }
            _ => false,
        }
    }
}

crate::keep::keep!(
    enum Stem {
        Arguments,
        Audio,
        Code,
        Command,
        Input,
        Refusal,
        ServerArguments,
        Summary,
        Text,
        Thought,
        Transcript,
    }
);
