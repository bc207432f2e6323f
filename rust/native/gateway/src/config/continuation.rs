//! When an answer goes on with a second request.

use midstream_stream::{Continues, Error};
use serde::Deserialize;

use super::values::setting;

/// The checks whose stop may be a reroute.
const REROUTED: [&str; 4] = ["actions", "budget", "pace", "repeat"];

/// When an answer goes on with a second request, whose answer is joined to the first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContinuationConfig {
    /// Where an answer breaks off, the next route of its model goes on with it.
    pub on_break: bool,
    /// Checks, or kinds of them as in `repeat/exact`, whose stop lets the next route of the model go on instead: of
    /// `actions`, `budget`, `pace` and `repeat`. While nothing has passed, that route is asked as if it were the first.
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
        let check = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
        if let Some(unknown) = self.reroute.iter().find(|name| !REROUTED.contains(&check(name).as_str())) {
            let allowed = format!("a check, or a kind of one as in repeat/exact: {}", REROUTED.join(", "));
            return Err(setting("continuation.reroute", &format!("{unknown:?}"), &allowed));
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
}
