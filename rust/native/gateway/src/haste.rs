//! The end of patience: a gateway that stops does not wait for streams any longer.

use std::sync::Arc;

use tokio::sync::Notify;

/// Ends the wait of a gateway that stops, or will: what still runs then breaks off.
#[derive(Clone, Debug, Default)]
pub struct Haste(Arc<Notify>);

impl Haste {
    /// Asks for it; once is enough.
    pub fn ask(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody asks.
    pub(crate) async fn asked(&self) {
        self.0.notified().await;
    }
}
