//! Where the events of streams go: one writer a stream, any number of readers, one sequence.
//!
//! An append returns once its events are acknowledged: what that means, a store says. Events of one stream are numbered
//! without gaps from 0; whoever reads gets them in that order, and is told where some are not kept any more.

#[cfg(test)]
mod conformance;
pub(crate) mod file;
pub(crate) mod keeper;
mod local;

use std::fmt;
use std::io;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use midstream_stream::Usage;
use tokio::sync::watch;

use crate::streams::{End, Event, Meta, Seq, StreamId};

/// A place for the events of streams.
pub(crate) trait StreamStore: Send + Sync {
    /// Becomes the one who writes a stream; whoever did before has lost it.
    fn acquire(&self, meta: Meta) -> BoxFuture<'_, Result<Lease, StoreError>>;

    /// Adds events from a number on; those that are there already are passed over. Returns once they are acknowledged.
    fn append<'a>(&'a self, lease: &'a Lease, first: Seq, batch: &'a [Event]) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Ends a stream; nothing comes behind it.
    fn finalize(&self, lease: Lease, last: Finished) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The events from a number on, then those that come, until the stream is ended.
    fn read(&self, id: &StreamId, from: Seq) -> BoxStream<'static, Result<Entry, StoreError>>;

    /// What is known of a stream.
    fn status(&self, id: &StreamId) -> BoxFuture<'_, Result<Status, StoreError>>;

    /// Those that have ended, as they were known from their begin on, oldest first.
    fn ended(&self) -> BoxFuture<'_, Result<Vec<Meta>, StoreError>>;

    /// Tells the writer of a stream something.
    fn signal(&self, id: &StreamId, signal: Signal) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Gives what it holds to whoever opens it next; nothing is written any more.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// Forgets a stream.
    fn delete(&self, id: &StreamId) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// The right to write a stream, until somebody else takes it.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub(crate) id: StreamId,
    /// Grows with every writer.
    pub(crate) token: u64,
    /// What readers tell the writer.
    pub(crate) signals: watch::Receiver<Option<Signal>>,
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Event(Event),
    /// Events before that one are not kept any more.
    Lagged(Seq),
}

/// A stream at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) end: End,
    /// The number that the next event would have had.
    pub(crate) next: Seq,
    /// The stream as endpoints show it, as JSON.
    pub(crate) shown: String,
}

/// How far a stream has come.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) meta: Meta,
    /// The number of the next event.
    #[cfg_attr(not(test), expect(dead_code, reason = "of use where several gateways share a store"))]
    pub(crate) next: Seq,
    /// Its end, once it is there.
    pub(crate) finished: Option<Finished>,
}

/// A stream that nobody ended, as far as a store knows it.
#[derive(Clone, Debug)]
pub(crate) struct Unended {
    /// With the model that its answer names, where the request named none.
    pub(crate) meta: Meta,
    pub(crate) duration_s: f64,
    /// As its provider counted it.
    pub(crate) usage: Usage,
    /// Of what the model wrote.
    pub(crate) characters: u64,
}

/// What a store had and does not read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) bytes: u64,
    /// Streams that lack events or their end by that, as far as they are known, and how many events.
    pub(crate) streams: Vec<(StreamId, u64)>,
}

/// What a reader tells the writer of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Close the upstream.
    Cancel,
}

/// Why a store did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// What it had written does not read back.
    Damaged,
    /// The stream is over.
    Ended,
    /// Events between are missing.
    Gap { next: Seq, first: Seq },
    /// What the system says.
    Io(io::ErrorKind),
    /// Somebody else writes the stream now.
    Lost,
    /// The store has stopped.
    Stopped,
    /// No stream has that id.
    Unknown,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("a record of the log does not read back"),
            Self::Ended => f.write_str("the stream is over"),
            Self::Gap { next, first } => write!(f, "the next event is {next}, but these begin with {first}"),
            Self::Io(kind) => write!(f, "the log cannot be written: {kind}"),
            Self::Lost => f.write_str("somebody else writes this stream now"),
            Self::Stopped => f.write_str("the store has stopped"),
            Self::Unknown => f.write_str("no stream has that id"),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}
