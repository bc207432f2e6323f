use serde::Serialize;
use serde::de::IgnoredAny;

use crate::{ChannelIndex, json};

/// Tool calls kept per stream at most.
const MAX_CALLS: usize = 64;
/// Bytes of arguments kept for all calls of a stream together at most.
const MAX_ARGUMENTS: usize = 8 << 20;

/// A tool call as far as it was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolCall {
    /// The provider's call id; the channel's id where it gave none.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments' JSON text as far as it came, or the free text a custom tool takes; empty where the model gave none.
    pub arguments: String,
    /// Whether the arguments are valid JSON; `None` where the tool takes free text, or they passed a limit and were not
    /// kept.
    pub valid_json: Option<bool>,
    /// Whether the call is whole. Arguments of a call that is not whole must not be executed.
    pub complete: bool,
    #[serde(skip)]
    channel: ChannelIndex,
    #[serde(skip)]
    overflowed: bool,
    #[serde(skip)]
    free_text: bool,
}

/// How a JSON text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Json {
    Cut,
    Malformed,
    Valid,
}

impl Json {
    /// No text at all means no arguments, which is valid.
    fn of(text: &str) -> Self {
        if text.trim().is_empty() {
            return Self::Valid;
        }
        match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Self::Valid,
            Err(error) if error.is_eof() => Self::Cut,
            Err(_) => Self::Malformed,
        }
    }
}

/// The tool calls of one stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tools {
    calls: Vec<ToolCall>,
    kept: usize,
}

impl Tools {
    /// Begins a call, or names one that began without a name. False where there is no room for it.
    pub(crate) fn start(&mut self, channel: ChannelIndex, id: &str, name: &str) -> bool {
        if let Some(call) = self.calls.iter_mut().find(|call| call.channel == channel) {
            if call.name.is_empty() {
                call.name.push_str(name);
            }
            return true;
        }
        if self.calls.len() == MAX_CALLS {
            return false;
        }
        self.calls.push(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: String::new(),
            valid_json: None,
            complete: false,
            channel,
            overflowed: false,
            free_text: false,
        });
        true
    }

    /// The call's tool takes free text, which is never cut or malformed JSON.
    pub(crate) fn takes_free_text(&mut self, channel: ChannelIndex) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.channel == channel) {
            call.free_text = true;
        }
    }

    /// Whether the call has arguments and they are whole JSON as they stand.
    pub(crate) fn is_whole(&self, channel: ChannelIndex) -> bool {
        let call = self.calls.iter().find(|call| call.channel == channel);
        call.is_some_and(|call| !call.arguments.trim().is_empty() && Json::of(&call.arguments) == Json::Valid)
    }

    pub(crate) fn has(&self, channel: ChannelIndex) -> bool {
        self.calls.iter().any(|call| call.channel == channel)
    }

    /// The tool's name, for settings per tool.
    pub(crate) fn name(&self, channel: ChannelIndex) -> Option<&str> {
        self.calls.iter().find(|call| call.channel == channel).map(|call| call.name.as_str())
    }

    /// A call's id, its tool and its arguments, where they were kept.
    pub(crate) fn call(&self, channel: ChannelIndex) -> Option<(&str, &str, &str)> {
        let call = self.calls.iter().find(|call| call.channel == channel && !call.overflowed)?;
        Some((&call.id, &call.name, &call.arguments))
    }

    /// Adds to a call's arguments. False where they pass the limit; then they are not kept.
    pub(crate) fn push(&mut self, channel: ChannelIndex, fragment: &str) -> bool {
        let Some(call) = self.calls.iter_mut().find(|call| call.channel == channel) else {
            return false;
        };
        if call.overflowed || self.kept + fragment.len() > MAX_ARGUMENTS {
            call.overflowed = true;
            return false;
        }
        self.kept += fragment.len();
        call.arguments.push_str(fragment);
        true
    }

    /// The provider says that the call is whole. Gives whether its JSON is valid, once.
    pub(crate) fn end(&mut self, channel: ChannelIndex) -> Option<Option<bool>> {
        let call = self.calls.iter_mut().find(|call| call.channel == channel && !call.complete)?;
        call.close();
        call.complete.then_some(call.valid_json)
    }

    /// Whether the call's arguments nest too deep for many readers of JSON.
    pub(crate) fn is_too_deep(&self, channel: ChannelIndex) -> bool {
        let call = self.calls.iter().find(|call| call.channel == channel);
        call.is_some_and(|call| !call.free_text && json::is_too_deep(&call.arguments))
    }

    /// Channels of the calls not whole yet.
    pub(crate) fn open(&self) -> impl Iterator<Item = ChannelIndex> {
        self.calls.iter().filter(|call| !call.complete).map(|call| call.channel)
    }

    /// Whether a call's arguments stop in the middle of their JSON.
    pub(crate) fn any_cut(&self) -> bool {
        self.calls.iter().any(|call| !call.complete && !call.overflowed && !call.free_text && call.json() == Json::Cut)
    }

    pub(crate) fn calls(&self) -> &[ToolCall] {
        &self.calls
    }
}

impl ToolCall {
    /// Complete unless the JSON text is cut: text that is wrong in its middle is the model's fault, not the transport's.
    fn close(&mut self) {
        if self.free_text {
            self.complete = true;
            return;
        }
        let json = self.json();
        self.valid_json = (!self.overflowed).then_some(json == Json::Valid);
        self.complete = self.overflowed || json != Json::Cut;
    }

    fn json(&self) -> Json {
        Json::of(&self.arguments)
    }
}

crate::keep::keep!(struct ToolCall { id, name, arguments, valid_json, complete, channel, overflowed, free_text });
crate::keep::keep!(struct Tools { calls, kept });

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: ChannelIndex = ChannelIndex(0);

    fn call_with(arguments: &str) -> Tools {
        let mut tools = Tools::default();
        assert!(tools.start(CHANNEL, "call_1", "search"));
        assert!(tools.push(CHANNEL, arguments));
        tools
    }

    #[test]
    fn cut_arguments_never_become_complete() {
        let mut tools = call_with(r#"{"path": "/tmp/a"#);
        assert_eq!(tools.end(CHANNEL), None);
        assert!(tools.any_cut());
        assert_eq!(tools.open().collect::<Vec<_>>(), [CHANNEL]);
    }

    #[test]
    fn malformed_arguments_are_whole_but_not_valid() {
        let mut tools = call_with("{path: 1}");
        assert_eq!(tools.end(CHANNEL), Some(Some(false)));
        assert!(!tools.any_cut());
    }

    #[test]
    fn free_text_is_never_cut_json() {
        let mut tools = call_with(r#"{"a": "#);
        tools.takes_free_text(CHANNEL);
        assert!(!tools.any_cut());
        assert_eq!(tools.end(CHANNEL), Some(None));
    }

    #[test]
    fn no_arguments_are_valid_arguments() {
        assert_eq!(call_with("").end(CHANNEL), Some(Some(true)));
    }
}
