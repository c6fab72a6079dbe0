//! What is to be known beside: of PATH, of a tool's other copies, and of the
//! credentials that a caller can reach without gate.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use gate_exec::resolve::version_manager;

use super::verdict::shown;
use crate::shims::{Candidate, LOADER, Lookup, Met, Program, entries};
use crate::world::World;

/// What holds the credentials of tools: their names, variables, and files below the home.
type Holder = (
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

const CREDENTIALS: [Holder; 17] = [
    (
        &["kubectl", "helm", "oc"],
        &["KUBECONFIG"],
        &[".kube/config"],
    ),
    (
        &["terraform", "tofu"],
        &[
            "AWS_ACCESS_KEY_ID",
            "ARM_CLIENT_SECRET",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ],
        &[
            ".terraform.d/credentials.tfrc.json",
            ".terraformrc",
            ".aws/credentials",
        ],
    ),
    (
        &["aws"],
        &[
            "AWS_ACCESS_KEY_ID",
            "AWS_SESSION_TOKEN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        ],
        &[".aws/credentials", ".aws/sso/cache"],
    ),
    (&["psql"], &["PGPASSWORD", "PGPASSFILE"], &[".pgpass"]),
    (
        &["mysql", "mariadb"],
        &["MYSQL_PWD"],
        &[".my.cnf", ".mylogin.cnf"],
    ),
    (&["redis-cli"], &["REDISCLI_AUTH"], &[]),
    (
        &["git"],
        &["SSH_AUTH_SOCK"],
        &[".git-credentials", ".ssh/id_ed25519", ".ssh/id_rsa"],
    ),
    (
        &["gh"],
        &["GH_TOKEN", "GITHUB_TOKEN"],
        &[".config/gh/hosts.yml"],
    ),
    (
        &["glab"],
        &["GITLAB_TOKEN"],
        &[".config/glab-cli/config.yml"],
    ),
    (
        &["gcloud", "gsutil", "bq"],
        &["GOOGLE_APPLICATION_CREDENTIALS"],
        &[".config/gcloud/credentials.db"],
    ),
    (
        &["az"],
        &["AZURE_CLIENT_SECRET"],
        &[".azure/msal_token_cache.json"],
    ),
    (
        &["docker", "podman"],
        &["DOCKER_AUTH_CONFIG"],
        &[".docker/config.json"],
    ),
    (&["vault"], &["VAULT_TOKEN"], &[".vault-token"]),
    (
        &["pulumi"],
        &["PULUMI_ACCESS_TOKEN"],
        &[".pulumi/credentials.json"],
    ),
    (
        &["ssh", "scp", "sftp", "rsync", "ansible", "ansible-playbook"],
        &["SSH_AUTH_SOCK"],
        &[".ssh/id_ed25519", ".ssh/id_rsa", ".ssh/id_ecdsa"],
    ),
    (
        &["npm", "npx", "pnpm", "yarn"],
        &["NPM_TOKEN", "NODE_AUTH_TOKEN"],
        &[".npmrc"],
    ),
    (
        &["cargo"],
        &["CARGO_REGISTRY_TOKEN"],
        &[".cargo/credentials.toml"],
    ),
];

/// Returns what is to be known of what a caller here has.
pub(super) fn of_caller(world: &World) -> Vec<String> {
    let mut notes = of_path(world.variable(OsStr::new("PATH")));
    if let Some(file) = world.env_os("BASH_ENV").filter(|file| !file.is_empty()) {
        notes.push(format!(
            "BASH_ENV has each script of bash read `{}` first: what it defines or puts on PATH comes \
             before the shims",
            shown(Path::new(file))
        ));
    }
    let names = world.variables().map(|(name, _)| name.to_string_lossy());
    let functions = names.filter_map(|name| {
        let name = name.strip_prefix("BASH_FUNC_")?;
        Some(name.trim_end_matches("%%").to_owned())
    });
    for function in functions {
        notes.push(format!(
            "a variable `BASH_FUNC_…` gives each script of bash the function `{}`, which comes before \
             a shim of that name",
            shown(Path::new(&function))
        ));
    }
    if Program::beside_gate().is_ok_and(|program| program.asks_loader()) {
        notes.push(LOADER.to_owned());
    }
    notes
}

/// Returns what is to be known of PATH here.
fn of_path(path: Option<&OsStr>) -> Vec<String> {
    let mut notes = Vec::new();
    let folders = || path.into_iter().flat_map(entries);
    if folders().any(|entry| entry.as_os_str().is_empty()) {
        notes.push(
            "PATH has an empty entry, which means the working folder: whoever writes there \
             chooses what a name starts; take it out"
                .to_owned(),
        );
    }
    let relative = folders().find(|entry| !entry.as_os_str().is_empty() && entry.is_relative());
    if let Some(entry) = relative {
        notes.push(format!(
            "PATH has the relative entry `{}`, which leads elsewhere in each folder: take it out",
            shown(entry)
        ));
    }
    notes
}

/// Returns what is to be known of one tool here.
pub(super) fn of_tool(
    world: &World,
    lookup: &Lookup<'_>,
    tool: &OsStr,
    real: Option<&Path>,
) -> Vec<String> {
    let path = world.variable(OsStr::new("PATH"));
    let candidates = lookup.candidates(tool, path);
    let mut notes: Vec<String> = before(&candidates).collect();
    let by_path: Vec<String> = copies(&candidates).into_iter().map(shown).collect();
    if !by_path.is_empty() {
        notes.push(format!(
            "by its path it runs without gate: {}",
            by_path.join(", ")
        ));
    }
    if let Some(manager) = real.and_then(version_manager) {
        notes.push(format!(
            "{manager} chooses the tool behind gate; what it starts from its own folders is not looked at again"
        ));
    }
    notes.extend(strangers(&candidates));
    let reachable = credentials(world, tool);
    if !reachable.is_empty() {
        notes.push(format!(
            "the caller can reach its credentials ({}): whoever avoids gate can use them",
            reachable.join(", ")
        ));
    }
    notes
}

/// Says which shims of others come before gate's.
fn before(candidates: &[Candidate]) -> impl Iterator<Item = String> {
    let first = candidates
        .iter()
        .take_while(|candidate| candidate.met != Met::Shim);
    let has_shim = candidates
        .iter()
        .any(|candidate| candidate.met == Met::Shim);
    first.filter(move |_| has_shim).filter_map(|candidate| {
        let manager = version_manager(&candidate.path)?;
        Some(format!(
            "{manager} comes before the shim ({}): have `gate shell-init` read after it",
            shown(&candidate.path)
        ))
    })
}

/// Returns the tools among the candidates, each file once.
fn copies(candidates: &[Candidate]) -> Vec<&Path> {
    let mut seen: Vec<PathBuf> = Vec::new();
    let tools = candidates
        .iter()
        .filter(|candidate| matches!(candidate.met, Met::Tool | Met::Refused(_)));
    tools
        .map(|candidate| candidate.path.as_path())
        .filter(|path| {
            let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
            let is_new = !seen.contains(&real);
            seen.push(real);
            is_new
        })
        .collect()
}

/// Says what lies in a folder of shims and is none, and what gate would not run.
fn strangers(candidates: &[Candidate]) -> impl Iterator<Item = String> {
    candidates
        .iter()
        .filter_map(|candidate| match &candidate.met {
            Met::Stranger => Some(format!(
                "{} lies among the shims and is not gate: remove it",
                shown(&candidate.path)
            )),
            Met::Refused(why) => Some(why.clone()),
            Met::Shim | Met::Tool => None,
        })
}

/// Returns the names of what holds a credential of the tool and can be read.
fn credentials(world: &World, tool: &OsStr) -> Vec<String> {
    let home = world.env_os("HOME").map(PathBuf::from);
    let holders = CREDENTIALS
        .iter()
        .filter(|(tools, ..)| tools.iter().any(|name| tool == *name));
    let mut found = Vec::new();
    for (_, variables, files) in holders {
        let set = variables.iter().filter(|name| world.env_os(name).is_some());
        found.extend(set.map(|name| (*name).to_owned()));
        let readable = files.iter().filter(|file| {
            let path = home.as_ref().map(|home| home.join(file));
            path.is_some_and(|path| std::fs::File::open(path).is_ok())
        });
        found.extend(readable.map(|file| format!("~/{file}")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_name_no_fixed_folder_are_told() {
        let of = |path: &str| of_path(Some(OsStr::new(path)));
        assert!(of("/a:/b").is_empty());
        assert!(of_path(None).is_empty());
        for path in ["", ":/a", "/a:", "/a::/b"] {
            assert!(of(path)[0].contains("empty entry"), "{path}");
        }
        assert!(of("/a:bin:/b")[0].contains("`bin`"));
    }
}
