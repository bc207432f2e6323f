//! A provider that sends what a test says and logs when its connections close, and a client.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

pub(crate) mod answers;
pub(crate) mod certificates;
pub(crate) mod connections;
pub(crate) mod endpoints;
pub(crate) mod ends;
pub(crate) mod folder;
pub(crate) mod keys;
pub(crate) mod lines;
pub(crate) mod routes;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use midstream_gateway::{Api, Config, Server, UpstreamConfig};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use self::answers::{json_of, text_of};

/// Nothing in these tests takes longer, on any machine.
pub(crate) const LONGEST: Duration = Duration::from_secs(20);

/// What the provider answers with.
#[derive(Clone, Default)]
pub(crate) struct Script {
    pub(crate) status: Option<StatusCode>,
    pub(crate) content_type: &'static str,
    /// What `content-encoding` says.
    pub(crate) encoding: &'static str,
    /// Waits before the head of the answer.
    pub(crate) before: Duration,
    /// Chunks, each after its time.
    pub(crate) chunks: Vec<(Duration, Bytes)>,
    /// How many requests are first refused, as by an overloaded server.
    pub(crate) refused: Arc<AtomicUsize>,
    /// What `content-length` says.
    pub(crate) length: Option<usize>,
    /// Stays silent at the end instead of ending.
    pub(crate) hangs: bool,
    /// Breaks the connection at the end.
    pub(crate) breaks: bool,
}

impl Script {
    pub(crate) fn of(chunks: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        let chunks = chunks.into_iter().map(|chunk| (Duration::ZERO, chunk.into())).collect();
        Self { content_type: "text/event-stream", chunks, ..Self::default() }
    }
}

/// What the provider saw.
#[derive(Debug)]
pub(crate) enum Seen {
    Asked {
        path: String,
        headers: http::HeaderMap,
        body: Bytes,
    },
    /// Its answer was dropped before it was whole, or after.
    Closed {
        whole: bool,
        at: Instant,
    },
}

pub(crate) struct Mock {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    seen: tokio::sync::Mutex<mpsc::UnboundedReceiver<Seen>>,
}

impl Mock {
    /// Over HTTP/1, and over HTTP/2 where it is spoken without asking.
    pub(crate) async fn start(script: Script) -> Self {
        Self::serve(script, None).await
    }

    /// Over TLS, and HTTP/2 where the client offers it.
    pub(crate) async fn start_tls(script: Script, tls: TlsAcceptor) -> Self {
        Self::serve(script, Some(tls)).await
    }

    async fn serve(script: Script, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (log, seen) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                socket.set_nodelay(true).unwrap();
                let (script, log, tls) = (script.clone(), log.clone(), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(request, script.clone(), log.clone()));
                    let builder = Builder::new(TokioExecutor::new());
                    let Some(tls) = tls else {
                        let _ = builder.serve_connection(TokioIo::new(socket), service).await;
                        return;
                    };
                    if let Ok(socket) = tls.accept(socket).await {
                        let _ = builder.serve_connection(TokioIo::new(socket), service).await;
                    }
                });
            }
        });
        Self { address, connections, seen: tokio::sync::Mutex::new(seen) }
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) async fn next(&self) -> Seen {
        timeout(LONGEST, async { self.seen.lock().await.recv().await.unwrap() })
            .await
            .expect("the provider saw nothing")
    }

    /// Waits for the next request, behind the closes of those before.
    pub(crate) async fn asked(&self) {
        while !matches!(self.next().await, Seen::Asked { .. }) {}
    }

    /// Waits for the next close; gives whether the answer was whole, and when.
    pub(crate) async fn closed(&self) -> (bool, Instant) {
        loop {
            if let Seen::Closed { whole, at } = self.next().await {
                return (whole, at);
            }
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    script: Script,
    log: mpsc::UnboundedSender<Seen>,
) -> Result<Response<Played>, Infallible> {
    let mut closing = Closing { log: log.clone(), whole: false };
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let _ = log.send(Seen::Asked { path, headers: head.headers, body });
    tokio::time::sleep(script.before).await;
    let mut response = Response::new(());
    if script.refused.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        closing.whole = true;
        return Ok(response.map(|()| Played { script: Script::default(), at: 0, sleep: None, closing }));
    }
    *response.status_mut() = script.status.unwrap_or_default();
    if !script.content_type.is_empty() {
        response.headers_mut().insert("content-type", script.content_type.parse().unwrap());
    }
    if !script.encoding.is_empty() {
        response.headers_mut().insert("content-encoding", script.encoding.parse().unwrap());
    }
    if let Some(length) = script.length {
        response.headers_mut().insert("content-length", length.into());
    }
    closing.whole = script.chunks.is_empty() && !script.hangs;
    Ok(response.map(|()| Played { script, at: 0, sleep: None, closing }))
}

struct Closing {
    log: mpsc::UnboundedSender<Seen>,
    whole: bool,
}

impl Drop for Closing {
    fn drop(&mut self) {
        let _ = self.log.send(Seen::Closed { whole: self.whole, at: Instant::now() });
    }
}

struct Played {
    script: Script,
    at: usize,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    closing: Closing,
}

impl Body for Played {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let this = &mut *self;
        let Some((wait, chunk)) = this.script.chunks.get(this.at) else {
            if this.script.breaks {
                return Poll::Ready(Some(Err(std::io::Error::other("broken by the test"))));
            }
            if this.script.hangs {
                return Poll::Pending;
            }
            this.closing.whole = true;
            return Poll::Ready(None);
        };
        let sleep = this.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(*wait)));
        if !wait.is_zero() {
            std::task::ready!(sleep.as_mut().poll(cx));
        }
        let chunk = chunk.clone();
        this.at += 1;
        this.sleep = None;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}

/// A gateway in front of one provider.
pub(crate) async fn gateway(mock: &Mock, api: Api) -> Server {
    gateway_with(mock, api, |_| ()).await
}

pub(crate) async fn gateway_with(mock: &Mock, api: Api, change: impl FnOnce(&mut Config)) -> Server {
    let upstream = UpstreamConfig::new(format!("http://{}", mock.address), &[api]);
    let mut config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        upstreams: BTreeMap::from([("mock".to_owned(), upstream)]),
        ..Config::default()
    };
    change(&mut config);
    Server::start(config).await.unwrap()
}

/// Its provider.
pub(crate) fn mock_of(config: &mut Config) -> &mut UpstreamConfig {
    config.upstreams.get_mut("mock").unwrap()
}

/// A client with connections of its own.
pub(crate) struct Asker {
    client: Client<HttpConnector, Full<Bytes>>,
    server: SocketAddr,
    pub(crate) key: Option<&'static str>,
}

impl Asker {
    pub(crate) fn new(server: &Server) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), server: server.address(), key: None }
    }

    /// The same with a key, if there is one.
    pub(crate) fn with_key(server: &Server, key: impl Into<Option<&'static str>>) -> Self {
        Self { key: key.into(), ..Self::new(server) }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Response<Incoming> {
        self.send_with(method, path, body, &[]).await
    }

    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Bytes>,
        headers: &[(&str, &str)],
    ) -> Response<Incoming> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.server))
            .header("content-type", "application/json")
            .header("authorization", self.key.map_or_else(String::new, |key| format!("Bearer {key}")));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        timeout(LONGEST, self.client.request(request)).await.expect("no answer").expect("an answer")
    }

    pub(crate) async fn post(&self, path: &str) -> Response<Incoming> {
        self.send("POST", path, r#"{"model":"m","stream":true}"#).await
    }

    pub(crate) async fn get_json(&self, path: &str) -> serde_json::Value {
        json_of(self.send("GET", path, "").await).await
    }

    pub(crate) async fn get_text(&self, path: &str) -> String {
        text_of(self.send("GET", path, "").await).await
    }
}

/// A chunk of an OpenAI chat stream.
pub(crate) fn chat(text: &str) -> Bytes {
    let text = serde_json::to_string(text).unwrap();
    let chunk = format!(
        r#"data: {{"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{{"index":0,"delta":{{"content":{text}}},"finish_reason":null}}]}}"#
    );
    format!("{chunk}\n\n").into()
}

/// Its end.
pub(crate) fn chat_end() -> Bytes {
    let finish = r#"data: {"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    format!("{finish}\n\ndata: [DONE]\n\n").into()
}

/// An answer that says the same over and over, and never ends.
pub(crate) fn looping() -> Script {
    let mut script = Script { hangs: true, ..Script::of([chat("Let me think. ")]) };
    script.chunks.extend((0..200).map(|_| (Duration::from_millis(1), chat("I am done. "))));
    script
}
