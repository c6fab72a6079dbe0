//! What the corpus can't show of `sqlite3`: `HOME` that is not the home of the account.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gate_policy::{
    CommandLine, Effect, Environment, FileError, FileKind, Files, Invocation, Stdin,
    read_invocation,
};

const PROJECT: &str = "/srv/app";
const READING: [&str; 3] = ["sqlite3", "app.db", "select 1"];

/// What is known of the account that the command runs as.
#[derive(Clone, Copy)]
enum Account<'m> {
    Home(&'m str),
    /// There is none.
    Nobody,
    /// Nobody can tell.
    Untold,
}

/// A machine with a database in the project, and what the account has.
#[derive(Clone, Copy)]
struct Machine<'m> {
    account: Account<'m>,
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
        match self.account {
            Account::Home(home) => Ok(Some(PathBuf::from(home))),
            Account::Nobody => Ok(None),
            Account::Untold => Err(FileError::Unreadable("nobody can tell".to_owned())),
        }
    }
}

impl Machine<'_> {
    /// Reads a command where `HOME` is this.
    fn read_command(&self, home: Option<&str>, argv: &[&str]) -> Invocation {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let home = home.map(|home| ("HOME", home));
        let line = CommandLine {
            argv: &argv,
            env: &home.into_iter().collect::<Environment>(),
            cwd: Path::new(PROJECT),
            stdin: Stdin::Absent,
            files: self,
        };
        read_invocation(&line)
    }

    /// Returns the effect of reading from the database, which is the same inside a shell.
    #[track_caller]
    fn effect_of_reading(&self, home: Option<&str>) -> Effect {
        let effect = self.read_command(home, &READING).effect;
        let inside = ["bash", "-c", "sqlite3 app.db 'select 1'"];
        assert_eq!(self.read_command(home, &inside).effect, effect);
        effect
    }
}

const OF_ACCOUNT: [&str; 2] = ["/home/ci/.sqliterc", "/home/ci/.config/sqlite3/sqliterc"];

#[test]
fn another_home_asks_only_where_the_account_has_settings_of_the_shell() {
    let bare = Machine {
        account: Account::Home("/home/ci"),
        settings: &["/tmp/home/.sqliterc", "/home/ci/.psqlrc"],
    };
    for home in ["/home/ci", "/tmp/home"] {
        let effect = bare.effect_of_reading(Some(home));
        assert_eq!(effect, Effect::Read, "{home}");
    }
    for settings in OF_ACCOUNT {
        let machine = Machine {
            settings: &[settings],
            ..bare
        };
        let own = machine.effect_of_reading(Some("/home/ci"));
        assert_eq!(own, Effect::Read, "{settings}");
        let other = machine.effect_of_reading(Some("/tmp/home"));
        assert_eq!(other, Effect::Unknown, "{settings}");
        // Who names a file has no other one run.
        let named = ["sqlite3", "-init", "/home/ci/.psqlrc", "app.db", "select 1"];
        let machine = Machine {
            settings: &[settings, "/home/ci/.psqlrc"],
            ..bare
        };
        let named = machine.read_command(Some("/tmp/home"), &named);
        assert_eq!(named.effect, Effect::Read, "{settings}");
    }
}

/// As behind `sudo`, where the account is another one too.
#[test]
fn where_home_is_not_said_what_the_account_has_is_not_known() {
    let machine = Machine {
        account: Account::Home("/home/ci"),
        settings: &[],
    };
    assert_eq!(machine.effect_of_reading(None), Effect::Unknown);
}

fn paths(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

#[test]
fn that_the_account_has_no_settings_is_part_of_what_is_approved() {
    let machine = Machine {
        account: Account::Home("/home/ci"),
        settings: &[],
    };
    let bound = |home: &str| -> Vec<PathBuf> {
        let read = machine.read_command(Some(home), &READING);
        let inputs = read.inputs.iter();
        let settings = inputs.filter(|input| input.role == "settings");
        settings.map(|input| input.path.clone()).collect()
    };
    let other = ["/tmp/home/.sqliterc", "/tmp/home/.config/sqlite3/sqliterc"];
    let both = [OF_ACCOUNT, other].concat();
    assert_eq!(bound("/tmp/home"), paths(&both));
    assert_eq!(bound("/home/ci"), paths(&OF_ACCOUNT), "each once");
}

#[test]
fn who_has_no_account_has_the_home_that_is_said_and_one_that_can_not_be_told_asks() {
    let nobody = Machine {
        account: Account::Nobody,
        settings: &OF_ACCOUNT,
    };
    assert_eq!(nobody.effect_of_reading(Some("/tmp/home")), Effect::Read);
    let untold = Machine {
        account: Account::Untold,
        ..nobody
    };
    assert_eq!(untold.effect_of_reading(Some("/tmp/home")), Effect::Unknown);
}
