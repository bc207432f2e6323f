//! A client that leaves behind the end of its answer, where the provider's count of tokens has not come yet.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use http_body::Body;
use tokio::time::timeout;

use crate::flow::Flow;

/// Reads on for the count, at most so long; then the upstream is closed.
pub(crate) async fn drained(mut flow: Flow, longest: Duration) {
    let read =
        async { while !flow.is_counted() && poll_fn(|cx| Pin::new(&mut flow).poll_frame(cx)).await.is_some() {} };
    let _ = timeout(longest, read).await;
}
