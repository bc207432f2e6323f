//! A client's connection, as those who answer on it know it.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// What the socket tells those who answer, and they it.
#[derive(Default)]
pub(crate) struct Client {
    has_asked: AtomicBool,
    asked: Notify,
    is_slow: AtomicBool,
    is_one_too_many: bool,
}

impl Client {
    pub(crate) fn new(is_one_too_many: bool) -> Self {
        Self { is_one_too_many, ..Self::default() }
    }

    /// The gateway has as many connections as it may have without this one.
    pub(crate) fn is_one_too_many(&self) -> bool {
        self.is_one_too_many
    }

    /// The head of a request is there.
    pub(crate) fn ask(&self) {
        if !self.has_asked.swap(true, Ordering::Relaxed) {
            self.asked.notify_one();
        }
    }

    /// Waits for the first request.
    pub(crate) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// The client does not take what was written for it.
    pub(crate) fn slow(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }
}
