//! Callbacks by HTTP: signed by Slack with the app's signing secret, at most
//! five minutes old, and each taken once.
//!
//! Source: Slack's "Verifying requests from Slack".

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use gate_protocol::channel::{ChannelSettings, ChannelSource};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::super::Channel;
use super::super::inbound::{self, Taken};
use super::interaction;
use super::payload::Payload;
use crate::clock;
use crate::problem::Failure;
use crate::state::Server;

/// How old a callback may be, and how far ahead its clock, in seconds.
const LIFE_SECONDS: u64 = 300;

/// Takes a callback.
pub(crate) async fn interactivity(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let at = server.clone();
    let taking = Box::pin(async move { taken(&at, &headers, &body).await });
    inbound::answer(server, super::PROVIDER, taking).await
}

async fn taken(server: &Server, headers: &HeaderMap, body: &[u8]) -> Result<Taken, Failure> {
    let now = clock::now().as_second();
    let (signature, signers) = match signers(server, headers, body, now) {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    // Of what is signed nobody but Slack had the making: it is read now.
    let Some(payload) = payload(body) else {
        return Ok(Err("malformed"));
    };
    let Some(channel) = interaction::meant(&signers, &payload) else {
        return Ok(Err("bad_signature"));
    };
    let mark = inbound::mark("slack", &signature);
    let taking = Box::pin(interaction::take(server, &channel, &payload));
    let taken = server.take_once(mark, 2 * LIFE_SECONDS, taking).await?;
    Ok(taken.ok_or("replayed"))
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
    let mut signers: Vec<Arc<Channel>> = list.iter().filter(made_it).cloned().collect();
    // What a channel of the settings takes is not handed to one that was made by the API.
    let is_of_file = |one: &Arc<Channel>| one.source == ChannelSource::File;
    if signers.iter().any(is_of_file) {
        signers.retain(is_of_file);
    }
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
