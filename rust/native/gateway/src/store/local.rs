//! The streams of this process as a store: their rings are the log, and nothing outlives them.

use futures_util::future::{BoxFuture, FutureExt, ready};
use futures_util::stream::{BoxStream, StreamExt, unfold};
use tokio::sync::watch;

use super::{Entry, Finished, Lease, Signal, Status, StoreError, StreamStore};
use crate::streams::{Event, Meta, Seq, State, StreamId, Streams, Viewed};

impl StreamStore for Streams {
    fn acquire(&self, meta: Meta) -> BoxFuture<'_, Result<Lease, StoreError>> {
        let id = meta.id.clone();
        let stream = self.get(id.as_str()).unwrap_or_else(|| self.add(meta));
        if stream.state() == State::Ended {
            return ready(Err(StoreError::Ended)).boxed();
        }
        let token = stream.take_over();
        ready(Ok(Lease { id, token, signals: watch::channel(None).1 })).boxed()
    }

    fn append<'a>(&'a self, lease: &'a Lease, first: Seq, batch: &'a [Event]) -> BoxFuture<'a, Result<(), StoreError>> {
        let stream = self.get(lease.id.as_str()).ok_or(StoreError::Unknown);
        ready(stream.and_then(|stream| stream.append_owned(lease.token, first, batch))).boxed()
    }

    fn finalize(&self, lease: Lease, last: Finished) -> BoxFuture<'_, Result<(), StoreError>> {
        let stream = self.get(lease.id.as_str()).ok_or(StoreError::Unknown);
        ready(stream.and_then(|stream| stream.end_owned(lease.token, last.end, Some(last.shown)))).boxed()
    }

    fn read(&self, id: &StreamId, from: Seq) -> BoxStream<'static, Result<Entry, StoreError>> {
        let Some(stream) = self.get(id.as_str()) else {
            return futures_util::stream::iter([Err(StoreError::Unknown)]).boxed();
        };
        let follow = stream.follow();
        unfold((stream, follow, from), async |(stream, mut follow, next)| {
            loop {
                match stream.next(next) {
                    Viewed::Next(event) => return Some((Ok(Entry::Event(event)), (stream, follow, next + 1))),
                    Viewed::Lagged(oldest) => return Some((Ok(Entry::Lagged(oldest)), (stream, follow, oldest))),
                    Viewed::Ended => return None,
                    Viewed::Wait => follow.changed().await.ok()?,
                }
            }
        })
        .boxed()
    }

    fn status(&self, id: &StreamId) -> BoxFuture<'_, Result<Status, StoreError>> {
        let status = self.get(id.as_str()).ok_or(StoreError::Unknown).map(|stream| {
            let next = stream.last().next;
            let finished = stream.end_state().map(|end| Finished { end, next, shown: stream.json() });
            Status { meta: Meta::clone(&stream.meta), next, finished }
        });
        ready(status).boxed()
    }

    fn ended(&self) -> BoxFuture<'_, Result<Vec<Meta>, StoreError>> {
        let ended = self.all().into_iter().filter(|stream| stream.is_ended());
        ready(Ok(ended.map(|stream| Meta::clone(&stream.meta)).collect())).boxed()
    }

    fn signal(&self, id: &StreamId, signal: Signal) -> BoxFuture<'_, Result<(), StoreError>> {
        let stream = self.get(id.as_str()).ok_or(StoreError::Unknown);
        ready(stream.map(|stream| match signal {
            Signal::Cancel => stream.cancel(),
        }))
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }

    fn delete(&self, id: &StreamId) -> BoxFuture<'_, Result<(), StoreError>> {
        ready(if self.forget(id) { Ok(()) } else { Err(StoreError::Unknown) }).boxed()
    }
}
