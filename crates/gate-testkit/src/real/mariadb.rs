//! A real `MariaDB` server on loopback and a socket.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::unistd::geteuid;
use tempfile::TempDir;

use super::daemon::{bare, folder, with_free_ports};
use super::locate::locate_mariadb;
use super::{Daemon, RealError, run_with_input};

const READY_WITHIN: Duration = Duration::from_mins(1);
/// What the server's own tables are made by, in the order of the maker's own script.
const TABLES: [&str; 3] = [
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
];

/// A `MariaDB` server without a database of its own, whose user `root` has no password at the socket.
#[derive(Debug)]
pub struct MariaDb {
    // Fields are dropped in this order: the server must be gone before its folder.
    _server: Daemon,
    base: PathBuf,
    client: PathBuf,
    _folder: TempDir,
}

impl MariaDb {
    /// Makes the server's tables and starts it; for root, both as root: nobody else may be where
    /// the testbed is.
    ///
    /// # Errors
    /// [`RealError`] when a program is missing, fails or is not ready within a minute.
    pub fn start() -> Result<Self, RealError> {
        let installed = locate_mariadb()?;
        let folder = folder()?;
        let base = folder.path().join("my");
        make_tables(&installed, &base)?;
        let (_, server) = with_free_ports(|[port]| Ok((port, serve(&installed, &base, port)?)))?;
        Ok(Self {
            _server: server,
            base,
            client: installed.join("bin/mariadb"),
            _folder: folder,
        })
    }

    /// Returns the path of the client.
    pub fn client(&self) -> &Path {
        &self.client
    }

    /// Returns the path of the socket.
    pub fn socket(&self) -> PathBuf {
        socket(&self.base)
    }

    /// Returns the folder of the server's files, which everybody can list.
    pub fn data(&self) -> PathBuf {
        self.base.join("data")
    }
}

fn socket(base: &Path) -> PathBuf {
    base.join("s")
}

/// The server with what a start and the making of its tables have in common.
fn server(installed: &Path, base: &Path) -> Command {
    let mut command = bare(&installed.join("sbin/mariadbd"));
    command.arg("--no-defaults");
    if geteuid().is_root() {
        command.arg("--user=root");
    }
    for (name, folder) in [
        ("datadir", base.join("data")),
        ("tmpdir", base.to_owned()),
        ("lc-messages-dir", installed.join("share/mysql")),
        ("character-sets-dir", installed.join("share/mysql/charsets")),
        ("plugin-dir", installed.join("lib/mysql/plugin")),
    ] {
        command.arg(format!("--{name}={}", folder.display()));
    }
    // Nothing here has to outlive the machine.
    command.args([
        "--innodb-flush-method=nosync",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=16M",
        "--innodb-log-file-size=8M",
        "--aria-pagecache-buffer-size=8M",
        "--key-buffer-size=1M",
        "--debug-no-sync",
    ]);
    command
}

fn make_tables(installed: &Path, base: &Path) -> Result<(), RealError> {
    let data = base.join("data");
    fs::create_dir_all(&data).map_err(RealError::system(format!("make `{}`", data.display())))?;
    let mut statements = b"create database mysql;\nuse mysql;\n".to_vec();
    for name in TABLES {
        let path = installed.join("share/mysql").join(name);
        let text =
            fs::read(&path).map_err(RealError::system(format!("read `{}`", path.display())))?;
        statements.extend(text);
    }
    let mut bootstrap = server(installed, base);
    bootstrap.arg("--bootstrap");
    run_with_input(&mut bootstrap, &statements, READY_WITHIN)?.success()?;
    Ok(())
}

fn serve(installed: &Path, base: &Path, port: u16) -> Result<Daemon, RealError> {
    let socket = socket(base);
    let mut command = server(installed, base);
    command
        .args(["--bind-address=127.0.0.1", "--skip-name-resolve"])
        .arg(format!("--port={port}"))
        .arg(format!("--socket={}", socket.display()))
        .arg(format!("--pid-file={}", base.join("pid").display()))
        .args(["--log-bin=changes", "--binlog-format=row", "--server-id=1"])
        .arg("--log-bin-trust-function-creators=1");
    let log = base.join("log");
    let mut server = Daemon::start("mariadbd", &mut command, Stdio::null(), &log)?;
    let said = log.clone();
    server.wait_until(READY_WITHIN, || {
        let text = fs::read_to_string(&said).unwrap_or_default();
        Ok(text.contains("ready for connections"))
    })?;
    Ok(server)
}
