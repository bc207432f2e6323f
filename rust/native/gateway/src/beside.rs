//! What is looked at beside the data path: no byte waits for it.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use bytes::Bytes;
use midstream_stream::History;
use midstream_worker::{Deferred, Pool, PoolLimits};
use tokio::runtime::Handle;

use crate::setup::Setup;

/// How long a check may take. An answer that is over before waits for the rest of it.
const LONGEST: Duration = Duration::from_secs(2);
/// Checks that wait for their turn.
const WAITING: usize = 64;

/// What a request's conversation shows, once it is read; nothing of a body that holds none.
pub(crate) type Reading = Deferred<Option<History>>;

/// Runs checks.
pub(crate) struct Beside {
    checks: Pool,
}

impl Beside {
    /// On the runtime of whoever calls.
    pub(crate) fn new() -> Self {
        // Streams have the other half of the cores.
        let at_once = available_parallelism().map_or(1, |cores| cores.get() / 2).max(1);
        Self { checks: Pool::new(PoolLimits { at_once, waiting: WAITING }, Handle::current()) }
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
}
