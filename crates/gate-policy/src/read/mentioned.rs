//! Files that a command only mentions: in words of a tool that gate has no
//! profile of, or that it does not understand, and inside the backslash
//! commands of psql.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{MAX_SCRIPT_BYTES, path_of};
use crate::command_line::{CommandLine, FileKind, Stdin};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Nested, Placement, WordRole};

/// The most scripts of psql that are followed.
const SCRIPT_LIMIT: usize = 100;
/// The most bytes of a script that are searched for what it names: more than
/// are understood, as a command that is not understood can still be approved.
const SEARCHED_BYTES: usize = 16 << 20;
/// The most names that are looked for, each in every folder that it may be
/// taken from.
const NAME_LIMIT: usize = 200_000;
/// The longest path of Linux: nothing has a longer name.
const PATH_BYTES: usize = 4096;

/// Adds each regular file that a word which is not understood names, whole or
/// in part. More of them than are read does no harm, and a script that is not
/// among them could be another one by the time that it runs.
pub(super) fn in_words(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let mut found = Vec::new();
    let mut left = NAME_LIMIT;
    for (index, (word, known)) in line.argv.iter().zip(&invocation.words).enumerate() {
        if index == 0 || known.role != WordRole::Unknown {
            continue;
        }
        for range in parts(word.as_encoded_bytes()) {
            let name = word.as_encoded_bytes().get(range.clone());
            let Some(name) = name else { continue };
            if left == 0 {
                let word = PathBuf::from((index + 1).to_string());
                let why = "the words hold more names than gate looks for";
                refuse(Input::refused(word, "word", why), invocation);
                return;
            }
            left -= 1;
            let path = path_of(name);
            if line.files.kind(&line.cwd.join(&path)) == Some(FileKind::File) {
                found.push(Input {
                    argv_index: Some(index),
                    range,
                    placement: Placement::Unsure,
                    ..Input::unnamed(InputKind::File, path, "file")
                });
            }
        }
    }
    if found.is_empty() {
        return;
    }
    let known: Vec<PathBuf> = invocation
        .inputs
        .iter()
        .map(|one| one.path.clone())
        .collect();
    let mut seen: BTreeSet<PathBuf> = known.into_iter().collect();
    found.retain(|input| seen.insert(input.path.clone()));
    invocation.inputs.extend(found);
}

/// The most names that are looked for in the value of one parameter.
const VALUE_NAMES: usize = 1_000;

/// Adds each regular file that the value of a parameter names, whole or in
/// part: of a command whose parameters are not listed any can be a file's name.
pub(super) fn add_named(
    line: &CommandLine<'_>,
    (value, argv_index, start): (&[u8], usize, usize),
    invocation: &mut Invocation,
) {
    let ranges = parts(value);
    if ranges.len() > VALUE_NAMES || invocation.inputs.len() > VALUE_NAMES {
        let word = PathBuf::from((argv_index + 1).to_string());
        let why = "the words hold more names than gate looks for";
        refuse(Input::refused(word, "parameter", why), invocation);
        return;
    }
    for range in ranges {
        let path = path_of(value.get(range.clone()).unwrap_or_default());
        let is_file = line.files.kind(&line.cwd.join(&path)) == Some(FileKind::File);
        if is_file && invocation.inputs.iter().all(|known| known.path != path) {
            invocation.inputs.push(Input {
                argv_index: Some(argv_index),
                range: start + range.start..start + range.end,
                placement: Placement::Unsure,
                ..Input::unnamed(InputKind::File, path, "parameter")
            });
        }
    }
}

/// Adds what can't be bound, so that nobody is asked about the command.
fn refuse(refused: Input, invocation: &mut Invocation) {
    invocation.add(
        Effect::Unknown,
        "the command names more than gate follows, and it can differ at each run",
    );
    invocation.inputs.push(refused);
}

/// Returns the parts of a word that could be a file's name: all of it, what
/// follows a letter as in `-fFILE`, a `=` as in `--file=FILE`, an `@` as in
/// `-d@FILE`, and each of several between commas or colons.
fn parts(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    if matches!(bytes, [b'-', letter, _, ..] if *letter != b'-') {
        starts.push(2);
    }
    let is_mark = |byte: u8| matches!(byte, b'=' | b'@' | b',' | b':');
    let behind = bytes.iter().enumerate().filter(|(_, byte)| is_mark(**byte));
    starts.extend(behind.map(|(at, _)| at + 1));
    starts.sort_unstable();
    let is_end = |byte: u8| matches!(byte, b',' | b':');
    let ends = bytes.iter().enumerate().filter(|(_, byte)| is_end(**byte));
    let mut ends = ends.map(|(at, _)| at).peekable();
    let mut parts = Vec::new();
    for start in starts {
        parts.push(start..bytes.len());
        while ends.next_if(|end| *end < start).is_some() {}
        parts.extend(ends.peek().map(|end| start..*end));
    }
    parts.retain(|part| !part.is_empty() && part.len() <= PATH_BYTES);
    parts
}

/// Adds what the statements and backslash commands of psql read here.
pub(super) fn in_psql(line: &CommandLine<'_>, invocation: &mut Invocation) {
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
    if is_relative {
        // `\ir` is taken from the folder that the script stands in.
        for input in invocation
            .inputs
            .iter_mut()
            .filter(|input| input.role == "script")
        {
            input.placement = Placement::InPlace;
        }
    }
    let inputs = invocation.inputs.iter();
    let known: BTreeSet<PathBuf> = inputs.map(|one| one.path.clone()).collect();
    let found = found.into_iter();
    let found = found.filter(|input| !known.contains(&input.path));
    invocation.inputs.extend(found);
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

/// Adds the standard input, where it is something that can be bound: what a
/// person will type can't.
pub(super) fn add_stdin(line: &CommandLine<'_>, role: &str, invocation: &mut Invocation) {
    if matches!(line.stdin, Stdin::Unread | Stdin::Content(_)) {
        invocation.add_stdin(role, Placement::InPlace);
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

    use std::ffi::OsString;

    use super::*;
    use crate::command_line::{Environment, MapFiles};

    fn read(words: &[&str], files: &[(&str, &[u8])]) -> Invocation {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let cwd = Path::new("/w");
        let files = files.iter().map(|(name, text)| (*name, text.to_vec()));
        crate::read_invocation(&CommandLine {
            argv: &argv,
            env: &Environment::default(),
            cwd,
            stdin: Stdin::Absent,
            files: &MapFiles::new(cwd, files),
        })
    }

    fn binds(invocation: &Invocation, path: &str) -> bool {
        let mut inputs = invocation.inputs.iter();
        inputs.any(|input| input.kind == InputKind::File && input.path == Path::new(path))
    }

    /// Returns why the command can't be approved, where it can't.
    fn refused(invocation: &Invocation) -> Option<&'static str> {
        let mut inputs = invocation.inputs.iter();
        let why = inputs.find_map(|input| input.kind.refusal())?;
        assert_eq!(invocation.effect, Effect::Unknown);
        Some(why)
    }

    #[test]
    fn a_name_far_back_in_a_word_is_bound() {
        let word = format!("{}key=deploy.yaml", "a=b,".repeat(1_000));
        let invocation = read(&["tool", &word], &[("deploy.yaml", b"")]);
        assert!(binds(&invocation, "deploy.yaml"), "{:?}", invocation.inputs);
        assert_eq!(refused(&invocation), None);
    }

    #[test]
    fn words_of_more_names_than_are_looked_for_are_refused() {
        let word = ",a".repeat(60_000);
        let invocation = read(&["tool", &word], &[]);
        assert_eq!(refused(&invocation), None);
        let invocation = read(&["tool", &word, &word, &word, &word], &[]);
        let why = refused(&invocation);
        assert_eq!(why, Some("the words hold more names than gate looks for"));
    }

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
