//! What this machine remembers of the logs that it has seen: by name, in a small file of gate's
//! state folder.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use gate_protocol::canonical::{from_strict_slice, to_canonical_bytes};
use gate_protocol::inert::inert;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::world::World;

/// One such file, as it was read.
pub(crate) struct Remembered<V> {
    path: PathBuf,
    /// What stands in it, for messages: "the pinned keys".
    what: &'static str,
    entries: BTreeMap<String, V>,
}

impl<V: Serialize + DeserializeOwned> Remembered<V> {
    /// Reads the file; where there is none, nothing is remembered.
    ///
    /// # Errors
    /// It can't be read, or was damaged.
    pub(crate) fn read(world: &World, file: &str, what: &'static str) -> Result<Self, Failure> {
        let mut remembered = Self {
            path: world.layout.state()?.join(file),
            what,
            entries: BTreeMap::new(),
        };
        match std::fs::read(&remembered.path) {
            Ok(bytes) => {
                remembered.entries = from_strict_slice(&bytes)
                    .map_err(|error| remembered.unreadable().caused_by(error))?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(remembered.unreadable().caused_by(error)),
        }
        Ok(remembered)
    }

    /// Returns what is remembered under a name.
    pub(crate) fn get(&self, name: &str) -> Option<&V> {
        self.entries.get(name)
    }

    /// Remembers a value, durably, in the place of an earlier one.
    ///
    /// # Errors
    /// The file can't be written.
    pub(crate) fn put(&mut self, name: String, value: V) -> Result<(), Failure> {
        self.entries.insert(name, value);
        let failed = || {
            Failure::new(
                FailureKind::Internal,
                format!("cannot write {} to `{}`", self.what, self.place()),
            )
        };
        let encoded = to_canonical_bytes(&self.entries);
        let encoded = encoded.map_err(|error| failed().caused_by(error))?;
        durable::replace(&self.path, &encoded).map_err(|error| failed().caused_by(error))
    }

    /// Returns where the file is, inert.
    pub(crate) fn place(&self) -> String {
        inert(&self.path.to_string_lossy()).into_owned()
    }

    /// Returns the failure of a file whose content is of no use.
    pub(crate) fn unreadable(&self) -> Failure {
        let text = format!("cannot read {} in `{}`", self.what, self.place());
        Failure::new(FailureKind::Configuration, text)
    }
}
