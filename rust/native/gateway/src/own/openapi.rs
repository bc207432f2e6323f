//! What the gateway's own endpoints take and give, for machines: OpenAPI 3.1.

use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(title = "MidStream gateway", description = "Streams that run under guard: seen, resumed, ended."),
    paths(
        super::healthz,
        super::ready,
        super::measured,
        super::usage,
        document,
        super::events::events,
        super::streams::annotate,
        super::streams::cancel,
        super::streams::delete,
        super::streams::findings,
        super::streams::list,
        super::streams::show,
        super::streams::token,
    ),
    modifiers(&Keyed),
    security((), ("key" = []))
)]
struct Document;

/// Keys of the gateway, and tokens of viewers.
struct Keyed;

impl utoipa::Modify for Keyed {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("key", scheme);
    }
}

/// This document.
#[utoipa::path(get, path = "/midstream/v1/openapi.json", tag = "gateway", responses(
    (status = 200, description = "OpenAPI 3.1", body = Object),
))]
pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}
