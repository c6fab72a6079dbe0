//! The commands that the AWS CLI is given.

use crate::spelling::{command, words};
use crate::{Case, Dice, Kind};

const READS: &str = include_str!("reads.txt");
const WRITES: &str = include_str!("writes.txt");
const ATTACKS: &str = include_str!("attacks.txt");

/// Global flags of daily work, which may stand anywhere and be abbreviated.
const GLOBALS: [&str; 9] = [
    "--region us-east-1",
    "--region=eu-west-1",
    "--reg eu-west-1",
    "--profile dev",
    "--output json",
    "--output text",
    "--out table",
    "--no-paginate",
    "--query length(@)",
];
/// Values that pose as something else.
const POSING: [&str; 6] = [
    "--query describe-instances",
    "--region help",
    "--profile s3",
    "--query --dry-run",
    "--color off",
    "--cli-read-timeout 5",
];

/// Puts a flag before the service, before the operation or at the end.
fn with_flag(dice: &mut Dice, mut case: Case, flag: &str) -> Case {
    let place = match dice.below(4) {
        0 => 1,
        1 => 2,
        _ => case.argv.len(),
    };
    let place = place.min(case.argv.len());
    case.argv.splice(place..place, words(flag));
    case
}

fn flagged(dice: &mut Dice, mut case: Case, flags: &[&str]) -> Case {
    for _ in 0..dice.below(3) {
        let flag = dice.pick(flags).to_owned();
        case = with_flag(dice, case, &flag);
    }
    case
}

/// Returns a command.
pub fn case(dice: &mut Dice) -> Case {
    match dice.below(100) {
        0..40 => {
            let case = command(Kind::Read, "daily-read", "aws", dice.line(READS));
            flagged(dice, case, &GLOBALS)
        }
        40..50 => {
            let case = command(Kind::Change, "daily-change", "aws", dice.line(WRITES));
            flagged(dice, case, &GLOBALS)
        }
        50..62 => {
            let case = command(Kind::Attack, "hidden-write", "aws", dice.line(WRITES));
            flagged(dice, case, &POSING)
        }
        62..80 => {
            let case = command(Kind::Attack, "attack", "aws", dice.line(ATTACKS));
            flagged(dice, case, &GLOBALS)
        }
        _ => {
            // Any operation of any service: the stage knows their names.
            let operation = format!("{{op:{}}}", dice.below(1 << 30));
            let argv = ["aws", &operation, "--cli-input-json", "{}"];
            Case::new(
                Kind::Attack,
                "any-operation",
                argv.map(str::to_owned).to_vec(),
            )
        }
    }
}
