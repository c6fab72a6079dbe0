//! What each CI system says of its job, by the variables that it documents.
//!
//! A system is asked for its own variables and for nothing else. The branch of
//! a pull request is the one that would be brought in, since that is where the
//! change was written; what the checkout is called, as `7/merge`, says less.

use gate_protocol::request::{CiJob, PullRequest};

use super::Env;
use super::link::{number_of, page_of_repository, path_segment};
use super::provider::Provider;

/// Returns what the variables of this system say, as they say it.
pub(super) fn describe(provider: Provider, env: Env<'_>) -> CiJob {
    let said = Said(env);
    match provider {
        Provider::GitHub => github(&said),
        Provider::GitLab => gitlab(&said),
        Provider::Jenkins => jenkins(&said),
        Provider::Buildkite => buildkite(&said),
        Provider::CircleCi => circleci(&said),
        Provider::Azure => azure(&said),
        Provider::Bitbucket => bitbucket(&said),
        Provider::TeamCity => teamcity(&said),
        Provider::Drone => drone(&said),
        Provider::Woodpecker => woodpecker(&said),
        Provider::Travis => travis(&said),
        Provider::AppVeyor => appveyor(&said),
        Provider::Other => CiJob::default(),
    }
}

/// The variables of a job; one with nothing but space in it counts as not set.
struct Said<'a>(Env<'a>);

impl Said<'_> {
    fn one(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.trim().is_empty())
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.one(name))
    }

    /// Returns a value where the system has one word for there being none.
    fn unless_false(&self, name: &str) -> Option<String> {
        self.one(name).filter(|value| value != "false")
    }
}

/// Returns a pull request, its link by its number.
fn pull_request(
    number: Option<String>,
    url: impl FnOnce(&str) -> Option<String>,
) -> Option<PullRequest> {
    let number = number?;
    let url = url(&number);
    Some(PullRequest { number, url })
}

/// Source: GitHub, "Variables reference", "Default environment variables". Of
/// the events of a pull request, only those whose ref is the pull request's
/// tell its number: `pull_request_target` runs for the base.
fn github(said: &Said<'_>) -> CiJob {
    let page = said
        .one("GITHUB_SERVER_URL")
        .zip(said.one("GITHUB_REPOSITORY"))
        .map(|(server, repository)| format!("{server}/{repository}"));
    let run = page.as_ref().zip(said.one("GITHUB_RUN_ID"));
    let attempt = said.one("GITHUB_RUN_ATTEMPT");
    let number = said.one("GITHUB_REF").and_then(|name| {
        let number = name.strip_prefix("refs/pull/")?.split('/').next()?;
        Some(number.to_owned())
    });
    CiJob {
        url: run.map(|(page, run)| match attempt {
            Some(attempt) => format!("{page}/actions/runs/{run}/attempts/{attempt}"),
            None => format!("{page}/actions/runs/{run}"),
        }),
        repository: said.one("GITHUB_REPOSITORY"),
        workflow: said.one("GITHUB_WORKFLOW"),
        job: said.one("GITHUB_JOB"),
        commit: said.one("GITHUB_SHA"),
        branch: said.first(&["GITHUB_HEAD_REF", "GITHUB_REF_NAME"]),
        // Who ran it this time, not who ran it first.
        actor: said.first(&["GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"]),
        pull_request: pull_request(number, |number| Some(format!("{}/pull/{number}", page?))),
        ..CiJob::default()
    }
}

/// Source: GitLab, "Predefined CI/CD variables reference".
fn gitlab(said: &Said<'_>) -> CiJob {
    let project = said.one("CI_MERGE_REQUEST_PROJECT_URL");
    CiJob {
        url: said.first(&["CI_JOB_URL", "CI_PIPELINE_URL"]),
        repository: said.one("CI_PROJECT_PATH"),
        workflow: said.first(&["CI_PIPELINE_NAME", "CI_JOB_STAGE"]),
        job: said.one("CI_JOB_NAME"),
        commit: said.one("CI_COMMIT_SHA"),
        branch: said.first(&["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"]),
        actor: said.one("GITLAB_USER_LOGIN"),
        pull_request: pull_request(said.one("CI_MERGE_REQUEST_IID"), |number| {
            Some(format!("{}/-/merge_requests/{number}", project?))
        }),
        ..CiJob::default()
    }
}

/// Source: Jenkins, "Using environment variables" and its list at
/// `/env-vars.html`; `GIT_*` are of the Git plugin, `CHANGE_*` of the Branch API
/// plugin, `BUILD_USER_ID` of the Build User Vars plugin.
fn jenkins(said: &Said<'_>) -> CiJob {
    CiJob {
        url: said.one("BUILD_URL"),
        repository: said.one("GIT_URL"),
        workflow: said.one("JOB_NAME"),
        job: said.one("STAGE_NAME"),
        commit: said.one("GIT_COMMIT"),
        branch: said.first(&["CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"]),
        actor: said.first(&["BUILD_USER_ID", "CHANGE_AUTHOR"]),
        pull_request: pull_request(said.one("CHANGE_ID"), |_| said.one("CHANGE_URL")),
        ..CiJob::default()
    }
}

/// Source: Buildkite, "Environment variables". It does not say where a pull
/// request is; on GitHub that follows from the repository.
fn buildkite(said: &Said<'_>) -> CiJob {
    let build = said.one("BUILDKITE_BUILD_URL");
    let is_github = said
        .one("BUILDKITE_PIPELINE_PROVIDER")
        .is_some_and(|name| name.starts_with("github"));
    let number = said.unless_false("BUILDKITE_PULL_REQUEST");
    CiJob {
        url: build.map(|build| match said.one("BUILDKITE_JOB_ID") {
            Some(job) => format!("{build}#{job}"),
            None => build,
        }),
        repository: said.one("BUILDKITE_REPO"),
        workflow: said.first(&["BUILDKITE_PIPELINE_NAME", "BUILDKITE_PIPELINE_SLUG"]),
        job: said.first(&["BUILDKITE_LABEL", "BUILDKITE_STEP_KEY"]),
        commit: said.one("BUILDKITE_COMMIT"),
        branch: said.first(&["BUILDKITE_BRANCH", "BUILDKITE_TAG"]),
        // Who let a blocked step go on, before who began the build.
        actor: said.first(&["BUILDKITE_UNBLOCKER", "BUILDKITE_BUILD_CREATOR"]),
        pull_request: pull_request(number, |number| {
            let page = page_of_repository(&said.one("BUILDKITE_REPO")?)?;
            is_github.then(|| format!("{page}/pull/{number}"))
        }),
        ..CiJob::default()
    }
}

/// Source: `CircleCI`, "Project values and variables", "Built-in environment
/// variables". The number of a pull request is only told of forks; its link
/// ends with it always.
fn circleci(said: &Said<'_>) -> CiJob {
    let owner = said.one("CIRCLE_PROJECT_USERNAME");
    let name = said.one("CIRCLE_PROJECT_REPONAME");
    let change = said.one("CIRCLE_PULL_REQUEST");
    let number = change.as_deref().and_then(number_of).map(str::to_owned);
    CiJob {
        url: said.one("CIRCLE_BUILD_URL"),
        repository: match (owner, name) {
            (Some(owner), Some(name)) => Some(format!("{owner}/{name}")),
            (Some(_), None) | (None, _) => said.one("CIRCLE_REPOSITORY_URL"),
        },
        job: said.one("CIRCLE_JOB"),
        commit: said.one("CIRCLE_SHA1"),
        branch: said.first(&["CIRCLE_BRANCH", "CIRCLE_TAG"]),
        actor: said.one("CIRCLE_USERNAME"),
        pull_request: pull_request(number.or_else(|| said.one("CIRCLE_PR_NUMBER")), |_| change),
        ..CiJob::default()
    }
}

/// Source: Azure DevOps, "Use predefined variables". A pull request on GitHub
/// has an id of Azure's own and its number; one in Azure Repos has its id only.
fn azure(said: &Said<'_>) -> CiJob {
    let server = said.first(&["SYSTEM_COLLECTIONURI", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"]);
    let project = said.first(&["SYSTEM_TEAMPROJECTID", "SYSTEM_TEAMPROJECT"]);
    let build = said.one("BUILD_BUILDID");
    let place = server.zip(project).zip(build);
    let repository = said.one("BUILD_REPOSITORY_URI");
    let on_github = said.one("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER");
    let in_azure = said.one("SYSTEM_PULLREQUEST_PULLREQUESTID");
    let path = if on_github.is_some() {
        "pull"
    } else {
        "pullrequest"
    };
    CiJob {
        url: place.map(|((server, project), build)| {
            let (server, project) = (server.trim_end_matches('/'), path_segment(&project));
            format!("{server}/{project}/_build/results?buildId={build}")
        }),
        repository: said.one("BUILD_REPOSITORY_NAME"),
        workflow: said.one("BUILD_DEFINITIONNAME"),
        job: said.first(&["SYSTEM_JOBDISPLAYNAME", "AGENT_JOBNAME"]),
        commit: said.one("BUILD_SOURCEVERSION"),
        branch: said
            .first(&["SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH"])
            .map(|name| name.trim_start_matches("refs/heads/").to_owned()),
        actor: said.one("BUILD_REQUESTEDFOR"),
        pull_request: pull_request(on_github.or(in_azure), |number| {
            let repository = repository?;
            let page = repository.trim_end_matches('/').trim_end_matches(".git");
            Some(format!("{page}/{path}/{number}"))
        }),
        ..CiJob::default()
    }
}

/// Source: Bitbucket Cloud, "Variables and secrets", "Default variables". Where
/// a run is shown is said by no variable and no page of that document, so there
/// is no link to it. Who set it off is told as an id that names nobody.
fn bitbucket(said: &Said<'_>) -> CiJob {
    let page = said.one("BITBUCKET_GIT_HTTP_ORIGIN");
    CiJob {
        repository: said.one("BITBUCKET_REPO_FULL_NAME"),
        workflow: said.one("BITBUCKET_DEPLOYMENT_ENVIRONMENT"),
        commit: said.one("BITBUCKET_COMMIT"),
        branch: said.first(&["BITBUCKET_BRANCH", "BITBUCKET_TAG"]),
        pull_request: pull_request(said.one("BITBUCKET_PR_ID"), |number| {
            Some(format!("{}/pull-requests/{number}", page?))
        }),
        ..CiJob::default()
    }
}

/// Source: `TeamCity`, "List of Predefined Build Parameters", its environment
/// variables. The rest is in parameters, which a process does not see.
fn teamcity(said: &Said<'_>) -> CiJob {
    CiJob {
        url: said.one("BUILD_URL"),
        workflow: said.one("TEAMCITY_PROJECT_NAME"),
        job: said.one("TEAMCITY_BUILDCONF_NAME"),
        commit: said.one("BUILD_VCS_NUMBER"),
        ..CiJob::default()
    }
}

/// Source: Drone, "Environment", "Reference".
fn drone(said: &Said<'_>) -> CiJob {
    CiJob {
        url: said.one("DRONE_BUILD_LINK"),
        repository: said.one("DRONE_REPO"),
        workflow: said.one("DRONE_STAGE_NAME"),
        job: said.one("DRONE_STEP_NAME"),
        commit: said.one("DRONE_COMMIT_SHA"),
        branch: said.first(&["DRONE_SOURCE_BRANCH", "DRONE_BRANCH", "DRONE_TAG"]),
        actor: said.one("DRONE_BUILD_TRIGGER"),
        // The link of the commit leads to one or to the other.
        pull_request: pull_request(said.one("DRONE_PULL_REQUEST"), |_| None),
        ..CiJob::default()
    }
}

/// Source: Woodpecker, "Environment variables", "Built-in environment
/// variables". `CI_COMMIT_BRANCH` of a pull request is its target.
fn woodpecker(said: &Said<'_>) -> CiJob {
    CiJob {
        url: said.first(&["CI_STEP_URL", "CI_PIPELINE_URL"]),
        repository: said.one("CI_REPO"),
        workflow: said.one("CI_WORKFLOW_NAME"),
        job: said.one("CI_STEP_NAME"),
        commit: said.one("CI_COMMIT_SHA"),
        branch: said.first(&[
            "CI_COMMIT_SOURCE_BRANCH",
            "CI_COMMIT_BRANCH",
            "CI_COMMIT_TAG",
        ]),
        actor: said.one("CI_PIPELINE_AUTHOR"),
        pull_request: pull_request(said.one("CI_COMMIT_PULL_REQUEST"), |_| None),
        ..CiJob::default()
    }
}

/// Source: Travis CI, "Environment Variables", "Default Environment Variables".
fn travis(said: &Said<'_>) -> CiJob {
    let slug = said.one("TRAVIS_REPO_SLUG");
    CiJob {
        url: said.first(&["TRAVIS_JOB_WEB_URL", "TRAVIS_BUILD_WEB_URL"]),
        repository: slug,
        workflow: said.one("TRAVIS_BUILD_STAGE_NAME"),
        job: said.one("TRAVIS_JOB_NAME"),
        commit: said.first(&["TRAVIS_PULL_REQUEST_SHA", "TRAVIS_COMMIT"]),
        branch: said.first(&["TRAVIS_PULL_REQUEST_BRANCH", "TRAVIS_BRANCH", "TRAVIS_TAG"]),
        // Where the repository is hosted is not told.
        pull_request: pull_request(said.unless_false("TRAVIS_PULL_REQUEST"), |_| None),
        ..CiJob::default()
    }
}

/// Source: `AppVeyor`, "Environment variables". Who set it off is not told, only
/// who wrote the commit.
fn appveyor(said: &Said<'_>) -> CiJob {
    let place = said
        .one("APPVEYOR_URL")
        .zip(said.one("APPVEYOR_ACCOUNT_NAME"))
        .zip(said.one("APPVEYOR_PROJECT_SLUG"))
        .zip(said.one("APPVEYOR_BUILD_ID"))
        .zip(said.one("APPVEYOR_JOB_ID"));
    let is_github = said
        .one("APPVEYOR_REPO_PROVIDER")
        .is_some_and(|name| name.eq_ignore_ascii_case("github"));
    CiJob {
        url: place.map(|((((server, account), project), build), job)| {
            format!("{server}/project/{account}/{project}/builds/{build}/job/{job}")
        }),
        repository: said.one("APPVEYOR_REPO_NAME"),
        workflow: said.one("APPVEYOR_PROJECT_NAME"),
        job: said.one("APPVEYOR_JOB_NAME"),
        commit: said.first(&["APPVEYOR_PULL_REQUEST_HEAD_COMMIT", "APPVEYOR_REPO_COMMIT"]),
        branch: said.first(&[
            "APPVEYOR_PULL_REQUEST_HEAD_REPO_BRANCH",
            "APPVEYOR_REPO_BRANCH",
        ]),
        pull_request: pull_request(said.one("APPVEYOR_PULL_REQUEST_NUMBER"), |number| {
            let repository = said.one("APPVEYOR_REPO_NAME")?;
            is_github.then(|| format!("https://github.com/{repository}/pull/{number}"))
        }),
        ..CiJob::default()
    }
}
