//! Clients that have stopped writing: whether they still read.

use std::io;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use tokio::net::TcpStream;

/// A connection whose client has closed its side.
pub(crate) struct HalfClosed {
    reset: BoxFuture<'static, io::Result<()>>,
}

impl HalfClosed {
    /// `None` where a system does not tell of a reset behind the end of what is read.
    #[cfg(target_os = "linux")]
    pub(crate) fn watch(socket: &TcpStream) -> Option<Self> {
        use socket2::SockRef;
        use tokio::io::Interest;

        let same = SockRef::from(socket).try_clone().ok()?;
        let same = TcpStream::from_std(same.into()).ok()?;
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
