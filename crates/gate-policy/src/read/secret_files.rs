//! Files that hold secrets, by their names: to print one reveals them.

use std::path::Path;

use super::inputs::plain_join;
use super::path_of;
use super::words::{Parsed, shown};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::glob;
use crate::invocation::Invocation;

/// Patterns of the paths of such files, in lower case. One without a folder
/// stands for the name in any folder.
const HOLDING: &[&str] = &[
    "*/.kube/config*",
    ".kube/config*",
    "/etc/rancher/*.yaml",
    "/etc/kubernetes/*",
    "*/.aws/*",
    ".aws/*",
    "*/.azure/*",
    ".azure/*",
    "*/.config/gcloud/*",
    ".config/gcloud/*",
    "*/.config/gh/*",
    ".config/gh/*",
    "*/.docker/config.json",
    ".docker/config.json",
    "*/.ssh/*",
    ".ssh/*",
    "*/.gnupg/*",
    ".gnupg/*",
    "*/.terraform.d/*",
    "*/.config/gate/*",
    "*/.password-store/*",
    "/etc/shadow*",
    "/etc/gshadow*",
    "/etc/sudoers*",
    "/etc/ssl/private/*",
    "/proc/*/environ",
    "/proc/*/mem",
    "/var/run/secrets/*",
    "/run/secrets/*",
    "/dev/mem",
    "*_history",
];

/// Patterns of their names, in lower case.
const NAMES: &[&str] = &[
    ".env",
    ".env.*",
    "*.env",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "*.tfvars",
    "*.tfvars.json",
    "*.tfstate",
    "*.tfstate.*",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".pgpass",
    "pgpass.conf",
    ".my.cnf",
    ".mylogin.cnf",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".vault-token",
    ".htpasswd",
    "kubeconfig*",
    "*.kubeconfig",
    "credentials*",
    "*credentials.json",
    "*secret*",
    "*password*",
    "*service-account*.json",
    "terraform.rc",
    ".terraformrc",
    "secrets.*",
    "master.key",
    "shadow",
];

/// Folders that hold files with secrets beside others: whoever reads all of one reads them too.
const SEARCHED: &[&str] = &[
    "/etc",
    "/etc/rancher",
    "/etc/ssl",
    "*/.config",
    "*/.docker",
    "*/.kube",
    "*/.terraform.d",
];

/// Templates and public halves, which everyone may read.
const PUBLIC: &[&str] = &[
    "*.pub",
    ".env.example",
    ".env.sample",
    ".env.template",
    "*.example",
    "*/.ssh/known_hosts*",
    "*/.ssh/config",
];

/// Tells whether a file of this name holds secrets.
pub(crate) fn holds_secrets(path: &[u8]) -> bool {
    let mut path = path.to_ascii_lowercase();
    while path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(&path);
    let is_public = matches_any(PUBLIC, &path) || matches_any(PUBLIC, name);
    !is_public && (is_held(&path) || matches_any(NAMES, name))
}

/// Tells whether a name stands for a file in a folder of secrets, which only the
/// working folder says.
pub(crate) fn stands_in_secrets(cwd: &Path, name: &[u8]) -> bool {
    let path = plain_join(cwd, &path_of(name));
    let path = path.as_os_str().as_encoded_bytes().to_ascii_lowercase();
    !name.starts_with(b"/") && !matches_any(PUBLIC, &path) && is_held(&path)
}

/// Adds the effect of a search through folders, where one of them is a folder
/// of secrets, or holds all that a person has.
pub(super) fn judge_search(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    invocation: &mut Invocation,
) {
    let is_on = |name: &str| parsed.uses.iter().any(|used| used.on && used.name == name);
    let mut flags = ["recursive", "dereference-recursive"].into_iter();
    let skipped = match parsed.spec.name.as_ref() {
        "grep" if flags.any(is_on) => usize::from(!(is_on("regexp") || is_on("file"))),
        // Of a folder and a file it compares the file of that name in the folder.
        "diff" => 0,
        _ => return,
    };
    let folders = parsed.operands.iter().skip(skipped);
    let mut folders: Vec<&[u8]> = folders.map(|folder| folder.bytes).collect();
    if folders.is_empty() {
        folders.push(b".");
    }
    let home = line.env.get("HOME").filter(|home| !home.is_empty());
    for folder in folders {
        let path = plain_join(line.cwd, &path_of(folder));
        let holds_home = home.is_some_and(|home| Path::new(home).starts_with(&path));
        let bytes = path.as_os_str().as_encoded_bytes().to_ascii_lowercase();
        if holds_home || matches_any(SEARCHED, &bytes) || stands_in_secrets(line.cwd, folder) {
            let why = format!("files with secrets stand below `{}`", shown(folder));
            invocation.add(Effect::Secret, &why);
        }
    }
}

fn matches_any(patterns: &[&str], text: &[u8]) -> bool {
    let mut patterns = patterns.iter();
    patterns.any(|pattern| glob::matches(pattern.as_bytes(), text))
}

/// Tells whether a path stands in a folder of secrets, or is one: such a one is
/// read with everything in it.
fn is_held(path: &[u8]) -> bool {
    let below = [path, b"/"].concat();
    matches_any(HOLDING, path) || matches_any(HOLDING, &below)
}

#[cfg(test)]
mod tests {
    use super::holds_secrets;

    #[test]
    fn files_of_secrets_are_known_by_their_names_in_any_spelling_of_the_path() {
        for path in [
            "/home/a/.kube/config",
            "../.aws/credentials",
            "/etc/shadow",
            "tls/server.PEM",
            ".env",
            "./.env.production",
            "/proc/self/environ",
            "terraform.tfstate",
            ".ssh/id_ed25519",
            "/home/a/.aws/",
        ] {
            assert!(holds_secrets(path.as_bytes()), "{path}");
        }
        for path in [
            "README.md",
            ".env.example",
            "id_rsa.pub",
            "src/main.rs",
            "config",
        ] {
            assert!(!holds_secrets(path.as_bytes()), "{path}");
        }
    }
}
