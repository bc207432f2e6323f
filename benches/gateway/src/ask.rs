//! What a client asks of the mock provider, in words that pass every proxy: the text of its message.

use std::error::Error;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};

/// One stream.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(crate) struct Ask {
    /// Which one, in the mock's log of what ended.
    pub(crate) number: u64,
    /// Chunks a second.
    pub(crate) rate: f64,
    pub(crate) seconds: f64,
    /// Chunks behind which the text loops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) loop_at: Option<u64>,
    /// Seconds before the head of the answer.
    pub(crate) wait: f64,
}

/// The request of a client.
#[derive(Deserialize, Serialize)]
struct Chat {
    model: String,
    stream: bool,
    messages: Vec<Message>,
}

#[derive(Deserialize, Serialize)]
struct Message {
    role: String,
    content: String,
}

/// A stream that ended at the mock.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(crate) struct Ended {
    pub(crate) number: u64,
    /// Whether all of it was sent.
    pub(crate) is_whole: bool,
    /// When the last chunk was sent.
    pub(crate) sent_ns: u64,
    /// When the connection was seen to be closed.
    pub(crate) closed_ns: u64,
}

pub(crate) type Asker = Client<HttpConnector, Full<Bytes>>;

/// A client whose every stream at once has its connection.
pub(crate) fn asker() -> Asker {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

impl Ask {
    /// A stream of so many chunks a second, for so long.
    pub(crate) fn new(number: u64, rate: f64, seconds: f64) -> Self {
        Self { number, rate, seconds, loop_at: None, wait: 0.0 }
    }

    /// What a request asks for.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let chat: Chat = serde_json::from_slice(body).ok()?;
        serde_json::from_str(&chat.messages.first()?.content).ok()
    }

    /// Sends it.
    pub(crate) async fn send(
        self,
        asker: &Asker,
        port: u16,
    ) -> Result<Response<Incoming>, Box<dyn Error + Send + Sync>> {
        let content = serde_json::to_string(&self)?;
        let message = Message { role: "user".to_owned(), content };
        let chat = Chat { model: "mock".to_owned(), stream: true, messages: vec![message] };
        let request = Request::post(format!("http://127.0.0.1:{port}/v1/chat/completions"))
            .header("content-type", "application/json")
            .header("authorization", "Bearer sk-load")
            .body(Full::new(Bytes::from(serde_json::to_vec(&chat)?)))?;
        let response = asker.request(request).await?;
        if response.status().is_success() { Ok(response) } else { Err(format!("status {}", response.status()).into()) }
    }
}
