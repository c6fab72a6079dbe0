//! Where a request comes from: the CI job and the git work tree, as the machine
//! that asks describes them.

use gate_protocol::request::{CiJob, Circumstances, GitState};

use super::shown::Shown;

/// One thing to know, by name.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: Shown,
}

/// The CI job's page: an address that is shown whole, and is a link where
/// following it can't do anything but open a page.
pub(super) struct Link {
    pub(super) text: Shown,
    pub(super) href: Option<String>,
}

/// Where a request comes from.
pub(super) struct Origin {
    pub(super) git: Vec<Fact>,
    pub(super) ci: Vec<Fact>,
    /// The job and its pull request, each with its name.
    pub(super) ci_links: Vec<(&'static str, Link)>,
}

impl Origin {
    pub(super) fn of(circumstances: &Circumstances) -> Self {
        let ci = circumstances.ci.as_ref();
        Self {
            git: circumstances.git.as_ref().map_or_else(Vec::new, git),
            ci: ci.map_or_else(Vec::new, ci_facts),
            ci_links: ci.map_or_else(Vec::new, ci_links),
        }
    }

    pub(super) fn is_known(&self) -> bool {
        !self.git.is_empty() || !self.ci.is_empty()
    }

    /// Tells whether a word of it mixes alphabets.
    pub(super) fn is_odd(&self) -> bool {
        let mut facts = self.git.iter().chain(&self.ci);
        facts.any(|fact| fact.value.is_odd())
    }
}

fn fact(name: &'static str, value: Option<&str>) -> Option<Fact> {
    value.map(|value| Fact {
        name,
        value: Shown::of(value),
    })
}

fn git(git: &GitState) -> Vec<Fact> {
    let tree = match git.dirty {
        Some(true) => "has changes that are not committed",
        Some(false) => "no tracked changes",
        None => "changes not known",
    };
    let branch = git.branch.as_deref().unwrap_or("none: HEAD is detached");
    [
        fact("Branch", Some(branch)),
        fact("Commit", git.commit.as_deref()),
        fact("Work tree", Some(tree)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ci_facts(ci: &CiJob) -> Vec<Fact> {
    let pull_request = ci.pull_request.as_ref();
    [
        fact("System", Some(&ci.provider)),
        fact("Repository", ci.repository.as_deref()),
        fact("Workflow", ci.workflow.as_deref()),
        fact("Name", ci.job.as_deref()),
        fact("Branch", ci.branch.as_deref()),
        fact("Commit", ci.commit.as_deref()),
        fact("Set off by", ci.actor.as_deref()),
        fact("Pull request", pull_request.map(|one| one.number.as_str())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ci_links(ci: &CiJob) -> Vec<(&'static str, Link)> {
    let pull_request = ci.pull_request.as_ref();
    [
        ("Job page", ci.url.as_deref()),
        (
            "Pull request page",
            pull_request.and_then(|change| change.url.as_deref()),
        ),
    ]
    .into_iter()
    .filter_map(|(name, url)| Some((name, link(url?))))
    .collect()
}

/// Makes a link only of what starts as an address of the web and has nothing
/// in it but visible ASCII.
fn link(url: &str) -> Link {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = url
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    Link {
        text: Shown::of(url),
        href: (is_web && is_plain).then(|| url.to_owned()),
    }
}
