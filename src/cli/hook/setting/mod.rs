//! Where an agent's hook is set, and how it is put there and taken out again.
//!
//! The files are the agent's and the user's: what gate does not put there stays byte for byte, and
//! what is taken out leaves what was there before.

mod diff;
mod file;
mod form;
mod json_text;
mod place;
mod spans;
mod switched;
mod toml_text;
mod whole;
mod yaml_text;

pub(super) use diff::diff;
pub(super) use file::Found;
pub(super) use form::Form;
pub(super) use place::{Place, Scope};

use gate_protocol::inert::inert;

/// Why a text of a file can't be changed: where, and how to mend it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// From one; nothing where it is the whole file.
    pub(super) line: Option<usize>,
    /// What is wrong, a fragment.
    pub(super) what: String,
    /// What to do.
    pub(super) mend: &'static str,
}

impl Mistake {
    fn new(line: Option<usize>, what: impl Into<String>, mend: &'static str) -> Self {
        Self {
            line,
            what: what.into(),
            mend,
        }
    }
}

/// Returns the line of an offset, from one.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    before.split(|byte| *byte == b'\n').count()
}

/// Returns a path as it is told.
pub(super) fn shown(path: &std::path::Path) -> String {
    inert(&path.to_string_lossy()).into_owned()
}
