//! Clients that have stopped writing: whether they still read, and whether they did behind what nobody reads.

use std::io;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
#[cfg(target_os = "linux")]
use tokio::io::Interest;
use tokio::net::TcpStream;

/// A connection whose client has closed its side.
pub(crate) struct HalfClosed {
    reset: BoxFuture<'static, io::Result<()>>,
}

impl HalfClosed {
    /// `None` where a system does not tell of a reset behind the end of what is read.
    #[cfg(target_os = "linux")]
    pub(crate) fn watch(socket: &TcpStream) -> Option<Self> {
        let same = again(socket)?;
        Some(Self { reset: Box::pin(async move { same.ready(Interest::ERROR).await.map(|_| ()) }) })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn watch(_: &TcpStream) -> Option<Self> {
        None
    }

    /// Ready, with an error, when the client is gone.
    pub(crate) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.reset.as_mut().poll(cx))?;
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

/// A connection that nobody reads, because what was read already waits.
pub(crate) struct Unread {
    closed: BoxFuture<'static, io::Result<()>>,
    is_closed: bool,
}

impl Unread {
    /// `None` where a system does not tell of the end before what comes ahead of it is read.
    #[cfg(target_os = "linux")]
    pub(crate) fn watch(socket: &TcpStream) -> Option<Self> {
        let same = again(socket)?;
        let closed = async move {
            while !same.ready(Interest::READABLE).await?.is_read_closed() {
                // What came stays where it is: only the news of it is taken.
                let _ = same.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
            }
            Ok(())
        };
        Some(Self { closed: Box::pin(closed), is_closed: false })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn watch(_: &TcpStream) -> Option<Self> {
        None
    }

    /// Ready once its client writes no more.
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_closed {
            self.is_closed = self.closed.as_mut().poll(cx).is_ready();
        }
        if self.is_closed { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The same socket with readiness of its own.
#[cfg(target_os = "linux")]
fn again(socket: &TcpStream) -> Option<TcpStream> {
    let same = socket2::SockRef::from(socket).try_clone().ok()?;
    TcpStream::from_std(same.into()).ok()
}
