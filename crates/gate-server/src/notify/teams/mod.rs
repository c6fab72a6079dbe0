//! Microsoft Teams: a card for each request by a bot, which follows it, with
//! buttons where a chat may answer; or a workflow that only tells.

mod activity;
mod card;
mod connector;
mod token;

pub(crate) use activity::messages;
pub(crate) use connector::TeamsMemory;

use gate_protocol::channel::TeamsSettings;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use self::connector::{Bot, ConnectorError};
use super::aside::{Aside, Thread};
use super::callback::is_answered_here;
use super::lane::Telling;
use super::pace::{self, Turn};
use super::webhook::judged;
use super::{Attempt, Channel, with};
use crate::outbound::{Exchange, OutboundError, parse_url};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::channel_messages::{self, ChatMessage};

/// The provider of Teams' accounts.
const PROVIDER: &str = "teams";
/// The largest message that a workflow takes, in bytes.
const WORKFLOW_BYTES: usize = 28 * 1024;

const TEST: &str = "A test of gate. Nothing waits for an answer.";

/// Brings the card of a request to what the request is.
pub(crate) async fn tell(
    telling: &Telling<'_>,
    settings: &TeamsSettings,
) -> Result<Attempt, Failure> {
    let (server, channel, notice) = (telling.server, telling.channel, telling.notice);
    let mut reader = server.store.read().await?;
    let known = channel_messages::find(reader.connection(), channel.name(), notice.id).await?;
    drop(reader);
    let is_use = telling.aside() == Some(Aside::BreakGlassUsed);
    if let Some(aside) = telling.aside()
        && (known.is_some() || !is_use)
    {
        return say(telling, settings, aside).await;
    }
    // A use that has no message yet gets the message of the request, over or not.
    if known.is_none() && notice.status.is_terminal() && !is_use {
        return Ok(Attempt::Delivered(
            "not sent: it was over before".to_owned(),
        ));
    }
    if known.is_none()
        && let Turn::Counted { count, place } = telling.turn()
    {
        return Ok(count_in(telling, settings, count, place).await);
    }
    let has_buttons = is_answered_here(channel, notice);
    let activity = card::activity(&notice.headline(), &card::of(notice, has_buttons));
    let bot = Bot {
        server,
        channel,
        settings,
    };
    let placed = match known {
        Some(place) => update(bot, (place.conversation, place.message), &activity).await,
        None => post(bot, &activity).await,
    };
    let (conversation, message) = match placed {
        Ok(place) => place,
        Err(error) => return Ok(error.into()),
    };
    let place = ChatMessage {
        request: notice.id,
        conversation,
        message,
        version: notice.version,
        told: notice.status.as_str().to_owned(),
    };
    let mut writer = server.store.write().await?;
    channel_messages::put(writer.connection(), channel.name(), &place).await?;
    writer.commit().await?;
    Ok(Attempt::Delivered(format!("activity {}", place.message)))
}

/// Says something below a request's card.
///
/// Source: Bot Connector, "Send to Conversation": the conversation is that of the card's thread.
async fn say(
    telling: &Telling<'_>,
    settings: &TeamsSettings,
    aside: Aside,
) -> Result<Attempt, Failure> {
    let place = match telling.thread().await? {
        Thread::Of(place) => place,
        Thread::None(attempt) => return Ok(attempt),
    };
    let notice = telling.notice;
    let activity = card::activity(&aside.sentence(notice), &card::plain(&aside.lines(notice)));
    let bot = Bot {
        server: telling.server,
        channel: telling.channel,
        settings,
    };
    let path = ["v3", "conversations", &place.conversation, "activities"];
    let sent = connector::call(bot, Method::POST, &path, Some(&activity)).await;
    Ok(match sent {
        Ok(_) => Attempt::Delivered(format!("below activity {}", place.message)),
        Err(error) => error.into(),
    })
}

/// Has one card say how many have none of their own.
async fn count_in(
    telling: &Telling<'_>,
    settings: &TeamsSettings,
    count: usize,
    place: Option<(String, String)>,
) -> Attempt {
    let counted = || Attempt::Delivered(format!("counted: {count} have no card of their own"));
    if !pace::is_told(count) {
        return counted();
    }
    let words = pace::words(count, telling.notice.is_break_glass);
    let activity = card::activity(&words, &card::leading(&words, &telling.inbox()));
    let bot = Bot {
        server: telling.server,
        channel: telling.channel,
        settings,
    };
    let placed = match place {
        Some(place) => update(bot, place, &activity).await,
        None => post(bot, &activity).await,
    };
    match placed {
        Ok((conversation, message)) => {
            telling.pace().stands_at(&conversation, &message);
            counted()
        }
        Err(error) => error.into(),
    }
}

async fn update(
    bot: Bot<'_>,
    (conversation, message): (String, String),
    activity: &Value,
) -> Result<(String, String), ConnectorError> {
    let activity = with(activity.clone(), "id", message.clone());
    let path = ["v3", "conversations", &conversation, "activities", &message];
    let put = connector::call(bot, Method::PUT, &path, Some(&activity));
    match put.await {
        Ok(_) => Ok((conversation, message)),
        // Somebody deleted it.
        Err(ConnectorError::Status(404, _)) => post(bot, &without_id(activity)).await,
        Err(error) => Err(error),
    }
}

fn without_id(mut activity: Value) -> Value {
    if let Some(fields) = activity.as_object_mut() {
        fields.remove("id");
    }
    activity
}

/// Begins a conversation in the channel with the card as its first message.
///
/// Source: Bot Connector, "Create Conversation"; Teams, "Proactive messages".
async fn post(bot: Bot<'_>, activity: &Value) -> Result<(String, String), ConnectorError> {
    let settings = bot.settings;
    let body = json!({
        "isGroup": true,
        "bot": { "id": format!("28:{}", settings.app_id) },
        "tenantId": settings.tenant_id,
        "channelData": {
            "channel": { "id": settings.conversation },
            "tenant": { "id": settings.tenant_id },
        },
        "activity": activity,
    });
    let path = ["v3", "conversations"];
    let posted = connector::call(bot, Method::POST, &path, Some(&body)).await?;
    let text = |key: &str| posted.get(key).and_then(Value::as_str).map(str::to_owned);
    match (text("id"), text("activityId")) {
        (Some(conversation), Some(message)) => Ok((conversation, message)),
        _ => Err(ConnectorError::Said(
            "no `id` and `activityId` in its answer".to_owned(),
        )),
    }
}

/// Posts a test.
pub(crate) async fn test(server: &Server, channel: &Channel, settings: &TeamsSettings) -> Attempt {
    let activity = card::activity(TEST, &card::plain(TEST));
    let bot = Bot {
        server,
        channel,
        settings,
    };
    match post(bot, &activity).await {
        Ok((_, message)) => Attempt::Delivered(format!("activity {message}")),
        Err(error) => error.into(),
    }
}

/// Tells a workflow, which posts the card without buttons.
pub(crate) async fn tell_workflow(telling: &Telling<'_>) -> Attempt {
    if telling.is_overtaken() {
        return Attempt::Delivered("not sent: it was overtaken".to_owned());
    }
    if telling.notice.is_pending()
        && let Turn::Counted { count, .. } = telling.turn()
    {
        return match count {
            // Once: nothing that was posted by a workflow can be brought up to date.
            1 => {
                let of = pace::what(telling.notice.is_break_glass);
                let words = format!(
                    "More requests{of} came in, too many for a card each. They wait in the inbox."
                );
                let card = card::leading(&words, &telling.inbox());
                send_workflow(telling.server, telling.channel, &card).await
            }
            count => Attempt::Delivered(format!("counted: {count} have no card of their own")),
        };
    }
    let said = telling.aside().map(|aside| aside.sentence(telling.notice));
    let card = card::saying(said.as_deref(), telling.notice);
    send_workflow(telling.server, telling.channel, &card).await
}

/// Posts a test through a workflow.
pub(crate) async fn test_workflow(server: &Server, channel: &Channel) -> Attempt {
    send_workflow(server, channel, &card::plain(TEST)).await
}

async fn send_workflow(server: &Server, channel: &Channel, card: &Value) -> Attempt {
    let body = json!({
        "type": "message",
        "attachments": [{
            "contentType": card::CONTENT_TYPE,
            "contentUrl": null,
            "content": card,
        }],
    });
    let body = body.to_string().into_bytes();
    if body.len() > WORKFLOW_BYTES {
        return Attempt::Failed(format!(
            "{} bytes are more than a workflow takes",
            body.len()
        ));
    }
    match posted(server, channel, body).await {
        Ok(attempt) => attempt,
        Err(error) => error.into(),
    }
}

async fn posted(
    server: &Server,
    channel: &Channel,
    body: Vec<u8>,
) -> Result<Attempt, OutboundError> {
    let outbound = server.channels.outbound();
    let outbound = outbound.ok_or_else(|| OutboundError::Failed("not started yet".to_owned()))?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let reply = outbound
        .send(Exchange {
            method: Method::POST,
            url: parse_url(channel.secret("url"))?,
            headers,
            body,
        })
        .await?;
    Ok(judged(&reply))
}
