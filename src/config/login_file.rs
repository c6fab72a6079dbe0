//! What `gate login` remembers: the server and its pinned key. The file is
//! gate's own, so that the user's `config.toml` is never rewritten.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use gate_client::ServerUrl;
use gate_protocol::inert::inert;

use super::file::ConfigFile;
use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::layout::Layout;
use crate::trust;

/// Reads what was remembered.
pub(super) fn read(layout: &Layout) -> Result<Option<(PathBuf, ConfigFile)>, Failure> {
    super::read_layer(layout.login_file(), trust::Owner::Caller)
}

/// Remembers `server` as the one to ask, with its pinned key.
///
/// # Errors
/// There is no folder for it, or it can't be written.
pub(crate) fn remember_server(
    layout: &Layout,
    server: &ServerUrl,
    key: &str,
) -> Result<PathBuf, Failure> {
    let path = path(layout)?;
    let mut text = String::from("# Written by `gate login`; removed by `gate logout`.\n");
    // Writing to a String can't fail; both values are free of quotes by type.
    let _ = write!(
        text,
        "[server]\nurl = '{server}'\n\n[keys]\n'{server}' = '{key}'\n"
    );
    durable::replace(&path, text.as_bytes()).map_err(|error| cannot_write(&path, error))?;
    Ok(path)
}

/// Forgets the server that was remembered.
///
/// # Errors
/// The file is there and can't be removed.
pub(crate) fn forget_server(layout: &Layout) -> Result<(), Failure> {
    let path = path(layout)?;
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(cannot_write(&path, error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn path(layout: &Layout) -> Result<PathBuf, Failure> {
    layout.login_file().ok_or_else(|| {
        Failure::new(
            FailureKind::Configuration,
            "there is no folder for gate's configuration",
        )
        .hint("set HOME or XDG_CONFIG_HOME to a folder that you can write")
    })
}

fn cannot_write(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(
        FailureKind::Internal,
        format!("cannot write `{}`", inert(&path.to_string_lossy())),
    )
    .caused_by(error)
}
