//! `gate hook list`.

use std::fmt::Write as _;

use gate_protocol::inert::inert;

use super::agent::Agent;
use super::setting::{Form, Found, Place, Scope, shown};
use crate::failure::Failure;
use crate::show;
use crate::world::World;

/// Show which agents ask gate, and by which file
#[derive(Debug, clap::Args)]
pub(super) struct List {}

impl List {
    #[expect(clippy::unused_self, reason = "as the other verbs")]
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let mut text = String::new();
        for agent in Agent::ALL {
            for scope in Scope::ALL {
                let Ok(place) = Place::of(world, *agent, scope) else {
                    continue;
                };
                let state = match place.look() {
                    Ok(found) => state(place.form, &found),
                    Err(failure) => failure.to_string(),
                };
                let (name, scope, file) = (agent.as_str(), scope.as_str(), shown(&place.path));
                // Writing to a String can't fail.
                let _ = writeln!(text, "{name:<12} {scope:<8} `{file}`: {state}");
            }
        }
        show::print(&text)
    }
}

/// Says whether a file has gate's hook in it, and whether the agent calls it.
fn state(form: Form, found: &Found) -> String {
    let Some(held) = &found.held else {
        return match form.setting() {
            Some(setting) => format!("has no hooks; gate has not set `{setting}`"),
            None => "no hook of gate's".to_owned(),
        };
    };
    if let Some(setting) = form.setting() {
        return format!("has no hooks; gate has set `{setting}`");
    }
    let command = inert(&held.command);
    let text = found.text.as_deref().unwrap_or_default();
    match form.switched_off(text, &held.command) {
        Some(why) => format!("does not call `{command}`: {why}"),
        None => format!("calls `{command}`"),
    }
}
