//! Which commands act outside of what their target names, because a word of theirs
//! says where. Of kubectl: `kubectl api-resources --namespaced=false`, and
//! cli-runtime's `resource.Builder`, which takes `--all-namespaces` before a namespace.

use super::region;
use crate::invocation::{Invocation, OptionUse};
use crate::profile::Text;
use crate::read::words::switch_value;

/// Subcommands about nodes, requests for certificates and files with permissions.
const OF_CLUSTER: &[&str] = &["certificate", "cordon", "drain", "taint", "uncordon"];
/// What `create` makes of it stands in no namespace.
const MADE: &[&str] = &["namespace", "priorityclass"];
/// Subcommands whose first operand is a type, or several.
const TYPE_FIRST: &[&str] = &[
    "annotate",
    "autoscale",
    "delete",
    "describe",
    "edit",
    "expose",
    "get",
    "label",
    "patch",
    "replace",
    "rollout",
    "scale",
    "set",
    "wait",
];
/// Beginnings of types that stand in no namespace, and their short names whole.
const BEGINNINGS: &[&str] = &[
    "apiservice",
    "certificatesigningrequest",
    "cluster",
    "componentstatus",
    "csidriver",
    "csinode",
    "customresourcedefinition",
    "deviceclass",
    "flowschema",
    "gatewayclass",
    "ingressclass",
    "ipaddress",
    "mutatingadmissionpolic",
    "mutatingwebhookconfiguration",
    "namespace",
    "node",
    "persistentvolumes",
    "podsecuritypolic",
    "priorityclass",
    "prioritylevelconfiguration",
    "resourceslice",
    "runtimeclass",
    "servicecidr",
    "storageclass",
    "storageversion",
    "validatingadmissionpolic",
    "validatingwebhookconfiguration",
    "volumeattachment",
    "volumeattributesclass",
];
const WHOLE: &[&str] = &[
    "crd",
    "crds",
    "cs",
    "csr",
    "gc",
    "ip",
    "no",
    "ns",
    "pc",
    "persistentvolume",
    "psp",
    "pv",
    "sc",
    "vac",
];

/// Fields of a target that a word of a command can leave behind.
pub(super) const FIELDS: &[&str] = &[
    "backend",
    "branch",
    "context",
    "database",
    "folder",
    "group",
    "host",
    "hostname",
    "location",
    "namespace",
    "owner",
    "path",
    "playbook",
    "project",
    "region",
    "release",
    "repo",
    "resource_group",
    "state",
    "subscription",
    "unit",
    "workspace",
    "zone",
];

/// Returns what a command may reach beside what this field of its target names.
pub(super) fn beyond(invocation: &Invocation, field: &str) -> Option<&'static str> {
    match (&*invocation.tool, field) {
        ("kubectl", "namespace") => beyond_namespace(invocation),
        ("gh" | "glab", "group" | "hostname" | "owner" | "repo") => {
            beyond_repository(invocation, field)
        }
        ("redis-cli", "database") => {
            redis_changes_database(invocation).then_some("other databases")
        }
        ("mysql" | "mongosh", "database") => {
            let names_other = |text: &str| {
                let text = text.to_ascii_lowercase();
                match &*invocation.tool {
                    "mysql" => text.contains(['.', '`']) || holds(&text, &["database", "schema"]),
                    _ => holds(
                        &text,
                        &["sibling", "use ", "admin", "connect", "getdb", "mongo("],
                    ),
                }
            };
            let mut nested = invocation.nested.iter();
            nested
                .any(|nested| names_other(&nested.text))
                .then_some("what a statement may name in another database")
        }
        ("az", "resource_group" | "subscription") => {
            names_by_path(invocation, b"/subscriptions/").then_some("what an id names")
        }
        ("gcloud" | "gsutil" | "bq", "project") => {
            let is_of_projects = invocation.command.iter().any(|word| &**word == "projects");
            (is_of_projects || names_by_path(invocation, b"projects/"))
                .then_some("what a path names in another project")
        }
        ("git", "branch") => pushes_others(invocation).then_some("other references"),
        ("helm", "release") => {
            let is_removal = invocation
                .command
                .first()
                .is_some_and(|word| *word == "uninstall");
            (is_removal && invocation.operands.len() > 1).then_some("other releases")
        }
        ("systemctl", "unit") => {
            let takes_one =
                |word: &Text| matches!(&**word, "bind" | "mount-image" | "set-property");
            let is_one = invocation.command.first().is_some_and(takes_one);
            (!is_one && invocation.operands.len() > 1).then_some("other units")
        }
        ("terraform", "backend" | "folder" | "state" | "workspace") => {
            let mut options = invocation.options.iter();
            options
                .any(|used| OF_STATES.contains(&&*used.name))
                .then_some("the state that an option names")
        }
        _ => beyond_others(invocation, field),
    }
}

/// Commands of gh and glab that are about no repository, whatever a variable names.
const OF_NO_REPOSITORY: &[&str] = &[
    "alias",
    "api",
    "auth",
    "codespace",
    "config",
    "cs",
    "ext",
    "extension",
    "extensions",
    "gist",
    "gpg-key",
    "org",
    "project",
    "snippet",
    "ssh-key",
    "token",
    "user",
];
/// Options with which a command of gh acts on something else than its repository.
const OF_OTHERS: &[&str] = &["branch-repo", "group", "org", "user"];

/// What a command of gh or glab reaches beside its repository.
fn beyond_repository(invocation: &Invocation, field: &str) -> Option<&'static str> {
    let is_address = |word: &Vec<u8>| contains(word, b"://");
    let mut words = invocation.command.iter().map(AsRef::as_ref);
    let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let is_other = |used: &OptionUse| OF_OTHERS.contains(&&*used.name);
    if invocation.operands.iter().any(is_address) {
        Some("what an address names")
    } else if field != "repo" {
        None
    } else if OF_NO_REPOSITORY.contains(&first) || invocation.options.iter().any(is_other) {
        Some("what belongs to no repository, or to another one")
    } else {
        ((first, second) == ("issue", "transfer")).then_some("another repository")
    }
}

/// Commands of docker that are about this machine's settings, or a registry.
const OF_NO_DAEMON: &[&str] = &["context", "login", "logout", "trust"];
/// Commands of helm that are about this machine's settings, or a registry.
const OF_NO_NAMESPACE: &[&str] = &["plugin", "push", "registry", "repo"];

/// The same of further fields.
fn beyond_others(invocation: &Invocation, field: &str) -> Option<&'static str> {
    let is_given = |name: &str| invocation.options.iter().any(|used| used.name == name);
    match (&*invocation.tool, field) {
        ("ansible-playbook", "playbook") => {
            (invocation.operands.len() > 1).then_some("other playbooks")
        }
        ("aws", "region") => region::beyond(invocation),
        ("docker", "context" | "host") => {
            let first = invocation.command.first();
            let is_other = first.is_some_and(|first| OF_NO_DAEMON.contains(&&**first));
            (is_other || is_given("builder")).then_some("what no daemon has, or another one")
        }
        ("helm", "namespace") => {
            let first = invocation.command.first();
            let is_other = first.is_some_and(|first| OF_NO_NAMESPACE.contains(&&**first));
            is_other.then_some("what belongs to no namespace")
        }
        ("gcloud", "location" | "region" | "zone") => {
            let mut kinds = [&b"projects/"[..], b"locations/", b"regions/", b"zones/"].into_iter();
            kinds
                .any(|kind| names_by_path(invocation, kind))
                .then_some("what a path names elsewhere")
        }
        ("psql", "database") => invocation
            .leaves_database
            .then_some("what belongs to all databases, or to another one"),
        ("sqlite3", "database") => {
            let mut nested = invocation.nested.iter();
            let words = [
                "attach", ".open", ".backup", ".clone", ".save", ".restore", ".import",
            ];
            let names_other = |text: &str| {
                holds(text, &words) || holds(text, &["vacuum"]) && holds(text, &["into"])
            };
            nested
                .any(|nested| names_other(&nested.text.to_ascii_lowercase()))
                .then_some("another file that a statement names")
        }
        ("vault", "path") => is_given("mount").then_some("the same path of another mount"),
        _ => None,
    }
}

/// Options of terraform that name the file of a state, wherever it is.
const OF_STATES: &[&str] = &["backup", "backup-out", "state", "state-out"];

/// Options of `git push` that say which references, whatever branch is out.
const OF_REFERENCES: &[&str] = &["all", "branches", "delete", "mirror", "prune", "tags"];

/// Tells whether `git push` sends more, or something else, than the branch of its
/// target to one of the same name.
fn pushes_others(invocation: &Invocation) -> bool {
    let is_push = invocation
        .command
        .first()
        .is_some_and(|word| *word == "push");
    let branch = invocation.target.get("branch").map(String::as_bytes);
    let mut refspecs = invocation.operands.iter().skip(1);
    let mut options = invocation.options.iter();
    is_push
        && (refspecs.any(|one| Some(&**one) != branch)
            || options.any(|used| OF_REFERENCES.contains(&&*used.name)))
}

/// Commands of redis that act on more databases than one, or on the server.
const OF_DATABASES: &[&str] = &[
    "acl",
    "bgrewriteaof",
    "bgsave",
    "client",
    "cluster",
    "config",
    "copy",
    "debug",
    "eval",
    "evalsha",
    "failover",
    "fcall",
    "flushall",
    "function",
    "migrate",
    "module",
    "move",
    "publish",
    "replicaof",
    "save",
    "script",
    "select",
    "sentinel",
    "shutdown",
    "slaveof",
    "spublish",
    "swapdb",
];

fn redis_changes_database(invocation: &Invocation) -> bool {
    let is_one = |word: &str| {
        OF_DATABASES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word))
    };
    let own = invocation.command.first().is_some_and(|word| is_one(word));
    let mut nested = invocation.nested.iter();
    own || nested.any(|nested| nested.text.split_whitespace().any(is_one))
}

/// Tells whether a word, or the value of an option, is or holds such a path.
fn names_by_path(invocation: &Invocation, path: &[u8]) -> bool {
    let values = invocation
        .options
        .iter()
        .filter_map(|used| used.value.as_ref());
    let mut words = invocation.operands.iter().chain(values);
    words.any(|word| contains(&word.to_ascii_lowercase(), path))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|found| found == part)
}

fn holds(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| text.contains(part))
}

fn beyond_namespace(invocation: &Invocation) -> Option<&'static str> {
    let command: Vec<&str> = invocation.command.iter().map(AsRef::as_ref).collect();
    let uses = |name: &'static str| {
        invocation
            .options
            .iter()
            .filter(move |used| used.name == name)
    };
    let is_on = |used: &OptionUse| used.value.as_deref().and_then(switch_value) != Some(false);
    let first = command.first().copied().unwrap_or_default();
    if uses("all-namespaces").next_back().is_some_and(is_on) {
        return Some("every namespace");
    }
    if uses("raw").next().is_some() {
        return Some("the path behind `--raw`");
    }
    match first {
        "proxy" => return Some("all of the server"),
        "config" => return Some("the settings of every cluster"),
        _ => {}
    }
    let is_file = uses("filename").chain(uses("kustomize")).next().is_some();
    if is_file && invocation.does_more_than_read() {
        return Some("what the files name");
    }
    let is_made = |kind: &&str| MADE.contains(kind) || kind.starts_with("cluster");
    if OF_CLUSTER.contains(&first) || (first == "create" && command.get(1).is_some_and(is_made)) {
        return Some("what stands in no namespace");
    }
    let operands = || {
        invocation
            .operands
            .iter()
            .map(|word| String::from_utf8_lossy(word))
    };
    if first == "cp" {
        let names_one = |word: &str| word.split(':').next().is_some_and(|pod| pod.contains('/'));
        let is_remote = |word: &str| word.contains(':');
        let is_other = operands().any(|word| is_remote(&word) && names_one(&word));
        return is_other.then_some("the namespace in front of the pod");
    }
    let types = operands()
        .enumerate()
        .any(|(at, word)| match word.split_once('/') {
            Some((kind, _)) => is_of_cluster(kind),
            None => at == 0 && TYPE_FIRST.contains(&first) && word.split(',').any(is_of_cluster),
        });
    types.then_some("what stands in no namespace")
}

/// Tells whether objects of a type stand in no namespace, as far as the type is one
/// of Kubernetes' own or says so by its name.
fn is_of_cluster(kind: &str) -> bool {
    let kind = kind
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    WHOLE.contains(&&*kind)
        || BEGINNINGS
            .iter()
            .any(|beginning| kind.starts_with(beginning))
}
