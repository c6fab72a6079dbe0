//! The commands that terraform is given.

use crate::spelling::command;
use crate::{Case, Dice, Kind};

const READS: &str = include_str!("reads.txt");
const WRITES: &str = include_str!("writes.txt");
const ATTACKS: &str = include_str!("attacks.txt");

/// Flags that say nothing, and values that pose as something else.
const CAMOUFLAGE: [&str; 12] = [
    "-no-color",
    "--no-color",
    "-lock=false",
    "-lock-timeout=1s",
    "-input=false",
    "-var=x=plan",
    "-compact-warnings",
    "-parallelism=1",
    "-help=false",
    "-refresh=false",
    "-no-color=true",
    "-json=false",
];
/// Folders that are read instead of the working one, and files that are read beside the others.
const FOUND: [(&str, &str); 6] = [
    ("x.auto.tfvars", "replicas = 0\n"),
    (
        "main_override.tf",
        "resource \"terraform_data\" \"web\" {\n  count = 0\n}\n",
    ),
    (
        "backend.tf",
        "terraform {\n  backend \"local\" {\n    path = \"moved.tfstate\"\n  }\n}\n",
    ),
    (".terraform/environment", "other"),
    (
        "external.tf",
        "data \"external\" \"x\" {\n  program = [\"canary\"]\n}\n",
    ),
    ("check.tftest.hcl", "run \"x\" {\n  command = apply\n}\n"),
];

/// Puts words behind the subcommand or at the end.
fn disguised(dice: &mut Dice, mut case: Case) -> Case {
    for _ in 0..dice.below(3) {
        let word = dice.pick(&CAMOUFLAGE).to_owned();
        let place = 1 + dice.below(case.argv.len());
        case.argv.insert(place, word);
    }
    if dice.chance(15) {
        let (path, text) = dice.pick(&FOUND);
        return case.with_file(path, text);
    }
    case
}

/// Spells `-x` as `--x`, and `-x=y` as `-x y` where the flag takes a value.
fn respelled(dice: &mut Dice, mut case: Case) -> Case {
    const VALUED: [&str; 5] = ["-var", "-var-file", "-target", "-out", "-replace"];
    let is_double = dice.chance(25);
    let is_split = dice.chance(25);
    let mut argv = Vec::new();
    for word in case.argv {
        match word.split_once('=') {
            Some((name, value)) if is_split && VALUED.contains(&name) => {
                argv.extend([name.to_owned(), value.to_owned()]);
            }
            _ if is_double && word.starts_with('-') && !word.starts_with("--") => {
                argv.push(format!("-{word}"));
            }
            _ => argv.push(word),
        }
    }
    case.argv = argv;
    case
}

/// Returns a command.
pub fn case(dice: &mut Dice) -> Case {
    match dice.below(100) {
        0..40 => {
            let case = command(Kind::Read, "daily-read", "terraform", dice.line(READS));
            respelled(dice, case)
        }
        40..50 => {
            let case = command(Kind::Change, "daily-change", "terraform", dice.line(WRITES));
            respelled(dice, case)
        }
        50..65 => {
            let case = command(Kind::Attack, "hidden-write", "terraform", dice.line(WRITES));
            let case = respelled(dice, case);
            disguised(dice, case)
        }
        65..72 => {
            let case = command(
                Kind::Attack,
                "read-among-files",
                "terraform",
                dice.line(READS),
            );
            let (path, text) = dice.pick(&FOUND);
            case.with_file(path, text)
        }
        _ => {
            let case = command(Kind::Attack, "attack", "terraform", dice.line(ATTACKS));
            if dice.chance(50) {
                disguised(dice, case)
            } else {
                case
            }
        }
    }
}
