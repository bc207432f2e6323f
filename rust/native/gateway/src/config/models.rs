//! Who serves the models that are named.

use midstream_stream::Error;

use super::Config;
use super::values::setting;

/// Refuses a model that nobody serves.
pub(super) fn validate(config: &Config) -> Result<(), Error> {
    for (name, routes) in &config.models {
        if routes.is_empty() {
            return Err(setting(&format!("models.{name}"), "an empty list", "at least one route"));
        }
        let unknown = routes.iter().position(|route| !config.upstreams.contains_key(&route.upstream));
        if let Some((at, route)) = unknown.and_then(|at| Some((at, routes.get(at)?))) {
            let known: Vec<&str> = config.upstreams.keys().map(String::as_str).collect();
            let allowed = format!("an upstream of this file: {}", known.join(", "));
            let field = format!("models.{name}[{at}].upstream");
            return Err(setting(&field, &format!("{:?}", route.upstream), &allowed));
        }
    }
    Ok(())
}
