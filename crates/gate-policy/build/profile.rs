//! The types and the checks of profiles, as gate itself has them at run time.

#[path = "../src/profile/flag.rs"]
mod flag;
#[path = "../src/profile/implicit.rs"]
mod implicit;
#[path = "../src/profile/runs.rs"]
mod runs;
#[path = "../src/profile/source/mod.rs"]
pub(crate) mod source;
#[path = "../src/profile/spec.rs"]
mod spec;

pub(crate) use flag::*;
pub(crate) use implicit::*;
pub(crate) use runs::*;
pub(crate) use spec::*;
