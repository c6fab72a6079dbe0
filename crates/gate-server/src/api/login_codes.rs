//! `/v1/login-codes`: from a token in a terminal to a signed-in browser.

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use gate_protocol::principal::LoginCode;
use gate_protocol::problem::Problem;

use super::extract::Reply;
use crate::identity::{Approver, Caller, Token};
use crate::problem::Failure;
use crate::state::Server;

/// Makes a link that signs the caller's browser in: once, within 10 minutes.
#[utoipa::path(post, path = "/v1/login-codes", tag = "principals",
    responses((status = 201, body = LoginCode), (status = 403, body = Problem)))]
pub(super) async fn create(
    State(server): State<Server>,
    caller: Caller<Approver>,
    headers: HeaderMap,
) -> Result<Reply<LoginCode>, Failure> {
    // The caller is known by it, so it is there: the code ends with this token.
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.split_once(' '))
        .and_then(|(_, token)| Token::parse(token.trim()))
        .ok_or_else(Failure::not_found)?;
    let code = server
        .create_login_code(caller.actor.name(), Some(token.hash()))
        .await?;
    Ok(Reply(StatusCode::CREATED, code))
}
