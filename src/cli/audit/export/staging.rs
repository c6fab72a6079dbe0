//! A folder that appears whole or not at all.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use gate_protocol::inert::inert;

use crate::durable;
use crate::failure::{Failure, FailureKind};

/// A folder that nobody knows yet; removed unless it is published.
pub(in crate::cli::audit) struct Staging {
    path: PathBuf,
}

impl Staging {
    pub(in crate::cli::audit) fn make(out: &Path) -> Result<Self, Failure> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| {
            Failure::new(FailureKind::Internal, "cannot get random bytes").caused_by(error)
        })?;
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:016x}", u64::from_ne_bytes(random)));
        let staging = Self {
            path: out.with_file_name(name),
        };
        let made = DirBuilder::new().mode(0o700).create(&staging.path);
        made.map_err(|error| staging.failed(error))?;
        Ok(staging)
    }

    pub(in crate::cli::audit) fn create(&self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path.join(name))
    }

    /// Returns where a file of it is for now.
    pub(in crate::cli::audit) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file, in folders below that are made where they are missing.
    pub(in crate::cli::audit) fn put(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let folder = self.path.join(name);
        let folder = folder.parent().unwrap_or(&self.path);
        let put = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .and_then(|()| self.create(name))
            .and_then(|mut file| {
                file.write_all(content)?;
                file.sync_all()
            })
            .and_then(|()| durable::sync_folder(folder));
        put.map_err(|error| self.failed(error))
    }

    pub(in crate::cli::audit) fn publish(self, out: &Path) -> Result<(), Failure> {
        let parent = out
            .parent()
            .filter(|path| !path.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        durable::sync_folder(&self.path)
            .and_then(|()| std::fs::rename(&self.path, out))
            .and_then(|()| durable::sync_folder(parent))
            .map_err(|error| self.failed(error))
    }

    pub(in crate::cli::audit) fn failed(&self, error: io::Error) -> Failure {
        let shown = inert(&self.path.to_string_lossy()).into_owned();
        Failure::new(
            FailureKind::Internal,
            format!("cannot write the export to `{shown}`"),
        )
        .caused_by(error)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After a publication there is nothing of this name; before it, what is
        // left is of no use, and its removal may fail as its writing did.
        drop(std::fs::remove_dir_all(&self.path));
    }
}
