//! What a configuration becomes; a reload puts another in its place, and requests that run keep theirs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use midstream_series::Timestamp;
use midstream_stream::redact::RuleSet;
use midstream_stream::{Action, Dialect, End, Settings};

use crate::access::Access;
use crate::attempts::Candidate;
use crate::config::{ClientsConfig, Config, ConfigError, ContinuationConfig, OnClientGone};
use crate::cors::Cors;
use crate::edit::{Asked, edited};
use crate::endpoint::with_model;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::moderator::Moderator;
use crate::tls::Tls;
use crate::upstream::{Chosen, Upstream, Upstreams};

/// All that requests are answered by, and that may change while the gateway runs.
pub(crate) struct Setup {
    pub(crate) access: Access,
    pub(crate) limits: Limits,
    pub(crate) upstreams: Upstreams,
    pub(crate) settings: Settings,
    /// The automaton of their rules, built once.
    pub(crate) rules: Option<Arc<RuleSet>>,
    /// How an answer that is stopped ends.
    pub(crate) end: End,
    /// Whom held text is shown to.
    pub(crate) moderator: Option<Arc<Moderator>>,
    pub(crate) continuation: ContinuationConfig,
    /// Warnings are told inside answers.
    pub(crate) tells_warnings: bool,
    /// Silence after which a client is told that the gateway is there.
    pub(crate) keepalive: Option<Duration>,
    /// The same before anybody has answered, where a client may be told so.
    pub(crate) early: Option<Duration>,
    /// Answers outlive their clients.
    pub(crate) goes_on: bool,
    pub(crate) max_body: usize,
    /// How long running streams may go on when the gateway stops.
    pub(crate) drain: Duration,
    pub(crate) clients: ClientsConfig,
    pub(crate) cors: Cors,
    pub(crate) tls: Option<Tls>,
}

impl Setup {
    /// Reads what the configuration names: keys of the environment and files of certificates.
    ///
    /// What has not changed since `before` is kept with all that hangs on it: connections of upstreams, and a
    /// certificate that was made; so is what keys have used of limits that stay.
    pub(crate) fn of(config: Config, before: Option<&Self>, now: Timestamp) -> Result<Self, ConfigError> {
        let keepalive = Some(Duration::from_secs_f64(config.keepalive_s)).filter(|every| !every.is_zero());
        let made_before = before.and_then(|before| before.tls.as_ref());
        let tls = config.tls.as_ref().map(|tls| Tls::of(tls, config.listen, made_before)).transpose()?;
        Ok(Self {
            access: Access::of(&config),
            limits: Limits::of(&config, before.map(|before| &before.limits), now),
            upstreams: Upstreams::of(&config, before.map(|before| &before.upstreams))?,
            rules: config.guard.redact.rule_set()?,
            settings: config.guard,
            end: config.on_stop.end(),
            moderator: config.moderator.as_ref().map(Moderator::of).transpose()?,
            continuation: config.continuation,
            tells_warnings: config.tell_warnings,
            keepalive,
            early: keepalive.filter(|_| config.early_head),
            goes_on: config.on_client_gone == OnClientGone::Continue,
            max_body: config.max_body,
            drain: Duration::from_secs_f64(config.drain_s),
            clients: config.clients,
            cors: Cors::of(config.cors.as_ref()),
            tls,
        })
    }

    /// Whether text of answers is redacted or held, so that none may pass unread.
    pub(crate) fn changes_text(&self) -> bool {
        let redacts = self.rules.is_some() && self.settings.redact.strongest() >= Some(Action::Redact);
        !self.settings.shadow && (redacts || self.settings.hold.is_some())
    }

    /// Whether an answer may go on with a second request.
    pub(crate) fn continues(&self) -> bool {
        !self.settings.shadow && self.continuation.is_asked_for(&self.settings)
    }

    /// Who may serve the request, and the path and the body as each knows them.
    pub(crate) fn candidates(
        &self,
        chosen: &Chosen,
        model: Option<&str>,
        asked: &Asked<'_>,
        body: &Bytes,
    ) -> Result<Vec<Candidate>, Fault> {
        let routes = model.map(|model| self.upstreams.of_model(model, chosen.api)).transpose()?.flatten();
        let in_path = chosen.endpoint.as_ref().is_some_and(|endpoint| endpoint.model.is_some());
        let is_chat = chosen.endpoint.as_ref().is_some_and(|endpoint| endpoint.dialect == Some(Dialect::OpenaiChat));
        let routes = routes.unwrap_or_else(|| vec![(Arc::clone(&chosen.upstream), None)]);
        let first = routes.first().map(|(upstream, _)| Arc::clone(upstream));
        let candidate = |(upstream, name): (Arc<Upstream>, Option<String>)| {
            let is_elsewhere = first.as_ref().is_some_and(|first| !first.is_at(&upstream));
            let path = name.as_deref().filter(|_| in_path).and_then(|name| with_model(&chosen.path, name));
            let renamed = name.filter(|_| !in_path).and_then(|name| asked.renaming(body, &name));
            let asks_usage = is_chat && upstream.config.asks_usage();
            let counted = asks_usage.then(|| asked.asking_usage(body)).flatten();
            let hides_usage = counted.is_some();
            Candidate { upstream, path, body: edited(body, [renamed, counted]), hides_usage, is_elsewhere }
        };
        Ok(routes.into_iter().map(candidate).collect())
    }
}
