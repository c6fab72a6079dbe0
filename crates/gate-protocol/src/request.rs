//! The approval request: what is submitted, what the API shows, and its status.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::break_glass::BreakGlass;
use crate::canonical::Digest;
use crate::event::RunOutcome;
use crate::id::RequestId;
use crate::invocation::BoundInvocation;
use crate::mode::Mode;
use crate::page::Cursor;
use crate::principal::{Principal, PrincipalKind};
use crate::review::Review;
use crate::standing_grant::StandingUse;

/// The longest reason that is accepted, in characters.
pub const REASON_LIMIT: usize = 500;

/// The longest value of [`Circumstances`] that is accepted, in characters.
pub const CIRCUMSTANCE_LIMIT: usize = 300;

/// The longest of [`Terms::rules`] and [`Terms::reasons`] that is accepted, in
/// characters.
pub const TERM_LIMIT: usize = 4_000;

/// Returns `text` where it is within `limit` characters, and otherwise its
/// beginning with a mark where it was cut.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    if text.chars().nth(limit).is_none() {
        return Cow::Borrowed(text);
    }
    let head: String = text.chars().take(limit.saturating_sub(1)).collect();
    Cow::Owned(head + "…")
}

/// Where a request stands.
///
/// `pending → approved, denied, expired, cancelled`;
/// `approved → claimed → started → finished, unknown`; an approved request that
/// nobody claims in time expires. Terminal states never leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// Waits for a person.
    Pending,
    /// A person said yes; the permit is not claimed yet.
    Approved,
    /// A person said no.
    Denied,
    /// Nobody answered in time, or nobody claimed the permit in time.
    Expired,
    /// The requester took it back.
    Cancelled,
    /// The permit was handed out, once.
    Claimed,
    /// The client said that it starts the tool.
    Started,
    /// The tool ended and the outcome is known.
    Finished,
    /// The permit was handed out and no outcome came: it may have run.
    Unknown,
}

impl ApprovalStatus {
    /// Every status, in the order of a request's life.
    pub const ALL: &[Self] = &[
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Cancelled,
        Self::Claimed,
        Self::Started,
        Self::Finished,
        Self::Unknown,
    ];

    /// Returns the wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Claimed => "claimed",
            Self::Started => "started",
            Self::Finished => "finished",
            Self::Unknown => "unknown",
        }
    }

    /// Tells whether no further change is possible.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Approved | Self::Claimed | Self::Started => false,
            Self::Denied | Self::Expired | Self::Cancelled | Self::Finished | Self::Unknown => true,
        }
    }
}

/// What the rules ask for before the command may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The ids of the rules that asked, the deciding one first.
    pub rules: Vec<String>,
    /// Why they asked, in words for the approver.
    pub reasons: Vec<String>,
    /// All of these must be met.
    pub requirements: Vec<Requirement>,
    /// How long the request waits for an answer, in seconds.
    pub request_ttl_seconds: u64,
    /// How long an approval may be claimed, in seconds.
    pub permit_ttl_seconds: u64,
    /// How often people are reminded as long as it waits for answers, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_seconds: Option<u64>,
}

/// Who must say yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// `group:NAME` or `user:NAME`; empty means every approver.
    pub approvers: Vec<String>,
    /// How many different people, at least 1.
    pub count: u32,
    /// Requirements with the same word here are met by different people: one
    /// person fills one place of all of them. Without it, a person who meets this
    /// one may meet others too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<String>,
    /// Who may answer too, once it has waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
}

/// A second group that joins the approvers where the first one is silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// How long the request waits before that, in seconds, at least 1.
    pub after_seconds: u64,
    /// `group:NAME` or `user:NAME`, at least one.
    pub to: Vec<String>,
}

impl Requirement {
    /// Returns the requirement of so many of these, with nothing else to it.
    #[must_use]
    pub fn of(approvers: Vec<String>, count: u32) -> Self {
        Self {
            approvers,
            count,
            apart: None,
            escalation: None,
        }
    }
}

/// Where and by what the command is asked for. Shown, recorded, not bound by
/// the digest: the same command asked again a minute later is the same command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Circumstances {
    /// The machine's name.
    pub host: String,
    /// The operating system's user name, or the uid where it has none.
    pub os_user: String,
    /// Whether a person could be at a terminal.
    pub terminal: bool,
    /// What this way of running gate can promise.
    pub mode: Mode,
    /// The version of the client.
    pub client_version: String,
    /// The coding agent that runs the command, as far as its environment tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The CI job that runs the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<CiJob>,
    /// The git work tree around the working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitState>,
}

impl Circumstances {
    /// Returns each value that is text, with the name of its field.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let always = [
            ("host", &self.host),
            ("os_user", &self.os_user),
            ("client_version", &self.client_version),
        ];
        let ci = self.ci.iter().flat_map(|job| {
            [
                ("ci.provider", Some(&job.provider)),
                ("ci.url", job.url.as_ref()),
                ("ci.repository", job.repository.as_ref()),
                ("ci.workflow", job.workflow.as_ref()),
                ("ci.job", job.job.as_ref()),
                ("ci.commit", job.commit.as_ref()),
                ("ci.branch", job.branch.as_ref()),
                ("ci.actor", job.actor.as_ref()),
            ]
        });
        let pull_request = self.ci.iter().filter_map(|job| job.pull_request.as_ref());
        let pull_request = pull_request.flat_map(|change| {
            [
                ("ci.pull_request.number", Some(&change.number)),
                ("ci.pull_request.url", change.url.as_ref()),
            ]
        });
        let git = self.git.iter().flat_map(|state| {
            [
                ("git.commit", state.commit.as_ref()),
                ("git.branch", state.branch.as_ref()),
            ]
        });
        always
            .map(|(field, text)| (field, Some(text)))
            .into_iter()
            .chain([("agent", self.agent.as_ref())])
            .chain(ci)
            .chain(pull_request)
            .chain(git)
            .filter_map(|(field, text)| Some((field, text?.as_str())))
    }
}

/// A CI job, as its environment describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CiJob {
    /// The system, as `github` or `gitlab`.
    pub provider: String,
    /// Where the job can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// What the job is a part of: the workflow, the pipeline, the stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The job's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The commit the job is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The branch or tag; of a pull request, the branch that it would bring in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Who set the job off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The pull request that the job is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequest>,
}

/// A pull request, merge request or change, as the environment of a CI job
/// describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PullRequest {
    /// Its number where it stands: text, since not every system counts.
    pub number: String,
    /// Where it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A git work tree, read without running git.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GitState {
    /// The commit that HEAD names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The branch; none where HEAD is detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Whether tracked files differ from the index; none where it isn't known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
}

/// The body of `POST /v1/requests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// What is to run.
    pub invocation: BoundInvocation,
    /// The digest of `invocation`; the server computes it again and compares.
    pub digest: Digest,
    /// Where and by what it is asked for.
    pub circumstances: Circumstances,
    /// What the client's rules ask for; the server may ask for more.
    pub terms: Terms,
    /// Why, in the requester's words: unverified text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Asks the people of the server's break-glass group in place of those that
    /// the rules name. It is loud, needs a reason, and is reviewed afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
}

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Requester {
    /// The principal's name.
    pub name: String,
    /// What kind of actor it is.
    pub kind: PrincipalKind,
    /// The user who owns it, for an agent or a workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The one human behind it, whatever accounts they have: a user itself, or
    /// the owner. None where the server does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

impl Requester {
    /// Returns the name of the human who asks, or for whom it is asked.
    #[must_use]
    pub fn person(&self) -> &str {
        let named = self.person.as_deref().or(self.owner.as_deref());
        named.unwrap_or(&self.name)
    }

    /// Tells whether it was `me` who asked, by whichever account, or somebody of theirs.
    #[must_use]
    pub fn is_of(&self, me: &Principal) -> bool {
        self.name == me.name
            || self.owner.as_deref() == Some(&me.name)
            || self.person() == me.person()
    }
}

/// One approval request, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ApprovalRequest {
    /// Its id.
    pub id: RequestId,
    /// Where it stands.
    pub status: ApprovalStatus,
    /// Counts its changes, from 1: the cursor of a long poll.
    pub version: u64,
    /// The digest of `invocation`.
    pub digest: Digest,
    /// Who asked.
    pub requester: Requester,
    /// What is to run.
    pub invocation: BoundInvocation,
    /// Where and by what it is asked for.
    pub circumstances: Circumstances,
    /// What is asked for, the server's own demands included.
    pub terms: Terms,
    /// Why, in the requester's words: unverified text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was submitted, by the server's clock.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends if nothing happens: unanswered, or approved and unclaimed.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Seconds until `expires_at`, so that no client needs the server's clock.
    pub expires_in_seconds: u64,
    /// What was answered so far.
    pub reviews: Vec<Review>,
    /// How the run ended, as the client reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RunOutcome>,
    /// Who could answer now, as `group:sre` or `user:alice`.
    pub may_review: Vec<String>,
    /// The page on which it can be answered.
    pub url: String,
    /// What is out of the ordinary about it.
    #[serde(default, skip_serializing_if = "Particulars::is_ordinary")]
    pub particulars: Particulars,
    /// Why it is approved by typing a part of it, each a sentence; nothing where a plain yes
    /// will do. Said to an approver who looks at it alone, while it waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub typed: Vec<String>,
    /// The fields of the target that the server takes for production: by its settings, or by
    /// what a name says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub production: Vec<String>,
}

/// What is out of the ordinary about a request; for most, nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Particulars {
    /// The server only observes: it would have asked, and approved by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub observed: bool,
    /// It was asked as break-glass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
    /// The standing grant that approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing_grant: Option<StandingUse>,
    /// What whoever asks, or is asked, should know: that too few people can
    /// answer it, above all. In the server's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Particulars {
    /// Tells whether there is nothing to say.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        *self == Self::default()
    }
}

/// One page of requests, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RequestPage {
    /// The requests.
    pub requests: Vec<ApprovalRequest>,
    /// Give it as `cursor` to get the next page; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_visibly_and_a_fitting_one_is_whole() {
        let fits = "é".repeat(300);
        assert_eq!(shortened(&fits, 300), fits);
        let cut = shortened(&"é".repeat(301), 300).into_owned();
        assert_eq!(cut.chars().count(), 300);
        assert!(cut.ends_with("é…"));
        assert_eq!(shortened("", 300), "");
    }

    #[test]
    fn every_text_of_the_circumstances_is_named() {
        let text = || "x".to_owned();
        let full = Circumstances {
            host: text(),
            os_user: text(),
            terminal: true,
            mode: Mode::Advisory,
            client_version: text(),
            agent: Some(text()),
            ci: Some(CiJob {
                provider: text(),
                url: Some(text()),
                repository: Some(text()),
                workflow: Some(text()),
                job: Some(text()),
                commit: Some(text()),
                branch: Some(text()),
                actor: Some(text()),
                pull_request: Some(PullRequest {
                    number: text(),
                    url: Some(text()),
                }),
            }),
            git: Some(GitState {
                commit: Some(text()),
                branch: Some(text()),
                dirty: Some(true),
            }),
        };
        let written = serde_json::to_string(&full).unwrap();
        assert_eq!(full.texts().count(), written.matches("\"x\"").count());
    }
}
