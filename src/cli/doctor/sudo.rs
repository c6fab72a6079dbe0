//! What sudo makes of PATH, by its settings.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::machine::{Found, files, read};

const SUDOERS: &str = "/etc/sudoers";
/// As sudo itself limits how deep files include others.
const DEEPEST: usize = 128;
/// How many files are read: one that includes itself twice would have no end by its depth alone.
const MOST_FILES: usize = 1024;

/// What sudo does with PATH.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SudoPath {
    /// It gives this one.
    Secure(Found),
    /// It keeps the caller's.
    Kept,
    /// It depends on who calls what, where.
    Depends(String),
    /// Its settings can't be read by this caller.
    Unreadable(PathBuf),
}

/// Returns what the settings of sudo say of PATH.
pub(super) fn path() -> SudoPath {
    of(Path::new(SUDOERS))
}

fn of(file: &Path) -> SudoPath {
    let mut known = Known::default();
    if let Err(file) = known.read(file, 0) {
        return SudoPath::Unreadable(file);
    }
    match (known.partly.or(known.exempt), known.secure) {
        (Some(why), _) => SudoPath::Depends(why),
        (None, Some(found)) => SudoPath::Secure(found),
        (None, None) => SudoPath::Kept,
    }
}

/// What was read so far.
#[derive(Default)]
struct Known {
    /// The path for everybody.
    secure: Option<Found>,
    /// Some users, hosts or commands have settings of their own.
    partly: Option<String>,
    /// Some users keep their PATH.
    exempt: Option<String>,
    /// How many files were read.
    files: usize,
}

impl Known {
    /// Reads one file of sudoers, and those that it includes.
    fn read(&mut self, file: &Path, depth: usize) -> Result<(), PathBuf> {
        self.files += 1;
        let text = match read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(_) => return Err(file.to_owned()),
        };
        for line in text.replace("\\\n", " ").lines() {
            let line = line.trim();
            self.take(line, file);
            if depth > DEEPEST {
                continue;
            }
            for included in included(line, file)? {
                if self.files >= MOST_FILES {
                    self.partly = Some(format!(
                        "{} leads to more files than are read",
                        file.display()
                    ));
                    return Ok(());
                }
                self.read(&included, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Takes one line. Source: sudoers(5), "Defaults".
    fn take(&mut self, line: &str, file: &Path) {
        let Some(rest) = line.strip_prefix("Defaults") else {
            return;
        };
        match rest.chars().next() {
            Some(' ' | '\t') => {
                for setting in settings(rest) {
                    self.set(&setting, file);
                }
            }
            // For some users, hosts, commands, or users as whom something runs: whoever it is for
            // has it in place of the one for everybody.
            Some(':' | '@' | '!' | '>') => {
                let mut words = rest.split([',', ' ', '\t', '!', '=', '"']);
                if let Some(name) = words.find(|word| decides(word)) {
                    self.partly = Some(format!(
                        "{} sets {name} for some users, hosts or commands alone",
                        file.display()
                    ));
                }
            }
            Some(_) | None => {}
        }
    }

    fn set(&mut self, setting: &str, file: &Path) {
        let (name, value) = match setting.split_once('=') {
            Some((name, value)) => (name.trim(), value.trim()),
            None => (setting.trim(), ""),
        };
        match name {
            "secure_path" => {
                let path = unquoted(value);
                self.secure = (!path.is_empty()).then(|| Found {
                    path: path.into(),
                    place: format!("secure_path of {}", file.display()),
                });
            }
            "exempt_group" => {
                self.exempt = Some(format!(
                    "{} has an exempt_group, whose members keep their PATH",
                    file.display()
                ));
            }
            "!secure_path" => self.secure = None,
            "!exempt_group" => self.exempt = None,
            _ => {}
        }
    }
}

/// Tells whether a setting has a say about PATH.
fn decides(name: &str) -> bool {
    matches!(name, "secure_path" | "exempt_group")
}

/// Splits settings at the commas that stand in no quotes.
fn settings(text: &str) -> Vec<String> {
    let (mut all, mut one, mut is_quoted) = (Vec::new(), String::new(), false);
    for letter in text.trim().chars() {
        is_quoted ^= letter == '"';
        if letter == ',' && !is_quoted {
            all.push(std::mem::take(&mut one));
        } else {
            one.push(letter);
        }
    }
    all.push(one);
    all.iter().map(|one| one.trim().to_owned()).collect()
}

/// Returns a value up to its closing quote, or to the first blank where it has none.
fn unquoted(value: &str) -> &str {
    let mut parts = match value.strip_prefix('"') {
        Some(quoted) => quoted.split(&['"'][..]),
        None => value.split(&[' ', '\t'][..]),
    };
    parts.next().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of_lines(lines: &str) -> SudoPath {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sudoers");
        std::fs::write(&file, lines).unwrap();
        of(&file)
    }

    #[track_caller]
    fn assert_gives(lines: &str, expected: &str) {
        let SudoPath::Secure(found) = of_lines(lines) else {
            panic!("{lines}");
        };
        assert_eq!(found.path, expected, "{lines}");
    }

    #[test]
    fn the_last_word_for_everybody_counts_wherever_it_stands_in_a_line() {
        for (lines, expected) in [
            ("Defaults secure_path=\"/a:/b\"\n", "/a:/b"),
            ("Defaults\tsecure_path = /a:/b, env_reset\n", "/a:/b"),
            ("Defaults env_reset, secure_path=\"/a:/b\" # x\n", "/a:/b"),
            (
                "Defaults badpass_message=\"no, !secure_path\", secure_path=/a # x\n",
                "/a",
            ),
            ("Defaults !secure_path\nDefaults secure_path=/b\n", "/b"),
            ("Defaults secure_path=/a\n# Defaults secure_path=/c\n", "/a"),
            (
                "Defaults exempt_group=x, !exempt_group, secure_path=/a\n",
                "/a",
            ),
        ] {
            assert_gives(lines, expected);
        }
        for lines in [
            "",
            "Defaults env_reset\n",
            "Defaults secure_path=/a, !secure_path\n",
            "alice ALL=(ALL) secure_path=/c\n",
            "Defaultsx secure_path=/c\n",
        ] {
            assert_eq!(of_lines(lines), SudoPath::Kept, "{lines}");
        }
    }

    #[test]
    fn what_holds_for_some_alone_is_not_told_of_everybody() {
        for line in [
            "Defaults:alice secure_path=/c",
            "Defaults:alice, bob !secure_path",
            "Defaults@build env_reset, secure_path=/c",
            "Defaults>root !secure_path",
            "Defaults!/usr/bin/make secure_path=/c",
            "Defaults:alice exempt_group=wheel",
            "Defaults exempt_group=wheel",
            "Defaults env_reset, exempt_group = \"wheel\"",
        ] {
            for lines in [
                format!("{line}\nDefaults secure_path=/a\n"),
                format!("Defaults secure_path=/a\n{line}\n"),
            ] {
                let found = of_lines(&lines);
                assert!(matches!(found, SudoPath::Depends(_)), "{lines}: {found:?}");
            }
        }
        assert_gives("Defaults:alice !lecture\nDefaults secure_path=/a\n", "/a");
    }

    #[test]
    fn sudoers_are_read_with_what_they_include() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("d")).unwrap();
        let first = "Defaults secure_path=\\\n  \"/first\"\n@includedir d\n";
        std::fs::write(at("sudoers"), first).unwrap();
        let path = || {
            let SudoPath::Secure(found) = of(&at("sudoers")) else {
                panic!("nothing is given");
            };
            found.path
        };
        assert_eq!(path(), "/first");
        std::fs::write(at("d/zz"), "Defaults secure_path=/zz\n").unwrap();
        std::fs::write(at("d/zz.bak"), "Defaults secure_path=/bak\n").unwrap();
        assert_eq!(path(), "/zz");
        std::fs::write(at("d/zzz"), "Defaults !secure_path\n").unwrap();
        assert_eq!(of(&at("sudoers")), SudoPath::Kept);
        // A file that includes itself has an end.
        std::fs::write(at("sudoers"), "@include sudoers\nDefaults secure_path=/x\n").unwrap();
        assert_eq!(path(), "/x");
    }

    #[test]
    fn files_that_include_themselves_more_than_once_are_left_unread() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sudoers");
        let lines = "@include sudoers\n@include sudoers\nDefaults secure_path=/x\n";
        std::fs::write(&file, lines).unwrap();
        let found = of(&file);
        assert!(matches!(found, SudoPath::Depends(_)), "{found:?}");
    }
}
