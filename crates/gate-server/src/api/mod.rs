//! The `/v1` API: one file for each resource. Handlers take what is on the
//! wire apart, name the roles that may call them, and call the services.

mod accounts;
mod archive;
mod audit;
mod channels;
mod events;
mod extract;
mod login_codes;
mod paging;
mod principals;
mod requests;
mod rules;
mod server;
mod sign_in;
mod standing_grants;
mod tag;
mod tiles;

use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Server;

/// Returns all routes of the API with their description.
pub(crate) fn routes() -> OpenApiRouter<Server> {
    [
        server_routes(),
        request_routes(),
        event_routes(),
        audit_routes(),
        principal_routes(),
        account_routes(),
        sign_in_routes(),
        standing_grant_routes(),
        channel_routes(),
    ]
    .into_iter()
    .fold(OpenApiRouter::new(), OpenApiRouter::merge)
}

fn server_routes() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(server::health))
        .routes(routes!(server::identity))
        .routes(routes!(server::proof))
        .routes(routes!(server::whoami))
}

fn request_routes() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(requests::submit, requests::list))
        .routes(routes!(requests::show))
        .routes(routes!(requests::review))
        .routes(routes!(requests::cancel))
        .routes(routes!(requests::claim))
}

fn event_routes() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(events::deliver))
        .routes(routes!(rules::current, rules::activate))
        .routes(routes!(rules::proposal))
        .routes(routes!(rules::confirm))
        .routes(routes!(rules::withdraw))
        .routes(routes!(rules::versions))
        .routes(routes!(rules::version))
}

fn audit_routes() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(audit::records))
        .routes(routes!(audit::checkpoint))
        .routes(routes!(audit::receipt))
        .routes(routes!(audit::inclusion))
        .routes(routes!(audit::consistency))
        .routes(routes!(audit::erase))
        .routes(routes!(archive::start))
        .routes(routes!(archive::archivable))
        .routes(routes!(archive::prune))
        // The forms of C2SP, which no schema describes.
        .route("/v1/log/checkpoint", get(tiles::checkpoint))
        .route("/v1/log/tile/{*path}", get(tiles::tile))
}

fn principal_routes() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(principals::list, principals::create))
        .routes(routes!(principals::disable))
        .routes(routes!(principals::enable))
        .routes(routes!(principals::changes))
        .routes(routes!(principals::confirm))
        .routes(routes!(principals::list_tokens, principals::create_token))
        .routes(routes!(principals::revoke_token))
        .routes(routes!(login_codes::create))
        .routes(routes!(principals::show, accounts::change_principal))
}

fn account_routes() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(accounts::groups))
        .routes(routes!(accounts::group))
        .routes(routes!(accounts::list, accounts::link))
        .routes(routes!(accounts::unlink))
        .routes(routes!(accounts::invite))
}

fn sign_in_routes() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(sign_in::start))
        .routes(routes!(sign_in::poll))
        .routes(routes!(sign_in::exchange))
}

fn standing_grant_routes() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(standing_grants::list, standing_grants::propose))
        .routes(routes!(standing_grants::show))
        .routes(routes!(standing_grants::confirm))
        .routes(routes!(standing_grants::revoke))
        .routes(routes!(standing_grants::break_glass))
        .routes(routes!(standing_grants::review_break_glass))
}

fn channel_routes() -> OpenApiRouter<Server> {
    OpenApiRouter::new()
        .routes(routes!(channels::list, channels::create))
        .routes(routes!(channels::show, channels::delete))
        .routes(routes!(channels::test))
        .routes(routes!(channels::deliveries))
        .routes(routes!(channels::delivery))
        .routes(routes!(channels::retry))
}
