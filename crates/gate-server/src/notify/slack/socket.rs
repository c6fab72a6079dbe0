//! Socket Mode: callbacks over a connection that this server opens, for who has
//! no address that Slack could call. What comes over it is Slack's, as the
//! connection was opened with the app's own token.
//!
//! Source: Slack's "Using Socket Mode" and "Exploring HTTP vs Socket Mode".

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gate_protocol::channel::{ChannelSettings, SlackSettings};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

use super::super::Channel;
use super::super::inbound;
use super::super::with;
use super::api::{self, ApiError};
use super::interaction;
use super::payload::Payload;
use crate::outbound::parse_url;
use crate::problem::Failure;
use crate::refusals::Refused;
use crate::state::Server;

/// How long the connection may take to open.
const PATIENCE: Duration = Duration::from_secs(15);
/// Slack says something at least every half minute; after this it is gone.
const SILENCE: Duration = Duration::from_secs(90);
/// The longest pause between two connections.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// The largest message, in bytes.
const MESSAGE_LIMIT: usize = 1 << 20;
/// How long an envelope is known as taken, in seconds: Slack repeats one for
/// minutes at most.
const ENVELOPE_LIFE_SECONDS: u64 = 3600;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What comes over the connection.
#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, rename = "envelope_id")]
    id: String,
    #[serde(default)]
    payload: Value,
}

/// Listens, connecting again and again, until dropped.
pub(crate) async fn listen(server: Server, channel: Arc<Channel>) {
    let ChannelSettings::Slack(settings) = &channel.spec.settings else {
        return;
    };
    let first = server.settings.outbound.first_retry;
    let mut pause = first;
    loop {
        match connected(&server, &channel, settings).await {
            Ok(mut socket) => {
                pause = first;
                serve(&server, &channel, &mut socket).await;
                // Slack ends connections as it likes: that is no trouble.
                let _closed = socket.close(None).await;
            }
            Err(error) => {
                tracing::warn!(?error, channel = channel.name(), "Socket Mode did not open");
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Opens a connection where Slack says.
async fn connected(
    server: &Server,
    channel: &Channel,
    settings: &SlackSettings,
) -> Result<Socket, ApiError> {
    let token = channel.secret("app_token");
    let method = "apps.connections.open";
    let answer = api::call_with(server, token, settings, method, &json!({})).await?;
    let url = answer
        .get("url")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let later = |why: String| ApiError::Later(None, why);
    match tokio::time::timeout(PATIENCE, open(server, url)).await {
        Ok(opened) => opened,
        Err(_) => Err(later("the connection took too long".to_owned())),
    }
}

async fn open(server: &Server, text: &str) -> Result<Socket, ApiError> {
    let later = |why: String| ApiError::Later(None, why);
    let outbound = server.channels.outbound();
    let outbound = outbound.ok_or_else(|| later("not started yet".to_owned()))?;
    let url = parse_url(text)?;
    let is_secure = match url.scheme() {
        "wss" => true,
        "ws" => false,
        _ => {
            return Err(ApiError::Said(
                "it is no address of a web socket".to_owned(),
            ));
        }
    };
    let host = url.host_str().unwrap_or_default();
    let port = url.port().unwrap_or(if is_secure { 443 } else { 80 });
    let address = outbound.reach(is_secure, host, port).await?;
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| later(error.to_string()))?;
    let connector = if is_secure {
        Connector::Rustls(outbound.tls())
    } else {
        Connector::Plain
    };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT));
    let opening = tokio_tungstenite::client_async_tls_with_config(
        text,
        stream,
        Some(limits),
        Some(connector),
    );
    // What failed can hold the address, and its ticket.
    let opened = opening
        .await
        .map_err(|_| later("it was not opened".to_owned()))?;
    Ok(opened.0)
}

/// Takes what comes until the connection ends.
async fn serve(server: &Server, channel: &Arc<Channel>, socket: &mut Socket) {
    while let Some(text) = heard(socket).await {
        let Ok(envelope) = serde_json::from_str::<Envelope>(&text) else {
            continue;
        };
        if envelope.kind == "disconnect" {
            return;
        }
        // What is not taken is not acknowledged: Slack brings it again.
        if let Some(ack) = acknowledged(server, channel, &envelope).await
            && socket.send(Message::text(ack.to_string())).await.is_err()
        {
            return;
        }
    }
}

/// Returns the next text; none where the connection ended.
async fn heard(socket: &mut Socket) -> Option<String> {
    loop {
        match tokio::time::timeout(SILENCE, socket.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => return Some(text.as_str().to_owned()),
            Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return None,
            // Pings are answered by the library.
            Ok(Some(Ok(_))) => {}
        }
    }
}

/// Takes an envelope and returns what acknowledges it.
async fn acknowledged(
    server: &Server,
    channel: &Arc<Channel>,
    envelope: &Envelope,
) -> Option<Value> {
    if envelope.id.is_empty() {
        return None;
    }
    let ack = json!({ "envelope_id": envelope.id });
    match Box::pin(take(server, channel, envelope)).await {
        Ok(None) => Some(ack),
        Ok(Some(payload)) => Some(with(ack, "payload", payload)),
        Err(failure) => {
            tracing::error!(
                ?failure,
                channel = channel.name(),
                "a callback was not taken"
            );
            None
        }
    }
}

async fn take(
    server: &Server,
    channel: &Arc<Channel>,
    envelope: &Envelope,
) -> Result<Option<Value>, Failure> {
    if envelope.kind != "interactive" {
        return Ok(None);
    }
    let mark = inbound::mark("slack envelope", envelope.id.as_bytes());
    let taking = Box::pin(carried_out(server, channel, envelope));
    let taken = server
        .take_once(mark, ENVELOPE_LIFE_SECONDS, taking)
        .await?;
    // What comes again was answered before.
    Ok(taken.flatten())
}

async fn carried_out(
    server: &Server,
    channel: &Arc<Channel>,
    envelope: &Envelope,
) -> Result<Option<Value>, Failure> {
    let Ok(payload) = Payload::deserialize(&envelope.payload) else {
        let body = json!({
            "channel": channel.name(), "provider": super::PROVIDER, "why": "malformed",
        });
        server
            .record_refused_callback(Refused::Member, body)
            .await?;
        return Ok(None);
    };
    let meant = interaction::meant(&of_the_same_app(server, channel), &payload);
    let channel = meant.as_ref().unwrap_or(channel);
    Box::pin(interaction::take(server, channel, &payload)).await
}

/// Returns the channels of the app behind a connection, its own channel first:
/// Slack gives each envelope to any one connection of the app. What proves that
/// a channel is of the app is that it has the app's token for the same Slack:
/// by its name alone, a channel that somebody made would speak for this one.
fn of_the_same_app(server: &Server, own: &Arc<Channel>) -> Vec<Arc<Channel>> {
    let same = |other: &&Arc<Channel>| {
        let settings = (&own.spec.settings, &other.spec.settings);
        let (ChannelSettings::Slack(one), ChannelSettings::Slack(two)) = settings else {
            return false;
        };
        let token = (own.secret("app_token"), other.secret("app_token"));
        own.name() != other.name()
            && own.source == other.source
            && (&one.app_id, &one.team_id, &one.api_url)
                == (&two.app_id, &two.team_id, &two.api_url)
            && bool::from(token.0.as_bytes().ct_eq(token.1.as_bytes()))
    };
    let list = server.channels.list();
    let others = list.iter().filter(same).cloned();
    std::iter::once(Arc::clone(own)).chain(others).collect()
}
