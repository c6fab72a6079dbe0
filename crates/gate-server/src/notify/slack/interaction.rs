//! What a press of a button, a submitted window or the shortcut does, once it
//! is known to be Slack's.

use std::sync::Arc;

use gate_protocol::channel::{ChannelSettings, SlackSettings};
use gate_protocol::review::Answer;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::Channel;
use super::super::callback::{ChatAnswer, ChatRefusal, Pressed, Uncounted};
use super::super::inbound;
use super::payload::{Payload, User, View};
use super::{PROVIDER, api, message};
use crate::problem::Failure;
use crate::refusals::Refused;
use crate::service;
use crate::state::Server;
use crate::store::accounts::Account;

/// What the window of a denial brings back: the button that opened it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Opened {
    conversation: String,
    message: String,
    value: String,
}

/// Somebody of the right workspace, and where they were.
struct Person<'a> {
    server: &'a Server,
    channel: &'a Channel,
    settings: &'a SlackSettings,
    user: &'a str,
    conversation: String,
}

impl Person<'_> {
    fn account(&self) -> Account<'_> {
        Account {
            provider: PROVIDER,
            tenant: &self.settings.team_id,
            subject: self.user,
        }
    }

    /// Tells this person alone.
    async fn tell(&self, text: &str, may_link: bool) {
        let body = message::for_one(&self.conversation, self.user, text, may_link);
        let (server, channel) = (self.server, self.channel);
        let told = api::call(server, channel, self.settings, "chat.postEphemeral", &body).await;
        if let Err(error) = told {
            tracing::warn!(?error, channel = channel.name(), "a person was not told");
        }
    }

    async fn open(&self, view: &Value) {
        let (server, channel) = (self.server, self.channel);
        if let Err(error) = api::call(server, channel, self.settings, "views.open", view).await {
            tracing::warn!(?error, channel = channel.name(), "a window was not opened");
        }
    }
}

/// Returns the channel that a payload is for: that of its conversation, or any of
/// the same app where it is from none.
pub(super) fn meant(candidates: &[Arc<Channel>], payload: &Payload) -> Option<Arc<Channel>> {
    let conversation = conversation_of(payload);
    inbound::meant(candidates, |channel| match &channel.spec.settings {
        ChannelSettings::Slack(settings) => settings.conversation == conversation,
        ChannelSettings::Teams(_)
        | ChannelSettings::TeamsWorkflow(_)
        | ChannelSettings::Mail(_)
        | ChannelSettings::Webhook(_) => false,
    })
}

/// Returns the conversation that a payload is about: where it happened, or, for
/// a window, where it was opened.
fn conversation_of(payload: &Payload) -> String {
    match &payload.view {
        Some(view) => opened_by(view).conversation,
        None => payload.conversation().to_owned(),
    }
}

fn opened_by(view: &View) -> Opened {
    serde_json::from_str(&view.private_metadata).unwrap_or_default()
}

/// Does what a payload asks for. What it returns is the answer to the callback.
pub(super) async fn take(
    server: &Server,
    channel: &Channel,
    payload: &Payload,
) -> Result<Option<Value>, Failure> {
    let ChannelSettings::Slack(settings) = &channel.spec.settings else {
        return Ok(None);
    };
    let conversation = match conversation_of(payload) {
        found if found.is_empty() => settings.conversation.clone(),
        found => found,
    };
    let user = payload.user.as_ref();
    let person = Person {
        server,
        channel,
        settings,
        user: user.map_or("", |user| user.id.as_str()),
        conversation,
    };
    if let Err(why) = is_of_the_workspace(payload, user, settings) {
        return refuse(&person, payload, stranger(why)).await;
    }
    // A press of the link to the page is told to us as well: nothing to do.
    if payload
        .actions
        .iter()
        .all(|action| action.action_id == "gate_open")
        && payload.kind == "block_actions"
    {
        return Ok(None);
    }
    if let Err(refusal) = is_a_member(&person).await {
        return refuse(&person, payload, refusal).await;
    }
    match payload.kind.as_str() {
        "block_actions" => Box::pin(pressed(&person, payload)).await,
        "view_submission" => submitted(&person, payload).await,
        "shortcut" if payload.callback_id.as_deref() == Some("gate_link") => {
            person.open(&message::link_modal(&payload.trigger_id)).await;
            Ok(None)
        }
        // What else an app can be told is not for gate.
        _ => Ok(None),
    }
}

/// Refuses another app, another workspace, and who is in a shared conversation
/// from outside. A shortcut does not name its app: its signature does.
fn is_of_the_workspace(
    payload: &Payload,
    user: Option<&User>,
    settings: &SlackSettings,
) -> Result<(), &'static str> {
    let is_app = match &payload.api_app_id {
        Some(app) => *app == settings.app_id,
        None => payload.kind == "shortcut",
    };
    if !is_app {
        return Err("other_app");
    }
    let team = payload.team.as_ref().ok_or("missing_team")?;
    if team.id != settings.team_id {
        return Err("other_team");
    }
    let home = user.and_then(|user| user.team_id.as_ref());
    match home {
        None => Err("missing_team"),
        Some(home) if *home != settings.team_id => Err("external_user"),
        Some(_) => Ok(()),
    }
}

fn stranger(why: &'static str) -> ChatRefusal {
    ChatRefusal::new(
        why,
        "Your answer was not counted: only members of this workspace answer.",
    )
}

/// Asks Slack who that is now: guests, strangers, bots and who has left don't
/// answer, and neither does anybody where Slack can't be asked.
async fn is_a_member(person: &Person<'_>) -> Result<(), ChatRefusal> {
    let body = json!({ "user": person.user });
    let (server, channel) = (person.server, person.channel);
    let asked = api::call(server, channel, person.settings, "users.info", &body).await;
    let answer = asked.map_err(|error| {
        tracing::warn!(
            ?error,
            channel = channel.name(),
            "Slack does not say who that is"
        );
        ChatRefusal::new(
            "not_known",
            "Your answer was not counted: Slack does not say who you are now. Try again.",
        )
    })?;
    let member = answer.get("user").unwrap_or(&Value::Null);
    let is = |field: &str| member.get(field) == Some(&Value::Bool(true));
    let is_same = member.get("id").and_then(Value::as_str) == Some(person.user)
        && member.get("team_id").and_then(Value::as_str) == Some(&person.settings.team_id);
    if is("deleted") {
        return Err(stranger("deactivated"));
    }
    if !is_same || is("is_stranger") {
        return Err(stranger("external_user"));
    }
    if is("is_restricted") || is("is_ultra_restricted") {
        return Err(ChatRefusal::new(
            "guest",
            "Your answer was not counted: guests of the workspace don't answer.",
        ));
    }
    if is("is_bot") || is("is_app_user") {
        return Err(stranger("bot"));
    }
    Ok(())
}

/// Records what is refused before it got to an answer, and says so.
async fn refuse(
    person: &Person<'_>,
    payload: &Payload,
    refusal: ChatRefusal,
) -> Result<Option<Value>, Failure> {
    let body = json!({
        "channel": person.channel.name(),
        "provider": PROVIDER,
        "tenant": payload.team.as_ref().map(|team| &team.id),
        "subject": person.user,
        "why": refusal.why,
    });
    let server = person.server;
    server
        .record_refused_callback(Refused::Member, body)
        .await?;
    Ok(told(person, payload, &refusal).await)
}

/// Says why it did not count: in the window where there is one, else to this
/// person alone.
async fn told(person: &Person<'_>, payload: &Payload, refusal: &ChatRefusal) -> Option<Value> {
    if payload.view.is_some() {
        return Some(json!({
            "response_action": "errors",
            "errors": { "gate_input": refusal.text },
        }));
    }
    if !person.user.is_empty() {
        let may_link = matches!(refusal.why, "unlinked" | "link_ended");
        person.tell(&refusal.text, may_link).await;
    }
    None
}

async fn pressed(person: &Person<'_>, payload: &Payload) -> Result<Option<Value>, Failure> {
    let action = payload
        .actions
        .iter()
        .find(|action| action.action_id != "gate_open");
    let Some(action) = action else {
        return Ok(None);
    };
    let container = payload.container.as_ref();
    let opened = Opened {
        conversation: payload.conversation().to_owned(),
        message: container.map_or_else(String::new, |place| place.message_ts.clone()),
        value: action.value.clone(),
    };
    match action.action_id.as_str() {
        "gate_link" => person.open(&message::link_modal(&payload.trigger_id)).await,
        "gate_approve" => {
            if let Err(why) = answer(person, &opened, Answer::Approve, None).await {
                let refusal = why.refusal()?;
                return Ok(told(person, payload, &refusal).await);
            }
        }
        "gate_deny" => {
            // Whoever can't answer hears it before they typed a reason.
            if let Err(why) = person
                .server
                .chat_actor(person.channel, person.account())
                .await
            {
                return refuse(person, payload, why.refusal()?).await;
            }
            let private = serde_json::to_string(&opened).unwrap_or_default();
            person
                .open(&message::deny_modal(&payload.trigger_id, &private))
                .await;
        }
        _ => {}
    }
    Ok(None)
}

async fn submitted(person: &Person<'_>, payload: &Payload) -> Result<Option<Value>, Failure> {
    let Some(view) = &payload.view else {
        return Ok(None);
    };
    let outcome = match view.callback_id.as_str() {
        "gate_link" => {
            let (server, channel) = (person.server, person.channel);
            let linked = server
                .link_typed(channel, person.account(), view.typed())
                .await;
            if let Ok(name) = &linked {
                person
                    .tell(&format!("This account is linked to {name} now."), false)
                    .await;
            }
            linked.map(|_| ())
        }
        "gate_deny" => {
            let words: Vec<&str> = view.typed().split_whitespace().collect();
            let comment = Some(words.join(" ")).filter(|comment| !comment.is_empty());
            answer(person, &opened_by(view), Answer::Deny, comment).await
        }
        _ => Ok(()),
    };
    match outcome {
        Ok(()) => Ok(None),
        Err(why) => Ok(told(person, payload, &why.refusal()?).await),
    }
}

async fn answer(
    person: &Person<'_>,
    opened: &Opened,
    answer: Answer,
    comment: Option<String>,
) -> Result<(), Uncounted> {
    let answer = ChatAnswer {
        account: person.account(),
        pressed: Pressed {
            conversation: &opened.conversation,
            message: &opened.message,
            value: &opened.value,
        },
        answer,
        comment,
        via: service::Channel::Slack,
    };
    person.server.answer_from_chat(person.channel, answer).await
}
