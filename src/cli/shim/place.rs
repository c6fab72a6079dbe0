//! Which shims are meant, and in which folder.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use gate_protocol::inert::inert;

use crate::failure::{Failure, FailureKind};
use crate::shims::ShimFolder;
use crate::world::World;

/// Which shims are meant. What `all` is for is each command's own to say.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The tools, by their names
    #[arg(value_name = "TOOL", required_unless_present = "all")]
    pub(super) tools: Vec<OsString>,
    /// All of them
    #[arg(long, conflicts_with = "tools")]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

/// The folder of shims.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The folder of the shims, instead of the one among your data.
    #[arg(long, value_name = "DIR", conflicts_with = "system")]
    dir: Option<PathBuf>,
    /// This machine's folder, /usr/local/lib/gate/shims, which is root's.
    #[arg(long)]
    system: bool,
}

impl Place {
    /// Returns the folder that is meant.
    ///
    /// # Errors
    /// None is named, and there is no home.
    pub(crate) fn folder(&self, world: &World) -> Result<ShimFolder, Failure> {
        let path = match &self.dir {
            _ if self.system => return Ok(ShimFolder::of_machine(world.layout.machine_shims())),
            Some(dir) if dir.as_os_str().is_empty() => {
                return Err(Failure::new(FailureKind::Usage, "--dir names no folder")
                    .hint("write --dir DIR"));
            }
            Some(dir) => world.cwd.join(dir),
            None => world.layout.user_shims()?,
        };
        Ok(ShimFolder::at(path))
    }

    /// Tells whether a folder is named, by either option.
    pub(crate) fn is_named(&self) -> bool {
        self.system || self.dir.is_some()
    }

    /// Returns the options that name it, as a shell reads them, each behind a blank.
    pub(crate) fn options(&self, world: &World) -> String {
        match &self.dir {
            _ if self.system => " --system".to_owned(),
            Some(dir) => named(&world.cwd.join(dir)),
            None => String::new(),
        }
    }
}

/// Returns the option that names a folder, as a shell reads it, behind a blank.
pub(crate) fn named(folder: &Path) -> String {
    format!(" --dir {}", word(folder.as_os_str()))
}

/// Returns a word for a hint, in quotes where a shell needs them.
fn word(text: &OsStr) -> String {
    let text = inert(&text.to_string_lossy()).into_owned();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if text.bytes().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
