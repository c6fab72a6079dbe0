//! Configuration in layers: each value knows its source, and what a caller
//! controls can only make gate stricter.
//!
//! The machine owner's folder decides server, key and mode where it speaks;
//! then `GATE_SERVER`, the user's file, and what `gate login` stored. A
//! project's `.gate.toml` holds rules and nothing else.

pub(crate) mod compiled;
mod file;
mod login_file;
pub(crate) mod mistake;
mod policy;
pub(crate) mod stored_rules;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gate_client::ServerUrl;
use gate_policy::Policy;
use gate_protocol::signed_note::VerifierKey;

use crate::failure::{Failure, FailureKind};
#[cfg(feature = "server")]
use crate::layout::Layout;
use crate::world::World;
use crate::{successors, trust};

pub(crate) use login_file::{forget_server, remember_server};
pub(crate) use policy::{
    RuleSource, mistake_line, profile_sources, profiles, rule_sources, rules_of_files,
};

use file::ConfigFile;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The machine owner's file.
    Machine(PathBuf),
    /// An environment variable.
    Environment(&'static str),
    /// The user's file.
    User(PathBuf),
    /// What `gate login` stored.
    Login(PathBuf),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment(name) => f.write_str(name),
            Self::Machine(path) | Self::User(path) | Self::Login(path) => path.display().fmt(f),
        }
    }
}

/// A value that knows where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Sourced<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it came from.
    pub(crate) source: Source,
}

/// Whether the server's rules must be in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerRules {
    /// In force where they have been fetched.
    Optional,
    /// Without them nothing is decided.
    Required,
}

/// Everything that the files and the environment say.
#[derive(Debug)]
pub(crate) struct Configuration {
    server: Option<Sourced<ServerUrl>>,
    key: Option<Sourced<VerifierKey>>,
    ca_certificates: Option<Sourced<Vec<u8>>>,
    timeout: Option<Duration>,
    server_rules: ServerRules,
    /// The keys that came after the pinned one, the newest last.
    after: RefCell<Vec<VerifierKey>>,
}

impl Configuration {
    /// Reads every file that has a say.
    ///
    /// # Errors
    /// A file is there and can't be read, trusted or understood.
    pub(crate) fn load(world: &World) -> Result<Self, Failure> {
        let demo = read_layer(world.layout.demo_config(), trust::Owner::Caller)?;
        let machine = read_layer(Some(world.layout.machine_config()), trust::Owner::Root)?;
        let user = read_layer(world.layout.user_config(), trust::Owner::Caller)?;
        if user.is_none()
            && let Some(named) = world.layout.named_config()
        {
            return Err(Failure::new(
                FailureKind::Configuration,
                format!(
                    "`{}` is not there",
                    gate_protocol::inert::inert(&named.to_string_lossy())
                ),
            )
            .hint("GATE_CONFIG names it: correct or unset that"));
        }
        let login = login_file::read(&world.layout)?;
        let mut loaded = Self {
            server: None,
            key: None,
            ca_certificates: None,
            timeout: None,
            server_rules: ServerRules::Optional,
            after: RefCell::default(),
        };
        // From the strongest voice to the weakest; the first that names a
        // server settles it, and its key comes from the same or a stronger one.
        // The demo's copy of gate asks the demo's server; what the machine's
        // owner demands beside holds for it too.
        if let Some((path, file)) = &demo {
            loaded.take(file, &Source::User(path.clone()))?;
        }
        if let Some((path, file)) = &machine {
            loaded.take(file, &Source::Machine(path.clone()))?;
        }
        if loaded.server.is_none() {
            loaded.server = server_from_environment(world)?;
        }
        if let Some((path, file)) = &user {
            loaded.take(file, &Source::User(path.clone()))?;
        }
        if let Some((path, file)) = &login {
            loaded.take(file, &Source::Login(path.clone()))?;
        }
        if let (Some(server), Some(key)) = (&loaded.server, &loaded.key) {
            let after = successors::known(&world.layout, &server.value, &key.value);
            loaded.after = RefCell::new(after);
        }
        Ok(loaded)
    }

    fn take(&mut self, file: &ConfigFile, source: &Source) -> Result<(), Failure> {
        let pinned_by_machine = matches!(
            &self.server,
            Some(Sourced {
                source: Source::Machine(_),
                ..
            })
        ) && !matches!(source, Source::Machine(_));
        // A mistake is one also where a stronger voice has spoken already.
        let named = file.server(source)?;
        if self.server.is_none() {
            self.server = named;
        }
        if let Some(server) = self.server.as_ref().filter(|_| !pinned_by_machine) {
            if self.key.is_none() {
                self.key = file.key_of(&server.value, source)?;
            }
            if self.ca_certificates.is_none() {
                self.ca_certificates = file.ca_certificates(source)?;
            }
        }
        // A shorter wait and a harder demand are both stricter.
        self.timeout = match (self.timeout, file.timeout()?) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        if file.requires_server_rules() {
            self.server_rules = ServerRules::Required;
        }
        Ok(())
    }

    /// Returns the server that approvals are asked of, where one is named.
    pub(crate) fn named_server(&self) -> Option<&Sourced<ServerUrl>> {
        self.server.as_ref()
    }

    /// Returns the server that approvals are asked of.
    ///
    /// # Errors
    /// None is named.
    pub(crate) fn server(&self) -> Result<&ServerUrl, Failure> {
        self.server
            .as_ref()
            .map(|server| &server.value)
            .ok_or_else(|| {
                Failure::new(
                    FailureKind::Configuration,
                    "no approval server is configured",
                )
                .hint("run `gate login --server URL`, or try it all with `gate demo`")
            })
    }

    /// Takes a key that came after those which are known.
    pub(crate) fn goes_on_with(&self, key: VerifierKey) {
        self.after.borrow_mut().push(key);
    }

    /// Returns the key of the server: the pinned one, or the newest that came after it.
    ///
    /// # Errors
    /// The server has no pinned key here.
    pub(crate) fn server_key(&self) -> Result<VerifierKey, Failure> {
        let pinned = self.pinned_server_key()?;
        let newest = self.after.borrow().last().cloned();
        Ok(newest.unwrap_or_else(|| pinned.clone()))
    }

    /// Returns all keys of the server that are known here, the newest first.
    ///
    /// # Errors
    /// The server has no pinned key here.
    pub(crate) fn server_keys(&self) -> Result<Vec<VerifierKey>, Failure> {
        let pinned = self.pinned_server_key()?.clone();
        let after = self.after.borrow();
        Ok(after.iter().rev().cloned().chain([pinned]).collect())
    }

    fn pinned_server_key(&self) -> Result<&VerifierKey, Failure> {
        let server = self.server()?;
        self.key.as_ref().map(|key| &key.value).ok_or_else(|| {
            Failure::new(
                FailureKind::Configuration,
                format!("no key is pinned for the server `{server}`"),
            )
            .hint(format!(
                "run `gate login --server {server}` once, and compare the key; on a CI runner put \
                 the key under [keys] of its config.toml"
            ))
        })
    }

    /// Returns the pinned key where there is one.
    pub(crate) fn pinned_key(&self) -> Option<&Sourced<VerifierKey>> {
        self.key.as_ref()
    }

    /// Returns the extra certificate authorities, as PEM.
    pub(crate) fn ca_certificates_pem(&self) -> Option<Vec<u8>> {
        self.ca_certificates.as_ref().map(|ca| ca.value.clone())
    }

    /// Returns how long to wait for an answer, at most.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns whether the server's rules must be in force.
    pub(crate) fn server_rules(&self) -> ServerRules {
        self.server_rules
    }

    /// Compiles all rules in force for a command in `cwd`.
    ///
    /// # Errors
    /// A rule file can't be read, trusted or understood, or the server's rules
    /// are needed and are not there.
    pub(crate) fn policy(&self, world: &World, cwd: &Path) -> Result<Policy, Failure> {
        policy::compile(self, world, cwd)
    }
}

/// Returns the server that the machine's owner names.
///
/// # Errors
/// The owner's file can't be read, trusted or understood.
#[cfg(feature = "server")]
pub(crate) fn machine_server(layout: &Layout) -> Result<Option<Sourced<ServerUrl>>, Failure> {
    match read_layer(Some(layout.machine_config()), trust::Owner::Root)? {
        Some((path, file)) => file.server(&Source::Machine(path)),
        None => Ok(None),
    }
}

fn read_layer(
    path: Option<PathBuf>,
    owner: trust::Owner,
) -> Result<Option<(PathBuf, ConfigFile)>, Failure> {
    let Some(path) = path else { return Ok(None) };
    match trust::read(&path, owner)? {
        Some(text) => Ok(Some((path.clone(), ConfigFile::parse(&path, &text)?))),
        None => Ok(None),
    }
}

fn server_from_environment(world: &World) -> Result<Option<Sourced<ServerUrl>>, Failure> {
    let Some(text) = world.env("GATE_SERVER") else {
        return Ok(None);
    };
    let value = text.parse::<ServerUrl>().map_err(|error| {
        Failure::new(
            FailureKind::Configuration,
            "GATE_SERVER does not name a server",
        )
        .caused_by(error)
        .hint("set it to https://HOST, or unset it")
    })?;
    Ok(Some(Sourced {
        value,
        source: Source::Environment("GATE_SERVER"),
    }))
}
