//! The command that a tool passes on, as its profile says: the words behind
//! some operand, or the value of a flag.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

use super::inner::{Inner, Nesting, Origin, absorb};
use super::inputs::moved;
use super::words::{Parsed, Use};
use super::{MAX_SCRIPT_BYTES, path_of};
use crate::command_line::{CommandLine, Environment, Stdin};
use crate::effect::Effect;
use crate::invocation::{Invocation, Place};
use crate::profile::{Changes, FlagRuns, Neutral, RunsReading, RunsSpec};
use crate::shell::{self, Dialect, Handed};

/// The most words, or lines, of which xargs is followed with each.
const MAX_ADDED: usize = 24;

/// One word that is passed on, and where it stands.
#[derive(Clone)]
struct Passed {
    word: OsString,
    origin: Option<Origin>,
}

/// Reads what is passed on.
pub(super) fn read(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    nesting: Nesting<'_>,
    invocation: &mut Invocation,
) {
    let Some(node) = parsed.node() else { return };
    let runs = |used: &&Use<'_>| used.flag.is_some_and(|flag| flag.runs != FlagRuns::Nothing);
    let mut flags = parsed.uses.iter().filter(runs).peekable();
    if parsed.passed.is_none() && flags.peek().is_none() {
        if let Some(effect) = node.runs.alone.filter(|_| !is_neutral(parsed)) {
            invocation.add(effect, "no command is given to it");
        }
        return;
    }
    let wrapper = Wrapper {
        line,
        nesting,
        spec: &node.runs,
        adds_behind: adds_behind(parsed),
        given: environment(line, parsed),
        cwd: moved(
            line.cwd,
            parsed.spec,
            parsed.uses.iter().map(|used| (&used.name, used.value)),
        )
        .into_owned(),
    };
    let mut words = Vec::new();
    let mut has_script = false;
    doubt_behind_split(parsed, invocation);
    for used in flags {
        if splits(used) {
            match split(used.value.unwrap_or_default()) {
                Some(split) => {
                    words.extend(split.into_iter().map(|word| Passed { word, origin: None }));
                }
                None => {
                    invocation.add(Effect::Unknown, "how it is split is not understood");
                }
            }
        } else {
            has_script = true;
            wrapper.script(used, invocation);
        }
    }
    if let Some(start) = parsed.passed {
        let rest = line.argv.iter().enumerate().skip(start);
        words.extend(rest.map(|(argv_index, word)| Passed {
            word: word.clone(),
            origin: Some(Origin {
                argv_index,
                range: 0..word.len(),
                is_verbatim: true,
            }),
        }));
    }
    let is_command = |first: &Passed| !starts_with_dash(&first.word);
    let has_command = words.first().is_some_and(is_command);
    if let Some(runs) = completed(line, parsed, &words).filter(|_| has_command) {
        wrapper.each(runs, invocation);
    } else if !(words.is_empty() && has_script) {
        wrapper.words(words, invocation);
    }
}

/// Returns the words of the command each time that xargs runs it, where what it reads is known and
/// nothing changes how it splits that.
fn completed(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    words: &[Passed],
) -> Option<Vec<Vec<Passed>>> {
    let Stdin::Content(text) = line.stdin else {
        return None;
    };
    let (mut size, mut mark) = (None, None);
    for used in parsed.uses.iter().filter(|used| used.on) {
        match &*used.name {
            "no-run-if-empty" | "verbose" => {}
            "max-args" => size = Some(std::str::from_utf8(used.value?).ok()?.parse().ok()?),
            "replace-with" => mark = Some(used.value?),
            _ => return None,
        }
    }
    let is_plain = |byte: &u8| byte.is_ascii_graphic() || b" \t\n".contains(byte);
    let quotes = |byte: &u8| b"'\"\\".contains(byte);
    if parsed.spec.name != "xargs"
        || !parsed.problems.is_empty()
        || text.len() > MAX_SCRIPT_BYTES
        || !text.iter().all(is_plain)
        || text.iter().any(quotes)
    {
        return None;
    }
    match (mark, size) {
        (None, size) => added(text, size.unwrap_or(usize::MAX), words),
        (Some(mark), None) => replaced(text, mark, words),
        // Which of the two counts depends on their order.
        (Some(_), Some(_)) => None,
    }
}

/// Adds the words of a text behind those of the command, so many at a time.
fn added(text: &[u8], size: usize, words: &[Passed]) -> Option<Vec<Vec<Passed>>> {
    let more = text.split(u8::is_ascii_whitespace);
    let more: Vec<Passed> = more.filter(|word| !word.is_empty()).map(made).collect();
    let is_few = !more.is_empty() && more.len() <= MAX_ADDED && size > 0;
    is_few.then(|| {
        let runs = more.chunks(size);
        runs.map(|more| [words, more].concat()).collect()
    })
}

/// Puts each line of a text in place of a mark in the words, which stay as many: in the name of the
/// command some put it too, and GNU xargs does not.
fn replaced(text: &[u8], mark: &[u8], words: &[Passed]) -> Option<Vec<Vec<Passed>>> {
    let holds = |word: &Passed| find(word.word.as_encoded_bytes(), mark).is_some();
    let lines = text
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_start);
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
    // Whether blanks at the end of a line belong to it is not the same everywhere.
    let is_plain = lines.iter().all(|line| line.trim_ascii_end() == *line);
    if mark.is_empty()
        || words.first().is_none_or(holds)
        || !is_plain
        || lines.is_empty()
        || lines.len() > MAX_ADDED
    {
        return None;
    }
    let put = |line: &[u8]| {
        let words = words.iter().map(|word| {
            if holds(word) {
                made(&in_place(word.word.as_encoded_bytes(), mark, line))
            } else {
                word.clone()
            }
        });
        words.collect()
    };
    Some(lines.into_iter().map(put).collect())
}

/// Returns a word with another text in place of each mark.
fn in_place(mut word: &[u8], mark: &[u8], text: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    while let Some(at) = find(word, mark) {
        made.extend_from_slice(word.get(..at).unwrap_or_default());
        made.extend_from_slice(text);
        word = word.get(at + mark.len()..).unwrap_or_default();
    }
    made.extend_from_slice(word);
    made
}

fn find(word: &[u8], mark: &[u8]) -> Option<usize> {
    let mut windows = word.windows(mark.len().max(1));
    windows.position(|window| window == mark)
}

/// Returns a word that stands in no word of argv.
fn made(word: &[u8]) -> Passed {
    Passed {
        word: path_of(word).into_os_string(),
        origin: None,
    }
}

/// The words that env splits end its options: those behind them belong to the
/// command there.
fn doubt_behind_split(parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let behind = parsed.uses.iter().skip_while(|used| !splits(used)).skip(1);
    if behind.count() > 0 {
        let why = "an option behind what is split is one of the command there";
        invocation.add(Effect::Unknown, why);
    }
}

/// Tells whether the value of a flag is split into words.
fn splits(used: &Use<'_>) -> bool {
    used.flag.is_some_and(|flag| flag.runs == FlagRuns::Split)
}

fn is_neutral(parsed: &Parsed<'_>) -> bool {
    parsed.uses.iter().any(|used| {
        let flag = used.flag;
        used.on && flag.is_some_and(|flag| matches!(flag.neutral, Neutral::Present))
    })
}

/// The variables that a command is given.
#[derive(Clone)]
struct Given<'l> {
    env: Cow<'l, Environment>,
    /// Whether it has those of the wrapper too.
    inherits: bool,
}

/// Returns the environment after the flags that change it.
fn environment<'l>(line: &CommandLine<'l>, parsed: &Parsed<'_>) -> Given<'l> {
    let mut env = Cow::Borrowed(line.env);
    let mut inherits = true;
    for used in parsed.uses.iter().filter(|used| used.on) {
        match used.flag.map_or(Changes::Nothing, |flag| flag.changes) {
            Changes::Nothing => {}
            Changes::Clears => {
                env = Cow::Owned(Environment::default());
                inherits = false;
            }
            Changes::Unsets => {
                let name = path_of(used.value.unwrap_or_default()).into_os_string();
                env.to_mut().unset(&name);
            }
        }
    }
    Given { env, inherits }
}

/// A tool that passes a command on.
struct Wrapper<'w> {
    line: &'w CommandLine<'w>,
    nesting: Nesting<'w>,
    spec: &'w RunsSpec,
    /// Whether more words come behind those that are there, and nowhere else.
    adds_behind: bool,
    given: Given<'w>,
    cwd: std::path::PathBuf,
}

impl Wrapper<'_> {
    /// Reads a command as often as it is run, each time with its own words.
    fn each(&self, runs: Vec<Vec<Passed>>, invocation: &mut Invocation) {
        for words in runs {
            self.start(words, &self.given, Vec::new(), invocation);
        }
    }

    /// Reads the words, with the variables that are set in front of them.
    fn words(&self, mut words: Vec<Passed>, invocation: &mut Invocation) {
        let mut given = self.given.clone();
        if self.spec.takes_assignments {
            while let Some((name, value)) = words.first().and_then(|first| assignment(&first.word))
            {
                given.env.to_mut().set(name, value);
                words.remove(0);
            }
        }
        if self.spec.clears_environment {
            given.inherits = false;
        }
        if words.is_empty() {
            if let Some(effect) = self.spec.alone {
                invocation.add(effect, "no command is given to it");
            }
            return;
        }
        if self.spec.reading == RunsReading::Shell {
            self.joined(&words, invocation);
            return;
        }
        let mut doubts = Vec::new();
        if words
            .first()
            .is_some_and(|word| starts_with_dash(&word.word))
        {
            doubts.push("what is passed on begins with an option".to_owned());
        }
        let argv = words.iter().map(|word| &*word.word);
        let is_listed = self.adds_behind && only_names(argv);
        if self.spec.reading == RunsReading::Appended && !is_listed {
            doubts.push("words are added to it that no word of the command holds".to_owned());
        }
        self.start(words, &given, doubts, invocation);
    }

    /// Reads the command that words are.
    fn start(
        &self,
        words: Vec<Passed>,
        given: &Given<'_>,
        doubts: Vec<String>,
        invocation: &mut Invocation,
    ) {
        let is_appended = self.spec.reading == RunsReading::Appended;
        let (argv, origins): (Vec<_>, Vec<_>) =
            words.into_iter().map(|one| (one.word, one.origin)).unzip();
        let inner = Inner {
            argv,
            origins,
            within: None,
            env: &given.env,
            inherits: given.inherits,
            cwd: &self.cwd,
            stdin: if is_appended {
                Stdin::Absent
            } else {
                self.line.stdin
            },
            shares_stdin: !is_appended,
            fed: None,
            place: self.spec.place,
            doubts,
        };
        absorb(self.line, self.nesting, &inner, invocation);
    }

    /// Reads words that are joined to a script.
    fn joined(&self, words: &[Passed], invocation: &mut Invocation) {
        let text: Vec<&[u8]> = words
            .iter()
            .map(|word| word.word.as_encoded_bytes())
            .collect();
        let text = text.join(&b' ');
        let first = words.first().and_then(|word| word.origin.as_ref());
        let first = first.map(|origin| origin.argv_index);
        let origin = first.filter(|_| words.len() == 1);
        self.shell(&text, origin.map(|index| (index, 0)), first, invocation);
    }

    /// Reads the value of a flag as a script.
    fn script(&self, used: &Use<'_>, invocation: &mut Invocation) {
        let origin = Some((used.argv_index, used.start));
        let text = used.value.unwrap_or_default();
        self.shell(text, origin, Some(used.argv_index), invocation);
    }

    fn shell(
        &self,
        text: &[u8],
        origin: Option<(usize, usize)>,
        within: Option<usize>,
        invocation: &mut Invocation,
    ) {
        let is_elsewhere = self.spec.place == Place::Elsewhere;
        if is_elsewhere && !invocation.own_effects.contains(Effect::Execute) {
            invocation.add(Effect::Execute, "what it passes on runs elsewhere");
        }
        let handed = Handed {
            text,
            dialect: Dialect::Posix,
            place: self.spec.place,
            origin,
            within,
            env: if is_elsewhere {
                Environment::default()
            } else {
                self.given.env.clone().into_owned()
            },
            cwd: self.cwd.clone(),
            words: None,
            is_login: self.spec.clears_environment,
            is_stdin: false,
            is_traced: false,
        };
        shell::run(self.line, self.nesting, handed, invocation);
    }
}

/// Tells whether it is xargs, and nothing in the words is replaced: that could be
/// the name of the command.
fn adds_behind(parsed: &Parsed<'_>) -> bool {
    let replaces = |used: &Use<'_>| {
        matches!(
            &*used.name,
            "arg-file" | "delimiter" | "replace" | "replace-with"
        )
    };
    parsed.spec.name == "xargs" && parsed.problems.is_empty() && !parsed.uses.iter().any(replaces)
}

/// Tells whether a command shows no more than the names of files and what lists
/// show of them, whichever words are added to it.
pub(crate) fn only_names<'w>(argv: impl Iterator<Item = &'w OsStr>) -> bool {
    let mut words = argv.map(OsStr::as_encoded_bytes);
    match words.next() {
        Some(b"basename" | b"dirname" | b"ls" | b"stat") => true,
        Some(b"grep") => words.next().is_some_and(|flags| {
            let letters = flags.strip_prefix(b"-").unwrap_or_default();
            let is_plain = |letter: &u8| b"lLEFiwnrs".contains(letter);
            letters.iter().all(is_plain) && letters.iter().any(|letter| b"lL".contains(letter))
        }),
        _ => false,
    }
}

/// Tells whether a program shows the files that words name and does no more,
/// whichever options are among them.
pub(crate) fn is_showing(name: &[u8]) -> bool {
    let names: [&[u8]; 10] = [
        b"cat",
        b"du",
        b"egrep",
        b"fgrep",
        b"grep",
        b"head",
        b"md5sum",
        b"sha256sum",
        b"tail",
        b"wc",
    ];
    names.contains(&name)
}

fn starts_with_dash(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

/// Splits `NAME=VALUE`; what stands before the `=` need not be a name, as env
/// has it.
fn assignment(word: &OsStr) -> Option<(OsString, OsString)> {
    let bytes = word.as_encoded_bytes();
    let equals = bytes.iter().position(|byte| *byte == b'=')?;
    let (name, value) = bytes.split_at_checked(equals)?;
    let name = path_of(name).into_os_string();
    Some((name, path_of(value.get(1..)?).into_os_string()))
}

/// Splits the value of `env -S`, where it holds nothing that env would undo.
fn split(value: &[u8]) -> Option<Vec<OsString>> {
    if value
        .iter()
        .any(|byte| matches!(byte, b'\\' | b'$' | b'#' | b'"' | b'\''))
    {
        return None;
    }
    let words = value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    Some(words.map(|word| path_of(word).into_os_string()).collect())
}
