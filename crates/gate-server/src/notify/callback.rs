//! An answer from a chat: who pressed which button on which message, asked in
//! that order, before it counts like any other answer.

use gate_protocol::canonical::Digest;
use gate_protocol::channel::{ChannelSettings, ChannelSource};
use gate_protocol::id::RequestId;
use gate_protocol::principal::{Principal, PrincipalKind, Role};
use gate_protocol::problem::ProblemCode;
use gate_protocol::review::{Answer, SubmitReview};
use serde_json::json;

use super::Channel;
use super::notice::Notice;
use crate::clock;
use crate::identity::Actor;
use crate::problem::Failure;
use crate::refusals::Refused;
use crate::service;
use crate::state::Server;
use crate::store::accounts::{self, Account, LinkedAccount, Proof};
use crate::store::{Connection, StoreError, channel_messages, passwords, principals, requests};

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

/// Why nothing came of what somebody did in a chat.
#[derive(Debug)]
pub(crate) enum Uncounted {
    /// They are told why.
    Refused(ChatRefusal),
    /// The server failed: it is to be tried again, and says nothing of them.
    Failed(Failure),
}

impl Uncounted {
    /// Returns what the person is told; what failed is no answer.
    pub(crate) fn refusal(self) -> Result<ChatRefusal, Failure> {
        match self {
            Self::Refused(refusal) => Ok(refusal),
            Self::Failed(failure) => Err(failure),
        }
    }
}

impl From<ChatRefusal> for Uncounted {
    fn from(refusal: ChatRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Uncounted {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Failure> for Uncounted {
    fn from(failure: Failure) -> Self {
        let code = failure.problem().code;
        if matches!(code, ProblemCode::Internal | ProblemCode::Unavailable) {
            return Self::Failed(failure);
        }
        let text = if code == ProblemCode::SelfReview {
            "You asked for this, or you own the agent that did. Somebody else has to answer. \
             That you tried is in the audit log."
                .to_owned()
        } else {
            format!("Your answer was not counted: {}.", failure.detail())
        };
        Self::Refused(ChatRefusal {
            why: "refused",
            text,
            // Whoever has no say in it is on the record by the review itself.
            is_recorded: matches!(
                code,
                ProblemCode::SelfReview | ProblemCode::Excluded | ProblemCode::Forbidden
            ),
        })
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
pub(crate) fn is_answered_here(channel: &Channel, notice: &Notice) -> bool {
    // Whose word comes through a channel that an admin made by the API is the admin's: where it leads
    // and what it is signed with, they said.
    if channel.source == ChannelSource::Api || notice.is_production() || notice.is_break_glass {
        return false;
    }
    let link_only = match &channel.spec.settings {
        ChannelSettings::Slack(settings) => &settings.link_only,
        ChannelSettings::Teams(settings) => &settings.link_only,
        ChannelSettings::TeamsWorkflow(_)
        | ChannelSettings::Mail(_)
        | ChannelSettings::Webhook(_) => return false,
    };
    // Nor is a milder word, or one that gate does not have, a way around the list.
    let list = link_only.iter().map(String::as_str);
    notice.is_pending() && notice.effects.is_titled_so && !notice.effects.are_among(list)
}

impl Server {
    /// Counts an answer from a chat, or says why not; what is refused is on the
    /// record, once.
    pub(crate) async fn answer_from_chat(
        &self,
        channel: &Channel,
        answer: ChatAnswer<'_>,
    ) -> Result<(), Uncounted> {
        let (account, pressed, said) = (answer.account, answer.pressed, answer.answer);
        let refusal = match self.count_chat_answer(channel, answer).await {
            Ok(()) => return Ok(()),
            Err(why) => why.refusal().map_err(Uncounted::Failed)?,
        };
        if !refusal.is_recorded {
            let request = parse_value(pressed.value).map(|(id, _)| id);
            let body = json!({
                "channel": channel.name(),
                "provider": account.provider,
                "tenant": account.tenant,
                "subject": account.subject,
                "request": request,
                "answer": said,
                "why": refusal.why,
            });
            self.record_refused_callback(Refused::Member, body).await?;
        }
        Err(refusal.into())
    }

    async fn count_chat_answer(
        &self,
        channel: &Channel,
        answer: ChatAnswer<'_>,
    ) -> Result<(), Uncounted> {
        let (id, digest) = self.pressed_button(channel, answer.pressed).await?;
        let actor = self.chat_actor(channel, answer.account).await?;
        let mut reader = self.store.read().await?;
        let request = requests::find(reader.connection(), id).await?;
        drop(reader);
        let request = request.ok_or_else(Failure::not_found)?;
        let notice = Notice::of(&request, &self.settings, clock::now());
        let is_here = is_answered_here(channel, &notice);
        if notice.is_pending()
            && (!is_here || (answer.answer == Answer::Approve && !notice.is_whole))
        {
            return Err(ChatRefusal::new(
                "not_here",
                format!("This is answered on its page only: {}", notice.url),
            )
            .into());
        }
        let review = SubmitReview {
            answer: answer.answer,
            digest,
            comment: answer.comment,
        };
        // Boxed: it holds the request and who has a say in it.
        Box::pin(self.review(&actor, id, review, answer.via)).await?;
        Ok(())
    }

    /// Returns what the button stands for, if it is on our message of just that.
    async fn pressed_button(
        &self,
        channel: &Channel,
        pressed: Pressed<'_>,
    ) -> Result<(RequestId, Digest), Uncounted> {
        let edited = || {
            ChatRefusal::new(
                "edited_value",
                "Your answer was not counted: the button is not one of gate's own message.",
            )
        };
        let (id, digest) = parse_value(pressed.value).ok_or_else(edited)?;
        let mut reader = self.store.read().await?;
        let found = channel_messages::at(
            reader.connection(),
            channel.name(),
            pressed.conversation,
            pressed.message,
        )
        .await?;
        let is_ours = found.is_some_and(|message| message.request == id);
        let request = requests::find(reader.connection(), id).await?;
        let is_same = request.is_some_and(|request| request.state.digest == digest);
        if is_ours && is_same {
            return Ok((id, digest));
        }
        Err(edited().into())
    }

    /// Returns the person whose account it is, as an approver.
    pub(crate) async fn chat_actor(
        &self,
        channel: &Channel,
        account: Account<'_>,
    ) -> Result<Actor, Uncounted> {
        let mut reader = self.store.read().await?;
        let found = accounts::proven(reader.connection(), account).await?;
        let Some((name, proof)) = found else {
            return Err(ChatRefusal::new("unlinked", self.how_to_link(channel)).into());
        };
        let principal = principals::find(reader.connection(), &name).await?;
        let principal = principal
            .filter(|principal| !principal.disabled && principal.kind == PrincipalKind::User);
        let Some(principal) = principal else {
            return Err(ChatRefusal::new(
                "disabled",
                "Your answer was not counted: your user of gate may not act any more.",
            )
            .into());
        };
        if !self
            .is_proven(reader.connection(), &principal, &proof)
            .await?
        {
            let how = self.how_to_link(channel);
            return Err(ChatRefusal::new(
                "link_ended",
                format!(
                    "Your answer was not counted: what signed you in when you linked this account \
                     is not good any more. Link it again. {how}"
                ),
            )
            .into());
        }
        Ok(Actor {
            person: principal.person().to_owned(),
            principal,
            role: Role::Approver,
            expires_at: None,
            // Whoever made it has no say by it in a chat either.
            token: proof.token,
            tools: Vec::new(),
        })
    }

    /// Tells whether what signed in whoever linked an account would still let them
    /// answer: a link is no way around the end of it.
    async fn is_proven(
        &self,
        connection: &mut Connection,
        principal: &Principal,
        proof: &Proof,
    ) -> Result<bool, StoreError> {
        let Some(means) = proof.means.as_deref() else {
            return Ok(false);
        };
        if let Some(token) = &proof.token {
            return principals::is_token_good(connection, token, clock::now()).await;
        }
        if means == "code" {
            return Ok(true);
        }
        if means == "password" {
            let found = passwords::find(connection, &principal.name).await?;
            return Ok(found.is_some_and(|found| found.roles.contains(&Role::Approver)));
        }
        let Some(provider) = self.authorities.provider(means) else {
            return Ok(false);
        };
        // Who is gone there signs in there no more.
        let until = principals::provider_until(connection, &principal.name).await?;
        if until <= clock::now() {
            return Ok(false);
        }
        let settings = provider.settings();
        let is_in = |group: &String| principal.groups.contains(group);
        let may_answer =
            settings.approver_groups.is_empty() || settings.approver_groups.iter().any(is_in);
        let known = accounts::of_principal(connection, &principal.name).await?;
        let is_there =
            |one: &LinkedAccount| one.provider == accounts::OIDC && one.tenant == settings.issuer;
        Ok(may_answer && known.iter().any(is_there))
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
