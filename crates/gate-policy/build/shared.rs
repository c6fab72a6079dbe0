//! Takes over what two tools of one family have in common.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::profile::source::{Group, Mistake, Profile};

/// The longest chain of profiles of which each shares the next.
const MAX_SHARED: usize = 4;

/// Adds what the profile that `shares` names has, and what that one shares in turn.
pub(crate) fn add_all(profile: &mut Profile, folder: &Path, depth: usize) -> Result<(), Mistake> {
    let Some(word) = profile.shares.take() else {
        return Ok(());
    };
    let fail = |why: String| Mistake::at(&word, why, "mend the profile that is shared");
    if depth == MAX_SHARED {
        return Err(fail("too many profiles share each other".to_owned()));
    }
    let path = folder.join(word.get_ref()).with_extension("toml");
    let said = |problem: String| fail(format!("can't use `{}`: {problem}", path.display()));
    let content = fs::read_to_string(&path).map_err(|problem| said(problem.to_string()))?;
    let mut other = toml::from_str(&content).map_err(|problem| said(problem.to_string()))?;
    add_all(&mut other, folder, depth + 1).map_err(|mistake| said(mistake.problem))?;
    add(profile, other)
}

/// Adds the global flags, the variables and the implicit inputs of another profile before those
/// that the profile has itself.
fn add(profile: &mut Profile, mut other: Profile) -> Result<(), Mistake> {
    if let Some(Group(flags)) = other.flags.remove("global") {
        let own = profile.flags.entry("global".to_owned());
        let own = &mut own.or_insert_with(|| Group(BTreeMap::new())).0;
        for (name, flag) in flags {
            if let Some(flag) = own.insert(name, flag) {
                let problem = "both profiles have the flag";
                return Err(Mistake::new(flag.place, problem, "leave it out of one"));
            }
        }
    }
    other.environment.append(&mut profile.environment);
    profile.environment = other.environment;
    other.implicit.append(&mut profile.implicit);
    profile.implicit = other.implicit;
    Ok(())
}
