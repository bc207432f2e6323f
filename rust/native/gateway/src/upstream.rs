//! Who is asked: one pooled client, and which upstream serves which request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use midstream_stream::Error;
use rustls::ClientConfig;
use secrecy::ExposeSecret;

use crate::arrival::Connector;
use crate::breaker::Breaker;
use crate::config::{Config, RouteConfig, Secret, UpstreamConfig, below};
use crate::connecting::Within;
use crate::endpoint::{Api, Endpoint};
use crate::fault::Fault;
use crate::reason::reason;
use crate::seats::Seats;
use crate::socket::{PROBE_AFTER, PROBE_EVERY, PROBES};
use crate::tls::towards_upstream;
use crate::wire::{API_KEY, GOOG_API_KEY, with_key, without_key};

/// Silence after which a server over HTTP/2 that is no upstream is asked whether it is there.
pub(crate) const PING: Duration = Duration::from_secs(20);
/// What of one answer an upstream sends ahead over HTTP/2.
const STREAM_WINDOW: u32 = 256 << 10;
/// The same of all answers of a connection: those whose clients do not read leave room for the others.
const CONNECTION_WINDOW: u32 = 32 << 20;

/// One provider or server, and the client that asks it.
pub(crate) struct Upstream {
    pub(crate) name: String,
    pub(crate) config: UpstreamConfig,
    base: Uri,
    key: Option<Secret>,
    pub(crate) seats: Seats,
    pub(crate) breaker: Breaker,
    client: HttpClient,
}

/// What asks.
pub(crate) type HttpClient = Client<Within<HttpsConnector<Connector>>, Full<Bytes>>;

/// All of them.
pub(crate) struct Upstreams {
    by_name: BTreeMap<String, Arc<Upstream>>,
    models: BTreeMap<String, Vec<RouteConfig>>,
}

/// Who serves a model, and under which name if another.
type Served = (Arc<Upstream>, Option<String>);

/// Where one request goes.
pub(crate) struct Chosen {
    pub(crate) upstream: Arc<Upstream>,
    /// Whose API it is asked in: where the path does not say so, the first that the upstream speaks.
    pub(crate) api: Api,
    /// The path behind the upstream's URL, with the query.
    pub(crate) path: String,
    /// What the path asks for; `None` where it is of no known API.
    pub(crate) endpoint: Option<Endpoint>,
}

impl Chosen {
    /// Whether the model that the path or the body names is the one that is asked; of other paths nobody knows.
    pub(crate) fn asks_model(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.asks_model)
    }
}

impl Upstreams {
    /// Reads the keys and makes the clients; those that would be the same as before are kept with their connections.
    pub(crate) fn of(config: &Config, before: Option<&Self>) -> Result<Self, Error> {
        let made = |(name, config): (&String, &UpstreamConfig)| {
            let key = config.key().map_err(|error| below(&format!("upstreams.{name}"), error))?;
            let kept = before.and_then(|before| before.by_name.get(name)).filter(|kept| kept.is_same(config, &key));
            let upstream =
                kept.map_or_else(|| Upstream::of(name, config, key).map(Arc::new), |kept| Ok(Arc::clone(kept)));
            Ok((name.clone(), upstream?))
        };
        let by_name = config.upstreams.iter().map(made).collect::<Result<_, Error>>()?;
        Ok(Self { by_name, models: config.models.clone() })
    }

    /// The upstream and the endpoint of a path: a first part that is an upstream's name chooses that one.
    pub(crate) fn choose(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Chosen, Fault> {
        let (path, query) = (uri.path(), uri.query());
        let prefix = path.get(1..).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let named = self.by_name.get(prefix);
        let rest = match named {
            Some(_) => path.get(1 + prefix.len()..).filter(|rest| !rest.is_empty()).unwrap_or("/"),
            None => path,
        };
        let endpoint = Endpoint::read(method, rest, query, headers)?;
        let api = endpoint.as_ref().map(|endpoint| endpoint.api);
        let upstream = match named {
            Some(upstream) => upstream,
            None => self.of_api(api.ok_or_else(|| Fault::unknown_path(path))?, path)?,
        };
        let is_read = endpoint.as_ref().is_some_and(Endpoint::is_read);
        let asked = upstream.joined(rest);
        let endpoint = match asked == rest || is_read {
            true => endpoint,
            // Part of an API's path may stand in the upstream's URL.
            false => Endpoint::read(method, &asked, query, headers)?.filter(Endpoint::is_read).or(endpoint),
        };
        let api = endpoint.as_ref().map(|endpoint| endpoint.api).filter(|api| upstream.config.apis.contains(api));
        let api = api.or(upstream.config.apis.first().copied()).unwrap_or(Api::Openai);
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Chosen { upstream: Arc::clone(upstream), api, path: format!("{rest}{query}"), endpoint })
    }

    fn of_api(&self, api: Api, path: &str) -> Result<&Arc<Upstream>, Fault> {
        let speaks = |upstream: &&Arc<Upstream>| upstream.config.apis.contains(&api);
        let none = || if path == "/" { Fault::unknown_path(path) } else { Fault::no_upstream(api) };
        self.by_name.values().find(speaks).ok_or_else(none)
    }

    /// All of them, in order of the name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.by_name.values()
    }

    /// Whether the configuration names a model.
    pub(crate) fn knows(&self, model: Option<&str>) -> bool {
        model.is_some_and(|model| self.models.contains_key(model))
    }

    /// Their names, for people.
    pub(crate) fn names(&self) -> String {
        self.by_name.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Who serves a model, each with the name that it knows, where the configuration decides it.
    pub(crate) fn of_model(&self, model: &str, api: Api) -> Result<Option<Vec<Served>>, Fault> {
        let Some(routes) = self.models.get(model) else { return Ok(None) };
        let served = self.speaking(routes, api);
        if !served.is_empty() {
            return Ok(Some(served));
        }
        let known = self.models.iter().filter(|(_, routes)| !self.speaking(routes, api).is_empty());
        Err(Fault::unknown_model(model, &known.map(|(name, _)| name.as_str()).collect::<Vec<_>>()))
    }

    fn speaking(&self, routes: &[RouteConfig], api: Api) -> Vec<Served> {
        let served = |route: &RouteConfig| {
            let upstream = self.by_name.get(&route.upstream).filter(|upstream| upstream.config.apis.contains(&api))?;
            Some((Arc::clone(upstream), route.model.clone()))
        };
        routes.iter().filter_map(served).collect()
    }
}

impl Upstream {
    fn of(name: &str, config: &UpstreamConfig, key: Option<Secret>) -> Result<Self, Error> {
        let tls = towards_upstream(&format!("upstreams.{name}.ca"), config.ca.as_deref())?;
        let client = client(config.connect(), config.ping(), tls);
        let base = config.base().unwrap_or_default();
        let (seats, breaker) = (config.seats(), config.breaker());
        Ok(Self { name: name.to_owned(), config: config.clone(), base, key, seats, breaker, client })
    }

    /// Whether one that is made anew would be no other; a file that it reads may have changed.
    fn is_same(&self, config: &UpstreamConfig, key: &Option<Secret>) -> bool {
        let text = |key: &Option<Secret>| key.as_ref().map(|key| key.expose_secret().to_owned());
        self.config == *config && config.ca.is_none() && text(&self.key) == text(key)
    }

    /// Sends a request; the answer's head is awaited for the time that is configured.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
        api: Api,
    ) -> Result<Response<Incoming>, Fault> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        // Beside the upstream's own key none of the client's goes on.
        let uri = if self.key.is_some() { self.uri(&without_key(path)) } else { self.uri(path) };
        *request.uri_mut() = uri?;
        *request.headers_mut() = with_key(headers, self.key_header(api));
        let limit = self.config.first_byte();
        match tokio::time::timeout(limit, self.client.request(request)).await {
            Err(_) => Err(Fault::late(&self.name, limit.as_secs_f64())),
            Ok(Err(error)) if error.is_connect() => Err(Fault::unconnected(&self.name, reason(&error))),
            Ok(Err(error)) => Err(Fault::unreachable(&self.name, reason(&error))),
            Ok(Ok(response)) => Ok(response),
        }
    }

    /// Whether the same server is asked.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.base.scheme() == other.base.scheme() && self.address() == other.address()
    }

    /// Host and port that are asked.
    pub(crate) fn address(&self) -> Option<(String, u16)> {
        let standard = if self.base.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
        Some((self.base.host()?.to_owned(), self.base.port_u16().unwrap_or(standard)))
    }

    /// A path as it is asked for.
    fn joined(&self, path: &str) -> String {
        let behind = path.strip_prefix("/v1").filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        let base = self.base.path().trim_end_matches('/');
        match self.config.v1.as_deref().zip(behind) {
            Some((v1, rest)) => format!("{base}{v1}{rest}"),
            None => format!("{base}{path}"),
        }
    }

    fn uri(&self, path: &str) -> Result<Uri, Fault> {
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = self.joined(path).parse::<PathAndQuery>().ok();
        Uri::from_parts(parts).map_err(|_| Fault::unknown_path(path))
    }

    fn key_header(&self, api: Api) -> Option<(HeaderName, HeaderValue)> {
        let key = self.key.as_ref()?.expose_secret();
        let (name, value) = match api {
            Api::Anthropic => (API_KEY, key.to_owned()),
            Api::Gemini => (GOOG_API_KEY, key.to_owned()),
            Api::Ollama | Api::Openai => (AUTHORIZATION, format!("Bearer {key}")),
        };
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }
}

/// What connects, and waits so long for it; a peer that is gone without a word is asked for.
fn connector(connect: Duration) -> HttpConnector {
    let mut http = HttpConnector::new();
    http.set_connect_timeout(Some(connect));
    http.set_nodelay(true);
    http.enforce_http(false);
    http.set_keepalive(Some(PROBE_AFTER));
    http.set_keepalive_interval(Some(PROBE_EVERY));
    http.set_keepalive_retries(Some(PROBES));
    http
}

/// One that waits so long for a connection, and finds half-open ones of HTTP/2 by pings.
pub(crate) fn client(connect: Duration, ping: Duration, tls: ClientConfig) -> HttpClient {
    let http = Connector(connector(connect));
    let tls = HttpsConnectorBuilder::new().with_tls_config(tls);
    let connector = tls.https_or_http().enable_http1().enable_http2().wrap_connector(http);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(ping)
        .http2_keep_alive_timeout(ping)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .build(Within { connector, longest: connect })
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;
    use tokio::net::TcpListener;
    use tower::Service;

    use super::*;

    #[tokio::test]
    async fn an_upstream_that_is_gone_without_a_word_is_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri: Uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let connected = connector(Duration::from_secs(5)).call(uri).await.unwrap();
        let set = SockRef::from(connected.inner());
        assert!(set.keepalive().unwrap() && set.tcp_nodelay().unwrap());
        assert_eq!(set.tcp_keepalive_time().unwrap(), PROBE_AFTER);
    }
}
