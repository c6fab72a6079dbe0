//! The CI job around a command, as its environment describes it.
//!
//! Every value is the caller's word: an approver sees it as that, no rule gets
//! softer by it, and the digest does not cover it.

mod link;
mod provider;
mod vendors;

use gate_protocol::request::{CiJob, PullRequest};

use super::{Env, cut};
use link::{link, without_userinfo};
pub(crate) use provider::{Provider, provider};

/// Returns the job that the environment describes.
pub(super) fn detect(env: Env<'_>) -> Option<CiJob> {
    let provider = provider(env)?;
    let job = vendors::describe(provider, env);
    let shown = |text: Option<String>| text.map(|text| cut(&text));
    Some(CiJob {
        provider: provider.as_str().to_owned(),
        url: job.url.as_deref().and_then(link),
        repository: shown(job.repository.as_deref().map(without_userinfo)),
        workflow: shown(job.workflow),
        job: shown(job.job),
        commit: shown(job.commit),
        branch: shown(job.branch),
        actor: shown(job.actor),
        pull_request: job.pull_request.map(|change| PullRequest {
            number: cut(&change.number),
            url: change.url.as_deref().and_then(link),
        }),
    })
}

#[cfg(test)]
mod tests;
