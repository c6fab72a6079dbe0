//! What watches a server: `/metrics`, `/healthz`, `/readyz` and the log.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use gate_testkit::real::Postgres;
use serde_json::Value;

use crate::http::{Answer, get, send};
use crate::stage::{Running, Stage, database, until};

/// Returns where a server shows what is measured, which it says in its log.
fn watched_at(server: &Running) -> String {
    until("the address of what is measured", || {
        let log = server.log();
        let line = log
            .lines()
            .find(|line| line.contains("serving what is measured"))?;
        let (_, rest) = line.split_once("address")?;
        let address: String = rest
            .chars()
            .skip_while(|one| !one.is_ascii_digit())
            .take_while(|one| one.is_ascii_digit() || matches!(one, '.' | ':'))
            .collect();
        Some(address)
    })
}

fn scrape(address: &str) -> String {
    let answer = get(address, "/metrics").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let kind = answer.header("content-type").unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    answer.body
}

/// Returns the value of a sample by its name with its labels.
fn sample(text: &str, name: &str) -> Option<f64> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    value.parse().ok()
}

/// Feeds Prometheus's own tool, and returns what it complains of.
fn judged(args: &[&str], input: &str) -> (bool, String) {
    let mut promtool = Command::new("promtool");
    promtool
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut judging = promtool.spawn().unwrap();
    judging
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = judging.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.success(), said.concat())
}

#[test]
fn what_is_measured_is_what_happened_and_prometheus_reads_it() {
    let (stage, server) = Stage::new("[metrics]\nlisten = '127.0.0.1:0'");
    let address = watched_at(&server);
    let before = scrape(&address);
    assert_eq!(sample(&before, "gate_claims_total"), Some(0.0), "{before}");
    let id = stage.ask(&server, "now");
    let open = scrape(&address);
    assert_eq!(
        sample(&open, "gate_requests_open{status=\"pending\"}"),
        Some(1.0),
        "{open}"
    );
    let waiting = stage
        .command(&server, "agent", &["run", "--", "deployer", "now"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("somebody waits", || {
        (sample(&scrape(&address), "gate_waiters") == Some(1.0)).then_some(())
    });
    stage.approve(&server, &id);
    assert!(waiting.wait_with_output().unwrap().status.success());
    let after = until("the run is known", || {
        let after = scrape(&address);
        let name = "gate_records_total{type=\"run.finished\"}";
        (sample(&after, name) == Some(1.0)).then_some(after)
    });
    for (name, value) in [
        ("gate_decisions_total{answer=\"approve\"}", 1.0),
        ("gate_claims_total", 1.0),
        ("gate_requests_open{status=\"pending\"}", 0.0),
        ("gate_waiters", 0.0),
        ("gate_store_up", 1.0),
        ("gate_ready", 1.0),
        ("gate_epoch", 1.0),
    ] {
        assert_eq!(sample(&after, name), Some(value), "{name} {after}");
    }
    let records = stage.told(&server, "auditor", &["audit", "log", "--json"]);
    let records = f64::from(u32::try_from(records.lines().count()).unwrap());
    assert_eq!(sample(&after, "gate_log_records"), Some(records));
    let waits = sample(&after, "gate_call_seconds_count{kind=\"wait\"}");
    assert!(waits >= Some(1.0), "{after}");
    let commits = sample(&after, "gate_store_seconds_count{operation=\"commit\"}");
    assert!(commits >= Some(4.0), "{after}");
    assert!(
        sample(&after, "process_resident_memory_bytes") > Some(1e6),
        "{after}"
    );
    assert!(sample(&after, "process_open_fds") > Some(5.0), "{after}");
    let (is_sound, said) = judged(&["check", "metrics"], &after);
    assert!(is_sound && said.is_empty(), "{said}");
}

/// Every expression of the dashboard is one that Prometheus reads, of metrics that the server has.
#[test]
fn the_dashboard_shows_what_the_server_measures() {
    let (stage, server) = Stage::new("[metrics]\nlisten = '127.0.0.1:0'");
    stage.push(&server, "a");
    let text = scrape(&watched_at(&server));
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families: BTreeSet<&str> = types.filter_map(|line| line.split(' ').next()).collect();
    assert!(families.len() > 25, "{families:?}");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let dashboard = fs::read(root.join("examples/grafana/gate.json")).unwrap();
    let dashboard: Value = serde_json::from_slice(&dashboard).unwrap();
    let mut expressions = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    assert!(expressions.len() >= 15, "{expressions:?}");
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (number, expression) in expressions.iter().enumerate() {
        let words = expression.split(|one: char| !one.is_ascii_alphanumeric() && one != '_');
        let named = words.filter(|word| word.starts_with("gate_") || word.starts_with("process_"));
        let mut count = 0;
        for name in named {
            let bare = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let is_known =
                families.contains(name) || bare.is_some_and(|name| families.contains(name));
            assert!(is_known, "{name} of {expression}");
            count += 1;
        }
        assert!(count > 0, "{expression}");
        let quoted = expression.replace("$__rate_interval", "5m");
        let quoted = serde_json::to_string(&quoted).unwrap();
        writeln!(rules, "  - record: x{number}\n    expr: {quoted}").unwrap();
    }
    let file = stage.home.write("rules.yml", rules).unwrap();
    let (is_sound, said) = judged(&["check", "rules", file.to_str().unwrap()], "");
    assert!(is_sound, "{said}");
}

#[test]
fn who_has_the_token_is_shown_it_where_the_server_listens() {
    let (stage, plain) = Stage::new("");
    let address = plain.said("/listen").to_owned();
    assert_eq!(get(&address, "/metrics").unwrap().status, 404);
    drop(plain);
    let file = stage.home.write("watcher", "watch-me-4711\n").unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    stage.settings(
        "server.toml",
        &format!("[metrics]\ntoken_file = '{}'", file.display()),
    );
    let server = stage.serve("first", "server.toml", &[]);
    let address = server.said("/listen");
    let with = |token: &str| {
        let head = format!("GET /metrics HTTP/1.1\r\nAuthorization: Bearer {token}");
        send(address, &head, "").unwrap()
    };
    assert_eq!(get(address, "/metrics").unwrap().status, 401);
    assert_eq!(with("watch-me-4712").status, 401);
    assert_eq!(with(stage.token("admin")).status, 401);
    let shown = with("watch-me-4711");
    assert_eq!(shown.status, 200);
    assert!(shown.body.contains("gate_build_info{version="), "{shown:?}");
}

#[test]
fn a_server_without_its_store_is_alive_and_not_ready() {
    let postgres = Postgres::start().unwrap();
    let (stage, first) = Stage::new("");
    first.stop();
    let shared = database(&stage, &postgres, "gate");
    let settings = format!("{shared}\n[metrics]\nlisten = '127.0.0.1:0'");
    stage.settings("shared.toml", &settings);
    let moved = crate::stage::run(&mut stage.server(&[
        "migrate-store",
        "--data",
        "first",
        "--config",
        "shared.toml",
    ]));
    assert_eq!(moved.code, Some(0), "{moved:?}");
    let server = stage.serve("first", "shared.toml", &[]);
    let (address, watched) = (server.said("/listen"), watched_at(&server));
    let ready = until("it is ready", || {
        let ready = get(address, "/readyz").unwrap();
        (ready.status == 200).then_some(ready)
    });
    for part in [
        "serving",
        "store",
        "keys",
        "deadlines",
        "checkpoints",
        "channels",
        "replicas",
    ] {
        let found = format!("{{\"part\":\"{part}\",\"is_ready\":true}}");
        assert!(ready.body.contains(&found), "{part} {ready:?}");
    }
    postgres.stop().unwrap();
    let unready = until("it is not ready", || {
        let unready = get(address, "/readyz").unwrap();
        (unready.status == 503).then_some(unready)
    });
    assert!(
        unready.body.contains("the store does not answer"),
        "{unready:?}"
    );
    assert_eq!(get(address, "/healthz").unwrap().status, 200);
    let text = scrape(&watched);
    assert_eq!(sample(&text, "gate_store_up"), Some(0.0), "{text}");
    assert_eq!(sample(&text, "gate_ready"), Some(0.0), "{text}");
    let (is_sound, said) = judged(&["check", "metrics"], &text);
    assert!(is_sound, "{said}");
}

#[test]
fn a_server_that_drains_says_so_and_still_answers() {
    let (_stage, server) = Stage::new("drain_seconds = 4");
    let address = server.said("/listen").to_owned();
    until("it is ready", || {
        (get(&address, "/readyz").unwrap().status == 200).then_some(())
    });
    server.tell_to_stop();
    let draining = until("it drains", || {
        let answer = get(&address, "/readyz").unwrap();
        (answer.status == 503).then_some(answer)
    });
    assert!(
        draining.body.contains("the server is stopping"),
        "{draining:?}"
    );
    let other = get(&address, "/v1/server").unwrap();
    assert_eq!(other.status, 200, "{other:?}");
    server.stop();
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Secrets in every place of a call, each with the name of its place.
fn tell_secrets(address: &str, token: &str) -> Answer {
    let call = |first: &str, more: &str, body: &str| {
        let trace = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01");
        send(
            address,
            &format!("{first} HTTP/1.1\r\n{trace}\r\n{more}"),
            body,
        )
        .unwrap()
    };
    let known = format!(
        "Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         X-Secret: hunter2-in-a-header\r\nCookie: gate=hunter2-in-a-cookie"
    );
    call("POST /v1/requests", &known, "{\"hunter2-in-a-body\": 1}");
    call("POST /v1/requests", &known, "hunter2-in-a-body");
    call("GET /hunter2-in-a-path", &known, "");
    call("GET /login/hunter2-in-a-path", &known, "");
    let stranger = "Authorization: Bearer hunter2-as-a-token";
    call("GET /v1/whoami", stranger, "");
    let form = "Content-Type: application/x-www-form-urlencoded\r\nOrigin: http://gate";
    let typed = "name=bob&password=hunter2-as-a-password&token=hunter2-as-a-token";
    call("POST /login", form, typed);
    call("GET /v1/whoami?token=hunter2-in-a-query", &known, "")
}

/// docs/operations.md: "No header, query, body, command or reason is in a line".
#[test]
fn the_log_is_json_with_ids_and_never_a_secret() {
    let (stage, server) = Stage::new("[log]\nformat = 'json'\ncalls = true");
    let answered = tell_secrets(server.said("/listen"), stage.token("agent"));
    assert_eq!(answered.status, 200, "{answered:?}");
    stage.pin(&server);
    let words = "run --no-wait --reason hunter2-in-a-reason -- \
                 psql postgres://u:hunter2-in-a-command@db/x -c drop";
    let words: Vec<&str> = words.split_whitespace().collect();
    let asked = stage.gate(&server, "agent", &words);
    assert_eq!(asked.code, Some(75), "{asked:?}");
    let log = server.stop();
    assert!(!log.contains("hunter2"), "{log}");
    assert!(!log.contains(stage.token("agent")), "{log}");
    let lines = log.lines().filter(|line| !line.starts_with("gate: "));
    let lines =
        lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| unreachable!("{line}")));
    let calls: Vec<Value> = lines
        .filter(|line: &Value| line["fields"]["message"] == "answered")
        .collect();
    assert!(calls.len() >= 8, "{log}");
    let id = answered.header("x-request-id").unwrap();
    let call = calls.iter().find(|call| call["span"]["request_id"] == id);
    let call = &call.unwrap()["span"];
    assert_eq!(call["path"], "/v1/whoami");
    assert_eq!(call["trace_id"], TRACE);
    assert_eq!(call["status"], 200);
    let given = answered.header("traceparent").unwrap();
    let is_next = given.starts_with(&format!("00-{TRACE}-")) && !given.contains("00f067aa0ba902b7");
    assert!(is_next, "{given}");
}
