//! The commands that sqlite3 is given.

use crate::mutation::Way::{As, Between, First};
use crate::mutation::{BESIDE, INSIDE, QUOTED, Statements, WITH, WRITTEN, Way, disguised};
use crate::spelling::{command, switched};
use crate::{Case, Dice, Kind};

const ORDINARY: &str = include_str!("ordinary.txt");
const DAILY: &str = include_str!("daily.txt");
const WRITES: &str = include_str!("writes.txt");
const COMMANDS: &str = include_str!("commands.txt");
const LINES: &str = include_str!("lines.txt");

/// Switches that only change how something is printed.
const QUIET: [&str; 10] = [
    "-batch",
    "--batch",
    "-bail",
    "-csv",
    "--json",
    "-header",
    "-list",
    "-box",
    "--noheader",
    "-table",
];

/// What statements are made of.
const STATEMENTS: Statements = Statements {
    ordinary: ORDINARY,
    others: WRITES,
    ways: &[
        WITH,
        &[As("with w as materialized ({other}) {text}")],
        INSIDE,
        &[As("explain query plan {text}")],
        BESIDE,
        WRITTEN,
        QUOTED,
        &[
            As("{text};\n.headers on\n{other}"),
            As("{text}\n.headers on\n{other}"),
            Between(&["\ngo\n", "\n/\n", "\n;\n", "\n# x\n", "\n--\n"]),
            First("t", "`t`"),
        ],
    ],
};
/// A disguise that only this client takes for the statement.
const DISGUISES: [Way; 1] = [As("select 'a;\n.tables '; {text}")];

/// Hands a text to sqlite3 in one of the ways that it takes one.
fn given(dice: &mut Dice, kind: Kind, shape: &'static str, text: &str) -> Case {
    let case = Case::new(kind, shape, vec!["sqlite3".to_owned()]);
    let case = switched(dice, case, &QUIET);
    // A command of the shell ends with its line, a statement with its semicolon.
    let end = if text.starts_with('.') { "" } else { ";" };
    let whole = format!("{text}{end}\n");
    let is_daily = kind == Kind::Read;
    match dice.below(if is_daily { 5 } else { 11 }) {
        0 => case.with_words(&["app.db", text]),
        1 => case.with_words(&["app.db"]).with_stdin(&whole),
        2 => case.with_words(&["-cmd", text, "app.db", "select 1"]),
        3 => case
            .with_words(&["app.db", ".read given.sql"])
            .with_file("given.sql", &whole),
        4 => case.with_words(&["app.db", "select 1", text]),
        5 => case
            .with_words(&["-init", "given.sql", "app.db", "select 1"])
            .with_file("given.sql", &whole),
        6 => case
            .with_words(&["app.db"])
            .with_stdin(&format!("select 1;\n{whole}.tables\n")),
        7 => case
            .with_words(&["app.db", "select 1"])
            .with_file("../home/.sqliterc", &whole),
        8 => case
            .with_words(&["app.db"])
            .with_stdin(&format!("{text}\n{}\n", dice.pick(&["go", "/", ";"]))),
        9 => {
            let case = case.with_words(&["app.db"]);
            let case = case.with_stdin(".read outer.sql\n");
            case.with_file("outer.sql", "select 1;\n.read given.sql\n")
                .with_file("given.sql", &whole)
        }
        _ => case
            .with_words(&["-interactive", "app.db"])
            .with_stdin(&whole),
    }
}

/// Returns a command.
pub fn case(dice: &mut Dice) -> Case {
    match dice.below(100) {
        0..28 => {
            let text = dice.line(ORDINARY);
            given(dice, Kind::Read, "daily-read", text)
        }
        28..36 => command(Kind::Read, "daily-read", "sqlite3", dice.line(DAILY)),
        36..42 => {
            let text = dice.line(WRITES);
            given(dice, Kind::Change, "daily-change", text)
        }
        42..55 => {
            let text = dice.line(WRITES);
            let text = disguised(dice, text, &DISGUISES);
            given(dice, Kind::Attack, "hidden-write", &text)
        }
        55..75 => {
            let text = STATEMENTS.mutated(dice);
            given(dice, Kind::Attack, "mutated", &text)
        }
        75..88 => {
            let text = dice.line(COMMANDS);
            given(dice, Kind::Attack, "dot-command", text)
        }
        _ => command(Kind::Attack, "around", "sqlite3", dice.line(LINES)),
    }
}
