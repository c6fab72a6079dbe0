//! What the corpus can't show of `sqlite3`: `HOME` that is not the home of the account.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gate_policy::{
    CommandLine, Effect, Environment, FileError, FileKind, Files, Stdin, read_invocation,
};

const PROJECT: &str = "/srv/app";

/// A machine with a database in the project, and what the account has.
#[derive(Clone, Copy)]
struct Machine<'m> {
    /// The home of the account, where there is an account; an error where that can't be told.
    home: Result<Option<&'m str>, &'m str>,
    /// Settings that are there, which say nothing.
    settings: &'m [&'m str],
}

impl Files for Machine<'_> {
    fn read(&self, path: &Path) -> Result<Cow<'_, [u8]>, FileError> {
        match self.kind(path) {
            Some(_) => Ok(Cow::Borrowed(b"")),
            None => Err(FileError::Absent),
        }
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        let mut files = self.settings.iter().map(Path::new);
        let is_there = path == Path::new("/srv/app/app.db") || files.any(|file| file == path);
        is_there.then_some(FileKind::File)
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        self.kind(path).map(|_| path.to_owned())
    }

    fn home_of_account(&self) -> Result<Option<PathBuf>, FileError> {
        let unknown = |why: &str| FileError::Unreadable(why.to_owned());
        Ok(self.home.map_err(unknown)?.map(PathBuf::from))
    }
}

impl Machine<'_> {
    /// Returns the effect of a command where `HOME` is this.
    fn effect(&self, home: Option<&str>, argv: &[&str]) -> Effect {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let home = home.map(|home| ("HOME", home));
        let line = CommandLine {
            argv: &argv,
            env: &home.into_iter().collect::<Environment>(),
            cwd: Path::new(PROJECT),
            stdin: Stdin::Absent,
            files: self,
        };
        read_invocation(&line).effect
    }

    /// Returns the effect of reading from the database, which is the same inside a shell.
    #[track_caller]
    fn effect_of_reading(&self, home: Option<&str>) -> Effect {
        let effect = self.effect(home, &["sqlite3", "app.db", "select 1"]);
        let inside = ["bash", "-c", "sqlite3 app.db 'select 1'"];
        assert_eq!(self.effect(home, &inside), effect);
        effect
    }
}

const OF_ACCOUNT: [&str; 2] = ["/home/ci/.sqliterc", "/home/ci/.config/sqlite3/sqliterc"];

#[test]
fn another_home_asks_only_where_the_account_has_settings_of_the_shell() {
    let bare = Machine {
        home: Ok(Some("/home/ci")),
        settings: &["/tmp/home/.sqliterc", "/home/ci/.psqlrc"],
    };
    for home in ["/home/ci", "/tmp/home"] {
        assert_eq!(bare.effect_of_reading(Some(home)), Effect::Read, "{home}");
    }
    // As behind `sudo`: whose home it is nobody can tell.
    assert_eq!(bare.effect_of_reading(None), Effect::Unknown);
    for settings in OF_ACCOUNT {
        let machine = Machine {
            settings: &[settings],
            ..bare
        };
        let own = machine.effect_of_reading(Some("/home/ci"));
        assert_eq!(own, Effect::Read, "{settings}");
        for home in [Some("/tmp/home"), None] {
            let other = machine.effect_of_reading(home);
            assert_eq!(other, Effect::Unknown, "{settings} {home:?}");
        }
        // Who names a file has no other one run.
        let named = ["sqlite3", "-init", "/home/ci/.psqlrc", "app.db", "select 1"];
        let machine = Machine {
            settings: &[settings, "/home/ci/.psqlrc"],
            ..bare
        };
        let named = machine.effect(Some("/tmp/home"), &named);
        assert_eq!(named, Effect::Read, "{settings}");
    }
}

#[test]
fn who_has_no_account_has_the_home_that_is_said_and_one_that_can_not_be_told_asks() {
    let nobody = Machine {
        home: Ok(None),
        settings: &OF_ACCOUNT,
    };
    assert_eq!(nobody.effect_of_reading(Some("/tmp/home")), Effect::Read);
    let untold = Machine {
        home: Err("nobody can tell"),
        ..nobody
    };
    assert_eq!(untold.effect_of_reading(Some("/tmp/home")), Effect::Unknown);
}
