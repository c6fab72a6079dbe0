//! What `cargo run` adds to the environment of the program that it runs.
//!
//! It is meant for that program alone. In the demo's shell it would make every
//! read ask, since `LD_LIBRARY_PATH` decides which code a tool loads.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::world::World;

/// What cargo and rustup set for what they run, beside each `CARGO_PKG_*`.
/// `CARGO_HOME` and `RUSTUP_HOME` may be the user's own, and say nothing else.
const SET: [&str; 5] = [
    "CARGO",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_MANIFEST_LINKS",
    "RUST_RECURSION_COUNT",
];
const PACKAGE: &[u8] = b"CARGO_PKG_";
const LIBRARIES: &str = "LD_LIBRARY_PATH";
const TOOLCHAIN: [&str; 2] = ["RUSTUP_TOOLCHAIN", "RUSTUP_TOOLCHAIN_SOURCE"];
/// Cargo sets these to what the system has, where they are not set.
const AUTHORITIES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
/// Where a system has its authorities, here or in `certs` below.
const SYSTEMS: [&str; 11] = [
    "/etc/openssl",
    "/etc/pki/ca-trust/extracted/pem",
    "/etc/pki/tls",
    "/etc/ssl",
    "/opt/etc/ssl",
    "/usr/lib/ssl",
    "/usr/local/openssl",
    "/usr/local/ssl",
    "/usr/share/ssl",
    "/usr/ssl",
    "/var/ssl",
];
/// The names of the file or the folder that cargo looks for there.
const FOUND: [&str; 7] = [
    "ca-bundle.crt",
    "ca-bundle.pem",
    "ca-certificates.crt",
    "cacert.pem",
    "cert.pem",
    "certs",
    "tls-ca-bundle.pem",
];

/// A variable with the value it had without cargo; `None` where it was not set.
pub(super) type Before = (OsString, Option<OsString>);

/// Returns what has to change so that the environment is as before cargo;
/// nothing where cargo did not run `program`.
pub(super) fn before(world: &World, program: &Path) -> Vec<Before> {
    let (Some(cargo), Some(_)) = (world.env_os("CARGO"), world.env_os("CARGO_MANIFEST_DIR")) else {
        return Vec::new();
    };
    let is_cargos =
        |name: &OsStr| SET.iter().any(|set| name == *set) || name.as_bytes().starts_with(PACKAGE);
    let names = world.variables().map(|(name, _)| name);
    let mut changes: Vec<Before> = names
        .filter(|name| is_cargos(name))
        .map(|name| (name.to_owned(), None))
        .collect();
    // rustup tells where it has the toolchain's name from: from the user's own variable?
    if world.env_os("RUSTUP_TOOLCHAIN_SOURCE") == Some("env".as_ref()) {
        changes.push((TOOLCHAIN[1].into(), None));
    } else {
        changes.extend(TOOLCHAIN.map(|name| (name.into(), None)));
    }
    if let Some(libraries) = world.variable(LIBRARIES.as_ref()) {
        let left = Added::by(Path::new(cargo), program).taken_from(libraries);
        changes.push((LIBRARIES.into(), left));
    }
    let of_system = |name: &&str| {
        world
            .env_os(name)
            .is_some_and(|value| is_systems(Path::new(value)))
    };
    let authorities = AUTHORITIES.into_iter().filter(of_system);
    changes.extend(authorities.map(|name| (name.into(), None)));
    changes
}

/// Returns whether this is where a system has its authorities: a tool uses them
/// also where nothing is set.
fn is_systems(authorities: &Path) -> bool {
    let is_found = authorities
        .file_name()
        .is_some_and(|name| FOUND.iter().any(|found| name == *found));
    let is_in = |folder: &Path| SYSTEMS.iter().any(|system| folder == Path::new(system));
    let folder = authorities.parent().unwrap_or(authorities);
    let above = folder.parent().filter(|_| folder.ends_with("certs"));
    is_found && (is_in(folder) || above.is_some_and(is_in))
}

/// The folders that cargo puts into `LD_LIBRARY_PATH`.
struct Added {
    /// Where it built the program, with all below.
    built: Option<PathBuf>,
    /// The toolchain's libraries: that folder, and all below its `rustlib`. Not
    /// all below the first, which is `/usr/lib` where a distribution has cargo.
    toolchain: Option<PathBuf>,
}

impl Added {
    fn by(cargo: &Path, program: &Path) -> Self {
        let toolchain = real(cargo).parent().and_then(Path::parent).map(real);
        Self {
            built: program.parent().map(real),
            toolchain: toolchain.map(|folder| folder.join("lib")),
        }
    }

    fn covers(&self, entry: &Path) -> bool {
        let entry = real(entry);
        let is_built = |folder: &PathBuf| entry.starts_with(folder);
        let is_toolchains = |lib: &PathBuf| entry == *lib || entry.starts_with(lib.join("rustlib"));
        self.built.as_ref().is_some_and(is_built)
            || self.toolchain.as_ref().is_some_and(is_toolchains)
    }

    /// Returns the entries that are not cargo's, in their order, if there are any.
    fn taken_from(&self, libraries: &OsStr) -> Option<OsString> {
        let entries = libraries.as_bytes().split(|byte| *byte == b':');
        // An empty entry is the working directory, and none of cargo's.
        let left: Vec<&[u8]> = entries
            .filter(|entry| entry.is_empty() || !self.covers(Path::new(OsStr::from_bytes(entry))))
            .collect();
        let joined = left.join(&b':');
        (!left.is_empty()).then(|| OsStr::from_bytes(&joined).to_owned())
    }
}

/// Returns the path without links; as it is where there is nothing.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_left(libraries: &str, left: Option<&str>) {
        let added = Added::by(
            Path::new("/nowhere/toolchain/bin/cargo"),
            Path::new("/nowhere/target/release/gate"),
        );
        let found = added.taken_from(libraries.as_ref());
        assert_eq!(found.as_deref(), left.map(OsStr::new), "{libraries}");
    }

    #[test]
    fn of_the_library_folders_only_cargos_own_go() {
        let cargos = "/nowhere/target/release:/nowhere/target/release/deps:\
                      /nowhere/toolchain/lib/rustlib/x86_64/lib:/nowhere/toolchain/lib";
        assert_left(cargos, None);
        assert_left(&format!("{cargos}:/opt/mine"), Some("/opt/mine"));
        assert_left(&format!("/opt/a:{cargos}:/opt/b"), Some("/opt/a:/opt/b"));
        for mine in [
            "/nowhere/target/release-of-mine",
            "/nowhere/toolchain/lib/mine",
            "/nowhere",
            "/opt/a::/opt/b",
            "relative",
        ] {
            assert_left(mine, Some(mine));
        }
    }

    #[test]
    fn the_systems_authorities_are_told_from_the_users_own() {
        for systems in [
            "/usr/lib/ssl/cert.pem",
            "/usr/lib/ssl/certs",
            "/etc/ssl/certs",
            "/etc/ssl/certs/ca-certificates.crt",
            "/etc/pki/tls/certs/ca-bundle.crt",
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        ] {
            assert!(is_systems(Path::new(systems)), "{systems}");
        }
        for mine in [
            "/etc/ssl/mine.pem",
            "/etc/ssl/mine/cert.pem",
            "/opt/certs/cert.pem",
            "/home/alice/certs",
            "cert.pem",
            "/",
        ] {
            assert!(!is_systems(Path::new(mine)), "{mine}");
        }
    }
}
