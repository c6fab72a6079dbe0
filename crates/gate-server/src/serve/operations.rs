//! What watches the server: `/metrics`, on the server's own address for who has the token, or on an
//! address of its own, and beside it `/healthz` and `/readyz`.

use std::net::TcpListener;

use axum::Router;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{ServeError, headers};
use crate::identity::{Secret, TokenHash};
use crate::metrics::FORMAT;
use crate::readiness;
use crate::settings::Settings;
use crate::state::Server;

/// Reads the token that `/metrics` asks for; none where it asks for none.
pub(super) fn token(settings: &Settings) -> Result<Option<TokenHash>, ServeError> {
    let metrics = settings.operations.metrics.as_ref();
    let file = metrics.and_then(|metrics| metrics.token_file.as_deref());
    file.map(|file| Secret::read(file).map(|secret| secret.hash()))
        .transpose()
        .map_err(ServeError::MetricsToken)
}

/// Binds the address of its own, where the settings name one.
pub(super) fn bind(settings: &Settings) -> Result<Option<TcpListener>, ServeError> {
    let metrics = settings.operations.metrics.as_ref();
    let Some(address) = metrics.and_then(|metrics| metrics.listen) else {
        return Ok(None);
    };
    let failed = |source| ServeError::MetricsListen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    tracing::info!(
        address = %listener.local_addr().map_err(failed)?,
        "serving what is measured"
    );
    Ok(Some(listener))
}

/// Returns what is answered where the server listens.
pub(super) fn routes(server: &Server) -> Router<Server> {
    let routes = Router::new()
        .route("/healthz", get(readiness::healthz))
        .route("/readyz", get(readiness::readyz));
    if server.metrics_token.is_some() {
        routes.route("/metrics", get(metrics))
    } else {
        routes
    }
}

/// Returns what is answered on the address of its own.
pub(super) fn router(server: Server) -> Router {
    Router::new()
        .route("/healthz", get(readiness::healthz))
        .route("/readyz", get(readiness::readyz))
        .route("/metrics", get(metrics))
        .layer(axum::middleware::from_fn_with_state(
            server.clone(),
            headers::harden,
        ))
        .with_state(server)
}

async fn metrics(State(server): State<Server>, headers: HeaderMap) -> Response {
    if let Some(wanted) = server.metrics_token {
        let given = headers.get(AUTHORIZATION).and_then(|value| {
            let text = value.to_str().ok()?;
            Some(TokenHash::of(text.strip_prefix("Bearer ")?))
        });
        // Hashes are compared, so how long that takes says nothing of the token.
        if given != Some(wanted) {
            let refused = (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]);
            return refused.into_response();
        }
    }
    ([(CONTENT_TYPE, FORMAT)], server.scrape().await).into_response()
}
