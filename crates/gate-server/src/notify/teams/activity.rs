//! What Teams sends to the bot: a press of a button, and the code of who links
//! an account.
//!
//! Source: Bot Framework, "Activity"; Teams, "Universal Actions for Adaptive
//! Cards", `adaptiveCard/action`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use gate_protocol::channel::{ChannelSettings, ChannelSource, TeamsSettings};
use gate_protocol::review::Answer;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Channel;
use super::super::callback::{ChatAnswer, ChatRefusal, Pressed, Uncounted, is_answered_here};
use super::super::inbound::{self, Taken};
use super::super::notice::Notice;
use super::connector::{Bot, ConnectorError};
use super::{PROVIDER, card, connector, token};
use crate::clock;
use crate::problem::Failure;
use crate::refusals::Refused;
use crate::service;
use crate::state::Server;
use crate::store::accounts::Account;
use crate::store::requests;

/// How long an activity is known as taken, in seconds: longer than any token lives.
const ACTIVITY_LIFE_SECONDS: u64 = 24 * 3600;

/// An activity, with what is needed of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Activity {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    channel_id: String,
    #[serde(default)]
    service_url: String,
    from: Option<Sender>,
    conversation: Option<Conversation>,
    #[serde(default)]
    reply_to_id: String,
    channel_data: Option<ChannelData>,
    #[serde(default)]
    value: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sender {
    id: String,
    aad_object_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Conversation {
    id: String,
    tenant_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ChannelData {
    tenant: Option<Tenant>,
}

#[derive(Debug, Deserialize)]
struct Tenant {
    id: String,
}

/// Takes an activity.
pub(crate) async fn messages(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let at = server.clone();
    let taking = Box::pin(async move { taken(&at, &headers, &body).await });
    inbound::answer(server, PROVIDER, taking).await
}

async fn taken(server: &Server, headers: &HeaderMap, body: &[u8]) -> Result<Taken, Failure> {
    let Some(bearer) = bearer(headers) else {
        return Ok(Err("unsigned"));
    };
    let callers = match callers(server, bearer).await {
        Ok(callers) => callers,
        Err(why) => return Ok(Err(why)),
    };
    let Ok(activity) = serde_json::from_slice::<Activity>(body) else {
        return Ok(Err("malformed"));
    };
    let Some(channel) = meant(&callers, &activity) else {
        return Ok(Err("unsigned"));
    };
    let ChannelSettings::Teams(settings) = &channel.spec.settings else {
        return Ok(Err("unsigned"));
    };
    if !token::is_same_url(&activity.service_url, &settings.service_url) {
        return Ok(Err("service_url"));
    }
    let person = Person {
        server,
        channel: &channel,
        settings,
        activity: &activity,
    };
    let mark = inbound::mark("teams", body);
    let taking = Box::pin(person.take());
    let taken = server.take_once(mark, ACTIVITY_LIFE_SECONDS, taking);
    Ok(taken.await?.ok_or("replayed"))
}

/// Returns the token of the one `Authorization` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// Returns the channels whose bot the token is for, each by its own keys; never
/// none. One that was made by the API is none of them: whoever makes it says whose
/// keys those are, and would be the Bot Framework for the channels of the settings.
async fn callers(server: &Server, bearer: &str) -> Result<Vec<Arc<Channel>>, &'static str> {
    let outbound = server.channels.outbound().ok_or("unsigned")?;
    let mut callers = Vec::new();
    let mut why = "unsigned";
    for channel in server.channels.list().iter() {
        let ChannelSettings::Teams(settings) = &channel.spec.settings else {
            continue;
        };
        if channel.source == ChannelSource::Api {
            continue;
        }
        match token::verify(&outbound, channel, settings, bearer).await {
            Ok(()) => callers.push(Arc::clone(channel)),
            Err(refused) => why = refused,
        }
    }
    if callers.is_empty() {
        return Err(why);
    }
    Ok(callers)
}

/// Returns the channel whose card it was, where several have the bot.
fn meant(callers: &[Arc<Channel>], activity: &Activity) -> Option<Arc<Channel>> {
    let place = activity.conversation.as_ref();
    let place = place.map_or("", |place| place.id.as_str());
    // A thread's id is that of its conversation and of its first message.
    let place = place.split(';').next().unwrap_or_default();
    inbound::meant(callers, |channel| match &channel.spec.settings {
        ChannelSettings::Teams(settings) => settings.conversation == place,
        ChannelSettings::Slack(_)
        | ChannelSettings::TeamsWorkflow(_)
        | ChannelSettings::Mail(_)
        | ChannelSettings::Webhook(_) => false,
    })
}

/// Who is behind an activity.
struct Person<'a> {
    server: &'a Server,
    channel: &'a Channel,
    settings: &'a TeamsSettings,
    activity: &'a Activity,
}

impl Person<'_> {
    fn bot(&self) -> Bot<'_> {
        Bot {
            server: self.server,
            channel: self.channel,
            settings: self.settings,
        }
    }

    async fn take(&self) -> Result<Option<Value>, Failure> {
        let is_action =
            self.activity.kind == "invoke" && self.activity.name == "adaptiveCard/action";
        let is_message = self.activity.kind == "message";
        if !is_action && !is_message {
            return Ok(None);
        }
        let subject = match self.member().await {
            Ok(subject) => subject,
            Err(refusal) => {
                self.record(&refusal).await?;
                return Ok(self.said(is_action, &refusal.text).await);
            }
        };
        let account = Account {
            provider: PROVIDER,
            tenant: &self.settings.tenant_id,
            subject: &subject,
        };
        if is_message {
            return self.message(account).await;
        }
        match self.pressed(account).await {
            Ok(card) => Ok(Some(card)),
            Err(why) => Ok(self.said(true, &why.refusal()?.text).await),
        }
    }

    async fn record(&self, refusal: &ChatRefusal) -> Result<(), Failure> {
        let from = self.activity.from.as_ref();
        let tenant = self.activity.channel_data.as_ref();
        let body = json!({
            "channel": self.channel.name(),
            "provider": PROVIDER,
            "tenant": tenant.and_then(|data| data.tenant.as_ref()).map(|one| &one.id),
            "subject": from.and_then(|from| from.aad_object_id.as_ref()),
            "why": refusal.why,
        });
        self.server
            .record_refused_callback(Refused::Member, body)
            .await
    }

    /// Returns the id of the person in the directory, who is a member of it now
    /// and no guest.
    async fn member(&self) -> Result<String, ChatRefusal> {
        let stranger = |why| {
            ChatRefusal::new(
                why,
                "Your answer was not counted: only members of this organisation answer.",
            )
        };
        let activity = self.activity;
        if activity.channel_id != "msteams" {
            return Err(stranger("other_channel"));
        }
        let data = activity.channel_data.as_ref();
        let tenant = data.and_then(|data| data.tenant.as_ref());
        let place = activity.conversation.as_ref();
        let place = place.ok_or_else(|| stranger("missing_team"))?;
        let named = [
            tenant.map(|tenant| tenant.id.as_str()),
            place.tenant_id.as_deref(),
        ];
        let mut named = named.into_iter().flatten().peekable();
        if named.peek().is_none() {
            return Err(stranger("missing_team"));
        }
        if !named.all(|tenant| tenant == self.settings.tenant_id) {
            return Err(stranger("other_team"));
        }
        let from = activity
            .from
            .as_ref()
            .ok_or_else(|| stranger("missing_user"))?;
        let subject = from.aad_object_id.clone();
        let subject = subject.ok_or_else(|| stranger("missing_user"))?;
        let path = ["v3", "conversations", &place.id, "members", &from.id];
        let asked = connector::call(self.bot(), Method::GET, &path, None);
        let member = asked.await.map_err(|error| {
            // Who has left is not found. Source: Bot Connector, "Get Conversation Member".
            if matches!(error, ConnectorError::Status(404, _)) {
                return stranger("former_member");
            }
            self.not_known(&error)
        })?;
        let text = |key: &str| member.get(key).and_then(Value::as_str);
        let is_same = text("aadObjectId").or(text("objectId")) == Some(&subject);
        let is_home = text("tenantId").is_some_and(|tenant| tenant == self.settings.tenant_id);
        let is_member = text("userRole").is_some_and(|role| {
            ["user", "owner"]
                .iter()
                .any(|known| role.eq_ignore_ascii_case(known))
        });
        match (is_same && is_home, is_member) {
            (true, true) => Ok(subject),
            (false, _) => Err(stranger("external_user")),
            (true, false) => Err(stranger("guest")),
        }
    }

    /// Refuses where Teams can't be asked who that is.
    fn not_known(&self, error: &ConnectorError) -> ChatRefusal {
        let channel = self.channel.name();
        tracing::warn!(?error, channel, "Teams does not say who that is");
        ChatRefusal::new(
            "not_known",
            "Your answer was not counted: Teams does not say who you are now. Try again.",
        )
    }

    /// Takes the code of who links an account: `link` and the code.
    async fn message(&self, account: Account<'_>) -> Result<Option<Value>, Failure> {
        let text = without_mentions(&self.activity.text);
        let mut words = text.split_whitespace();
        let is_link = words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("link"));
        let typed: Vec<&str> = words.collect();
        let answer = if is_link {
            let linked = self
                .server
                .link_typed(self.channel, account, &typed.join(" "))
                .await;
            match linked {
                Ok(name) => format!("This account is linked to {name} now."),
                Err(why) => why.refusal()?.text,
            }
        } else {
            format!(
                "gate asks here before commands run. To answer, link your account: sign in at \
                 {}/link/teams, get a code, and write `link CODE` to me.",
                self.server.settings.public_url
            )
        };
        Ok(self.said(false, &answer).await)
    }

    /// Counts a press, and returns the card as it is then.
    async fn pressed(&self, account: Account<'_>) -> Result<Value, Uncounted> {
        let text = |pointer: &str| {
            let found = self.activity.value.pointer(pointer);
            found.and_then(Value::as_str).unwrap_or_default()
        };
        let answer = match text("/action/verb") {
            "gate_approve" => Answer::Approve,
            "gate_deny" => Answer::Deny,
            _ => return Err(ChatRefusal::new("verb", "gate does not know this button.").into()),
        };
        let reason: Vec<&str> = text("/action/data/gate_reason")
            .split_whitespace()
            .collect();
        let comment = (answer == Answer::Deny).then(|| reason.join(" "));
        let place = self.activity.conversation.as_ref();
        let value = text("/action/data/gate");
        let answer = ChatAnswer {
            account,
            pressed: Pressed {
                conversation: place.map_or("", |place| place.id.as_str()),
                message: &self.activity.reply_to_id,
                value,
            },
            answer,
            comment: comment.filter(|comment| !comment.is_empty()),
            via: service::Channel::Teams,
        };
        self.server.answer_from_chat(self.channel, answer).await?;
        let id = value.split(':').next().unwrap_or_default();
        Ok(self.card(id).await?)
    }

    /// Returns the answer to a press: the card as it is now.
    async fn card(&self, id: &str) -> Result<Value, Failure> {
        let id = id.parse().map_err(|_| Failure::not_found())?;
        let mut reader = self.server.store.read().await?;
        let request = requests::find(reader.connection(), id).await?;
        let request = request.ok_or_else(Failure::not_found)?;
        let notice = Notice::of(&request, &self.server.settings, clock::now());
        let has_buttons = is_answered_here(self.channel, &notice);
        Ok(json!({
            "statusCode": 200,
            "type": card::CONTENT_TYPE,
            "value": card::of(&notice, has_buttons),
        }))
    }

    /// Says something to this person: as the answer to a press, which they alone
    /// see, or in the conversation.
    async fn said(&self, is_action: bool, text: &str) -> Option<Value> {
        if is_action {
            return Some(json!({
                "statusCode": 200,
                "type": "application/vnd.microsoft.activity.message",
                "value": text,
            }));
        }
        let place = self.activity.conversation.as_ref()?;
        let path = ["v3", "conversations", &place.id, "activities"];
        let body = card::activity(text, &card::plain(text));
        let channel = self.channel;
        let sent = connector::call(self.bot(), Method::POST, &path, Some(&body));
        if let Err(error) = sent.await {
            tracing::warn!(?error, channel = channel.name(), "a person was not told");
        }
        None
    }
}

/// Takes the mention of the bot out of what somebody wrote to it.
fn without_mentions(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<at>") {
        left.push_str(before);
        rest = after.split_once("</at>").map_or("", |(_, behind)| behind);
    }
    left.push_str(rest);
    left
}
