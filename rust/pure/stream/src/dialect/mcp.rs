//! Model Context Protocol over HTTP: JSON-RPC messages, one a frame. A response is the end; its text content is text.

use serde::Deserialize;

use super::failure::Failure;
use super::{Dialect, Parse, payload};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{self, Few, Leaf, Maybe};
use crate::{ChannelKey, ChannelKind, Place};

/// Requests and notifications of the server, and its responses.
#[derive(Clone, Debug, Default)]
pub(super) struct Mcp {
    responses: u32,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    method: Leaf<'a>,
    #[serde(borrow, default)]
    result: Leaf<'a>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer<'a> {
    #[serde(borrow)]
    content: Few<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    data: Leaf<'a>,
}

impl Parse for Mcp {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_mark();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let Some(message) = payload::object::<Message<'_>>(frame, emit) else { return };
        if let Some(method) = json::string(message.method) {
            return emit.other(&method);
        }
        if let Some(failure) = Failure::read(message.error) {
            return failure.emit(emit);
        }
        if message.result.is_none() {
            return payload::unknown(frame.name, emit);
        }
        let answer: Answer<'_> = json::inside(message.result);
        for part in answer.content.iter() {
            self.part(part, emit);
        }
        self.responses += 1;
        emit.end().content();
        emit.end().mark();
    }
}

impl Mcp {
    fn part(&self, part: &Part<'_>, emit: &mut Emit<'_>) {
        let key = |kind| ChannelKey::new(Place::Item, self.responses, kind);
        let kind = json::string(part.r#type).unwrap_or_default();
        match (kind.as_ref(), part.text, part.data) {
            ("text", Some(text), _) => emit.fragment(key(ChannelKind::Text), text),
            ("audio", _, Some(data)) => emit.audio(key(ChannelKind::Audio), json::base64_bytes(Some(data))),
            _ => emit.other(&kind),
        }
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    jsonrpc: Leaf<'a>,
}

/// Told by the version of JSON-RPC.
pub(super) fn sniff(frame: &Frame<'_>) -> Option<Dialect> {
    let Maybe(Some(head)) = serde_json::from_str::<Maybe<Head<'_>>>(frame.data).ok()? else { return None };
    (json::string(head.jsonrpc)? == "2.0").then_some(Dialect::Mcp)
}

crate::keep::keep!(struct Mcp { responses });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EndingState;
    use crate::dialect::sample::Sample;

    const NOTE: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;

    #[test]
    fn a_result_is_text_and_the_end() {
        assert_eq!(Sample::of(Dialect::Auto, &[NOTE]).ending().state, EndingState::Truncated);
        let result = r#"{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"a\nb"},{"type":"image","data":"AA"}]}}"#;
        let sample = Sample::of(Dialect::Auto, &[NOTE, result]);
        assert_eq!(sample.dialect, Dialect::Mcp);
        assert_eq!(sample.lines(), ["other notifications/progress", "text item:0/text a\nb", "other image"]);
        assert_eq!(sample.ending().state, EndingState::Complete);
    }

    #[test]
    fn an_error_response_is_a_failure() {
        let error = r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"no such tool"}}"#;
        let sample = Sample::of(Dialect::Auto, &[error]);
        assert_eq!(sample.only(&["error"]), ["error  no such tool"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
    }
}
