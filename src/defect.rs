//! What a panic becomes: a line of ours, and the end of the process with the
//! code that says that gate itself failed. Nothing was run because of it, or
//! nothing more is: a permit that was not used dies with what unwinds.

use std::any::Any;
use std::panic::{PanicHookInfo, UnwindSafe};

use gate_protocol::inert::inert;

use crate::exit_code::{self, Ending};
use crate::report;

/// Runs the whole of gate, and makes a panic in it the ending of one that failed.
///
/// A panic of another thread, or of a task of the server, is told too, and ends
/// what waits for it by an error, as before.
pub(crate) fn guarded(gate: impl FnOnce() -> Ending + UnwindSafe) -> Ending {
    std::panic::set_hook(Box::new(tell));
    std::panic::catch_unwind(gate).unwrap_or(Ending::Code(exit_code::INTERNAL))
}

fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    report::line(&format!(
        "gate itself failed: {} (at {})",
        inert(words(panic.payload())),
        place.as_deref().map_or("an unknown place".into(), inert)
    ));
    report::line("it ends here and starts nothing; tell who maintains it, with `gate --version`");
}

/// Returns what `panic!` was given: text, in one of two forms.
fn words(payload: &dyn Any) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no words")
}
