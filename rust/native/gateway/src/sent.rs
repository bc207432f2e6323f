//! What a server sends of an answer: its client may leave, or take nothing of it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::Instant;

use crate::arrival::Added;
use crate::body::BodyError;
use crate::cause::Cause;
use crate::client::Client;
use crate::flow::Flow;
use crate::proxy::Proxy;
use crate::usage::drained;

/// How often answers that nobody asks for are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What becomes of an answer whose client leaves.
pub(crate) struct Leaving {
    /// It is read to its end for those who view it.
    pub(crate) goes_on: bool,
    /// How long the provider's count of tokens is waited for where the client left behind the answer's end.
    pub(crate) wait: Duration,
    pub(crate) client: Option<Arc<Client>>,
}

/// The body of an answer, as a server takes it.
pub(crate) struct Sent(Arc<Mutex<Passing>>);

/// An answer that passes. A server that has no room for it does not ask, so that nothing of it runs by itself.
struct Passing {
    /// `None` where it goes on without its client.
    flow: Option<Flow>,
    leaving: Leaving,
    /// When the server took something, the head at first, and has not asked for more.
    taken: Option<Instant>,
}

impl Sent {
    pub(crate) fn new(mut flow: Flow, leaving: Leaving, all: &Answers) -> Self {
        if let Some(client) = &leaving.client {
            flow.let_comment(client);
        }
        let passing = Arc::new(Mutex::new(Passing { flow: Some(flow), leaving, taken: Some(Instant::now()) }));
        all.watch(&passing);
        Self(passing)
    }

    fn passing(&self) -> MutexGuard<'_, Passing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut passing = self.passing();
        passing.taken = None;
        let Some(flow) = &mut passing.flow else {
            return Poll::Ready(Some(Err("the client took nothing of it".into())));
        };
        let polled = Pin::new(flow).poll_frame(cx);
        passing.taken = matches!(polled, Poll::Ready(Some(Ok(_)))).then(Instant::now);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.passing().flow.as_ref().is_some_and(Flow::is_end_stream)
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.passing().leave();
    }
}

impl Passing {
    /// The client is gone.
    fn leave(&mut self) {
        let Some(mut flow) = self.flow.take().filter(Flow::is_running) else { return };
        if self.leaving.goes_on {
            flow = flow.measured(Added::default());
            tokio::spawn(async move { while poll_fn(|cx| Pin::new(&mut flow).poll_frame(cx)).await.is_some() {} });
            return;
        }
        if self.leaving.client.as_ref().is_some_and(|client| client.is_slow()) {
            flow.blame(Cause::SlowClient);
        }
        if flow.wants_count() && !self.leaving.wait.is_zero() {
            tokio::spawn(drained(flow.measured(Added::default()), self.leaving.wait));
        }
    }

    /// Ends what its client has not asked for in so long, or an operator has cancelled meanwhile.
    fn look(&mut self, slow: Duration) {
        let Some(taken) = self.taken else { return };
        let Some(flow) = self.flow.as_mut().filter(|flow| flow.is_running()) else { return };
        let is_slow = taken.elapsed() >= slow;
        if flow.is_cancelled() {
            flow.cancel();
        } else if is_slow && self.leaving.goes_on {
            self.leave();
        } else if is_slow {
            flow.give_up();
        }
    }
}

/// All answers that pass.
#[derive(Default)]
pub(crate) struct Answers {
    passing: Mutex<Vec<Weak<Mutex<Passing>>>>,
}

impl Answers {
    fn watch(&self, passing: &Arc<Mutex<Passing>>) {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(passing));
    }

    fn look(&self, slow: Duration) {
        let mut all = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|passing| {
            let Some(passing) = passing.upgrade() else { return false };
            // One that is in use is not stuck.
            if let Ok(mut passing) = passing.try_lock() {
                passing.look(slow);
            }
            true
        });
    }
}

/// Looks after answers for as long as the gateway runs.
pub(crate) async fn look_after(proxy: Arc<Proxy>) {
    loop {
        let slow = proxy.setup.load().clients.slow();
        tokio::time::sleep(LOOK.min(slow / 4)).await;
        proxy.answers.look(slow);
    }
}
