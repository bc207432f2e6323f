//! Connections of clients: who is let in, in which protocol, and how long each may take to ask.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::cause::Cause;
use crate::client::{Answer, Client};
use crate::config::ClientsConfig;
use crate::log::{Refusals, events};
use crate::proxy::Proxy;
use crate::sent::look_after;
use crate::setup::Setup;
use crate::socket::Socket;

/// How long answers have to be written once all streams were ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// What waits for one stream that its client does not read.
const MAX_WAITING: usize = 256 << 10;

/// Serves connections until it is told to stop, then lets those that are busy end within the time that is sent.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    proxy: Arc<Proxy>,
    mut stopped: oneshot::Receiver<Duration>,
) {
    let looking = tokio::spawn(look_after(Arc::clone(&proxy)));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let drain = loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            drain = &mut stopped => break drain.unwrap_or_default(),
            Some(_) = connections.join_next() => continue,
        };
        let most = proxy.setup.load().clients.connections;
        let room = Room { is_full: connections.len() >= most, is_over: connections.len() >= most.saturating_mul(2) };
        if let Some((socket, visitor)) = admit(accepted, &router, &proxy, room).await {
            connections.spawn(visitor.serve(socket, Some(graceful.watcher())));
        }
    };
    proxy.is_draining.store(true, Ordering::Relaxed);
    events::draining(proxy.streams.running(), drain);
    let ended = async {
        tokio::select! {
            _ = timeout(drain, graceful.shutdown()) => (),
            () = proxy.haste.asked() => events::hastened(proxy.streams.running()),
        }
    };
    turn_away(&listener, &router, &proxy, ended).await;
    drop(listener);
    for stream in proxy.streams.all().iter().filter(|stream| !stream.is_ended()) {
        stream.blame(Cause::Draining);
        stream.cancel();
    }
    let _ = timeout(LAST_WORDS, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
    looking.abort();
    let _ = looking.await;
}

/// While those that are busy end, new ones are told that the gateway stops, and how far it is.
async fn turn_away(listener: &TcpListener, router: &Router, proxy: &Arc<Proxy>, ended: impl Future<Output = ()>) {
    let mut ended = pin!(ended);
    let mut late = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = &mut ended => break,
            accepted = listener.accept() => accepted,
            Some(_) = late.join_next() => continue,
        };
        if let Some((socket, visitor)) = admit(accepted, router, proxy, Room::default()).await {
            late.spawn(visitor.serve(socket, None));
        }
    }
    let _ = timeout(LAST_WORDS, async { while late.join_next().await.is_some() {} }).await;
}

/// Whether there is room for one more connection.
#[derive(Clone, Copy, Default)]
struct Room {
    /// It is told that there is none.
    is_full: bool,
    /// It is not even told.
    is_over: bool,
}

async fn admit(
    accepted: std::io::Result<(TcpStream, SocketAddr)>,
    router: &Router,
    proxy: &Arc<Proxy>,
    room: Room,
) -> Option<(TcpStream, Visitor)> {
    let Ok((socket, _)) = accepted else {
        // Out of descriptors, most likely: those in use will be given back.
        tokio::time::sleep(Duration::from_millis(50)).await;
        return None;
    };
    if room.is_over {
        proxy.refusals.connection();
        return None;
    }
    let client = Arc::new(Client::new(room.is_full));
    let (setup, refusals) = (proxy.setup.load_full(), Arc::clone(&proxy.refusals));
    Some((socket, Visitor { client, setup, router: router.clone(), refusals }))
}

/// One connection, with what it was let in under.
struct Visitor {
    client: Arc<Client>,
    setup: Arc<Setup>,
    router: Router,
    refusals: Arc<Refusals>,
}

impl Visitor {
    /// Serves a connection to its end. One that nobody watches serves one request.
    async fn serve(self, socket: TcpStream, watcher: Option<Watcher>) {
        let clients = &self.setup.clients;
        let is_plain = self.setup.tls.is_none();
        let socket = Socket::new(socket, Arc::clone(&self.client), clients.slow(), is_plain);
        let mut builder = protocols(clients);
        let Some(tls) = &self.setup.tls else { return self.answer(builder, socket, watcher).await };
        let handshake = tls.acceptor.accept(socket);
        let Ok(Ok(socket)) = timeout(clients.handshake(), handshake).await else { return };
        // What was agreed on is not guessed again from the first bytes.
        let is_http2 = socket.get_ref().1.alpn_protocol() == Some(b"h2");
        builder = if is_http2 { builder.http2_only() } else { builder.http1_only() };
        self.answer(builder, socket, watcher).await;
    }

    async fn answer<I>(&self, mut builder: Builder<TokioExecutor>, io: I, watcher: Option<Watcher>)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let is_single = watcher.is_none() || self.client.is_one_too_many();
        builder.http1().keep_alive(!is_single);
        let (client, router) = (Arc::clone(&self.client), self.router.clone());
        let service = Served { client, router: TowerToHyperService::new(router), refusals: Arc::clone(&self.refusals) };
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(io), service).into_owned();
        let mut connection = pin!(async move {
            match watcher {
                Some(watcher) => watcher.watch(connection).await,
                None => connection.await,
            }
        });
        tokio::select! {
            _ = &mut connection => return,
            () = self.client.asked() => {}
            () = tokio::time::sleep(self.setup.clients.header()) => return,
        }
        let _ = connection.await;
    }
}

fn protocols(clients: &ClientsConfig) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(clients.header())
        .max_buf_size(clients.header_bytes)
        .max_headers(clients.headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(clients.ping())
        .keep_alive_timeout(clients.ping())
        .max_header_list_size(u32::try_from(clients.header_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(MAX_WAITING);
    builder
}

/// The router, which is told whose connection a request came by.
#[derive(Clone)]
struct Served {
    client: Arc<Client>,
    router: TowerToHyperService<Router>,
    refusals: Arc<Refusals>,
}

impl Service<Request<Incoming>> for Served {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Answer>, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let (client, refusals) = (Arc::clone(&self.client), Arc::clone(&self.refusals));
        client.ask(request.version());
        request.extensions_mut().insert(Arc::clone(&client));
        let answered = self.router.call(request);
        Box::pin(async move {
            let response = answered.await?;
            refusals.look(&response);
            Ok(response.map(|body| Answer::new(body, client)))
        })
    }
}
