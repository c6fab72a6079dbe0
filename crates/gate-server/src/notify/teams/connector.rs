//! Calls of the Bot Connector, with the bot's own token.
//!
//! Source: Bot Framework, "Authentication with the Bot Connector API".

use std::time::Duration;

use gate_protocol::channel::TeamsSettings;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

use super::super::{Attempt, Channel};
use crate::identity::issuer::Issuer;
use crate::outbound::{Exchange, Outbound, OutboundError, parse_url};
use crate::state::Server;

const LOGIN: &str = "https://login.microsoftonline.com";
const SCOPE: &str = "https://api.botframework.com/.default";
/// A token is not used for its last minutes.
const MARGIN: Duration = Duration::from_mins(5);

/// What a bot keeps between calls.
#[derive(Default)]
pub(crate) struct TeamsMemory {
    token: Mutex<Option<(String, Instant)>>,
    /// Who signs what Teams sends, with its keys.
    pub(super) issuer: OnceCell<Issuer>,
}

/// Why a call did not do what it was for.
#[derive(Debug)]
pub(super) enum ConnectorError {
    /// It answered with this status; with how long to leave it alone.
    Status(u16, Option<Duration>),
    /// What it said can't be used.
    Said(String),
    /// It was not reached.
    Outbound(OutboundError),
}

impl From<OutboundError> for ConnectorError {
    fn from(error: OutboundError) -> Self {
        Self::Outbound(error)
    }
}

impl From<ConnectorError> for Attempt {
    fn from(error: ConnectorError) -> Self {
        match error {
            ConnectorError::Status(status, after) if status == 429 || status >= 500 => {
                Self::Later(after, format!("answered {status}"))
            }
            // A token is asked for anew with the next attempt.
            ConnectorError::Status(401, after) => Self::Later(after, "answered 401".to_owned()),
            ConnectorError::Status(status, _) => Self::Failed(format!("answered {status}")),
            ConnectorError::Said(why) => Self::Failed(why),
            ConnectorError::Outbound(error) => error.into(),
        }
    }
}

/// A bot: who calls, and by what.
#[derive(Clone, Copy)]
pub(super) struct Bot<'a> {
    pub(super) server: &'a Server,
    pub(super) channel: &'a Channel,
    pub(super) settings: &'a TeamsSettings,
}

/// Calls a path of the connector; null where it answers nothing.
pub(super) async fn call(
    bot: Bot<'_>,
    method: Method,
    path: &[&str],
    body: Option<&Value>,
) -> Result<Value, ConnectorError> {
    let Bot {
        server,
        channel,
        settings,
    } = bot;
    let outbound = server.channels.outbound();
    let outbound = outbound.ok_or_else(|| OutboundError::Failed("not started yet".to_owned()))?;
    let token = token(&outbound, channel, settings).await?;
    let mut url = parse_url(&settings.service_url)?;
    url.path_segments_mut()
        .map_err(|()| OutboundError::Refused("`service_url` has no path".to_owned()))?
        .pop_if_empty()
        .extend(path);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(AUTHORIZATION, bearer(&token)?);
    let reply = outbound
        .send(Exchange {
            method,
            url,
            headers,
            body: body.map(Value::to_string).unwrap_or_default().into_bytes(),
        })
        .await?;
    if reply.is_success() {
        return Ok(reply.json().unwrap_or(Value::Null));
    }
    if reply.status == 401 {
        *channel.teams.token.lock().await = None;
    }
    Err(ConnectorError::Status(reply.status, reply.retry_after))
}

fn bearer(token: &str) -> Result<HeaderValue, ConnectorError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| ConnectorError::Said("the token has signs that no header has".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns the bot's token, from before where that is still good.
async fn token(
    outbound: &Outbound,
    channel: &Channel,
    settings: &TeamsSettings,
) -> Result<String, ConnectorError> {
    let mut held = channel.teams.token.lock().await;
    if let Some((token, until)) = held.as_ref()
        && Instant::now() < *until
    {
        return Ok(token.clone());
    }
    let login = settings.login_url.as_deref().unwrap_or(LOGIN);
    let login = login.trim_end_matches('/');
    let url = parse_url(&format!("{login}/{}/oauth2/v2.0/token", settings.tenant_id))?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &settings.app_id)
        .append_pair("client_secret", channel.secret("app_password"))
        .append_pair("scope", SCOPE)
        .finish();
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, kind);
    let reply = outbound
        .send(Exchange {
            method: Method::POST,
            url,
            headers,
            body: form.into_bytes(),
        })
        .await?;
    if !reply.is_success() {
        return Err(match reply.status {
            400..=403 => ConnectorError::Said(format!(
                "no token for the bot: answered {}; check app_id, tenant_id and app_password",
                reply.status
            )),
            status => ConnectorError::Status(status, reply.retry_after),
        });
    }
    let answer = reply.json()?;
    let token = answer.get("access_token").and_then(Value::as_str);
    let token = token.ok_or_else(|| ConnectorError::Said("no token in the answer".to_owned()))?;
    let seconds = answer
        .get("expires_in")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let life = Duration::from_secs(seconds).saturating_sub(MARGIN);
    *held = Some((token.to_owned(), Instant::now() + life));
    Ok(token.to_owned())
}
