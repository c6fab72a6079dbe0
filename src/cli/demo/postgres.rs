//! The scenario on psql: a `PostgreSQL` of the demo's own, on a socket in its
//! folder, where the server's programs are installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::place::{Place, cannot};
use super::scenario::{Scenario, must_succeed};
use crate::failure::Failure;

/// Where Debian and others put the server's programs.
const FOLDERS: [&str; 3] = ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt"];
/// The user that `PostgreSQL` runs as where gate runs as root, which it refuses.
const UNPRIVILEGED: &str = "nobody";

/// Prepares the scenario; `None` where no server can be started here.
pub(super) fn prepare(place: &Place) -> Result<Option<Scenario>, Failure> {
    let Some(programs) = programs() else {
        return Ok(None);
    };
    let folder = place
        .folder("postgres")
        .map_err(|error| cannot("make a folder", error))?;
    let as_root = nix::unistd::geteuid().is_root();
    if as_root
        && !Command::new("chown")
            .arg(UNPRIVILEGED)
            .arg(&folder)
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    {
        return Ok(None);
    }
    let cluster = Cluster::start(as_root, programs, &folder)?;
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
    Ok(Some(Scenario {
        tool: "psql",
        read: statement("select release from web"),
        change: statement("update web set release = 'v2'"),
        failing: statement("drop table no_such_table"),
        failing_code: 1,
        state: real("select release from web"),
        folder,
        env,
        cluster: Some(cluster),
    }))
}

/// A `PostgreSQL` of the demo's own.
pub(super) struct Cluster {
    as_root: bool,
    programs: PathBuf,
    folder: PathBuf,
    data: String,
    may_run: bool,
}

impl Cluster {
    /// Makes a cluster in `folder` and starts its server on a socket there.
    fn start(as_root: bool, programs: PathBuf, folder: &Path) -> Result<Self, Failure> {
        let data = folder.join("data");
        let mut cluster = Cluster {
            as_root,
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
        let program = self.programs.join(program);
        let mut command = if self.as_root {
            let mut command = Command::new("runuser");
            command.args(["-u", UNPRIVILEGED, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
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
