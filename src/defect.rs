//! What a panic becomes: a line of ours, and the end of the process with the
//! code that says that gate itself failed. Nothing was run because of it, or
//! nothing more is: a permit that was not used dies with what unwinds.

use std::any::Any;
use std::panic::{PanicHookInfo, UnwindSafe};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use gate_protocol::inert::inert;

use crate::exit_code::Ending;
use crate::failure::{Failure, FailureKind};
use crate::progress::{About, Voice};

/// Who is told. A panic can come from any thread and at any time, so this is the
/// process's, as its stderr is.
static VOICE: OnceLock<Voice> = OnceLock::new();
/// Whether a tool was started, and may have done its work.
static STARTED: AtomicBool = AtomicBool::new(false);

/// Runs the whole of gate, and makes a panic in it the ending of one that failed.
///
/// A panic of another thread, or of a task of the server, is told too, and ends
/// what waits for it by an error, as before; gate goes on.
pub(crate) fn guarded(gate: impl FnOnce() -> Ending + UnwindSafe) -> Ending {
    std::panic::set_hook(Box::new(tell));
    std::panic::catch_unwind(gate).unwrap_or_else(|_| {
        let failure = end(STARTED.load(Ordering::SeqCst));
        let ending = Ending::from(failure.kind());
        // Nothing more is done than to say it: not even the environment is read.
        voice().last(&failure, ending, &|_| None);
        ending
    })
}

/// Says who is told of a panic from here on: a person, where nobody says it.
pub(crate) fn told_to(voice: Voice) {
    // It is said once, by the one command that this process is.
    let _ = VOICE.set(voice);
}

/// Notes that a tool was started: of what comes now nobody can say that nothing ran.
pub(crate) fn tool_started() {
    STARTED.store(true, Ordering::SeqCst);
}

fn voice() -> Voice {
    VOICE.get().copied().unwrap_or(Voice::Human)
}

/// Tells of a panic when it comes. Whether gate ends by it is not known here: a
/// runtime catches what a task of its own does.
fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let what = format!(
        "a part of gate failed: {} (at {})",
        inert(words(panic.payload())),
        place.as_deref().map_or("an unknown place".into(), inert)
    );
    let next = "tell who maintains it, with `gate --version`";
    voice().note(About::Defect, &[what, next.to_owned()]);
}

/// Returns the end of a gate that can't go on.
fn end(started: bool) -> Failure {
    if started {
        return Failure::new(
            FailureKind::OutcomeLost,
            "gate itself failed and ends here, after it had started the command",
        )
        .hint("it may have done its work: look at its effects first");
    }
    Failure::new(
        FailureKind::Internal,
        "gate itself failed: it ends here and starts nothing",
    )
}

/// Returns what `panic!` was given: text, in one of two forms.
fn words(payload: &dyn Any) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_that_nothing_ran_when_a_tool_was_started() {
        assert_eq!(end(false).kind(), FailureKind::Internal);
        assert_eq!(end(true).kind(), FailureKind::OutcomeLost);
        let said = end(true).lines().join("\n");
        assert!(!said.contains("starts nothing"), "{said}");
    }
}
