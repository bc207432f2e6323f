//! How long tools and agents take, as far as the requests of an agent tell.
//!
//! A call of a tool leaves in one answer, and its result comes with a later request.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use midstream_series::Timestamp;
use midstream_stream::ToolCall;

use crate::streams::Meta;

/// Calls that are remembered; the oldest is forgotten first.
const KEPT: usize = 4_096;
/// Ids and names that are longer are none.
const LONGEST: usize = 256;

/// Calls that left in answers.
#[derive(Default)]
pub(super) struct Agents(Mutex<Calls>);

#[derive(Default)]
struct Calls {
    by_id: BTreeMap<Name, Call>,
    /// Oldest first.
    order: BTreeMap<u64, Name>,
    next: u64,
}

/// Whose call it is, and its id: nobody answers for another.
type Name = (Option<String>, String);

struct Call {
    tool: String,
    left: Timestamp,
    /// When the run began in which it was made.
    run: Option<Timestamp>,
    is_answered: bool,
    number: u64,
}

/// What an agent's run is known to be when one of its requests comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Run {
    /// The request answers no call that was seen.
    #[default]
    Begins,
    /// It answers calls of a run that began then.
    Since(Timestamp),
    /// What the request answers was not read.
    Unknown,
}

/// A tool, and how long it took in seconds.
pub(super) type Took = (String, f64);

impl Agents {
    /// Results come at a time: the tools that gave them, each once, and the run that the calls belong to.
    pub(super) fn answered(&self, meta: &Meta, ids: &[String], now: Timestamp) -> (Vec<Took>, Run) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut took, mut run) = (Vec::new(), Run::Begins);
        for id in ids {
            let Some(call) = calls.by_id.get_mut(&(owner(meta), id.clone())) else { continue };
            if !std::mem::replace(&mut call.is_answered, true) {
                took.push((call.tool.clone(), (now - call.left).as_secs_f64()));
            }
            run = match (run, call.run) {
                (Run::Since(one), Some(other)) => Run::Since(one.min(other)),
                (Run::Since(_), None) => run,
                (_, Some(began)) => Run::Since(began),
                (_, None) => Run::Unknown,
            };
        }
        (took, run)
    }

    /// Calls leave in an answer of a run.
    pub(super) fn leave(&self, meta: &Meta, made: &[ToolCall], run: Option<Timestamp>, now: Timestamp) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for call in made.iter().filter(|call| call.complete && call.id.len() <= LONGEST && call.name.len() <= LONGEST) {
            calls.add((owner(meta), call.id.clone()), call.name.clone(), run, now);
        }
    }
}

impl Calls {
    fn add(&mut self, name: Name, tool: String, run: Option<Timestamp>, left: Timestamp) {
        let number = self.next;
        self.next += 1;
        self.order.insert(number, name.clone());
        let before = self.by_id.insert(name, Call { tool, left, run, is_answered: false, number });
        if let Some(before) = before {
            self.order.remove(&before.number);
        }
        while self.by_id.len() > KEPT
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.by_id.remove(&oldest);
        }
    }
}

fn owner(meta: &Meta) -> Option<String> {
    meta.tenant.clone().or_else(|| meta.key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Api;
    use crate::streams::StreamId;

    fn meta(tenant: &str) -> Meta {
        Meta {
            id: StreamId::new(),
            api: Api::Openai,
            path: "/v1/chat/completions".into(),
            model: None,
            started: 0.0,
            key: None,
            tenant: Some(tenant.into()),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    fn left(agents: &Agents, tenant: &str, id: &str, run: i64, now: i64) {
        let mut calls = agents.0.lock().unwrap();
        calls.add((Some(tenant.into()), id.into()), "search".into(), Some(at(run)), at(now));
    }

    fn answered(agents: &Agents, tenant: &str, id: &str, now: i64) -> (Vec<Took>, Run) {
        agents.answered(&meta(tenant), &[id.to_owned()], at(now))
    }

    #[test]
    fn a_tool_takes_from_its_call_to_its_result_and_counts_once() {
        let agents = Agents::default();
        left(&agents, "one", "c1", 1, 4);
        assert_eq!(answered(&agents, "one", "c1", 9), (vec![("search".into(), 5.0)], Run::Since(at(1))));
        // The same request again.
        assert_eq!(answered(&agents, "one", "c1", 11), (vec![], Run::Since(at(1))));
    }

    #[test]
    fn nobody_answers_the_call_of_another() {
        let agents = Agents::default();
        left(&agents, "one", "c1", 1, 4);
        assert_eq!(answered(&agents, "other", "c1", 9), (vec![], Run::Begins));
        assert_eq!(answered(&agents, "one", "c2", 9), (vec![], Run::Begins));
    }

    #[test]
    fn the_oldest_calls_are_forgotten() {
        let agents = Agents::default();
        for number in 0..=KEPT {
            left(&agents, "one", &format!("c{number}"), 1, 2);
            left(&agents, "one", "c1", 1, 2);
        }
        let calls = agents.0.lock().unwrap();
        assert_eq!((calls.by_id.len(), calls.order.len()), (KEPT, KEPT));
        drop(calls);
        assert!(answered(&agents, "one", "c0", 9).0.is_empty());
        assert_eq!(answered(&agents, "one", "c1", 9).0.len(), 1);
    }
}
