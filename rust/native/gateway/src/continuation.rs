//! An answer that goes on with a second request: at the next route of its model, or at the one that it has.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_ENCODING;
use hyper::body::Incoming;
use midstream_stream::{Action, Decision, Finding};
use serde_json::{Map, Value};

use crate::arrival::Arrivals;
use crate::attempts::{Books, Candidate, Request};
use crate::config::ContinuationConfig;
use crate::log::events;
use crate::splice::{self, Events, Pass, Splice, Turn};
use crate::upstream::Upstream;
use crate::usage::Call;

/// Why a second request is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The answer broke off.
    Break,
    /// Its reasoning is ended, behind so many characters if some are not to be repeated.
    EndReasoning(Option<u64>),
    /// The model is told something.
    Hint(String),
    /// Another model goes on.
    Reroute,
}

impl Why {
    /// Why a decision asks for an answer that goes on, if it does.
    pub(crate) fn of(decision: &Decision<'_>) -> Option<Self> {
        let asks = |finding: &Finding| match finding.action {
            Action::EndReasoning => Some(Self::EndReasoning(finding.onset)),
            Action::Reroute => Some(Self::Reroute),
            Action::Hint => finding.hint().map(Self::Hint),
            _ => None,
        };
        let strongest = decision.findings.iter().filter(|_| !decision.halted).max_by_key(|finding| {
            // Stronger ones that change text leave the answer as it goes on.
            Some(finding.action).filter(|action| *action <= Action::EndReasoning)
        });
        strongest.and_then(asks)
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Break => "break",
            Self::EndReasoning(_) => "end_reasoning",
            Self::Hint(_) => "hint",
            Self::Reroute => "reroute",
        }
    }
}

/// The answer that goes on.
pub(crate) struct Joined {
    pub(crate) body: Incoming,
    pub(crate) arrivals: Option<Arrivals>,
    pub(crate) upstream: Arc<Upstream>,
    /// What books it.
    pub(crate) call: Call,
}

/// An answer that is asked for; `None` where nobody gave one.
pub(crate) type Asking = Pin<Box<dyn Future<Output = Option<Joined>> + Send>>;

/// What one answer needs to go on.
pub(crate) struct Continuation {
    config: ContinuationConfig,
    asked: Request,
    /// Who answers.
    at: usize,
    events: Events,
    splice: Box<dyn Splice>,
    /// Second requests that were made.
    made: usize,
}

impl Continuation {
    /// `None` for an answer that never goes on.
    pub(crate) fn of(config: &ContinuationConfig, asked: &Request, at: usize) -> Option<Box<Self>> {
        let request: Map<String, Value> = serde_json::from_slice(&asked.routes.get(at)?.body).ok()?;
        let (splice, is_lines) = splice::of(&asked.method, &asked.path, asked.dialect, &request)?;
        let events = Events::new(is_lines);
        let (config, asked) = (config.clone(), asked.clone());
        Some(Box::new(Self { config, asked, at, events, splice, made: 0 }))
    }

    /// What passes of the next bytes of the answer: whole events, joined to those before.
    pub(crate) fn read(&mut self, chunk: &Bytes) -> Bytes {
        self.events.push(chunk);
        let mut passed = BytesMut::new();
        while let Some(event) = self.events.next() {
            match self.splice.pass(&event) {
                Pass::Same => passed.extend_from_slice(&event.raw),
                Pass::Bytes(bytes) => passed.extend_from_slice(&bytes),
            }
        }
        passed.freeze()
    }

    /// The beginning of an event that stays one.
    pub(crate) fn rest(&mut self) -> Bytes {
        self.events.take_rest()
    }

    /// Whether nothing is missing behind what passed.
    pub(crate) fn is_whole(&self) -> bool {
        self.splice.read().is_whole
    }

    /// Whether the answer said why it ends.
    pub(crate) fn has_finished(&self) -> bool {
        self.splice.read().has_finished
    }

    /// What is missing of an answer that broke off behind its reason of the end.
    pub(crate) fn end(&self) -> Option<Bytes> {
        let read = self.splice.read();
        (read.has_finished && !read.is_whole && self.config.on_break).then(|| self.splice.end().into())
    }

    /// Asks for an answer that goes on, with what was held of this one; `None` where none may. Whoever does not go on is
    /// booked by `call`.
    pub(crate) fn go_on(&mut self, why: &Why, mut call: Call) -> Option<(Bytes, Asking)> {
        let read = self.splice.read();
        let is_allowed = match why {
            Why::Break => self.config.on_break,
            Why::Hint(_) => self.config.hint,
            Why::EndReasoning(_) | Why::Reroute => true,
        };
        if !is_allowed || read.is_bound || read.has_finished || self.made >= self.config.most {
            return None;
        }
        let held = Bytes::from(self.splice.settle());
        let routes = self.routes(why);
        if routes.is_empty() {
            return None;
        }
        self.made += 1;
        self.events.take_rest();
        self.splice.join();
        let asked = Request { routes, ..self.asked.clone() };
        let why = why.name();
        let asking = async move {
            let (response, at) = asked.ask(0, &mut call).await.ok()?;
            let is_plain = !response.headers().contains_key(CONTENT_ENCODING);
            if !response.status().is_success() || !is_plain {
                call.fail();
                return None;
            }
            let upstream = Arc::clone(&asked.routes.get(at)?.upstream);
            events::spliced(asked.stream.as_str(), &upstream.name, why);
            let arrivals = response.extensions().get().cloned();
            Some(Joined { body: response.into_body(), arrivals, upstream, call })
        };
        Some((held, Box::pin(asking)))
    }

    /// Who may go on, with the request that asks for it.
    fn routes(&mut self, why: &Why) -> Vec<Candidate> {
        let who = match why {
            Why::Break | Why::Reroute => self.at + 1..self.asked.routes.len(),
            Why::EndReasoning(_) | Why::Hint(_) => self.at..self.at + 1,
        };
        let who: Vec<Candidate> = self.asked.routes.get(who).unwrap_or_default().to_vec();
        who.into_iter().filter_map(|route| self.begun(why, route)).collect()
    }

    /// The request with the answer so far; `None` where the route takes none.
    fn begun(&mut self, why: &Why, route: Candidate) -> Option<Candidate> {
        let read = self.splice.read();
        let has_text = !read.text.is_empty() || !read.reasoning.is_empty();
        let prefill = route.upstream.config.prefill.clone();
        let needs_prefill = has_text && !matches!(why, Why::Hint(_));
        if needs_prefill && prefill.is_none() {
            return None;
        }
        let mut request: Map<String, Value> = serde_json::from_slice(&route.body).ok()?;
        let turn = Turn {
            prefill: &prefill.unwrap_or_default(),
            reasoning: if let Why::EndReasoning(end) = why { Some(*end) } else { None },
            hint: if let Why::Hint(hint) = why { Some(hint) } else { None },
        };
        let is_begun = self.splice.begin(&mut request, &turn);
        let path = self.splice.path(&self.asked.path).or(route.path);
        is_begun.then(|| Candidate { path, body: Value::Object(request).to_string().into(), ..route })
    }

    /// Who answers now.
    pub(crate) fn answered(&mut self, upstream: &Upstream) {
        let name = |route: &Candidate| route.upstream.name == upstream.name;
        self.at = self.asked.routes.iter().rposition(name).unwrap_or(self.at);
    }
}
