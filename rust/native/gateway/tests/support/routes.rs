//! Models that two providers serve, of whom the second goes on where the first breaks off.

use midstream_gateway::{Api, Config, PrefillConfig, RouteConfig, Server, UpstreamConfig};
use midstream_stream::Settings;
use serde_json::Value;

use super::{Mock, Script, Seen, gateway_with, mock_of};
use bytes::Bytes;

/// Two routes of the model `m`, which the second knows as `other`.
pub(crate) async fn two_routes(first: &Mock, second: &Mock, api: Api, guard: &str, reroute: &[&str]) -> Server {
    two_routes_and(first, second, api, guard, reroute, |_| ()).await
}

pub(crate) async fn two_routes_and(
    first: &Mock,
    second: &Mock,
    api: Api,
    guard: &str,
    reroute: &[&str],
    change: impl FnOnce(&mut Config),
) -> Server {
    gateway_with(first, api, |config| {
        let url = format!("http://{}", second.address);
        let prefill = Some(PrefillConfig::default());
        mock_of(config).prefill = prefill.clone();
        config.upstreams.insert("second".to_owned(), UpstreamConfig { prefill, ..UpstreamConfig::new(url, &[api]) });
        let routes = [("mock", None), ("second", Some("other"))]
            .map(|(upstream, model)| RouteConfig { upstream: upstream.to_owned(), model: model.map(str::to_owned) });
        config.models.insert("m".to_owned(), routes.into());
        config.guard = Settings::from_json(guard).unwrap();
        config.continuation.on_break = true;
        config.continuation.reroute = reroute.iter().map(|name| (*name).to_owned()).collect();
        change(config);
    })
    .await
}

/// The path and the body of the next request that a provider sees.
pub(crate) async fn next_request(mock: &Mock) -> (String, Value) {
    loop {
        if let Seen::Asked { path, body, .. } = mock.next().await {
            return (path, serde_json::from_slice(&body).unwrap());
        }
    }
}

/// Its body alone.
pub(crate) async fn asked(mock: &Mock) -> Value {
    next_request(mock).await.1
}

/// A body that ends behind these chunks, whatever its format says.
pub(crate) fn cut(chunks: &[Bytes]) -> Script {
    Script::of(chunks.to_vec())
}
