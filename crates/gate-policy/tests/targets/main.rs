//! Holds the target that gate resolves against what the real tools contact.
//!
//! Each tool runs with the same files and variables that gate is given, against
//! listeners of this machine that say who came.
#![expect(
    clippy::disallowed_methods,
    reason = "this test starts the real tools; the crate itself starts nothing"
)]

mod listener;
mod place;

use std::error::Error;
use std::path::{Path, PathBuf};

use listener::Listener;
use place::Place;

type Any<T> = Result<T, Box<dyn Error>>;

const NOT_FOUND: &[u8] =
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n{}";

/// Returns which of the listeners were asked for more than a version. What some
/// distributions call kubectl asks the current context for that, to choose the
/// kubectl that it then starts.
fn contacted(listeners: &[&Listener]) -> Vec<String> {
    let is_asked = |one: &&&Listener| {
        let heard = one.all();
        heard.iter().any(|text| !text.starts_with("GET /version"))
    };
    let asked = listeners.iter().filter(is_asked);
    asked.map(|one| one.url()).collect()
}

fn kubeconfig(current: &str, clusters: &[(&str, &Listener)]) -> String {
    let (mut contexts, mut servers, mut users) = (Vec::new(), Vec::new(), Vec::new());
    for (name, listener) in clusters {
        let context = format!("{{cluster: {name}, user: {name}, namespace: ns-{name}}}");
        contexts.push(format!("{{name: {name}, context: {context}}}"));
        let cluster = format!("{{server: '{}'}}", listener.url());
        servers.push(format!("{{name: {name}, cluster: {cluster}}}"));
        users.push(format!("{{name: {name}, user: {{username: {name}}}}}"));
    }
    let [contexts, servers, users] = [contexts, servers, users].map(|all| all.join(", "));
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: \"{current}\"\n\
         contexts: [{contexts}]\nclusters: [{servers}]\nusers: [{users}]\n"
    )
}

/// Returns the namespace that the files name, or the choice: what is named on
/// the command line is not in what kubectl shows of the files.
fn namespace(place: &Place, choice: &[&str], words: &[&str]) -> Any<String> {
    if choice.iter().any(|word| word.ends_with("own")) {
        return Ok("own".to_owned());
    }
    let view = ["config", "view", "--minify", "-o", "jsonpath={..namespace}"];
    place.run(Path::new("kubectl"), &[&view, words].concat())
}

/// Ways to choose a cluster and a namespace; `SERVER` stands for that of a listener.
const CHOICES: [&[&str]; 7] = [
    &[],
    &["--context", "b"],
    &["--context=a", "--cluster=b"],
    &["--context=a", "-n", "own"],
    &["--server", "SERVER"],
    &["--kubeconfig", "other"],
    &["--kubeconfig=other", "--namespace=own"],
];

#[test]
fn kubectl_contacts_the_server_and_the_namespace_that_gate_resolves() {
    let (one, two) = (
        Listener::start(NOT_FOUND).unwrap(),
        Listener::start(NOT_FOUND).unwrap(),
    );
    let mut place = Place::new("kubectl").unwrap();
    place
        .write(
            ".kube/config",
            &kubeconfig("a", &[("a", &one), ("b", &two)]),
        )
        .unwrap();
    place.write("first", &kubeconfig("b", &[])).unwrap();
    place
        .write("second", &kubeconfig("a", &[("a", &one), ("b", &two)]))
        .unwrap();
    place
        .write("other", &kubeconfig("x", &[("x", &two)]))
        .unwrap();
    let lists = [
        "",
        "first:gone:second",
        ":second",
        "other:second",
        "second:other:second",
    ];
    let mut seen = 0;
    for list in lists {
        place.set("KUBECONFIG", list);
        for choice in CHOICES {
            let server = two.url();
            let mut words = vec!["kubectl", "get", "--request-timeout=5s", "configmaps"];
            words.extend(
                choice
                    .iter()
                    .map(|word| if *word == "SERVER" { &*server } else { word }),
            );
            place.run(Path::new("kubectl"), &words[1..]).unwrap();
            // kubectl asks for what the server has before it asks for a namespace.
            let heard = contacted(&[&one, &two]);
            let target = place.target(&words);
            let resolved: Vec<String> = target.get("server").cloned().into_iter().collect();
            assert_eq!(heard, resolved, "{list} {choice:?}: {target:?}");
            seen += heard.len();
            let namespace = namespace(&place, choice, &words[4..]).unwrap();
            assert_eq!(
                target.get("namespace"),
                Some(&namespace),
                "{list} {choice:?}"
            );
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn kubectl_sends_no_credential_by_plain_http() {
    let listener = Listener::start(NOT_FOUND).unwrap();
    let place = Place::new("kubectl-http").unwrap();
    let files = kubeconfig("a", &[("a", &listener)]);
    let user = "{token: hunter2}";
    let files = files.replace("{username: a}", user);
    assert!(files.contains(user));
    place.write(".kube/config", &files).unwrap();
    let words = ["kubectl", "get", "--request-timeout=5s", "configmaps"];
    place.run(Path::new("kubectl"), &words[1..]).unwrap();
    let heard = listener.all();
    assert!(!heard.is_empty());
    for request in heard {
        assert!(
            !request.to_ascii_lowercase().contains("authorization:"),
            "{request}"
        );
    }
}

fn aws() -> Any<PathBuf> {
    let testbed = match std::env::var_os("GATE_TESTBED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&std::env::var_os("HOME").ok_or("no HOME")?).join(".cache/gate-testbed"),
    };
    Ok(testbed.join("venv/bin/aws"))
}

const STS: &[&str] = &["sts", "get-caller-identity"];
const ELB: &[&str] = &["elbv2", "describe-load-balancers"];
/// An operation, its options and its variables; `FIRST` and `SECOND` stand for
/// the addresses of listeners.
type Call = (
    &'static [&'static str],
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);
const CALLS: [Call; 9] = [
    (STS, &[], &[]),
    (STS, &["--profile", "two"], &[]),
    (STS, &["--prof", "of services"], &[]),
    (ELB, &["--profile", "of services"], &[]),
    (ELB, &[], &[("AWS_PROFILE", "of services")]),
    (
        STS,
        &["--region", "us-west-2"],
        &[("AWS_DEFAULT_PROFILE", "two")],
    ),
    (
        STS,
        &[],
        &[
            ("AWS_ENDPOINT_URL", "SECOND"),
            ("AWS_DEFAULT_REGION", "us-east-2"),
        ],
    ),
    (
        ELB,
        &[],
        &[
            ("AWS_ENDPOINT_URL", "FIRST"),
            ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", "SECOND"),
        ],
    ),
    (
        STS,
        &["--endpoint-url", "SECOND", "--reg", "sa-east-1"],
        &[],
    ),
];

fn aws_config(first: &str, second: &str) -> String {
    let keys = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = x\n";
    format!(
        "[default]\nregion = eu-west-1\nendpoint_url = {first}\n{keys}\
         [profile two]\nendpoint_url = {second}\nregion: eu-north-1\n{keys}\
         [profile \"of services\"]\nregion = eu-south-1\nservices = s\nendpoint_url = {first}\n{keys}\
         [services s]\nsts =\n  # here\n  endpoint_url = {second}\n\
         elastic_load_balancing_v2 =\n  endpoint_url = {second}\n"
    )
}

#[test]
fn aws_contacts_the_endpoint_and_signs_for_the_region_that_gate_resolves() {
    let (one, two) = (
        Listener::start(NOT_FOUND).unwrap(),
        Listener::start(NOT_FOUND).unwrap(),
    );
    let (first, second) = (one.url(), two.url());
    let config = aws_config(&first, &second);
    let mut place = Place::new("aws").unwrap();
    place.write(".aws/config", &config).unwrap();
    place
        .write(".aws/credentials", "[two]\nregion = eu-west-3\n")
        .unwrap();
    place.set("AWS_MAX_ATTEMPTS", "1");
    for (operation, options, variables) in CALLS {
        let url = |word: &str| match word {
            "FIRST" => first.clone(),
            "SECOND" => second.clone(),
            word => word.to_owned(),
        };
        for (name, value) in variables {
            place.set(name, &url(value));
        }
        let options: Vec<String> = options.iter().map(|word| url(word)).collect();
        let mut words = vec!["aws"];
        words.extend(operation);
        words.extend(options.iter().map(String::as_str));
        place.run(&aws().unwrap(), &words[1..]).unwrap();
        let target = place.target(&words);
        let heard: Vec<(String, String)> = [&one, &two]
            .into_iter()
            .filter_map(|listener| Some((listener.url(), listener.first()?)))
            .collect();
        let [(endpoint, request)] = &heard[..] else {
            panic!("{words:?}: {heard:?}")
        };
        assert_eq!(target.get("endpoint"), Some(endpoint), "{words:?}");
        let scope = request
            .split("Credential=")
            .nth(1)
            .unwrap()
            .split('/')
            .nth(2);
        assert_eq!(target.get("region").map(String::as_str), scope, "{words:?}");
        for (name, _) in variables {
            place.env.remove(*name);
        }
    }
}

/// Returns a value of the message with which a client of `PostgreSQL` begins.
fn startup(message: &str, name: &str) -> Option<String> {
    let mut parts = message.get(8..)?.split('\0');
    while let Some(part) = parts.next() {
        let value = parts.next()?;
        if part == name {
            return Some(value.to_owned());
        }
    }
    None
}

#[test]
fn psql_contacts_the_server_and_the_database_that_gate_resolves() {
    let one = Listener::start(b"").unwrap();
    let port = one.port;
    let mut place = Place::new("psql").unwrap();
    let services = format!(
        "# ours\n[a]\nhost=127.0.0.1\nport={port}\ndbname=shop\nuser=app\nsslmode=disable\ngssencmode=disable\n\
         [b]\nhost=127.0.0.1\nport={port}\nuser=me\nsslmode=disable\ngssencmode=disable\n"
    );
    place.write(".pg_service.conf", &services).unwrap();
    for (service, options) in [
        ("a", &[][..]),
        ("b", &[]),
        ("a", &["-U", "other"]),
        ("a", &["-d", "own"]),
        ("b", &["own", "them"]),
        ("a", &["user=string"]),
        ("b", &["postgresql:///of-uri"]),
    ] {
        place.set("PGSERVICE", service);
        let mut words = vec!["psql", "-Xwc", "select 1"];
        words.extend(options);
        place.run(Path::new("psql"), &words[1..]).unwrap();
        let message = one.first().unwrap_or_default();
        let target = place.target(&words);
        assert_eq!(target.get("port"), Some(&port.to_string()), "{words:?}");
        assert_eq!(
            startup(&message, "user").as_ref(),
            target.get("user"),
            "{service} {words:?}"
        );
        assert_eq!(
            startup(&message, "database").as_ref(),
            target.get("database"),
            "{service} {words:?}"
        );
    }
}

#[test]
fn terraform_is_in_the_workspace_that_gate_resolves() {
    let mut place = Place::new("terraform").unwrap();
    place.set("CHECKPOINT_DISABLE", "1");
    place.write("live/main.tf", "").unwrap();
    place.write("live/.terraform/environment", "blue").unwrap();
    place.write(".terraform/environment", "red\n").unwrap();
    place.write("td/environment", "green").unwrap();
    for (options, variables) in [
        (&[][..], &[][..]),
        (&["-chdir=live"], &[]),
        (&[], &[("TF_DATA_DIR", "td")]),
        (&[], &[("TF_WORKSPACE", "of-variable")]),
        (&["-chdir=live"], &[("TF_DATA_DIR", "none")]),
    ] {
        for (name, value) in variables {
            place.set(name, value);
        }
        let mut words = vec!["terraform"];
        words.extend(options);
        words.extend(["workspace", "show"]);
        let shown = place.run(Path::new("terraform"), &words[1..]).unwrap();
        let target = place.target(&words);
        assert_eq!(
            target.get("workspace"),
            Some(&shown),
            "{words:?} {variables:?}"
        );
        for (name, _) in variables {
            place.env.remove(*name);
        }
    }
}

#[test]
fn git_pushes_to_the_address_and_from_the_branch_that_gate_resolves() {
    let mut place = Place::new("git").unwrap();
    place.set("GIT_CONFIG_NOSYSTEM", "1");
    let git = |place: &Place, words: &[&str]| place.run(Path::new("git"), words).unwrap();
    git(&place, &["init", "-q", "-b", "trunk"]);
    for (name, value) in [
        ("remote.origin.url", "https://github.test/a.git"),
        ("remote.both.url", "/one"),
        ("remote.apart.url", "https://github.test/b"),
        ("remote.apart.pushUrl", "https://push.test/b"),
        ("remote.Case.url", "https://push.test/c # d"),
        ("url.ssh://mirror/.insteadOf", "https://github.test/"),
        ("url.ssh://all/.insteadOf", "https://"),
        ("url.ssh://only-push/.pushInsteadOf", "https://push.test/"),
    ] {
        git(&place, &["config", name, value]);
    }
    git(
        &place,
        &["config", "--add", "remote.both.url", "/two \"quoted\""],
    );
    place
        .write(
            ".gitconfig",
            "[include]\n\tpath = more\n[branch \"trunk\"]\n\tremote = apart\n",
        )
        .unwrap();
    place
        .write(
            "more",
            "[url \"ssh://longer/\"]\n\tinsteadOf = https://github.test/b\n",
        )
        .unwrap();
    for remote in ["origin", "both", "apart", "Case"] {
        let pushed = git(&place, &["remote", "get-url", "--push", "--all", remote]);
        let target = place.target(&["git", "push", remote]);
        assert_eq!(
            target.get("url"),
            Some(&pushed.replace('\n', " ")),
            "{remote}"
        );
        let fetched = git(&place, &["remote", "get-url", "--all", remote]);
        let target = place.target(&["git", "fetch", remote]);
        let first: Vec<&str> = fetched.lines().collect();
        assert_eq!(target.get("url"), Some(&first.join(" ")), "{remote}");
        assert_eq!(target.get("branch").map(String::as_str), Some("trunk"));
    }
    assert_eq!(
        place
            .target(&["git", "push"])
            .get("remote")
            .map(String::as_str),
        Some("apart")
    );
}
