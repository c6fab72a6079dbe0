//! What gate knows of a tool's command line, as tables.
//!
//! The tables of the built-in tools are compiled in: `build/` turns each file
//! of `profiles/` into a `static`, sorted and checked, so that nothing is
//! parsed when a command runs. A profile that is read at run time fits the same
//! types, and is checked by the same code: `source`. `docs/profiles.md`
//! describes the files.

mod builtin;
mod flag;
mod implicit;
mod listed;
mod load;
mod operations;
mod own;
mod runs;
mod search;
#[expect(
    dead_code,
    reason = "what names files beside a profile is read by the build script alone"
)]
mod source;
mod spec;

pub(crate) use builtin::EVERY_TOOL;
pub use builtin::{builtin, find_builtin};
pub use flag::*;
pub use implicit::{ImplicitSource, ImplicitSpec};
pub(crate) use own::OwnProfile;
pub use own::{ProfileSummary, Profiles, UsedProfile};
pub use runs::{Changes, FlagRuns, Place, RunsReading, RunsSpec};
pub use spec::*;
