//! What this machine's files say of the PATH that others give a command.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A file that nobody would write longer than this is not read on.
const MOST_BYTES: u64 = 1 << 20;

const ENVIRONMENT: &str = "/etc/environment";
const SUDOERS: &str = "/etc/sudoers";
const SYSTEMD: [&str; 2] = ["/etc/systemd/system.conf", "/etc/systemd/system.conf.d"];
const CRONTAB: &str = "/etc/crontab";

/// What cron gives where a crontab says nothing. Source: crontab(5).
pub(super) const CRON_PATH: &str = "/usr/bin:/bin";
/// What the manager gives its units. Source: systemd.exec(5).
pub(super) const SYSTEMD_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
/// What Debian's sshd and login give root, and anybody else. Source: login.defs(5).
const ROOT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const USER_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/games";

/// A value with the place that it was read from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The PATH.
    pub(super) path: OsString,
    /// Where it stands, for people.
    pub(super) place: String,
}

/// Returns the PATH with which a session begins, before any shell has read a file.
pub(super) fn session_path(is_root: bool) -> Found {
    let text = read(Path::new(ENVIRONMENT)).unwrap_or_default();
    if let Some(path) = last_assignment(&text, "PATH") {
        return Found {
            path: path.into(),
            place: ENVIRONMENT.to_owned(),
        };
    }
    Found {
        path: if is_root { ROOT_PATH } else { USER_PATH }.into(),
        place: "the system's default".to_owned(),
    }
}

/// Returns the PATH of the jobs of a crontab, whose text is `text`.
pub(super) fn cron_path(text: Option<&str>) -> Found {
    let found = text.and_then(|text| last_assignment(text, "PATH"));
    match found {
        Some(path) => Found {
            path: path.into(),
            place: "crontab -l".to_owned(),
        },
        None => Found {
            path: CRON_PATH.into(),
            place: "cron's default".to_owned(),
        },
    }
}

/// Tells whether this machine has a cron.
pub(super) fn has_cron() -> bool {
    [
        CRONTAB,
        "/var/spool/cron",
        "/usr/sbin/cron",
        "/usr/sbin/crond",
    ]
    .iter()
    .any(|path| Path::new(path).exists())
}

/// What sudo does with PATH.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SudoPath {
    /// It gives this one.
    Secure(Found),
    /// It keeps the caller's.
    Kept,
    /// Its settings can't be read by this caller.
    Unreadable(PathBuf),
}

/// Returns what the settings of sudo say of PATH.
pub(super) fn sudo_path() -> SudoPath {
    let mut path = None;
    if let Err(file) = read_sudoers(Path::new(SUDOERS), &mut path, 0) {
        return SudoPath::Unreadable(file);
    }
    path.map_or(SudoPath::Kept, SudoPath::Secure)
}

/// Reads one file of sudoers, and those that it includes.
fn read_sudoers(file: &Path, path: &mut Option<Found>, depth: usize) -> Result<(), PathBuf> {
    // As sudo itself limits it.
    const DEEPEST: usize = 128;
    let text = match read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(_) => return Err(file.to_owned()),
    };
    for line in text.replace("\\\n", " ").lines() {
        let line = line.trim();
        match secure_path(line) {
            Line::Sets(value) => {
                *path = Some(Found {
                    path: value.into(),
                    place: format!("secure_path of {}", file.display()),
                });
            }
            Line::Unsets => *path = None,
            Line::Other => {}
        }
        if depth > DEEPEST {
            continue;
        }
        for included in included(line, file)? {
            read_sudoers(&included, path, depth + 1)?;
        }
    }
    Ok(())
}

/// Returns the files that a line of sudoers includes.
fn included(line: &str, from: &Path) -> Result<Vec<PathBuf>, PathBuf> {
    let mut words = line.split_whitespace();
    let (Some(verb), Some(name)) = (words.next(), words.next()) else {
        return Ok(Vec::new());
    };
    let name = from.parent().unwrap_or(Path::new("/")).join(name);
    match verb {
        "@include" | "#include" => Ok(vec![name]),
        "@includedir" | "#includedir" => {
            files(&name, |file| !file.ends_with('~') && !file.contains('.'))
        }
        _ => Ok(Vec::new()),
    }
}

/// What a line of sudoers says of `secure_path` for everybody.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Sets(String),
    Unsets,
    Other,
}

fn secure_path(line: &str) -> Line {
    let settings = line
        .strip_prefix("Defaults")
        .filter(|rest| rest.starts_with([' ', '\t']))
        .map(str::trim);
    if settings == Some("!secure_path") {
        return Line::Unsets;
    }
    let value = settings
        .and_then(|settings| settings.strip_prefix("secure_path"))
        .and_then(|rest| rest.trim_start().strip_prefix('='))
        .map(str::trim);
    let Some(value) = value else {
        return Line::Other;
    };
    let mut parts = match value.strip_prefix('"') {
        Some(quoted) => quoted.split(&['"'][..]),
        None => value.split(&[',', ' ', '\t'][..]),
    };
    Line::Sets(parts.next().unwrap_or_default().to_owned())
}

/// Returns the PATH that the manager gives its units.
pub(super) fn systemd_path() -> Found {
    let [file, folder] = SYSTEMD.map(Path::new);
    let mut all = vec![file.to_owned()];
    all.extend(files(folder, |name| name.strip_suffix(".conf").is_some()).unwrap_or_default());
    let set = all.iter().rev().find_map(|file| {
        let text = read(file).ok()?;
        let path = default_environment(&text)?;
        Some(Found {
            path: path.into(),
            place: file.display().to_string(),
        })
    });
    set.unwrap_or_else(|| Found {
        path: SYSTEMD_PATH.into(),
        place: "systemd's default".to_owned(),
    })
}

/// Tells whether systemd runs this machine.
pub(super) fn has_systemd() -> bool {
    Path::new("/run/systemd/system").exists()
}

/// Returns PATH out of the last `DefaultEnvironment` or `ManagerEnvironment` that names it.
fn default_environment(text: &str) -> Option<String> {
    let mut lines = text.lines().rev();
    lines.find_map(|line| {
        let (name, value) = line.trim().split_once('=')?;
        if name.trim() != "DefaultEnvironment" {
            return None;
        }
        let mut words = value.split_whitespace();
        words.find_map(|word| {
            let path = word.trim_matches(['"', '\'']).strip_prefix("PATH=")?;
            Some(path.to_owned())
        })
    })
}

/// Returns the last value that lines of the form `NAME=VALUE` give to `name`.
fn last_assignment(text: &str, name: &str) -> Option<String> {
    text.lines().rev().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (found, value) = line.split_once('=')?;
        (found.trim() == name).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    })
}

/// Returns the files of a folder by name; none where it is not there.
fn files(folder: &Path, is_meant: fn(&str) -> bool) -> Result<Vec<PathBuf>, PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(_) => return Err(folder.to_owned()),
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(is_meant)
        })
        .collect();
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> io::Result<String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(ErrorKind::NotFound.into());
    }
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_sudoers_for_everybody_counts() {
        let sets = |path: &str| Line::Sets(path.to_owned());
        for (line, expected) in [
            ("Defaults secure_path=\"/a:/b\"", sets("/a:/b")),
            ("Defaults\tsecure_path = /a:/b, env_reset", sets("/a:/b")),
            ("Defaults !secure_path", Line::Unsets),
            ("Defaults:alice secure_path=/c", Line::Other),
            ("# Defaults secure_path=/c", Line::Other),
            ("Defaults env_reset", Line::Other),
            ("alice ALL=(ALL) secure_path=/c", Line::Other),
        ] {
            assert_eq!(secure_path(line), expected, "{line}");
        }
    }

    #[test]
    fn sudoers_are_read_with_what_they_include() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("d")).unwrap();
        let first = "Defaults secure_path=\\\n  \"/first\"\n@includedir d\n";
        std::fs::write(at("sudoers"), first).unwrap();
        let read = || {
            let mut path = None;
            read_sudoers(&at("sudoers"), &mut path, 0).map(|()| path)
        };
        assert_eq!(read().unwrap().unwrap().path, "/first");
        std::fs::write(at("d/zz"), "Defaults secure_path=/zz\n").unwrap();
        std::fs::write(at("d/zz.bak"), "Defaults secure_path=/bak\n").unwrap();
        assert_eq!(read().unwrap().unwrap().path, "/zz");
        std::fs::write(at("d/zzz"), "Defaults !secure_path\n").unwrap();
        assert_eq!(read(), Ok(None));
        // A file that includes itself has an end.
        std::fs::write(at("sudoers"), "@include sudoers\nDefaults secure_path=/x\n").unwrap();
        assert_eq!(read().unwrap().unwrap().path, "/x");
    }

    #[test]
    fn assignments_of_path_are_found_in_each_form() {
        assert_eq!(last_assignment("PATH=/a\n", "PATH").unwrap(), "/a");
        let crontab = "# PATH=/no\nMAILTO=x\nPATH = \"/a:/b\"\n* * * * * PATHX=/c true\n";
        assert_eq!(last_assignment(crontab, "PATH").unwrap(), "/a:/b");
        assert_eq!(last_assignment("XPATH=/a\n", "PATH"), None);
        let manager =
            "[Manager]\n#DefaultEnvironment=PATH=/no\nDefaultEnvironment=A=b \"PATH=/a:/b\"\n";
        assert_eq!(default_environment(manager).unwrap(), "/a:/b");
        assert_eq!(cron_path(None).path, CRON_PATH);
    }
}
