//! The page on which an approver sees what is asked for and answers.
//!
//! Rendered here, without scripts: what a browser shows is what stands in the
//! answer. Every handler that shows something takes a [`Visitor`](session::Visitor)
//! and every one that changes something takes [`Posted`](form::Posted), so none
//! can forget the session, the origin or the token of the form. What is answered
//! goes through the same service as the API, in the channel `web`.

mod choice;
mod form;
mod headers;
mod inbox;
mod link;
mod login;
mod login_code;
mod moment;
mod page;
mod question;
mod request;
mod session;
mod shown;
mod sign_in;

pub use login_code::{LoginCodeError, create_login_code};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post};

use crate::state::Server;

/// The largest form: a token, or a comment of 500 characters of four bytes,
/// each of them percent-encoded.
const FORM_BYTES: usize = 16 * 1024;

/// Returns the pages.
pub(crate) fn routes(server: &Server) -> Router<Server> {
    let looking = |handler: MethodRouter<Server>| handler.fallback(page::other_method);
    Router::new()
        .route("/", looking(get(inbox::waiting)))
        .route("/history", looking(get(inbox::history)))
        .route("/requests/{id}", looking(get(request::show)))
        .route("/requests/{id}/review", looking(post(request::review)))
        .route("/login", looking(get(login::ask).post(login::sign_in)))
        .route(
            "/link/{chat}",
            looking(get(link::show).post(link::create_code)),
        )
        .route("/link/{chat}/unlink", looking(post(link::unlink)))
        .route("/logout", looking(post(login::sign_out)))
        .route("/style.css", looking(get(page::style)))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(axum::middleware::from_fn_with_state(
            server.clone(),
            headers::harden,
        ))
}
