//! Takes over what two tools of one family have in common.

use std::collections::BTreeMap;

use crate::profile::source::{Group, Mistake, Profile};

/// Adds the global flags, the variables and the implicit inputs of the profile
/// that `shares` names, before those that the profile has itself.
pub(crate) fn add(profile: &mut Profile, mut other: Profile) -> Result<(), Mistake> {
    let Some(word) = profile.shares.take() else {
        return Ok(());
    };
    if other.shares.is_some() {
        let problem = format!("`{}` shares another profile itself", word.get_ref());
        return Err(Mistake::at(&word, problem, "name that one"));
    }
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
