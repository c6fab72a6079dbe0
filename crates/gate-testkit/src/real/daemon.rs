//! One server process that a component owns: started with a log, waited for, ended by its id.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::RealError;

const POLL: Duration = Duration::from_millis(20);
const LOG_TAIL_LINES: usize = 25;

/// A running server process. Dropping it ends the process and waits for its end.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
    /// The signal that asks this program to end in good order.
    farewell: Signal,
}

impl Daemon {
    /// Starts a command with stdout and stderr in `log` and no stdin unless the command has one.
    ///
    /// # Errors
    /// [`RealError::System`] when the log or the process cannot be made.
    pub fn start(
        name: &str,
        command: &mut Command,
        stdin: Stdio,
        log: &Path,
    ) -> Result<Self, RealError> {
        let file =
            File::create(log).map_err(RealError::system(format!("write `{}`", log.display())))?;
        let again = file
            .try_clone()
            .map_err(RealError::system("duplicate a file descriptor"))?;
        let child = command
            .stdin(stdin)
            .stdout(file)
            .stderr(again)
            .spawn()
            .map_err(RealError::system(format!("start {name}")))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
            farewell: Signal::SIGTERM,
        })
    }

    /// Ends the process by another signal than SIGTERM.
    #[must_use]
    pub fn ended_by(mut self, signal: Signal) -> Self {
        self.farewell = signal;
        self
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `is_ready` says so, the process ends or `within` is over.
    ///
    /// # Errors
    /// [`RealError::Ended`] or [`RealError::NotReady`], both with the end of the log; or what `is_ready`
    /// could not bear.
    pub fn wait_until(
        &mut self,
        within: Duration,
        mut is_ready: impl FnMut() -> Result<bool, RealError>,
    ) -> Result<(), RealError> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.poll_end()? {
                return Err(RealError::Ended {
                    component: self.name.clone(),
                    status,
                    log_tail: self.log_tail(),
                });
            }
            if is_ready()? {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(RealError::NotReady {
                    component: self.name.clone(),
                    waited: within,
                    log_tail: self.log_tail(),
                });
            }
            thread::sleep(POLL);
        }
    }

    /// Returns the whole log as it is now.
    ///
    /// # Errors
    /// [`RealError::System`] when it cannot be read.
    pub fn log(&self) -> Result<String, RealError> {
        let bytes = fs::read(&self.log)
            .map_err(RealError::system(format!("read `{}`", self.log.display())))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Ends the process in good order, by SIGKILL when that takes longer than `within`.
    ///
    /// # Errors
    /// [`RealError::System`] when it cannot be waited for.
    pub fn stop(&mut self, within: Duration) -> Result<ExitStatus, RealError> {
        if let Some(status) = self.poll_end()? {
            return Ok(status);
        }
        // Not reaped yet, so the id is still this process's.
        self.signal(self.farewell);
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if let Some(status) = self.poll_end()? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        self.stop_by(Signal::SIGKILL)
    }

    /// Ends the process without a word and waits for its end.
    ///
    /// # Errors
    /// [`RealError::System`] when it cannot be waited for.
    pub fn kill(&mut self) -> Result<ExitStatus, RealError> {
        self.stop_by(Signal::SIGKILL)
    }

    /// Sends a signal to the process and to every child of it.
    ///
    /// # Errors
    /// [`RealError::System`] when the children cannot be listed.
    pub(crate) fn signal_family(&self, signal: Signal) -> Result<(), RealError> {
        let id = self.child.id();
        let list = format!("/proc/{id}/task/{id}/children");
        self.signal(signal);
        let children =
            fs::read_to_string(&list).map_err(RealError::system(format!("read `{list}`")))?;
        for child in children.split(' ').filter_map(|id| id.parse().ok()) {
            // One that has ended meanwhile needs no signal.
            let _ = kill(Pid::from_raw(child), signal);
        }
        Ok(())
    }

    fn stop_by(&mut self, signal: Signal) -> Result<ExitStatus, RealError> {
        // Not reaped yet, so the id is still this process's.
        self.signal(signal);
        self.child
            .wait()
            .map_err(RealError::system(format!("wait for {}", self.name)))
    }

    fn signal(&self, signal: Signal) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            // The only failure is that it has ended.
            let _ = kill(Pid::from_raw(id), signal);
        }
    }

    fn poll_end(&mut self) -> Result<Option<ExitStatus>, RealError> {
        self.child
            .try_wait()
            .map_err(RealError::system(format!("wait for {}", self.name)))
    }

    fn log_tail(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let from = lines.len().saturating_sub(LOG_TAIL_LINES);
        lines.get(from..).unwrap_or_default().join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Nobody is left to tell; the process is gone or cannot be waited for.
        drop(self.stop(Duration::from_secs(5)));
    }
}

/// Starts something on free ports, again with others when another process took one in between.
pub(crate) fn with_free_ports<const COUNT: usize, Started>(
    mut start: impl FnMut([u16; COUNT]) -> Result<Started, RealError>,
) -> Result<Started, RealError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match start(free_ports()?) {
            Err(RealError::Ended { log_tail, .. })
                if attempts < 4 && log_tail.to_lowercase().contains("address already in use") => {}
            result => return result,
        }
    }
}

/// Ports of the loopback interface that are free now.
fn free_ports<const COUNT: usize>() -> Result<[u16; COUNT], RealError> {
    let attempt = || RealError::system("find a free port");
    let mut ports = [0; COUNT];
    // All are held until the last is known, so that none is given twice.
    let mut listeners = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(attempt())?;
        *port = listener.local_addr().map_err(attempt())?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

/// Returns a server's program with nothing of the test's environment.
pub(crate) fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        // Lets tests/run recognise what a killed test left behind.
        .env("TMPDIR", std::env::temp_dir())
        .current_dir("/");
    command
}

/// Makes a temporary folder that other users can pass through.
pub(crate) fn folder() -> Result<tempfile::TempDir, RealError> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix("real-")
        .permissions(fs::Permissions::from_mode(0o711))
        .tempdir()
        .map_err(RealError::system("make a temporary folder"))
}

/// Writes a file of a component.
pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), RealError> {
    fs::write(path, text).map_err(RealError::system(format!("write `{}`", path.display())))
}
