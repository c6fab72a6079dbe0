//! The demo's folder: configuration, state, shims, and what the scenario needs.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gate_client::ServerUrl;
use gate_exec::{Exclusions, SHIM_FOLDER_MARKER};
use gate_protocol::inert::inert;

use super::cargo::{self, Before};
use super::ground::must_succeed;
use super::serving::Serving;
use crate::config::Sourced;
use crate::failure::{Failure, FailureKind};
use crate::layout::DEMO_PROGRAM;
use crate::world::World;

/// The tools that are wrapped where they are installed.
const TOOLS: [&str; 6] = ["terraform", "tofu", "kubectl", "aws", "psql", "git"];

/// One temporary folder with everything in it.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    program: PathBuf,
    has_own_copy: bool,
    path: OsString,
    caller_path: OsString,
    tools: Vec<&'static str>,
    shell: OsString,
    before_cargo: Vec<Before>,
}

impl Place {
    /// Makes the folder and the shims; where the machine's owner has a server,
    /// with a copy of gate that asks the demo's.
    pub(super) fn make(
        world: &World,
        owners: Option<&Sourced<ServerUrl>>,
    ) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(|error| cannot("find gate itself", error))?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| cannot("get random bytes", error))?;
        let name = format!("gate-demo-{:016x}", u64::from_ne_bytes(random));
        let root = std::env::temp_dir().join(name);
        // Others may pass through, since PostgreSQL runs as another user than root.
        std::fs::DirBuilder::new()
            .mode(0o711)
            .create(&root)
            .map_err(|error| {
                cannot(
                    &format!("make its folder `{}`", inert(&root.to_string_lossy())),
                    error,
                )
                .hint("set TMPDIR to a folder that you can write")
            })?;
        let caller_path = world.env_os("PATH").unwrap_or_default();
        let tools = installed(caller_path)?;
        let mut place = Self {
            has_own_copy: owners.is_some(),
            path: joined(&root.join("shims"), caller_path),
            caller_path: caller_path.to_owned(),
            before_cargo: cargo::before(world, &program),
            root,
            program,
            tools,
            shell: world.env_os("SHELL").unwrap_or("/bin/sh".as_ref()).into(),
        };
        if place.has_own_copy {
            place.program = place
                .own_copy()
                .map_err(|error| cannot("copy gate", error))?;
        }
        place
            .install_shims()
            .map_err(|error| cannot("make the shims", error))?;
        Ok(place)
    }

    /// Copies gate, and returns a path by which it is called `gate`.
    fn own_copy(&self) -> std::io::Result<PathBuf> {
        let copy = self.root.join(DEMO_PROGRAM);
        std::fs::hard_link(&self.program, &copy)
            .or_else(|_| std::fs::copy(&self.program, &copy).map(drop))?;
        let program = self.folder("bin")?.join("gate");
        std::os::unix::fs::symlink(copy, &program)?;
        Ok(program)
    }

    fn install_shims(&self) -> std::io::Result<()> {
        self.folder("home")?;
        let shims = self.folder("shims")?;
        std::fs::write(shims.join(SHIM_FOLDER_MARKER), b"")?;
        for tool in &self.tools {
            std::os::unix::fs::symlink(&self.program, shims.join(tool))?;
        }
        // What gate hints at names `gate`, which need not be installed.
        std::os::unix::fs::symlink(&self.program, shims.join("gate"))
    }

    /// Writes the configuration that the wrapped tools use, and `as-bob`.
    pub(super) fn configure(&self, serving: &Serving) -> Result<(), Failure> {
        let (url, key) = (serving.url(), serving.key());
        let config = format!("[server]\nurl = '{url}'\n\n[keys]\n'{url}' = '{key}'\n");
        let as_bob = format!(
            "#!/bin/sh\n# Acts as bob, who may approve.\nGATE_CONFIG='{}' XDG_STATE_HOME='{}' \
             GATE_TOKEN='{}' exec '{}' \"$@\"\n",
            self.config().display(),
            self.root.join("bob").display(),
            serving.bob(),
            self.program.display(),
        );
        let write = |path: &Path, content: String, mode: u32| {
            new_file(path, mode)?.write_all(content.as_bytes())
        };
        write(&self.config(), config, 0o600)
            .and_then(|()| write(&self.as_bob(), as_bob, 0o700))
            .map_err(|error| cannot("write the demo's configuration", error))?;
        if self.has_own_copy {
            // The machine's owner may demand that the server's rules are in force.
            must_succeed(self.gate(serving.agent()).args(["rules", "pull"]))?;
        }
        Ok(())
    }

    /// Makes a folder below the root.
    pub(super) fn folder(&self, name: &str) -> std::io::Result<PathBuf> {
        let folder = self.root.join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Returns the path of something below the root.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The wrapped tools.
    pub(super) fn tools(&self) -> &[&'static str] {
        &self.tools
    }

    /// The folder that is first on the wrapped tools' PATH.
    pub(super) fn shims(&self) -> PathBuf {
        self.root.join("shims")
    }

    /// The user's shell.
    pub(super) fn shell(&self) -> &Path {
        Path::new(&self.shell)
    }

    /// The script that runs gate as bob.
    pub(super) fn as_bob(&self) -> PathBuf {
        self.root.join("as-bob")
    }

    /// The folder of the server's data.
    pub(super) fn server_data(&self) -> PathBuf {
        self.root.join("server")
    }

    fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// Returns a command as the demo's agent runs it: wrapped, with its token,
    /// and without what cargo added for gate alone.
    pub(super) fn wrapped(&self, program: impl AsRef<OsStr>, token: &str) -> Command {
        let mut command = Command::new(program);
        for (name, value) in &self.before_cargo {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.let_ask(&mut command, token);
        command
    }

    /// Lets a command ask the demo's server with that token.
    fn let_ask(&self, command: &mut Command, token: &str) {
        command
            .env("PATH", &self.path)
            .env("GATE_CONFIG", self.config())
            .env("GATE_TOKEN", token)
            .env("XDG_STATE_HOME", self.root.join("state"))
            .env_remove("GATE_SERVER")
            .env_remove("GATE_REASON");
    }

    /// Returns a wrapped tool, quiet, without stdin, and with nothing of the
    /// user's own configuration.
    pub(super) fn tool(&self, name: &str, token: &str) -> Command {
        let mut command = Command::new(self.shims().join(name));
        command.env_clear();
        self.let_ask(&mut command, token);
        command
            .env("HOME", self.root.join("home"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Returns the real tool, around gate, with nothing of the user's own
    /// configuration.
    pub(super) fn real(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .env_clear()
            .env("PATH", &self.caller_path)
            .env("HOME", self.root.join("home"))
            .stdin(Stdio::null());
        command
    }

    /// Returns gate itself, quiet and without stdin.
    pub(super) fn gate(&self, token: &str) -> Command {
        let mut command = self.wrapped(&self.program, token);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Drop for Place {
    /// Removes the folder, however the demo ended.
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.root) {
            crate::report::line(&format!("the demo's folder could not be removed: {error}"));
        }
    }
}

/// Makes a file that has its mode before it has content: others pass through
/// the folder, and a token is in it.
fn new_file(path: &Path, mode: u32) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path)?;
    // The caller's umask can only have taken rights away, also our own.
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Returns the tools that are on PATH behind gate's own shims.
fn installed(path: &OsStr) -> Result<Vec<&'static str>, Failure> {
    let exclusions =
        Exclusions::of_this_program().map_err(|error| cannot("find gate itself", error))?;
    let is_installed =
        |tool: &&str| gate_exec::resolve(OsStr::new(tool), Some(path), &exclusions).is_ok();
    Ok(TOOLS.into_iter().filter(is_installed).collect())
}

fn joined(first: &Path, rest: &OsStr) -> OsString {
    let mut path = first.as_os_str().to_owned();
    path.push(":");
    path.push(rest);
    path
}

/// Returns the failure of one step of the demo.
pub(super) fn cannot(step: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new(FailureKind::Internal, format!("the demo cannot {step}")).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_token_is_nobody_elses_before_the_token_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o600, 0o700] {
            let path = folder.path().join(format!("{mode:o}"));
            let file = new_file(&path, mode).unwrap();
            let made = file.metadata().unwrap();
            assert_eq!((made.permissions().mode() & 0o7777, made.len()), (mode, 0));
            assert!(new_file(&path, mode).is_err(), "what is there is not ours");
        }
    }
}
