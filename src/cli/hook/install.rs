//! `gate hook install`.

use super::Change;
use super::opinion::Manner;
use super::setting::{Place, Scope, diff, shown};
use crate::failure::Failure;
use crate::show;
use crate::world::World;

/// Set the hook of an agent, so that it asks gate before each shell command
///
/// Everything else in the agent's file stays as it is, and a copy of what was there is kept beside
/// it. A file that gate can't change without loss is refused, with the place and the mend.
#[derive(Debug, clap::Args)]
pub(super) struct Install {
    #[command(flatten)]
    change: Change,
    #[command(flatten)]
    manner: Manner,
}

impl Install {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let Change { agent, dry_run, .. } = self.change;
        let scope = self.change.scope();
        let place = Place::of(world, agent, scope)?;
        let command = self.command(scope);
        let by_hand = |failure: Failure| match place.form.by_hand(&command) {
            Some(lines) => {
                let lines = lines.trim_end();
                let hint = failure.lines().split_off(1).join("\n");
                failure.hint(format!("{hint}\n{lines}"))
            }
            None => failure,
        };
        let found = place.look().map_err(by_hand)?;
        let file = shown(&place.path);
        if found
            .held
            .as_ref()
            .is_some_and(|held| held.command == command)
        {
            return show::print(&format!("`{file}` has it already; nothing is changed\n"));
        }
        // One that is there with other options, or of another gate, gives way to this one.
        let before = match &found.held {
            Some(held) => held.without.clone(),
            None => found.text.clone(),
        };
        let added = place.form.add(before.as_deref(), &command);
        let added = added.map_err(|mistake| by_hand(place.refused(&mistake)))?;
        let change = diff(found.text.as_deref().unwrap_or_default(), &added);
        if dry_run {
            return show::print(&format!("`{file}` would become:\n{change}"));
        }
        place.put(&found, Some(&added), before.as_deref())?;
        let kept = before.map_or_else(String::new, |_| {
            format!("; what was there is kept in `{}`", shown(&place.copy()))
        });
        let of_project = match (scope, agent.remark_of_project()) {
            (Scope::Project, Some(remark)) => format!("{remark}\n"),
            (Scope::Project, None) | (Scope::User, _) => String::new(),
        };
        show::print(&format!(
            "`{file}` is written{kept}:\n{change}{}\n{of_project}\
             A hook helps; the shim is the boundary: put gate's shims first on the agent's PATH \
             too.\n",
            agent.remark(),
        ))
    }

    /// Returns the command that the agent is to call. A project's settings are for machines on
    /// which gate lies elsewhere.
    fn command(&self, scope: Scope) -> String {
        let own = std::env::current_exe().ok().filter(|own| own.exists());
        let program = match (scope, own) {
            (Scope::User, Some(own)) => quoted(&own.to_string_lossy()),
            (Scope::User, None) | (Scope::Project, _) => "gate".to_owned(),
        };
        format!(
            "{program} hook {}{}",
            self.change.agent.as_str(),
            self.manner.options()
        )
    }
}

/// Returns a word for a shell, in quotes where it needs them.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
