//! `gate hook remove`.

use super::Change;
use super::setting::{Place, diff, shown};
use crate::failure::Failure;
use crate::show;
use crate::world::World;

/// Take the hook of an agent out again
///
/// As long as nothing else in the file was changed since, it is byte for byte what it was before.
#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    #[command(flatten)]
    change: Change,
}

impl Remove {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let place = Place::of(world, self.change.agent, self.change.scope())?;
        let found = place.look()?;
        let file = shown(&place.path);
        let Some(held) = &found.held else {
            return show::print(&format!(
                "`{file}` has nothing of gate's; nothing is changed\n"
            ));
        };
        let before = found.text.as_deref().unwrap_or_default();
        let change = diff(before, held.without.as_deref().unwrap_or_default());
        let (planned, does, done) = match held.without {
            Some(_) => ("would become", "becomes", "written"),
            None => ("would be removed", "goes", "removed"),
        };
        let what = if self.change.dry_run { planned } else { does };
        // What can't be shown is not written.
        show::print(&format!("`{file}` {what}:\n{change}"))?;
        if self.change.dry_run {
            return Ok(());
        }
        place.put(&found, held.without.as_deref(), None)?;
        show::print(&format!("`{file}` is {done}\n"))
    }
}
