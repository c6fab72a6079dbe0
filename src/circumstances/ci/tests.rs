use super::*;

fn job(variables: &[(&str, &str)]) -> Option<CiJob> {
    let env = |asked: &str| {
        let found = variables.iter().find(|(name, _)| *name == asked)?;
        Some(found.1.to_owned())
    };
    detect(&env)
}

fn expected(provider: &str, [url, repository, commit, branch, actor]: [&str; 5]) -> CiJob {
    CiJob {
        provider: provider.to_owned(),
        url: Some(url.to_owned()),
        repository: Some(repository.to_owned()),
        commit: Some(commit.to_owned()),
        branch: Some(branch.to_owned()),
        actor: Some(actor.to_owned()),
    }
}

#[test]
fn github_actions_names_the_attempt_the_head_and_who_ran_it_again() {
    let found = job(&[
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "acme/infra"),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_RUN_ATTEMPT", "2"),
        ("GITHUB_SHA", "c0ffee"),
        ("GITHUB_REF_NAME", "7/merge"),
        ("GITHUB_HEAD_REF", "fix"),
        ("GITHUB_ACTOR", "ada"),
        ("GITHUB_TRIGGERING_ACTOR", "bob"),
    ]);
    let url = "https://github.com/acme/infra/actions/runs/42/attempts/2";
    assert_eq!(
        found,
        Some(expected(
            "github",
            [url, "acme/infra", "c0ffee", "fix", "bob"]
        ))
    );
}

#[test]
fn gitlab_names_the_job_and_its_user() {
    let found = job(&[
        ("GITLAB_CI", "true"),
        ("CI_JOB_URL", "https://gitlab.com/acme/infra/-/jobs/7"),
        ("CI_PROJECT_PATH", "acme/infra"),
        ("CI_COMMIT_SHA", "c0ffee"),
        ("CI_COMMIT_REF_NAME", "main"),
        ("GITLAB_USER_LOGIN", "ada"),
    ]);
    let url = "https://gitlab.com/acme/infra/-/jobs/7";
    assert_eq!(
        found,
        Some(expected(
            "gitlab",
            [url, "acme/infra", "c0ffee", "main", "ada"]
        ))
    );
}

#[test]
fn jenkins_loses_the_token_that_its_checkout_address_holds() {
    let found = job(&[
        ("JENKINS_URL", "https://ci.acme.com/"),
        ("BUILD_URL", "https://ci.acme.com/job/infra/9/"),
        ("GIT_URL", "https://robot:hunter2@git.acme.com/infra.git"),
        ("GIT_COMMIT", "c0ffee"),
        ("GIT_BRANCH", "origin/main"),
        ("BUILD_USER_ID", "ada"),
    ]);
    let url = "https://ci.acme.com/job/infra/9/";
    let repository = "https://git.acme.com/infra.git";
    assert_eq!(
        found,
        Some(expected(
            "jenkins",
            [url, repository, "c0ffee", "origin/main", "ada"]
        ))
    );
}

#[test]
fn buildkite_names_the_job_within_the_build() {
    let found = job(&[
        ("BUILDKITE", "true"),
        (
            "BUILDKITE_BUILD_URL",
            "https://buildkite.com/acme/infra/builds/3",
        ),
        ("BUILDKITE_JOB_ID", "0198"),
        ("BUILDKITE_REPO", "git@github.com:acme/infra.git"),
        ("BUILDKITE_COMMIT", "c0ffee"),
        ("BUILDKITE_BRANCH", "main"),
        ("BUILDKITE_BUILD_CREATOR", "Ada L."),
    ]);
    let url = "https://buildkite.com/acme/infra/builds/3#0198";
    let repository = "git@github.com:acme/infra.git";
    assert_eq!(
        found,
        Some(expected(
            "buildkite",
            [url, repository, "c0ffee", "main", "Ada L."]
        ))
    );
}

#[test]
fn circleci_joins_owner_and_name() {
    let found = job(&[
        ("CIRCLECI", "true"),
        ("CIRCLE_BUILD_URL", "https://circleci.com/gh/acme/infra/5"),
        ("CIRCLE_PROJECT_USERNAME", "acme"),
        ("CIRCLE_PROJECT_REPONAME", "infra"),
        ("CIRCLE_SHA1", "c0ffee"),
        ("CIRCLE_TAG", "v1"),
        ("CIRCLE_USERNAME", "ada"),
    ]);
    let url = "https://circleci.com/gh/acme/infra/5";
    assert_eq!(
        found,
        Some(expected(
            "circleci",
            [url, "acme/infra", "c0ffee", "v1", "ada"]
        ))
    );
}

#[test]
fn azure_pipelines_puts_its_link_together() {
    let found = job(&[
        ("TF_BUILD", "True"),
        ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/acme/"),
        ("SYSTEM_TEAMPROJECT", "Our Infra"),
        ("BUILD_BUILDID", "11"),
        ("BUILD_REPOSITORY_NAME", "infra"),
        ("BUILD_SOURCEVERSION", "c0ffee"),
        ("BUILD_SOURCEBRANCH", "refs/heads/main"),
        ("BUILD_REQUESTEDFOR", "Ada L."),
    ]);
    let url = "https://dev.azure.com/acme/Our%20Infra/_build/results?buildId=11";
    assert_eq!(
        found,
        Some(expected(
            "azure",
            [url, "infra", "c0ffee", "main", "Ada L."]
        ))
    );
}

#[test]
fn ci_alone_is_some_job_and_no_ci_is_none() {
    let plain = CiJob {
        provider: "ci".to_owned(),
        ..CiJob::default()
    };
    assert_eq!(job(&[("CI", "1")]), Some(plain));
    assert_eq!(job(&[("CI", "false")]), None);
    assert_eq!(job(&[("CI", "")]), None);
    assert_eq!(job(&[]), None);
}

#[test]
fn a_link_is_a_whole_web_address_or_nothing() {
    let with = |url: &str| {
        job(&[("GITLAB_CI", "true"), ("CI_JOB_URL", url)])
            .unwrap()
            .url
    };
    assert_eq!(with("javascript:alert(1)"), None);
    assert_eq!(with("https://x/\u{202e}evil"), None);
    assert_eq!(with(&format!("https://x/{}", "a".repeat(400))), None);
    assert_eq!(with("https://u:p@x/job").as_deref(), Some("https://x/job"));
}

#[test]
fn an_at_sign_in_a_path_is_not_taken_for_a_user() {
    assert_eq!(
        without_userinfo("https://x/@acme/infra"),
        "https://x/@acme/infra"
    );
    assert_eq!(without_userinfo("ssh://git@x:22/infra"), "ssh://x:22/infra");
}

#[test]
fn a_secret_in_a_link_or_a_name_stays_here() {
    let variables = |url| {
        [
            ("JENKINS_URL", "https://ci"),
            ("BUILD_URL", url),
            ("BRANCH_NAME", "use-AKIAIOSFODNN7EXAMPLE"),
        ]
    };
    let told = job(&variables("https://ci/job/7?token=hunter2")).unwrap();
    assert_eq!(told.url, None, "a masked link leads nowhere");
    assert_eq!(told.branch.as_deref(), Some("use-[secret 20 bytes]"));
    let plain = job(&variables("https://ci/job/7/console?page=2")).unwrap();
    assert!(plain.url.is_some());
}
