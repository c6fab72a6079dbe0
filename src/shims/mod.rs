//! Folders of shims: which names may have one, what a shim leads to, and what a
//! name on PATH meets.
//!
//! A shim is a symbolic link with the name of a tool. It leads to the small
//! program beside gate, or to gate itself, which know by that name what they stand
//! before. That a link is a shim is told by the program that it leads to, never by
//! where it lies.

mod folder;
mod lookup;
mod names;
mod program;

pub(crate) use folder::{Leads, Made, Shim, ShimFolder, known};
pub(crate) use lookup::{Candidate, Lookup, Met, OnPath, entries, position};
pub(crate) use names::{refuse, refuse_path, wrapped_by_all};
pub(crate) use program::{LOADER, Program};
