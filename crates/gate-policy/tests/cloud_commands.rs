//! Holds the lists of commands of gcloud and az: what a name gives away is in
//! its effect.
//!
//! The promise: "A read that reveals credentials or secrets is `secret`,
//! permission changes are `access`", and what is in no list asks.

use std::ffi::OsString;
use std::path::Path;

use gate_policy::profile::{ToolSpec, find_builtin};
use gate_policy::{CommandLine, Effect, Environment, NoFiles, Stdin, read_invocation};

/// Commands that pass although a word of theirs speaks of a secret or of
/// permissions: they were looked at one by one. They print names, public parts,
/// who may do what, or how something is set up.
const LOOKED_AT: &str = include_str!("cloud_commands.txt");

/// Parts of words that speak of something that must not be shown.
const REVEALING: &[&str] = &[
    "secret",
    "password",
    "passw",
    "token",
    "credential",
    "creds",
    "private-key",
    "key",
    "keys",
    "connection-string",
    "sas",
    "jwt",
    "decrypt",
    "kubeconfig",
    "publishing",
    "cat",
    "access",
];
/// Verbs that a command never has which only reads.
const ACTING: &[&str] = &[
    "add", "apply", "assign", "cancel", "create", "delete", "deploy", "destroy", "disable",
    "enable", "exec", "import", "invoke", "move", "patch", "purge", "remove", "replace", "reset",
    "restart", "restore", "revoke", "rotate", "run", "set", "ssh", "start", "stop", "submit",
    "update", "upload",
];

/// Whom or what a permission is of: the word in front of the verb.
const PERMITTING: &[&str] = &[
    "access-bindings",
    "access-levels",
    "access-policy",
    "acl",
    "ad-admin",
    "admin-user",
    "admin-users",
    "api-keys",
    "assignment",
    "auth-rule",
    "authorization-rule",
    "credential",
    "credentials",
    "delegations",
    "entitlements",
    "federated-credentials",
    "grants",
    "identity",
    "iam",
    "key",
    "keys",
    "lock",
    "member",
    "members",
    "memberships",
    "oauth-clients",
    "perimeters",
    "permission",
    "permission-grant",
    "permissions",
    "policy-bindings",
    "principal",
    "principals",
    "role",
    "role-assignment",
    "role-definition",
    "rolebinding",
    "roles",
    "service-accounts",
    "share",
    "ssh-keys",
    "ssl-certs",
    "trusted-provider",
    "user",
    "user-creds",
    "users",
    "workforce-pools",
    "workload-identity-pools",
];
/// What is done to it, as a word or the first part of one.
const PERMITS: &[&str] = &[
    "add",
    "approve",
    "assign",
    "create",
    "delete",
    "deny",
    "disable",
    "enable",
    "grant",
    "import",
    "invite",
    "regenerate",
    "remove",
    "renew",
    "reset",
    "revoke",
    "set",
    "unassign",
    "undelete",
    "update",
    "upload",
];
/// Verbs that change who may do what, whatever stands in front.
const PERMITTING_VERBS: &[&str] = &[
    "add-iam-policy-binding",
    "assign-role",
    "authorize",
    "delete-policy",
    "grant",
    "grant-access",
    "remove-iam-policy-binding",
    "reset-admin-password",
    "revoke",
    "revoke-access",
    "set-iam-policy",
    "set-password",
    "set-policy",
    "unauthorize",
    "update-credentials",
];
/// Verbs that hand out a credential.
const HANDING: &[&str] = &[
    "decrypt",
    "generate-credential",
    "generate-sas",
    "generate-token",
    "get-access-token",
    "get-admin-kubeconfig",
    "get-auth-string",
    "get-credentials",
    "get-key-string",
    "get-sas-urls",
    "list-connection-strings",
    "list-credentials",
    "list-keys",
    "print-access-token",
    "print-identity-token",
    "print-refresh-token",
    "renew-key",
    "renew-keys",
    "regenerate-key",
    "regenerate-keys",
    "reset-credentials",
    "show-connection-string",
    "sign-blob",
    "sign-jwt",
    "sign-url",
];
/// Such names of what gives or takes nobody a permission, each for the reason above it.
const NO_PERMISSION: &[&str] = &[
    // Keys that stay in the service, whose own rights are policies of IAM or of a vault.
    "gcloud kms keys create",
    "gcloud kms keys update",
    "gcloud kms keys remove-rotation-schedule",
    "gcloud kms keys set-primary-version",
    "gcloud kms keys set-rotation-schedule",
    "gcloud kms inventory list-keys",
    "az keyvault key set-attributes",
    "az keyvault key create",
    "az keyvault key delete",
    "az keyvault key import",
    "az mysql server key delete",
    "az sql mi key delete",
    "az sql server key delete",
    "az synapse workspace key delete",
    // Keys of tags, and those by which a site says what it is.
    "gcloud recaptcha keys create",
    "gcloud recaptcha keys delete",
    "gcloud recaptcha keys update",
    "gcloud recaptcha keys add-ip-override",
    "gcloud recaptcha keys remove-ip-override",
    "gcloud resource-manager tags keys create",
    "gcloud resource-manager tags keys delete",
    "gcloud resource-manager tags keys update",
    // Shares are folders, memberships are clusters of a fleet.
    "az databoxedge device share create",
    "az databoxedge device share delete",
    "az databoxedge device share update",
    "az storage share create",
    "az storage share delete",
    "az storage share update",
    "gcloud container fleet memberships delete",
    "gcloud container fleet memberships update",
    "gcloud container hub memberships delete",
    "gcloud container hub memberships update",
];

fn tools() -> Vec<&'static ToolSpec> {
    let tools = ["gcloud", "az"].into_iter();
    tools
        .filter_map(|tool| find_builtin(tool.as_bytes()))
        .collect()
}

fn effect(tool: &str, command: &str) -> Effect {
    let words = std::iter::once(tool).chain(command.split(' '));
    let argv: Vec<OsString> = words.map(OsString::from).collect();
    read_invocation(&CommandLine {
        argv: &argv,
        env: &Environment::default(),
        cwd: Path::new("/"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
    .effect
}

/// Tells whether a word has one of these parts between its dashes.
fn speaks_of(word: &str, parts: &[&str]) -> bool {
    let dashed = format!("-{word}-");
    let mut parts = parts.iter();
    parts.any(|part| dashed.contains(&format!("-{part}-")))
}

#[test]
fn every_listed_command_is_read_with_the_effect_of_the_list() {
    assert_eq!(tools().len(), 2);
    for tool in tools() {
        let mut count = 0;
        for (command, listed) in tool.listed_commands() {
            let effect = effect(&tool.name, &command);
            count += 1;
            // What stands in the profile itself knows more.
            let has_entry = ["storage ", "login", "account set", "config get", "rest"]
                .iter()
                .any(|start| command.starts_with(start));
            if !has_entry {
                assert_eq!(effect.as_str(), listed, "{} {command}", tool.name);
            }
        }
        assert!(count > 5_000, "{}: {count}", tool.name);
    }
}

#[test]
fn no_command_whose_name_speaks_of_a_secret_passes_unseen() {
    let mut passing = Vec::new();
    for tool in tools() {
        for (command, _) in tool.listed_commands() {
            if effect(&tool.name, &command) > Effect::Local {
                continue;
            }
            let line = format!("{} {command}", tool.name);
            let speaks = command.split(' ').any(|word| speaks_of(word, REVEALING));
            if speaks && !LOOKED_AT.lines().any(|known| known == line) {
                passing.push(line);
            }
        }
    }
    assert!(passing.is_empty(), "{}", passing.join("\n"));
}

#[test]
fn no_command_whose_verb_acts_passes() {
    for tool in tools() {
        for (command, _) in tool.listed_commands() {
            let verb = command.split(' ').next_back().unwrap_or_default();
            let first = verb.split('-').next().unwrap_or_default();
            if ACTING.contains(&verb) || (ACTING.contains(&first) && verb != "check-in") {
                let effect = effect(&tool.name, &command);
                assert!(
                    effect > Effect::Local,
                    "{} {command} is {effect}",
                    tool.name
                );
            }
        }
    }
}

/// Tells whether a command changes who may do what, or hands out a credential.
fn speaks_of_permission(words: &[&str]) -> bool {
    let [.., before, noun, verb] = *words else {
        return false;
    };
    let noun = if noun == "definition" { before } else { noun };
    let acts = PERMITS
        .iter()
        .any(|act| verb == *act || verb.starts_with(&format!("{act}-")));
    PERMITTING_VERBS.contains(&verb) || (acts && PERMITTING.contains(&noun))
}

#[test]
fn every_name_of_a_permission_is_access_and_of_a_credential_is_secret() {
    let mut less = Vec::new();
    let mut held = 0;
    let mut used = Vec::new();
    for tool in tools() {
        for (command, _) in tool.listed_commands() {
            let words: Vec<&str> = command.split(' ').collect();
            let hands = words.last().is_some_and(|verb| HANDING.contains(verb));
            let least = match (hands, speaks_of_permission(&words)) {
                (true, _) => Effect::Secret,
                (false, true) => Effect::Access,
                (false, false) => continue,
            };
            held += 1;
            let effect = effect(&tool.name, &command);
            let line = format!("{} {command}", tool.name);
            if effect >= least {
                continue;
            }
            match NO_PERMISSION.iter().find(|known| **known == line) {
                Some(known) => used.push(*known),
                None => less.push(format!("{line} is {effect}, not {least}")),
            }
        }
    }
    assert!(held > 500, "{held}");
    assert!(less.is_empty(), "{}:\n{}", less.len(), less.join("\n"));
    let idle: Vec<_> = NO_PERMISSION
        .iter()
        .filter(|known| !used.contains(known))
        .collect();
    assert!(idle.is_empty(), "they need no review: {idle:?}");
}
