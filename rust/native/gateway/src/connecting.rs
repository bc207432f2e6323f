//! How long it may take until a connection stands, its handshake included.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use futures_util::future::{BoxFuture, FutureExt};
use http::Uri;
use tokio::time::timeout;
use tower::Service;

/// What connects, and gives up after a while.
#[derive(Clone, Debug)]
pub(crate) struct Within<C> {
    pub(crate) connector: C,
    pub(crate) longest: Duration,
}

impl<C> Service<Uri> for Within<C>
where
    C: Service<Uri>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<C::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, longest) = (self.connector.call(uri), self.longest);
        async move {
            let connected = timeout(longest, connecting).await;
            connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map_err(Into::into)
        }
        .boxed()
    }
}
