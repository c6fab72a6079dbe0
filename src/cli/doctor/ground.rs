//! What a command finds that is started in one way: its PATH, and what a shell
//! makes of the tools' names.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gate_protocol::inert::inert;

use super::machine::{self, Found};
use super::sudo::{self, SudoPath};
use super::trial::{Said, Trial};
use super::way::Way;
use super::{container, systemd};
use crate::world::World;

/// How long `crontab -l` may take.
const CRONTAB: Duration = Duration::from_secs(5);
/// The shell that scripts name.
const SH: &str = "/bin/sh";

/// How something came to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The shell was started, and asked.
    Tried(String),
    /// It stands in a file, in the environment, or in a manual.
    Read(String),
}

/// What is known of one way.
#[derive(Debug)]
pub(super) enum Ground {
    /// What a command finds there.
    Known {
        how: How,
        path: Option<OsString>,
        /// What a shell says of each tool; empty where none was asked.
        said: Vec<Said>,
    },
    /// gate can't tell.
    Unknown(String),
    /// Nothing is started in this way here.
    Absent(String),
    /// Nothing of this machine's holds there.
    Elsewhere(String),
}

/// Finds the ground of each way.
pub(super) struct Surveyor<'a> {
    world: &'a World,
    tools: &'a [OsString],
    shell: PathBuf,
    home: PathBuf,
}

impl<'a> Surveyor<'a> {
    /// Prepares to look for `tools`.
    pub(super) fn new(world: &'a World, tools: &'a [OsString]) -> Self {
        Self {
            world,
            tools,
            shell: shell_of(world),
            home: world.env_os("HOME").unwrap_or(OsStr::new("/")).into(),
        }
    }

    /// The user's shell.
    pub(super) fn shell(&self) -> &Path {
        &self.shell
    }

    /// Looks at one way. Some have several grounds: each job of cron has the PATH that stands
    /// before it.
    pub(super) fn survey(&self, way: Way) -> Vec<Ground> {
        let ground = match way {
            Way::Cron | Way::SystemCron if !machine::has_cron() => {
                Ground::Absent("there is no cron here".to_owned())
            }
            Way::Cron => return grounds(machine::cron_paths(self.crontab().as_deref())),
            Way::SystemCron => {
                let found = machine::system_cron_paths();
                if !found.is_empty() {
                    return grounds(found);
                }
                Ground::Absent("the machine has no crontab".to_owned())
            }
            Way::Here => Ground::Known {
                how: How::Read("its PATH".to_owned()),
                path: self.world.variable(OsStr::new("PATH")).map(OsStr::to_owned),
                said: Vec::new(),
            },
            Way::Login => self.ask(&self.shell, &["-l"], self.fresh(&[])),
            Way::Interactive => self.ask(&self.shell, &["-i"], self.fresh(&[])),
            Way::Script => return self.scripts(),
            Way::LoginBash => self.other_shell("bash"),
            Way::LoginZsh => self.other_shell("zsh"),
            // bash reads ~/.bashrc where sshd has started it, which it tells by this variable.
            Way::Ssh => self.ask(
                &self.shell,
                &[],
                self.fresh(&[("SSH_CLIENT", "192.0.2.1 1 22")]),
            ),
            Way::Sudo => self.sudo(),
            Way::Systemd if !systemd::runs() => {
                Ground::Absent("systemd does not run here".to_owned())
            }
            Way::Systemd => read(systemd::path()),
            Way::Container => match container::around(self.world) {
                None => Ground::Elsewhere(
                    "an image has a PATH of its own, and none of these shims".to_owned(),
                ),
                Some(Ok(found)) => read(found),
                Some(Err(why)) => Ground::Unknown(why),
            },
        };
        vec![ground]
    }

    /// Asks what a script of sh finds, and one of bash and zsh where that is something else: these
    /// may read a file first, and take functions from the environment.
    fn scripts(&self) -> Vec<Ground> {
        let ask = |shell: &Path| {
            let same = self.world.variables();
            let same = same.map(|(name, value)| (name.to_owned(), value.to_owned()));
            self.ask(shell, &[], same.collect())
        };
        let of_sh = ask(Path::new(SH));
        let others = ["bash", "zsh"].into_iter().filter_map(shell_at);
        let others = others.map(|shell| ask(&shell));
        let others: Vec<Ground> = others
            .filter(|ground| !finds_same(ground, &of_sh))
            .collect();
        std::iter::once(of_sh).chain(others).collect()
    }

    /// Asks a shell that is not the user's as a login shell: who starts commands by it does so
    /// whatever `SHELL` says.
    fn other_shell(&self, name: &str) -> Ground {
        if is_called(&self.shell, name) {
            return Ground::Absent(format!("{name} is the user's shell: see the login shell"));
        }
        match shell_at(name) {
            Some(shell) => self.ask(&shell, &["-l"], self.fresh(&[])),
            None => Ground::Absent(format!("there is no {name} here")),
        }
    }

    fn ask(
        &self,
        shell: &Path,
        options: &[&str],
        environment: Vec<(OsString, OsString)>,
    ) -> Ground {
        let cwd = if self.home.is_dir() {
            &self.home
        } else {
            Path::new("/")
        };
        let trial = Trial {
            shell,
            options,
            environment,
            cwd,
        };
        match trial.ask(self.tools) {
            Ok(answered) => Ground::Known {
                how: How::Tried(trial.shown()),
                path: Some(answered.path),
                said: answered.said,
            },
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                Ground::Unknown(format!("{error}{}", cause.unwrap_or_default()))
            }
        }
    }

    /// Returns the environment of a new session, as who opens one finds it: what
    /// this process was given by its own start is not in it.
    fn fresh(&self, more: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        let is_root = nix::unistd::geteuid().is_root();
        let mut fresh: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), machine::session_path(is_root).path),
            ("HOME".into(), self.home.clone().into()),
            ("SHELL".into(), self.shell.clone().into()),
            ("TERM".into(), "dumb".into()),
        ];
        for name in ["USER", "LOGNAME", "LANG"] {
            if let Some(value) = self.world.env_os(name) {
                fresh.push((name.into(), value.to_owned()));
            }
        }
        fresh.extend(more.iter().map(|(name, value)| (name.into(), value.into())));
        fresh
    }

    fn sudo(&self) -> Ground {
        let path = self.world.variable(OsStr::new("PATH"));
        let folders = path.into_iter().flat_map(std::env::split_paths);
        let is_there = folders
            .into_iter()
            .any(|folder| folder.join("sudo").is_file());
        if !is_there {
            return Ground::Absent("sudo is not on PATH".to_owned());
        }
        match sudo::path() {
            SudoPath::Secure(found) => read(found),
            SudoPath::Kept => Ground::Known {
                how: How::Read("no secure_path: sudo keeps PATH".to_owned()),
                path: path.map(OsStr::to_owned),
                said: Vec::new(),
            },
            SudoPath::Depends(why) => Ground::Unknown(inert(&why).into_owned()),
            SudoPath::Unreadable(file) => Ground::Unknown(format!(
                "`{}` can't be read: run `gate doctor` as root",
                inert(&file.to_string_lossy())
            )),
        }
    }

    /// Returns the user's crontab; none where there is none, or no program that shows it.
    fn crontab(&self) -> Option<String> {
        let mut child = Command::new("crontab")
            .arg("-l")
            .env_clear()
            .envs(self.world.variables())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let stdout = child.stdout.take()?;
        let reader = std::thread::spawn(move || std::io::read_to_string(stdout).ok());
        let begun = Instant::now();
        while begun.elapsed() < CRONTAB && !reader.is_finished() {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !reader.is_finished() {
            drop(child.kill());
        }
        let text = reader.join().ok().flatten();
        let ended = child.wait().ok()?;
        text.filter(|_| ended.success())
    }
}

/// Tells whether two shells find the same.
fn finds_same(one: &Ground, other: &Ground) -> bool {
    let answer = |ground: &Ground| match ground {
        Ground::Known { path, said, .. } => Some((path.clone(), said.clone())),
        Ground::Unknown(_) | Ground::Absent(_) | Ground::Elsewhere(_) => None,
    };
    answer(one).is_some_and(|found| Some(found) == answer(other))
}

fn shell_of(world: &World) -> PathBuf {
    world.env_os("SHELL").unwrap_or(OsStr::new(SH)).into()
}

fn is_called(shell: &Path, name: &str) -> bool {
    shell.file_name() == Some(OsStr::new(name))
}

/// Tells whether a way has a line of its own where nobody asked for it: a shell that is not here
/// has none, and the user's own has one already.
pub(super) fn has_line(world: &World, way: Way) -> bool {
    let is_other = |name: &str| !is_called(&shell_of(world), name) && shell_at(name).is_some();
    match way {
        Way::LoginBash => is_other("bash"),
        Way::LoginZsh => is_other("zsh"),
        Way::Here
        | Way::Login
        | Way::Interactive
        | Way::Script
        | Way::Cron
        | Way::SystemCron
        | Way::Ssh
        | Way::Sudo
        | Way::Systemd
        | Way::Container => true,
    }
}

/// Returns where the system has a shell.
fn shell_at(name: &str) -> Option<PathBuf> {
    let folders = ["/bin", "/usr/bin", "/usr/local/bin"].map(Path::new);
    let mut files = folders.iter().map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}

fn grounds(found: Vec<Found>) -> Vec<Ground> {
    found.into_iter().map(read).collect()
}

fn read(found: Found) -> Ground {
    Ground::Known {
        how: How::Read(found.place),
        path: Some(found.path),
        said: Vec::new(),
    }
}
