//! Calls of Slack's Web API.

use std::time::Duration;

use gate_protocol::channel::SlackSettings;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;

use super::super::{Attempt, Channel};
use crate::outbound::{Exchange, OutboundError, parse_url};
use crate::state::Server;

const API: &str = "https://slack.com/api";
/// Methods that read no JSON. Source: Slack's "Using the Slack Web API".
const FORMS: [&str; 2] = ["apps.connections.open", "users.info"];

/// Why a call did not do what it was for.
#[derive(Debug)]
pub(super) enum ApiError {
    /// Slack said no, in its own word.
    Said(String),
    /// Slack asks to be left alone for a while, or is not well.
    Later(Option<Duration>, String),
    /// It was not reached.
    Outbound(OutboundError),
}

impl From<OutboundError> for ApiError {
    fn from(error: OutboundError) -> Self {
        Self::Outbound(error)
    }
}

impl From<ApiError> for Attempt {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Said(why) => Self::Failed(why),
            ApiError::Later(after, why) => Self::Later(after, why),
            ApiError::Outbound(error) => error.into(),
        }
    }
}

/// Calls a method with the bot's token.
pub(super) async fn call(
    server: &Server,
    channel: &Channel,
    settings: &SlackSettings,
    method: &str,
    body: &Value,
) -> Result<Value, ApiError> {
    call_with(server, channel.secret("bot_token"), settings, method, body).await
}

/// Calls a method with a token.
pub(super) async fn call_with(
    server: &Server,
    token: &str,
    settings: &SlackSettings,
    method: &str,
    body: &Value,
) -> Result<Value, ApiError> {
    let outbound = server.channels.outbound();
    let outbound = outbound.ok_or_else(|| ApiError::Later(None, "not started yet".to_owned()))?;
    let api = settings.api_url.as_deref().unwrap_or(API);
    let url = parse_url(&format!("{}/{method}", api.trim_end_matches('/')))?;
    let (kind, body) = if FORMS.contains(&method) {
        ("application/x-www-form-urlencoded", form(body))
    } else {
        ("application/json; charset=utf-8", body.to_string())
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| ApiError::Said("the token has signs that no header has".to_owned()))?;
    bearer.set_sensitive(true);
    headers.insert(AUTHORIZATION, bearer);
    let reply = outbound
        .send(Exchange {
            method: Method::POST,
            url,
            headers,
            body: body.into_bytes(),
        })
        .await?;
    if reply.status == 429 || reply.status >= 500 {
        let why = format!("answered {}", reply.status);
        return Err(ApiError::Later(reply.retry_after, why));
    }
    let answer = reply.json()?;
    if reply.is_success() && answer.get("ok") == Some(&Value::Bool(true)) {
        return Ok(answer);
    }
    let said = answer.get("error").and_then(Value::as_str);
    let said = said.unwrap_or("no reason").to_owned();
    Err(match said.as_str() {
        "ratelimited"
        | "internal_error"
        | "fatal_error"
        | "request_timeout"
        | "service_unavailable"
        | "team_added_to_org" => ApiError::Later(reply.retry_after, said),
        _ => ApiError::Said(said),
    })
}

/// Returns the fields that are text as a form.
fn form(body: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in body.as_object().into_iter().flatten() {
        form.append_pair(name, value.as_str().unwrap_or_default());
    }
    form.finish()
}
