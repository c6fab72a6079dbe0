//! The program that shims lead to.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use gate_exec::is_gate_program;
use gate_exec::resolve::refuse_untrusted;
use gate_protocol::inert::inert;

use crate::failure::{Failure, FailureKind};
use crate::layout::SHIM_PROGRAM;

/// What a shim leads to: the small program that lies beside the running gate,
/// and gate itself where there is none.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: PathBuf,
    is_small: bool,
}

impl Program {
    /// Finds it beside the running gate. Which file that is says the kernel.
    ///
    /// # Errors
    /// It can't be told, others could change it, or what has the small program's
    /// name is another one.
    pub(crate) fn beside_gate() -> Result<Self, Failure> {
        let gate = std::env::current_exe().map_err(|error| {
            Failure::new(
                FailureKind::Internal,
                "cannot tell which program gate itself is",
            )
            .caused_by(error)
            .hint("mount /proc")
        })?;
        let small = gate.with_file_name(SHIM_PROGRAM);
        let (path, is_small) = match File::open(&small) {
            Ok(file) if is_gate_program(&file) => (small, true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (gate, false),
            Ok(_) | Err(_) => {
                return Err(Failure::new(
                    FailureKind::Configuration,
                    format!("`{}` is no program of gate's", shown(&small)),
                )
                .hint("install gate again, or remove that file: shims then lead to gate itself"));
            }
        };
        refuse_untrusted(&path).map_err(|error| {
            Failure::new(
                FailureKind::Configuration,
                format!("shims can't lead to `{}`", shown(&path)),
            )
            .caused_by(error)
            .hint("install gate where nobody but root and you can write, as in /usr/local/bin")
        })?;
        Ok(Self { path, is_small })
    }

    /// Tells whether it is the small program, and not gate itself.
    pub(crate) fn is_small(&self) -> bool {
        self.is_small
    }

    /// Returns its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn shown(path: &Path) -> String {
    inert(&path.to_string_lossy()).into_owned()
}
