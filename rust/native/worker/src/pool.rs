use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

/// Runs tasks beside those who wait for other things, on the blocking threads of a tokio runtime.
///
/// So many run at once and so many wait for their turn. A task too many is refused and given back: nobody ever waits to
/// hand one over.
///
/// ```
/// use std::time::Duration;
/// use midstream_worker::{Pool, PoolLimits};
/// use tokio::runtime::{Builder, Handle};
/// Builder::new_current_thread().enable_time().build()?.block_on(async {
///     let pool = Pool::new(PoolLimits { at_once: 1, waiting: 8 }, Handle::current());
///     let sum = pool.run(Some(Duration::from_secs(1)), || (1..=100).sum::<u64>());
///     assert_eq!(sum.expect("there is room").await, Ok(5050));
///     assert_eq!(pool.counts().done, 1);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pool {
    runtime: Handle,
    shared: Arc<Shared>,
}

/// How much a [`Pool`] takes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Tasks that run, at least one.
    pub at_once: usize,
    /// Tasks that wait for one of those to end.
    pub waiting: usize,
}

/// What came of the tasks of a [`Pool`] so far; one that runs is none of these yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Gave their answer in time.
    pub done: u64,
    /// Nobody waited for their answer any longer.
    pub dropped: u64,
    /// Panicked.
    pub failed: u64,
    /// Had no answer when their time was over.
    pub late: u64,
    /// Found no room.
    pub refused: u64,
}

/// Why a task gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// It panicked, or the runtime stopped before it was run.
    Failed,
    /// Its time was over: it still runs, or never began.
    Late,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "the task panicked",
            Self::Late => "the task took longer than it may",
        })
    }
}

impl std::error::Error for Missed {}

/// A task for which a [`Pool`] had no room, as it was.
pub struct Refused<F>(pub F);

impl<F> fmt::Debug for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused")
    }
}

/// The answer of a task, as a future. Whoever drops it has no more use for the task: it is left out if it has not begun.
#[derive(Debug)]
pub struct Deferred<T> {
    answer: oneshot::Receiver<Result<T, Missed>>,
    until: Option<Instant>,
    /// From the first time on that the answer is waited for.
    sleep: Option<Pin<Box<Sleep>>>,
    shared: Arc<Shared>,
    is_counted: bool,
}

struct Shared {
    limits: PoolLimits,
    queue: Mutex<Queue>,
    done: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    late: AtomicU64,
    refused: AtomicU64,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Task>,
    running: usize,
}

type Task = Box<dyn FnOnce() + Send>;

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Pool {
    /// A pool whose tasks run on the blocking threads of this runtime.
    pub fn new(limits: PoolLimits, runtime: Handle) -> Self {
        let shared = Shared {
            limits: PoolLimits { at_once: limits.at_once.max(1), ..limits },
            queue: Mutex::default(),
            done: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            late: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        };
        Self { runtime, shared: Arc::new(shared) }
    }

    /// Hands a task over; from now on it has as long as `longest` for its answer, the wait for its turn included.
    ///
    /// # Errors
    /// [`Refused`] where as many run and wait as may.
    pub fn run<T, F>(&self, longest: Option<Duration>, work: F) -> Result<Deferred<T>, Refused<F>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let PoolLimits { at_once, waiting } = self.shared.limits;
        let mut queue = self.shared.queue();
        let is_idle = queue.running < at_once;
        if !is_idle && queue.waiting.len() >= waiting {
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Refused(work));
        }
        let until = longest.map(|longest| Instant::now() + longest);
        let (sender, answer) = oneshot::channel();
        let task = Box::new(move || answer_with(work, until, sender));
        if is_idle {
            queue.running += 1;
            drop(queue);
            let shared = Arc::clone(&self.shared);
            self.runtime.spawn_blocking(move || shared.run_from(task));
        } else {
            queue.waiting.push_back(task);
        }
        Ok(Deferred { answer, until, sleep: None, shared: Arc::clone(&self.shared), is_counted: false })
    }

    /// What came of the tasks so far.
    pub fn counts(&self) -> PoolCounts {
        let Shared { done, dropped, failed, late, refused, .. } = &*self.shared;
        let [done, dropped, failed, late, refused] =
            [done, dropped, failed, late, refused].map(|count| count.load(Ordering::Relaxed));
        PoolCounts { done, dropped, failed, late, refused }
    }
}

/// Runs a task, unless nobody waits for it or its time is over.
fn answer_with<T>(work: impl FnOnce() -> T, until: Option<Instant>, sender: oneshot::Sender<Result<T, Missed>>) {
    if sender.is_closed() {
        return;
    }
    let is_late = || until.is_some_and(|until| Instant::now() >= until);
    let answer =
        if is_late() { Err(Missed::Late) } else { catch_unwind(AssertUnwindSafe(work)).map_err(|_| Missed::Failed) };
    // Whoever has gone meanwhile has counted it.
    let _ = sender.send(answer.and_then(|answer| if is_late() { Err(Missed::Late) } else { Ok(answer) }));
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a task and then those that wait.
    fn run_from(&self, first: Task) {
        first();
        while let Some(task) = self.next() {
            task();
        }
    }

    fn next(&self) -> Option<Task> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        queue.running -= usize::from(next.is_none());
        next
    }
}

impl<T> Deferred<T> {
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Missed>> {
        if let Poll::Ready(answer) = Pin::new(&mut self.answer).poll(cx) {
            return Poll::Ready(answer.unwrap_or(Err(Missed::Failed)));
        }
        let Some(until) = self.until else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(until)));
        sleep.as_mut().poll(cx).map(|()| Err(Missed::Late))
    }
}

impl<T> Future for Deferred<T> {
    type Output = Result<T, Missed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.poll_answer(cx);
        if let Poll::Ready(answer) = &polled {
            let Shared { done, failed, late, .. } = &*self.shared;
            let count = match answer {
                Ok(_) => done,
                Err(Missed::Failed) => failed,
                Err(Missed::Late) => late,
            };
            count.fetch_add(1, Ordering::Relaxed);
            self.is_counted = true;
        }
        polled
    }
}

impl<T> Drop for Deferred<T> {
    fn drop(&mut self) {
        if !self.is_counted {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONGEST: Duration = Duration::from_secs(5);

    fn pool(at_once: usize, waiting: usize) -> Pool {
        Pool::new(PoolLimits { at_once, waiting }, Handle::current())
    }

    /// A task that ends when it is told to.
    fn held() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
        let (end, ended) = mpsc::channel();
        (end, move || ended.recv().unwrap_or_default())
    }

    #[tokio::test]
    async fn a_task_too_many_is_refused_and_given_back() {
        let pool = pool(1, 1);
        let (end, first) = held();
        let first = pool.run(None, first).unwrap();
        let second = pool.run(None, || 2).unwrap();
        let Err(Refused(third)) = pool.run(None, || 3) else { panic!("there was room") };
        assert_eq!(third(), 3);
        drop(end);
        assert_eq!((first.await, second.await), (Ok(()), Ok(2)));
        assert_eq!(pool.run(None, || 4).unwrap().await, Ok(4));
        assert_eq!(pool.counts(), PoolCounts { done: 3, refused: 1, ..PoolCounts::default() });
    }

    #[tokio::test]
    async fn no_more_tasks_run_at_once_than_may() {
        let pool = pool(2, 64);
        let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let task = || {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            }
        };
        let tasks: Vec<_> = (0..60).map(|_| pool.run(None, task()).unwrap()).collect();
        for task in tasks {
            assert_eq!(task.await, Ok(()));
        }
        assert!(most.load(Ordering::SeqCst) <= 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_takes_too_long_is_late() {
        let pool = pool(1, 0);
        let (end, task) = held();
        let mut late = std::pin::pin!(pool.run(Some(LONGEST), task).unwrap());
        assert!(futures_are_pending(&mut late).await);
        tokio::time::advance(LONGEST).await;
        assert_eq!(late.await, Err(Missed::Late));
        drop(end);
        assert_eq!(pool.counts(), PoolCounts { late: 1, ..PoolCounts::default() });
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_whose_time_is_over_before_its_turn_is_left_out() {
        let pool = pool(1, 1);
        let (end, first) = held();
        let first = pool.run(None, first).unwrap();
        let second = pool.run(Some(LONGEST), || panic!("it ran")).unwrap();
        tokio::time::advance(LONGEST).await;
        drop(end);
        assert_eq!((first.await, second.await), (Ok(()), Err::<(), _>(Missed::Late)));
        assert_eq!(pool.counts(), PoolCounts { done: 1, late: 1, ..PoolCounts::default() });
    }

    #[tokio::test]
    async fn a_panic_is_told_as_such_and_the_next_task_runs() {
        let pool = pool(1, 1);
        let (end, first) = held();
        let first = pool.run(Some(LONGEST), move || {
            first();
            panic!("of the test");
        });
        let next = pool.run(Some(LONGEST), || 2).unwrap();
        drop(end);
        assert_eq!((first.unwrap().await, next.await), (Err::<(), _>(Missed::Failed), Ok(2)));
        assert_eq!(pool.counts(), PoolCounts { done: 1, failed: 1, ..PoolCounts::default() });
    }

    #[tokio::test]
    async fn a_task_that_nobody_waits_for_is_left_out() {
        let pool = pool(1, 2);
        let (end, first) = held();
        let first = pool.run(None, first).unwrap();
        drop(pool.run(None, || panic!("it ran")).unwrap());
        let last = pool.run(None, || 3).unwrap();
        drop(end);
        assert_eq!((first.await, last.await), (Ok(()), Ok(3)));
        assert_eq!(pool.counts(), PoolCounts { done: 2, dropped: 1, ..PoolCounts::default() });
    }

    async fn futures_are_pending<T>(deferred: &mut Pin<&mut Deferred<T>>) -> bool {
        std::future::poll_fn(|cx| Poll::Ready(deferred.as_mut().poll(cx).is_pending())).await
    }
}
