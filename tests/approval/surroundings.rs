//! Where a command comes from, as the server returns it to who answers: the CI
//! job with its link, the coding agent, and the work tree of a real repository.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use gate_protocol::request::{CiJob, GitState, PullRequest};
use gate_testkit::real::{BareRepository, Checkout};

use crate::agent::shown;
use crate::server::{Live, run};
use crate::stage::{agent_with_deploy, requests};

type Variables<'a> = &'a [(&'a str, &'a str)];

/// What GitHub Actions says to a job, by its table of default variables.
const GITHUB: Variables<'_> = &[
    ("CI", "true"),
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_SERVER_URL", "https://github.com"),
    ("GITHUB_REPOSITORY", "acme/infra"),
    ("GITHUB_RUN_ID", "4711"),
    ("GITHUB_RUN_ATTEMPT", "2"),
    ("GITHUB_WORKFLOW", "Deploy"),
    ("GITHUB_JOB", "apply"),
    ("GITHUB_REF", "refs/pull/7/merge"),
    ("GITHUB_SHA", "0123456789012345678901234567890123456789"),
    ("GITHUB_REF_NAME", "7/merge"),
    ("GITHUB_HEAD_REF", "fix/login"),
    ("GITHUB_TRIGGERING_ACTOR", "ada"),
];

/// What GitLab CI says to a job, by its table of predefined variables.
const GITLAB: Variables<'_> = &[
    ("CI", "true"),
    ("GITLAB_CI", "true"),
    ("CI_JOB_URL", "https://gitlab.com/acme/infra/-/jobs/4711"),
    (
        "CI_PIPELINE_URL",
        "https://gitlab.com/acme/infra/-/pipelines/9",
    ),
    ("CI_PROJECT_PATH", "acme/infra"),
    ("CI_JOB_STAGE", "Deploy"),
    ("CI_JOB_NAME", "apply"),
    ("CI_MERGE_REQUEST_IID", "7"),
    (
        "CI_MERGE_REQUEST_PROJECT_URL",
        "https://gitlab.com/acme/infra",
    ),
    ("CI_COMMIT_SHA", "0123456789012345678901234567890123456789"),
    ("CI_COMMIT_REF_NAME", "fix/login"),
    ("GITLAB_USER_LOGIN", "ada"),
];

fn job(provider: &str, url: &str, change: &str) -> CiJob {
    let some = |text: &str| Some(text.to_owned());
    CiJob {
        provider: provider.to_owned(),
        url: some(url),
        repository: some("acme/infra"),
        workflow: some("Deploy"),
        job: some("apply"),
        commit: some("0123456789012345678901234567890123456789"),
        branch: some("fix/login"),
        actor: some("ada"),
        pull_request: Some(PullRequest {
            number: "7".to_owned(),
            url: some(change),
        }),
    }
}

/// What a request says of where it comes from.
struct Said {
    agent: Option<String>,
    ci: Option<CiJob>,
    git: Option<GitState>,
    /// What who answers reads in a terminal.
    text: String,
}

/// Asks in the checkout with these variables, and returns what the server has of it.
#[track_caller]
fn asked(checkout: &Checkout<'_>, variables: Variables<'_>) -> Said {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mut command = agent.gate_run(&["--no-wait"], &["deploy"]);
    command.current_dir(checkout.path());
    let ran = run(command.envs(variables.iter().copied()));
    assert_eq!(ran.code, Some(75), "{ran:?}");
    let ids = requests(&live);
    let [id] = ids.as_slice() else {
        unreachable!("{ids:?}");
    };
    let circumstances = shown(&live, id).circumstances;
    let text = run(&mut live.gate("bob_approver", &["requests", "show", id])).stdout;
    agent.assert_log_verifies();
    Said {
        agent: circumstances.agent,
        ci: circumstances.ci,
        git: circumstances.git,
        text,
    }
}

#[track_caller]
fn assert_reads(said: &Said, words: &[&str]) {
    for word in words {
        assert!(said.text.contains(word), "`{word}`: {}", said.text);
    }
}

#[test]
fn the_job_of_a_ci_system_arrives_with_its_link() {
    let remote = BareRepository::create().unwrap();
    let checkout = remote.check_out("work").unwrap();
    let actions = "https://github.com/acme/infra/actions/runs/4711/attempts/2";
    let gitlab = "https://gitlab.com/acme/infra/-/jobs/4711";
    let pull = "https://github.com/acme/infra/pull/7";
    let merge = "https://gitlab.com/acme/infra/-/merge_requests/7";
    for (variables, provider, url, change) in [
        (GITHUB, "github", actions, pull),
        (GITLAB, "gitlab", gitlab, merge),
    ] {
        let said = asked(&checkout, variables);
        assert_eq!(said.ci, Some(job(provider, url, change)));
        assert_eq!(said.agent, None);
        let read = ["acme/infra", "Deploy", "apply", "fix/login", "ada"];
        assert_reads(&said, &read);
        assert_reads(&said, &[url, "pull request 7", change]);
    }
}

#[test]
fn the_agent_arrives_by_name_and_is_called_unverified() {
    let remote = BareRepository::create().unwrap();
    let checkout = remote.check_out("work").unwrap();
    let said = asked(&checkout, &[("CLAUDECODE", "1")]);
    let agent = "Claude Code (unverified, from CLAUDECODE)";
    assert_eq!(said.agent.as_deref(), Some(agent));
    assert_eq!(said.ci, None);
    assert_reads(&said, &[agent]);
    assert_eq!(asked(&checkout, &[]).agent, None);
}

#[test]
fn commit_branch_and_changes_of_a_real_work_tree_arrive() {
    let remote = BareRepository::create().unwrap();
    let checkout = remote.check_out("work").unwrap();
    let commit = checkout.commit_file("main.tf", "one = 1\n").unwrap();
    checkout
        .git(&["switch", "-q", "-c", "fix/login"])
        .unwrap()
        .success()
        .unwrap();
    let state = |branch: Option<&str>, dirty| {
        Some(GitState {
            commit: Some(commit.clone()),
            branch: branch.map(str::to_owned),
            dirty: Some(dirty),
        })
    };
    let clean = asked(&checkout, &[]);
    assert_eq!(clean.git, state(Some("fix/login"), false));
    assert_reads(&clean, &[&commit, "fix/login"]);
    let switch = |words: &[&str]| checkout.git(words).unwrap().success().unwrap();
    switch(&["switch", "-q", "--detach"]);
    assert_eq!(asked(&checkout, &[]).git, state(None, false));
    switch(&["switch", "-q", "fix/login"]);

    std::fs::write(checkout.path().join("main.tf"), "one = 1\ntwo = 2\n").unwrap();
    let changed = asked(&checkout, &[]);
    assert_eq!(changed.git, state(Some("fix/login"), true));
    assert_ne!(git_line(&changed), git_line(&clean));

    // An agent that stages before it applies makes the index agree with the folder, and nobody
    // is to read of a clean tree then.
    checkout
        .git(&["add", "main.tf"])
        .unwrap()
        .success()
        .unwrap();
    let staged = asked(&checkout, &[]);
    assert_ne!(staged.git, state(Some("fix/login"), false));
    assert_ne!(git_line(&staged), git_line(&clean));
}

/// Returns the line in which who answers reads of the work tree.
#[track_caller]
fn git_line(said: &Said) -> String {
    let commit = said
        .git
        .as_ref()
        .and_then(|git| git.commit.as_deref())
        .unwrap();
    let line = said
        .text
        .lines()
        .find(|line| line.contains(commit))
        .unwrap();
    line.to_owned()
}
