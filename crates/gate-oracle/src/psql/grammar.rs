//! The commands that psql is given.

use crate::spelling::command;
use crate::{Case, Dice, Kind};

const READS: &str = include_str!("reads.txt");
const WRITES: &str = include_str!("writes.txt");
const SCRIPTS: &str = include_str!("scripts.txt");
const LINES: &str = include_str!("lines.txt");

/// Switches that only change how something is printed.
const QUIET: [&str; 8] = ["-X", "-A", "-t", "-q", "-w", "-x", "--csv", "--no-psqlrc"];

/// Hands a text to psql in one of the ways that it takes one.
fn given(dice: &mut Dice, kind: Kind, shape: &'static str, text: &str) -> Case {
    let mut words: Vec<String> = vec!["psql".to_owned()];
    for _ in 0..dice.below(3) {
        words.push(dice.pick(&QUIET).to_owned());
    }
    // A meta-command ends with its line, a statement with its semicolon.
    let end = if text.starts_with('\\') { "" } else { ";" };
    let is_daily = kind == Kind::Read;
    let mut case = Case::new(kind, shape, words);
    let way = dice.below(if is_daily { 6 } else { 9 });
    // psql takes more than one meta-command, or one beside SQL, from a script only.
    let is_script = text.contains("\\\\") || text.contains(" \\");
    match if is_script { 4 + way % 2 } else { way } {
        0 => case.argv.extend(["-c".to_owned(), text.to_owned()]),
        1 => case.argv.push(format!("--command={text}")),
        2 => case.argv.extend(["-Atc".to_owned(), text.to_owned()]),
        3 => case.argv.push(format!("-Xc{text}")),
        4 => {
            case.argv.extend(["-f".to_owned(), "given.sql".to_owned()]);
            return case.with_file("given.sql", &format!("{text}{end}\n"));
        }
        5 => return case.with_stdin(&format!("{text}{end}\n")),
        6 => case
            .argv
            .extend(["-c", "select 1", "-c", text].map(str::to_owned)),
        7 => case
            .argv
            .extend(["--comm", text, "-d", "shop"].map(str::to_owned)),
        _ => {
            case.argv
                .extend(["shop", "-f", "outer.sql"].map(str::to_owned));
            let inner = format!("select 1;\n{text}{end}\n");
            return case
                .with_file("outer.sql", "\\i given.sql\n")
                .with_file("given.sql", &inner);
        }
    }
    case
}

/// Hands a statement to psql as the only thing that it runs.
pub(super) fn given_alone(text: &str) -> Case {
    let words = ["psql", "-X", "-A", "-t", "-c", text].map(str::to_owned);
    Case::new(Kind::Attack, "statement", words.to_vec())
}

/// Writes a statement in another way that says the same.
fn disguised(dice: &mut Dice, text: &str) -> String {
    match dice.below(7) {
        0 => format!("/* select */ {text}"),
        1 => format!("select 1; {text}"),
        2 => format!("-- select 1\n{text}"),
        3 => text.replace(' ', "\n"),
        4 => format!("begin; {text}; commit"),
        _ => text.to_owned(),
    }
}

/// Returns a command.
pub fn case(dice: &mut Dice) -> Case {
    match dice.below(100) {
        0..38 => {
            let text = dice.line(READS);
            given(dice, Kind::Read, "daily-read", text)
        }
        38..42 => command(
            Kind::Read,
            "daily-read",
            "psql",
            dice.pick(&[
                "-l",
                "--list",
                "--version",
                "--help",
                "-V",
                "-Xl",
                "-lqt",
                "-At -l",
                "--help=variables",
            ]),
        ),
        42..50 => {
            let text = dice.line(WRITES);
            given(dice, Kind::Change, "daily-change", text)
        }
        50..72 => {
            let text = dice.line(WRITES);
            let text = disguised(dice, text);
            given(dice, Kind::Attack, "hidden-write", &text)
        }
        72..85 => {
            let text = dice.line(SCRIPTS);
            given(dice, Kind::Attack, "backslash", text)
        }
        _ => command(Kind::Attack, "around", "psql", dice.line(LINES)),
    }
}
