//! The files of a folder that kubectl is given, in the order in which it reads them.
//!
//! Source: kubectl 1.33, `ExpandPathsToFileVisitors`: the names of a folder in their order, those
//! with the endings below, and what stands in folders of it only with `--recursive`.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How a file is called that is read.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];
/// The most files that are read.
const MOST_FILES: usize = 1_000;
/// The most bytes that are read, of all of them together.
const MOST_BYTES: u64 = 16 << 20;

/// Returns each file with its name in the folder and what is in it; nothing where there is too much.
pub(super) fn files(folder: &Path, is_recursive: bool) -> Option<Vec<(PathBuf, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut left = MOST_BYTES;
    let mut waiting = vec![PathBuf::new()];
    while let Some(below) = waiting.pop() {
        let path = folder.join(&below);
        // As it stands there: a link to a folder is not followed, and one to a file is read.
        let is_folder = std::fs::symlink_metadata(&path).ok()?.is_dir();
        if is_folder && (is_recursive || below.as_os_str().is_empty()) {
            let mut names = names(&path)?;
            names.reverse();
            waiting.extend(names.iter().map(|name| below.join(name)));
        } else if !is_folder && has_ending(&below) {
            let mut bytes = Vec::new();
            let file = File::open(&path).ok()?;
            let read = file.take(left + 1).read_to_end(&mut bytes).ok()?;
            left = left.checked_sub(read as u64)?;
            found.push((below, bytes));
            if found.len() > MOST_FILES {
                return None;
            }
        }
    }
    Some(found)
}

fn names(folder: &Path) -> Option<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).ok()? {
        names.push(entry.ok()?.file_name());
    }
    names.sort();
    Some(names)
}

fn has_ending(path: &Path) -> bool {
    let ending = path.extension().and_then(std::ffi::OsStr::to_str);
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_files_of_a_folder_come_as_kubectl_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("b")).unwrap();
        for name in ["z.yaml", "a.yml", "notes.txt", "c.json", "b/inner.yaml"] {
            fs::write(path.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("notes.txt", path.join("link.yaml")).unwrap();
        std::os::unix::fs::symlink("b", path.join("folder.yaml.d")).unwrap();
        let names = |is_recursive| -> Vec<String> {
            let files = files(path, is_recursive).unwrap();
            let names = files.iter().map(|(name, _)| name.to_str().unwrap());
            names.map(str::to_owned).collect()
        };
        assert_eq!(names(false), ["a.yml", "c.json", "link.yaml", "z.yaml"]);
        assert_eq!(
            names(true),
            ["a.yml", "b/inner.yaml", "c.json", "link.yaml", "z.yaml"]
        );
        fs::write(path.join("y.yaml"), vec![b'x'; 16 << 20]).unwrap();
        assert_eq!(files(path, false), None, "too much of it");
    }
}
