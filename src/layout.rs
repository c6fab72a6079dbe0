//! Every path of gate's on disk, by name. The only user of `directories`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gate_protocol::inert::inert;

use crate::failure::{Failure, FailureKind};

/// The machine owner's folder.
const MACHINE: &str = "/etc/gate";
/// The machine owner's folder of shims.
const MACHINE_SHIMS: &str = "/usr/local/lib/gate/shims";
/// The name of a folder of tool profiles.
const PROFILES: &str = "tools.d";
/// The name of gate's own folder in each of the user's, and of the machine owner's.
pub(crate) const OWN_FOLDER: &str = "gate";
/// What the files of receipts are called.
const RECEIPTS: &str = "receipts";
/// When such a file is as long as this, in bytes, it takes the place of the older one.
const KEPT_BYTES: u64 = 4 << 20;
/// A proof is longer than its receipt, and is not to be gone before it.
const PROOFS_BYTES: u64 = 3 * KEPT_BYTES;
/// The name of a project's own rules.
pub(crate) const PROJECT_RULES: &str = ".gate.toml";

/// What gate is called on PATH.
pub(crate) const PROGRAM: &str = "gate";
/// What the small program is called that stands on PATH in front of a tool.
pub(crate) const SHIM_PROGRAM: &str = "gate-shim";
/// What the demo calls the copy of gate that it makes where the machine's owner
/// has named a server.
pub(crate) const DEMO_PROGRAM: &str = "gate-demo";

/// Where gate keeps what, for this user on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    user_config: Option<PathBuf>,
    user_config_file: Option<PathBuf>,
    state: Option<PathBuf>,
    /// What `XDG_STATE_HOME` names, where that is a folder for the state.
    named_state: Option<PathBuf>,
    data: Option<PathBuf>,
}

/// Tells whether `folder` would stand in a home that is not there, which is not gate's to make.
pub(crate) fn is_in_missing_home(folder: &Path) -> bool {
    directories::BaseDirs::new().is_some_and(|base| {
        let home = base.home_dir();
        let is_missing = home
            .symlink_metadata()
            .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        is_missing && folder.starts_with(home)
    })
}

impl Layout {
    /// Finds the user's folders: the XDG base directories. Where there is no home,
    /// those are there that a variable names by itself. `GATE_CONFIG` names another
    /// user configuration file.
    pub(crate) fn find(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let dirs = directories::ProjectDirs::from("", "", OWN_FOLDER);
        let homeless = |name| {
            let base = PathBuf::from(variable(name)?);
            let is_alone = dirs.is_none() && base.is_absolute();
            is_alone.then(|| base.join(OWN_FOLDER))
        };
        let of_home = dirs.as_ref();
        Self {
            user_config: of_home
                .map(|dirs| dirs.config_dir().to_owned())
                .or_else(|| homeless("XDG_CONFIG_HOME")),
            user_config_file: variable("GATE_CONFIG")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            state: of_home
                .and_then(|dirs| dirs.state_dir().map(Path::to_owned))
                .or_else(|| homeless("XDG_STATE_HOME")),
            named_state: variable("XDG_STATE_HOME")
                .map(PathBuf::from)
                .filter(|base| base.is_absolute()),
            data: of_home
                .map(|dirs| dirs.data_local_dir().to_owned())
                .or_else(|| homeless("XDG_DATA_HOME")),
        }
    }

    /// The configuration of the demo whose own copy of gate this is; none for
    /// any other gate. Which file runs is the kernel's word; no variable and no
    /// argument makes an installed gate the demo's.
    #[expect(clippy::unused_self, reason = "every path is asked of the layout")]
    pub(crate) fn demo_config(&self) -> Option<PathBuf> {
        let program = std::env::current_exe().ok()?;
        let is_demo = program.file_name()? == DEMO_PROGRAM;
        is_demo.then(|| program.with_file_name("config.toml"))
    }

    /// The machine owner's configuration file.
    #[expect(clippy::unused_self, reason = "every path is asked of the layout")]
    pub(crate) fn machine_config(&self) -> PathBuf {
        Path::new(MACHINE).join("config.toml")
    }

    /// The folder of the machine owner's rule files.
    #[expect(clippy::unused_self, reason = "every path is asked of the layout")]
    pub(crate) fn machine_rules(&self) -> PathBuf {
        Path::new(MACHINE).join("rules.d")
    }

    /// The folder of the machine owner's tool profiles.
    #[expect(clippy::unused_self, reason = "every path is asked of the layout")]
    pub(crate) fn machine_profiles(&self) -> PathBuf {
        Path::new(MACHINE).join(PROFILES)
    }

    /// The file that `GATE_CONFIG` names.
    pub(crate) fn named_config(&self) -> Option<&Path> {
        self.user_config_file.as_deref()
    }

    /// The user's configuration file; none where there is no home.
    pub(crate) fn user_config(&self) -> Option<PathBuf> {
        self.user_config_file
            .clone()
            .or_else(|| Some(self.user_config.as_ref()?.join("config.toml")))
    }

    /// What `gate login` remembers; none where there is no home.
    pub(crate) fn login_file(&self) -> Option<PathBuf> {
        Some(self.user_config.as_ref()?.join("login.toml"))
    }

    /// The folder of the user's rule files; none where there is no home.
    pub(crate) fn user_rules(&self) -> Option<PathBuf> {
        Some(self.user_config.as_ref()?.join("rules.d"))
    }

    /// The folder of the user's tool profiles; none where there is no home.
    pub(crate) fn user_profiles(&self) -> Option<PathBuf> {
        Some(self.user_config.as_ref()?.join(PROFILES))
    }

    /// The project's rule file: the nearest `.gate.toml` at or above `cwd`. Where
    /// a folder does not let anybody see whether there is one, it counts as there,
    /// and can't be read.
    #[expect(clippy::unused_self, reason = "every path is asked of the layout")]
    pub(crate) fn project_rules(&self, cwd: &Path) -> Option<PathBuf> {
        cwd.ancestors()
            .map(|folder| folder.join(PROJECT_RULES))
            .find(|file| match file.symlink_metadata() {
                Ok(_) => true,
                Err(error) => error.kind() != std::io::ErrorKind::NotFound,
            })
    }

    /// The folder of what must outlive a run: keys, spool, cached rules.
    ///
    /// # Errors
    /// There is neither `HOME` nor `XDG_STATE_HOME`.
    pub(crate) fn state(&self) -> Result<&Path, Failure> {
        self.state.as_deref().ok_or_else(|| {
            Failure::new(
                FailureKind::Configuration,
                "there is no folder for gate's state",
            )
            .hint("set HOME or XDG_STATE_HOME to a folder that you can write")
        })
    }

    /// Tells whether something that is no folder stands where the state is to be.
    pub(crate) fn is_state_blocked(&self) -> bool {
        let found = self.state.as_deref().map(Path::metadata);
        found.is_some_and(|found| match found {
            Ok(found) => !found.is_dir(),
            Err(error) => error.kind() == std::io::ErrorKind::NotADirectory,
        })
    }

    /// Says by which variable the state lies where it does, and what to do where it can't be
    /// written there.
    pub(crate) fn state_mend(&self) -> String {
        let shown = |path: &Path| inert(&path.to_string_lossy()).into_owned();
        let state = self.state.as_deref().map(shown).unwrap_or_default();
        match &self.named_state {
            Some(named) => format!(
                "XDG_STATE_HOME ({}) has gate keep its state in `{state}`: set it to a folder that \
                 you can write, or unset it",
                shown(named)
            ),
            None => format!(
                "HOME has gate keep its state in `{state}`: make that folder one that you can \
                 write, or set XDG_STATE_HOME to one"
            ),
        }
    }

    /// The key that signs this client's claims.
    pub(crate) fn runner_key(&self) -> Result<PathBuf, Failure> {
        Ok(self.state()?.join("identity").join("runner.key"))
    }

    /// The key under which this client commits to secrets.
    pub(crate) fn commitment_key(&self) -> Result<PathBuf, Failure> {
        Ok(self.state()?.join("identity").join("commitment.key"))
    }

    /// The queue of events that the server has not confirmed.
    pub(crate) fn spool(&self) -> Result<PathBuf, Failure> {
        Ok(self.state()?.join("spool"))
    }

    /// What people were asked and answered from here.
    pub(crate) fn answers(&self) -> Result<KeptFiles, Failure> {
        Ok(KeptFiles::of(self.state()?, "answers"))
    }

    /// What the server handed out as proof of its records.
    pub(crate) fn receipts(&self) -> Result<KeptFiles, Failure> {
        Ok(KeptFiles::of(self.state()?, RECEIPTS))
    }

    /// What proves the records of these receipts without asking the server.
    pub(crate) fn proofs(&self) -> Result<KeptFiles, Failure> {
        let files = KeptFiles::of(self.state()?, "proofs");
        Ok(KeptFiles {
            limit_bytes: PROOFS_BYTES,
            ..files
        })
    }

    /// The server's rules as last fetched.
    pub(crate) fn cached_rules(&self) -> Result<RulesFolder, Failure> {
        Ok(RulesFolder(self.state()?.join("rules")))
    }

    /// The private copies that commands run from, and the lock of whoever makes
    /// or clears one.
    pub(crate) fn copies(&self) -> Result<(PathBuf, PathBuf), Failure> {
        let folder = self.state()?.join("copies");
        Ok((folder.join("each"), folder.join("lock")))
    }

    /// The token where no keyring could take it.
    pub(crate) fn credential_file(&self) -> Result<PathBuf, Failure> {
        Ok(self.state()?.join("credential"))
    }

    /// The user's folder of shims.
    ///
    /// # Errors
    /// There is neither `HOME` nor `XDG_DATA_HOME`.
    pub(crate) fn user_shims(&self) -> Result<PathBuf, Failure> {
        let data = self.data.as_ref().ok_or_else(|| {
            Failure::new(FailureKind::Configuration, "there is no folder for shims")
                .hint("set HOME or XDG_DATA_HOME, or name a folder with --dir DIR")
        })?;
        Ok(data.join("shims"))
    }

    /// The machine owner's folder of shims.
    #[expect(clippy::unused_self, reason = "every path is asked of the layout")]
    pub(crate) fn machine_shims(&self) -> PathBuf {
        PathBuf::from(MACHINE_SHIMS)
    }

    /// The default data folder of `gate server`.
    ///
    /// # Errors
    /// There is neither `HOME` nor `XDG_DATA_HOME`.
    #[cfg(feature = "server")]
    pub(crate) fn server_data(&self) -> Result<PathBuf, Failure> {
        let data = self.data.as_ref().ok_or_else(|| {
            Failure::new(
                FailureKind::Configuration,
                "there is no folder for the server's data",
            )
            .hint("name one with --data DIR")
        })?;
        Ok(data.join("server"))
    }

    /// The default data folder of `gate server --dev`.
    ///
    /// # Errors
    /// There is neither `HOME` nor `XDG_DATA_HOME`.
    #[cfg(feature = "server")]
    pub(crate) fn dev_server_data(&self) -> Result<PathBuf, Failure> {
        Ok(self.server_data()?.with_file_name("dev-server"))
    }
}

/// A file of lines that takes the place of an older one when it is long.
pub(crate) struct KeptFiles {
    /// The file that grows.
    pub(crate) file: PathBuf,
    /// The one before it.
    pub(crate) older: PathBuf,
    /// The lock of whoever writes.
    pub(crate) lock: PathBuf,
    /// How long the file may get before it becomes the older one, in bytes.
    pub(crate) limit_bytes: u64,
}

impl KeptFiles {
    fn of(folder: &Path, name: &str) -> Self {
        Self {
            file: folder.join(format!("{name}.jsonl")),
            older: folder.join(format!("{name}.1.jsonl")),
            lock: folder.join(format!("{name}.lock")),
            limit_bytes: KEPT_BYTES,
        }
    }

    /// The receipts beside a queue of events, which is in the same folder of state.
    pub(crate) fn receipts_beside(spool: &Path) -> Self {
        Self::of(spool.parent().unwrap_or(spool), RECEIPTS)
    }
}

/// The folder of the server's rules as last fetched.
pub(crate) struct RulesFolder(PathBuf);

impl RulesFolder {
    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The rules with their signature.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.0.join("bundle.json")
    }

    /// The highest version that was ever in force.
    pub(crate) fn highest_version(&self) -> PathBuf {
        self.0.join("highest-version")
    }

    /// Its time says when rules that grow old were last asked for.
    pub(crate) fn tried(&self) -> PathBuf {
        self.0.join("tried")
    }

    /// Held by whoever puts rules in force.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_file_that_nobody_can_look_for_counts_as_there() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        std::fs::create_dir(&work).unwrap();
        let layout = Layout::find(|_| None);
        let found = || layout.project_rules(&work);
        assert_eq!(found(), None);
        let above = folder.path().join(PROJECT_RULES);
        std::os::unix::fs::symlink("/no/such/file", &above).unwrap();
        assert_eq!(found(), Some(above));
        // As for a folder that may not be searched, the answer is neither yes nor no.
        std::fs::write(work.join("file"), "").unwrap();
        let below = work.join("file/x");
        assert_eq!(
            layout.project_rules(&below),
            Some(below.join(PROJECT_RULES))
        );
    }
}
