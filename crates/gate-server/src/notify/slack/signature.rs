//! Callbacks by HTTP: signed by Slack with the app's signing secret, at most
//! five minutes old, and each taken once.
//!
//! Source: Slack's "Verifying requests from Slack".

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gate_protocol::channel::ChannelSettings;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::Channel;
use super::interaction;
use super::payload::Payload;
use crate::clock;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::channel_messages;

/// How old a callback may be, and how far ahead its clock, in seconds.
const LIFE_SECONDS: u64 = 300;

/// Takes a callback.
pub(crate) async fn interactivity(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match Box::pin(taken(&server, &headers, &body)).await {
        Ok(Ok(answer)) => answered(answer),
        Ok(Err(why)) => {
            let body = json!({ "channel": null, "provider": super::PROVIDER, "why": why });
            if let Err(failure) = server.record_refused_callback(body).await {
                return failure.into_response();
            }
            StatusCode::UNAUTHORIZED.into_response()
        }
        Err(failure) => failure.into_response(),
    }
}

fn answered(answer: Option<Value>) -> Response {
    match answer {
        None => StatusCode::OK.into_response(),
        Some(answer) => {
            let headers = [(CONTENT_TYPE, "application/json")];
            (StatusCode::OK, headers, answer.to_string()).into_response()
        }
    }
}

async fn taken(
    server: &Server,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Result<Option<Value>, &'static str>, Failure> {
    let now = clock::now().as_second();
    let (signature, signers) = match signers(server, headers, body, now) {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    // Of what is signed nobody but Slack had the making: it is read now.
    let Some(payload) = payload(body) else {
        return Ok(Err("malformed"));
    };
    let mut writer = server.store.write().await?;
    let hash = Sha256::digest([b"slack ".as_slice(), signature.as_slice()].concat());
    let until = clock::after(clock::now(), 2 * LIFE_SECONDS);
    let is_new = channel_messages::take_callback(writer.connection(), &hash, until).await?;
    writer.commit().await?;
    if !is_new {
        return Ok(Err("replayed"));
    }
    let Some(channel) = meant(&signers, &payload) else {
        return Ok(Err("bad_signature"));
    };
    interaction::take(server, &channel, &payload).await.map(Ok)
}

/// Returns the signature, and the channels whose secret it is made with.
fn signers(
    server: &Server,
    headers: &HeaderMap,
    body: &[u8],
    now_seconds: i64,
) -> Result<(Vec<u8>, Vec<Arc<Channel>>), &'static str> {
    let timestamp = one(headers, "x-slack-request-timestamp").ok_or("unsigned")?;
    let signature = one(headers, "x-slack-signature").ok_or("unsigned")?;
    let is_number = !timestamp.is_empty() && timestamp.bytes().all(|b| b.is_ascii_digit());
    let sent: i64 = timestamp
        .parse()
        .ok()
        .filter(|_| is_number)
        .ok_or("unsigned")?;
    if now_seconds.abs_diff(sent) > LIFE_SECONDS {
        return Err("stale");
    }
    let signature = signature
        .strip_prefix("v0=")
        .and_then(unhex)
        .ok_or("bad_signature")?;
    let list = server.channels.list();
    let made_it = |channel: &&Arc<Channel>| {
        matches!(channel.spec.settings, ChannelSettings::Slack(_))
            && channel.has_secret("signing_secret")
            && is_signed(
                channel.secret("signing_secret"),
                timestamp,
                body,
                &signature,
            )
    };
    let signers: Vec<Arc<Channel>> = list.iter().filter(made_it).cloned().collect();
    if signers.is_empty() {
        return Err("bad_signature");
    }
    Ok((signature, signers))
}

/// Returns a header that is there once. Of two, one could be signed and the
/// other read.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Compares in constant time.
fn is_signed(secret: &str, timestamp: &str, body: &[u8], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return false;
    };
    for part in [b"v0:".as_slice(), timestamp.as_bytes(), b":", body] {
        mac.update(part);
    }
    mac.verify_slice(signature).is_ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let (pairs, _) = digits.as_chunks::<2>();
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Reads `payload=…` of a form.
fn payload(body: &[u8]) -> Option<Payload> {
    let mut fields = form_urlencoded::parse(body).filter(|(name, _)| name == "payload");
    let (_, text) = fields.next()?;
    if fields.next().is_some() {
        return None;
    }
    serde_json::from_str(&text).ok()
}

/// Returns the channel that a callback is for: that of its conversation, or any
/// of the same app where it is from none.
fn meant(signers: &[Arc<Channel>], payload: &Payload) -> Option<Arc<Channel>> {
    let conversation = interaction::conversation_of(payload);
    let is_of = |channel: &&Arc<Channel>| match &channel.spec.settings {
        ChannelSettings::Slack(settings) => settings.conversation == conversation,
        ChannelSettings::Teams(_)
        | ChannelSettings::TeamsWorkflow(_)
        | ChannelSettings::Mail(_)
        | ChannelSettings::Webhook(_) => false,
    };
    let found = signers.iter().find(is_of).or(signers.first());
    found.cloned()
}
