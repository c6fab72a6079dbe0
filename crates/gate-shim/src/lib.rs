//! The small program that stands on PATH in front of a tool.
//!
//! Most of what people and agents run is allowed, and has to cost next to nothing: [`run`] reads
//! the command line, decides by a policy that was compiled before, and becomes the tool. It starts
//! no thread, opens no socket and parses no file of gate's own. Whatever is not plainly allowed, or
//! not plain, is the full `gate`'s to decide, which lies beside this program: it starts again from
//! the same words, and asks, denies or explains.
//!
//! The library is what both have in common: [`stamp`] says which files a compiled policy was made
//! of, [`in_force`] whether one decides, [`journal`] keeps what was allowed until somebody delivers
//! it, [`place`] names where.
#![forbid(unsafe_code)]

mod files;
pub mod in_force;
pub mod journal;
pub mod place;
mod plain;
mod report;
pub mod stamp;

use std::path::{Path, PathBuf};

use gate_exec::Start;

/// The exit code where gate itself failed.
const FAILED: i32 = 125;
/// The name of the full program beside this one.
const GATE: &str = "gate";

/// Runs the tool that this program was called as, or the full gate in its place. Returns only
/// where there is none.
#[expect(clippy::exit, reason = "behind a panic there is nothing to return to")]
pub fn run(start: Start) -> i32 {
    // What panics is no plain command: nobody is shown anything of it, and nothing is unwound.
    std::panic::set_hook(Box::new(move |_| std::process::exit(hand_over(&start))));
    plain::run(&start);
    hand_over(&start)
}

fn hand_over(start: &Start) -> i32 {
    let Some(gate) = full_program() else {
        report::line("cannot tell which program this is; mount /proc");
        return FAILED;
    };
    let error = start.become_program(&gate);
    report::line(&format!(
        "cannot start `{}`, which decides about this command: {error}; nothing was run",
        gate.display()
    ));
    FAILED
}

/// Returns the full gate: the one beside this program, whatever name or link it was called by.
fn full_program() -> Option<PathBuf> {
    let own = std::fs::read_link(Path::new("/proc/self/exe")).ok()?;
    Some(own.parent()?.join(GATE))
}
