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
use crate::half_closed::{HalfClosed, Unread};

/// Silence after which a peer is asked whether it is still there, and how often.
pub(crate) const PROBE_AFTER: Duration = Duration::from_secs(30);
pub(crate) const PROBE_EVERY: Duration = Duration::from_secs(10);
pub(crate) const PROBES: u32 = 3;
/// Bytes that nobody acknowledges end a connection after so long, where systems try for a quarter of an hour.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);

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
    /// Whoever reads is woken when more comes.
    is_awaited: bool,
    unread: Option<Unread>,
}

impl Socket {
    pub(crate) fn new(io: TcpStream, client: Arc<Client>, slow: Duration, is_plain: bool) -> Self {
        // What a system does not offer is gone without: the times above it still hold.
        let _ = io.set_nodelay(true);
        let probes = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY);
        #[cfg(not(windows))]
        let probes = probes.with_retries(PROBES);
        let _ = SockRef::from(&io).set_tcp_keepalive(&probes);
        // A client that is there and takes nothing is given up first, and told apart.
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(&io).set_tcp_user_timeout(Some(UNACKNOWLEDGED.max(slow * 2)));
        Self {
            io,
            client,
            slow,
            waiting: None,
            has_answered: false,
            is_plain,
            half_closed: None,
            is_awaited: false,
            unread: None,
        }
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

    /// Nothing more will be read. A client that left answers the next bytes with a reset; one that still reads does
    /// not. So it is sent some that mean nothing, and its reset is the end of the connection.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_plain || !self.client.is_answering() {
            return Poll::Ready(Ok(()));
        }
        if self.half_closed.is_none() {
            self.client.stop_writing();
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

    /// While an answer is made, nobody reads on behind the next request: whether its client left is asked for here.
    fn poll_unread(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_awaited || !self.client.is_answering() {
            self.unread = None;
            return Poll::Ready(Ok(()));
        }
        if self.unread.is_none() {
            self.unread = Unread::watch(&self.io);
        }
        let Some(unread) = &mut self.unread else { return Poll::Ready(Ok(())) };
        if unread.poll_closed(cx).is_pending() {
            return Poll::Ready(Ok(()));
        }
        match self.poll_left(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Ready(Ok(())),
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
        let polled = Pin::new(&mut self.io).poll_read(cx, buffer);
        self.is_awaited = polled.is_pending();
        ready!(polled)?;
        if buffer.filled().len() > had {
            self.has_answered = false;
            return Poll::Ready(Ok(()));
        }
        self.is_awaited = true;
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
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.poll_unread(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_client_that_is_gone_without_a_word_is_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (io, _) = listener.accept().await.unwrap();
        let socket = Socket::new(io, Arc::new(Client::new(false)), Duration::from_secs(30), true);
        let set = SockRef::from(&socket.io);
        assert!(set.keepalive().unwrap());
        assert_eq!(set.tcp_keepalive_time().unwrap(), PROBE_AFTER);
        #[cfg(target_os = "linux")]
        assert_eq!(set.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED));
    }
}
