//! Rules that are compiled anew while commands are judged by them.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::ground::{DENIED, Front, Matrix, SYSTEM};
use crate::stage::run;

/// How often the rules are another.
const TURNS: usize = 12;

#[test]
fn a_policy_is_put_in_the_place_of_the_one_before_and_never_written_over_it() {
    let matrix = Matrix::of(Front::Shim);
    let policy = matrix.stage.home.state().join("gate/policy");
    let mut held = fs::File::open(&policy).unwrap();
    let (before, inode) = (fs::read(&policy).unwrap(), held.metadata().unwrap().ino());
    say(&matrix, "kubectl", "logs");
    assert_ne!(fs::read(&policy).unwrap(), before);
    assert_ne!(fs::metadata(&policy).unwrap().ino(), inode);
    // Who has the one before mapped goes on with it to its end.
    let mut left = Vec::new();
    held.read_to_end(&mut left).unwrap();
    assert_eq!(left, before);
    // And nothing half-written stays beside it.
    let names = fs::read_dir(policy.parent().unwrap()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let beside: Vec<_> = names.filter(|name| name.contains("policy")).collect();
    assert_eq!(beside, ["policy"]);
}

#[test]
fn while_rules_are_compiled_every_command_is_judged_by_those_before_or_behind() {
    let matrix = Matrix::of(Front::Shim);
    let path = format!("shims:real:{SYSTEM}");
    let is_over = AtomicBool::new(false);
    let call = |words: &str| run(&mut matrix.sh(&path, &format!("exec kubectl {words}")));
    thread::scope(|scope| {
        let reader = |words: &'static str, codes: &'static [i32]| {
            let (call, is_over) = (&call, &is_over);
            move || {
                let mut count = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let ran = call(words);
                    let is_one = ran.code.is_some_and(|code| codes.contains(&code));
                    assert!(is_one, "{words}: {ran:?}");
                    count += 1;
                }
                assert!(count > 0, "{words}");
            }
        };
        scope.spawn(reader("get pods", &[0]));
        scope.spawn(reader("delete namespace prod", &[DENIED]));
        scope.spawn(reader("logs web", &[0, DENIED]));
        for turn in 0..TURNS {
            let command = if turn % 2 == 0 { "logs" } else { "nothing" };
            say(&matrix, "kubectl", command);
            let expected = if turn % 2 == 0 { DENIED } else { 0 };
            assert_eq!(call("logs web").code, Some(expected), "{turn}");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let calls = matrix.calls();
    let is_denied = |call: &String| call.contains("delete");
    assert!(!calls.iter().any(is_denied), "{calls:?}");
}

/// Writes a rule that denies a command, and compiles all rules.
fn say(matrix: &Matrix, tool: &str, command: &str) {
    let rule = format!(
        "[[rule]]\nid = \"t/turn\"\ntool = \"{tool}\"\ncommand = \"{command}\"\ndecision = \"deny\"\n"
    );
    let home = &matrix.stage.home;
    // Whoever reads it meanwhile finds it whole.
    let written = home.write("turn", rule).unwrap();
    let file = home.path().join(".config/gate/rules.d/turn.toml");
    fs::rename(written, file).unwrap();
    matrix.compile();
}
