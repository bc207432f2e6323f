//! Whether the gateway can do what its guard asks for.

use midstream_stream::{Action, Error, Settings};

use super::values::setting;
use super::{Config, OnStop, RouteConfig, UpstreamConfig};

/// Refuses what no stream could do, before one has started.
pub(super) fn validate(config: &Config) -> Result<(), Error> {
    config.continuation.validate()?;
    held(config)?;
    if let Some(moderator) = &config.moderator {
        moderator.validate()?;
    }
    if !config.guard.shadow {
        reasoning(config)?;
    }
    routes(config)
}

/// Held text needs somebody to look at it, and an end that says nothing of how much has passed.
fn held(config: &Config) -> Result<(), Error> {
    let is_held = config.guard.hold.is_some();
    if is_held != config.moderator.is_some() {
        let (field, allowed) = if is_held {
            ("guard.hold", "none without a table moderator, which says whom held text is shown to")
        } else {
            ("moderator", "none without a table guard.hold, which says what text is held")
        };
        return Err(setting(field, "a table", allowed));
    }
    if is_held && config.on_stop == OnStop::Finish && !config.guard.shadow {
        let allowed = "\"error\" where text is held: nobody knows how much of the answer would be finished";
        return Err(setting("on_stop", "\"finish\"", allowed));
    }
    Ok(())
}

/// Reasoning is ended by a second request, whose last turn is begun.
fn reasoning(config: &Config) -> Result<(), Error> {
    let Some(field) = asks_end_of_reasoning(&config.guard) else { return Ok(()) };
    match config.upstreams.iter().find(|(_, upstream)| upstream.prefill.is_none()) {
        Some((name, _)) => {
            let allowed = format!(
                "\"stop\", or \"end_reasoning\" where every upstream has a table `prefill`; upstreams.{name} has none"
            );
            Err(setting(&format!("guard.{field}"), "\"end_reasoning\"", &allowed))
        }
        None => Ok(()),
    }
}

/// The field that asks for it.
pub(super) fn asks_end_of_reasoning(guard: &Settings) -> Option<&'static str> {
    let of_repeat = guard.repeat.reasoning;
    let fields = [
        ("repeat.reasoning.exact", of_repeat.exact.flatten()),
        ("repeat.reasoning.counter", of_repeat.counter.flatten()),
        ("repeat.reasoning.near", of_repeat.near.flatten()),
        ("budget.reasoning_action", guard.budget.reasoning_action),
    ];
    fields.into_iter().find(|(_, action)| *action == Some(Action::EndReasoning)).map(|(field, _)| field)
}

/// Another route can go on where it speaks the same API and takes an answer that is begun.
fn routes(config: &Config) -> Result<(), Error> {
    let upstream = |route: &RouteConfig| config.upstreams.get(&route.upstream);
    for (name, routes) in &config.models {
        let Some(first) = routes.first().and_then(upstream) else { continue };
        let speaks_alike = |other: &&UpstreamConfig| other.apis.iter().any(|api| first.apis.contains(api));
        let is_other = |route: &RouteConfig| !upstream(route).as_ref().is_none_or(speaks_alike);
        if let Some((at, route)) = routes.iter().enumerate().find(|(_, route)| is_other(route)) {
            let allowed = "an upstream that speaks an API of the first route, since no answer is translated";
            return Err(setting(&format!("models.{name}[{at}].upstream"), &format!("{:?}", route.upstream), allowed));
        }
    }
    let has_next = |needs_prefill: bool| {
        let is_next = |upstream: &UpstreamConfig| !needs_prefill || upstream.prefill.is_some();
        config.models.values().any(|routes| routes.iter().skip(1).filter_map(upstream).any(is_next))
    };
    if config.continuation.on_break && !has_next(true) {
        let allowed = "false, as long as no model has a second route whose upstream has a table `prefill`";
        return Err(setting("continuation.on_break", "true", allowed));
    }
    if !config.continuation.reroute.is_empty() && !has_next(false) {
        let value = format!("{:?}", config.continuation.reroute);
        return Err(setting("continuation.reroute", &value, "an empty list, as long as no model has a second route"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const LOCAL: &str = "[upstreams.local]\napis = [\"openai\"]\nurl = \"http://x\"\n";

    fn fault(text: &str) -> String {
        Config::from_toml(format!("{text}\n{LOCAL}").as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn reasoning_is_ended_only_where_the_upstream_goes_on() {
        let asks = "[guard.repeat.reasoning]\nexact = \"end_reasoning\"";
        let text = fault(asks);
        assert!(text.starts_with("guard.repeat.reasoning.exact is \"end_reasoning\""), "{text}");
        assert!(text.contains("upstreams.local has none"), "{text}");
        let goes_on = format!("{asks}\n{LOCAL}prefill = {{}}");
        assert!(Config::from_toml(goes_on.as_bytes()).is_ok());
    }

    #[test]
    fn held_text_needs_a_moderator_and_a_moderator_held_text() {
        assert!(fault("[guard.hold]").starts_with("guard.hold is a table, allowed is none without a table moder"));
        assert!(fault("[moderator]\nurl = \"http://x\"").starts_with("moderator is a table, allowed is none with"));
        assert!(fault("on_stop = \"finish\"\n[guard.hold]\n[moderator]\nurl = \"http://x\"").starts_with("on_stop"));
    }

    #[test]
    fn another_route_has_to_be_there_and_to_speak_the_same_api() {
        let text = fault("[continuation]\non_break = true");
        assert!(text.starts_with("continuation.on_break is true"), "{text}");
        let other = "[models]\nm = [{ upstream = \"local\" }, { upstream = \"other\" }]\n[upstreams.other]\napis = [\"anthropic\"]\nurl = \"http://x\"";
        assert!(fault(other).starts_with("models.m[1].upstream is \"other\""), "{}", fault(other));
    }
}
