//! Places that keep secrets: a Secret Service on a session bus of its own, and the kernel's keyring.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::daemon::{folder, write};
use super::{Daemon, Environment, RealError, locate, run};

const READY_WITHIN: Duration = Duration::from_secs(30);
const NAME: &str = "org.freedesktop.secrets";
const PASSWORD: &str = "login\n";

/// gnome-keyring-daemon behind a D-Bus of its own, with its own folders.
#[derive(Debug)]
pub struct SecretService {
    // Dropped in this order: the service before the bus it stands on.
    keyring: Daemon,
    bus: Daemon,
    folder: TempDir,
}

impl SecretService {
    /// Starts the service with its login keyring unlocked.
    ///
    /// # Errors
    /// [`RealError`] when a program is missing or not ready within half a minute.
    pub fn start() -> Result<Self, RealError> {
        Self::start_with(&["--unlock"])
    }

    /// Starts the service without unlocking anything: it asks for a prompt that nobody answers.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_locked() -> Result<Self, RealError> {
        Self::start_with(&[])
    }

    fn start_with(arguments: &[&str]) -> Result<Self, RealError> {
        let folder = folder()?;
        for name in ["run", "data", "home"] {
            let path = folder.path().join(name);
            fs::create_dir(&path)
                .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o700)))
                .map_err(RealError::system("make a folder"))?;
        }
        let bus = start_bus(folder.path())?;
        let input = folder.path().join("password");
        write(&input, PASSWORD)?;
        let mut command = Command::new(locate("gnome-keyring-daemon")?);
        command
            .env_clear()
            .envs(environment(folder.path()))
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", folder.path().join("home"))
            // In the foreground it stays the process that we started.
            .args(["--foreground", "--components=secrets"])
            .arg("--control-directory")
            .arg(folder.path().join("run/keyring"))
            .args(arguments)
            .current_dir(folder.path());
        let stdin = File::open(&input).map_err(RealError::system("open the password"))?;
        let log = folder.path().join("keyring.log");
        let mut keyring = Daemon::start("gnome-keyring-daemon", &mut command, stdin.into(), &log)?;
        keyring.wait_until(READY_WITHIN, || owns_name(folder.path()))?;
        Ok(Self {
            keyring,
            bus,
            folder,
        })
    }

    /// Returns what a client needs to find this service and no other.
    pub fn environment(&self) -> Environment {
        environment(self.folder.path())
    }

    /// Returns the process ids of the service and its bus.
    pub fn process_ids(&self) -> [u32; 2] {
        [self.keyring.id(), self.bus.id()]
    }

    /// Stops the service and its bus and waits for their end.
    ///
    /// # Errors
    /// [`RealError::System`] when they cannot be waited for.
    pub fn stop(mut self) -> Result<(), RealError> {
        self.keyring.stop(Duration::from_secs(5))?;
        self.bus.stop(Duration::from_secs(5)).map(drop)
    }
}

fn environment(folder: &Path) -> Environment {
    vec![
        (
            "DBUS_SESSION_BUS_ADDRESS",
            format!("unix:path={}", bus_socket(folder).display()).into(),
        ),
        ("XDG_RUNTIME_DIR", folder.join("run").into()),
        ("XDG_DATA_HOME", folder.join("data").into()),
    ]
}

fn bus_socket(folder: &Path) -> PathBuf {
    folder.join("bus")
}

/// Starts a bus that activates nothing: with the machine's service files it would start a second
/// keyring by itself, one that nobody stops.
fn start_bus(folder: &Path) -> Result<Daemon, RealError> {
    let configuration = folder.join("bus.conf");
    let socket = bus_socket(folder);
    write(
        &configuration,
        format!(
            "<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\"/><allow receive_sender=\"*\"/>\
             <allow own=\"*\"/></policy></busconfig>\n",
            socket.display()
        ),
    )?;
    let mut command = Command::new(locate("dbus-daemon")?);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("XDG_RUNTIME_DIR", folder.join("run"))
        .arg(format!("--config-file={}", configuration.display()))
        .args(["--nofork", "--nopidfile"])
        .current_dir(folder);
    let mut bus = Daemon::start(
        "dbus-daemon",
        &mut command,
        Stdio::null(),
        &folder.join("bus.log"),
    )?;
    bus.wait_until(READY_WITHIN, || Ok(socket.exists()))?;
    Ok(bus)
}

fn owns_name(folder: &Path) -> Result<bool, RealError> {
    let mut command = Command::new(locate("dbus-send")?);
    command
        .env_clear()
        .envs(environment(folder))
        .args([
            "--session",
            "--print-reply=literal",
            "--dest=org.freedesktop.DBus",
            "/",
        ])
        .arg("org.freedesktop.DBus.NameHasOwner")
        .arg(format!("string:{NAME}"));
    let answer = run(&mut command, Duration::from_secs(10))?;
    Ok(answer.status.success() && answer.stdout.contains("true"))
}

/// Returns a command that runs `program` in a new session keyring of the kernel, where it finds no key
/// of ours and may write its own. Arguments and environment are the caller's to add.
///
/// # Errors
/// [`RealError::ToolMissing`] without keyctl(1).
pub fn kernel_session(program: impl AsRef<OsStr>) -> Result<Command, RealError> {
    let mut command = Command::new(locate("keyctl")?);
    // A session without a name is always a new one.
    command.args(["session", "-"]).arg(program);
    Ok(command)
}
