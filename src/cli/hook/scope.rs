//! For which tools a hook speaks.
//!
//! An agent's shell runs everything: compilers, tests, `sed`. Shims stand before few of these, and
//! a hook that asked about each of them would be taken out the same day. So by the built-in
//! baseline a hook speaks for tools that reach beyond the work folder. What a rule that somebody
//! wrote is about is always heard, whatever tool it names.

use gate_policy::{Effect, EffectSet, Invocation};

use crate::everyday::EVERYDAY;

/// What works in the folder most of the time, and reaches beyond it, or takes from it what nobody
/// brings back, with some commands.
const PARTLY: &[&str] = &[
    "cargo", "docker", "git", "npm", "npx", "pnpm", "podman", "sqlite3", "yarn",
];
/// What runs other commands: where it is not understood, these may hide in it.
const CARRIERS: &[&str] = &[
    "awk", "bash", "busybox", "env", "ksh", "parallel", "script", "sed", "sh", "watch", "xargs",
    "zsh",
];
/// Tools that reach beyond the folder, by each name that a script can call them.
const BEYOND: &[&str] = &[
    "ansible",
    "ansible-galaxy",
    "ansible-inventory",
    "ansible-playbook",
    "ansible-vault",
    "aws",
    "az",
    "bq",
    "chroot",
    "doas",
    "gcloud",
    "gh",
    "glab",
    "gsutil",
    "helm",
    "journalctl",
    "kubectl",
    "mongosh",
    "mysql",
    "nsenter",
    "psql",
    "pulumi",
    "redis-cli",
    "rsync",
    "scp",
    "sftp",
    "ssh",
    "su",
    "sudo",
    "systemctl",
    "terraform",
    "tofu",
    "twine",
    "unshare",
    "vault",
];

/// Tells whether a hook speaks for what this command does by itself, by the baseline.
pub(super) fn speaks_for(invocation: &Invocation, script: &str) -> bool {
    let tool = &*invocation.tool;
    if !invocation.known {
        return false;
    }
    if invocation.profile.is_some() {
        return true;
    }
    let effects = invocation.own_effects;
    if PARTLY.contains(&tool) {
        return lasts(effects);
    }
    if CARRIERS.contains(&tool) && effects.contains(Effect::Unknown) {
        return mentions_tool(script);
    }
    !EVERYDAY.contains(&tool)
}

/// Tells whether some of the effects stay, or reach somebody else.
pub(super) fn lasts(effects: EffectSet) -> bool {
    let lasting = [
        Effect::Write,
        Effect::Destroy,
        Effect::Access,
        Effect::Secret,
    ];
    effects.intersects(lasting.into_iter().collect())
}

/// Tells whether a text that is not understood holds the name of a tool that a hook speaks for,
/// quoted or not.
fn mentions_tool(script: &str) -> bool {
    let plain: String = script
        .chars()
        .filter(|c| !matches!(c, '\'' | '"' | '\\'))
        .collect();
    plain
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        .any(|word| BEYOND.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_profile_is_sorted_once() {
        let folder =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/gate-policy/profiles");
        let mut found = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(name) = name.strip_suffix(".toml").filter(|name| *name != "every") else {
                continue;
            };
            found += 1;
            let lists = [EVERYDAY, PARTLY, BEYOND];
            let count = lists.iter().filter(|list| list.contains(&name)).count();
            assert_eq!(count, 1, "`{name}` belongs into one list of this file");
        }
        assert!(found > 90, "{found}");
    }

    #[test]
    fn a_name_is_found_through_quotes_and_not_inside_a_word() {
        for text in ["x; kubectl y", "k'ub'ectl", "\\aws s3", "$(which psql)"] {
            assert!(mentions_tool(text), "{text}");
        }
        for text in ["paws", "kubectls", "my-aws", "ls *.rs"] {
            assert!(!mentions_tool(text), "{text}");
        }
    }
}
