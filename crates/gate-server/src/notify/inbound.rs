//! What every chat's callback has in common: it is taken once, it is finished
//! though its caller hangs up, and what is refused is on the record.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Channel;
use crate::clock;
use crate::problem::Failure;
use crate::refusals::Refused;
use crate::state::Server;
use crate::store::channel_messages;

/// The answer to a callback, or why it is not one of ours.
pub(super) type Taken = Result<Option<Value>, &'static str>;

/// Says which callback it is: one that was taken has the same mark again.
pub(super) fn mark(domain: &str, bytes: &[u8]) -> [u8; 32] {
    Sha256::digest([domain.as_bytes(), b" ", bytes].concat()).into()
}

/// Answers a callback. It is carried out as a task of its own: a chat hangs up
/// after some seconds, and what was taken must not be left half done then.
pub(super) async fn answer(
    server: Server,
    provider: &'static str,
    taking: impl Future<Output = Result<Taken, Failure>> + Send + 'static,
) -> Response {
    let taken = match tokio::spawn(taking).await {
        Ok(taken) => taken,
        Err(error) => Err(Failure::internal(&error)),
    };
    match taken {
        Ok(Ok(None)) => StatusCode::OK.into_response(),
        Ok(Ok(Some(answer))) => {
            let headers = [(CONTENT_TYPE, "application/json")];
            (StatusCode::OK, headers, answer.to_string()).into_response()
        }
        Ok(Err(why)) => {
            let body = json!({ "channel": null, "provider": provider, "why": why });
            match server
                .record_refused_callback(Refused::Stranger, body)
                .await
            {
                Ok(()) => StatusCode::UNAUTHORIZED.into_response(),
                Err(failure) => failure.into_response(),
            }
        }
        Err(failure) => failure.into_response(),
    }
}

/// Returns the channel in whose conversation a callback happened, among those
/// that it can be for; any of them where it happened in none of theirs.
pub(super) fn meant(
    candidates: &[Arc<Channel>],
    is_of: impl Fn(&Channel) -> bool,
) -> Option<Arc<Channel>> {
    let found = candidates.iter().find(|channel| is_of(channel));
    found.or(candidates.first()).cloned()
}

impl Server {
    /// Does what a callback asks for, once; none where it was taken before. What
    /// failed inside is given back: the chat brings it again, and that must not
    /// pass for a replay.
    pub(super) async fn take_once<T>(
        &self,
        mark: [u8; 32],
        life_seconds: u64,
        doing: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Option<T>, Failure> {
        let mut writer = self.store.write().await?;
        let until = clock::after(clock::now(), life_seconds);
        let is_new = channel_messages::take_callback(writer.connection(), &mark, until).await?;
        writer.commit().await?;
        if !is_new {
            return Ok(None);
        }
        match doing.await {
            Ok(done) => Ok(Some(done)),
            Err(failure) => {
                self.give_back(mark).await?;
                Err(failure)
            }
        }
    }

    async fn give_back(&self, mark: [u8; 32]) -> Result<(), Failure> {
        let mut writer = self.store.write().await?;
        channel_messages::give_callback_back(writer.connection(), &mark).await?;
        writer.commit().await?;
        Ok(())
    }
}
