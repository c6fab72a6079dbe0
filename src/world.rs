//! What a run of gate starts from: environment, working directory, the paths
//! of its files and the configuration. Captured once, at the start; nothing
//! below reads the process's environment again.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use gate_exec::resolve::PASSED_VARIABLE;
use gate_policy::Profiles;

use crate::config::{self, Configuration};
use crate::failure::Failure;
use crate::layout::Layout;

/// The process's surroundings as they were at the start.
pub(crate) struct World {
    /// The environment in the caller's own order, byte for byte, also what has
    /// no `=` in it.
    pub(crate) environment: Vec<CString>,
    /// The working directory as the kernel names it.
    pub(crate) cwd: PathBuf,
    /// Where gate keeps what.
    pub(crate) layout: Layout,
    by_name: BTreeMap<OsString, OsString>,
    passed: Option<OsString>,
    configuration: OnceCell<Configuration>,
    profiles: OnceCell<Arc<Profiles>>,
}

impl World {
    /// Looks around.
    pub(crate) fn capture() -> Self {
        let mut environment = gate_exec::inherited_environment();
        // It is for gate alone: no tool gets it, and no rule sees it.
        let mut passed = None;
        environment.retain(|entry| match split(entry) {
            Some((name, value)) if name == PASSED_VARIABLE => {
                passed.get_or_insert_with(|| value.to_owned());
                false
            }
            _ => true,
        });
        // As getenv(3): the first of equal names is the one that counts.
        let mut by_name = BTreeMap::new();
        for (name, value) in environment.iter().filter_map(|entry| split(entry)) {
            by_name
                .entry(name.to_owned())
                .or_insert_with(|| value.to_owned());
        }
        // A deleted working directory still has a name in /proc; the tool
        // would start in it too.
        let cwd = std::env::current_dir()
            .or_else(|_| std::fs::read_link("/proc/self/cwd"))
            .unwrap_or_default();
        let layout = Layout::find(|name| by_name.get(OsStr::new(name)).cloned());
        Self {
            environment,
            cwd,
            layout,
            by_name,
            passed,
            configuration: OnceCell::new(),
            profiles: OnceCell::new(),
        }
    }

    /// Returns each variable with its value, in the caller's order; a name may stand twice.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.environment.iter().filter_map(split)
    }

    /// Returns a variable's value; an empty one counts as not set.
    pub(crate) fn env_os(&self, name: &str) -> Option<&OsStr> {
        self.by_name
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns a variable's value as it is, empty or not.
    pub(crate) fn variable(&self, name: &OsStr) -> Option<&OsStr> {
        self.by_name.get(name).map(OsString::as_os_str)
    }

    /// Returns a variable's value as text; lossy where it is not UTF-8.
    pub(crate) fn env(&self, name: &str) -> Option<String> {
        self.env_os(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// Returns what a gate before this one in the same process says of version managers that
    /// lead back.
    pub(crate) fn passed(&self) -> Option<&OsStr> {
        self.passed.as_deref()
    }

    /// Returns the configuration, read on first use.
    ///
    /// # Errors
    /// A file is there and can't be read, trusted or understood.
    pub(crate) fn configuration(&self) -> Result<&Configuration, Failure> {
        if let Some(configuration) = self.configuration.get() {
            return Ok(configuration);
        }
        let configuration = Configuration::load(self)?;
        Ok(self.configuration.get_or_init(|| configuration))
    }

    /// Returns the tool profiles in force, read on first use: what a command was read by
    /// is what its rules are checked by.
    ///
    /// # Errors
    /// A file is there and can't be read, trusted or understood.
    pub(crate) fn profiles(&self) -> Result<&Arc<Profiles>, Failure> {
        if let Some(profiles) = self.profiles.get() {
            return Ok(profiles);
        }
        let profiles = Arc::new(config::profiles(self)?);
        Ok(self.profiles.get_or_init(|| profiles))
    }
}

/// Returns name and value of an entry of the environment; none where it has no `=`.
pub(crate) fn split(entry: &CString) -> Option<(&OsStr, &OsStr)> {
    let bytes = entry.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=')?;
    let (name, value) = bytes.split_at_checked(at)?;
    Some((OsStr::from_bytes(name), OsStr::from_bytes(value.get(1..)?)))
}
