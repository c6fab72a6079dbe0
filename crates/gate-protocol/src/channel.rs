//! Channels: where people hear of requests besides the page, and what was
//! delivered there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::RequestId;
use crate::page::Cursor;

/// Which requests a channel tells of. What is empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelFilter {
    /// Only those that one of these may answer, as `group:dba` or `user:alice`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// Only those with one of these effects, as `destroy`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<String>,
    /// Only those whose target has all of these, as `namespace` → `prod`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub target: BTreeMap<String, String>,
}

/// A Slack app in one conversation. Its secrets: `bot_token`, and
/// `signing_secret` for callbacks by HTTP or `app_token` for Socket Mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackSettings {
    /// The app's id, as `A0123456789`.
    pub app_id: String,
    /// The workspace's id, as `T0123456789`. Nobody of another one answers.
    pub team_id: String,
    /// The conversation's id, as `C0123456789`.
    pub conversation: String,
    /// Effects that are answered on the page only; the message has a link.
    #[serde(default = "link_only")]
    pub link_only: Vec<String>,
    /// Slack's API, where it is not `https://slack.com/api`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
}

/// A bot of Microsoft Teams in one conversation. Its secret: `app_password`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamsSettings {
    /// The bot's application id.
    pub app_id: String,
    /// The directory's id. Nobody of another one answers.
    pub tenant_id: String,
    /// The address of the Bot Connector for this tenant, as
    /// `https://smba.trafficmanager.net/emea/`. No other is spoken to.
    pub service_url: String,
    /// The id of the team's channel, as `19:…@thread.tacv2`.
    pub conversation: String,
    /// Effects that are answered on the page only; the card has a link.
    #[serde(default = "link_only")]
    pub link_only: Vec<String>,
    /// Where tokens are given out, where it is not `https://login.microsoftonline.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_url: Option<String>,
    /// The Bot Framework's metadata, where it is not
    /// `https://login.botframework.com/v1/.well-known/openidconfiguration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_url: Option<String>,
}

/// A workflow of Microsoft Teams that posts what it gets: it only tells. Its
/// secret: `url`, the whole address, whose `sig` is what lets one post.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamsWorkflowSettings {}

/// How the way to a mail server is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// TLS from the first byte, as on port 465.
    Tls,
    /// STARTTLS before anything else, or no mail, as on port 587.
    Starttls,
    /// None: for a relay on this machine only.
    None,
}

/// Mail with a link. Its secret: `password`, where there is a `username`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// The mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is kept private.
    pub security: MailSecurity,
    /// Who logs in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// From whom it comes.
    pub from: String,
    /// To whom it goes.
    pub to: Vec<String>,
}

/// A webhook, signed as Standard Webhooks says. Its secret: `signing_secret`,
/// as `whsec_…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where it is posted: `https://…`.
    pub url: String,
}

/// What kind of channel it is, with what that kind needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChannelSettings {
    /// Slack, with buttons.
    Slack(SlackSettings),
    /// Microsoft Teams, with buttons.
    Teams(TeamsSettings),
    /// Microsoft Teams, to tell only.
    TeamsWorkflow(TeamsWorkflowSettings),
    /// Mail, with a link.
    Mail(MailSettings),
    /// A webhook.
    Webhook(WebhookSettings),
}

impl ChannelSettings {
    /// Returns the wire name of the kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Slack(_) => "slack",
            Self::Teams(_) => "teams",
            Self::TeamsWorkflow(_) => "teams_workflow",
            Self::Mail(_) => "mail",
            Self::Webhook(_) => "webhook",
        }
    }
}

/// The effects that no chat answers unless its owner says otherwise.
fn link_only() -> Vec<String> {
    ["destroy", "access", "secret", "execute", "unknown"]
        .map(str::to_owned)
        .to_vec()
}

/// A channel without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelSpec {
    /// The unique name: 1 to 128 of `[a-z0-9._@+-]`, and neither `.` nor `..`.
    pub name: String,
    /// Which requests it tells of.
    #[serde(default)]
    pub filter: ChannelFilter,
    /// What it is.
    pub settings: ChannelSettings,
}

/// The body of `POST /v1/channels`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateChannel {
    /// The channel.
    pub channel: ChannelSpec,
    /// Its secrets by name. They are stored encrypted and never shown again.
    pub secrets: BTreeMap<String, String>,
}

impl std::fmt::Debug for CreateChannel {
    /// Shows the names of the secrets only.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CreateChannel")
            .field("channel", &self.channel)
            .field("secrets", &self.secrets.keys())
            .finish()
    }
}

/// Where a channel was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelSource {
    /// In the server's settings file: it is changed there.
    File,
    /// By the API.
    Api,
}

/// One channel, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChannelEntry {
    /// The channel.
    pub channel: ChannelSpec,
    /// Where it was made.
    pub source: ChannelSource,
    /// The names of its secrets.
    pub secrets: Vec<String>,
    /// How many deliveries wait for it.
    pub waiting: u64,
    /// How many were given up.
    pub dead: u64,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is tried at `next_at`.
    Waiting,
    /// It is on its way.
    Sending,
    /// The other side took it.
    Delivered,
    /// It was given up, and is kept to be tried again by hand.
    Dead,
}

impl DeliveryState {
    /// Every state, in the order of a delivery's life.
    pub const ALL: &[Self] = &[Self::Waiting, Self::Sending, Self::Delivered, Self::Dead];

    /// Returns the wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeliveryEntry {
    /// Its id; a webhook gets it as `webhook-id`.
    pub id: String,
    /// The channel's name.
    pub channel: String,
    /// What it tells, as `request.pending`, or `test`.
    pub event: String,
    /// The request that it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// The request's version that it tells of.
    pub version: u64,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, where it waits.
    #[schema(value_type = String, format = DateTime)]
    pub next_at: Timestamp,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub done_at: Option<Timestamp>,
    /// What the other side answered last, inert and cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// One page of deliveries, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<DeliveryEntry>,
    /// Give it as `cursor` to get the next page; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// The answer of `POST /v1/channels/{name}/test`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TestedChannel {
    /// Whether the other side took the message.
    pub delivered: bool,
    /// What it answered, inert and cut.
    pub answer: String,
}

/// One page of channels, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChannelPage {
    /// The channels.
    pub channels: Vec<ChannelEntry>,
    /// Give it as `cursor` to get the next page; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kind_does_not_know_is_refused() {
        let read = |text: &str| serde_json::from_str::<ChannelSettings>(text);
        let known = read(r#"{"kind":"webhook","url":"https://x.example/"}"#).unwrap();
        assert_eq!(known.kind(), "webhook");
        for text in [
            r#"{"kind":"webhook","url":"https://x.example/","secret":"x"}"#,
            r#"{"kind":"pager","url":"https://x.example/"}"#,
            r#"{"url":"https://x.example/"}"#,
            r#"{"kind":"teams_workflow","url":"https://x.example/"}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let create = CreateChannel {
            channel: ChannelSpec {
                name: "ops".to_owned(),
                filter: ChannelFilter::default(),
                settings: ChannelSettings::TeamsWorkflow(TeamsWorkflowSettings {}),
            },
            secrets: [("url".to_owned(), "hunter2".to_owned())].into(),
        };
        let shown = format!("{create:?}");
        assert!(
            shown.contains("url") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
