use serde::Deserialize;

use super::Dialect;
use crate::decode::Frame;
use crate::json::{Leaf, Maybe, string};

/// The keys that tell providers apart.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
    #[serde(borrow, default)]
    stop_reason: Leaf<'a>,
    #[serde(borrow, default)]
    event_id: Leaf<'a>,
    #[serde(borrow, default)]
    error: Maybe<Fault<'a>>,
}

#[derive(Deserialize)]
struct Fault<'a> {
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
    #[serde(borrow, default)]
    code: Leaf<'a>,
}

/// The dialect that a frame shows, of the providers outside the OpenAI family.
pub(super) fn outside_openai(frame: &Frame<'_>) -> Option<Dialect> {
    let Maybe(Some(head)) = serde_json::from_str::<Maybe<Head<'_>>>(frame.data).ok()? else { return None };
    by_type(&string(head.r#type)?, &head)
}

fn by_type(name: &str, head: &Head<'_>) -> Option<Dialect> {
    match name {
        "content_block_delta"
        | "content_block_start"
        | "content_block_stop"
        | "message_delta"
        | "message_start"
        | "message_stop" => Some(Dialect::AnthropicMessages),
        "message" if head.stop_reason.is_some() => Some(Dialect::AnthropicMessages),
        "error" if head.event_id.is_none() => {
            let fault = head.error.as_ref()?;
            (fault.r#type.is_some() && fault.code.is_none()).then_some(Dialect::AnthropicMessages)
        }
        _ => None,
    }
}
