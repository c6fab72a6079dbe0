//! The expression of find: what it runs, removes and writes.

use std::ffi::OsString;

use super::inner::{Inner, Nesting, Origin, absorb};
use super::secret_files::{aims, reveals, stand_below};
use super::words::{Operand, Parsed, shown};
use super::wrapped::{is_showing, only_names};
use crate::command_line::{CommandLine, Stdin};
use crate::effect::Effect;
use crate::invocation::{Invocation, Place};

/// Tests and actions without a value that only look.
const PLAIN: &[&[u8]] = &[
    b"-a",
    b"-and",
    b"-o",
    b"-or",
    b"-not",
    b"!",
    b"(",
    b")",
    b",",
    b"-print",
    b"-print0",
    b"-ls",
    b"-prune",
    b"-quit",
    b"-depth",
    b"-d",
    b"-mount",
    b"-xdev",
    b"-empty",
    b"-true",
    b"-false",
    b"-executable",
    b"-readable",
    b"-writable",
    b"-nogroup",
    b"-nouser",
    b"-daystart",
    b"-follow",
    b"-noleaf",
    b"-warn",
    b"-nowarn",
    b"-ignore_readdir_race",
    b"-H",
    b"-L",
    b"-P",
    b"--help",
    b"-help",
    b"-version",
    b"--version",
];
/// Those with one value.
const WITH_VALUE: &[&[u8]] = &[
    b"-name",
    b"-iname",
    b"-path",
    b"-ipath",
    b"-wholename",
    b"-iwholename",
    b"-regex",
    b"-iregex",
    b"-lname",
    b"-ilname",
    b"-type",
    b"-xtype",
    b"-size",
    b"-mtime",
    b"-atime",
    b"-ctime",
    b"-mmin",
    b"-amin",
    b"-cmin",
    b"-newer",
    b"-anewer",
    b"-cnewer",
    b"-perm",
    b"-user",
    b"-group",
    b"-uid",
    b"-gid",
    b"-links",
    b"-inum",
    b"-samefile",
    b"-fstype",
    b"-used",
    b"-maxdepth",
    b"-mindepth",
    b"-regextype",
    b"-printf",
    b"-context",
    b"-D",
];
/// Those that write to the file behind them, and how many words follow it.
const WRITES: &[(&[u8], usize)] = &[
    (b"-fprint", 0),
    (b"-fprint0", 0),
    (b"-fls", 0),
    (b"-fprintf", 1),
];

/// Reads the words behind `find`.
pub(super) fn read(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    nesting: Nesting<'_>,
    invocation: &mut Invocation,
) {
    let mut at = 0;
    let words: Vec<&[u8]> = parsed
        .operands
        .iter()
        .map(|operand| operand.bytes)
        .collect();
    while let Some(word) = words.get(at).copied() {
        at += 1;
        if WITH_VALUE.contains(&word) || is_newer(word) {
            at += 1;
        } else if let Some((_, more)) = WRITES.iter().find(|(name, _)| *name == word) {
            let file = words.get(at).copied().unwrap_or_default();
            if file != b"/dev/null" && file != b"/dev/stdout" {
                let reason = format!("it writes to the file `{}`", shown(file));
                invocation.add(Effect::Write, &reason);
            }
            at += 1 + more;
        } else if matches!(word, b"-exec" | b"-execdir" | b"-ok" | b"-okdir") {
            let rest = words.get(at..).unwrap_or_default();
            let length = rest.iter().enumerate().position(|(index, word)| {
                let before = index.checked_sub(1).and_then(|before| rest.get(before));
                *word == b";" || (*word == b"+" && before == Some(&&b"{}"[..]))
            });
            let Some(length) = length else {
                invocation.add(Effect::Unknown, "the command that it runs has no end");
                return;
            };
            let is_elsewhere = matches!(word, b"-execdir" | b"-okdir");
            let operands = parsed.operands.get(at..at + length).unwrap_or_default();
            if shows_files(operands) && finds_secrets(line, &words) {
                let why = "what it finds can hold secrets";
                invocation.add(Effect::Secret, why);
            }
            run(line, operands, is_elsewhere, nesting, invocation);
            at += length + 1;
        } else if word == b"-delete" {
            invocation.add(Effect::Destroy, "`-delete` removes what it finds");
        } else if word.starts_with(b"-") && !PLAIN.contains(&word) && !word.starts_with(b"-O") {
            let word = shown(word);
            invocation.add(
                Effect::Unknown,
                format!("gate does not know `{word}` of find"),
            );
        }
    }
}

/// `-newerXY` compares with a file or a time.
fn is_newer(word: &[u8]) -> bool {
    let letters = word.strip_prefix(b"-newer").unwrap_or_default();
    letters.len() == 2 && letters.iter().all(|letter| b"aBcmt".contains(letter))
}

/// Tells whether a command shows files that it is given and does no more,
/// whichever they are, with what is found as words of their own.
fn shows_files(operands: &[Operand<'_>]) -> bool {
    let mut words = operands.iter().map(|operand| operand.bytes);
    let holds_name = |word: &[u8]| word.windows(2).any(|two| two == b"{}");
    words.next().is_some_and(is_showing) && words.all(|word| word == b"{}" || !holds_name(word))
}

/// Tells whether files with secrets stand where it looks, or are what it looks
/// for.
fn finds_secrets(line: &CommandLine<'_>, words: &[&[u8]]) -> bool {
    let is_folder = |word: &&&[u8]| !word.starts_with(b"-") && !matches!(**word, b"(" | b"!");
    let folders: Vec<&&[u8]> = words.iter().take_while(is_folder).collect();
    let here = (line, line.cwd);
    (folders.is_empty() && stand_below(here, b"."))
        || folders.into_iter().any(|folder| stand_below(here, folder))
        || words.iter().any(|word| reveals(here, word) || aims(word))
}

/// Reads a command that it runs for what it finds. Which names it finds is not
/// known; that a file can have the name of an option is.
fn run(
    line: &CommandLine<'_>,
    operands: &[Operand<'_>],
    is_elsewhere: bool,
    nesting: Nesting<'_>,
    invocation: &mut Invocation,
) {
    let mut argv = Vec::new();
    let mut origins = Vec::new();
    for operand in operands {
        let word: Option<&OsString> = line.argv.get(operand.argv_index);
        argv.push(word.cloned().unwrap_or_default());
        origins.push(Some(Origin {
            argv_index: operand.argv_index,
            range: 0..operand.bytes.len(),
            is_verbatim: true,
        }));
    }
    let holds_name = |operand: &Operand<'_>| operand.bytes.windows(2).any(|two| two == b"{}");
    let mut doubts = Vec::new();
    if is_elsewhere {
        doubts.push("the folder that it starts in is not known".to_owned());
    }
    // What it finds begins with where it looks, so it is no option.
    let is_listed = only_names(argv.iter().map(|word| &**word)) || shows_files(operands);
    if operands.iter().any(holds_name) && !is_listed {
        doubts.push("the names of the files that it is run for are not known".to_owned());
    }
    let inner = Inner {
        argv,
        origins,
        within: None,
        env: line.env,
        inherits: true,
        cwd: line.cwd,
        stdin: Stdin::Absent,
        shares_stdin: false,
        fed: None,
        place: Place::Here,
        doubts,
    };
    absorb(line, nesting, &inner, invocation);
}
