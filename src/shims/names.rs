//! Which names may have a shim, and which of them are meant by all.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use gate_exec::resolve::Quoted;
use gate_policy::Profiles;
use gate_policy::profile::{builtin, find_builtin};

use crate::everyday::EVERYDAY;
use crate::failure::{Failure, FailureKind};
use crate::layout::{DEMO_PROGRAM, PROGRAM, SHIM_PROGRAM};

/// Every script and every login begins with one of these.
const SHELLS: [&str; 22] = [
    "ash", "bash", "busybox", "csh", "dash", "elvish", "fish", "ksh", "ksh93", "login", "lksh",
    "mksh", "nu", "oksh", "pdksh", "pwsh", "rbash", "rzsh", "sh", "tcsh", "yash", "zsh",
];

/// What scripts call all the time beside what is [`EVERYDAY`], and what only changes who or where
/// somebody is.
const ALSO: [&str; 8] = [
    "[", "chroot", "doas", "nsenter", "su", "sudo", "sudoedit", "unshare",
];

/// Refuses what is no name at all.
///
/// # Errors
/// It is a path, empty, or hidden.
pub(crate) fn refuse_path(name: &OsStr) -> Result<(), Failure> {
    let quoted = Quoted(name);
    if name.as_bytes().contains(&b'/') {
        return refused(
            format!("{quoted} is a path, and a shim is found by its name"),
            "name the tool alone; what is called by a path is not found on PATH, and no shim stands before it",
        );
    }
    if name.is_empty() || name.as_bytes().starts_with(b".") {
        return refused(
            format!("{quoted} is no name of a tool"),
            "name a tool as you would call it",
        );
    }
    Ok(())
}

/// Refuses a name that can't have a shim.
///
/// # Errors
/// It is no name of a tool, it is gate's own, or it is that of a shell.
pub(crate) fn refuse(name: &OsStr) -> Result<(), Failure> {
    refuse_path(name)?;
    let quoted = Quoted(name);
    let is_one_of = |names: &[&str]| names.iter().any(|known| *known == name);
    if is_one_of(&[PROGRAM, SHIM_PROGRAM, DEMO_PROGRAM]) {
        return refused(
            format!("{quoted} is gate itself"),
            "name the tools that gate is to stand before",
        );
    }
    if is_one_of(&SHELLS) {
        return refused(
            format!("{quoted} is a shell: every script and every login would begin with gate"),
            "put shims before the tools that scripts call; one script is judged by `gate run -- sh FILE`",
        );
    }
    Ok(())
}

fn refused(text: String, hint: &str) -> Result<(), Failure> {
    Err(Failure::new(FailureKind::Usage, text).hint(hint))
}

/// Returns the names of all tools that `--all` means: those that gate has a profile of, but for
/// shells and for what every script calls.
pub(crate) fn wrapped_by_all(profiles: &Profiles) -> Vec<String> {
    let built_in = builtin()
        .iter()
        .flat_map(|tool| std::iter::once(&tool.name).chain(tool.aliases.iter()))
        .map(ToString::to_string);
    let own = profiles
        .own()
        .flat_map(|profile| profile.tools)
        .map(str::to_owned);
    let mut names: Vec<String> = built_in.chain(own).filter(|name| is_meant(name)).collect();
    names.sort();
    names.dedup();
    names
}

fn is_meant(name: &str) -> bool {
    let own = find_builtin(name.as_bytes()).map_or(name, |tool| &*tool.name);
    let is_ordinary = EVERYDAY.contains(&own) || ALSO.contains(&name);
    !is_ordinary && refuse(OsStr::new(name)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_means_what_people_are_asked_about_and_nothing_that_scripts_are_made_of() {
        let all = wrapped_by_all(Profiles::built_in());
        for tool in ["kubectl", "terraform", "tofu", "aws", "psql", "git", "ssh"] {
            assert!(all.iter().any(|name| name == tool), "{tool}: {all:?}");
        }
        for tool in [
            "ls", "sh", "bash", "env", "sudo", "xargs", "[", "cat", "awk", "sed", "sudoedit",
        ] {
            assert!(!all.iter().any(|name| name == tool), "{tool}");
        }
    }

    #[test]
    fn what_is_left_out_has_a_profile() {
        for name in EVERYDAY.iter().chain(&ALSO) {
            assert!(find_builtin(name.as_bytes()).is_some(), "{name}");
        }
    }

    #[test]
    fn a_refusal_says_what_the_name_is() {
        for (name, said) in [
            ("bin/kubectl", "is a path"),
            ("", "is no name"),
            ("..", "is no name"),
            (".gate-shims", "is no name"),
            ("gate", "is gate itself"),
            ("gate-shim", "is gate itself"),
            ("sh", "is a shell"),
            ("zsh", "is a shell"),
        ] {
            let failure = refuse(OsStr::new(name)).unwrap_err().to_string();
            assert!(failure.contains(said), "{failure}");
        }
        for name in ["kubectl", "sudo", "gated", "-", "[", "a b"] {
            assert!(refuse(OsStr::new(name)).is_ok(), "{name}");
        }
    }
}
