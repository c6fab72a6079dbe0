//! Whether gate itself is in order: configuration, rules, the server's key, and
//! what was not delivered.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use gate_policy::Environment;
use gate_protocol::inert::inert;
use gate_shim::in_force::{InForce, NotInForce};
use gate_shim::place::{self, OF_MACHINE, has_owner};
use jiff::Timestamp;
use nix::unistd::{AccessFlags, access, geteuid};
use serde::Serialize;

use super::verdict::State as ToolState;
use crate::audit;
use crate::failure::Failure;
use crate::layout::is_in_missing_home;
use crate::report;
use crate::spool::Verified;
use crate::world::World;

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// It is in order.
    Good,
    /// It is to be known, and nothing is wrong.
    Note,
    /// It must be mended.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) standing: Standing,
    pub(super) said: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

impl Setting {
    pub(super) fn new(name: &'static str, standing: Standing, said: impl Into<String>) -> Self {
        Self {
            name,
            standing,
            said: said.into(),
            mend: None,
        }
    }

    pub(super) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    /// Returns what a failure tells.
    pub(super) fn failed(name: &'static str, failure: &Failure) -> Self {
        let mut lines = report::told(failure).into_iter();
        let said = lines.next().unwrap_or_default();
        let rest: Vec<String> = lines.collect();
        let setting = Self::new(name, Standing::Bad, said);
        if rest.is_empty() {
            return setting;
        }
        setting.mend(rest.join("; "))
    }
}

/// Looks at each.
pub(super) fn settings(world: &World) -> Vec<Setting> {
    let mut settings = vec![configuration(world), rules(world), compiled(world)];
    settings.extend(server_key(world));
    settings.push(spool(world));
    settings
}

fn configuration(world: &World) -> Setting {
    const NAME: &str = "configuration";
    match world.configuration() {
        Err(failure) => Setting::failed(NAME, &failure),
        Ok(configuration) => match configuration.named_server() {
            Some(server) => Setting::new(
                NAME,
                Standing::Good,
                format!(
                    "asks {}, named by {}",
                    inert(&server.value.to_string()),
                    inert(&server.source.to_string())
                ),
            ),
            None => Setting::new(
                NAME,
                Standing::Note,
                "no approval server is named: what asks is refused",
            )
            .mend("run `gate login --server URL`"),
        },
    }
}

fn rules(world: &World) -> Setting {
    const NAME: &str = "rules";
    let policy = world
        .configuration()
        .and_then(|configuration| configuration.policy(world, &world.cwd));
    match policy {
        Err(failure) => Setting::failed(NAME, &failure),
        Ok(policy) => {
            let count = policy.rules().count();
            let warnings: Vec<_> = policy.warnings().iter().map(|text| inert(text)).collect();
            let said = match count {
                0 => "none beside the baseline: read and local are allowed, the rest asks".into(),
                1 => "1 rule in force beside the baseline".into(),
                _ => format!("{count} rules in force beside the baseline"),
            };
            let setting = Setting::new(NAME, Standing::Good, said);
            if warnings.is_empty() {
                return setting;
            }
            Setting {
                standing: Standing::Note,
                ..setting.mend(warnings.join("; "))
            }
        }
    }
}

/// Tells whether shims decide here by compiled rules: without, each command is slower, and nothing
/// is judged in another way.
fn compiled(world: &World) -> Setting {
    const NAME: &str = "compiled rules";
    let env: Environment = world.variables().collect();
    let now = || u64::try_from(Timestamp::now().as_second()).unwrap_or(u64::MAX);
    let why = match InForce::find(&env, &world.cwd, now) {
        Ok(policy) => {
            let whose = if policy.is_machines() {
                "this machine's"
            } else {
                "yours"
            };
            let said = format!("{whose} are in force: shims decide by them");
            return Setting::new(NAME, Standing::Good, said);
        }
        Err(why) => why,
    };
    let refused = refused(world);
    let (said, is_mended_by_compiling) = match why {
        NotInForce::NoState => ("no folder for gate's state is named", false),
        NotInForce::Missing => ("there are none yet", true),
        NotInForce::Refused => (refused.as_str(), true),
        NotInForce::Damaged => ("the file is damaged, or another gate's", true),
        NotInForce::Stale => ("what they were made of has changed", true),
        NotInForce::OwnSettings => (
            "you have settings or rules of your own beside this machine's",
            false,
        ),
        NotInForce::Project => ("a project's `.gate.toml` is heard here", false),
    };
    let said = format!("not in force, so commands take the longer way through gate: {said}");
    let setting = Setting::new(NAME, Standing::Note, said);
    match (is_mended_by_compiling, has_owner()) {
        (true, true) => setting.mend("run `sudo gate rules compile`"),
        (true, false) => setting.mend("run `gate rules compile`, or any command by a shim"),
        (false, _) => setting,
    }
}

/// Returns why the file of the compiled rules is not believed.
fn refused(world: &World) -> String {
    let machines = has_owner().then(|| PathBuf::from(OF_MACHINE));
    let path = machines.or_else(|| Some(place::compiled(world.layout.state().ok()?)));
    let path = path.unwrap_or_default();
    let shown = inert(&path.to_string_lossy()).into_owned();
    let caller = geteuid().as_raw();
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => format!("`{shown}` is a symbolic link"),
        Ok(found) if !found.is_file() => format!("`{shown}` is not a regular file"),
        Ok(found) if found.uid() != 0 && (has_owner() || found.uid() != caller) => {
            format!("`{shown}` belongs to uid {}", found.uid())
        }
        Ok(found) if found.mode() & 0o022 != 0 => {
            format!(
                "others can write `{shown}` (mode {:o})",
                found.mode() & 0o777
            )
        }
        Ok(_) | Err(_) => format!("`{shown}` can't be read"),
    }
}

fn server_key(world: &World) -> Option<Setting> {
    const NAME: &str = "server key";
    let configuration = world.configuration().ok()?;
    configuration.named_server()?;
    Some(match configuration.server_key() {
        Ok(key) => Setting::new(
            NAME,
            Standing::Good,
            format!("pinned: {}", inert(key.name())),
        ),
        Err(failure) => Setting::failed(NAME, &failure),
    })
}

fn spool(world: &World) -> Setting {
    const NAME: &str = "records";
    if let Some(why) = unwritable(world) {
        return Setting::new(
            NAME,
            Standing::Bad,
            format!("nothing can be recorded: {why}"),
        )
        .mend("set HOME or XDG_STATE_HOME to a folder that you can write");
    }
    match audit::verify_spool(world) {
        Err(failure) => Setting::failed(NAME, &failure),
        Ok(Verified::Nothing) => Setting::new(NAME, Standing::Good, "nothing was recorded yet"),
        Ok(Verified::Sound(held)) if held.undelivered + held.of_shims == 0 => {
            Setting::new(NAME, Standing::Good, "all delivered")
        }
        Ok(Verified::Sound(held)) => Setting::new(
            NAME,
            Standing::Note,
            format!("{} not delivered yet", held.undelivered + held.of_shims),
        )
        .mend("they go with the next approval, or by `gate audit flush`"),
        Ok(Verified::Unsound(fault)) => {
            Setting::new(NAME, Standing::Bad, inert(&fault.to_string()))
                .mend("run `gate audit verify --spool`")
        }
    }
}

/// Returns why the queue of records can't be written to, where that is plain.
fn unwritable(world: &World) -> Option<String> {
    // Where there is no folder at all, whoever looks into it says so.
    let spool = world.layout.spool().ok()?;
    if is_in_missing_home(&spool) {
        return Some("HOME names a folder that is not there".to_owned());
    }
    let there = spool.ancestors().find(|folder| folder.exists())?;
    let error = access(there, AccessFlags::W_OK | AccessFlags::X_OK).err()?;
    Some(format!("`{}`: {error}", inert(&there.to_string_lossy())))
}

/// Tells whether a state is one that must be mended where it is asked for.
pub(super) fn is_gap(state: ToolState) -> bool {
    match state {
        ToolState::Open | ToolState::Unknown => true,
        // A name that leads nowhere starts nothing.
        ToolState::Covered | ToolState::Missing | ToolState::Absent => false,
    }
}
