//! A real Postgres server on loopback, with every statement it was given on record.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};
use tempfile::TempDir;

use super::daemon::{bare, folder, with_free_ports, write};
use super::locate::locate_postgres;
use super::{Daemon, Environment, RealError, locate, run};

const PASSWORD: &str = "correct-horse";
const SUPERUSER: &str = "postgres";
/// Marks our own statements, which the oracle leaves out.
const OWN_APPLICATION: &str = "gate-testkit";
const READY_WITHIN: Duration = Duration::from_mins(1);
const STATEMENT_WITHIN: Duration = Duration::from_secs(30);

/// A Postgres server with an empty database `postgres` and a superuser with a password.
#[derive(Debug)]
pub struct Postgres {
    // Fields are dropped in this order: the server must be gone before its folder.
    server: Daemon,
    port: u16,
    base: PathBuf,
    _folder: TempDir,
}

impl Postgres {
    /// Makes a cluster and starts it; as root, both run as the user `nobody`.
    ///
    /// # Errors
    /// [`RealError`] when a program is missing, fails or is not ready within a minute.
    pub fn start() -> Result<Self, RealError> {
        let folder = folder()?;
        let base = folder.path().join("pg");
        let owner = make_owned_folder(&base)?;
        write(&base.join("password"), PASSWORD)?;
        let mut initdb = owner.command(&locate_postgres("initdb")?);
        initdb
            .arg("-D")
            .arg(base.join("data"))
            .args(["-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8", "-N"])
            .arg("--locale=C.UTF-8")
            .arg(format!("--pwfile={}", base.join("password").display()));
        run(&mut initdb, READY_WITHIN)?.success()?;
        Self::serving(&owner, base, folder)
    }

    /// Makes another server that follows this one by its log, reached at `port` on 127.0.0.1, which
    /// may be a relay in between, and answers what only reads until it is promoted.
    ///
    /// # Errors
    /// [`RealError`] as for [`start`](Self::start).
    pub fn standby(&self, port: u16) -> Result<Self, RealError> {
        let folder = folder()?;
        let base = folder.path().join("pg");
        let owner = make_owned_folder(&base)?;
        let mut copy = owner.command(&locate_postgres("pg_basebackup")?);
        copy.env("PGPASSWORD", PASSWORD)
            .args(["-h", "127.0.0.1", "-U", SUPERUSER, "-R", "-c", "fast", "-p"])
            .arg(port.to_string())
            .arg("-D")
            .arg(base.join("data"));
        run(&mut copy, READY_WITHIN)?.success()?;
        Self::serving(&owner, base, folder)
    }

    /// Starts the server of a cluster that is there.
    fn serving(owner: &Owner, base: PathBuf, folder: TempDir) -> Result<Self, RealError> {
        let (port, server) = with_free_ports(|[port]| Ok((port, serve(owner, &base, port)?)))?;
        Ok(Self {
            server,
            port,
            base,
            _folder: folder,
        })
    }

    /// Returns what `psql` needs to reach this server as its superuser.
    pub fn environment(&self) -> Environment {
        vec![
            ("PGHOST", "127.0.0.1".into()),
            ("PGPORT", self.port.to_string().into()),
            ("PGUSER", SUPERUSER.into()),
            ("PGPASSWORD", PASSWORD.into()),
            ("PGDATABASE", "postgres".into()),
        ]
    }

    /// Returns the TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the id of the server's first process.
    pub fn process_id(&self) -> u32 {
        self.server.id()
    }

    /// Returns the folder of the Unix socket, for `PGHOST`.
    pub fn socket_folder(&self) -> &Path {
        &self.base
    }

    /// Runs statements as the superuser and returns what `psql -At` prints. They do not show up in
    /// [`statements`](Self::statements).
    ///
    /// # Errors
    /// [`RealError::Failed`] when a statement fails.
    pub fn sql(&self, statements: &str) -> Result<String, RealError> {
        self.sql_in("postgres", statements)
    }

    /// The same in another of its databases.
    ///
    /// # Errors
    /// As [`sql`](Self::sql).
    pub fn sql_in(&self, database: &str, statements: &str) -> Result<String, RealError> {
        let mut psql = Command::new(locate("psql")?);
        psql.env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("PGAPPNAME", OWN_APPLICATION)
            .envs(self.environment())
            .env("PGDATABASE", database)
            .args([
                "-X",
                "-A",
                "-t",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                statements,
            ])
            .current_dir("/");
        run(&mut psql, STATEMENT_WITHIN)?.success()
    }

    /// Returns every statement that clients sent, in the order in which the server took them up. The
    /// server writes a statement to its log before it runs it.
    ///
    /// # Errors
    /// [`RealError::System`] when the log cannot be read.
    pub fn statements(&self) -> Result<Vec<String>, RealError> {
        Ok(statements_in(&self.server.log()?))
    }

    /// Kills the server without a word: its first process, upon which the others end as after a
    /// crash.
    ///
    /// # Errors
    /// [`RealError::System`] when it cannot be waited for.
    pub fn kill(&mut self) -> Result<(), RealError> {
        self.server.kill().map(drop)
    }

    /// Starts the killed server again on what it left, at the same port.
    ///
    /// # Errors
    /// [`RealError`] when it is not ready within a minute.
    pub fn restart(&mut self) -> Result<(), RealError> {
        let owner = owner()?;
        let begun = Instant::now();
        loop {
            match serve(&owner, &self.base, self.port) {
                // The killed one's children are not gone yet, and hold the memory that they shared.
                Err(RealError::Ended { log_tail, .. })
                    if log_tail.contains("shared memory") && begun.elapsed() < READY_WITHIN =>
                {
                    std::thread::sleep(Duration::from_millis(50));
                }
                served => {
                    self.server = served?;
                    return Ok(());
                }
            }
        }
    }

    /// Stops every process of the server where it is, or lets them go on.
    ///
    /// # Errors
    /// [`RealError::System`] when its processes cannot be listed or signalled.
    pub fn freeze(&self, is_frozen: bool) -> Result<(), RealError> {
        let signal = if is_frozen {
            Signal::SIGSTOP
        } else {
            Signal::SIGCONT
        };
        self.server.signal_family(signal)
    }

    /// Stops the server and waits for its end.
    ///
    /// # Errors
    /// [`RealError::System`] when it cannot be waited for.
    pub fn stop(mut self) -> Result<(), RealError> {
        self.server.stop(Duration::from_secs(20)).map(drop)
    }
}

/// Who runs the server. It refuses to run as root.
struct Owner {
    ids: Option<(u32, u32)>,
}

impl Owner {
    fn command(&self, program: &Path) -> Command {
        let mut command = bare(program);
        if let Some((user, group)) = self.ids {
            command.uid(user).gid(group);
        }
        command
    }
}

fn make_owned_folder(base: &Path) -> Result<Owner, RealError> {
    let attempt = || RealError::system(format!("make `{}`", base.display()));
    fs::create_dir(base).map_err(attempt())?;
    fs::set_permissions(base, fs::Permissions::from_mode(0o755)).map_err(attempt())?;
    let owner = owner()?;
    if let Some((user, group)) = owner.ids {
        chown(base, Some(user), Some(group)).map_err(attempt())?;
    }
    Ok(owner)
}

fn owner() -> Result<Owner, RealError> {
    if !geteuid().is_root() {
        return Ok(Owner { ids: None });
    }
    let nobody = User::from_name("nobody")
        .map_err(|error| RealError::unreadable("the user database", error))?
        .ok_or_else(|| RealError::unreadable("the user database", "there is no user `nobody`"))?;
    let ids = (nobody.uid.as_raw(), nobody.gid.as_raw());
    Ok(Owner { ids: Some(ids) })
}

fn serve(owner: &Owner, base: &Path, port: u16) -> Result<Daemon, RealError> {
    let data = base.join("data");
    let mut command = owner.command(&locate_postgres("postgres")?);
    command.arg("-D").arg(&data);
    for setting in [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={}", base.display()),
        // Nothing here has to outlive the machine.
        "fsync=off".to_owned(),
        "log_statement=all".to_owned(),
        "log_line_prefix=%m|%p|%u|%d|%a|".to_owned(),
    ] {
        command.arg("-c").arg(setting);
    }
    let log = base.join("log");
    // SIGINT is the fast shutdown: it does not wait for clients to leave (postgres(1)).
    let mut server =
        Daemon::start("postgres", &mut command, Stdio::null(), &log)?.ended_by(Signal::SIGINT);
    let status = data.join("postmaster.pid");
    let own = server.id().to_string();
    server.wait_until(READY_WITHIN, || {
        // The server writes its id to the first line and its state to the eighth, for pg_ctl. One
        // that was killed has left both.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = |number| text.lines().nth(number).map(str::trim);
        let is_up = matches!(line(7), Some("ready" | "standby"));
        Ok(line(0) == Some(own.as_str()) && is_up)
    })?;
    Ok(server)
}

fn statements_in(log: &str) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in log.lines() {
        // The further lines of a message begin with a tab.
        if let Some(rest) = line.strip_prefix('\t') {
            if let Some(last) = statements.last_mut().filter(|_| is_open) {
                last.push('\n');
                last.push_str(rest);
            }
            continue;
        }
        let statement = statement_of(line);
        is_open = statement.is_some();
        statements.extend(statement.map(str::to_owned));
    }
    statements
}

/// The statement of a log line `time|process|user|database|application|LOG:  statement: …`.
fn statement_of(line: &str) -> Option<&str> {
    let mut fields = line.splitn(6, '|');
    let application = fields.nth(4)?;
    let message = fields.next()?.strip_prefix("LOG:  ")?;
    if application == OWN_APPLICATION {
        return None;
    }
    if let Some(statement) = message.strip_prefix("statement: ") {
        return Some(statement);
    }
    // The extended protocol: `execute NAME: …`, where the name is `<unnamed>` as a rule.
    let (_, statement) = message.strip_prefix("execute ")?.split_once(": ")?;
    Some(statement)
}

#[cfg(test)]
mod tests {
    use super::statements_in;

    #[test]
    fn statements_are_read_from_the_log_with_all_their_lines() {
        let log = "2026-01-01 00:00:00.000 UTC|7|postgres|postgres|psql|LOG:  statement: select 1,\n\
                   \t  2\n\
                   2026-01-01 00:00:00.001 UTC|7|postgres|postgres|psql|ERROR:  no\n\
                   \tnot this\n\
                   2026-01-01 00:00:00.002 UTC|7|postgres|postgres|gate-testkit|LOG:  statement: ours\n\
                   2026-01-01 00:00:00.003 UTC|8|a|b|app|LOG:  execute <unnamed>: delete from t\n";
        assert_eq!(statements_in(log), ["select 1,\n  2", "delete from t"]);
    }
}
