use std::collections::BTreeMap;

use super::link::{number_of, page_of_repository, path_segment};
use super::*;

/// The jobs of `jobs.toml`.
#[derive(serde::Deserialize)]
struct Jobs {
    job: Vec<Recorded>,
}

#[derive(Clone, serde::Deserialize)]
struct Recorded {
    provider: String,
    variables: BTreeMap<String, String>,
    told: toml::Table,
}

impl Recorded {
    /// Returns what is to be told of the job.
    fn expected(&self) -> CiJob {
        let mut members = self.told.clone();
        members.insert("provider".to_owned(), self.provider.clone().into());
        members.try_into().unwrap()
    }
}

fn recorded() -> Vec<Recorded> {
    let jobs: Jobs = toml::from_str(include_str!("jobs.toml")).unwrap();
    jobs.job
}

fn job(variables: &[(&str, &str)]) -> Option<CiJob> {
    let found = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    job_of(&found.collect())
}

fn job_of(variables: &BTreeMap<String, String>) -> Option<CiJob> {
    detect(&|name: &str| variables.get(name).cloned())
}

/// The job of a system that says nothing more.
fn bare(provider: &str) -> CiJob {
    CiJob {
        provider: provider.to_owned(),
        ..CiJob::default()
    }
}

#[test]
fn each_system_names_job_branch_person_and_pull_request_by_its_own_variables() {
    let jobs = recorded();
    assert_eq!(jobs.len(), 13);
    for one in jobs {
        assert_eq!(job_of(&one.variables), Some(one.expected()));
    }
}

#[test]
fn a_push_has_no_pull_request() {
    for (variables, branch) in [
        (
            &[
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_REF", "refs/heads/pull/7"),
                ("GITHUB_REF_NAME", "pull/7"),
                ("GITHUB_HEAD_REF", ""),
            ][..],
            "pull/7",
        ),
        (
            &[
                ("BUILDKITE", "true"),
                ("BUILDKITE_PULL_REQUEST", "false"),
                ("BUILDKITE_BRANCH", "main"),
            ],
            "main",
        ),
        (
            &[
                ("TRAVIS", "true"),
                ("TRAVIS_PULL_REQUEST", "false"),
                ("TRAVIS_PULL_REQUEST_BRANCH", ""),
                ("TRAVIS_BRANCH", "main"),
            ],
            "main",
        ),
        (
            &[
                ("TF_BUILD", "True"),
                ("BUILD_SOURCEBRANCH", "refs/heads/main"),
            ],
            "main",
        ),
        (&[("CIRCLECI", "true"), ("CIRCLE_TAG", "v1")], "v1"),
        (
            &[("HUDSON_URL", "https://ci/"), ("GIT_BRANCH", "origin/main")],
            "origin/main",
        ),
    ] {
        let found = job(variables).unwrap();
        assert_eq!(found.pull_request, None, "{variables:?}");
        assert_eq!(found.branch.as_deref(), Some(branch), "{variables:?}");
    }
}

/// A job that runs on another system's machine sees the variables of both.
#[test]
fn the_variables_of_two_systems_are_not_mixed() {
    let jobs = recorded();
    let mut told = 0;
    for inner in &jobs {
        for outer in jobs.iter().filter(|one| one.provider != inner.provider) {
            let mut both = outer.variables.clone();
            both.extend(inner.variables.clone());
            let found = job_of(&both).unwrap();
            if found.provider == inner.provider {
                assert_eq!(found, inner.expected(), "in {}", outer.provider);
                told += 1;
            }
        }
    }
    // Of each two one is told, whichever runs within the other.
    assert!(told >= jobs.len() * (jobs.len() - 1) / 2 - 1, "{told}");
}

#[test]
fn a_job_of_github_on_an_agent_of_jenkins_is_githubs_and_tells_nothing_of_jenkins() {
    let jobs = recorded();
    let of = |name: &str| jobs.iter().find(|one| one.provider == name).unwrap();
    let mut bare_within = of("jenkins").variables.clone();
    bare_within.insert("GITHUB_ACTIONS".to_owned(), "true".to_owned());
    assert_eq!(job_of(&bare_within), Some(bare("github")));
}

#[test]
fn ci_alone_is_some_job_and_no_ci_is_none() {
    assert_eq!(job(&[("CI", "1")]), Some(bare("ci")));
    for (name, value) in [
        ("CI", "false"),
        ("CI", ""),
        ("GITHUB_ACTIONS", "false"),
        ("JENKINS_URL", ""),
        ("BUILDKITE", "1"),
    ] {
        assert_eq!(job(&[(name, value)]), None, "{name}={value}");
    }
    assert_eq!(job(&[]), None);
}

#[test]
fn a_link_is_a_whole_web_address_or_nothing() {
    let with = |url: &str| {
        let found = job(&[
            ("JENKINS_URL", "https://ci"),
            ("BUILD_URL", url),
            ("CHANGE_ID", "7"),
            ("CHANGE_URL", url),
        ])
        .unwrap();
        assert_eq!(found.url, found.pull_request.unwrap().url, "{url}");
        found.url
    };
    assert_eq!(with("javascript:alert(1)"), None);
    assert_eq!(with("https://x/\u{202e}evil"), None);
    assert_eq!(with("https://x/a\nhttps://y"), None);
    assert_eq!(with(&format!("https://x/{}", "a".repeat(400))), None);
    assert_eq!(with("https://u:p@x/job").as_deref(), Some("https://x/job"));
}

#[test]
fn a_hostile_number_does_not_become_a_link_elsewhere() {
    let with = |number: &str| {
        let found = job(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/infra"),
            ("GITHUB_REF", &format!("refs/pull/{number}/merge")),
        ]);
        found.unwrap().pull_request.unwrap()
    };
    assert_eq!(with("\u{202e}7").url, None);
    assert_eq!(with("7\n").url, None);
    let long = with(&"7".repeat(10_000));
    assert_eq!(long.url, None);
    assert_eq!(
        long.number.chars().count(),
        gate_protocol::request::CIRCUMSTANCE_LIMIT
    );
}

#[test]
fn the_number_of_a_pull_request_is_the_end_of_its_link() {
    for (url, number) in [
        ("https://github.com/acme/infra/pull/123", Some("123")),
        (
            "https://bitbucket.org/acme/infra/pull-requests/7/",
            Some("7"),
        ),
        (
            "https://github.com/acme/infra/pull/7?diff=split#x",
            Some("7"),
        ),
        ("https://github.com/acme/infra/pull/7x", None),
        ("https://github.com/acme/infra/pull/", None),
        ("javascript:alert(1)/7", None),
        ("7", None),
        ("", None),
    ] {
        assert_eq!(number_of(url), number, "{url}");
    }
    let fork = job(&[
        ("CIRCLECI", "true"),
        ("CIRCLE_PULL_REQUEST", "javascript:x/7"),
        ("CIRCLE_PR_NUMBER", "8"),
    ]);
    let fork = fork.unwrap().pull_request.unwrap();
    assert_eq!((fork.number.as_str(), fork.url), ("8", None));
}

#[test]
fn the_page_of_a_repository_follows_from_its_address_or_does_not() {
    let page = "https://github.com/acme/infra";
    for (address, expected) in [
        ("git@github.com:acme/infra.git", Some(page)),
        ("https://github.com/acme/infra.git", Some(page)),
        ("https://robot:hunter2@github.com/acme/infra", Some(page)),
        ("git://github.com/acme/infra.git/", Some(page)),
        ("ssh://git@github.com/acme/infra.git", Some(page)),
        ("ssh://git@github.com:22/acme/infra.git", None),
        ("file:///srv/infra.git", None),
        ("/srv/infra.git", None),
        ("", None),
    ] {
        assert_eq!(
            page_of_repository(address).as_deref(),
            expected,
            "{address}"
        );
    }
}

#[test]
fn an_at_sign_in_a_path_is_not_taken_for_a_user() {
    assert_eq!(
        without_userinfo("https://x/@acme/infra"),
        "https://x/@acme/infra"
    );
    assert_eq!(without_userinfo("ssh://git@x:22/infra"), "ssh://x:22/infra");
    assert_eq!(path_segment("a b/../c?é"), "a%20b%2F..%2Fc%3F%C3%A9");
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
