//! Scripts of a shell: what `bash -c` is handed, what a file or the standard
//! input holds, what another tool passes to one.
//!
//! [`parser`] and the files beside it read the text by the grammar of POSIX and
//! what bash, ksh and zsh add alike; [`run`] follows what would happen. What
//! can't be known of a command makes it `unknown`.

mod arithmetic;
mod builtin;
mod calculation;
mod declare;
mod exit;
mod expand;
mod feed;
mod grammar;
mod names;
mod options;
mod parser;
mod pattern;
mod printed;
mod redirect;
mod redirection;
mod run;
mod scope;
mod simple;
mod syntax;
mod trap;
mod word;

use std::path::PathBuf;

use crate::command_line::{CommandLine, Environment, FileError, FileKind, Stdin};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Place, Placement};
use crate::read::inner::Nesting;
use crate::read::words::{Operand, Parsed, shown};
use crate::read::{MAX_SCRIPT_BYTES, path_of};
use feed::Feed;
pub(crate) use parser::Dialect;
use printed::Secrets;
use run::{MAX_STEPS, Runner, ShellInput};
use scope::Scope;
use trap::Traps;

/// A script that a command hands to a shell.
pub(crate) struct Handed<'h> {
    pub(crate) text: &'h [u8],
    pub(crate) dialect: Dialect,
    pub(crate) place: Place,
    /// The word of argv that the text stands in, and where it starts there;
    /// nothing where it is not written so in one word.
    pub(crate) origin: Option<(usize, usize)>,
    /// The word of argv that it comes from, however it is made.
    pub(crate) within: Option<usize>,
    pub(crate) env: Environment,
    pub(crate) cwd: PathBuf,
    /// `$0` and the words behind it, where they are known.
    pub(crate) words: Option<Vec<Vec<u8>>>,
    /// Whether start-up files run before it.
    pub(crate) is_login: bool,
    /// Whether the standard input is the script itself.
    pub(crate) is_stdin: bool,
    /// Whether the shell shows each command before it runs.
    pub(crate) is_traced: bool,
}

/// Reads a script and adds what its commands do.
pub(crate) fn run(
    line: &CommandLine<'_>,
    nesting: Nesting<'_>,
    handed: Handed<'_>,
    invocation: &mut Invocation,
) {
    let Some(nesting) = nesting.deeper() else {
        let why = "there are more commands in it, or they stand deeper, than gate reads";
        invocation.add(Effect::Unknown, why);
        return;
    };
    let is_elsewhere = handed.place == Place::Elsewhere;
    let mut scope = Scope::new(handed.env, handed.cwd, handed.dialect);
    scope.is_login = handed.is_login || is_elsewhere;
    scope.words = handed.words;
    let (input, feed) = if handed.is_stdin {
        (ShellInput::Script, Feed::Script)
    } else {
        (ShellInput::Outer, Feed::Outer)
    };
    let mut runner = Runner {
        line,
        nesting,
        invocation,
        dialect: handed.dialect,
        place: handed.place,
        within: handed.within,
        is_single: !handed.is_stdin,
        is_dry: false,
        steps: MAX_STEPS,
        calls: 0,
        exits: Vec::new(),
        traps: Traps::default(),
        input,
        is_traced: handed.is_traced,
        dropped: None,
        secrets: Secrets::new(line.env, handed.place),
    };
    runner.text(handed.text, handed.origin, &mut scope, &feed);
    runner.run_traps();
}

/// Reads what a shell that is called itself runs: the text behind `-c`, a file,
/// or the standard input.
pub(crate) fn read(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    nesting: Nesting<'_>,
    invocation: &mut Invocation,
) {
    let is_on = |name: &str| parsed.uses.iter().any(|used| used.name == name && used.on);
    let is_given = |value: &[u8]| parsed.uses.iter().any(|used| used.value == Some(value));
    if !parsed.problems.is_empty() || ["help", "version"].into_iter().any(is_on) {
        return;
    }
    let operands = &parsed.operands;
    doubt_words(parsed, invocation);
    let mut words: Vec<Vec<u8>> = operands.iter().map(|one| one.bytes.to_vec()).collect();
    let handed = Handed {
        text: b"",
        dialect: dialect(&parsed.spec.name),
        place: Place::Here,
        origin: None,
        within: None,
        env: line.env.clone(),
        cwd: line.cwd.to_owned(),
        words: None,
        // zsh reads one of them in any case.
        is_login: is_on("login") || parsed.spec.name == "zsh",
        is_stdin: false,
        is_traced: is_on("xtrace") || is_given(b"xtrace"),
    };
    let name = line.argv.first();
    let name = name.map_or(Vec::new(), |name| name.as_encoded_bytes().to_vec());
    if is_on("command") {
        let Some(text) = operands.first() else {
            invocation.add(Effect::Unknown, "`-c` has no command");
            return;
        };
        words.remove(0);
        if words.is_empty() {
            words.push(name);
        }
        let handed = Handed {
            text: text.bytes,
            origin: Some((text.argv_index, 0)),
            within: Some(text.argv_index),
            words: Some(words),
            ..handed
        };
        run(line, nesting, handed, invocation);
    } else if let Some(script) = operands.first().filter(|_| !is_on("stdin")) {
        let words = Some(words);
        read_file(
            line,
            nesting,
            (script, Handed { words, ..handed }),
            invocation,
        );
    } else {
        words.insert(0, name);
        let handed = Handed {
            words: Some(words),
            is_stdin: true,
            ..handed
        };
        read_stdin(line, nesting, handed, invocation);
    }
}

/// Says what of the words of a shell is no script although it looks like one,
/// or is one more.
fn doubt_words(parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let is_on = |name: &str| parsed.uses.iter().any(|used| used.name == name && used.on);
    let first = parsed.operands.first().map(|first| first.bytes);
    if first.is_some_and(|first| first == b"-" || first.starts_with(b"+")) {
        let why = "a word that begins with `+`, or is `-`, is an option";
        invocation.add(Effect::Unknown, why);
    }
    if is_on("command") && is_on("stdin") && parsed.spec.name != "bash" {
        let why = "some shells run the standard input behind `-c`, too";
        invocation.add(Effect::Unknown, why);
    }
}

/// What a script can ask for its own name by, in one shell or another, and find others
/// beside itself.
const OWN_NAME: &[&str] = &[
    "$0",
    "${0",
    "${!",
    "(%)",
    ".sh.file",
    "BASH_SOURCE",
    "BASH_ARGV",
    "BASH_LINENO",
    "ZSH_",
    "caller",
    "funcfile",
    "funcsource",
    "functrace",
    "/proc",
    // The first of all positional parameters is the name.
    "@:",
    "*:",
    "%)",
    "print -",
];
/// What tells processes by the names that they were started by.
const PROCESSES: &[&[u8]] = &[b"pgrep", b"pidof", b"pkill", b"ps"];
/// What takes in text that may ask for the name, or makes a word that does.
const TAKES_IN: &[&[u8]] = &[b"source", b"eval", b"trap", b"emulate", b"alias"];
/// Commands to which `.` is the folder that they work in.
#[rustfmt::skip]
const TAKE_FOLDERS: &[&[u8]] = &[
    b"cd", b"cp", b"docker", b"du", b"find", b"git", b"grep", b"ls", b"mv", b"podman", b"rg", b"rsync", b"tar",
];

/// Reads a script in a file. One that may ask where it is, is read there; for any other a
/// copy can stand.
fn read_file(
    line: &CommandLine<'_>,
    nesting: Nesting<'_>,
    (script, handed): (&Operand<'_>, Handed<'_>),
    invocation: &mut Invocation,
) {
    let path = line.cwd.join(path_of(script.bytes));
    let text = line.files.read(&path);
    invocation.inputs.push(Input {
        argv_index: Some(script.argv_index),
        range: 0..script.bytes.len(),
        placement: match (&text, line.files.kind(&path)) {
            // A wrapper may close the copy.
            _ if !nesting.is_outermost() => Placement::InPlace,
            (Ok(text), Some(FileKind::File)) => placement_of(text),
            // What changed while it was read is copied again, or not bound at all.
            (Err(FileError::Unreadable(_)), Some(FileKind::File)) => Placement::Anywhere,
            _ => Placement::InPlace,
        },
        ..Input::unnamed(InputKind::File, path_of(script.bytes), "script")
    });
    match text {
        Ok(text) => run(
            line,
            nesting,
            Handed {
                text: &text,
                ..handed
            },
            invocation,
        ),
        Err(problem) => {
            let name = shown(script.bytes);
            let reason = format!("can't read script `{name}`: {problem}");
            invocation.add(Effect::Unknown, &reason);
        }
    }
}

/// Tells where a script may stand when the shell reads it.
fn placement_of(text: &[u8]) -> Placement {
    let asks = |name: &&str| text.windows(name.len()).any(|part| part == name.as_bytes());
    let is_within = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let mut words = text.split(|byte| !is_within(*byte));
    let has_processes = words.any(|word| PROCESSES.contains(&word));
    let is_long = text.len() > MAX_SCRIPT_BYTES;
    if is_long || has_processes || OWN_NAME.iter().any(asks) || takes_in_text(text) {
        Placement::InPlace
    } else {
        Placement::Anywhere
    }
}

/// Tells whether a word may be a command that takes in text: `.` where it is not plainly a folder.
fn takes_in_text(text: &[u8]) -> bool {
    let commands = text.split(|byte| b"\n\r;&|(){}!`".contains(byte));
    commands.into_iter().any(|command| {
        let words = command.split(|byte| byte.is_ascii_whitespace() || b"'\"\\".contains(byte));
        let mut words = words.filter(|word| !word.is_empty());
        let first = words.clone().next().unwrap_or_default();
        let is_folder = TAKE_FOLDERS.contains(&first);
        words.any(|word| TAKES_IN.contains(&word) || (word == b"." && !is_folder))
    })
}

fn read_stdin(
    line: &CommandLine<'_>,
    nesting: Nesting<'_>,
    handed: Handed<'_>,
    invocation: &mut Invocation,
) {
    invocation.add_script_at_stdin();
    match line.stdin {
        Stdin::Content(text) if text.len() <= MAX_SCRIPT_BYTES => {
            run(line, nesting, Handed { text, ..handed }, invocation);
        }
        Stdin::Content(_) => {
            invocation.add(Effect::Unknown, "the script is longer than gate reads");
        }
        Stdin::Terminal => invocation.add(
            Effect::Unknown,
            "the shell would run what a person types, which nobody can judge beforehand",
        ),
        Stdin::Absent | Stdin::Unread => invocation.add(
            Effect::Unknown,
            "the shell would run standard input, which was not given",
        ),
    }
}

fn dialect(tool: &str) -> Dialect {
    match tool {
        "bash" => Dialect::Bash,
        "zsh" | "ksh" => Dialect::Zsh,
        _ => Dialect::Posix,
    }
}
