//! What a push would bring: commits and files, by the references that are known here.
//!
//! The other side is known as of the last fetch. A push sends what a branch is when it runs, so
//! this is read once more right before, and must be the same then.

use std::path::PathBuf;

use gate_policy::Invocation;

use super::{Found, counted};
use crate::circumstances::{Between, Repository};
use crate::world::World;

/// Branches that others are likely to have grown from, where a branch is new at the remote.
const USUAL: [&str; 5] = ["HEAD", "main", "master", "develop", "trunk"];

/// A push as it was asked for.
#[derive(Debug)]
pub(crate) struct Push {
    /// The folder that git works in.
    folder: PathBuf,
    remote: String,
    branch: String,
    refspecs: Vec<String>,
    /// Whether the references that are named are to be deleted.
    deletes: bool,
    /// An option by which it is about more than what is named.
    wide: Option<&'static str>,
    /// What was found when it was asked for.
    seen: Vec<String>,
}

/// One reference that is pushed.
struct Spec<'r> {
    /// Nothing where it is deleted.
    from: &'r str,
    to: &'r str,
}

impl<'r> Spec<'r> {
    fn parse(text: &'r str) -> Self {
        let text = text.strip_prefix('+').unwrap_or(text);
        let (from, to) = text.split_once(':').unwrap_or((text, text));
        Self { from, to }
    }
}

impl Push {
    /// Returns the push that a command of git is, where it is one that can be read.
    pub(crate) fn of(world: &World, invocation: &Invocation) -> Option<Self> {
        let is_push = invocation
            .command
            .first()
            .is_some_and(|word| word == "push");
        if invocation.tool != "git" || !is_push {
            return None;
        }
        let field = |name: &str| invocation.target.get(name).cloned();
        let has = |name: &str| {
            let mut used = invocation.options.iter();
            used.any(|used| used.name == name && used.value.as_deref() != Some(b"false"))
        };
        let mut folder = world.cwd.clone();
        for used in invocation.options.iter().filter(|used| used.name == "C") {
            let value = used.value.as_deref().unwrap_or_default();
            folder.push(String::from_utf8_lossy(value).as_ref());
        }
        let wide = ["all", "branches", "mirror", "tags", "prune", "follow-tags"];
        let mut push = Self {
            folder,
            remote: field("remote")?,
            branch: field("branch").unwrap_or_default(),
            refspecs: field("refspecs")
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            deletes: has("delete"),
            wide: wide.into_iter().find(|name| has(name)),
            seen: Vec::new(),
        };
        push.seen = push.now();
        Some(push)
    }

    /// Tells whether it would still bring the same.
    pub(crate) fn is_same(&self) -> bool {
        self.now() == self.seen
    }

    fn now(&self) -> Vec<String> {
        self.found().map(|found| found.lines).unwrap_or_default()
    }

    /// Returns what it would bring.
    pub(super) fn found(&self) -> Option<Found> {
        let repository = Repository::around(&self.folder)?;
        let mut refspecs: Vec<&str> = self.refspecs.iter().map(String::as_str).collect();
        if refspecs.is_empty() && self.wide.is_none() && !self.branch.is_empty() {
            refspecs.push(&self.branch);
        }
        let (mut lines, mut summaries) = (Vec::new(), Vec::new());
        for refspec in refspecs {
            summaries.push(self.one(&repository, refspec, &mut lines));
        }
        if let Some(option) = self.wide {
            let line = format!("with --{option}: more references than gate follows");
            summaries.push(line.clone());
            lines.push(line);
        }
        (!lines.is_empty()).then(|| Found {
            source: format!(
                "this repository, with {} as it was when it was last fetched",
                self.remote
            ),
            summary: summaries.join("; "),
            lines,
        })
    }

    /// Adds the lines of one reference, and returns the line for all of it.
    fn one(&self, repository: &Repository, refspec: &str, lines: &mut Vec<String>) -> String {
        let spec = Spec::parse(refspec);
        let place = format!("{} at {}", short(spec.to), self.remote);
        let said = |lines: &mut Vec<String>, text: String| {
            lines.push(text.clone());
            text
        };
        if self.deletes || spec.from.is_empty() {
            return said(lines, format!("DELETES {place}"));
        }
        if refspec.contains('*') || spec.to.is_empty() {
            return said(lines, format!("{refspec}, which gate does not follow"));
        }
        let Some(ours) = commit(repository, spec.from) else {
            let text = format!("{} to {place}: gate does not find what it is", spec.from);
            return said(lines, text);
        };
        let to = match short(spec.to) {
            "HEAD" => self.branch.as_str(),
            name => name,
        };
        let tracked = |name: &str| {
            let remote = &self.remote;
            repository.reference(&format!("refs/remotes/{remote}/{name}"))
        };
        let (theirs, is_new) = match tracked(to) {
            Some(theirs) => (vec![theirs], false),
            None => (
                USUAL.iter().filter_map(|name| tracked(name)).collect(),
                true,
            ),
        };
        let Some(between) = repository.between(&ours, &theirs) else {
            let text = format!("{} to {place}: gate does not read its commits", spec.from);
            return said(lines, text);
        };
        let headline = headline(&between, is_new, &format!("{} at {}", to, self.remote));
        lines.push(headline.clone());
        let lost = between.theirs.iter().filter(|_| !is_new);
        lines.extend(lost.map(|commit| format!("  LOSES {commit}")));
        lines.extend(
            between
                .ours
                .iter()
                .map(|commit| format!("  commit {commit}")),
        );
        lines.extend(between.files.iter().map(|file| format!("  {file}")));
        if !between.is_all {
            lines.push("  and what gate did not find".to_owned());
        }
        headline
    }
}

fn headline(between: &Between, is_new: bool, place: &str) -> String {
    let more = if between.is_all { "" } else { "at least " };
    let commits = counted(between.ours.len(), "commit");
    let files = match between.files.len() {
        0 => String::new(),
        count => format!(", {}", counted(count, "file")),
    };
    let mut line = format!("{more}{commits}{files} to {place}");
    if is_new {
        line.push_str(", which is new as far as is known here");
    }
    if !is_new && !between.theirs.is_empty() {
        let lost = counted(between.theirs.len(), "commit");
        line.extend([", which LOSES ", &lost]);
    }
    line
}

/// Returns the name of a branch or tag without its folder.
fn short(name: &str) -> &str {
    let folders = ["refs/heads/", "refs/tags/"];
    let mut stripped = folders
        .iter()
        .filter_map(|folder| name.strip_prefix(folder));
    stripped.next().unwrap_or(name)
}

/// Returns the commit that a plain name of a refspec stands for.
fn commit(repository: &Repository, name: &str) -> Option<String> {
    let is_hash = matches!(name.len(), 40 | 64) && name.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hash {
        return Some(name.to_ascii_lowercase());
    }
    let is_safe = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !is_safe {
        return None;
    }
    if name == "HEAD" || name == "@" {
        return repository.reference("HEAD");
    }
    if name.starts_with("refs/") {
        return repository.reference(name);
    }
    let folders = ["refs/heads/", "refs/tags/"];
    let mut found = folders.iter().map(|folder| format!("{folder}{name}"));
    found.find_map(|name| repository.reference(&name))
}

#[cfg(test)]
#[path = "git_push_tests.rs"]
mod tests;
