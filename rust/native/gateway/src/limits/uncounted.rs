//! Requests that may use tokens which nobody can count: who has a budget of them sends none.

use http::{Method, StatusCode};

use super::{Allowance, Limits};
use crate::access::Key;
use crate::endpoint::Api;
use crate::fault::Fault;
use crate::spelling::Spelling;
use crate::upstream::Chosen;

/// Ends of paths, as they are decoded and in lower case, that a model neither reads nor writes for.
const IDLE: [&str; 6] = ["/apply-template", "/cancel", "/detokenize", "/files", "/input_tokens", "/tokenize"];
/// What Gemini's models do that a request's text tells the tokens of.
const READ_ALONE: [&str; 4] = [":batchembedcontents", ":counttokens", ":embedcontent", ":predict"];

/// Whether a model may read or write for a request, and neither is counted.
pub(crate) fn is_uncounted(method: &Method, chosen: &Chosen) -> bool {
    if [Method::DELETE, Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
        return false;
    }
    let path = Spelling::of(&chosen.path).path;
    let ends_as = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
    let Some(endpoint) = &chosen.endpoint else { return !ends_as(&IDLE) };
    if endpoint.dialect.is_some() {
        return false;
    }
    match (endpoint.api, &endpoint.model) {
        (Api::Gemini, Some(_)) => !ends_as(&READ_ALONE),
        _ => !endpoint.asks_model && !endpoint.costs_unguarded(&chosen.path) && !ends_as(&IDLE),
    }
}

impl Limits {
    /// Refuses a request that nobody can count to who has a budget of tokens or cost.
    pub(crate) fn check_counted(&self, key: &Key, method: &Method, path: &str) -> Result<(), Fault> {
        let of_tenant = key.tenant().and_then(|tenant| self.tenants.get(tenant));
        let limited = [of_tenant, self.keys.get(&key.name)].into_iter().flatten().find(|all| all.counts_tokens());
        limited.map_or(Ok(()), |allowance| Err(allowance.uncounted(method, path)))
    }
}

impl Allowance {
    fn counts_tokens(&self) -> bool {
        self.config.tokens_per_min.is_some() || self.counts_days()
    }

    fn uncounted(&self, method: &Method, path: &str) -> Fault {
        let path = path.split('?').next().unwrap_or_default();
        let message = format!(
            "{} has a budget, and what {method} {path:?} uses cannot be counted; ask on a path whose answers are read, or by \
             a key without tokens_per_min, tokens_per_day and cost_per_day",
            self.whose
        );
        Fault::new(StatusCode::FORBIDDEN, "midstream_not_allowed", message)
    }
}
