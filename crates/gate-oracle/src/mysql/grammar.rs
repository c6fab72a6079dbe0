//! The commands that mysql is given.

use crate::mutation::changed;
use crate::spelling::command;
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

/// Hands a text to mysql in one of the ways that it takes one.
fn given(dice: &mut Dice, kind: Kind, shape: &'static str, text: &str) -> Case {
    let name = dice.pick(&["mysql", "mysql", "mariadb"]);
    let mut case = Case::new(kind, shape, vec![name.to_owned()]);
    for _ in 0..dice.below(3) {
        case.argv.push(dice.pick(&QUIET).to_owned());
    }
    let whole = format!("{text};\n");
    let with = |mut case: Case, words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned());
        case.argv.extend(words);
        case
    };
    let ways = if kind == Kind::Read { 6 } else { 11 };
    match dice.below(ways) {
        0 => with(case, &["shop", "-e", text]),
        1 => with(case, &["-D", "shop", &format!("--execute={text}")]),
        2 => with(case, &[&format!("-e{text}"), "shop"]),
        3 => with(case, &["shop"]).with_stdin(&format!("{text}\n")),
        4 => with(case, &["shop"]).with_stdin(&whole),
        5 => with(case, &["shop", "-e", "select 1", "-e", text]),
        6 => with(case, &["shop", "-e", "source given.sql"]).with_file("given.sql", &whole),
        7 => with(case, &["shop", "-e", "\\. given.sql"])
            .with_file("given.sql", &format!("{text}\n")),
        8 => with(
            case,
            &["shop", &format!("--init-command={text}"), "-e", "select 1"],
        ),
        9 => with(case, &["shop"]).with_stdin(&format!("select 1;\n{text}\nselect 2;\n")),
        _ => with(case, &["shop"])
            .with_stdin("source outer.sql\n")
            .with_file("outer.sql", "select 1;\n\\. given.sql\n")
            .with_file("given.sql", &whole),
    }
}

/// Writes a statement in another way that says the same.
fn disguised(dice: &mut Dice, text: &str) -> String {
    match dice.below(9) {
        0 => format!("/* select */ {text}"),
        1 => format!("select 1; {text}"),
        2 => format!("-- select 1\n{text}"),
        3 => text.replace(' ', "\n"),
        4 => format!("begin; {text}; commit"),
        5 => format!("/*! {text} */"),
        6 => format!("select 'a;\nstatus '; {text}"),
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
    match dice.below(25) {
        0 => format!("with w as ({text}) select 1 from w"),
        1 => format!("with w as ({other}) {text}"),
        2 => format!("select * from ({text}) as w"),
        3 => format!("select 1 where exists ({text})"),
        4 => format!("explain {text}"),
        5 => format!("analyze {text}"),
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
        18 => format!("{text};\nstatus\n{other}"),
        19 => format!("{text}\nstatus;\n{other}"),
        20 => text.replacen(' ', " /*! ", 1) + " */",
        21 => text.replacen(' ', " /* ", 1) + " */",
        22 => text.replacen('\'', "\\'", 1),
        23 => format!(
            "{text}{}{other}",
            dice.pick(&["\\G", "\\g", "\\c", "#", "\n-- \n", "\n# x\n"])
        ),
        _ => text.replacen('t', "`t`", 1),
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
            let text = disguised(dice, text);
            given(dice, Kind::Attack, "hidden-write", &text)
        }
        56..76 => {
            let text = mutated(dice);
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
