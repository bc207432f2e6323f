//! Listens, serves connections, and stops without dropping streams.

mod error;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use midstream_worker::{Clock, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use self::error::{NoteError, ReloadError, StartError};
use crate::accept::accept;
use crate::beside::Beside;
use crate::config::{Config, Fixed};
use crate::cors::for_pages;
use crate::haste::Haste;
use crate::log::{Refusals, events};
use crate::metrics::Metrics;
use crate::observe::Observer;
use crate::own;
use crate::proxy::Proxy;
use crate::sent::Answers;
use crate::setup::Setup;
use crate::store::file::FileLog;
use crate::store::{Damage, StreamStore};
use crate::streams::Streams;
use crate::telemetry::Telemetry;
use crate::tls::Certificate;
use crate::usage::{Booked, Ledger, Prices, UsageFile, UsageRecord, unix_s};
use crate::viewers::Mode;
use crate::viewers::embedded::{View, ViewError};
use crate::viewers::token::Tokens;

/// How often ended streams are looked at.
const SWEEP: Duration = Duration::from_secs(1);

/// A gateway that runs, on the tokio runtime that started it.
pub struct Server {
    /// What the configuration says.
    listen: SocketAddr,
    address: SocketAddr,
    fixed: Fixed,
    proxy: Arc<Proxy>,
    stop: Option<oneshot::Sender<Duration>>,
    accepting: JoinHandle<()>,
    sweeping: JoinHandle<()>,
}

impl Server {
    /// Starts to serve.
    ///
    /// # Errors
    /// [`StartError`] where the configuration cannot be used or the address is taken.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let listen = config.listen;
        let failed = |error| StartError::Listen { address: listen, error };
        let beside = Beside::new();
        let metrics = Arc::new(Metrics::new().with_deferred(beside.checks()));
        let clock = Arc::new(SystemClock::start());
        let telemetry = Telemetry::of(&config.telemetry).map_err(StartError::Telemetry)?;
        let ledger = Arc::new(ledger(&config, &metrics, telemetry.map(Arc::new))?);
        let (log, unended) = open_log(&config, &ledger, &metrics)?;
        let log = log.map(|log| (Arc::new(log) as Arc<dyn StreamStore>, Arc::clone(&metrics)));
        let streams = Streams::new(config.store.keep(), log, Arc::clone(&metrics.audience))
            .with_backlog(config.store.max_unwritten_bytes);
        let tokens = Tokens::of(&config.viewers).map_err(StartError::Config)?;
        let viewers = (config.viewers.per_stream, config.viewers.in_all);
        let fixed = Fixed::of(&config);
        let setup = Setup::of(config, None, clock.now()).map_err(StartError::Config)?;
        if let Some(file) = fixed.usage_file().cloned() {
            let restored = setup.limits.restore(&file, unix_s() as u64, None);
            restored.map_err(|error| StartError::UsageFile { file, error })?;
        } else {
            unended.iter().for_each(|record| setup.limits.take(record));
        }
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let proxy = Arc::new(Proxy {
            setup: ArcSwap::from_pointee(setup),
            streams,
            answers: Answers::default(),
            metrics,
            ledger,
            clock,
            beside,
            is_draining: AtomicBool::new(false),
            haste: Haste::default(),
            refusals: Arc::<Refusals>::default(),
            tokens,
            viewers,
        });
        let pages = from_fn_with_state(Arc::clone(&proxy), for_pages);
        let router = own::routes(&proxy).fallback(pass).with_state(Arc::clone(&proxy)).layer(pages);
        let (stop, stopped) = oneshot::channel();
        proxy.tell_started(address);
        let accepting = tokio::spawn(accept(listener, router, Arc::clone(&proxy), stopped));
        let sweeping = tokio::spawn(sweep(Arc::downgrade(&proxy)));
        Ok(Self { listen, address, fixed, proxy, stop: Some(stop), accepting, sweeping })
    }

    /// Puts another configuration in the place of the one that it runs by, wholly or not at all.
    ///
    /// Requests that run keep the one they began with. Files of certificates are read again, and so are the keys of
    /// upstreams. Streams, metrics and a certificate that was made stay.
    ///
    /// # Errors
    /// [`ReloadError`] where the configuration cannot be used, or has another address or other values for what is read
    /// once, at the start: the format of the log, store, telemetry, usage and viewers. Nothing has changed then.
    pub fn reload(&self, config: Config) -> Result<(), ReloadError> {
        self.put(config).inspect_err(|error| self.refused(&error.to_string()))
    }

    /// Tells that a configuration was not taken, for whoever could not even read it.
    pub fn refused(&self, reason: &str) {
        events::configuration_refused(reason);
    }

    fn put(&self, config: Config) -> Result<(), ReloadError> {
        if config.listen != self.listen && config.listen != self.address {
            return Err(ReloadError::Listen { asked: config.listen, address: self.address });
        }
        let keys = self.fixed.changed(&config);
        if !keys.is_empty() {
            return Err(ReloadError::Restart { keys });
        }
        let before = self.proxy.setup.load_full();
        let setup = Setup::of(config, Some(&before), self.proxy.clock.now()).map_err(ReloadError::Config)?;
        if let Some(file) = self.fixed.usage_file().filter(|_| setup.limits.begins_a_day(&before.limits)) {
            self.proxy.ledger.settle();
            let restored = setup.limits.restore(file, unix_s() as u64, Some(&before.limits));
            let failed = |error: io::Error| ReloadError::UsageFile { file: file.clone(), reason: error.to_string() };
            restored.map_err(failed)?;
        }
        self.proxy.tell_reloaded(&before, &setup);
        self.proxy.setup.store(Arc::new(setup));
        Ok(())
    }

    /// What clients may pin; `None` where HTTP is plain.
    pub fn certificate(&self) -> Option<Certificate> {
        self.proxy.setup.load().tls.as_ref().map(|tls| tls.certificate.clone())
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
        self.proxy.streams.get(id).map(|stream| stream.json())
    }

    /// What was used since the start, by key, model and upstream, as a JSON object.
    pub fn usage_json(&self) -> String {
        self.proxy.ledger.json(None)
    }

    /// Closes the upstream of a stream; false where none has that id.
    pub fn cancel(&self, id: &str) -> bool {
        self.proxy.streams.get(id).inspect(|stream| stream.end_by_operator()).is_some()
    }

    /// Copies of the events of streams that start from now on, up to `capacity` at a time; `None` where somebody has
    /// them already.
    pub fn observe(&self, capacity: usize) -> Option<Observer> {
        self.proxy.streams.observe(capacity)
    }

    /// Looks on at a stream, from behind an event or from its begin; `raw` gives what passed to the client in place of
    /// events that are the same for every provider.
    ///
    /// # Errors
    /// [`ViewError`] where no stream has that id, it has no such event, or there are as many viewers as may be.
    pub async fn view(&self, id: &str, after: Option<u64>, raw: bool) -> Result<View, ViewError> {
        let mode = if raw { Mode::Raw } else { Mode::Norm };
        Ok(View::new(own::look(&self.proxy, id, after, mode).await?))
    }

    /// Adds a note, one JSON value, to a stream.
    ///
    /// # Errors
    /// [`NoteError`] where no stream of this process has that id, or it takes no such note.
    pub fn annotate(&self, id: &str, note: &str) -> Result<(), NoteError> {
        let stream = self.proxy.streams.get(id).ok_or(NoteError::Unknown)?;
        own::annotate(&stream, format!("{{\"note\":{note}}}").as_bytes()).map_err(NoteError::Refused)
    }

    /// Ends the wait for running streams while [`stop`](Self::stop) has the gateway.
    pub fn haste(&self) -> Haste {
        self.proxy.haste.clone()
    }

    /// Refuses what is new, lets running streams end for the time that is configured, then closes them.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(self.proxy.setup.load().drain);
        }
        let _ = (&mut self.accepting).await;
        self.sweeping.abort();
        let _ = (&mut self.sweeping).await;
        self.proxy.streams.settle().await;
        if let Some(store) = self.proxy.streams.log() {
            store.close().await;
        }
        let ledger = Arc::clone(&self.proxy.ledger);
        let _ = tokio::task::spawn_blocking(move || ledger.settle()).await;
        if let Some(telemetry) = self.proxy.ledger.telemetry().cloned() {
            let _ = tokio::task::spawn_blocking(move || telemetry.stop()).await;
        }
        self.proxy.refusals.end();
        events::stopped();
    }
}

fn ledger(config: &Config, metrics: &Arc<Metrics>, telemetry: Option<Arc<Telemetry>>) -> Result<Ledger, StartError> {
    let open = |file: &PathBuf| {
        let opened = UsageFile::open(file, metrics.usage_lost());
        opened.map_err(|error| StartError::UsageFile { file: file.clone(), error })
    };
    let file = config.usage.file.as_ref().map(open).transpose()?;
    Ok(Ledger::new(config, file, Arc::clone(metrics), telemetry))
}

/// The log of the folder that is configured, and what is booked of streams that it has without an end.
fn open_log(
    config: &Config,
    ledger: &Ledger,
    metrics: &Metrics,
) -> Result<(Option<FileLog>, Vec<UsageRecord>), StartError> {
    let Some(folder) = &config.store.folder else { return Ok((None, Vec::new())) };
    let (prices, file) = (Prices::of(&config.guard), config.usage.file.as_deref());
    let mut records = Vec::new();
    let log = FileLog::open(folder, &config.store, |unended| {
        let booked = ledger.book_unended(unended, prices, file).into_iter();
        let shown = |Booked { shown, record }: Booked| {
            records.extend(record);
            shown
        };
        booked.map(shown).collect()
    });
    let log = log.map_err(|error| StartError::Store { folder: folder.clone(), error })?;
    let Damage { bytes, streams } = &log.damage;
    if *bytes > 0 {
        events::store_damaged(folder, *bytes);
    }
    for (stream, lost) in streams {
        metrics.not_resumable(*lost);
        events::stream_damaged(stream.as_str(), *lost);
    }
    Ok((Some(log), records))
}

/// Forgets what ended long ago, as long as the gateway is there.
async fn sweep(proxy: Weak<Proxy>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(proxy) = proxy.upgrade() else { return };
        let now = std::time::Instant::now();
        proxy.streams.sweep(now);
        proxy.refusals.sweep(now);
    }
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> axum::response::Response {
    proxy.answer(request).await.map(axum::body::Body::new)
}
