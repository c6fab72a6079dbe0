//! The commands that mysql is given.

use crate::mutation::Way::{As, Between, First, FirstAndEnd};
use crate::mutation::{BESIDE, INSIDE, QUOTED, Statements, WITH, WRITTEN, Way, disguised};
use crate::spelling::{command, switched};
use crate::{Case, Dice, Kind};

const ORDINARY: &str = include_str!("ordinary.txt");
const DAILY: &str = include_str!("daily.txt");
const WRITES: &str = include_str!("writes.txt");
const COMMANDS: &str = include_str!("commands.txt");
const SETTINGS: &str = include_str!("settings.txt");
const LINES: &str = include_str!("lines.txt");

/// Switches that only change how something is printed.
const QUIET: [&str; 10] = [
    "-A",
    "-B",
    "-N",
    "-s",
    "-t",
    "-E",
    "--batch",
    "--raw",
    "--no-beep",
    "--skip-column-names",
];

/// What statements are made of.
const STATEMENTS: Statements = Statements {
    ordinary: ORDINARY,
    others: WRITES,
    ways: &[
        WITH,
        &[As("with w as ({other}) {text}")],
        INSIDE,
        &[As("analyze {text}")],
        BESIDE,
        WRITTEN,
        QUOTED,
        &[
            As("{text};\nstatus\n{other}"),
            As("{text}\nstatus;\n{other}"),
            FirstAndEnd(" ", " /*! ", " */"),
            FirstAndEnd(" ", " /* ", " */"),
            First("'", "\\'"),
            Between(&["\\G", "\\g", "\\c", "#", "\n-- \n", "\n# x\n"]),
            First("t", "`t`"),
        ],
    ],
};
/// Disguises that only this client takes for the statement.
const DISGUISES: [Way; 2] = [As("/*! {text} */"), As("select 'a;\nstatus '; {text}")];

/// Hands a text to mysql in one of the ways that it takes one.
fn given(dice: &mut Dice, kind: Kind, shape: &'static str, text: &str) -> Case {
    let name = dice.pick(&["mysql", "mysql", "mariadb"]);
    let case = Case::new(kind, shape, vec![name.to_owned()]);
    let case = switched(dice, case, &QUIET);
    let whole = format!("{text};\n");
    let ways = if kind == Kind::Read { 6 } else { 11 };
    match dice.below(ways) {
        0 => case.with_words(&["shop", "-e", text]),
        1 => case.with_words(&["-D", "shop", &format!("--execute={text}")]),
        2 => case.with_words(&[&format!("-e{text}"), "shop"]),
        3 => case.with_words(&["shop"]).with_stdin(&format!("{text}\n")),
        4 => case.with_words(&["shop"]).with_stdin(&whole),
        5 => case.with_words(&["shop", "-e", "select 1", "-e", text]),
        6 => case
            .with_words(&["shop", "-e", "source given.sql"])
            .with_file("given.sql", &whole),
        7 => case
            .with_words(&["shop", "-e", "\\. given.sql"])
            .with_file("given.sql", &format!("{text}\n")),
        8 => case.with_words(&["shop", &format!("--init-command={text}"), "-e", "select 1"]),
        9 => case
            .with_words(&["shop"])
            .with_stdin(&format!("select 1;\n{text}\nselect 2;\n")),
        _ => case
            .with_words(&["shop"])
            .with_stdin("source outer.sql\n")
            .with_file("outer.sql", "select 1;\n\\. given.sql\n")
            .with_file("given.sql", &whole),
    }
}

/// Returns a command with settings in the user's home.
fn configured(dice: &mut Dice) -> Case {
    let text = dice.line(SETTINGS);
    let words = ["mysql", "-e", "select 1"].map(str::to_owned).to_vec();
    Case::new(Kind::Attack, "settings", words)
        .with_file("../home/.my.cnf", &format!("{text}{{nl}}"))
}

/// Returns a command.
pub fn case(dice: &mut Dice) -> Case {
    match dice.below(100) {
        0..28 => {
            let text = dice.line(ORDINARY);
            given(dice, Kind::Read, "daily-read", text)
        }
        28..36 => command(Kind::Read, "daily-read", "mysql", dice.line(DAILY)),
        36..41 => {
            let text = dice.line(WRITES);
            given(dice, Kind::Change, "daily-change", text)
        }
        41..56 => {
            let text = dice.line(WRITES);
            let text = disguised(dice, text, &DISGUISES);
            given(dice, Kind::Attack, "hidden-write", &text)
        }
        56..76 => {
            let text = STATEMENTS.mutated(dice);
            given(dice, Kind::Attack, "mutated", &text)
        }
        76..86 => {
            let text = dice.line(COMMANDS);
            given(dice, Kind::Attack, "client-command", text)
        }
        86..90 => configured(dice),
        _ => command(Kind::Attack, "around", "mysql", dice.line(LINES)),
    }
}
