//! The tool profiles that a command was read by, where they are not built in. An approval
//! under one profile is none under another: their files are bound as inputs are.

use std::path::{Path, PathBuf};

use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInput, Delivery};
use gate_protocol::masked::MaskedText;

use super::{changed, hash, shown};
use crate::failure::Failure;
use crate::reading::Reading;
use crate::world::World;

/// One profile, as the command was read by it.
#[derive(Debug)]
pub(super) struct Profile {
    path: PathBuf,
    sha256: Digest,
}

impl Profile {
    /// Looks at it again.
    ///
    /// # Errors
    /// It says something else now, or is gone.
    pub(super) fn again(&self) -> Result<(), Failure> {
        let found = std::fs::File::open(&self.path).and_then(hash);
        match found {
            Ok((sha256, _)) if sha256 == self.sha256 => Ok(()),
            Ok(_) | Err(_) => Err(changed(&format!("the profile `{}`", shown(&self.path)))),
        }
    }
}

/// Returns every profile that a command was read by, with what is bound of it.
///
/// # Errors
/// One can't be hashed.
pub(super) fn behind(
    world: &World,
    reading: &Reading,
) -> Result<(Vec<BoundInput>, Vec<Profile>), Failure> {
    let profiles = world.profiles()?;
    let mut bound = Vec::new();
    let mut found = Vec::new();
    for used in reading.invocation.profiles() {
        let path = Path::new(&used.source);
        let gone = || changed(&format!("the profile `{}`", shown(path)));
        // What was read is hashed, not what stands there by now.
        let text = profiles.text_of(used).ok_or_else(gone)?;
        let (sha256, size_bytes) = hash(text.as_bytes()).map_err(|_| gone())?;
        bound.push(BoundInput {
            role: "profile".to_owned(),
            name: MaskedText::plain(used.source.as_bytes()),
            sha256,
            size_bytes,
            delivery: Delivery::Rechecked,
            content: None,
        });
        found.push(Profile {
            path: path.to_owned(),
            sha256,
        });
    }
    Ok((bound, found))
}
