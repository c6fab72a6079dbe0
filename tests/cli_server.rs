//! `gate server`: first start, dev mode, mistakes, and a graceful end.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "cli_server/people.rs"]
mod people;
#[path = "cli_server/second.rs"]
mod second;
#[path = "live/server.rs"]
mod server;
#[path = "cli_server/tls.rs"]
mod tls;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};

use gate_testkit::home::Home;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use server::{GATE, Live, run};

/// Starts a server and returns what it printed when it was ready.
fn start(home: &Home, args: &[&str]) -> (Child, Value) {
    let mut child = home
        .command(GATE)
        .args([
            "server",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--data",
            "data",
        ])
        .args(args)
        .env("GATE_LOG", "error")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready = serde_json::from_str(&line).unwrap();
    (child, ready)
}

fn stop(mut child: Child, by: Signal) -> Option<i32> {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), by).unwrap();
    child.wait().unwrap().code()
}

#[test]
fn a_first_start_prints_the_admins_token_once_and_the_admin_makes_the_others() {
    let home = Home::new().unwrap();
    let missing =
        run(home
            .command(GATE)
            .args(["server", "--data", "data", "--listen", "127.0.0.1:0"]));
    assert_eq!(missing.code, Some(78), "{missing:?}");
    assert!(missing.stderr.contains("gate server init"), "{missing:?}");
    let made = run(home
        .command(GATE)
        .args(["server", "init", "--data", "data"]));
    assert_eq!(made.code, Some(0), "{made:?}");
    let token = made.stdout.trim();
    assert!(
        !token.is_empty() && made.stdout.lines().count() == 1 && !made.stderr.contains(token),
        "{made:?}"
    );
    let again = run(home
        .command(GATE)
        .args(["server", "init", "--data", "data"]));
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (Some(78), ""),
        "{again:?}"
    );

    let (child, ready) = start(&home, &[]);
    assert_eq!(ready["dev"], false);
    assert!(ready.get("tokens").is_none(), "{ready}");
    let gate = |token: &str, args: &[&str]| {
        let url = ready["url"].as_str().unwrap();
        run(home
            .command(GATE)
            .args(args)
            .env("GATE_SERVER", url)
            .env("GATE_TOKEN", token))
    };
    let create = [
        "admin",
        "tokens",
        "create",
        "--principal",
        "admin",
        "--role",
        "auditor",
        "--ttl",
        "1h",
    ];
    let created = gate(token, &create);
    assert_eq!(created.code, Some(0), "{created:?}");
    let log = gate(
        created.stdout.trim(),
        &["audit", "log", "--type", "token.created"],
    );
    assert_eq!(log.code, Some(0), "{log:?}");
    assert!(log.stdout.contains("token.created"), "{log:?}");
    let by_auditor = gate(created.stdout.trim(), &create);
    assert_eq!(by_auditor.code, Some(78), "{by_auditor:?}");
    assert!(by_auditor.stderr.contains("gate whoami"), "{by_auditor:?}");
    assert_eq!(stop(child, Signal::SIGTERM), Some(0));
}

#[test]
fn dev_mode_says_everything_that_is_needed_to_try_it() {
    let live = Live::start();
    assert_eq!(live.ready["dev"], true);
    let url = live.said("/url");
    assert_eq!(url, format!("http://{}", live.said("/listen")));
    let tokens = live.ready["tokens"].as_object().unwrap();
    let different: BTreeSet<_> = tokens.values().map(Value::to_string).collect();
    assert_eq!((tokens.len(), different.len()), (6, 6));
    for key in ["grant_key", "log_key", "audience", "log_origin"] {
        assert!(live.ready["server"][key].is_string(), "{key}");
    }
    assert!(live.said("/rules").contains("[[rule]]"));
    for who in tokens.keys() {
        let whoami = run(&mut live.gate(who, &["whoami"]));
        assert_eq!(whoami.code, Some(0), "{who}: {whoami:?}");
    }
}

#[test]
fn dev_mode_warns_a_person_and_names_every_token() {
    let home = Home::new().unwrap();
    let mut child = home
        .command(GATE)
        .args(["server", "--dev", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut text = String::new();
    while !text.contains("Ctrl-C stops it") {
        text.push_str(&lines.next().unwrap().unwrap());
        text.push('\n');
    }
    for said in [
        "WARNING",
        "http://127.0.0.1:",
        "demo-agent",
        "alice",
        "bob",
        "auditor",
        "key to pin",
        "[[rule]]",
        "GATE_TOKEN=",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(stop(child, Signal::SIGINT), Some(0));
}

#[test]
fn a_server_that_is_started_again_is_the_same_server() {
    let home = Home::new().unwrap();
    let (child, first) = start(&home, &["--dev"]);
    let taken = run(home.command(GATE).args([
        "server",
        "--dev",
        "--data",
        "data",
        "--listen",
        "127.0.0.1:0",
    ]));
    assert_eq!(taken.code, Some(78), "one folder, one server: {taken:?}");
    assert_eq!(stop(child, Signal::SIGTERM), Some(0));
    let (child, second) = start(&home, &["--dev"]);
    assert_eq!(first["server"]["grant_key"], second["server"]["grant_key"]);
    assert_eq!(first["server"]["log_key"], second["server"]["log_key"]);
    assert_ne!(first["tokens"]["agent"], second["tokens"]["agent"]);
    assert_eq!(stop(child, Signal::SIGINT), Some(0));
}

#[test]
fn the_settings_say_where_to_listen_and_the_flag_wins() {
    let home = Home::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    home.write("work/server.toml", format!("listen = '{taken}'\n"))
        .unwrap();
    let of_file = [
        "server",
        "--dev",
        "--data",
        "data",
        "--config",
        "server.toml",
    ];
    let refused = run(home.command(GATE).args(of_file));
    assert_eq!(refused.code, Some(78), "{refused:?}");
    let said = format!("cannot listen on {taken}");
    assert!(refused.stderr.contains(&said), "{refused:?}");
    let (child, ready) = start(&home, &["--dev", "--config", "server.toml"]);
    let listen = ready["listen"].as_str().unwrap();
    assert!(
        listen.starts_with("127.0.0.1:") && listen != taken,
        "{ready}"
    );
    assert_eq!(ready["url"], format!("http://{listen}"));
    assert_eq!(stop(child, Signal::SIGTERM), Some(0));
}

#[test]
fn a_mistake_in_the_settings_names_file_line_and_field() {
    let home = Home::new().unwrap();
    run(home
        .command(GATE)
        .args(["server", "init", "--data", "data"]));
    for (text, place, word) in [
        (
            "min_count = 1\nmin_cuont = 2\n",
            "server.toml:2:1: ",
            "min_cuont",
        ),
        ("min_count = 0\n", "server.toml:1:1: ", "min_count"),
        ("approvers = ['alice']\n", "server.toml:1:1: ", "group:NAME"),
        (
            "min_count = 'two'\n",
            "server.toml:1:13: ",
            "field `min_count`: it is string \"two\"; write a whole number",
        ),
        (
            "[tls]\ncertificate = 7\n",
            "server.toml:2:15: ",
            "field `tls.certificate`: it is integer `7`; write a text in quotes",
        ),
        ("[tls\n", "server.toml:1:", ""),
    ] {
        home.write("work/server.toml", text).unwrap();
        let args = [
            "server",
            "--data",
            "data",
            "--listen",
            "127.0.0.1:0",
            "--config",
            "server.toml",
        ];
        let refused = run(home.command(GATE).args(args));
        assert_eq!(refused.code, Some(78), "{text}: {refused:?}");
        assert!(
            refused.stderr.contains(place) && refused.stderr.contains(word),
            "{text}: {refused:?}"
        );
    }
}

#[test]
fn what_cannot_be_served_is_refused_with_its_exit_code() {
    let home = Home::new().unwrap();
    run(home
        .command(GATE)
        .args(["server", "init", "--data", "data"]));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let create = "admin tokens create --principal a";
    let free = "server --data data --listen";
    for (line, code, word) in [
        (format!("{free} 127.0.0.1"), 64, "--listen"),
        (format!("{free} somewhere:1"), 64, "--listen"),
        (format!("{free} 127.0.0.1:99999"), 64, "--listen"),
        (
            format!("{free} 127.0.0.1:0 --url gate.example"),
            64,
            "--url",
        ),
        (
            format!("{free} 127.0.0.1:0 --url http://gate.example"),
            64,
            "https",
        ),
        (
            format!("{free} 127.0.0.1:0 --tls-cert c.pem"),
            64,
            "--tls-key",
        ),
        (
            format!("{free} 127.0.0.1:0 --config missing.toml"),
            78,
            "missing.toml",
        ),
        (
            format!("{free} 127.0.0.1:0 --tls-cert c.pem --tls-key k.pem"),
            78,
            "c.pem",
        ),
        (format!("{free} 0.0.0.0:0"), 78, "--tls-cert"),
        (format!("{free} {taken}"), 78, "cannot listen"),
        (format!("{create} --role king --ttl 1h"), 64, "requester"),
        (format!("{create} --role admin --ttl soon"), 64, "--ttl"),
        (format!("{create} --role admin --ttl 5s"), 64, "1m"),
    ] {
        let refused = run(home.command(GATE).args(line.split(' ')));
        assert_eq!(refused.code, Some(code), "{line}: {refused:?}");
        assert!(refused.stderr.contains(word), "{line}: {refused:?}");
        assert!(
            refused.stderr.starts_with("gate: ") && !refused.stderr.contains("panicked"),
            "{refused:?}"
        );
    }
    let mut logging = home.command(GATE);
    logging.args(free.split(' ')).arg("127.0.0.1:0");
    let logged = run(logging.env("GATE_LOG", "a=b=c"));
    assert_eq!(logged.code, Some(78), "{logged:?}");
}

#[test]
fn the_api_is_described() {
    let home = Home::new().unwrap();
    let printed = run(home.command(GATE).args(["server", "openapi"]));
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let document: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.1"),
        "{}",
        document["openapi"]
    );
    for path in [
        "/v1/requests",
        "/v1/requests/{id}/reviews",
        "/v1/requests/{id}/claim",
        "/v1/events",
        "/v1/rules",
    ] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
}
