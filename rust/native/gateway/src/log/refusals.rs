//! Requests that the gateway refused: some lines of each kind, the rest is counted, so that a flood fills no disk.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{Response, StatusCode};

use super::events;

/// Lines of one kind in one [`WINDOW`].
const MOST: u64 = 10;
/// After it what was left out is told, and lines may be written again.
const WINDOW: Duration = Duration::from_secs(10);

/// What an answer of the gateway's own was for, as an extension of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) kind: &'static str,
}

/// Counts refusals, and tells of some.
#[derive(Default)]
pub(crate) struct Refusals {
    kinds: Mutex<BTreeMap<&'static str, Kind>>,
}

struct Kind {
    status: StatusCode,
    since: Instant,
    told: u64,
    left_out: u64,
}

impl Refusals {
    /// Tells of an answer that refuses.
    pub(crate) fn look<B>(&self, response: &Response<B>) {
        if let Some(Refused { kind }) = response.extensions().get()
            && is_refusal(response.status())
            && self.counts(kind, response.status(), Instant::now())
        {
            events::request_refused(response.status(), kind);
        }
    }

    /// Tells of a connection that was closed without a word.
    pub(crate) fn connection(&self) {
        if self.counts("midstream_full", StatusCode::SERVICE_UNAVAILABLE, Instant::now()) {
            events::request_refused(StatusCode::SERVICE_UNAVAILABLE, "midstream_full");
        }
    }

    /// Tells how many were left out in windows that are over.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.retain(|kind, counted| {
            let is_over = now.saturating_duration_since(counted.since) >= WINDOW;
            if is_over && counted.left_out > 0 {
                events::refusals_left_out(counted.status, kind, counted.left_out);
            }
            !is_over
        });
    }

    /// The same of those that are not over: the gateway stops.
    pub(crate) fn end(&self) {
        self.sweep(Instant::now() + WINDOW);
    }

    /// Whether a line may be written.
    fn counts(&self, kind: &'static str, status: StatusCode, now: Instant) -> bool {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = kinds.entry(kind).or_insert(Kind { status, since: now, told: 0, left_out: 0 });
        if counted.told < MOST {
            counted.told += 1;
            return true;
        }
        counted.left_out += 1;
        false
    }
}

/// Whether a status turns a client away, for who it is or for what there is of it.
pub(super) fn is_refusal(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LogConfig, LogFormat};
    use crate::log::Log;

    #[test]
    fn of_a_flood_some_lines_are_told_and_the_rest_is_counted() {
        let log = Log::new(&LogConfig::default(), LogFormat::Text);
        tracing::dispatcher::with_default(log.dispatch(), || {
            let refusals = Refusals::default();
            let refuse = |status: u16, kind: &'static str| {
                let mut response = Response::new(());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                response.extensions_mut().insert(Refused { kind });
                refusals.look(&response);
            };
            (0..MOST + 7).for_each(|_| refuse(401, "midstream_no_key"));
            refuse(429, "midstream_limit");
            refuse(404, "midstream_unknown_path");
            refusals.sweep(Instant::now());
            refusals.sweep(Instant::now() + WINDOW);
            refuse(401, "midstream_no_key");
        });
        log.lines().close();
        let lines = log.lines().take();
        let count = |word: &str| lines.iter().filter(|line| line.contains(word)).count() as u64;
        assert_eq!((count("request_refused"), count("status=429")), (MOST + 2, 1), "{lines:?}");
        assert_eq!((count("refusals_left_out"), count("left_out=7"), count("status=404")), (1, 1, 0), "{lines:?}");
    }
}
