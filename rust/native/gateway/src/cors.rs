//! Pages of browsers: which may read what the gateway answers, and which may open a WebSocket to it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tower::Layer;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::config::CorsConfig;
use crate::endpoint::Api;
use crate::fault::Fault;
use crate::host;
use crate::own::OPEN;
use crate::proxy::Proxy;
use crate::wire::{SPLICED, STREAM_ID, UPSTREAM};

/// What is decided by the origin of a page.
pub(crate) struct Cors {
    layer: Option<CorsLayer>,
    is_any: bool,
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// Without a table no page of another origin may call.
    pub(crate) fn of(config: Option<&CorsConfig>) -> Self {
        let Some(config) = config else { return Self { layer: None, is_any: false, origins: Vec::new() } };
        let origins: Vec<HeaderValue> =
            config.origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
        let is_any = config.is_any();
        let allowed = if is_any { AllowOrigin::any() } else { AllowOrigin::list(origins.clone()) };
        let layer = CorsLayer::new()
            .allow_origin(allowed)
            .allow_credentials(config.credentials)
            .allow_methods([Method::DELETE, Method::GET, Method::PATCH, Method::POST, Method::PUT])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers([STREAM_ID, UPSTREAM, SPLICED, HeaderName::from_static("retry-after")]);
        Self { layer: Some(layer), is_any, origins }
    }

    /// Whether a request, or the opening of a WebSocket, may come from where it does: browsers ask nobody before they
    /// send some, but say whose page it is.
    pub(crate) fn origin_is_allowed(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        self.is_any || self.origins.contains(origin) || is_same_origin(origin, uri, headers)
    }
}

/// Whether the page came from the gateway itself.
fn is_same_origin(origin: &HeaderValue, uri: &Uri, headers: &HeaderMap) -> bool {
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    // HTTP/2 names the host in the URI.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).or(uri.authority().map(Authority::as_str));
    authority.is_some() && authority == host
}

/// Answers what browsers ask beforehand, and lets pages of the configured origins read the rest.
pub(crate) async fn for_pages(State(proxy): State<Arc<Proxy>>, request: Request, next: Next) -> Response {
    let setup = proxy.setup.load_full();
    let api = Api::of_path(request.uri(), request.headers());
    let told = |fault: &Fault| fault.response(api).map(axum::body::Body::new);
    if !setup.access.has_keys()
        && let Err(fault) = host::check(request.uri(), request.headers())
    {
        return told(&fault);
    }
    // A page may send what it cannot read the answer of: that alone ends streams and spends tokens.
    let is_open = request.method().is_safe() && OPEN.contains(&request.uri().path());
    if !is_open && !setup.cors.origin_is_allowed(request.uri(), request.headers()) {
        return told(&Fault::foreign_page());
    }
    match &setup.cors.layer {
        None => next.run(request).await,
        Some(layer) => {
            let answered = TowerToHyperService::new(layer.layer(next)).call(request).await;
            answered.unwrap_or_else(|never| match never {})
        }
    }
}

impl Fault {
    pub(crate) fn foreign_page() -> Self {
        let message = "pages of this origin may not call; the configuration names those that may in cors.origins";
        Self::new(StatusCode::FORBIDDEN, "midstream_origin", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(origins: Option<&[&str]>, headers: &[(HeaderName, &'static str)]) -> bool {
        let config = origins.map(|origins| CorsConfig {
            origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
            credentials: false,
        });
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        Cors::of(config.as_ref()).origin_is_allowed(&Uri::default(), &headers)
    }

    #[test]
    fn a_page_of_another_origin_needs_to_be_named() {
        let page = [(ORIGIN, "https://app.example"), (HOST, "127.0.0.1:4000")];
        assert!(!allows(None, &page));
        assert!(allows(Some(&["https://app.example"]), &page));
        assert!(allows(Some(&["*"]), &page));
        assert!(!allows(Some(&["https://app.example.evil.example"]), &page));
    }

    #[test]
    fn programs_and_the_gateways_own_pages_need_not() {
        assert!(allows(None, &[(HOST, "127.0.0.1:4000")]));
        assert!(allows(None, &[(ORIGIN, "http://127.0.0.1:4000"), (HOST, "127.0.0.1:4000")]));
    }
}
