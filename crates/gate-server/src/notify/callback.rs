//! An answer from a chat: who pressed which button on which message, asked in
//! that order, before it counts like any other answer.

use gate_protocol::canonical::Digest;
use gate_protocol::channel::{ChannelSettings, ChannelSource};
use gate_protocol::id::RequestId;
use gate_protocol::principal::{PrincipalKind, Role};
use gate_protocol::problem::ProblemCode;
use gate_protocol::review::{Answer, SubmitReview};
use serde_json::json;

use super::Channel;
use super::notice::Notice;
use crate::clock;
use crate::identity::Actor;
use crate::problem::Failure;
use crate::service;
use crate::state::Server;
use crate::store::accounts::{self, Account};
use crate::store::{channel_messages, principals, requests};

/// Where a button stood, and what it carried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pressed<'a> {
    pub(crate) conversation: &'a str,
    pub(crate) message: &'a str,
    pub(crate) value: &'a str,
}

/// An answer from a chat.
#[derive(Debug)]
pub(crate) struct ChatAnswer<'a> {
    pub(crate) account: Account<'a>,
    pub(crate) pressed: Pressed<'a>,
    pub(crate) answer: Answer,
    pub(crate) comment: Option<String>,
    pub(crate) via: service::Channel,
}

/// Why a chat's answer does not count.
#[derive(Debug)]
pub(crate) struct ChatRefusal {
    /// For the record, as `unlinked`.
    pub(crate) why: &'static str,
    /// For the person who pressed.
    pub(crate) text: String,
    /// Whether it is on the record already.
    is_recorded: bool,
}

impl ChatRefusal {
    pub(crate) fn new(why: &'static str, text: impl Into<String>) -> Self {
        Self {
            why,
            text: text.into(),
            is_recorded: false,
        }
    }
}

impl From<Failure> for ChatRefusal {
    fn from(failure: Failure) -> Self {
        let code = failure.problem().code;
        let text = if code == ProblemCode::SelfReview {
            "You asked for this, or you own the agent that did. Somebody else has to answer. \
             That you tried is in the audit log."
                .to_owned()
        } else {
            format!("Your answer was not counted: {}.", failure.detail())
        };
        Self {
            why: "refused",
            text,
            // Whoever has no say in it is on the record by the review itself.
            is_recorded: matches!(
                code,
                ProblemCode::SelfReview | ProblemCode::Excluded | ProblemCode::Forbidden
            ),
        }
    }
}

/// Returns what a button of a request carries: which request, and which bytes.
pub(crate) fn button_value(notice: &Notice) -> String {
    format!("{}:{}", notice.id, notice.digest)
}

fn parse_value(value: &str) -> Option<(RequestId, Digest)> {
    let (id, digest) = value.split_once(':')?;
    Some((id.parse().ok()?, digest.parse().ok()?))
}

/// Tells whether what the notice tells of may be approved in this channel.
pub(crate) fn is_answered_here(channel: &Channel, notice: &Notice, effect: &str) -> bool {
    // Whose word comes through a channel that an admin made by the API is the admin's: where it leads
    // and what it is signed with, they said.
    if channel.source == ChannelSource::Api || notice.is_production() {
        return false;
    }
    let link_only = match &channel.spec.settings {
        ChannelSettings::Slack(settings) => &settings.link_only,
        ChannelSettings::Teams(settings) => &settings.link_only,
        ChannelSettings::TeamsWorkflow(_)
        | ChannelSettings::Mail(_)
        | ChannelSettings::Webhook(_) => return false,
    };
    // An effect that gate has no word for is no way around the list.
    let is_known = [
        "read", "local", "write", "destroy", "access", "secret", "execute", "unknown",
    ]
    .contains(&effect);
    notice.is_pending() && is_known && !link_only.iter().any(|one| one == effect)
}

impl Server {
    /// Counts an answer from a chat, or says why not; what is refused is on the
    /// record, once.
    pub(crate) async fn answer_from_chat(
        &self,
        channel: &Channel,
        answer: ChatAnswer<'_>,
    ) -> Result<(), ChatRefusal> {
        let (account, pressed, said) = (answer.account, answer.pressed, answer.answer);
        let refusal = match self.count_chat_answer(channel, answer).await {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        };
        if !refusal.is_recorded {
            let request = parse_value(pressed.value).map(|(id, _)| id);
            self.record_refused_callback(json!({
                "channel": channel.name(),
                "provider": account.provider,
                "tenant": account.tenant,
                "subject": account.subject,
                "request": request,
                "answer": said,
                "why": refusal.why,
            }))
            .await?;
        }
        Err(refusal)
    }

    async fn count_chat_answer(
        &self,
        channel: &Channel,
        answer: ChatAnswer<'_>,
    ) -> Result<(), ChatRefusal> {
        let (id, digest) = self.pressed_button(channel, answer.pressed).await?;
        let actor = self.chat_actor(channel, answer.account).await?;
        let mut reader = self.store.read().await.map_err(Failure::from)?;
        let request = requests::find(reader.connection(), id)
            .await
            .map_err(Failure::from)?;
        drop(reader);
        let request = request.ok_or_else(Failure::not_found)?;
        let notice = Notice::of(&request, &self.settings, clock::now());
        let is_here = is_answered_here(channel, &notice, &request.invocation.effect);
        if notice.is_pending()
            && (!is_here || (answer.answer == Answer::Approve && !notice.is_whole))
        {
            return Err(ChatRefusal::new(
                "not_here",
                format!("This is answered on its page only: {}", notice.url),
            ));
        }
        let review = SubmitReview {
            answer: answer.answer,
            digest,
            comment: answer.comment,
        };
        self.review(&actor, id, review, answer.via).await?;
        Ok(())
    }

    /// Returns what the button stands for, if it is on our message of just that.
    async fn pressed_button(
        &self,
        channel: &Channel,
        pressed: Pressed<'_>,
    ) -> Result<(RequestId, Digest), ChatRefusal> {
        let edited = || {
            ChatRefusal::new(
                "edited_value",
                "Your answer was not counted: the button is not one of gate's own message.",
            )
        };
        let (id, digest) = parse_value(pressed.value).ok_or_else(edited)?;
        let mut reader = self.store.read().await.map_err(Failure::from)?;
        let found = channel_messages::at(
            reader.connection(),
            channel.name(),
            pressed.conversation,
            pressed.message,
        )
        .await
        .map_err(Failure::from)?;
        let is_ours = found.is_some_and(|message| message.request == id);
        let request = requests::find(reader.connection(), id)
            .await
            .map_err(Failure::from)?;
        let is_same = request.is_some_and(|request| request.state.digest == digest);
        if is_ours && is_same {
            return Ok((id, digest));
        }
        Err(edited())
    }

    /// Returns the person whose account it is, as an approver.
    pub(crate) async fn chat_actor(
        &self,
        channel: &Channel,
        account: Account<'_>,
    ) -> Result<Actor, ChatRefusal> {
        let mut reader = self.store.read().await.map_err(Failure::from)?;
        let name = accounts::principal_of(reader.connection(), account)
            .await
            .map_err(Failure::from)?;
        let Some(name) = name else {
            return Err(ChatRefusal::new("unlinked", self.how_to_link(channel)));
        };
        let principal = principals::find(reader.connection(), &name)
            .await
            .map_err(Failure::from)?;
        let principal = principal
            .filter(|principal| !principal.disabled && principal.kind == PrincipalKind::User);
        let Some(principal) = principal else {
            return Err(ChatRefusal::new(
                "disabled",
                "Your answer was not counted: your user of gate may not act any more.",
            ));
        };
        Ok(Actor {
            person: principal.person().to_owned(),
            principal,
            role: Role::Approver,
            expires_at: None,
            token: None,
            tools: Vec::new(),
        })
    }

    /// Says how an account is linked.
    pub(crate) fn how_to_link(&self, channel: &Channel) -> String {
        let provider = match channel.spec.settings {
            ChannelSettings::Teams(_) => "teams",
            ChannelSettings::Slack(_)
            | ChannelSettings::TeamsWorkflow(_)
            | ChannelSettings::Mail(_)
            | ChannelSettings::Webhook(_) => "slack",
        };
        let url = &self.settings.public_url;
        format!(
            "gate does not know whose account this is. Sign in at {url}/link/{provider}, get a \
             code there and give it to gate here."
        )
    }
}
