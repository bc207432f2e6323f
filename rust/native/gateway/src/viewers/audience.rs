//! All viewers of a gateway: how far each is behind, and what they were not given.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::seat::Counts;
use crate::client::Client;
use crate::log::events;
use crate::streams::{Seq, Stream};

/// Who looks on.
#[derive(Default)]
pub(crate) struct Audience {
    /// Viewers of all streams.
    pub(super) count: AtomicUsize,
    pub(super) logged: Counts,
    places: Mutex<Places>,
    lag: Gauge,
    missed: Counter,
    dropped: Family<OfReason, Counter>,
}

#[derive(Default)]
struct Places {
    next: u64,
    by_number: BTreeMap<u64, (Arc<Stream>, Arc<AtomicU64>)>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfReason {
    reason: &'static str,
}

/// How far one viewer is: everything before that event was given to it, or told as missed.
pub(super) struct Place {
    audience: Arc<Audience>,
    stream: Arc<Stream>,
    number: u64,
    next: Arc<AtomicU64>,
    /// Whose connection it is, where that ends with one who takes nothing.
    pub(super) client: Option<Arc<Client>>,
}

impl Audience {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let Self { lag, missed, dropped, .. } = self;
        let help = "Events that the viewer who is furthest behind has not been given";
        registry.register("subscriber_lag_events", help, lag.clone());
        let help = "Events that viewers were told they had missed, because they were too slow";
        registry.register("subscriber_missed_events", help, missed.clone());
        let help = "Viewers that were turned away because there were enough, or let go because they took nothing";
        registry.register("subscriber_dropped", help, dropped.clone());
    }

    /// Looks how far viewers are.
    pub(crate) fn measure(&self) {
        let places = self.places();
        let behind = |(stream, next): &(Arc<Stream>, Arc<AtomicU64>)| {
            stream.last().next.saturating_sub(next.load(Ordering::Relaxed))
        };
        let most = places.by_number.values().map(behind).max().unwrap_or_default();
        self.lag.set(i64::try_from(most).unwrap_or(i64::MAX));
    }

    /// A viewer found no place.
    pub(super) fn turned_away(&self) {
        self.dropped.get_or_create(&OfReason { reason: "full" }).inc();
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn new(audience: &Arc<Audience>, stream: &Arc<Stream>) -> Self {
        // Who has not begun is not behind.
        let next = Arc::new(AtomicU64::new(u64::MAX));
        let mut places = audience.places();
        let number = places.next;
        places.next += 1;
        places.by_number.insert(number, (Arc::clone(stream), Arc::clone(&next)));
        let (audience, stream) = (Arc::clone(audience), Arc::clone(stream));
        Self { audience, stream, number, next: Arc::clone(&next), client: None }
    }

    /// Its viewer was told that so many events are not kept any more.
    pub(super) fn missed(&self, events: u64) {
        self.audience.missed.inc_by(events);
    }

    /// Its viewer took nothing for too long.
    pub(super) fn let_go(&self) {
        self.audience.dropped.get_or_create(&OfReason { reason: "slow" }).inc();
        events::viewer_let_go(self.stream.meta.id.as_str());
    }

    pub(super) fn moved(&self, next: Seq) {
        self.next.store(next, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.audience.places().by_number.remove(&self.number);
        if self.client.as_ref().is_some_and(|client| client.is_slow()) {
            self.let_go();
        }
    }
}
