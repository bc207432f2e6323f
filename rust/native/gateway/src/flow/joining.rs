//! An answer that goes on with a second request, or ends where it is.

use http::HeaderValue;
use midstream_stream::Close;

use super::{Flow, Source};
use crate::cause::Cause;
use crate::continuation::{Joined, Why};
use crate::wire::SPLICED;

impl Flow {
    /// Asks for an answer that goes on; false where none may.
    pub(super) fn go_on(&mut self, why: &Why) -> bool {
        let asked = self.continuation.as_mut().zip(self.watched.second());
        let asked = asked.and_then(|(continuation, call)| continuation.go_on(why, call));
        let Some((held, asking)) = asked else { return false };
        self.source = Source::Asking(asking, None);
        self.patience.rest();
        if !held.is_empty() {
            self.look(&held);
        }
        true
    }

    /// What breaks the body where no answer goes on.
    pub(super) fn breaks_by(&mut self, fault: String) {
        if let Source::Asking(_, cause) = &mut self.source {
            *cause = Some(fault);
        }
    }

    /// Another answer goes on, or none: then `fault` breaks this one, or what asked for another ends it.
    pub(super) fn answered(&mut self, joined: Option<Joined>, fault: Option<String>) {
        match (joined, fault) {
            (Some(joined), _) => {
                self.patience.start(&joined.upstream.config);
                if let Some(continuation) = &mut self.continuation {
                    continuation.answered(&joined.upstream);
                }
                self.tell_of(&joined.upstream.name);
                self.watched.spliced(&joined.upstream.name, joined.call);
                self.added.follow(joined.arrivals);
                self.source = Source::Body(joined.body);
            }
            (None, Some(fault)) => self.end_here(Some(fault)),
            (None, None) => {
                let halted = self.watched.halt();
                self.source = Source::Rest;
                self.pass(halted);
            }
        }
    }

    /// The client's head is sent.
    fn tell_of(&mut self, upstream: &str) {
        if let Ok(name) = HeaderValue::from_str(upstream) {
            self.trailers.get_or_insert_default().append(SPLICED, name);
        }
    }

    /// The upstream's body is over, or broke.
    pub(super) fn end(&mut self, fault: Option<String>) {
        let Some(continuation) = self.continuation.as_mut().filter(|continuation| !continuation.is_whole()) else {
            return self.end_here(fault);
        };
        if let Some(missing) = continuation.end() {
            self.look(&missing);
            return self.end_here(None);
        }
        if self.go_on(&Why::Break) {
            self.breaks_by(fault.unwrap_or_else(|| "the upstream ended inside its answer".into()));
        } else {
            self.end_here(fault);
        }
    }

    /// The upstream is given up.
    pub(super) fn fell_silent(&mut self, cause: Cause, what: &str) {
        let fault = format!("the upstream {what}");
        if cause != Cause::Total && self.go_on(&Why::Break) {
            return self.breaks_by(fault);
        }
        self.watched.blame(cause);
        self.break_off(Close::GaveUp, &fault);
    }

    /// Nothing more comes.
    pub(super) fn end_here(&mut self, fault: Option<String>) {
        let rest = self.continuation.as_mut().map(|continuation| continuation.rest()).unwrap_or_default();
        if !rest.is_empty() {
            self.look(&rest);
        }
        if matches!(self.source, Source::Over) {
            return;
        }
        if let Some(fault) = fault {
            return self.break_off(Close::Abrupt, &fault);
        }
        self.source = Source::Rest;
        self.patience.rest();
        let passed = self.watched.ask_rest();
        self.pass(passed);
    }
}
