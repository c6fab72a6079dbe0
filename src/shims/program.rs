//! The program that shims lead to.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use gate_exec::is_gate_program;
use gate_exec::resolve::refuse_untrusted;
use gate_protocol::inert::inert;

use crate::failure::{Failure, FailureKind};
use crate::layout::SHIM_PROGRAM;

/// What is to be known of a program that the system's loader starts.
pub(crate) const LOADER: &str = "the program behind the shims is linked dynamically: whoever sets \
    LD_PRELOAD or LD_AUDIT goes around it; those of the packages are not (docs/packaging.md)";

/// The entry of an ELF file's table that names the loader.
const PT_INTERP: u32 = 3;

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

    /// Tells whether the system's loader starts it, which runs what `LD_PRELOAD` names first.
    pub(crate) fn asks_loader(&self) -> bool {
        has_interpreter(&self.path).unwrap_or(false)
    }

    /// Returns its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Tells whether a program names a loader that starts it.
///
/// Source: elf(5), for files of 64 bits in this machine's byte order.
fn has_interpreter(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    let mut header = [0; 64];
    file.read_exact_at(&mut header, 0)?;
    let (entries, size, count) = (
        number(&header, 32, 8),
        number(&header, 54, 2),
        number(&header, 56, 2),
    );
    for index in 0..count {
        let mut kind = [0; 4];
        file.read_exact_at(&mut kind, entries.saturating_add(index * size))?;
        if u32::from_ne_bytes(kind) == PT_INTERP {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the number that stands in so many bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let mut wide = [0; 8];
    let found = bytes.get(at..at + length).unwrap_or_default();
    let place = if cfg!(target_endian = "big") {
        8 - length
    } else {
        0
    };
    if let Some(to) = wide.get_mut(place..place + found.len()) {
        to.copy_from_slice(found);
    }
    u64::from_ne_bytes(wide)
}

fn shown(path: &Path) -> String {
    inert(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_names_a_loader_is_told_from_one_that_does_not() {
        let own = std::env::current_exe().unwrap();
        let mut bytes = std::fs::read(&own).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        let entries = usize::try_from(number(&bytes, 32, 8)).unwrap();
        let (size, count) = (number(&bytes, 54, 2), number(&bytes, 56, 2));
        for index in 0..count {
            let at = entries + usize::try_from(index * size).unwrap();
            if number(&bytes, at, 4) == u64::from(PT_INTERP) {
                bytes[at..at + 4].copy_from_slice(&[0; 4]);
            }
        }
        std::fs::write(&copy, bytes).unwrap();
        assert!(!has_interpreter(&copy).unwrap());
        assert!(has_interpreter(Path::new("/bin/sh")).unwrap());
        std::fs::write(&copy, "#!/bin/sh\n").unwrap();
        assert!(has_interpreter(&copy).is_err());
    }
}
