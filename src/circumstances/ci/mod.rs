//! The CI job around a command, as its environment describes it.
//!
//! Sources: the tables of predefined variables of GitHub Actions, GitLab CI,
//! Jenkins, Buildkite, `CircleCI` and Azure Pipelines.

use gate_protocol::request::{CIRCUMSTANCE_LIMIT, CiJob};

use super::{Env, cut};

/// A CI system that gate knows by its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// GitHub Actions, and systems that run its workflows.
    GitHub,
    /// GitLab CI/CD.
    GitLab,
    /// Jenkins.
    Jenkins,
    /// Buildkite.
    Buildkite,
    /// `CircleCI`.
    CircleCi,
    /// Azure Pipelines.
    Azure,
    /// Something that says `CI` and no more.
    Other,
}

impl Provider {
    fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Jenkins => "jenkins",
            Self::Buildkite => "buildkite",
            Self::CircleCi => "circleci",
            Self::Azure => "azure",
            Self::Other => "ci",
        }
    }
}

/// Returns the CI system that the environment speaks of.
pub(crate) fn provider(env: Env<'_>) -> Option<Provider> {
    let is_set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    let is_true = |name: &str| env(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    // Jenkins and Buildkite agents run on machines of the others at times, and
    // all of them set `CI`, so the plain one comes last.
    if is_true("GITHUB_ACTIONS") {
        Some(Provider::GitHub)
    } else if is_true("GITLAB_CI") {
        Some(Provider::GitLab)
    } else if is_true("BUILDKITE") {
        Some(Provider::Buildkite)
    } else if is_true("CIRCLECI") {
        Some(Provider::CircleCi)
    } else if is_true("TF_BUILD") {
        Some(Provider::Azure)
    } else if is_set("JENKINS_URL") || is_set("HUDSON_URL") {
        Some(Provider::Jenkins)
    } else if env("CI").is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false")) {
        Some(Provider::Other)
    } else {
        None
    }
}

/// Returns the job that the environment describes.
pub(super) fn detect(env: Env<'_>) -> Option<CiJob> {
    let provider = provider(env)?;
    let job = describe(provider, env);
    Some(CiJob {
        provider: provider.as_str().to_owned(),
        url: job.url.as_deref().and_then(link),
        repository: job
            .repository
            .as_deref()
            .map(without_userinfo)
            .map(|text| cut(&text)),
        commit: job.commit.as_deref().map(cut),
        branch: job.branch.as_deref().map(cut),
        actor: job.actor.as_deref().map(cut),
    })
}

/// Returns what the variables of this system say, as they say it.
fn describe(provider: Provider, env: Env<'_>) -> CiJob {
    let first = |names: &[&str]| names.iter().find_map(|name| filled(env, name));
    match provider {
        Provider::GitHub => CiJob {
            url: github_url(env),
            repository: first(&["GITHUB_REPOSITORY"]),
            commit: first(&["GITHUB_SHA"]),
            // For a pull request `GITHUB_REF_NAME` is `7/merge`; the head says more.
            branch: first(&["GITHUB_HEAD_REF", "GITHUB_REF_NAME"]),
            // Who ran it this time, not who ran it first.
            actor: first(&["GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"]),
            ..CiJob::default()
        },
        Provider::GitLab => CiJob {
            url: first(&["CI_JOB_URL", "CI_PIPELINE_URL"]),
            repository: first(&["CI_PROJECT_PATH"]),
            commit: first(&["CI_COMMIT_SHA"]),
            branch: first(&["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"]),
            actor: first(&["GITLAB_USER_LOGIN"]),
            ..CiJob::default()
        },
        Provider::Jenkins => CiJob {
            url: first(&["BUILD_URL"]),
            repository: first(&["GIT_URL"]),
            commit: first(&["GIT_COMMIT"]),
            branch: first(&["CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"]),
            actor: first(&["BUILD_USER_ID", "CHANGE_AUTHOR"]),
            ..CiJob::default()
        },
        Provider::Buildkite => CiJob {
            url: buildkite_url(env),
            repository: first(&["BUILDKITE_REPO"]),
            commit: first(&["BUILDKITE_COMMIT"]),
            branch: first(&["BUILDKITE_BRANCH", "BUILDKITE_TAG"]),
            actor: first(&["BUILDKITE_UNBLOCKER", "BUILDKITE_BUILD_CREATOR"]),
            ..CiJob::default()
        },
        Provider::CircleCi => CiJob {
            url: first(&["CIRCLE_BUILD_URL"]),
            repository: circle_repository(env),
            commit: first(&["CIRCLE_SHA1"]),
            branch: first(&["CIRCLE_BRANCH", "CIRCLE_TAG"]),
            actor: first(&["CIRCLE_USERNAME"]),
            ..CiJob::default()
        },
        Provider::Azure => CiJob {
            url: azure_url(env),
            repository: first(&["BUILD_REPOSITORY_NAME"]),
            commit: first(&["BUILD_SOURCEVERSION"]),
            branch: first(&["SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH"])
                .map(|name| name.trim_start_matches("refs/heads/").to_owned()),
            actor: first(&["BUILD_REQUESTEDFOR"]),
            ..CiJob::default()
        },
        Provider::Other => CiJob::default(),
    }
}

fn filled(env: Env<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.trim().is_empty())
}

fn github_url(env: Env<'_>) -> Option<String> {
    let server = filled(env, "GITHUB_SERVER_URL")?;
    let repository = filled(env, "GITHUB_REPOSITORY")?;
    let run = filled(env, "GITHUB_RUN_ID")?;
    let url = format!("{server}/{repository}/actions/runs/{run}");
    Some(match filled(env, "GITHUB_RUN_ATTEMPT") {
        Some(attempt) => format!("{url}/attempts/{attempt}"),
        None => url,
    })
}

fn buildkite_url(env: Env<'_>) -> Option<String> {
    let build = filled(env, "BUILDKITE_BUILD_URL")?;
    Some(match filled(env, "BUILDKITE_JOB_ID") {
        Some(job) => format!("{build}#{job}"),
        None => build,
    })
}

fn circle_repository(env: Env<'_>) -> Option<String> {
    let owner = filled(env, "CIRCLE_PROJECT_USERNAME");
    let name = filled(env, "CIRCLE_PROJECT_REPONAME");
    match (owner, name) {
        (Some(owner), Some(name)) => Some(format!("{owner}/{name}")),
        (Some(_), None) | (None, _) => filled(env, "CIRCLE_REPOSITORY_URL"),
    }
}

fn azure_url(env: Env<'_>) -> Option<String> {
    let server = filled(env, "SYSTEM_COLLECTIONURI")
        .or_else(|| filled(env, "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"))?;
    let server = server.trim_end_matches('/');
    // A project's name may have spaces, its id has none.
    let project = filled(env, "SYSTEM_TEAMPROJECTID")
        .or_else(|| filled(env, "SYSTEM_TEAMPROJECT"))?
        .replace(' ', "%20");
    let build = filled(env, "BUILD_BUILDID")?;
    Some(format!("{server}/{project}/_build/results?buildId={build}"))
}

/// Returns a link that a browser can be given: `http` or `https`, whole.
///
/// `javascript:` is no place where a job can be seen, and a link that was cut
/// leads somewhere else, as one would in which a token is masked.
fn link(text: &str) -> Option<String> {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    let url = without_userinfo(text);
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    let is_public = gate_policy::masked_prose(&url, &[]) == url;
    (is_web && is_plain && is_public && url.len() <= CIRCUMSTANCE_LIMIT).then_some(url)
}

/// Returns `text` without the user name and password of a URL: a checkout
/// address often holds a token, and no secret leaves the machine unmasked.
fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
