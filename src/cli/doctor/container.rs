//! The container in which gate itself runs.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use super::machine::Found;
use crate::world::World;

/// What container runtimes leave in the root folder of a container.
const MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];
/// What they, or what starts them, set in its environment.
const VARIABLES: [&str; 2] = ["container", "KUBERNETES_SERVICE_HOST"];
/// Whose environment is that of the image and of who started the container: what else is started in
/// it, as by `docker exec`, begins with the same.
const FIRST: &str = "/proc/1/environ";
/// Where there is no PATH at all. Source: execvp(3).
const NO_PATH: &str = "/bin:/usr/bin";

/// Returns the PATH of what is started in the container around this process, or why that can't be
/// told; nothing where there is no container around it.
pub(super) fn around(world: &World) -> Option<Result<Found, String>> {
    let is_marked = MARKS.iter().any(|mark| Path::new(mark).exists());
    let is_named = VARIABLES.iter().any(|name| world.env_os(name).is_some());
    (is_marked || is_named).then(|| match std::fs::read(FIRST) {
        Ok(environment) => Ok(Found {
            path: path_in(&environment).unwrap_or_else(|| NO_PATH.into()),
            place: "PATH of this container's first process".to_owned(),
        }),
        Err(error) => Err(format!(
            "gate runs in a container, and what that was started with can't be read: {error}"
        )),
    })
}

fn path_in(environment: &[u8]) -> Option<OsString> {
    let mut entries = environment.split(|byte| *byte == 0);
    let path = entries.find_map(|entry| entry.strip_prefix(b"PATH="))?;
    Some(OsString::from_vec(path.to_vec()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn path_is_found_among_the_variables() {
        let found = path_in(b"MYPATH=/no\0PATH=/a:/b\0PATH=/c\0");
        assert_eq!(found.as_deref(), Some(OsStr::new("/a:/b")));
        assert_eq!(path_in(b"A=b\0"), None);
    }
}
