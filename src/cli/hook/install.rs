//! `gate hook install`.

use super::opinion::Manner;
use super::setting::{Place, Scope, diff, shown};
use super::{Change, no_hook};
use crate::failure::Failure;
use crate::show;
use crate::world::World;

/// Set the hook of an agent, so that it asks gate before each shell command
///
/// aider has no hooks: its setting is written by which it offers none of the model's shell commands.
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
        let command = self.wanted(&place)?;
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
            let off = switched_off(&place, found.text.as_deref().unwrap_or_default(), &command);
            return show::print(&format!(
                "`{file}` has it already; nothing is changed\n{off}"
            ));
        }
        // One that is there with other options, or of another gate, gives way to this one.
        let before = match &found.held {
            Some(held) => held.without.clone(),
            None => found.text.clone(),
        };
        let added = place.form.add(before.as_deref(), &command);
        let added = added.map_err(|mistake| by_hand(place.refused(&mistake)))?;
        place.refuse_to_lose_copy(&found, before.as_deref())?;
        let change = diff(found.text.as_deref().unwrap_or_default(), &added);
        let becomes = if dry_run { "would become" } else { "becomes" };
        // What can't be shown is not written.
        show::print(&format!("`{file}` {becomes}:\n{change}"))?;
        if dry_run {
            return Ok(());
        }
        place.put(&found, Some(&added), before.as_deref())?;
        let kept = before.map_or_else(String::new, |_| {
            format!("; what was there is kept in `{}`", shown(&place.copy()))
        });
        let remarks = self.remarks(&place, &added, &command);
        show::print(&format!("`{file}` is written{kept}\n{remarks}"))
    }

    /// Returns what is to stand in the file: the hook's command, or the setting of an agent that has
    /// no hooks.
    ///
    /// # Errors
    /// It has none, and options of hooks were given.
    fn wanted(&self, place: &Place) -> Result<String, Failure> {
        match place.form.setting() {
            Some(_) if !self.manner.options().is_empty() => Err(no_hook()),
            Some(setting) => Ok(setting.to_owned()),
            None => Ok(self.command(place.scope)),
        }
    }

    /// Returns what is to be known of what was written.
    fn remarks(&self, place: &Place, text: &str, command: &str) -> String {
        let agent = self.change.agent;
        let of_project = match (place.scope, agent.remark_of_project()) {
            (Scope::Project, Some(remark)) => format!("{remark}\n"),
            (Scope::Project, None) | (Scope::User, _) => String::new(),
        };
        let what = match place.form.setting() {
            Some(_) => "A setting",
            None => "A hook",
        };
        let off = switched_off(place, text, command);
        format!(
            "{off}{}\n{of_project}{what} helps; the shim is the boundary: put gate's shims first on the \
             agent's PATH too.\n",
            agent.remark()
        )
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

/// Says that the agent's own settings in this file keep it from calling the hook.
fn switched_off(place: &Place, text: &str, command: &str) -> String {
    let why = place.form.switched_off(text, command);
    why.map_or_else(String::new, |why| {
        format!("The agent does not call it as long as {why} in this file.\n")
    })
}

/// Returns a word for a shell, in quotes where it needs them.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
