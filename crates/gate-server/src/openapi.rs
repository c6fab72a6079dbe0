//! The description of the API, generated from the handlers themselves.

use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::api;
use crate::state::Server;

/// Returns the routes and their description.
pub(crate) fn router() -> (axum::Router<Server>, OpenApi) {
    let (router, mut document) = OpenApiRouter::new().merge(api::routes()).split_for_parts();
    "gate".clone_into(&mut document.info.title);
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    document.info.description = Some(
        "Asks a person before a command runs. Every refusal is `application/problem+json`."
            .to_owned(),
    );
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
    );
    document.security = Some(vec![SecurityRequirement::new("token", [""; 0])]);
    (router, document)
}

/// Returns the `OpenAPI` 3.1 description of the API as JSON.
///
/// # Errors
/// The description has no JSON form, which a test rules out.
pub fn document() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&router().1)
}
