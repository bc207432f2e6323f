//! The line of a stream, which is written once both its end and the status of its answer are known.

use std::sync::Arc;

use http::StatusCode;

use super::known::State;
use super::stream::{Log, Stream};
use crate::log::{Ended, KnownEnd, events};

/// What the line needs beside what a stream knows anyway.
#[derive(Default)]
pub(super) struct Line {
    status: Option<StatusCode>,
    model_is_known: bool,
    waits: bool,
}

/// A request whose answer has not begun: the line of its stream waits for that.
pub(crate) struct Answering(Arc<Stream>);

impl Answering {
    /// The model is told where the configuration names it.
    pub(crate) fn new(stream: &Arc<Stream>, model_is_known: bool) -> Self {
        stream.log().line = Line { status: None, model_is_known, waits: true };
        Self(Arc::clone(stream))
    }

    /// Its answer begins with this.
    pub(crate) fn told(&self, status: StatusCode) {
        self.0.log().line.status = Some(status);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let ended = {
            let mut log = self.0.log();
            log.line.waits = false;
            self.0.ended(&log)
        };
        ended.iter().for_each(events::stream_ended);
    }
}

impl Stream {
    /// What its line holds, where it is time for that and somebody reads it.
    pub(super) fn ended(&self, log: &Log) -> Option<Ended> {
        let end = log.end.as_ref().filter(|_| log.state == State::Ended && !log.line.waits && events::tells_ends())?;
        Ended::of(&KnownEnd {
            meta: &self.meta,
            model_is_known: log.line.model_is_known,
            upstream: log.upstream.as_deref(),
            status: log.line.status,
            end,
            cause: log.cause,
            findings: (&log.findings, log.found),
            usage: &log.usage,
            duration: self.began.elapsed(),
        })
    }
}
