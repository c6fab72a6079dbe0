//! What Slack sends when somebody presses a button, submits a window or picks
//! the shortcut.
//!
//! Source: Slack's "Interaction payloads".

use serde::Deserialize;
use serde_json::Value;

/// A payload, with what is needed of it.
#[derive(Debug, Deserialize)]
pub(super) struct Payload {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) api_app_id: Option<String>,
    pub(super) team: Option<Named>,
    pub(super) user: Option<User>,
    #[serde(default)]
    pub(super) trigger_id: String,
    pub(super) container: Option<Container>,
    #[serde(default)]
    pub(super) actions: Vec<Action>,
    pub(super) view: Option<View>,
    pub(super) callback_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) team_id: Option<String>,
}

/// Where the button stood.
#[derive(Debug, Deserialize)]
pub(super) struct Container {
    #[serde(default)]
    pub(super) channel_id: String,
    #[serde(default)]
    pub(super) message_ts: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Action {
    pub(super) action_id: String,
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct View {
    #[serde(default)]
    pub(super) callback_id: String,
    #[serde(default)]
    pub(super) private_metadata: String,
    #[serde(default)]
    state: Value,
}

impl View {
    /// Returns what was typed into the one field.
    pub(super) fn typed(&self) -> &str {
        self.state
            .pointer("/values/gate_input/gate_input/value")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

impl Payload {
    /// Returns the id of the conversation in which it happened, if in any.
    pub(super) fn conversation(&self) -> &str {
        self.container
            .as_ref()
            .map_or("", |container| &container.channel_id)
    }
}
