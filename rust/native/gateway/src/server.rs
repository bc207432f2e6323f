//! Listens, serves connections, and stops without dropping streams.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use midstream_worker::SystemClock;
use rustls::ClientConfig;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::access::Access;
use crate::config::{Config, ConfigError, OnClientGone};
use crate::metrics::Metrics;
use crate::own;
use crate::proxy::Proxy;
use crate::streams::Streams;
use crate::upstream::Upstreams;

/// Seconds until the head of a request is there.
const HEADER: Duration = Duration::from_secs(10);

/// A gateway that runs, on the tokio runtime that started it.
pub struct Server {
    address: SocketAddr,
    proxy: Arc<Proxy>,
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

/// Why a gateway did not start.
#[derive(Debug)]
pub enum StartError {
    /// Its configuration cannot be used.
    Config(ConfigError),
    /// Its address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::Listen { address, error } => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl Server {
    /// Starts to serve.
    ///
    /// # Errors
    /// [`StartError`] where the configuration cannot be used or the address is taken.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let upstreams = Upstreams::of(&config).map_err(StartError::Config)?;
        let listen = |error| StartError::Listen { address: config.listen, error };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let rules = config.guard.redact.rule_set().ok().flatten();
        let proxy = Arc::new(Proxy {
            access: Access::of(&config),
            upstreams,
            settings: config.guard,
            rules,
            streams: Streams::default(),
            metrics: Arc::new(Metrics::new()),
            clock: Arc::new(SystemClock::start()),
            keepalive: Some(Duration::from_secs_f64(config.keepalive_s)).filter(|every| !every.is_zero()),
            goes_on: config.on_client_gone == OnClientGone::Continue,
            max_body: config.max_body,
        });
        let router = own::routes(&proxy).fallback(pass).with_state(Arc::clone(&proxy));
        let (stop, stopped) = oneshot::channel();
        let drain = Duration::from_secs_f64(config.drain_s);
        let accepting = tokio::spawn(accept(listener, router, stopped, drain));
        Ok(Self { address, proxy, stop: Some(stop), accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Streams that run or ended a while ago, oldest first, as a JSON array.
    pub fn streams_json(&self) -> String {
        let streams = self.proxy.streams.all();
        serde_json::to_string(&streams.iter().map(|stream| stream.show()).collect::<Vec<_>>()).unwrap_or_default()
    }

    /// One of them; `None` where no stream has that id.
    pub fn stream_json(&self, id: &str) -> Option<String> {
        self.proxy.streams.get(id).map(|stream| serde_json::to_string(&stream.show()).unwrap_or_default())
    }

    /// Closes the upstream of a stream; false where none has that id.
    pub fn cancel(&self, id: &str) -> bool {
        self.proxy.streams.get(id).inspect(|stream| stream.cancel()).is_some()
    }

    /// Takes no new connections, lets running streams end for the time that is configured, then closes them.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = (&mut self.accepting).await;
    }
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> axum::response::Response {
    proxy.answer(request).await.map(axum::body::Body::new)
}

async fn accept(listener: TcpListener, router: Router, mut stopped: oneshot::Receiver<()>, drain: Duration) {
    let graceful = GracefulShutdown::new();
    let mut connections = tokio::task::JoinSet::new();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER);
    builder.http2().timer(TokioTimer::new());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((socket, _)) = accepted else {
            // Out of descriptors, most likely: those in use will be given back.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = socket.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(socket), service).into_owned();
        connections.spawn(graceful.watch(connection));
    }
    drop(listener);
    let _ = tokio::time::timeout(drain, graceful.shutdown()).await;
    connections.shutdown().await;
}

/// TLS towards upstreams: the system's roots, always verified.
pub(crate) fn client_tls() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = rustls_native_certs::load_native_certs();
    let mut store = rustls::RootCertStore::empty();
    store.add_parsable_certificates(roots.certs);
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    #[expect(clippy::expect_used, reason = "ring speaks both versions")]
    let config = config.expect("the provider speaks TLS 1.2 and 1.3");
    config.with_root_certificates(store).with_no_client_auth()
}
