//! Commands inside other programs, most of all `strace`. That one kills on the way into a call to the
//! system: the one before is done then, and this one is not.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// So many numbers in a row at which nothing dies are beyond the last call: `strace` counts the
/// calls of each thread by itself, and may pass over one as a thread begins.
const BEYOND: usize = 3;

/// Returns the command in the hands of another program, with its own environment alone and in its
/// own folder. `outer` is that program with its words, or empty.
pub fn inside<Word: AsRef<OsStr>>(outer: &[Word], command: &Command) -> Command {
    let program = command.get_program();
    let outer = outer.iter().map(AsRef::as_ref);
    let mut words = outer.chain([program]).chain(command.get_args());
    let mut inside = Command::new(words.next().unwrap_or(program));
    inside.args(words).env_clear().stdin(Stdio::null());
    // One that is taken away is not there anyway.
    let variables = command.get_envs();
    inside.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        inside.current_dir(folder);
    }
    inside
}

/// Returns a `strace` that kills what makes the call of this name and number, be it the command or
/// something that it starts.
pub fn killing(call: &str, number: usize) -> Vec<String> {
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:signal=KILL:when={number}");
    let words = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &inject,
    ];
    words.map(str::to_owned).to_vec()
}

/// Tries every `step`-th number of a call until nothing dies there any more, and returns how often
/// something has died. `has_died` is given the number and the program inside which
/// that call kills.
///
/// # Panics
/// Something still dies beyond `most`.
pub fn kill_at_each(
    call: &str,
    most: usize,
    step: usize,
    mut has_died: impl FnMut(usize, &[String]) -> bool,
) -> usize {
    let (mut kills, mut without) = (0, 0);
    for number in (1..most).step_by(step) {
        if has_died(number, &killing(call, number)) {
            (kills, without) = (kills + 1, 0);
        } else {
            without += 1;
        }
        if without == BEYOND {
            return kills;
        }
    }
    unreachable!("it never got beyond its last `{call}`");
}
