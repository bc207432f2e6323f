//! How an upstream's answer passes, as its head says.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::response::Parts;
use http::{Method, StatusCode};
use midstream_series::Timestamp;
use midstream_stream::{Continues, Dialect, End, Error, Guard, Options, Settings};

use crate::attempts::Request;
use crate::continuation::Continuation;
use crate::setup::Setup;
use crate::watched::Copy;
use crate::whole::is_whole;
use crate::wire::{encoding, text};

/// What is known of an answer before its body.
pub(crate) struct Manner {
    /// What the guard reads it as; `None` where it holds nothing to guard, or nothing that can be read.
    pub(crate) dialect: Option<Dialect>,
    /// The encoding that hides it from the guard.
    pub(crate) opaque: Option<String>,
    /// Where it comes encoded, and the guard reads what a copy holds.
    pub(crate) copy: Option<Copy>,
    /// It is not encoded.
    pub(crate) is_plain: bool,
    /// It is read to its end before it passes.
    pub(crate) is_whole: bool,
    /// It is one that a guard is for, and no refusal.
    pub(crate) is_answer: bool,
    /// It has no body, whatever its head says of one.
    pub(crate) is_bare: bool,
    kind: Option<String>,
    status: u16,
}

impl Manner {
    /// Of an answer to a request, whose client asked for a stream or did not.
    pub(crate) fn of(head: &Parts, asked: &Request, is_streamed: bool) -> Self {
        let Parts { status, headers, .. } = head;
        let is_bare = is_bare(&asked.method, head);
        let dialect = asked.dialect.filter(|_| !is_bare);
        let encoding = encoding(headers);
        let is_plain = encoding.is_none();
        let copy = encoding.as_deref().filter(|_| dialect.is_some()).and_then(Copy::of);
        let dialect = dialect.filter(|_| is_plain || copy.is_some());
        Self {
            opaque: encoding.filter(|_| copy.is_none()),
            copy,
            is_plain,
            is_whole: dialect.is_some() && is_whole(headers, !is_streamed),
            is_answer: dialect.is_some() && status.is_success(),
            is_bare,
            kind: text(headers, &CONTENT_TYPE).filter(|_| !is_bare),
            status: status.as_u16(),
            dialect,
        }
    }

    /// Its dialect where something can be added to it, or taken out of it.
    pub(crate) fn open(&self) -> Option<Dialect> {
        self.dialect.filter(|_| self.is_plain)
    }

    /// Whether every byte of it passes as it is, so that it is as long as its head says.
    pub(crate) fn is_untouched(&self) -> bool {
        self.is_bare || (self.dialect.is_none() && !self.is_sse())
    }

    /// What it is cut into frames by.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.kind.as_deref().filter(|_| self.is_plain)
    }

    /// Whether it is server-sent events that can be added to.
    pub(crate) fn is_sse(&self) -> bool {
        self.kind().is_some_and(|kind| kind.starts_with("text/event-stream"))
    }

    /// The guard for it, in a stream that began then, and what goes on with it behind the route `at`, if anything may.
    pub(crate) fn guard(
        &self,
        setup: &Setup,
        (asked, at): (&Request, usize),
        started: Timestamp,
    ) -> Result<(Guard, Option<Box<Continuation>>), Error> {
        let is_read = self.dialect.is_some();
        let may_go_on = self.is_answer && self.is_plain && !self.is_whole && setup.continues();
        let continuation = if may_go_on { Continuation::of(&setup.continuation, asked, at) } else { None };
        let mut guard = Guard::new(Options {
            dialect: self.dialect.unwrap_or(Dialect::Opaque),
            content_type: self.kind.clone(),
            http_status: Some(self.status),
            started: Some(started),
            settings: if is_read { setup.settings.clone() } else { Settings::default() },
            end: if self.open().is_some() { setup.end } else { End::None },
            rules: setup.rules.clone().filter(|_| is_read),
            continues: match &continuation {
                Some(_) => setup.continuation.continues(),
                None if self.is_whole && self.is_answer => setup.continuation.whole(asked.routes.len() > at + 1),
                None => Continues::default(),
            },
            ..Options::default()
        })?;
        if self.is_bare {
            guard.expect_nothing();
        }
        Ok((guard, continuation))
    }
}

/// RFC 9110, section 6.4.1.
fn is_bare(method: &Method, head: &Parts) -> bool {
    let is_empty = text(&head.headers, &CONTENT_LENGTH).is_some_and(|length| length.trim() == "0");
    method == Method::HEAD || is_empty || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}
