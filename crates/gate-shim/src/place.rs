//! Where what the shim reads and writes lies.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use gate_exec::effective_user;
use gate_policy::Environment;

/// The machine owner's folder. While it is there, only root's own compiled policy counts.
pub const MACHINE: &str = "/etc/gate";
/// The policy that root compiled for this machine, in a folder of its own that everybody can read.
pub const OF_MACHINE: &str = "/var/lib/gate-shims/policy";
/// The name of a project's own rules: the nearest at or above the working directory counts.
pub const PROJECT_RULES: &str = ".gate.toml";

/// The variables that say where gate's files are and which server's rules count. A compiled policy
/// is for one value of each.
pub const VARIABLES: [&str; 5] = [
    "GATE_CONFIG",
    "GATE_SERVER",
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
];

/// Returns gate's state folder, where the environment names it plainly.
///
/// Source: XDG Base Directory Specification 0.8.
pub(crate) fn state(env: &Environment) -> Option<PathBuf> {
    let absolute = |value: &OsStr| Path::new(value).is_absolute().then(|| PathBuf::from(value));
    let base = match env.get("XDG_STATE_HOME").and_then(absolute) {
        Some(state) => state,
        None => absolute(env.get("HOME")?)?.join(".local/state"),
    };
    Some(base.join("gate"))
}

/// Tells whether the caller may have settings or rules of its own, which a policy that root compiled
/// for everybody does not hold.
pub(crate) fn has_own_settings(env: &Environment, state: &Path) -> bool {
    let is_named = |name| env.get(name).is_some_and(|value| !value.is_empty());
    let config = match env.get("XDG_CONFIG_HOME").map(Path::new) {
        Some(config) if config.is_absolute() => Some(config.to_owned()),
        // Without a home in the environment gate looks for one elsewhere.
        _ => {
            let home = env.get("HOME").map(Path::new);
            let home = home.filter(|home| home.is_absolute());
            home.map(|home| home.join(".config"))
        }
    };
    is_named("GATE_CONFIG")
        || is_named("GATE_SERVER")
        || config.is_none_or(|config| may_be_below(&config, "gate"))
        || may_be_below(state, "rules")
}

/// Returns where the caller's own compiled policy is, by gate's state folder.
#[must_use]
pub fn compiled(state: &Path) -> PathBuf {
    state.join("policy")
}

/// Returns where the caller's shims keep what they allowed, by the folder of the queue that it goes
/// into.
#[must_use]
pub fn journal(spool: &Path) -> PathBuf {
    spool.join("allowed")
}

/// Returns the folder of that queue, by gate's state folder.
pub(crate) fn spool(state: &Path) -> PathBuf {
    state.join("spool")
}

/// Tells whether nobody but root and the caller can take a record out of the folder of the queue,
/// or put another folder in its place.
pub(crate) fn is_callers_own(spool: &Path) -> bool {
    let caller = effective_user();
    let is_own = |folder: &Path| {
        let found = folder.symlink_metadata();
        found.is_ok_and(|found| {
            let is_theirs = found.uid() == caller || found.uid() == 0;
            found.is_dir() && is_theirs && found.mode() & 0o022 == 0
        })
    };
    is_own(spool) && spool.parent().is_some_and(is_own)
}

/// Tells whether this machine may have rules of its owner: it has where nobody can look.
#[must_use]
pub fn has_owner() -> bool {
    may_be_there(Path::new(MACHINE))
}

fn may_be_there(path: &Path) -> bool {
    let found = path.symlink_metadata();
    !found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Tells whether something of that name may be in a folder: it may where the way there ends in a link
/// that leads nowhere, which somebody made for what is to be there.
fn may_be_below(folder: &Path, name: &str) -> bool {
    let leads_nowhere = |at: &Path| {
        let found = at.symlink_metadata().ok()?;
        Some(found.is_symlink() && std::fs::metadata(at).is_err())
    };
    may_be_there(&folder.join(name)) || folder.ancestors().find_map(leads_nowhere) == Some(true)
}

/// Tells whether a project's rules may stand at or above `cwd`.
pub(crate) fn may_have_project_rules(cwd: &Path) -> bool {
    let cwd = cwd.as_os_str().as_bytes();
    let mut folder = cwd.strip_suffix(b"/").unwrap_or(cwd);
    loop {
        let path = [folder, b"/", PROJECT_RULES.as_bytes()].concat();
        if may_be_there(Path::new(OsStr::from_bytes(&path))) {
            return true;
        }
        let above = folder.iter().rposition(|byte| *byte == b'/');
        match above.and_then(|slash| folder.get(..slash)) {
            Some(above) => folder = above,
            None => return false,
        }
    }
}
