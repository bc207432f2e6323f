//! What every store does, whatever keeps its events.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::time::{Duration, timeout};

use super::file::FileLog;
use super::{Entry, Finished, Lease, Signal, StoreError, StreamStore};
use crate::config::{Fsync, StoreConfig};
use crate::endpoint::Api;
use crate::streams::{End, Event, Meta, Seq, StreamId, tests::streams};

const LONGEST: Duration = Duration::from_secs(20);

pub(super) fn meta() -> Meta {
    Meta {
        id: StreamId::new(),
        api: Api::Openai,
        path: "/".to_owned(),
        model: None,
        started: 0.0,
        key: None,
        tenant: None,
    }
}

pub(super) fn events(numbers: std::ops::Range<Seq>) -> Vec<Event> {
    numbers.map(|number| Event::new(number, &format!("{{\"text\":\"{number}\"}}"))).collect()
}

pub(super) fn finished(next: Seq) -> Finished {
    Finished { end: End::new("complete", None), next, shown: r#"{"end":{"state":"complete"}}"#.to_owned() }
}

/// All that a reader gets, which must end.
pub(super) async fn all(store: &dyn StreamStore, id: &StreamId, from: Seq) -> Vec<Result<Entry, StoreError>> {
    timeout(LONGEST, store.read(id, from).collect()).await.expect("no end")
}

fn as_entries(events: &[Event]) -> Vec<Result<Entry, StoreError>> {
    events.iter().cloned().map(|event| Ok(Entry::Event(event))).collect()
}

async fn begun(store: &dyn StreamStore, count: Seq) -> Lease {
    let lease = store.acquire(meta()).await.unwrap();
    store.append(&lease, 0, &events(0..count)).await.unwrap();
    lease
}

async fn a_reader_gets_what_is_there_then_what_comes_then_the_end(store: Arc<dyn StreamStore>) {
    let lease = begun(&*store, 3).await;
    let mut reader = store.read(&lease.id, 1);
    for event in events(1..3) {
        assert_eq!(timeout(LONGEST, reader.next()).await.unwrap(), Some(Ok(Entry::Event(event))));
    }
    store.append(&lease, 3, &events(3..5)).await.unwrap();
    let id = lease.id.clone();
    store.finalize(lease, finished(5)).await.unwrap();
    let rest: Vec<_> = timeout(LONGEST, reader.collect()).await.unwrap();
    assert_eq!(rest, as_entries(&events(3..5)));
    assert_eq!(all(&*store, &id, 5).await, []);
    let status = store.status(&id).await.unwrap();
    assert_eq!((status.next, status.finished.map(|finished| finished.end.state)), (5, Some("complete".to_owned())));
}

async fn what_is_there_already_is_passed_over(store: Arc<dyn StreamStore>) {
    let lease = begun(&*store, 3).await;
    store.append(&lease, 1, &events(1..3)).await.unwrap();
    store.append(&lease, 2, &events(2..5)).await.unwrap();
    let id = lease.id.clone();
    store.finalize(lease, finished(5)).await.unwrap();
    assert_eq!(all(&*store, &id, 0).await, as_entries(&events(0..5)));
}

async fn a_gap_is_refused(store: Arc<dyn StreamStore>) {
    let lease = begun(&*store, 3).await;
    let refused = store.append(&lease, 4, &events(4..5)).await;
    assert_eq!(refused, Err(StoreError::Gap { next: 3, first: 4 }));
    store.append(&lease, 3, &events(3..4)).await.unwrap();
}

async fn who_was_replaced_writes_nothing(store: Arc<dyn StreamStore>) {
    let meta = meta();
    let old = store.acquire(meta.clone()).await.unwrap();
    store.append(&old, 0, &events(0..2)).await.unwrap();
    let new = store.acquire(meta).await.unwrap();
    assert!(new.token > old.token);
    assert_eq!(store.append(&old, 2, &events(2..3)).await, Err(StoreError::Lost));
    assert_eq!(store.finalize(old, finished(2)).await, Err(StoreError::Lost));
    store.append(&new, 2, &events(2..3)).await.unwrap();
}

async fn nothing_comes_behind_the_end(store: Arc<dyn StreamStore>) {
    let lease = begun(&*store, 1).await;
    store.finalize(lease.clone(), finished(1)).await.unwrap();
    assert_eq!(store.append(&lease, 1, &events(1..2)).await, Err(StoreError::Ended));
    assert_eq!(store.finalize(lease, finished(1)).await, Err(StoreError::Ended));
}

async fn readers_do_not_take_from_each_other(store: Arc<dyn StreamStore>) {
    let lease = begun(&*store, 50).await;
    let id = lease.id.clone();
    store.finalize(lease, finished(50)).await.unwrap();
    let (one, other) = tokio::join!(all(&*store, &id, 0), all(&*store, &id, 20));
    assert_eq!((one, other), (as_entries(&events(0..50)), as_entries(&events(20..50))));
}

async fn what_has_ended_is_listed(store: Arc<dyn StreamStore>) {
    let (lease, running) = (begun(&*store, 1).await, begun(&*store, 1).await);
    let id = lease.id.clone();
    store.finalize(lease, finished(1)).await.unwrap();
    let ended: Vec<StreamId> = store.ended().await.unwrap().into_iter().map(|meta| meta.id).collect();
    assert_eq!(ended, std::slice::from_ref(&id));
    store.delete(&id).await.unwrap();
    assert!(store.ended().await.unwrap().is_empty());
    drop(running);
}

async fn a_forgotten_stream_is_unknown(store: Arc<dyn StreamStore>) {
    let lease = begun(&*store, 1).await;
    let id = lease.id.clone();
    store.finalize(lease, finished(1)).await.unwrap();
    store.delete(&id).await.unwrap();
    assert_eq!(store.status(&id).await.map(|status| status.next), Err(StoreError::Unknown));
    assert_eq!(store.delete(&id).await, Err(StoreError::Unknown));
    assert_eq!(all(&*store, &id, 0).await, [Err(StoreError::Unknown)]);
}

async fn a_signal_for_no_stream_is_refused(store: Arc<dyn StreamStore>) {
    assert_eq!(store.signal(&StreamId::new(), Signal::Cancel).await, Err(StoreError::Unknown));
    let lease = begun(&*store, 1).await;
    store.signal(&lease.id, Signal::Cancel).await.unwrap();
}

/// A folder that goes with its test.
pub(super) struct Folder(pub(super) std::path::PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        Self(std::env::temp_dir().join(format!("midstream-store-{}", StreamId::new())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn file(folder: &Folder, fsync: Fsync) -> FileLog {
    FileLog::open(&folder.0, &StoreConfig { fsync, ..StoreConfig::default() }, |_| Vec::new()).unwrap()
}

macro_rules! conforms {
    ($($sentence:ident),* $(,)?) => {
        mod local {
            $(#[tokio::test]
            async fn $sentence() {
                super::$sentence(super::Arc::new(super::streams())).await;
            })*
        }
        mod files {
            $(#[tokio::test]
            async fn $sentence() {
                for fsync in [super::Fsync::Always, super::Fsync::Batch, super::Fsync::Never] {
                    let folder = super::Folder::new();
                    super::$sentence(super::Arc::new(super::file(&folder, fsync))).await;
                }
            })*
        }
    };
}

conforms! {
    a_forgotten_stream_is_unknown,
    a_gap_is_refused,
    a_reader_gets_what_is_there_then_what_comes_then_the_end,
    a_signal_for_no_stream_is_refused,
    nothing_comes_behind_the_end,
    readers_do_not_take_from_each_other,
    what_has_ended_is_listed,
    what_is_there_already_is_passed_over,
    who_was_replaced_writes_nothing,
}
