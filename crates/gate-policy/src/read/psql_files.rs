//! Files that the scripts and backslash commands of psql name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::MAX_SCRIPT_BYTES;
use super::mentioned::{NAME_LIMIT, PATH_BYTES, add_stdin, refuse};
use crate::command_line::{CommandLine, FileKind, Stdin};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Nested, Placement};

/// The most scripts that are followed.
const SCRIPT_LIMIT: usize = 100;
/// The most bytes of a script that are searched for what it names: more than
/// are understood, as a command that is not understood can still be approved.
const SEARCHED_BYTES: usize = 16 << 20;

/// Adds what the statements and backslash commands of psql read here.
pub(super) fn find(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let may_name = |nested: &Nested| nested.language == "psql" || nested.effect >= Effect::Execute;
    if invocation.nested.iter().any(may_name)
        || invocation.inputs.iter().any(|input| input.role == "script")
    {
        search_psql(line, invocation);
    }
    add_copied_stdin(line, invocation);
}

fn search_psql(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let scripts = invocation.inputs.iter();
    let scripts = scripts.filter(|input| input.role == "script" && input.kind == InputKind::File);
    let folders = scripts.filter_map(|input| Some(line.cwd.join(input.path.parent()?)));
    let mut search = Search {
        line,
        folders: std::iter::once(line.cwd.to_owned())
            .chain(folders)
            .collect(),
        found: Vec::new(),
        known: BTreeSet::new(),
        scripts: Vec::new(),
        is_relative: false,
        left: NAME_LIMIT,
        refused: None,
    };
    search.long_scripts(invocation);
    for nested in &invocation.nested {
        if nested.language == "psql" {
            search.command(nested.text.strip_prefix('\\').unwrap_or(&nested.text));
        }
        if nested.effect >= Effect::Execute {
            search.text(&nested.text);
        }
    }
    search.follow_scripts();
    let (found, is_relative) = (search.found, search.is_relative);
    if let Some(refused) = search.refused {
        refuse(refused, invocation);
    }
    let tree = place_scripts(line, (&found, is_relative), invocation);
    let inputs = invocation.inputs.iter();
    let known: BTreeSet<PathBuf> = inputs.map(|one| one.path.clone()).collect();
    // In a tree each name has one place; elsewhere it would not be read.
    let is_read = |input: &Input| {
        let is_elsewhere = |tree: &BTreeSet<PathBuf>| !tree.contains(&input.path);
        input.role != "script" || !tree.as_ref().is_some_and(is_elsewhere)
    };
    let found = found.into_iter().filter(is_read).map(|input| Input {
        placement: match &tree {
            Some(tree) if tree.contains(&input.path) => Placement::SameName,
            Some(_) | None => input.placement,
        },
        ..input
    });
    let found = found.filter(|input| !known.contains(&input.path));
    invocation.inputs.extend(found);
}

/// Says from where the scripts of argv are read; returns those that they lead to, where copies of
/// all of them are read.
fn place_scripts(
    line: &CommandLine<'_>,
    (found, is_relative): (&[Input], bool),
    invocation: &mut Invocation,
) -> Option<BTreeSet<PathBuf>> {
    if !is_relative {
        return None;
    }
    let is_there = |path: &Path| line.files.kind(path) == Some(FileKind::File);
    let tree = relative_tree(line, invocation).filter(|tree| {
        let mut scripts = found.iter().filter(|input| input.role == "script");
        scripts.all(|input| tree.contains(&input.path) || !is_there(&input.path))
    });
    // `\ir` is taken from the folder that the script stands in.
    let placement = match tree {
        Some(_) => Placement::SameName,
        None => Placement::InPlace,
    };
    let scripts = invocation.inputs.iter_mut();
    for script in scripts.filter(|input| input.role == "script") {
        script.placement = placement;
    }
    tree
}

/// Returns the scripts that the files of the command lead to, where each is named by its place
/// beside the one that names it (`\\ir`) and nothing else is included: then copies of all of them
/// lead to each other as they do. `\\i` is taken from the working directory, and would read what
/// stands there.
fn relative_tree(line: &CommandLine<'_>, invocation: &Invocation) -> Option<BTreeSet<PathBuf>> {
    let scripts = invocation.inputs.iter();
    let scripts = scripts.filter(|input| input.role == "script");
    let mut waiting = Vec::new();
    for script in scripts {
        let is_file = script.kind == InputKind::File && script.argv_index.is_some();
        waiting.push(is_file.then(|| line.cwd.join(&script.path))?);
    }
    let mut tree = BTreeSet::new();
    let mut seen = BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let content = line.files.read(&path).ok();
        let content = content.filter(|content| content.len() <= MAX_SCRIPT_BYTES)?;
        let folder = path.parent()?;
        for name in relative_includes(&String::from_utf8_lossy(&content))? {
            let included = folder.join(name);
            (line.files.kind(&included) == Some(FileKind::File)).then_some(())?;
            tree.insert(included.clone());
            waiting.push(included);
        }
        if seen.len() > SCRIPT_LIMIT {
            return None;
        }
    }
    // A command line can name others.
    let mut options = invocation.options.iter();
    let is_plain = !options.any(|used| used.name == "command");
    (is_plain && !tree.is_empty()).then_some(tree)
}

/// Returns what a text includes from beside it; nothing where it includes, or may include, in
/// another way.
fn relative_includes(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for line in text.lines().filter(|line| line.contains('\\')) {
        for command in line.split('\\').skip(1) {
            let (name, rest) = command
                .split_once(char::is_whitespace)
                .unwrap_or((command, ""));
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-/".contains(letter);
            match name {
                "ir" | "include_relative" => {
                    let rest = rest.trim();
                    let stands_alone = !rest.is_empty() && line.split('\\').count() == 2;
                    let is_below = rest.chars().all(is_plain) && !rest.starts_with('/');
                    names.push((stands_alone && is_below).then(|| rest.to_owned())?);
                }
                name if name.starts_with('i') || name.starts_with("cd") => {
                    (name == "if").then_some(())?;
                }
                _ => {}
            }
        }
    }
    Some(names)
}

/// Adds the standard input where `copy … from stdin` stores it. In a script
/// that is what follows in the script; only `pstdin` is psql's own.
fn add_copied_stdin(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let has_script = invocation.options.iter().any(|used| used.name == "file");
    let reads = |text: &str| {
        let text = text.to_ascii_lowercase();
        if !text.contains("stdin") {
            return false;
        }
        let words: Vec<&str> = text
            .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
            .filter(|word| !word.is_empty())
            .collect();
        words.contains(&"copy")
            && words.windows(2).any(|two| match two {
                ["from", "pstdin"] => true,
                ["from", "stdin"] => !has_script,
                _ => false,
            })
    };
    if line.stdin != Stdin::Absent && invocation.nested.iter().any(|nested| reads(&nested.text)) {
        add_stdin(line, "data", invocation);
    }
}

struct Search<'a> {
    line: &'a CommandLine<'a>,
    /// From where names may be taken: `\cd` and `\ir` change it.
    folders: Vec<PathBuf>,
    found: Vec<Input>,
    /// The paths of what was found.
    known: BTreeSet<PathBuf>,
    /// Scripts that are named, to be looked into.
    scripts: Vec<PathBuf>,
    is_relative: bool,
    /// How many names may still be looked for.
    left: usize,
    /// The first thing that could not be followed.
    refused: Option<Input>,
}

impl Search<'_> {
    /// Looks through the scripts of the command itself that are too long to be
    /// understood: what is understood or short stands among the statements.
    fn long_scripts(&mut self, invocation: &Invocation) {
        let mut inputs = invocation.inputs.iter();
        let scripts = inputs.by_ref().filter(|input| input.role == "script");
        for script in scripts {
            let content = match (script.kind, self.line.stdin) {
                (InputKind::Stdin, Stdin::Content(content)) => Ok(content.into()),
                (InputKind::File | InputKind::Descriptor, _) => {
                    self.line.files.read(&self.line.cwd.join(&script.path))
                }
                _ => continue,
            };
            if let Ok(content) = content
                && content.len() > MAX_SCRIPT_BYTES
            {
                self.script(&script.path, &content);
            }
        }
    }

    /// Looks through a script.
    fn script(&mut self, path: &Path, content: &[u8]) {
        if content.len() > SEARCHED_BYTES {
            self.refuse(path.to_owned(), "script", "it is longer than gate reads");
        } else {
            self.text(&String::from_utf8_lossy(content));
        }
    }

    fn refuse(&mut self, name: PathBuf, role: &str, why: &'static str) {
        self.refused
            .get_or_insert_with(|| Input::refused(name, role.to_owned(), why));
    }

    /// Looks through a text that is not understood for backslash commands.
    fn text(&mut self, text: &str) {
        for line in text.lines().filter(|line| line.contains('\\')) {
            for command in line.split('\\').skip(1) {
                self.command(command);
            }
        }
    }

    /// Takes what one backslash command names, given without its backslash.
    fn command(&mut self, command: &str) {
        let mut words = command
            .split(|letter: char| letter.is_whitespace() || "'\"`=|(),;".contains(letter))
            .filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default();
        let words: Vec<&str> = words.collect();
        // A name between quotes may hold what would else end it.
        let quoted = command.split(['\'', '"', '`']).skip(1).step_by(2);
        match name {
            // What `copy` writes for a null: psql knows no such command, and
            // reads nothing of the line behind it.
            "N" => {}
            "cd" => {
                self.spend(words.len());
                let folders = words.iter().map(|word| self.joined(self.line.cwd, word));
                let folders: Vec<PathBuf> = folders.collect();
                self.folders.extend(folders);
            }
            "i" | "include" | "ir" | "include_relative" => {
                self.is_relative |= name.starts_with("ir") || name == "include_relative";
                for word in words.iter().copied().chain(quoted) {
                    let paths = self.add(word, Placement::InPlace);
                    self.scripts.extend(paths);
                }
            }
            _ => {
                for word in words.iter().copied().chain(quoted) {
                    self.add(word, Placement::Unsure);
                }
            }
        }
    }

    /// Adds the files of a name that are there; in place also the first that
    /// is not, which would be read if it appeared.
    fn add(&mut self, name: &str, placement: Placement) -> Vec<PathBuf> {
        if name.len() > PATH_BYTES || !self.spend(self.folders.len()) {
            return Vec::new();
        }
        let paths = self.folders.iter().map(|folder| self.joined(folder, name));
        let mut paths: Vec<PathBuf> = paths.collect();
        if !(placement == Placement::InPlace && paths.iter().all(|path| !self.is_file(path))) {
            paths.retain(|path| self.is_file(path));
        }
        for path in &paths {
            if self.known.insert(path.clone()) {
                let role = if placement == Placement::InPlace {
                    "script"
                } else {
                    "file"
                };
                self.found.push(Input {
                    placement,
                    ..Input::unnamed(InputKind::File, path.clone(), role)
                });
            }
        }
        paths
    }

    /// Takes so many from what may still be looked for.
    fn spend(&mut self, names: usize) -> bool {
        if let Some(left) = self.left.checked_sub(names) {
            self.left = left;
        } else {
            let why = "its scripts name more files than gate looks for";
            self.refuse("psql".into(), "tool", why);
        }
        self.refused.is_none()
    }

    fn is_file(&self, path: &Path) -> bool {
        self.line.files.kind(path) == Some(FileKind::File)
    }

    /// psql takes `~/` for the home folder.
    fn joined(&self, folder: &Path, name: &str) -> PathBuf {
        match (name.strip_prefix("~/"), self.line.env.get("HOME")) {
            (Some(below), Some(home)) => Path::new(home).join(below),
            _ => folder.join(name),
        }
    }

    /// Looks into the scripts that scripts name.
    fn follow_scripts(&mut self) {
        let mut seen = BTreeSet::new();
        while let Some(path) = self.scripts.pop() {
            if !seen.insert(path.clone()) {
                continue;
            }
            if seen.len() > SCRIPT_LIMIT {
                let why = "the scripts name more scripts than gate follows";
                self.refuse(path, "script", why);
                return;
            }
            if let Some(folder) = path.parent().map(Path::to_owned)
                && !self.folders.contains(&folder)
            {
                self.folders.push(folder);
            }
            if let Ok(content) = self.line.files.read(&path) {
                self.script(&path, &content);
            }
        }
    }
}
#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::mentioned::tests::{binds, read, refused};
    use super::*;

    #[test]
    fn what_a_script_names_is_bound_wherever_it_stands() {
        let many = "\\echo\n".repeat(20_000) + "\\i far.sql\n";
        let long = format!("{}\n\\i far.sql\n", "-- x".repeat(400_000));
        for text in [many.as_bytes(), long.as_bytes(), b"\\i far.sql -- \xff\n"] {
            let files = [("q.sql", text), ("in.sql", b"\\i q.sql"), ("far.sql", b"")];
            for script in ["q.sql", "in.sql"] {
                let invocation = read(&["psql", "-f", script], &files);
                assert!(binds(&invocation, "/w/far.sql"), "{script}");
                assert_eq!(refused(&invocation), None, "{script}");
                // A text that can be read is followed to the empty script.
                let is_read = text == many.as_bytes();
                assert_eq!(invocation.effect == Effect::Read, is_read, "{script}");
            }
        }
    }

    #[test]
    fn scripts_that_name_each_other_by_their_place_run_from_copies() {
        let placements = |files: &[(&str, &[u8])]| -> Vec<(String, Placement)> {
            let invocation = read(&["psql", "-f", "a/q.sql"], files);
            let scripts = invocation.inputs.iter();
            let scripts = scripts.filter(|input| input.role == "script");
            let placed = scripts.map(|one| (one.path.display().to_string(), one.placement));
            placed.collect()
        };
        let copied = placements(&[
            ("a/q.sql", b"select 1;\n\\ir b/r.sql\n"),
            ("a/b/r.sql", b"\\include_relative ../s.sql\n"),
            ("a/s.sql", b"select 2;\n"),
        ]);
        let is_copied = |(_, placement): &(String, Placement)| *placement == Placement::SameName;
        assert_eq!(copied.len(), 3, "{copied:?}");
        assert!(copied.iter().all(is_copied), "{copied:?}");
        for (script, included) in [
            (&b"\\ir b/r.sql\n\\i a/s.sql\n"[..], &b""[..]),
            (b"\\ir b/r.sql\n", b"\\i a/s.sql\n"),
            (b"\\ir /w/a/b/r.sql\n", b""),
            (b"\\ir :name\n\\ir b/r.sql\n", b""),
            (b"\\cd b\n\\ir b/r.sql\n", b""),
        ] {
            let files = [
                ("a/q.sql", script),
                ("a/b/r.sql", included),
                ("a/s.sql", b""),
            ];
            let placed = placements(&files);
            assert!(!placed.iter().any(is_copied), "{placed:?}");
        }
    }

    #[test]
    fn what_a_script_names_past_the_limits_is_refused() {
        let mut chain = Vec::new();
        for at in 0..=SCRIPT_LIMIT {
            chain.push((format!("{at}.sql"), format!("\\i {}.sql", at + 1)));
        }
        let chain = chain
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_bytes()));
        let chain: Vec<_> = chain.collect();
        let invocation = read(&["psql", "-f", "0.sql"], &chain);
        let why = refused(&invocation);
        assert_eq!(why, Some("the scripts name more scripts than gate follows"));
        let invocation = read(&["psql", "-f", "2.sql"], &chain);
        assert_eq!(refused(&invocation), None);

        let long = vec![b' '; SEARCHED_BYTES + 1];
        for script in ["q.sql", "in.sql"] {
            let files = [("q.sql", &long[..]), ("in.sql", b"\\i q.sql")];
            let invocation = read(&["psql", "-f", script], &files);
            assert_eq!(refused(&invocation), Some("it is longer than gate reads"));
        }

        let mut names = String::from("\\o");
        for name in 0..NAME_LIMIT {
            write!(names, " {name}").unwrap();
        }
        let invocation = read(&["psql", "-f", "q.sql"], &[("q.sql", names.as_bytes())]);
        let why = refused(&invocation);
        assert_eq!(why, Some("its scripts name more files than gate looks for"));
        let nulls = "1\t\\N\t2\n".repeat(NAME_LIMIT);
        let invocation = read(&["psql", "-f", "q.sql"], &[("q.sql", nulls.as_bytes())]);
        assert_eq!(refused(&invocation), None);
    }
}
