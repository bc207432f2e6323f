//! Wakes the viewers of a stream apart from its data path, a few at a time: the client's chunks come between.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::known::Last;
use super::stream::Stream;

/// Groups of viewers that are woken together.
const GROUPS: usize = 16;

/// Where viewers wait.
pub(super) struct Fan {
    groups: [watch::Sender<Last>; GROUPS],
    turn: AtomicUsize,
}

impl Fan {
    pub(super) fn new(last: Last) -> Self {
        Self { groups: std::array::from_fn(|_| watch::Sender::new(last)), turn: AtomicUsize::new(0) }
    }

    /// A place in one of the groups.
    pub(super) fn follow(&self) -> watch::Receiver<Last> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % GROUPS;
        let group = self.groups.get(turn).or(self.groups.first());
        group.map_or_else(|| watch::channel(Last::default()).1, watch::Sender::subscribe)
    }

    /// Tells every group where the stream stands.
    async fn tell(&self, last: Last) {
        for group in &self.groups {
            group.send_if_modified(|known| std::mem::replace(known, last) != last);
            tokio::task::yield_now().await;
        }
    }
}

/// Tells viewers where a stream stands, until it has ended.
pub(super) fn start(stream: Arc<Stream>, fan: Arc<Fan>) {
    tokio::spawn(async move {
        let mut follow = stream.follow();
        loop {
            let last = *follow.borrow_and_update();
            fan.tell(last).await;
            if last.ended || follow.changed().await.is_err() {
                return;
            }
        }
    });
}
