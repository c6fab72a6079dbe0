//! Whether gate itself is in order: configuration, rules, the server's key, and
//! what was not delivered.

use gate_protocol::inert::inert;
use serde::Serialize;

use super::verdict::State as ToolState;
use crate::audit;
use crate::failure::Failure;
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
    let mut settings = vec![configuration(world), rules(world)];
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
    match audit::verify_spool(world) {
        Err(failure) => Setting::failed(NAME, &failure),
        Ok(Verified::Nothing) => Setting::new(NAME, Standing::Good, "nothing was recorded yet"),
        Ok(Verified::Sound(held)) if held.undelivered == 0 => {
            Setting::new(NAME, Standing::Good, "all delivered")
        }
        Ok(Verified::Sound(held)) => Setting::new(
            NAME,
            Standing::Note,
            format!("{} not delivered yet", held.undelivered),
        )
        .mend("they go with the next approval, or by `gate audit flush`"),
        Ok(Verified::Unsound(fault)) => {
            Setting::new(NAME, Standing::Bad, inert(&fault.to_string()))
                .mend("run `gate audit verify --spool`")
        }
    }
}

/// Tells whether a state is one that must be mended where it is asked for.
pub(super) fn is_gap(state: ToolState) -> bool {
    match state {
        ToolState::Open | ToolState::Unknown => true,
        // A name that leads nowhere starts nothing.
        ToolState::Covered | ToolState::Missing | ToolState::Absent => false,
    }
}
