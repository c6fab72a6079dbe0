//! Slack: a message for each request, which follows it, with buttons where a
//! chat may answer; callbacks by HTTP or by Socket Mode.

mod api;
mod interaction;
mod message;
mod payload;
mod signature;
mod socket;

pub(crate) use signature::interactivity;
pub(crate) use socket::listen;

use gate_protocol::channel::SlackSettings;
use serde_json::json;

use self::api::ApiError;
use super::aside::{Aside, Thread};
use super::callback::is_answered_here;
use super::lane::Telling;
use super::pace::{self, Turn};
use super::{Attempt, Channel, with};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::channel_messages::{self, ChatMessage};

/// The provider of Slack's accounts.
const PROVIDER: &str = "slack";

/// Brings the message of a request to what the request is, and tells its
/// thread once what came of it.
pub(crate) async fn tell(
    telling: &Telling<'_>,
    settings: &SlackSettings,
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
    let body = message::of(notice, has_buttons);
    let mut place = match post_or_update(server, channel, settings, known, &body).await {
        Ok(place) => place,
        Err(error) => return Ok(error.into()),
    };
    place.version = notice.version;
    place.request = notice.id;
    remember(server, channel, &place).await?;
    let status = notice.status.as_str();
    if !notice.is_pending() && place.told != status {
        let reply = message::in_thread(&place.conversation, &place.message, &notice.outcome());
        if let Err(error) = api::call(server, channel, settings, "chat.postMessage", &reply).await {
            return Ok(error.into());
        }
    }
    status.clone_into(&mut place.told);
    remember(server, channel, &place).await?;
    Ok(Attempt::Delivered(format!("message {}", place.message)))
}

/// Says something in the thread of a request's message, and in the conversation too: whoever has not
/// answered in a thread is not told of what is said there alone.
async fn say(
    telling: &Telling<'_>,
    settings: &SlackSettings,
    aside: Aside,
) -> Result<Attempt, Failure> {
    let place = match telling.thread().await? {
        Thread::Of(place) => place,
        Thread::None(attempt) => return Ok(attempt),
    };
    let lines = aside.lines(telling.notice);
    let reply = message::in_thread(&place.conversation, &place.message, &lines);
    let reply = with(reply, "reply_broadcast", true);
    let (server, channel) = (telling.server, telling.channel);
    let posted = api::call(server, channel, settings, "chat.postMessage", &reply).await;
    Ok(match posted {
        Ok(_) => Attempt::Delivered(format!("in the thread of {}", place.message)),
        Err(error) => error.into(),
    })
}

/// Has one message say how many have none of their own.
async fn count_in(
    telling: &Telling<'_>,
    settings: &SlackSettings,
    count: usize,
    place: Option<(String, String)>,
) -> Attempt {
    let counted = || Attempt::Delivered(format!("counted: {count} have no message of their own"));
    if !pace::is_told(count) {
        return counted();
    }
    let known = place.map(|(conversation, message)| ChatMessage {
        request: telling.notice.id,
        conversation,
        message,
        version: 0,
        told: String::new(),
    });
    let body = message::counting(
        &pace::words(count, telling.notice.is_break_glass),
        &telling.inbox(),
    );
    let (server, channel) = (telling.server, telling.channel);
    match post_or_update(server, channel, settings, known, &body).await {
        Ok(place) => {
            telling
                .pace()
                .stands_at(&place.conversation, &place.message);
            counted()
        }
        Err(error) => error.into(),
    }
}

async fn remember(server: &Server, channel: &Channel, place: &ChatMessage) -> Result<(), Failure> {
    let mut writer = server.store.write().await?;
    channel_messages::put(writer.connection(), channel.name(), place).await?;
    writer.commit().await?;
    Ok(())
}

/// Updates the message where it stands; where somebody deleted it, or there was
/// none, it is posted.
async fn post_or_update(
    server: &Server,
    channel: &Channel,
    settings: &SlackSettings,
    known: Option<ChatMessage>,
    body: &serde_json::Value,
) -> Result<ChatMessage, ApiError> {
    if let Some(place) = known {
        let update = message::at(body, &place.conversation, Some(&place.message));
        match api::call(server, channel, settings, "chat.update", &update).await {
            Ok(_) => return Ok(place),
            Err(ApiError::Said(why)) if why == "message_not_found" => {}
            Err(error) => return Err(error),
        }
    }
    let post = message::at(body, &settings.conversation, None);
    let posted = api::call(server, channel, settings, "chat.postMessage", &post).await?;
    let text = |key: &str| posted.get(key).and_then(serde_json::Value::as_str);
    let (Some(conversation), Some(message)) = (text("channel"), text("ts")) else {
        return Err(ApiError::Said(
            "no `channel` and `ts` in its answer".to_owned(),
        ));
    };
    Ok(ChatMessage {
        request: gate_protocol::id::RequestId::generate(),
        conversation: conversation.to_owned(),
        message: message.to_owned(),
        version: 0,
        told: String::new(),
    })
}

/// Posts a test.
pub(crate) async fn test(server: &Server, channel: &Channel, settings: &SlackSettings) -> Attempt {
    let text = "A test of gate. Nothing waits for an answer.";
    let body = json!({
        "channel": settings.conversation,
        "text": text,
        "unfurl_links": false,
        "unfurl_media": false,
    });
    match api::call(server, channel, settings, "chat.postMessage", &body).await {
        Ok(_) => Attempt::Delivered("posted".to_owned()),
        Err(error) => error.into(),
    }
}
