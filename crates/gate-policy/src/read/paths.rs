//! Paths as words of argv write them.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use crate::command_line::{joined, without_dots};

/// Joins without `.` components. `..` stays: what it leads to depends on links.
pub(crate) fn plain_join(folder: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() {
        plain_joined([folder])
    } else {
        plain_joined([folder, path])
    }
}

/// Joins any number of paths so, the last of which is not empty.
pub(super) fn plain_joined<const PARTS: usize>(parts: [&Path; PARTS]) -> PathBuf {
    let joined = joined(parts);
    if cfg!(unix) && is_plain(joined.as_os_str().as_encoded_bytes()) {
        return joined;
    }
    joined
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .collect()
}

/// Tells whether a path from a folder leads out of another one, by its text.
pub(crate) fn leads_out_of(outer: &Path, folder: &Path, path: &str) -> bool {
    !without_dots(&folder.join(path)).starts_with(without_dots(outer))
}

/// Tells whether a path is written without anything that means nothing: `.`, a second `/`, one at
/// the end.
fn is_plain(path: &[u8]) -> bool {
    let below = path.strip_prefix(b"/").unwrap_or(path);
    let mut parts = below.split(|byte| *byte == b'/');
    below.is_empty() || parts.all(|part| !matches!(part, b"" | b"."))
}

/// Returns a path of bytes that came out of one argv word.
#[cfg(unix)]
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;

    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Returns a path of bytes that came out of one argv word; elsewhere than on
/// Unix what is not UTF-8 is replaced and then names no file.
#[cfg(not(unix))]
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::new(&*String::from_utf8_lossy(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joined_path_is_what_its_components_make() {
        for folder in ["/", "/w", "/w/", "/w/.", "w", ""] {
            for path in [
                "", ".", "a", "./a", "a/", "a//b", "a/./b", "../a", "/x", "/x/.",
            ] {
                let parts = Path::new(folder).join(path);
                let is_said = |part: &Component<'_>| *part != Component::CurDir;
                let wanted: PathBuf = parts.components().filter(is_said).collect();
                let joined = plain_join(Path::new(folder), Path::new(path));
                assert_eq!(joined.as_os_str(), wanted.as_os_str(), "{folder} {path}");
            }
        }
    }
}
