//! What is looked at beside the data path: no byte waits for it.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use bytes::Bytes;
use midstream_stream::History;
use midstream_worker::{Deferred, Missed, Pool, PoolLimits, Refused};
use tokio::runtime::Handle;

use crate::setup::Setup;

/// How long a check may take. An answer that is over before waits for the rest of it.
const LONGEST: Duration = Duration::from_secs(2);
/// Tasks of a kind that wait for their turn.
const WAITING: usize = 64;

/// What a request's conversation shows, once it is read; nothing of a body that holds none.
pub(crate) type Reading = Deferred<Option<History>>;

/// Runs checks, and reads what is long.
pub(crate) struct Beside {
    checks: Pool,
    bodies: Pool,
}

impl Beside {
    /// On the runtime of whoever calls.
    pub(crate) fn new() -> Self {
        // Streams have the other half of the cores.
        let at_once = available_parallelism().map_or(1, |cores| cores.get() / 2).max(1);
        let pool = || Pool::new(PoolLimits { at_once, waiting: WAITING }, Handle::current());
        Self { checks: pool(), bodies: pool() }
    }

    /// Where checks run.
    pub(crate) fn checks(&self) -> &Pool {
        &self.checks
    }

    /// Looks for loops of an agent in the conversation of its request; `None` where there is no room for it.
    pub(crate) fn read(&self, body: &Bytes, setup: &Arc<Setup>) -> Option<Reading> {
        let (body, setup) = (body.clone(), Arc::clone(setup));
        let read = move || History::read(&body, &setup.settings.actions, setup.rules.clone());
        self.checks.run(Some(LONGEST), read).ok()
    }

    /// Reads something that is long; here where many wait already.
    pub(crate) async fn long<T: Send + 'static>(&self, read: impl FnOnce() -> T + Send + 'static) -> Result<T, Missed> {
        match self.bodies.run(None, read) {
            Ok(reading) => reading.await,
            Err(Refused(read)) => Ok(read()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_finds_no_room_is_read_at_once() {
        let pool = |waiting| Pool::new(PoolLimits { at_once: 1, waiting }, Handle::current());
        let beside = Beside { checks: pool(0), bodies: pool(0) };
        let (end, ended) = mpsc::channel::<()>();
        let first = beside.bodies.run(None, move || ended.recv().is_err()).unwrap();
        assert_eq!(beside.long(|| 2).await, Ok(2));
        drop(end);
        assert_eq!(first.await, Ok(true));
        assert_eq!(beside.long(|| 3).await, Ok(3));
    }

    #[tokio::test]
    async fn a_panic_of_a_reading_is_told() {
        let beside = Beside::new();
        assert_eq!(beside.long(|| -> u8 { panic!("of the test") }).await, Err(Missed::Failed));
    }
}
