//! sqlite3, in a folder with databases whose bytes are compared before and after.

mod grammar;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gate_testkit::real::{locate, run, run_with_input};

pub use grammar::case;

use crate::play::Stage;
use crate::sandbox::Placed;
use crate::{Case, Outcome, Said, Sandbox, Seen};

const SEED: &str = include_str!("seed.sql");
/// How long the databases may take to be made.
const WITHIN: Duration = Duration::from_secs(20);

/// A sqlite3 with its databases.
#[derive(Debug)]
pub struct Sqlite {
    tool: PathBuf,
    sandbox: Sandbox,
    _folder: tempfile::TempDir,
}

impl Sqlite {
    /// Makes the databases.
    ///
    /// # Errors
    /// There is no sqlite3, or it does not work.
    pub fn new() -> Outcome<Self> {
        let real = locate("sqlite3")?;
        let folder = tempfile::tempdir()?;
        let mut sandbox = Sandbox::new()?;
        sandbox.name("nl", "\n".to_owned());
        for name in ["canary", "xdg-open"] {
            sandbox.canary(name);
        }
        for (name, more) in [("app.db", ""), ("wal.db", "pragma journal_mode = wal;")] {
            let database = folder.path().join(name);
            let mut make = Command::new(&real);
            make.env_clear().arg(&database);
            run_with_input(&mut make, format!("{SEED}{more}").as_bytes(), WITHIN)?.success()?;
            sandbox.keep(&format!("cwd/{name}"), fs::read(&database)?);
        }
        let archive = folder.path().join("in.zip");
        let mut make = Command::new(&real);
        make.env_clear()
            .current_dir(folder.path())
            .args(["-A", "-cf", "in.zip", "app.db"]);
        run(&mut make, WITHIN)?.success()?;
        sandbox.keep("cwd/in.zip", fs::read(archive)?);
        sandbox.keep("cwd/other.db", fs::read(folder.path().join("app.db"))?);
        sandbox.keep("cwd/inner.sql", "delete from t;\n");
        sandbox.keep("cwd/read.sql", "select 1;\n");
        sandbox.keep("cwd/shell.sql", ".shell canary\n");
        sandbox.keep("cwd/rows.csv", "50,fifty\n");
        sandbox.keep("cwd/kept.txt", "kept");
        sandbox.keep("cwd/.sqliterc", ".shell canary\n");
        sandbox.keep("cwd/sqlite3/sqliterc", ".shell canary\n");
        sandbox.link("cwd/link.db", Path::new("app.db"));
        let tool = folder.path().join("sqlite3");
        fs::write(&tool, starter(&sandbox.path("home"), &real)?)?;
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755))?;
        Ok(Self {
            tool,
            sandbox,
            _folder: folder,
        })
    }
}

/// Returns a script that starts sqlite3 where the home of the account is that of the
/// sandbox: sqlite3 asks the system for it, whatever `HOME` is. What runs for ever ends.
fn starter(home: &Path, real: &Path) -> Outcome<String> {
    let is_root = fs::metadata("/proc/self")?.uid() == 0;
    let options = if is_root { "-m" } else { "-Urm" };
    Ok(format!(
        "#!/bin/sh\nulimit -t 2\nexec unshare {options} /bin/sh -c \
         'mount --bind \"$0\" ~root && exec \"$@\"' '{}' '{}' \"$@\"\n",
        home.display(),
        real.display()
    ))
}

impl Stage for Sqlite {
    fn place(&mut self, case: &Case) -> Outcome<Placed> {
        self.sandbox.place(case)
    }

    fn see(&mut self, placed: &Placed, said: &Said) -> Outcome<Seen> {
        let (mut seen, changed) = self.sandbox.watch(&self.tool, placed, said, &[0])?;
        for path in changed {
            let is_empty = fs::metadata(self.sandbox.path(&path)).is_ok_and(|file| file.len() == 0);
            // What SQLite keeps beside a database with a log; there is nothing in it.
            if path.ends_with("-shm") || (is_empty && path.ends_with("-wal")) {
                continue;
            }
            if is_empty
                && Path::new(&path)
                    .extension()
                    .is_some_and(|kind| kind == "db")
            {
                seen.local.push(format!("made: {path}"));
            } else {
                seen.wrote([path]);
            }
        }
        Ok(seen)
    }
}
