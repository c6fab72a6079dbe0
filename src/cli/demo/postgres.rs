//! The scenario on psql: a `PostgreSQL` of the demo's own, on a socket in its
//! folder, where the server's programs are installed.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Gid, Uid, User, geteuid};

use super::ground::must_succeed;
use super::place::{Place, cannot};
use super::scenario::Scenario;
use crate::failure::{Failure, FailureKind};

/// Where Debian and others put the server's programs.
const FOLDERS: [&str; 3] = ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt"];
/// The user that `PostgreSQL` runs as where gate runs as root, which it refuses.
const UNPRIVILEGED: &str = "nobody";

/// Who the server runs as, where it is somebody else than the caller.
type Owner = Option<(Uid, Gid)>;

pub(super) fn prepare(place: &Place) -> Result<Scenario, Failure> {
    let programs = programs().ok_or_else(|| {
        let text = "no PostgreSQL server is installed here";
        Failure::new(FailureKind::NotFound, text)
    })?;
    let folder = place
        .folder("postgres")
        .map_err(|error| cannot("make a folder", error))?;
    let owner = owner()?;
    if let Some((user, group)) = owner {
        chown(&folder, Some(user.as_raw()), Some(group.as_raw()))
            .map_err(|error| cannot("give a folder away", error))?;
    }
    let cluster = Cluster::start(owner, programs, &folder)?;
    let env = vec![
        ("PGHOST", folder.to_string_lossy().into_owned()),
        ("PGUSER", "postgres".to_owned()),
        ("PGDATABASE", "postgres".to_owned()),
    ];
    let real = |statement: &str| {
        let mut command = place.real("psql");
        command.args(["-XAtqc", statement]).envs(env.clone());
        command
    };
    must_succeed(&mut real("create table web as select 'v1' as release"))?;
    let statement = |sql: &str| {
        let words = ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-c", sql];
        words.map(str::to_owned).to_vec()
    };
    Ok(Scenario {
        tool: "psql",
        read: statement("select release from web"),
        change: statement("update web set release = 'v2'"),
        failing: statement("drop table no_such_table"),
        failing_code: 1,
        state: real("select release from web"),
        folder,
        env,
        cluster: Some(cluster),
    })
}

fn owner() -> Result<Owner, Failure> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let user = User::from_name(UNPRIVILEGED)
        .map_err(|error| cannot("look up a user", error))?
        .ok_or_else(|| {
            let text = format!("there is no user `{UNPRIVILEGED}` to run PostgreSQL as");
            Failure::new(FailureKind::Internal, text)
        })?;
    Ok(Some((user.uid, user.gid)))
}

/// A `PostgreSQL` of the demo's own.
pub(super) struct Cluster {
    owner: Owner,
    programs: PathBuf,
    folder: PathBuf,
    data: String,
    may_run: bool,
}

impl Cluster {
    /// Makes a cluster in `folder` and starts its server on a socket there.
    fn start(owner: Owner, programs: PathBuf, folder: &Path) -> Result<Self, Failure> {
        let data = folder.join("data");
        let mut cluster = Cluster {
            owner,
            programs,
            folder: folder.to_owned(),
            data: data.to_string_lossy().into_owned(),
            may_run: false,
        };
        let options = format!(
            "-c listen_addresses= -c unix_socket_directories={}",
            folder.display()
        );
        let initdb = [
            "-D",
            &cluster.data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-N",
            "--locale=C.UTF-8",
            "-E",
            "UTF8",
        ];
        must_succeed(&mut cluster.command("initdb", &initdb))?;
        cluster.may_run = true;
        let log = folder.join("log").to_string_lossy().into_owned();
        must_succeed(&mut cluster.command(
            "pg_ctl",
            &[
                "-D",
                &cluster.data,
                "-l",
                &log,
                "-w",
                "-o",
                &options,
                "start",
            ],
        ))?;
        Ok(cluster)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join(program));
        if let Some((user, group)) = self.owner {
            command.uid(user.as_raw()).gid(group.as_raw());
        }
        command.args(arguments).current_dir(&self.folder);
        command
    }
}

impl Drop for Cluster {
    /// Stops the server, however the demo ended.
    fn drop(&mut self) {
        if !self.may_run {
            return;
        }
        let stop = ["-D", self.data.as_str(), "-m", "immediate", "-w", "stop"];
        if must_succeed(&mut self.command("pg_ctl", &stop)).is_err() {
            crate::report::line("the demo's PostgreSQL could not be stopped");
        }
    }
}

/// Returns the folder with `initdb` and `pg_ctl` of the newest server.
fn programs() -> Option<PathBuf> {
    let versions = FOLDERS
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok());
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder: &PathBuf| is_complete(folder))
        .collect();
    found.sort();
    found.pop()
}

fn is_complete(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("pg_ctl").is_file()
}
