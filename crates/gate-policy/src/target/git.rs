//! Which repository git would push to or fetch from, and what. Source:
//! git-remote(1), git-config(1) (`url.*.insteadOf`, `remote.*`), git-push(1).

use std::path::{Path, PathBuf};

use super::git_config::{self, Setting};
use super::{content, option, refuse_file, set};
use crate::command_line::{CommandLine, FileKind};
use crate::effect::Effect;
use crate::invocation::{Invocation, Word, WordRole};
use crate::read::{path_of, plain_join};

/// Subcommands that talk to another repository.
const REMOTE: &[&str] = &["fetch", "ls-remote", "pull", "push"];
/// What can lead to another repository. A file that is included by a condition
/// may have anything else.
const LEADING: &[&str] = &["branch", "remote", "url", "include", "includeif"];
/// How many files may include each other.
const INCLUDED: usize = 32;

pub(super) fn resolve(line: &CommandLine<'_>, invocation: &mut Invocation) {
    note_folder(invocation);
    let first = invocation.command.first().map_or("", AsRef::as_ref);
    let is_push = first == "push";
    // Any of its settings, of which one may not be seen, can put another address in place.
    let is_elsewhere = !line.files.sees_all()
        || option(invocation, "git-dir").is_some()
        || option(invocation, "bare").is_some()
        || line.env.get("GIT_DIR").is_some();
    if !REMOTE.contains(&first) || is_elsewhere {
        return;
    }
    let Some(repository) = repository(line, invocation) else {
        return;
    };
    let mut settings = Settings::default();
    for path in files(line, &repository) {
        settings.add(line, &path, invocation);
    }
    settings.add_options(invocation);
    let branch = branch(line, &repository, invocation);
    set(invocation, "branch", &branch);
    let remote = match invocation.operands.first() {
        Some(operand) => String::from_utf8_lossy(operand).into_owned(),
        None => match option(invocation, "repo").filter(|_| is_push) {
            Some(repo) => String::from_utf8_lossy(repo).into_owned(),
            None => settings.default_remote(&branch, is_push),
        },
    };
    set(invocation, "remote", &remote);
    let urls = settings.urls(&remote, is_push);
    if urls.iter().any(|url| url.contains("::")) {
        let reason = format!("the address of the remote `{remote}` can name a program");
        invocation.add(Effect::Unknown, &reason);
    }
    let shown: Vec<_> = urls
        .iter()
        .map(|url| super::without_password(url))
        .collect();
    let shown = shown.join(" ");
    set(invocation, "url", &shown);
    let refspecs: Vec<String> = match invocation.operands.get(1..) {
        Some(given @ [_, ..]) => given
            .iter()
            .map(|one| String::from_utf8_lossy(one).into_owned())
            .collect(),
        _ if is_push => settings.all("remote", &remote, "push"),
        _ => settings.all("remote", &remote, "fetch"),
    };
    set(invocation, "refspecs", &refspecs.join(" "));
}

/// Returns the remotes of the repository around the working folder, each with the addresses that
/// it is fetched from, and then those that are pushed to.
pub(super) fn remotes(
    line: &CommandLine<'_>,
    invocation: &mut Invocation,
) -> Vec<(String, Vec<String>)> {
    let Some(repository) = repository(line, invocation) else {
        return Vec::new();
    };
    let mut settings = Settings::default();
    for path in files(line, &repository) {
        settings.add(line, &path, invocation);
    }
    let mut names: Vec<String> = Vec::new();
    for one in &settings.all {
        let is_address = one.section == "remote" && matches!(&*one.name, "url" | "pushurl");
        if is_address && !names.contains(&one.subsection) {
            names.push(one.subsection.clone());
        }
    }
    let with_urls = |name: String| {
        let mut urls = settings.urls(&name, false);
        urls.extend(settings.urls(&name, true));
        (name, urls)
    };
    names.into_iter().map(with_urls).collect()
}

/// Writes where several `-C` lead, each from where the one before it led. Behind
/// the subcommand the letter means something else.
fn note_folder(invocation: &mut Invocation) {
    let is_verb = |word: &Word| word.role == WordRole::Command;
    let verb = invocation.words.iter().position(is_verb);
    let before = invocation.options.iter();
    let before = before.take_while(|used| verb.is_none_or(|verb| used.argv_index < verb));
    let moves: Vec<&[u8]> = before
        .filter(|used| used.name == "C")
        .filter_map(|used| used.value.as_deref())
        .collect();
    if moves.len() > 1 {
        let folder = moves.iter().fold(PathBuf::new(), |folder, part| {
            plain_join(&folder, &path_of(part))
        });
        set(invocation, "folder", &folder.to_string_lossy());
    }
}

/// The folders of a repository: its own, and the one that worktrees share.
struct Repository {
    own: PathBuf,
    shared: PathBuf,
}

/// Finds the repository around the folder that git works in.
fn repository(line: &CommandLine<'_>, invocation: &Invocation) -> Option<Repository> {
    let mut folder = line.cwd.to_owned();
    for used in invocation.options.iter().filter(|used| used.name == "C") {
        folder.push(path_of(used.value.as_deref().unwrap_or_default()));
    }
    let kind = |path: &Path| line.files.kind(path);
    for folder in folder.ancestors() {
        let path = folder.join(".git");
        let own = match kind(&path) {
            Some(FileKind::Directory) => path,
            Some(FileKind::File) => pointed(line, &path, b"gitdir:", folder)?,
            Some(FileKind::Special) | None => continue,
        };
        let shared = pointed(line, &own.join("commondir"), b"", &own);
        return Some(Repository {
            shared: shared.unwrap_or_else(|| own.clone()),
            own,
        });
    }
    None
}

/// Returns the path in a file of one line.
pub(crate) fn pointed(
    line: &CommandLine<'_>,
    file: &Path,
    label: &[u8],
    from: &Path,
) -> Option<PathBuf> {
    let content = line.files.read(file).ok()?;
    let path = content.strip_prefix(label)?.trim_ascii();
    (!path.is_empty()).then(|| from.join(path_of(path)))
}

/// Returns the files of settings, of which the last counts.
fn files(line: &CommandLine<'_>, repository: &Repository) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if line.env.get("GIT_CONFIG_NOSYSTEM").is_none() {
        files.push(PathBuf::from("/etc/gitconfig"));
    }
    let home = line.env.get("HOME").filter(|home| !home.is_empty());
    match line
        .env
        .get("XDG_CONFIG_HOME")
        .filter(|folder| !folder.is_empty())
    {
        Some(folder) => files.push(PathBuf::from(folder).join("git/config")),
        None => files.extend(home.map(|home| Path::new(home).join(".config/git/config"))),
    }
    files.extend(home.map(|home| Path::new(home).join(".gitconfig")));
    files.push(repository.shared.join("config"));
    files.push(repository.own.join("config.worktree"));
    files
}

fn branch(line: &CommandLine<'_>, repository: &Repository, invocation: &mut Invocation) -> String {
    let head = content(line, &repository.own.join("HEAD"), "HEAD", invocation).unwrap_or_default();
    let head = String::from_utf8_lossy(&head);
    let name = head.trim_end().strip_prefix("ref: refs/heads/");
    name.unwrap_or_default().to_owned()
}

/// All settings in their order.
#[derive(Default)]
struct Settings {
    all: Vec<Setting>,
    files: usize,
}

impl Settings {
    fn add(&mut self, line: &CommandLine<'_>, path: &Path, invocation: &mut Invocation) {
        self.files += 1;
        if self.files > INCLUDED {
            return refuse_file(
                path,
                "git config",
                "too many files are included",
                invocation,
            );
        }
        let Some(text) = content(line, path, "git config", invocation) else {
            return;
        };
        let settings = match git_config::read(&text) {
            Ok(settings) => settings,
            Err(problem) => return refuse_file(path, "git config", &problem, invocation),
        };
        for one in settings {
            let is_path = one.name == "path";
            match one.section.as_str() {
                "include" if is_path => {
                    let path = included(line, path, &one.value);
                    self.add(line, &path, invocation);
                }
                "includeif" if is_path => {
                    let path = included(line, path, &one.value);
                    refuse_leading(line, &path, invocation);
                }
                _ => self.all.push(one),
            }
        }
    }

    /// Takes `-c name=value`, which counts last.
    fn add_options(&mut self, invocation: &Invocation) {
        for used in invocation.options.iter().filter(|used| used.name == "c") {
            let text = String::from_utf8_lossy(used.value.as_deref().unwrap_or_default());
            let (name, value) = text.split_once('=').unwrap_or((&text, "true"));
            let Some((section, rest)) = name.split_once('.') else {
                continue;
            };
            let (subsection, name) = rest.rsplit_once('.').unwrap_or(("", rest));
            self.all.push(Setting {
                section: section.to_lowercase(),
                subsection: subsection.to_owned(),
                name: name.to_lowercase(),
                value: value.to_owned(),
            });
        }
    }

    /// Returns every value of a setting; an empty one takes back those before.
    fn all(&self, section: &str, subsection: &str, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        for one in &self.all {
            if one.section == section && one.subsection == subsection && one.name == name {
                if one.value.is_empty() {
                    values.clear();
                } else {
                    values.push(one.value.clone());
                }
            }
        }
        values
    }

    fn last(&self, section: &str, subsection: &str, name: &str) -> Option<String> {
        self.all(section, subsection, name).pop()
    }

    /// Returns the remote of a command that names none.
    fn default_remote(&self, branch: &str, is_push: bool) -> String {
        let for_push = is_push.then(|| {
            let own = self.last("branch", branch, "pushremote");
            own.or_else(|| self.last("remote", "", "pushdefault"))
        });
        let named = for_push
            .flatten()
            .or_else(|| self.last("branch", branch, "remote"));
        named.unwrap_or_else(|| {
            let remotes = self
                .all
                .iter()
                .filter(|one| one.section == "remote" && !one.subsection.is_empty());
            let mut all: Vec<&str> = remotes.map(|one| one.subsection.as_str()).collect();
            all.dedup();
            match all.as_slice() {
                [only] => (*only).to_owned(),
                _ => "origin".to_owned(),
            }
        })
    }

    /// Returns the addresses of a remote, or of what is an address itself.
    fn urls(&self, remote: &str, is_push: bool) -> Vec<String> {
        let urls = self.all("remote", remote, "url");
        let push = self.all("remote", remote, "pushurl");
        if is_push && !push.is_empty() {
            return push
                .iter()
                .map(|url| self.rewritten(url, "insteadof"))
                .collect();
        }
        let urls = if urls.is_empty() {
            vec![remote.to_owned()]
        } else {
            urls
        };
        let rewrite = |url: &String| {
            let for_push = is_push.then(|| self.rewritten(url, "pushinsteadof"));
            match for_push.filter(|new| new != url) {
                Some(new) => new,
                None => self.rewritten(url, "insteadof"),
            }
        };
        urls.iter().map(rewrite).collect()
    }

    /// Puts the address in place of the longest beginning that one stands for.
    fn rewritten(&self, url: &str, name: &str) -> String {
        let fitting = self
            .all
            .iter()
            .filter(|one| one.section == "url" && one.name == name && url.starts_with(&one.value));
        match fitting.max_by_key(|one| one.value.len()) {
            Some(one) => {
                let rest = url.get(one.value.len()..).unwrap_or_default();
                format!("{}{rest}", one.subsection)
            }
            None => url.to_owned(),
        }
    }
}

/// Returns the file that an include names.
fn included(line: &CommandLine<'_>, from: &Path, value: &str) -> PathBuf {
    match value.strip_prefix("~/") {
        Some(below) => super::home_file(line, below),
        None => from.parent().unwrap_or(from).join(value),
    }
}

/// Makes the command unknown where a file that is included on a condition could
/// lead elsewhere.
fn refuse_leading(line: &CommandLine<'_>, path: &Path, invocation: &mut Invocation) {
    let Some(text) = content(line, path, "git config", invocation) else {
        return;
    };
    match git_config::read(&text) {
        Ok(settings)
            if settings
                .iter()
                .all(|one| !LEADING.contains(&one.section.as_str())) => {}
        Ok(_) => refuse_file(
            path,
            "git config",
            "a condition decides on its remotes",
            invocation,
        ),
        Err(problem) => refuse_file(path, "git config", &problem, invocation),
    }
}
