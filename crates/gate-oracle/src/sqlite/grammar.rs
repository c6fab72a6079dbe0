//! The commands that sqlite3 is given.

use crate::mutation::changed;
use crate::spelling::command;
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

/// Hands a text to sqlite3 in one of the ways that it takes one.
fn given(dice: &mut Dice, kind: Kind, shape: &'static str, text: &str) -> Case {
    let mut words = vec!["sqlite3".to_owned()];
    for _ in 0..dice.below(3) {
        words.push(dice.pick(&QUIET).to_owned());
    }
    // A command of the shell ends with its line, a statement with its semicolon.
    let end = if text.starts_with('.') { "" } else { ";" };
    let whole = format!("{text}{end}\n");
    let is_daily = kind == Kind::Read;
    let mut case = Case::new(kind, shape, words);
    let with = |mut case: Case, words: &[&str]| {
        case.argv
            .extend(words.iter().map(|word| (*word).to_owned()));
        case
    };
    match dice.below(if is_daily { 5 } else { 11 }) {
        0 => with(case, &["app.db", text]),
        1 => with(case, &["app.db"]).with_stdin(&whole),
        2 => with(case, &["-cmd", text, "app.db", "select 1"]),
        3 => with(case, &["app.db", ".read given.sql"]).with_file("given.sql", &whole),
        4 => with(case, &["app.db", "select 1", text]),
        5 => {
            with(case, &["-init", "given.sql", "app.db", "select 1"]).with_file("given.sql", &whole)
        }
        6 => with(case, &["app.db"]).with_stdin(&format!("select 1;\n{whole}.tables\n")),
        7 => with(case, &["app.db", "select 1"]).with_file("../home/.sqliterc", &whole),
        8 => with(case, &["app.db"])
            .with_stdin(&format!("{text}\n{}\n", dice.pick(&["go", "/", ";"]))),
        9 => {
            case = with(case, &["app.db"]).with_stdin(".read outer.sql\n");
            case.with_file("outer.sql", "select 1;\n.read given.sql\n")
                .with_file("given.sql", &whole)
        }
        _ => with(case, &["-interactive", "app.db"]).with_stdin(&whole),
    }
}

/// Writes a statement in another way that says the same.
fn disguised(dice: &mut Dice, text: &str) -> String {
    match dice.below(8) {
        0 => format!("/* select */ {text}"),
        1 => format!("select 1; {text}"),
        2 => format!("-- select 1\n{text}"),
        3 => text.replace(' ', "\n"),
        4 => format!("begin; {text}; commit"),
        5 => format!("select 'a;\n.tables '; {text}"),
        _ => text.to_owned(),
    }
}

fn line(dice: &mut Dice) -> &'static str {
    // What starts from a read ends more often as something that gate calls one.
    let text = if dice.chance(65) { ORDINARY } else { WRITES };
    dice.line(text)
}

/// Returns a statement that was made of those that are written down.
fn mutated(dice: &mut Dice) -> String {
    let mut text = line(dice).to_owned();
    for _ in 0..=dice.below(3) {
        text = if dice.chance(60) {
            changed(dice, &text, line)
        } else {
            wrapped(dice, &text)
        };
    }
    text
}

/// Puts a statement into another one, or writes it in another way.
fn wrapped(dice: &mut Dice, text: &str) -> String {
    let other = line(dice);
    match dice.below(22) {
        0 => format!("with w as ({text}) select 1 from w"),
        1 => format!("with w as materialized ({other}) {text}"),
        2 => format!("select * from ({text}) as w"),
        3 => format!("select 1 where exists ({text})"),
        4 => format!("explain {text}"),
        5 => format!("explain query plan {text}"),
        6 => format!("begin; {text}; commit"),
        7 => format!("{text}; {other}"),
        8 => format!("{other};{text}"),
        9 => format!("{text} union all {other}"),
        10 => format!("values (({text}))"),
        11 => text.replacen('1', &format!("({other})"), 1),
        12 => text.replace(' ', "/**/"),
        13 => text.replace(' ', "\n\t"),
        14 => text.to_uppercase(),
        15 => format!("/* {other} */ {text} -- {other}"),
        16 => text.replace('\'', "\""),
        17 => text.replacen('\'', "'';", 1),
        18 => format!("{text};\n.headers on\n{other}"),
        19 => format!("{text}\n.headers on\n{other}"),
        20 => format!(
            "{text}\n{}\n{other}",
            dice.pick(&["go", "/", ";", "# x", "--"])
        ),
        _ => text.replacen('t', "`t`", 1),
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
            let text = disguised(dice, text);
            given(dice, Kind::Attack, "hidden-write", &text)
        }
        55..75 => {
            let text = mutated(dice);
            given(dice, Kind::Attack, "mutated", &text)
        }
        75..88 => {
            let text = dice.line(COMMANDS);
            given(dice, Kind::Attack, "dot-command", text)
        }
        _ => command(Kind::Attack, "around", "sqlite3", dice.line(LINES)),
    }
}
