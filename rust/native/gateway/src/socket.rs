//! A client's socket: one that takes nothing for too long is closed, and one that only stops writing is not.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::client::Client;
use crate::half_closed::HalfClosed;

/// Silence after which a peer is asked whether it is still there, and how often.
const PROBE_AFTER: Duration = Duration::from_secs(30);
const PROBE_EVERY: Duration = Duration::from_secs(10);
#[cfg(not(windows))]
const PROBES: u32 = 3;

/// How long a viewer's write may wait.
const VIEWER: Duration = Duration::from_secs(10);

/// A connection below TLS. Its timer runs only while a write waits.
pub(crate) struct Socket {
    io: TcpStream,
    client: Arc<Client>,
    slow: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    /// Something was written since something was read.
    has_answered: bool,
    /// HTTP/1 that is read here as it is.
    is_plain: bool,
    half_closed: Option<HalfClosed>,
}

impl Socket {
    pub(crate) fn new(io: TcpStream, client: Arc<Client>, slow: Duration, is_plain: bool) -> Self {
        // What a system does not offer is gone without: the times above it still hold.
        let _ = io.set_nodelay(true);
        let probes = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY);
        #[cfg(not(windows))]
        let probes = probes.with_retries(PROBES);
        let _ = SockRef::from(&io).set_tcp_keepalive(&probes);
        Self { io, client, slow, waiting: None, has_answered: false, is_plain, half_closed: None }
    }

    /// The outcome of a write, unless it has waited for too long.
    fn within(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.waiting = None;
            self.has_answered = true;
            return written;
        }
        let slow = if self.client.is_viewer() { self.slow.min(VIEWER) } else { self.slow };
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(slow)));
        if waiting.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.client.slow();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Socket {
    /// Nothing more will be read. A client that left answers the next bytes with a reset; one that still reads does
    /// not. So it is sent some that mean nothing, and its reset is the end of the connection.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_plain || !self.client.is_answering() {
            return Poll::Ready(Ok(()));
        }
        if self.half_closed.is_none() {
            if !self.poke(cx) {
                return Poll::Ready(Ok(()));
            }
            self.half_closed = HalfClosed::watch(&self.io);
        }
        match &mut self.half_closed {
            Some(half_closed) => half_closed.poll_reset(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Sends what means nothing, if there is room for it.
    fn poke(&mut self, cx: &mut Context<'_>) -> bool {
        if self.has_answered {
            cx.waker().wake_by_ref();
            return self.client.ask_for_comment();
        }
        /// RFC 9110, section 15.2: a client reads past any number of them.
        const INTERIM: &[u8] = b"HTTP/1.1 102 Processing\r\n\r\n";
        matches!(Pin::new(&mut self.io).poll_write(cx, INTERIM), Poll::Ready(Ok(sent)) if sent == INTERIM.len())
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let had = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        if buffer.filled().len() > had {
            self.has_answered = false;
            return Poll::Ready(Ok(()));
        }
        self.poll_left(cx)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.within(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, buffers);
        self.within(cx, written)
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
