//! Who people and jobs are, as they meet it: a real provider, a real browser, a real
//! cluster, and the real program.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

#[path = "identity/rig.rs"]
mod rig;

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use gate_testkit::home::Home;
use gate_testkit::real::{KubeCluster, run};
use serde_json::{Value, json};

use rig::{GATE, Program, Server, WITHIN, node_modules, script};

const PROVIDER: &str = "
[[provider]]
name = 'test'
label = 'Test'
issuer = 'ISSUER'
client_id = 'gate'
client_secret_file = 'SECRET_FILE'
scopes = ['profile', 'email', 'groups']
auto_create = true
email_domains = ['example.com']
name_claim = 'email'
approver_groups = ['approvers']
[provider.groups]
sre-guid = 'approvers'
";

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Plays a person at a browser, and returns what the pages said.
fn at_the_browser(server: &Server, name: &str, code: Option<&str>) -> Value {
    let mut command = Command::new("node");
    command
        .arg(script("browser.mjs"))
        .arg(node_modules())
        .args([server.url.as_str(), name])
        .args(code);
    let done = run(&mut command, WITHIN).unwrap();
    let said = done.stdout.lines().last().unwrap_or_default();
    let said: Option<Value> = serde_json::from_str(said).ok();
    assert!(said.is_some(), "{}{}", done.stdout, done.stderr);
    said.unwrap()
}

fn whoami(home: &Home) -> Value {
    let mut command = home.command(GATE);
    let done = run(command.args(["whoami", "--json"]), WITHIN).unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
}

/// Holds what the pages said to alice, and what her browser kept.
fn assert_pages(said: &Value) {
    assert_eq!(said["first"], "/login", "{said}");
    assert_eq!(
        (&said["who"], &said["role"]),
        (&json!("alice@example.com"), &json!("approver"))
    );
    let facts = said["facts"].as_str().unwrap();
    assert!(
        facts.contains("127.0.0.1") && facts.contains("gate/"),
        "{facts}"
    );
    assert!(
        said["done"].as_str().unwrap().contains("is let in"),
        "{said}"
    );
    assert_eq!(
        said["cookies"],
        json!([{ "cookie": "gate_session", "httpOnly": true, "sameSite": "Strict" }])
    );
    assert_eq!(
        said["refused"],
        json!([]),
        "the policy of the pages stops none of it"
    );
    assert_eq!(
        said["last"], "/login",
        "signed out here and at the provider"
    );
}

#[test]
fn a_terminal_is_let_in_from_a_browser_that_a_provider_signed_in() {
    let listener = listener();
    let provider = Program::provider(listener.local_addr().unwrap());
    let server = Server::start(listener, &PROVIDER.replace("ISSUER", &provider.issuer));
    let mut home = Home::new().unwrap();
    home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let mut login = home
        .command(GATE)
        .args([
            "login",
            "--browser",
            "--server",
            &server.url,
            "--server-key",
            &server.key,
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(login.stderr.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap();
    assert_eq!(address, format!("gate: open {}/device", server.url));
    let line = lines.next().unwrap().unwrap();
    let code = line
        .strip_prefix("gate: and type this code there: ")
        .unwrap();
    let said = at_the_browser(&server, "alice", Some(code));
    assert_pages(&said);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(login.wait().unwrap().success(), "{rest:#?}");
    let welcome = format!(
        "logged in to {} as alice@example.com (user, requester)",
        server.url
    );
    assert!(
        rest.iter().any(|line| line.ends_with(&welcome)),
        "{rest:#?}"
    );
    let whoami = whoami(&home);
    assert_eq!(whoami["principal"]["name"], "alice@example.com");
    assert_eq!(whoami["role"], "requester");
}

#[test]
fn an_approver_is_told_where_to_go_and_keeps_nothing_here() {
    let server = Server::start(listener(), "");
    let home = Home::new().unwrap();
    let mut command = home.command(GATE);
    command.args(["login", "--approver", "--server", &server.url]);
    command.args(["--server-key", &server.key]);
    let done = run(&mut command, WITHIN).unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    assert_eq!(done.stdout, format!("{}/login\n", server.url));
    assert!(!home.config().join("gate/login.toml").exists());
}

#[test]
fn a_job_names_itself_in_github_and_gitlab_with_nothing_stored() {
    let issuer = Program::issuer();
    let entry = format!(
        "[[workload]]\nissuer = '{}'\nprincipal = 'deploy'\n\
         claims = {{ repository = 'octo-org/infra', ref = 'refs/heads/main' }}\n",
        issuer.issuer
    );
    let home = Home::new().unwrap();
    let server = Server::start(listener(), &entry).with_workload(&home);
    let now = jiff::Timestamp::now().as_second();
    let job = |number: u32, branch: &str| {
        json!({
            "iss": issuer.issuer, "iat": now, "nbf": now - 300, "exp": now + 300,
            "jti": format!("job-{number}"), "sub": "repo:octo-org/infra:ref:refs/heads/main",
            "repository": "octo-org/infra", "ref": format!("refs/heads/{branch}"),
        })
    };
    let address = format!("{}/idtoken?api-version=2.0", issuer.issuer);
    let github = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", address.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-request-token"),
    ];
    issuer.tell("/next", &json!({ "job": job(1, "main") }));
    let done = server.job(&home, &["whoami", "--json"], &github);
    assert!(done.status.success(), "{}", done.stderr);
    let said: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(said["principal"]["name"], "deploy");
    assert_eq!(said["role"], "requester");

    issuer.tell("/next", &json!({ "job": job(2, "mine") }));
    let other = server.job(&home, &["whoami"], &github);
    assert_eq!(other.status.code(), Some(78), "{}", other.stderr);
    // Which claim it is, a job with another token of the issuer must not learn.
    assert!(
        other
            .stderr
            .contains("no entry of the server's settings is for a job with its claims"),
        "{}",
        other.stderr
    );
    for told in ["`ref`", "refs/heads", "main"] {
        assert!(!other.stderr.contains(told), "{}", other.stderr);
    }

    let mut claims = job(3, "main");
    claims["aud"] = json!(server.url);
    let word = issuer.tell("/make", &json!({ "how": "RS256", "claims": claims }));
    let done = server.job(&home, &["whoami"], &[("GATE_ID_TOKEN", &word)]);
    assert!(done.status.success(), "{}", done.stderr);
    let again = server.job(&home, &["whoami"], &[("GATE_ID_TOKEN", &word)]);
    assert!(again.stderr.contains("used already"), "{}", again.stderr);
    let none = server.job(&home, &["whoami"], &[]);
    assert!(none.stderr.contains("not logged in"), "{}", none.stderr);
}

#[test]
fn a_pod_names_itself_by_the_token_of_a_real_cluster() {
    let cluster = KubeCluster::start().unwrap();
    let kubectl = |args: &[&str]| cluster.kubectl(args).unwrap().success().unwrap();
    kubectl(&["create", "namespace", "ci"]);
    kubectl(&["create", "serviceaccount", "deployer", "-n", "ci"]);
    kubectl(&["create", "serviceaccount", "other", "-n", "ci"]);
    let home = Home::new().unwrap();
    let keys = home
        .write(
            "work/cluster.jwks",
            kubectl(&["get", "--raw", "/openid/v1/jwks"]),
        )
        .unwrap();
    let entry = format!(
        "[[workload]]\nissuer = 'https://kubernetes.default.svc'\nprincipal = 'deploy'\n\
         jwks_file = '{}'\nonce = false\nalgorithms = ['ES256']\n\
         claims = {{ 'kubernetes.io/namespace' = 'ci', \
         sub = 'system:serviceaccount:ci:deployer' }}\n",
        keys.display()
    );
    let server = Server::start(listener(), &entry).with_workload(&home);
    let token = |account: &str, audience: &str| {
        let audience = format!("--audience={audience}");
        let token = kubectl(&["create", "token", account, "-n", "ci", &audience]);
        home.write("work/token", &token).unwrap()
    };
    let ask = |file: &std::path::Path| {
        let file = file.to_str().unwrap();
        server.job(
            &home,
            &["whoami", "--json"],
            &[("GATE_ID_TOKEN_FILE", file)],
        )
    };
    let file = token("deployer", &server.url);
    for _ in 0..2 {
        let done = ask(&file);
        assert!(done.status.success(), "{}", done.stderr);
        let said: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(said["principal"]["name"], "deploy");
    }
    let done = ask(&token("other", &server.url));
    assert!(
        done.stderr.contains("is for a job with its claims")
            && !done.stderr.contains("ci:deployer"),
        "{}",
        done.stderr
    );
    let done = ask(&token("deployer", "https://kubernetes.default.svc"));
    assert!(done.stderr.contains("another audience"), "{}", done.stderr);
    cluster.stop().unwrap();
}

#[test]
fn an_admin_registers_agents_and_says_who_is_who() {
    let server = Server::start(listener(), "");
    let home = Home::new().unwrap();
    let admin = |args: &[&str]| {
        let done = server.admin(&home, &[&["admin"], args].concat());
        assert!(done.status.success(), "{args:?}: {}", done.stderr);
        done.stdout
    };
    let token = admin(&[
        "agents", "register", "robot", "--owner", "bob", "--tool", "kubectl",
    ]);
    assert!(token.starts_with("gate_agent_"), "{token}");
    assert_eq!(
        admin(&["agents", "list", "--owner", "bob"]),
        "robot, owned by bob, 1 token\n"
    );
    assert_eq!(
        admin(&["groups", "add", "sre", "bob"]),
        "bob is in approvers, sre\n"
    );
    assert!(admin(&["groups", "list"]).contains("sre: bob\n"));
    assert_eq!(
        admin(&["groups", "remove", "sre", "bob"]),
        "bob is in approvers\n"
    );
    let issuer = ["--issuer", "https://idp.example", "--subject", "00u1"];
    let linked = admin(&[&["accounts", "link", "--principal", "bob"], &issuer[..]].concat());
    assert!(
        linked.starts_with("00u1 is bob at https://idp.example (oidc)"),
        "{linked}"
    );
    assert_eq!(admin(&["accounts", "list"]), linked);
    admin(&[&["accounts", "unlink"], &issuer[..]].concat());
    let changed = admin(&["principals", "change", "bob", "--person", "alice"]);
    assert_eq!(changed, "user bob, an account of alice, in approvers\n");
    let invited = admin(&["principals", "invite", "bob"]);
    assert!(
        invited.starts_with(&format!("{}/invitation?code=", server.url)),
        "{invited}"
    );
    assert_eq!(
        admin(&["principals", "disable", "bob"]),
        "user bob, an account of alice, in approvers, disabled\n"
    );
    let everybody = admin(&["principals", "list"]);
    assert!(
        everybody.contains("user alice, in approvers, disabled\n"),
        "{everybody}"
    );
}
