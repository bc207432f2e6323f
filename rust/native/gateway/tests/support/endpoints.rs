//! Every endpoint, and how far its provider has come.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use midstream_gateway::{Api, UpstreamConfig};

use super::{LONGEST, Script};

/// What a client asks for, and the begin of an answer.
pub(crate) struct Endpoint {
    /// The name of its upstream, so that each has its own provider.
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) begin: &'static str,
}

const STREAMED: &str = r#"{"model":"m","stream":true,"messages":[],"prompt":"","input":""}"#;
const ONE_PIECE: &str = r#"{"model":"m","messages":[],"prompt":"","input":""}"#;
const SSE: &str = "text/event-stream";
const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";

pub(crate) const ENDPOINTS: [Endpoint; 12] = [
    Endpoint {
        name: "chat",
        method: "POST",
        path: "/v1/chat/completions",
        body: STREAMED,
        content_type: SSE,
        begin: "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n",
    },
    Endpoint {
        name: "completions",
        method: "POST",
        path: "/v1/completions",
        body: STREAMED,
        content_type: SSE,
        begin: "data: {\"id\":\"c\",\"object\":\"text_completion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"text\":\"Hi\"}]}\n\n",
    },
    Endpoint {
        name: "responses",
        method: "POST",
        path: "/v1/responses",
        body: STREAMED,
        content_type: SSE,
        begin: "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":0,\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"Hi\"}\n\n",
    },
    Endpoint {
        name: "embeddings",
        method: "POST",
        path: "/v1/embeddings",
        body: ONE_PIECE,
        content_type: JSON,
        begin: "{\"object\":\"list\",",
    },
    Endpoint {
        name: "models",
        method: "GET",
        path: "/v1/models",
        body: "",
        content_type: JSON,
        begin: "{\"object\":\"list\",",
    },
    Endpoint {
        name: "messages",
        method: "POST",
        path: "/v1/messages",
        body: STREAMED,
        content_type: SSE,
        begin: "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
    },
    Endpoint {
        name: "tokens",
        method: "POST",
        path: "/v1/messages/count_tokens",
        body: ONE_PIECE,
        content_type: JSON,
        begin: "{",
    },
    Endpoint {
        name: "ollama-chat",
        method: "POST",
        path: "/api/chat",
        body: STREAMED,
        content_type: NDJSON,
        begin: "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done\":false}\n",
    },
    Endpoint {
        name: "ollama-generate",
        method: "POST",
        path: "/api/generate",
        body: STREAMED,
        content_type: NDJSON,
        begin: "{\"model\":\"m\",\"response\":\"Hi\",\"done\":false}\n",
    },
    Endpoint {
        name: "gemini-stream",
        method: "POST",
        path: "/v1beta/models/m:streamGenerateContent?alt=sse",
        body: ONE_PIECE,
        content_type: SSE,
        begin: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}],\"role\":\"model\"},\"index\":0}]}\n\n",
    },
    Endpoint {
        name: "gemini-array",
        method: "POST",
        path: "/v1beta/models/m:streamGenerateContent",
        body: ONE_PIECE,
        content_type: JSON,
        begin: "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}],\"role\":\"model\"},\"index\":0}]}",
    },
    Endpoint {
        name: "plain",
        method: "PUT",
        path: "/some/other/path?x=1",
        body: "anything",
        content_type: "application/octet-stream",
        begin: "some",
    },
];

/// How far the provider has come when the client leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has not answered.
    BeforeTheHead,
    /// Its answer has begun.
    InTheBody,
    /// Its answer has begun and comes in one piece.
    InOnePiece,
}

impl Phase {
    pub(crate) const ALL: [Self; 3] = [Self::BeforeTheHead, Self::InTheBody, Self::InOnePiece];

    pub(crate) fn script(self, endpoint: &Endpoint) -> Script {
        let begun = Script { content_type: endpoint.content_type, hangs: true, ..Script::of([endpoint.begin]) };
        match self {
            Self::BeforeTheHead => Script { before: LONGEST * 4, ..begun },
            Self::InTheBody => begun,
            Self::InOnePiece => Script { content_type: JSON, length: Some(1000), ..begun },
        }
    }
}

impl Endpoint {
    pub(crate) fn request(&self) -> Request<Full<Bytes>> {
        Request::builder()
            .method(self.method)
            .uri(format!("https://localhost/{}{}", self.name, self.path))
            .header("host", "localhost")
            .header("content-type", JSON)
            .body(Full::new(Bytes::from_static(self.body.as_bytes())))
            .unwrap()
    }

    pub(crate) fn upstream(&self, url: String) -> (String, UpstreamConfig) {
        (self.name.to_owned(), UpstreamConfig::new(url, &[Api::Anthropic, Api::Gemini, Api::Ollama, Api::Openai]))
    }
}
