//! What systemd gives its units as PATH, by its settings.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::machine::{Found, files, read};

/// What the manager gives its units. Source: systemd.exec(5).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
/// Where its settings lie: what stands in one comes before the same name in the next. Source:
/// systemd-system.conf(5).
const FOLDERS: [&str; 4] = [
    "/etc/systemd",
    "/run/systemd",
    "/usr/local/lib/systemd",
    "/usr/lib/systemd",
];
const FILE: &str = "system.conf";
const DROP_INS: &str = "system.conf.d";

/// Tells whether systemd runs this machine.
pub(super) fn runs() -> bool {
    Path::new("/run/systemd/system").exists()
}

/// Returns the PATH that the manager gives its units.
pub(super) fn path() -> Found {
    of(&FOLDERS.map(PathBuf::from))
}

fn of(folders: &[PathBuf]) -> Found {
    let mut found = Found {
        path: DEFAULT_PATH.into(),
        place: "systemd's default".to_owned(),
    };
    for file in in_force(folders) {
        // What is there and can't be read, as a link to /dev/null, says nothing.
        let text = read(&file).unwrap_or_default();
        for line in text.lines() {
            match default_environment(line) {
                Some(Said::Nothing) => {
                    found = Found {
                        path: DEFAULT_PATH.into(),
                        place: file.display().to_string(),
                    };
                }
                Some(Said::Path(path)) => {
                    found = Found {
                        path: path.into(),
                        place: file.display().to_string(),
                    };
                }
                None => {}
            }
        }
    }
    found
}

/// Returns the files that count, in the order in which they are read: the main one, and then those
/// beside it by their names.
fn in_force(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut mains = folders.iter().map(|folder| folder.join(FILE));
    let main = mains.find(|file| file.symlink_metadata().is_ok());
    let mut beside = BTreeMap::new();
    for folder in folders {
        let is_meant = |name: &str| name.strip_suffix(".conf").is_some();
        for file in files(&folder.join(DROP_INS), is_meant).unwrap_or_default() {
            let name = file.file_name().map(OsStr::to_owned);
            beside.entry(name).or_insert(file);
        }
    }
    main.into_iter().chain(beside.into_values()).collect()
}

/// What a line says of the units' PATH.
enum Said {
    /// Whatever was said before is void.
    Nothing,
    Path(String),
}

/// Reads one line; nothing where it says nothing of PATH.
fn default_environment(line: &str) -> Option<Said> {
    let (name, value) = line.trim().split_once('=')?;
    if name.trim() != "DefaultEnvironment" {
        return None;
    }
    if value.trim().is_empty() {
        return Some(Said::Nothing);
    }
    let words = value.split_whitespace();
    let mut paths = words.filter_map(|word| word.trim_matches(['"', '\'']).strip_prefix("PATH="));
    paths.next_back().map(|path| Said::Path(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_every_folder_count_by_their_names() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["etc", "run", "lib"].map(|name| root.path().join(name));
        let write = |name: &str, text: &str| {
            let file = root.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, format!("[Manager]\n{text}\n")).unwrap();
        };
        let path = || of(&folders).path.into_string().unwrap();
        assert_eq!(path(), DEFAULT_PATH);
        write("lib/system.conf", "DefaultEnvironment=A=b \"PATH=/lib\"");
        assert_eq!(path(), "/lib");
        // The first main file is the only one.
        write("etc/system.conf", "#DefaultEnvironment=PATH=/no");
        assert_eq!(path(), DEFAULT_PATH);
        write(
            "lib/system.conf.d/50-a.conf",
            "DefaultEnvironment=PATH=/fifty",
        );
        write(
            "run/system.conf.d/40-b.conf",
            "DefaultEnvironment=PATH=/forty",
        );
        write("run/system.conf.d/60-c.txt", "DefaultEnvironment=PATH=/no");
        assert_eq!(path(), "/fifty");
        write(
            "run/system.conf.d/60-c.conf",
            "DefaultEnvironment=PATH=/sixty",
        );
        assert_eq!(path(), "/sixty");
        write("etc/system.conf.d/60-c.conf", "DefaultEnvironment=X=y");
        assert_eq!(path(), "/fifty");
        let masked = root.path().join("etc/system.conf.d/50-a.conf");
        std::os::unix::fs::symlink("/dev/null", masked).unwrap();
        assert_eq!(path(), "/forty");
        write("etc/system.conf.d/90-z.conf", "DefaultEnvironment=");
        assert_eq!(path(), DEFAULT_PATH);
    }
}
