//! When an answer goes on with a second request.

use midstream_stream::{Continues, Error, Settings};
use serde::Deserialize;

use super::actions::asks_end_of_reasoning;
use super::values::setting;

/// The checks, and kinds of them, whose stop may be a reroute.
const REROUTED: [&str; 8] =
    ["actions", "budget", "pace", "pace/stall", "repeat", "repeat/counter", "repeat/exact", "repeat/near"];

/// When an answer goes on with a second request, whose answer is joined to the first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContinuationConfig {
    /// Where an answer breaks off, the next route of its model goes on with it.
    pub on_break: bool,
    /// Checks, or kinds of them as in `repeat/exact`, whose stop lets the next route of the model go on instead. An answer
    /// in one piece is asked for at that route as if it were the first.
    pub reroute: Vec<String>,
    /// Whether a hint is told to the model at once, by a second request, where a check asks for one.
    pub hint: bool,
    /// Second requests of one answer at most: 1 to 10.
    pub most: usize,
}

impl Default for ContinuationConfig {
    fn default() -> Self {
        Self { on_break: false, reroute: Vec::new(), hint: false, most: 2 }
    }
}

impl ContinuationConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let mut names = self.reroute.iter().enumerate();
        if let Some((at, unknown)) = names.find(|(_, name)| !REROUTED.contains(&name.as_str())) {
            let field = format!("continuation.reroute[{at}]");
            return Err(setting(&field, &format!("{unknown:?}"), &REROUTED.join(", ")));
        }
        if !(1..=10).contains(&self.most) {
            return Err(setting("continuation.most", &self.most.to_string(), "1 to 10"));
        }
        Ok(())
    }

    /// The same of an answer in one piece, which holds what follows its reasoning; `has_next` where a route is left.
    pub(crate) fn whole(&self, has_next: bool) -> Continues {
        Continues { end_reasoning: true, reroute: if has_next { self.reroute.clone() } else { Vec::new() } }
    }

    /// What the gateway answers in the place of a guard.
    pub(crate) fn continues(&self) -> Continues {
        Continues { end_reasoning: true, reroute: self.reroute.clone() }
    }

    /// Whether a second request is ever made under a guard of these settings.
    pub(crate) fn is_asked_for(&self, guard: &Settings) -> bool {
        self.on_break || self.hint || !self.reroute.is_empty() || asks_end_of_reasoning(guard).is_some()
    }
}
