//! Webhooks, signed as Standard Webhooks says.
//!
//! Source: the Standard Webhooks specification, "Signature scheme".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gate_protocol::channel::WebhookSettings;
use gate_protocol::event::RunOutcome;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;

use super::lane::Telling;
use super::notice::Notice;
use super::plain::Plain;
use super::{Attempt, Channel};
use crate::clock;
use crate::outbound::{Exchange, OutboundError, Reply, parse_url};
use crate::state::Server;

/// Returns the key of a signing secret: `whsec_` and 24 to 64 bytes in base64.
pub(crate) fn key(secret: &str) -> Result<Vec<u8>, String> {
    let key = secret
        .strip_prefix("whsec_")
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .filter(|key| (24..=64).contains(&key.len()));
    key.ok_or_else(|| {
        "`signing_secret` must be `whsec_` and 24 to 64 random bytes in base64, as \
         `echo whsec_$(openssl rand -base64 32)` makes"
            .to_owned()
    })
}

/// Tells a webhook what happened.
pub(crate) async fn tell(telling: &Telling<'_>, settings: &WebhookSettings) -> Attempt {
    let body = json!({
        "type": telling.event,
        "timestamp": clock::now(),
        "data": { "version": telling.version, "request": described(telling.notice) },
    });
    post(telling.server, telling.channel, settings, telling.id, &body).await
}

/// Sends a test.
pub(crate) async fn test(
    server: &Server,
    channel: &Channel,
    settings: &WebhookSettings,
    id: &str,
) -> Attempt {
    let body = json!({
        "type": "test",
        "timestamp": clock::now(),
        "data": { "text": "A test of gate. Nothing waits for an answer.", "channel": channel.name() },
    });
    post(server, channel, settings, id, &body).await
}

fn texts<'a>(lines: impl Iterator<Item = &'a Plain>) -> Vec<&'a str> {
    lines.map(Plain::as_str).collect()
}

/// Returns a request as it is now, every text inert.
fn described(notice: &Notice) -> Value {
    json!({
        "id": notice.id,
        "status": notice.status,
        "version": notice.version,
        "digest": notice.digest,
        "requester": notice.asker.as_str(),
        "title": notice.title.as_str(),
        "command": notice.command.as_str(),
        "is_whole": notice.is_whole,
        "is_break_glass": notice.is_break_glass,
        "effect": notice.effect.as_str(),
        "target": texts(notice.target.iter().map(|line| &line.text)),
        "is_production": notice.target.iter().any(|line| line.is_production),
        "details": texts(notice.details.iter()),
        "rule": notice.rule.as_str(),
        "unverified_reason": notice.reason.as_ref().map(Plain::as_str),
        "needs": texts(notice.needs.iter()),
        "answers": texts(notice.answers.iter()),
        "outcome": notice.run.as_ref().map(outcome),
        "warnings": notice.warnings,
        "url": notice.url,
    })
}

/// Returns how a run ended; what it did not run for is text from outside.
fn outcome(run: &RunOutcome) -> Value {
    json!({
        "exit_code": run.exit_code,
        "signal": run.signal,
        "not_run": run.not_run.as_deref().map(|why| Plain::of(why).as_str().to_owned()),
        "duration_ms": run.duration_ms,
    })
}

async fn post(
    server: &Server,
    channel: &Channel,
    settings: &WebhookSettings,
    id: &str,
    body: &Value,
) -> Attempt {
    match sent(server, channel, settings, id, body).await {
        Ok(reply) => judged(&reply),
        Err(error) => error.into(),
    }
}

async fn sent(
    server: &Server,
    channel: &Channel,
    settings: &WebhookSettings,
    id: &str,
    body: &Value,
) -> Result<Reply, OutboundError> {
    let refused = |why: String| OutboundError::Refused(why);
    let outbound = server.channels.outbound();
    let outbound = outbound.ok_or_else(|| OutboundError::Failed("not started yet".to_owned()))?;
    let body = serde_json::to_vec(body).map_err(|error| refused(error.to_string()))?;
    let key = key(channel.secret("signing_secret")).map_err(refused)?;
    let headers = signed(&key, id, clock::now(), &body).map_err(refused)?;
    outbound
        .send(Exchange {
            method: Method::POST,
            url: parse_url(&settings.url)?,
            headers,
            body,
        })
        .await
}

/// Returns the headers of a body: its id, when it is sent, and the signature
/// over both and the body.
fn signed(key: &[u8], id: &str, now: Timestamp, body: &[u8]) -> Result<HeaderMap, String> {
    let seconds = now.as_second().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
        mac.update(part);
    }
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [
        ("webhook-id", id),
        ("webhook-timestamp", &seconds),
        ("webhook-signature", &signature),
    ] {
        let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// Says what an answer to a delivery means. A redirect is no delivery: where it
/// leads was never judged.
pub(crate) fn judged(reply: &Reply) -> Attempt {
    let answer = format!("answered {}", reply.status);
    match reply.status {
        200..300 => Attempt::Delivered(answer),
        300..400 => Attempt::Failed(format!("{answer}: redirects are not followed")),
        410 => Attempt::Failed(format!("{answer}: it is gone for good")),
        _ => Attempt::Later(reply.retry_after, answer),
    }
}
