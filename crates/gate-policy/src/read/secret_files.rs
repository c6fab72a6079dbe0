//! Files that hold secrets, by their names: to print one reveals them.

use crate::glob;

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
    let any = |patterns: &[&str], text: &[u8]| {
        let mut patterns = patterns.iter();
        patterns.any(|pattern| glob::matches(pattern.as_bytes(), text))
    };
    let is_public = any(PUBLIC, &path) || any(PUBLIC, name);
    // A folder of them is read with everything in it.
    let below = [&path, &b"/"[..]].concat();
    !is_public && (any(HOLDING, &path) || any(HOLDING, &below) || any(NAMES, name))
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
