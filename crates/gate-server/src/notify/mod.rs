//! Telling people of requests in the places where they are: Slack, Microsoft
//! Teams, mail, webhooks.
//!
//! Each change of a request leaves a row in the outbox, in the change's own
//! transaction. `spread` turns such rows into deliveries, one for each channel
//! that wants the request; `lane` carries deliveries out, again and again until
//! the other side took them or they are given up. Nothing of it is in memory
//! only: after a stop it goes on where it was, and messages are brought to what
//! the request is by then. A chat's button ends in the same service as the page
//! and the API, after `callback` has asked who pressed it.

mod aside;
mod callback;
mod channel;
mod filter;
mod inbound;
mod lane;
mod link;
mod mail;
mod notice;
mod pace;
mod plain;
mod secret;
mod slack;
mod sound;
mod spread;
mod standing;
mod teams;
mod webhook;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use serde_json::Value;

pub(crate) use channel::{Channel, Channels, LoadError};
pub(crate) use link::LINK_CODE_LIFE_SECONDS;
pub(crate) use secret::{Secrets, seal, unseal};
#[cfg(test)]
pub(crate) use slack::listen as listen_to_slack;
pub(crate) use sound::{refuse_unsound, refuse_unsound_secret};

use crate::outbound::OutboundError;
use crate::state::Server;

/// The largest callback, in bytes.
const CALLBACK_BYTES: usize = 256 * 1024;

/// Returns where chats call back.
pub(crate) fn routes() -> Router<Server> {
    Router::new()
        .route("/slack/interactivity", post(slack::interactivity))
        .route("/teams/messages", post(teams::messages))
        .layer(DefaultBodyLimit::max(CALLBACK_BYTES))
}

/// Returns a JSON object with one more field.
pub(crate) fn with(mut object: Value, field: &str, value: impl Into<Value>) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value.into());
    }
    object
}

/// What came of one attempt to deliver.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// The other side took it.
    Delivered(String),
    /// Try again, not before the time that the other side named.
    Later(Option<std::time::Duration>, String),
    /// Trying again by itself is of no use.
    Failed(String),
}

impl From<OutboundError> for Attempt {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::Refused(why) => Self::Failed(why),
            OutboundError::Failed(why) => Self::Later(None, why),
        }
    }
}
