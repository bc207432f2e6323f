//! What the gateway's own endpoints take and give, for machines: OpenAPI 3.1.

use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::ResponseBuilder;
use utoipa::openapi::path::Operation;
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
        for (path, item) in &mut document.paths.paths {
            if !super::OPEN.contains(&path.as_str()) {
                [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten().for_each(refuse);
            }
        }
    }
}

fn refuse(operation: &mut Operation) {
    let refusals = [
        ("401", "A key is needed and none that is known was sent"),
        ("403", "The key may not, or the page's origin is none that may call"),
    ];
    for (status, why) in refusals {
        let responses = &mut operation.responses.responses;
        responses.entry(status.to_owned()).or_insert_with(|| ResponseBuilder::new().description(why).into());
    }
}

/// This document.
#[utoipa::path(get, path = "/midstream/v1/openapi.json", tag = "gateway", responses(
    (status = 200, description = "OpenAPI 3.1", body = Object),
))]
pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}
