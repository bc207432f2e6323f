//! What stands between client and provider.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use midstream_gateway::{Api, Config, Server, UpstreamConfig};
use midstream_stream::Settings;
use tokio::net::TcpListener;

/// Every check is off; what is told of a stream is read all the same.
const OBSERVE: &str = r#"{"repeat": {"exact": "off", "counter": "off", "near": "off"}, "redact": {"action": "off"}, "pace": {"stall": "off"}}"#;

type Passed = Either<Incoming, Empty<Bytes>>;

/// A proxy that does nothing but pass bodies on.
pub(crate) async fn bare(port: u16, upstream: u16) -> Result<(), Box<dyn Error>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let client = client.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| pass(client.clone(), request, upstream));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn pass(
    client: Client<HttpConnector, Incoming>,
    mut request: Request<Incoming>,
    upstream: u16,
) -> Result<Response<Passed>, Infallible> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    if let Ok(uri) = format!("http://127.0.0.1:{upstream}{path}").parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    Ok(client.request(request).await.map_or_else(
        |_| {
            let mut response = Response::new(Either::Right(Empty::new()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        },
        |response| response.map(Either::Left),
    ))
}

/// The gateway, which reads every stream and does what is asked for: `observe`, `all` checks, or `redact` beside them.
pub(crate) async fn gateway(port: u16, upstream: u16, does: &str) -> Result<(), Box<dyn Error>> {
    let guard = match does {
        "observe" => OBSERVE,
        "all" => "{}",
        "redact" => r#"{"redact": {"rules": ["built_in"]}}"#,
        _ => return Err(format!("{does} is no mode of the gateway: observe, all, redact").into()),
    };
    let upstream = UpstreamConfig::new(format!("http://127.0.0.1:{upstream}"), &[Api::Openai]);
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        upstreams: BTreeMap::from([("mock".to_owned(), upstream)]),
        guard: Settings::from_json(guard)?,
        ..Config::default()
    };
    let _server = Server::start(config).await?;
    std::future::pending().await
}
