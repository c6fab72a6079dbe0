//! What a playbook leads to outside of its own folder: roles, tasks, variables, and the files that
//! it copies to hosts.
//!
//! The folder of the playbook is bound whole. Names in it that lead elsewhere are found by the
//! fields that hold names, as ansible looks for them. A name that a template makes is known to
//! ansible alone.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::command_line::{CommandLine, FileKind};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation};
use crate::profile::Text;
use crate::read::scalars::{self, Scalar};
use crate::read::{MAX_SCRIPT_BYTES, leads_out_of, path_of, plain_join};

/// Fields whose values are files of this machine, or hold them.
const NAMING: &[&str] = &[
    "assemble",
    "copy",
    "file",
    "import_playbook",
    "import_tasks",
    "include",
    "include_tasks",
    "include_vars",
    "patch",
    "script",
    "src",
    "synchronize",
    "template",
    "unarchive",
    "vars_files",
    "win_copy",
    "win_template",
];
/// Fields below these whose values stand on the hosts, or are no names.
const ELSEWHERE: &[&str] = &[
    "args", "content", "creates", "dest", "group", "mode", "owner", "path", "removes", "state",
];
/// Fields that name a role.
const ROLES: &[&str] = &["roles", "include_role", "import_role", "dependencies"];
/// Folders in which ansible looks for a file of a task.
const BESIDE: &[&str] = &["", "files", "templates", "tasks", "vars"];
/// The files of a role that are read without being named.
const OF_ROLE: &[&str] = &["tasks", "handlers", "vars", "defaults", "meta"];
/// Where roles stand for all playbooks of a machine.
const SHARED_ROLES: &[&str] = &["/usr/share/ansible/roles", "/etc/ansible/roles"];
/// Where collections do.
const SHARED_COLLECTIONS: &[&str] = &["/usr/share/ansible/collections"];
/// The most files that are looked into.
const LIMIT: usize = 300;
const SKIPPED: &[Text] = &[Cow::Borrowed(".git")];

/// Adds what a playbook leads to, given by the name that argv has.
pub(crate) fn follow(line: &CommandLine<'_>, name: &[u8], invocation: &mut Invocation) {
    let playbook = plain_join(line.cwd, &path_of(name));
    let base = playbook.parent().unwrap_or(line.cwd).to_owned();
    let mut walk = Walk {
        line,
        invocation,
        base,
        seen: BTreeSet::new(),
        waiting: vec![playbook],
    };
    if leads_out_of(line.cwd, &walk.base, ".") {
        let base = walk.base.clone();
        walk.push(InputKind::Directory, base);
    }
    while let Some(path) = walk.waiting.pop() {
        if !walk.seen.insert(path.clone()) {
            continue;
        }
        if walk.seen.len() > LIMIT {
            let why = "the playbook leads to more files than gate follows";
            walk.invocation.add(Effect::Unknown, why);
            walk.invocation
                .add_input(Input::refused(path, "playbook", why));
            return;
        }
        walk.look_into(&path);
    }
}

/// Adds the files of this machine that the arguments of one module name.
pub(crate) fn in_arguments(
    line: &CommandLine<'_>,
    (module, arguments): (&str, &str),
    invocation: &mut Invocation,
) {
    let mut walk = Walk {
        line,
        invocation,
        base: line.cwd.to_owned(),
        seen: BTreeSet::new(),
        waiting: Vec::new(),
    };
    let is_sign = |letter: char| letter.is_whitespace() || "'\"{},:".contains(letter);
    let words = arguments.split(is_sign).filter(|word| !word.is_empty());
    for word in words {
        let (field, value) = word.split_once('=').unwrap_or(("", word));
        if !ELSEWHERE.contains(&field) && (NAMING.contains(&module) || field == "src") {
            walk.add_argument(value);
        }
    }
}

struct Walk<'a, 'i> {
    line: &'a CommandLine<'a>,
    invocation: &'i mut Invocation,
    /// The folder of the playbook.
    base: PathBuf,
    seen: BTreeSet<PathBuf>,
    waiting: Vec<PathBuf>,
}

impl Walk<'_, '_> {
    fn push(&mut self, kind: InputKind, path: PathBuf) {
        self.invocation.add_input(Input {
            skipped: Cow::Borrowed(SKIPPED),
            ..Input::unnamed(kind, path, "playbook")
        });
    }

    /// Adds what a word of arguments names, if it is there.
    fn add_argument(&mut self, name: &str) {
        for beside in ["", "files", "templates"] {
            let folder = self.line.cwd.join(beside);
            let path = self.joined(&folder, name);
            match self.line.files.kind(&path) {
                Some(FileKind::File) => self.push(InputKind::File, path),
                Some(FileKind::Directory) if name.contains('/') => {
                    self.push(InputKind::Directory, path);
                }
                Some(FileKind::Directory | FileKind::Special) | None => {}
            }
        }
    }

    fn look_into(&mut self, path: &Path) {
        let content = match self.line.files.read(path) {
            Ok(content) if content.len() <= MAX_SCRIPT_BYTES => content,
            Ok(_) | Err(_) => return,
        };
        let Some(document) = scalars::read(&content) else {
            let reason = format!(
                "gate can't follow what `{}` leads to outside of its folder",
                path.display()
            );
            return self.invocation.add(Effect::Unknown, reason);
        };
        if leads_out_of(&self.base, path, "") && leads_out_of(self.line.cwd, path, "") {
            self.push(InputKind::File, path.to_owned());
        }
        let folder = path.parent().unwrap_or(path);
        for scalar in &document.scalars {
            if names_a_role(scalar) {
                self.add_role(folder, &scalar.text);
            } else {
                for name in names(scalar) {
                    self.add(folder, name);
                }
            }
        }
    }

    /// Adds what a name stands for, in each folder from which ansible may take it.
    fn add(&mut self, folder: &Path, name: &str) {
        let role = folder.parent().unwrap_or(folder).to_owned();
        for from in [folder, &role, &self.base.clone()] {
            for beside in BESIDE {
                let path = self.joined(&from.join(beside), name);
                let kind = self.line.files.kind(&path);
                let is_outside =
                    leads_out_of(&self.base, &path, "") && leads_out_of(self.line.cwd, &path, "");
                match kind {
                    Some(FileKind::File) if is_yaml(&path) => {
                        if is_outside {
                            self.push(InputKind::File, path.clone());
                        }
                        self.waiting.push(path);
                    }
                    Some(FileKind::File) if is_outside => self.push(InputKind::File, path),
                    Some(FileKind::Directory) if is_outside && name.contains('/') => {
                        self.push(InputKind::Directory, path);
                    }
                    Some(FileKind::File | FileKind::Directory | FileKind::Special) | None => {}
                }
            }
        }
    }

    /// Adds the first folder of a role that is there, and looks into what it always reads.
    fn add_role(&mut self, folder: &Path, name: &str) {
        if name.contains("{{") || name.contains(char::is_whitespace) {
            return;
        }
        let mut places = vec![
            self.base.join("roles").join(name),
            folder.parent().unwrap_or(folder).join(name),
            self.base.join(name),
        ];
        let shared = |below: &str| self.home().map(|home| home.join(".ansible").join(below));
        let roles = SHARED_ROLES.iter().map(PathBuf::from);
        places.extend(roles.chain(shared("roles")).map(|all| all.join(name)));
        if let [space, collection, role] = name.split('.').collect::<Vec<_>>()[..] {
            let all = SHARED_COLLECTIONS.iter().map(PathBuf::from);
            let all = all.chain(shared("collections"));
            let all = all.chain([self.base.join("collections")]);
            let below: PathBuf = ["ansible_collections", space, collection, "roles", role]
                .into_iter()
                .collect();
            places.extend(all.map(|folder| folder.join(&below)));
        }
        let is_there = |path: &PathBuf| self.line.files.kind(path) == Some(FileKind::Directory);
        let Some(role) = places.into_iter().find(is_there) else {
            return;
        };
        if leads_out_of(&self.base, &role, "") && leads_out_of(self.line.cwd, &role, "") {
            self.push(InputKind::Directory, role.clone());
        }
        for part in OF_ROLE {
            for file in ["main.yml", "main.yaml"] {
                self.waiting.push(role.join(part).join(file));
            }
        }
    }

    fn home(&self) -> Option<&Path> {
        self.line.env.get("HOME").map(Path::new)
    }

    fn joined(&self, folder: &Path, name: &str) -> PathBuf {
        match (name.strip_prefix("~/"), self.home()) {
            (Some(below), Some(home)) => plain_join(home, Path::new(below)),
            _ => plain_join(folder, Path::new(name)),
        }
    }
}

fn is_yaml(path: &Path) -> bool {
    let end = path.extension().and_then(|end| end.to_str());
    matches!(end, Some("yml" | "yaml"))
}

/// Returns the last part of a name of a module, as people write it.
fn short(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn names_a_role(scalar: &Scalar) -> bool {
    let mut keys = scalar.keys.iter().map(|key| short(key));
    let is_below = keys.any(|key| ROLES.contains(&key));
    let last = scalar.keys.last().map(|key| short(key));
    is_below && last.is_some_and(|last| ROLES.contains(&last) || matches!(last, "role" | "name"))
}

/// Returns the names in the value of a field that holds names.
fn names(scalar: &Scalar) -> Vec<&str> {
    let text = scalar.text.as_str();
    if ["lookup", "query", "q("]
        .iter()
        .any(|call| text.contains(call))
    {
        return text
            .split(['\'', '"'])
            .filter(|part| !part.is_empty())
            .collect();
    }
    let last = scalar.keys.last().map_or("", |key| short(key));
    let is_naming =
        |key: &String| NAMING.contains(&short(key)) || short(key).starts_with("with_file");
    if text.contains("{{") || ELSEWHERE.contains(&last) || !scalar.keys.iter().any(is_naming) {
        return Vec::new();
    }
    let mut words = text.split_whitespace().peekable();
    if words.peek().is_some_and(|first| !first.contains('=')) && last != "script" {
        return vec![text];
    }
    words
        .map(|word| word.split_once('=').unwrap_or(("", word)))
        .filter(|(field, _)| !ELSEWHERE.contains(field))
        .map(|(_, value)| value.trim_matches(['\'', '"']))
        .collect()
}
