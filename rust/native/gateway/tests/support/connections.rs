//! Clients that say what they want byte by byte, or leave when they want.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use midstream_gateway::Server;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::LONGEST;
use super::certificates::{client, from_pem};

/// A connection over which requests are sent; its client leaves when it is dropped.
pub(crate) struct Connection {
    sender: Sender,
    driver: JoinHandle<()>,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// Which HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Http {
    One,
    Two,
}

impl Http {
    pub(crate) const BOTH: [Self; 2] = [Self::One, Self::Two];
}

impl Connection {
    /// Over TLS where the server has a certificate.
    pub(crate) async fn open(server: &Server, http: Http) -> Self {
        let Some(certificate) = server.certificate() else {
            return Self::over(TcpStream::connect(server.address()).await.unwrap(), http).await;
        };
        let protocol = if http == Http::Two { "h2" } else { "http/1.1" };
        let config = client(from_pem(&certificate.pem), None, &[protocol]);
        Self::over(tls(server.address(), config).await.unwrap(), http).await
    }

    pub(crate) async fn over<I>(io: I, http: Http) -> Self
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(io);
        match http {
            Http::One => {
                let (sender, connection) = http1::handshake(io).await.unwrap();
                let driver = tokio::spawn(async move { drop(connection.await) });
                Self { sender: Sender::Http1(sender), driver }
            }
            Http::Two => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
                let driver = tokio::spawn(async move { drop(connection.await) });
                Self { sender: Sender::Http2(sender), driver }
            }
        }
    }

    pub(crate) async fn post(&mut self, path: &str) -> hyper::Result<Response<Incoming>> {
        self.send(post(path)).await
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        let answer = async {
            match &mut self.sender {
                Sender::Http1(sender) => sender.send_request(request).await,
                Sender::Http2(sender) => sender.send_request(request).await,
            }
        };
        timeout(LONGEST, answer).await.expect("no answer")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A chat request.
pub(crate) fn post(path: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method("POST")
        .uri(format!("http://localhost{path}"))
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(r#"{"model":"m","stream":true}"#)))
        .unwrap()
}

/// A handshake with a server that is called `localhost`.
pub(crate) async fn tls(address: SocketAddr, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(address).await?;
    let connector = TlsConnector::from(Arc::new(config));
    timeout(LONGEST, connector.connect("localhost".try_into().unwrap(), socket)).await.expect("no handshake")
}

/// Bytes to a server and its answer until it closes.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    /// An upstream that answers each connection with these bytes, whatever it is asked.
    pub(crate) async fn serve(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let mut raw = Self(socket);
                raw.until("\r\n\r\n").await;
                raw.write(answer).await;
            }
        });
        address
    }

    pub(crate) async fn open(server: &Server) -> Self {
        Self(TcpStream::connect(server.address()).await.unwrap())
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// What comes until the server closes, or has come when it resets.
    pub(crate) async fn rest(&mut self) -> String {
        let mut read = Vec::new();
        let _ = timeout(LONGEST, self.0.read_to_end(&mut read)).await.expect("the server did not close");
        String::from_utf8_lossy(&read).into_owned()
    }

    /// What comes until this text does.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut read = Vec::new();
        let reading = async {
            while !String::from_utf8_lossy(&read).contains(text) {
                let byte = self.0.read_u8().await.expect("the server closed first");
                read.push(byte);
            }
        };
        timeout(LONGEST, reading).await.expect("it did not come");
        String::from_utf8_lossy(&read).into_owned()
    }
}

/// The head and the body of a chat request.
pub(crate) fn chat_request() -> String {
    let body = r#"{"model":"m","stream":true}"#;
    let length = body.len();
    format!("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}")
}
