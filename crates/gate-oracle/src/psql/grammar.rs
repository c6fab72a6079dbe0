//! The commands that psql is given.

use crate::mutation::disguised;
use crate::spelling::{command, switched};
use crate::{Case, Dice, Kind};

const READS: &str = include_str!("reads.txt");
const WRITES: &str = include_str!("writes.txt");
const SCRIPTS: &str = include_str!("scripts.txt");
const LINES: &str = include_str!("lines.txt");

/// Switches that only change how something is printed.
const QUIET: [&str; 8] = ["-X", "-A", "-t", "-q", "-w", "-x", "--csv", "--no-psqlrc"];

/// Hands a text to psql in one of the ways that it takes one.
fn given(dice: &mut Dice, kind: Kind, shape: &'static str, text: &str) -> Case {
    let case = Case::new(kind, shape, vec!["psql".to_owned()]);
    let case = switched(dice, case, &QUIET);
    // A meta-command ends with its line, a statement with its semicolon.
    let end = if text.starts_with('\\') { "" } else { ";" };
    let whole = format!("{text}{end}\n");
    let is_daily = kind == Kind::Read;
    let way = dice.below(if is_daily { 6 } else { 9 });
    // psql takes more than one meta-command, or one beside SQL, from a script only.
    let is_script = text.contains("\\\\") || text.contains(" \\");
    match if is_script { 4 + way % 2 } else { way } {
        0 => case.with_words(&["-c", text]),
        1 => case.with_words(&[&format!("--command={text}")]),
        2 => case.with_words(&["-Atc", text]),
        3 => case.with_words(&[&format!("-Xc{text}")]),
        4 => case
            .with_words(&["-f", "given.sql"])
            .with_file("given.sql", &whole),
        5 => case.with_stdin(&whole),
        6 => case.with_words(&["-c", "select 1", "-c", text]),
        7 => case.with_words(&["--comm", text, "-d", "shop"]),
        _ => case
            .with_words(&["shop", "-f", "outer.sql"])
            .with_file("outer.sql", "\\i given.sql\n")
            .with_file("given.sql", &format!("select 1;\n{whole}")),
    }
}

/// Hands a statement to psql as the only thing that it runs.
pub(super) fn given_alone(text: &str) -> Case {
    let words = ["psql", "-X", "-A", "-t", "-c", text].map(str::to_owned);
    Case::new(Kind::Attack, "statement", words.to_vec())
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
            let text = disguised(dice, text, &[]);
            given(dice, Kind::Attack, "hidden-write", &text)
        }
        72..85 => {
            let text = dice.line(SCRIPTS);
            given(dice, Kind::Attack, "backslash", text)
        }
        _ => command(Kind::Attack, "around", "psql", dice.line(LINES)),
    }
}
