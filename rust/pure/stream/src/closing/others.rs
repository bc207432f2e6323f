//! Ollama, watsonx, Replicate, xAI and the Model Context Protocol: one message says it all.

use serde_json::{Value, json};

use super::wire::Message;
use super::{Ends, Told, openai};

pub(super) struct Mcp;
pub(super) struct Ollama;
pub(super) struct Replicate;
pub(super) struct Watsonx;
pub(super) struct XaiGrpc;

crate::keep::keep!(
    struct Mcp {}
);
crate::keep::keep!(
    struct Ollama {}
);
crate::keep::keep!(
    struct Replicate {}
);
crate::keep::keep!(
    struct Watsonx {}
);
crate::keep::keep!(
    struct XaiGrpc {}
);

impl Ends for Mcp {
    /// The id of the request is not in the stream.
    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        let error = json!({"code": -32000, "message": told.message, "data": {"midstream": told.midstream}});
        vec![Message::json("message", json!({"jsonrpc": "2.0", "id": null, "error": error}))]
    }

    fn finish(&self, _: &Told<'_>) -> Option<Vec<Message>> {
        None
    }
}

impl Ends for Ollama {
    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        vec![Message::json("", json!({"error": told.message, "midstream": told.midstream}))]
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        let mut line = openai::scalars(&told.first);
        line.remove("thinking");
        if line.insert("response".into(), "".into()).is_none() {
            line.remove("response");
            line.insert("message".into(), json!({"role": "assistant", "content": ""}));
        }
        line.insert("done".into(), true.into());
        line.insert("done_reason".into(), "length".into());
        line.insert("midstream".into(), told.midstream.clone());
        Some(vec![Message::json("", Value::Object(line))])
    }
}

impl Ends for Replicate {
    /// A failed run says why, and then that it is done.
    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        let done = json!({"reason": "error", "midstream": told.midstream});
        vec![Message::text("error", told.message.clone()), Message::json("done", done)]
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        Some(vec![Message::json("done", json!({"reason": "length", "midstream": told.midstream}))])
    }
}

impl Ends for Watsonx {
    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        let error = json!([{"code": told.code, "message": told.message}]);
        vec![Message::json("error", json!({"errors": error, "message": told.message, "midstream": told.midstream}))]
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        let result = |_: &u32| json!({"generated_text": "", "generated_token_count": 0, "input_token_count": 0, "stop_reason": "max_tokens"});
        let mut chunk = openai::scalars(&told.first);
        chunk.insert("results".into(), told.lanes.iter().map(result).collect());
        chunk.insert("midstream".into(), told.midstream.clone());
        Some(vec![Message::json("message", Value::Object(chunk))])
    }
}

impl Ends for XaiGrpc {
    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        let error = json!({"code": told.code, "message": told.message});
        vec![Message::json("", json!({"error": error, "midstream": told.midstream}))]
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        let output = |index: &u32| json!({"index": index, "delta": {"role": "ROLE_ASSISTANT"}, "finish_reason": "REASON_MAX_LEN"});
        let mut chunk = openai::scalars(&told.of_first("chunk"));
        chunk.insert("outputs".into(), told.lanes.iter().map(output).collect());
        Some(vec![Message::json("", json!({"chunk": chunk, "midstream": told.midstream}))])
    }
}
