//! Finds the tools that `tests/run` installed.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::RealError;

/// Where Debian and the `PostgreSQL` project put the version that the tests are written on, and that
/// `tests/run` installs whatever other versions are here.
const POSTGRES: &str = "/usr/lib/postgresql/15/bin";

/// Returns the folder in which `tests/run` keeps what it installs: `GATE_TESTBED`, or `gate-testbed` in
/// the user's cache folder.
pub fn testbed() -> PathBuf {
    if let Some(own) = env::var_os("GATE_TESTBED").filter(|value| !value.is_empty()) {
        return PathBuf::from(own);
    }
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .unwrap_or_else(|| PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cache"));
    cache.join("gate-testbed")
}

/// Returns the path of a tool: from the testbed where it has one, from PATH, or from the folder of
/// Postgres, whose server programs stand on nobody's PATH.
///
/// # Errors
/// [`RealError::ToolMissing`] when it is in none of them.
pub fn locate(tool: &str) -> Result<PathBuf, RealError> {
    let testbed = testbed();
    let mut folders = vec![testbed.join("venv/bin"), testbed.join("bin")];
    if let Some(path) = env::var_os("PATH") {
        // A relative entry names another program in each working directory.
        folders.extend(env::split_paths(&path).filter(|folder| folder.is_absolute()));
    }
    folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.push(PathBuf::from(POSTGRES));
    folders
        .into_iter()
        .map(|folder| folder.join(tool))
        .find(|path| is_executable(path))
        .ok_or_else(|| RealError::ToolMissing {
            tool: tool.to_owned(),
        })
}

/// Returns the path of a Postgres server program.
pub(crate) fn locate_postgres(tool: &str) -> Result<PathBuf, RealError> {
    let path = Path::new(POSTGRES).join(tool);
    if is_executable(&path) {
        return Ok(path);
    }
    Err(RealError::ToolMissing {
        tool: format!("{tool} of PostgreSQL 15"),
    })
}

/// Returns the folder into which `tests/run` unpacks `MariaDB`, which has no program on PATH.
///
/// # Errors
/// [`RealError::ToolMissing`] when it is not there.
pub(crate) fn locate_mariadb() -> Result<PathBuf, RealError> {
    let folder = testbed().join("mariadb/usr");
    if is_executable(&folder.join("sbin/mariadbd")) && is_executable(&folder.join("bin/mariadb")) {
        return Ok(folder);
    }
    Err(RealError::ToolMissing {
        tool: "mariadbd".to_owned(),
    })
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
