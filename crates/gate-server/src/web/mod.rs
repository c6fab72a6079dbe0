//! The page on which an approver sees what is asked for and answers.
//!
//! Rendered here: what a browser shows is what stands in the answer, with or
//! without the one script, which looks again when something changed. Every handler that shows something takes a [`Visitor`](session::Visitor)
//! or a [`Keeper`](session::Keeper),
//! and every one that changes something takes [`Posted`](form::Posted), so none
//! can forget the session, the origin or the token of the form. What is answered
//! goes through the same service as the API, in the channel `web`.

pub(crate) mod asset;
mod audit;
mod break_glass;
pub(crate) mod chain;
mod choice;
mod device;
mod diff;
mod form;
mod grants;
mod groups;
mod headers;
mod history;
mod inbox;
mod input;
mod invitation;
mod link;
mod live;
mod login;
mod login_code;
mod moment;
mod newcomer;
mod nowhere;
mod origin;
mod page;
mod past;
mod people;
mod preview;
mod proposal;
mod provider;
mod question;
mod reading;
mod remark;
mod request;
mod risk;
mod row;
mod rule_age;
mod rules;
mod rules_edit;
mod session;
mod shown;
mod sign_in;
mod tokens;
mod what_if;

pub(crate) use session::cookie;

pub use login_code::{LoginCodeError, create_login_code};
pub(crate) use nowhere::nowhere;

// For the templates.
use moment::utc;
use shown::Shown;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post};

use crate::state::Server;

/// The largest form: a line of 8,000 bytes, or a comment of 500 characters of four
/// bytes, each of them percent-encoded.
const FORM_BYTES: usize = 32 * 1024;

/// What the pages remember between calls. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenPages {
    seats: live::Seats,
    pub(crate) chain: chain::Chain,
    rule_ages: rule_age::RuleAges,
}

/// Returns the pages.
pub(crate) fn routes() -> Router<Server> {
    let looking = |handler: MethodRouter<Server>| handler.fallback(page::other_method);
    Router::new()
        .route("/", looking(get(inbox::waiting)))
        .route("/events", looking(get(live::events)))
        .route("/history", looking(get(history::history)))
        .route("/requests/{id}", looking(get(request::show)))
        .route("/requests/{id}/review", looking(post(request::review)))
        .route("/audit", looking(get(audit::audit)))
        .route("/audit/records", looking(get(audit::download)))
        .route("/rules", looking(get(rules::rules)))
        .route("/rules/{version}", looking(get(rules::version)))
        .route("/rules/edit", looking(rules_edit::form()))
        .route(
            "/rules/proposal/{id}/confirm",
            looking(post(rules::confirm)),
        )
        .route(
            "/rules/proposal/{id}/withdraw",
            looking(post(rules::withdraw)),
        )
        .route("/what-if", looking(get(what_if::ask).post(what_if::decide)))
        .merge(exceptions(looking))
        .merge(who_may_act(looking))
        .route("/login", looking(get(login::ask).post(login::sign_in)))
        .route(
            "/link/{chat}",
            looking(get(link::show).post(link::create_code)),
        )
        .route("/link/{chat}/unlink", looking(post(link::unlink)))
        .route("/login/provider", looking(post(provider::leave)))
        .route("/login/callback", looking(get(provider::come_back)))
        .route("/device", looking(get(device::ask).post(device::answer)))
        .route(
            "/invitation",
            looking(get(invitation::ask).post(invitation::accept)),
        )
        .route("/logout", looking(post(login::sign_out)))
        .route("/assets/{name}", looking(get(asset::serve)))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(axum::middleware::from_fn(headers::harden))
}

/// The pages about what is approved past the everyday way.
fn exceptions(looking: impl Fn(MethodRouter<Server>) -> MethodRouter<Server>) -> Router<Server> {
    Router::new()
        .route("/grants", looking(get(grants::grants)))
        .route("/requests/{id}/grant", looking(post(proposal::propose)))
        .route("/grants/{id}/confirm", looking(post(grants::confirm)))
        .route("/grants/{id}/revoke", looking(post(grants::revoke)))
        .route("/break-glass", looking(get(break_glass::uses)))
        .route(
            "/break-glass/{id}/review",
            looking(post(break_glass::review)),
        )
}

/// The pages about principals and their tokens.
fn who_may_act(looking: impl Fn(MethodRouter<Server>) -> MethodRouter<Server>) -> Router<Server> {
    let principals = get(people::principals).post(people::create);
    Router::new()
        .route("/principals", looking(principals))
        .route("/principals/{name}/disable", looking(post(people::disable)))
        .route("/principals/{name}/enable", looking(post(people::enable)))
        .route("/principals/{name}/confirm", looking(post(people::confirm)))
        .route("/agents", looking(get(people::agents)))
        .route("/groups", looking(get(groups::groups).post(groups::add)))
        .route("/groups/remove", looking(post(groups::remove)))
        .route("/tokens", looking(get(tokens::tokens).post(tokens::create)))
        .route("/tokens/{id}/revoke", looking(post(tokens::revoke)))
}
