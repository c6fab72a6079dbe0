//! A server whose database is on a real `PostgreSQL`, reached through a relay that a test can set.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use gate_testkit::home::Home;
use gate_testkit::real::Postgres;
use gate_testkit::relay::Relay;
use serde_json::{Value, json};

use crate::stage::{GATE, Server, run};

/// Starts a `PostgreSQL`, and the relay through which servers reach it.
pub(crate) fn start() -> (Postgres, Relay) {
    let postgres = Postgres::start().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], postgres.port()));
    (postgres, Relay::to(address).unwrap())
}

/// Returns settings with the database of this name, behind the relay. These end with tables or none.
pub(crate) fn settings_on(home: &Home, relay: &Relay, name: &str, settings: &str) -> String {
    format!(
        "{settings}\n[approving]\ntrusted_admins = ['admin']\n[database]\n\
         url = 'postgres://postgres@{}/{name}'\npassword_file = '{}'\n",
        relay.address(),
        home.path().join("password").display()
    )
}

fn told(command: &mut Command) -> String {
    let ran = run(command);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.trim().to_owned()
}

/// Makes a database of this name and starts a server on it, with the people of a server to try
/// things on.
pub(crate) fn server(postgres: &Postgres, relay: &Relay, name: &str, settings: &str) -> Server {
    postgres.sql(&format!("CREATE DATABASE {name}")).unwrap();
    let home = Home::new().unwrap();
    let environment = postgres.environment();
    let password = environment.iter().find(|(name, _)| *name == "PGPASSWORD");
    let password = password.unwrap().1.to_str().unwrap();
    let file = home.write("password", format!("{password}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let settings = settings_on(&home, relay, name, settings);
    let file = home.write("server.toml", settings).unwrap();
    let mut init = home.command(GATE);
    init.args(["server", "init", "--data"])
        .arg(home.path().join("server"))
        .arg("--config")
        .arg(file);
    let admin = told(&mut init);
    let mut server = Server::made_in(home);
    let tokens = people(server.address, &admin);
    server.keep_tokens(tokens);
    server
}

/// Makes alice, bob, an auditor and alice's agent, and returns a token for each.
fn people(address: SocketAddr, admin: &str) -> Value {
    let home = Home::new().unwrap();
    let gate = |words: &str| {
        let mut command = home.command(GATE);
        command
            .args(words.split(' '))
            .env("GATE_SERVER", format!("http://{address}"))
            .env("GATE_TOKEN", admin);
        told(&mut command)
    };
    for person in ["alice", "bob"] {
        gate(&format!(
            "admin principals create {person} --kind user --group approvers"
        ));
    }
    gate("admin principals create auditor --kind user");
    gate("admin principals create demo-agent --kind agent --owner alice");
    let token = |who: &str, role: &str| {
        gate(&format!(
            "admin tokens create --principal {who} --role {role} --ttl 1d"
        ))
    };
    json!({
        "admin": admin,
        "auditor": token("auditor", "auditor"),
        "bob_approver": token("bob", "approver"),
        "agent": token("demo-agent", "requester"),
    })
}
