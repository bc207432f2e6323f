//! When the bytes of upstreams arrive, and what the gateway adds to a chunk until its server has it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use crate::metrics::Metrics;

/// When something was read last from a connection. One of HTTP/1 gives nothing more before its chunk is taken, so that this is
/// when the chunk's last byte came; over one of HTTP/2, bytes of another answer may have come behind it.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals(Arc<Reads>);

#[derive(Debug)]
struct Reads {
    origin: Instant,
    last_ns: AtomicU64,
}

impl Arrivals {
    fn new() -> Self {
        Self(Arc::new(Reads { origin: Instant::now(), last_ns: AtomicU64::new(0) }))
    }

    fn note(&self) {
        let since = u64::try_from(self.0.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.last_ns.store(since, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.0.origin + Duration::from_nanos(self.0.last_ns.load(Ordering::Relaxed))
    }
}

/// How long the chunk is here that passes; nothing is measured where no client is given what passes.
#[derive(Default)]
pub(crate) struct Added {
    metrics: Option<Arc<Metrics>>,
    arrivals: Option<Arrivals>,
    came: Option<Instant>,
}

impl Added {
    pub(crate) fn new(metrics: &Arc<Metrics>, arrivals: Option<&Arrivals>) -> Self {
        Self { metrics: Some(Arc::clone(metrics)), arrivals: arrivals.cloned(), came: None }
    }

    /// Another connection goes on.
    pub(crate) fn follow(&mut self, arrivals: Option<Arrivals>) {
        (self.arrivals, self.came) = (arrivals, None);
    }

    /// A chunk is taken from its connection.
    pub(crate) fn take(&mut self) {
        self.came = self.arrivals.as_ref().map(Arrivals::last);
    }

    /// Nothing of it passes by itself.
    pub(crate) fn hold(&mut self) {
        self.came = None;
    }

    /// The server has taken all that passes of it.
    pub(crate) fn give(&mut self) {
        if let (Some(came), Some(metrics)) = (self.came.take(), &self.metrics) {
            metrics.added(came.elapsed());
        }
    }
}

/// What connects, and notes when something is read.
#[derive(Clone, Debug)]
pub(crate) struct Connector(pub(crate) HttpConnector);

impl Service<Uri> for Connector {
    type Response = Noted;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        async move { Ok(Noted { io: connecting.await?, arrivals: Arrivals::new() }) }.boxed()
    }
}

/// A connection whose reads are noted.
#[derive(Debug)]
pub(crate) struct Noted {
    io: TokioIo<TcpStream>,
    arrivals: Arrivals,
}

impl Connection for Noted {
    fn connected(&self) -> Connected {
        self.io.connected().extra(self.arrivals.clone())
    }
}

impl Read for Noted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if read.is_ready() {
            self.arrivals.note();
        }
        read
    }
}

impl Write for Noted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
