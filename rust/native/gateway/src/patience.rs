//! For how long an upstream is waited for inside its answer.

use std::time::Duration;

use tokio::time::Instant;

use crate::cause::Cause;
use crate::config::UpstreamConfig;

/// When an answer is given up: the earliest of three moments.
pub(crate) struct Patience {
    idle: Duration,
    idle_at: Instant,
    /// What a chunk holds is known.
    is_read: bool,
    progress: Duration,
    progress_at: Instant,
    total: Duration,
    total_at: Instant,
}

impl Patience {
    /// Where an answer is not read, every chunk of it counts as progress.
    pub(crate) fn new(config: &UpstreamConfig, started: Instant, is_read: bool) -> Self {
        let now = Instant::now();
        let [idle, progress, total] =
            [config.idle_s, config.no_progress_s, config.total_s].map(Duration::from_secs_f64);
        let (idle_at, progress_at, total_at) = (now + idle, now + progress, started + total);
        Self { idle, idle_at, is_read, progress, progress_at, total, total_at }
    }

    /// A chunk came, with more than signs of life in it or not.
    pub(crate) fn chunk(&mut self, is_progress: bool) {
        let now = Instant::now();
        self.idle_at = now + self.idle;
        if is_progress || !self.is_read {
            self.progress_at = now + self.progress;
        }
    }

    /// Nothing is waited for but the end of the whole.
    pub(crate) fn rest(&mut self) {
        (self.idle_at, self.progress_at) = (self.total_at, self.total_at);
    }

    /// Another upstream answers, in what is left of the whole.
    pub(crate) fn start(&mut self, config: &UpstreamConfig) {
        let now = Instant::now();
        [self.idle, self.progress] = [config.idle_s, config.no_progress_s].map(Duration::from_secs_f64);
        (self.idle_at, self.progress_at) = (now + self.idle, now + self.progress);
    }

    /// When it ends if nothing comes.
    pub(crate) fn until(&self) -> Instant {
        self.idle_at.min(self.progress_at).min(self.total_at)
    }

    /// What it ended by, in words that follow the upstream's name; `None` while it has not.
    pub(crate) fn ended(&self) -> Option<(Cause, String)> {
        let now = Instant::now();
        let text = |what: &str, time: Duration| format!("{what} {} s", time.as_secs_f64());
        if now >= self.total_at {
            Some((Cause::Total, text("did not end its answer within", self.total)))
        } else if now >= self.idle_at {
            Some((Cause::Idle, text("sent nothing for", self.idle)))
        } else if now >= self.progress_at {
            Some((Cause::NoProgress, text("sent nothing but signs of life for", self.progress)))
        } else {
            None
        }
    }
}
