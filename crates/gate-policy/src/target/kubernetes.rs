//! Which cluster kubectl and helm would talk to, in which namespace and as whom.
//! Source: client-go, `tools/clientcmd/client_config.go`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::kubeconfig::{Entry, Kind, Kubeconfig, files_of_list};
use super::yaml::Node;
use super::{content, home_file, kuberc, login, named, option, refuse_file, set};
use crate::command_line::{CommandLine, FileKind, Stdin};
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::read::is_loopback;

/// What a pod's own credential stands in.
const IN_CLUSTER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The file that is taken where none is named, below `HOME`.
const USUAL: &str = ".kube/config";
/// What a kubeconfig can say of a user to act as another.
const REDIRECTS: &[&str] = &["as", "as-groups", "as-uid", "as-user-extra", "tokenFile"];
/// What YAML takes for true, in small letters.
const TRUTHS: &[&str] = &["on", "true", "y", "yes"];
/// Subcommands that speak to no cluster and start no program of a kubeconfig.
const OFFLINE: &[&str] = &["completion", "config", "kustomize", "options", "plugin"];

/// Subcommands of helm that speak to a cluster.
const OF_RELEASES: &[&str] = &[
    "get",
    "history",
    "install",
    "list",
    "rollback",
    "status",
    "test",
    "uninstall",
    "upgrade",
];

pub(super) fn resolve(line: &CommandLine<'_>, invocation: &mut Invocation) {
    kuberc::read(line, invocation);
    let first = invocation.command.first().map_or("", AsRef::as_ref);
    if !first.is_empty() && !OFFLINE.contains(&first) {
        resolve_cluster(line, invocation);
    } else {
        refuse_other_file(invocation);
    }
}

/// helm takes the cluster from the same files, for what acts on releases.
pub(super) fn resolve_for_helm(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let first = invocation.command.first().map_or("", AsRef::as_ref);
    let asks_server = ["validate", "dry-run"]
        .iter()
        .any(|name| option(invocation, name).is_some());
    if OF_RELEASES.contains(&first) || (first == "template" && asks_server) {
        resolve_cluster(line, invocation);
    } else {
        refuse_other_file(invocation);
    }
}

/// Another file than the usual one counts only where it is read here.
fn refuse_other_file(invocation: &mut Invocation) {
    if option(invocation, "kubeconfig").is_some() {
        let reason = "`--kubeconfig` takes server, identity and programs from a file that gate \
                      does not read";
        invocation.add(Effect::Unknown, reason);
    }
}

fn resolve_cluster(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let mut all = Kubeconfig::default();
    let mut is_there = false;
    let files = files(line, invocation);
    let is_named = invocation.target.contains_key("kubeconfig");
    let is_usual = files == [home_file(line, USUAL)] || may_be_usual(line, &files);
    if is_named && is_usual {
        // The usual file, though it is named: rules see the same as where it is not.
        invocation.target.remove("kubeconfig");
    }
    for path in files {
        let Some(text) = content(line, &path, "kubeconfig", invocation) else {
            if line.files.sees_all() {
                continue;
            }
            // It can say everything before the next one does.
            return;
        };
        is_there = true;
        if let Err(problem) = all.add(&text) {
            refuse_file(&path, "kubeconfig", &problem, invocation);
            return;
        }
    }
    if !is_there {
        refuse_other_file(invocation);
    }
    if !is_there || !choose(line, &all, invocation) {
        in_cluster(line, invocation);
    }
}

/// Tells whether the one file can be the usual one of a home that is not known here.
fn may_be_usual(line: &CommandLine<'_>, files: &[PathBuf]) -> bool {
    matches!(files, [only] if !line.files.sees_all() && only.ends_with(USUAL))
}

/// Returns the files in force, in the order in which they count.
fn files(line: &CommandLine<'_>, invocation: &Invocation) -> Vec<PathBuf> {
    if let Some(path) = option(invocation, "kubeconfig") {
        return vec![crate::read::path_of(path)];
    }
    match line.env.get("KUBECONFIG") {
        Some(list) if !list.is_empty() => files_of_list(list.as_encoded_bytes()),
        _ => vec![home_file(line, USUAL)],
    }
}

/// Writes what the files say, and tells whether they say anything.
fn choose(line: &CommandLine<'_>, all: &Kubeconfig, invocation: &mut Invocation) -> bool {
    let context = match named(invocation, "context") {
        "" => all.current_context.clone(),
        name => name.to_owned(),
    };
    let empty = Node::Mapping(Vec::new());
    let chosen = match all.entry(Kind::Context, &context) {
        Entry::Known(node) => node,
        Entry::Missing if context.is_empty() => &empty,
        Entry::Missing => return refuse("context", &context, "is in no kubeconfig", invocation),
        Entry::Disputed => return refuse("context", &context, DISPUTED, invocation),
    };
    set(invocation, "context", &context);
    let fields = ["cluster", "user", "namespace"].map(|field| {
        let own = match named(invocation, field) {
            "" => chosen.text(field).map(str::to_owned),
            given => Ok(given.to_owned()),
        };
        own.map(|value| (field, value))
    });
    for field in fields {
        match field {
            Ok((field, value)) => set(invocation, field, &value),
            Err(problem) => return refuse("context", &context, &problem, invocation),
        }
    }
    if !context.is_empty() && named(invocation, "namespace").is_empty() {
        set(invocation, "namespace", "default");
    }
    let is_server = choose_cluster(line, all, invocation);
    let user = named(invocation, "user").to_owned();
    match all.entry(Kind::User, &user) {
        Entry::Known(node) => read_user(line, node, invocation),
        Entry::Disputed => return refuse("user", &user, DISPUTED, invocation),
        Entry::Missing => {}
    }
    is_server
}

const DISPUTED: &str = "is in several kubeconfigs, which disagree";

/// Makes the command unknown; what the target is has been decided with that.
fn refuse(kind: &str, name: &str, problem: &str, invocation: &mut Invocation) -> bool {
    let reason = format!("the {kind} `{name}` can't be resolved: it {problem}");
    invocation.add(Effect::Unknown, &reason);
    true
}

fn choose_cluster(line: &CommandLine<'_>, all: &Kubeconfig, invocation: &mut Invocation) -> bool {
    let name = named(invocation, "cluster").to_owned();
    let node = match all.entry(Kind::Cluster, &name) {
        Entry::Known(node) => node,
        Entry::Missing if name.is_empty() => return !named(invocation, "server").is_empty(),
        Entry::Missing => return refuse("cluster", &name, "is in no kubeconfig", invocation),
        Entry::Disputed => return refuse("cluster", &name, DISPUTED, invocation),
    };
    let field = |key| node.text(key).map(str::to_owned);
    let (server, proxy, insecure) = match (
        field("server"),
        field("proxy-url"),
        field("insecure-skip-tls-verify"),
    ) {
        (Ok(server), Ok(proxy), Ok(insecure)) => (server, proxy, insecure),
        (Err(problem), _, _) | (_, Err(problem), _) | (_, _, Err(problem)) => {
            return refuse("cluster", &name, &problem, invocation);
        }
    };
    if named(invocation, "server").is_empty() {
        let default = line.env.get("KUBERNETES_MASTER").unwrap_or_default();
        let default = default.to_string_lossy();
        set(
            invocation,
            "server",
            if server.is_empty() { &default } else { &server },
        );
    }
    set(invocation, "proxy", &proxy);
    if TRUTHS.contains(&insecure.to_ascii_lowercase().as_str()) {
        set(invocation, "tls", "not verified");
        judge_unverified(&name, invocation);
    }
    true
}

/// A server whose certificate is not looked at gets the credential, whoever it is; on this machine
/// it is one of the user's. By plain `http` client-go sends none. Source: client-go,
/// `tools/clientcmd/client_config.go`, `IsConfigTransportTLS`.
fn judge_unverified(cluster: &str, invocation: &mut Invocation) {
    if !is_loopback(named(invocation, "server").as_bytes()) {
        let reason = format!(
            "of the cluster `{cluster}` no certificate is looked at: whoever answers gets the \
             credential"
        );
        invocation.add(Effect::Unknown, &reason);
    }
}

/// Reads as whom kubectl logs in, and what it starts for that.
fn read_user(line: &CommandLine<'_>, user: &Node, invocation: &mut Invocation) {
    if let Ok(name) = user.text("as") {
        set(invocation, "as", name);
    }
    judge_redirects(user, invocation);
    let provider = user.get("auth-provider");
    if provider.is_some_and(|provider| provider.text("name") != Ok("oidc")) {
        invocation.add(
            Effect::Unknown,
            "the user of the kubeconfig logs in by a provider that gate does not know",
        );
    }
    let Some(exec) = user
        .get("exec")
        .filter(|exec| **exec != Node::Text(String::new()))
    else {
        return;
    };
    match program(exec) {
        Ok((program, true)) => {
            set(invocation, "login", program);
            if matches!(program, "aws" | "aws-iam-authenticator") {
                judge_aws(line, program, exec, invocation);
            }
        }
        Ok((program, false)) => {
            set(invocation, "login", program);
            let reason = format!(
                "the user of the kubeconfig makes kubectl run `{program}`, which is no login that \
                 gate knows"
            );
            invocation.add(Effect::Unknown, &reason);
        }
        Err(problem) => {
            let reason =
                format!("the program of the kubeconfig's user is not understood: {problem}");
            invocation.add(Effect::Unknown, &reason);
        }
    }
}

/// Another identity that a file gives which the caller names counts as
/// `--as` does, and a token out of another file is somebody else's.
fn judge_redirects(user: &Node, invocation: &mut Invocation) {
    if named(invocation, "kubeconfig").is_empty() {
        return;
    }
    for key in REDIRECTS {
        let is_set = user
            .get(key)
            .is_some_and(|value| *value != Node::Text(String::new()));
        if is_set {
            let reason = format!("`{key}` of the kubeconfig's user makes it act as somebody else");
            invocation.add(Effect::Unknown, &reason);
        }
    }
}

/// A login of aws runs what its own profile names: it is read as if it stood
/// on the command line, and asks where that would.
fn judge_aws(line: &CommandLine<'_>, program: &str, exec: &Node, invocation: &mut Invocation) {
    let text = |node: &Node| match node {
        Node::Text(word) => Some(OsString::from(word)),
        Node::Sequence(_) | Node::Mapping(_) => None,
    };
    // The other one reads the same files, and has no option for a profile.
    let words = match exec.sequence("args") {
        Ok(words) if program == "aws" => words.iter().filter_map(text).collect(),
        _ => vec![OsString::from("sts"), OsString::from("get-caller-identity")],
    };
    let mut argv = vec![OsString::from("aws")];
    argv.extend(words);
    let mut env = line.env.clone();
    for variable in exec.sequence("env").unwrap_or_default() {
        if let (Ok(name), Ok(value)) = (variable.text("name"), variable.text("value")) {
            env.set(name.into(), value.into());
        }
    }
    let login = crate::read_invocation(&CommandLine {
        argv: &argv,
        env: &env,
        stdin: Stdin::Absent,
        ..*line
    });
    if login.effects.contains(Effect::Unknown) {
        invocation.add(
            Effect::Unknown,
            "the user of the kubeconfig logs in by aws, of which gate does not know what it runs",
        );
        for reason in login.reasons {
            if !invocation.reasons.contains(&reason) {
                invocation.reasons.push(reason);
            }
        }
    }
    // What was read of it is bound with the command.
    for input in login.inputs {
        if input.argv_index.is_none() && input.role.starts_with("aws") {
            invocation.add_input(input);
        }
    }
}

/// Returns the program of an exec plugin, and whether it only logs in.
fn program(exec: &Node) -> Result<(&str, bool), String> {
    let program = exec.text("command")?;
    let texts = exec.sequence("args")?.iter().map(|word| match word {
        Node::Text(word) => Ok(word.as_str()),
        Node::Sequence(_) | Node::Mapping(_) => Err("an argument is no text".to_owned()),
    });
    let arguments = texts.collect::<Result<Vec<&str>, String>>()?;
    let mut is_known = login::only_logs_in(program, &arguments);
    for variable in exec.sequence("env")? {
        is_known &= login::may_have_variable(variable.text("name")?);
    }
    Ok((program, is_known))
}

/// Writes the cluster that a pod runs in, where nothing else names one.
fn in_cluster(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let variable = |name: &str| line.env.get(name).unwrap_or_default().to_string_lossy();
    let (host, port) = (
        variable("KUBERNETES_SERVICE_HOST"),
        variable("KUBERNETES_SERVICE_PORT"),
    );
    if host.is_empty() || port.is_empty() {
        return;
    }
    let folder = Path::new(IN_CLUSTER);
    if line.files.kind(&folder.join("token")) != Some(FileKind::File) {
        return;
    }
    if named(invocation, "server").is_empty() {
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.into_owned()
        };
        set(invocation, "server", &format!("https://{host}:{port}"));
    }
    if named(invocation, "namespace").is_empty() {
        let path = folder.join("namespace");
        let namespace = content(line, &path, "pod's namespace", invocation).unwrap_or_default();
        let namespace = String::from_utf8_lossy(namespace.trim_ascii()).into_owned();
        set(invocation, "namespace", &namespace);
    }
}
