//! What the server does, whoever asks: the API and the web page call these
//! functions with an actor and the channel it came in by.
//!
//! Each change is one transaction: read, let time pass, decide, write state and
//! record, commit, wake. A refusal changes nothing but what time had done.

mod accounts;
pub(crate) mod archive;
mod break_glass;
mod change;
mod channels;
mod claim;
mod device;
mod electorate;
mod epoch;
mod erasure;
mod events;
mod fact;
mod hands;
pub(crate) mod line;
mod loosened;
mod named_rules;
mod paging;
mod passwords;
mod principals;
mod requests;
mod rest;
mod review;
mod rule_changes;
mod searching;
mod seen;
mod standing_grants;
mod standing_use;
mod start;
pub(crate) mod submission;
mod submit;
mod timers;
mod tokens;
mod waiting;
mod weight;
mod workload;

pub(crate) use change::Change;
#[cfg(test)]
pub(crate) use change::What;
pub(crate) use device::{Asker, UserCode};
pub(crate) use epoch::Begun;
pub(crate) use loosened::loosened;
pub(crate) use named_rules::NamedRules;
pub(crate) use paging::Paging;
pub(crate) use passwords::Tried;
pub(crate) use requests::{Listing, Wait};
pub(crate) use rule_changes::{changes, rules_by_id};
pub(crate) use seen::{Seen, etag};
pub(crate) use standing_use::is_always_asked;
pub(crate) use submit::Submitted;
pub(crate) use tokens::TokenWish;
pub(crate) use waiting::{Room, Say, Waiting, size_bytes};
pub(crate) use weight::weight;

/// How someone reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// The `/v1` API.
    Api,
    /// The page in a browser.
    Web,
    /// A button in Slack.
    Slack,
    /// A button in Microsoft Teams.
    Teams,
    /// A standing grant, that people confirmed before.
    StandingGrant,
}

impl Channel {
    /// Returns what proves who answered, for the record: a token, a signed-in
    /// browser, or a chat's word for it, which is the weakest.
    pub(crate) fn evidence(self) -> &'static str {
        match self {
            Self::Api => "token",
            Self::Web => "session",
            Self::Slack | Self::Teams => "chat",
            Self::StandingGrant => "standing-grant",
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Web => "web",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::StandingGrant => "standing-grant",
        }
    }
}
