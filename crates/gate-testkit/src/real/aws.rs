//! moto, an emulator of AWS, on loopback. It accepts any credentials.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::daemon::{folder, with_free_ports};
use super::{Daemon, Environment, RealError, locate};

const READY_WITHIN: Duration = Duration::from_mins(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A running moto server.
#[derive(Debug)]
pub struct Moto {
    server: Daemon,
    port: u16,
    _folder: TempDir,
}

impl Moto {
    /// Starts the emulator, empty but for the policies that AWS manages.
    ///
    /// # Errors
    /// [`RealError`] when it is missing or not ready within a minute.
    pub fn start() -> Result<Self, RealError> {
        let folder = folder()?;
        let program = locate("moto_server")?;
        let (port, server) = with_free_ports(|[port]| {
            let mut command = Command::new(&program);
            command
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .env("HOME", folder.path())
                .env("TMPDIR", folder.path())
                // Without it no policy of AWS's own can be attached.
                .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
                .args(["-H", "127.0.0.1", "-p", &port.to_string()])
                .current_dir(folder.path());
            let log = folder.path().join("log");
            let mut server = Daemon::start("moto_server", &mut command, Stdio::null(), &log)?;
            server.wait_until(READY_WITHIN, || {
                Ok(request(port, "GET", "/moto-api/data.json").is_ok())
            })?;
            Ok((port, server))
        })?;
        Ok(Self {
            server,
            port,
            _folder: folder,
        })
    }

    /// Returns what the aws command line needs to talk to the emulator and to nothing else.
    ///
    /// The region is never us-east-1: there the first version of the command line ignores
    /// `AWS_ENDPOINT_URL` for some services and dials out.
    pub fn environment(&self) -> Environment {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint().into()),
            ("AWS_ACCESS_KEY_ID", "testing".into()),
            ("AWS_SECRET_ACCESS_KEY", "testing".into()),
            ("AWS_DEFAULT_REGION", "eu-west-1".into()),
            ("AWS_PAGER", "".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("AWS_CONFIG_FILE", "/dev/null".into()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".into()),
        ]
    }

    /// Returns the emulator's URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the server's process id.
    pub fn process_id(&self) -> u32 {
        self.server.id()
    }

    /// Returns all that the emulator holds, by service and kind: the oracle.
    ///
    /// # Errors
    /// [`RealError`] when it doesn't answer with JSON.
    pub fn state(&self) -> Result<Value, RealError> {
        let body = request(self.port, "GET", "/moto-api/data.json")?;
        serde_json::from_str(&body).map_err(|error| RealError::unreadable("moto's state", error))
    }

    /// Empties the emulator.
    ///
    /// # Errors
    /// [`RealError`] when it doesn't answer.
    pub fn reset(&self) -> Result<(), RealError> {
        request(self.port, "POST", "/moto-api/reset").map(drop)
    }

    /// Stops the emulator and waits for its end.
    ///
    /// # Errors
    /// [`RealError::System`] when it cannot be waited for.
    pub fn stop(mut self) -> Result<(), RealError> {
        self.server.stop(Duration::from_secs(10)).map(drop)
    }
}

/// Sends one request and returns the body of its answer, which must be a 200. HTTP/1.0, so that the
/// answer ends with the connection.
fn request(port: u16, method: &str, path: &str) -> Result<String, RealError> {
    let attempt = || RealError::system(format!("ask moto for {path}"));
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(attempt())?;
    stream
        .set_read_timeout(Some(ANSWER_WITHIN))
        .map_err(attempt())?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
    )
    .map_err(attempt())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(attempt())?;
    let answer = String::from_utf8_lossy(&bytes);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| RealError::unreadable("moto's answer", "it has no end of headers"))?;
    if head.split(' ').nth(1) != Some("200") {
        let status = head.lines().next().unwrap_or_default();
        return Err(RealError::unreadable("moto's answer", status));
    }
    Ok(body.to_owned())
}
