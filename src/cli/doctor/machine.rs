//! What this machine's files say of the PATH that others give a command.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A file that nobody would write longer than this is not read on.
const MOST_BYTES: u64 = 1 << 20;

const ENVIRONMENT: &str = "/etc/environment";
const CRONTAB: &str = "/etc/crontab";
const CRON_FOLDER: &str = "/etc/cron.d";

/// What cron gives where a crontab says nothing. Source: crontab(5).
pub(super) const CRON_PATH: &str = "/usr/bin:/bin";
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

/// Returns each PATH that jobs of the user's crontab have, whose text is `text`.
pub(super) fn cron_paths(text: Option<&str>) -> Vec<Found> {
    let paths = paths_of_jobs(text.unwrap_or_default());
    let found = paths.into_iter().map(|path| match path {
        Some(path) => Found {
            path: path.into(),
            place: "crontab -l".to_owned(),
        },
        None => Found {
            path: CRON_PATH.into(),
            place: "cron's default".to_owned(),
        },
    });
    found.collect()
}

/// Returns each PATH that jobs of the machine's crontabs have, with the files.
pub(super) fn system_cron_paths() -> Vec<Found> {
    system_cron_paths_of(Path::new(CRONTAB), Path::new(CRON_FOLDER))
}

fn system_cron_paths_of(table: &Path, folder: &Path) -> Vec<Found> {
    // cron leaves out what packages left behind. Source: cron(8).
    let is_meant = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let mut tables = vec![table.to_owned()];
    tables.extend(files(folder, is_meant).unwrap_or_default());
    let mut found: Vec<Found> = Vec::new();
    for table in tables {
        let Ok(text) = read(&table) else { continue };
        for path in paths_of_jobs(&text) {
            let path = OsString::from(path.unwrap_or_else(|| CRON_PATH.to_owned()));
            let place = table.display().to_string();
            match found.iter_mut().find(|known| known.path == path) {
                Some(known) if known.place.ends_with(&place) => {}
                Some(known) => known.place = format!("{}, {place}", known.place),
                None => found.push(Found { path, place }),
            }
        }
    }
    found
}

/// Returns each PATH that is in force where a crontab names a job, or at its end where it names
/// none; nothing stands for cron's own.
fn paths_of_jobs(text: &str) -> Vec<Option<String>> {
    let (mut current, mut paths) = (None, Vec::new());
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match assignment(line) {
            Some(("PATH", value)) => current = Some(value.to_owned()),
            Some(_) => {}
            None if paths.contains(&current) => {}
            None => paths.push(current.clone()),
        }
    }
    if paths.is_empty() {
        paths.push(current);
    }
    paths
}

/// Returns a word without its quotes.
fn bare(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

/// Reads a line that sets a variable; the name of none has a blank in it, and a job begins with
/// words. Source: crontab(5).
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = bare(name);
    (!name.contains([' ', '\t'])).then(|| (name, bare(value)))
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

/// Returns the last value that lines of the form `NAME=VALUE` give to `name`.
fn last_assignment(text: &str, name: &str) -> Option<String> {
    text.lines().rev().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (found, value) = line.split_once('=')?;
        (found.trim() == name).then(|| bare(value).to_owned())
    })
}

/// Returns the files of a folder by name; none where it is not there.
pub(super) fn files(folder: &Path, is_meant: fn(&str) -> bool) -> Result<Vec<PathBuf>, PathBuf> {
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

/// Returns the text of a regular file.
pub(super) fn read(path: &Path) -> io::Result<String> {
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
    fn assignments_of_path_are_found_in_each_form() {
        assert_eq!(last_assignment("PATH=/a\n", "PATH").unwrap(), "/a");
        assert_eq!(last_assignment("XPATH=/a\n", "PATH"), None);
        assert_eq!(last_assignment("export PATH='/a'\n", "PATH").unwrap(), "/a");
    }

    #[test]
    fn every_path_that_a_job_of_a_crontab_has_is_found() {
        let of = |text: &str| -> Vec<String> {
            let found = cron_paths(Some(text)).into_iter();
            found.map(|one| one.path.into_string().unwrap()).collect()
        };
        let job = "0 5 * * * A=b true";
        let paths = ["/a:/b"];
        assert_eq!(
            of(&format!(
                "# PATH=/no\nMAILTO=x\nPATH = \"/a:/b\"\n{job}\n{job}\n"
            )),
            paths
        );
        assert_eq!(of("PATH=/x\nPATH=/a:/b\n"), paths);
        assert_eq!(
            of(&format!("'PATH'='/a:/b'\n@daily PATH=/c true\n{job}")),
            paths
        );
        // What stands before the line does not have it, and a later one holds from there.
        let text = format!("{job}\nPATH=/a\n{job}\nPATH=/b\n@reboot x\n");
        assert_eq!(of(&text), [CRON_PATH, "/a", "/b"]);
        assert_eq!(of(""), [CRON_PATH]);
        assert_eq!(cron_paths(None)[0].place, "cron's default");
    }

    #[test]
    fn the_machines_crontabs_are_told_apart_by_what_they_give() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("d")).unwrap();
        let all = || system_cron_paths_of(&at("crontab"), &at("d"));
        assert_eq!(all(), []);
        for (name, text) in [
            ("crontab", "PATH=/a\n17 * * * * root true\n"),
            ("d/backup", "PATH=/a\n@daily root true\n@weekly root true\n"),
            ("d/old.dpkg-dist", "PATH=/no\n@daily root true\n"),
            ("d/plain", "@daily root true\n"),
        ] {
            std::fs::write(at(name), text).unwrap();
        }
        let [same, plain] = all().try_into().unwrap();
        assert_eq!(same.path, "/a");
        let both = format!("{}, {}", at("crontab").display(), at("d/backup").display());
        assert_eq!(same.place, both);
        assert_eq!(plain.path, CRON_PATH);
        assert_eq!(plain.place, at("d/plain").display().to_string());
    }
}
