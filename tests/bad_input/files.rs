//! Mistakes in the fields of the configuration, and of the server's settings.

use crate::stage::{GATE, Machine, Server, assert_told, run};

/// One mistake: the text, the place as `line:column`, and the word to name.
const CONFIG: [(&str, &str, &str); 17] = [
    ("nonsense = 1\n", "1:1", "nonsense"),
    ("[server]\nurll = 'x'\n", "2:1", "field `server.urll`: "),
    (
        "[server]\nurl = 7\n",
        "2:7",
        "field `server.url`: it is integer `7`; write a text in quotes",
    ),
    ("[server]\nurl = 'gate.example'\n", "2:7", "server.url"),
    (
        "[server]\nurl = 'http://gate.example'\n",
        "2:7",
        "server.url",
    ),
    (
        "[server]\nrules = 'maybe'\n",
        "2:9",
        "field `server.rules`: ",
    ),
    ("[server]\nca_file = 'ca.pem'\n", "2:11", "server.ca_file"),
    (
        "[server]\nca_file = '/nonexistent/ca.pem'\n",
        "2:11",
        "server.ca_file",
    ),
    ("[approval]\ntimeout = 'soon'\n", "2:11", "approval.timeout"),
    (
        "[approval]\ntimeout = 30\n",
        "2:11",
        "field `approval.timeout`: it is integer `30`; write a text in quotes",
    ),
    ("[approval]\ntimeout = '0s'\n", "2:11", "approval.timeout"),
    (
        "[approval]\ntimeout = '1h 30m'\n",
        "2:11",
        "write a number and a unit, as 90s, 30m, 1h or 30d",
    ),
    ("[keys]\n'http://127.0.0.1:1' = 'short'\n", "2:", "keys"),
    ("[keys]\n'gate.example' = 'x'\n", "2:1", "keys"),
    (
        "server = 1\n",
        "1:10",
        "field `server`: it is integer `1`; write a table",
    ),
    (
        "[approval]\ntimeout = '1m'\ntimeout = '2m'\n",
        "3:1",
        "duplicate key",
    ),
    ("[server\n", "1:", ""),
];

#[test]
fn a_mistake_in_the_configuration_names_file_line_and_field() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    let path = machine.home.config().join("gate/config.toml");
    for (text, place, word) in CONFIG {
        std::fs::write(&path, text).unwrap();
        let ran = run(&mut machine.deploy("5s", "now"));
        assert_eq!(ran.code, Some(78), "{text:?}: {ran:?}");
        assert_told(text, &ran, "mend the file; nothing runs before");
        let at = format!("gate: {}:{place}", path.display());
        assert!(ran.stderr.starts_with(&at), "{text:?}: {ran:?}");
        assert!(ran.stderr.contains(word), "{text:?}: {ran:?}");
    }
    assert_eq!(machine.canary(), [""; 0]);
}

#[test]
fn a_configuration_that_is_named_and_not_there_is_no_empty_one() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    let nowhere = machine.home.path().join("nowhere.toml");
    let ran = run(machine.deploy("5s", "now").env("GATE_CONFIG", &nowhere));
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert_told("GATE_CONFIG", &ran, "correct or unset that");
    assert_eq!(machine.canary(), [""; 0]);
}

/// The same for the settings of a server.
const SETTINGS: [(&str, &str); 9] = [
    ("nonsense = 1\n", "nonsense"),
    ("min_count = 0\n", "min_count"),
    (
        "min_count = -1\n",
        "field `min_count`: it is integer `-1`; write",
    ),
    ("min_count = 99999999999999999999\n", "field `min_count`: "),
    ("approvers = ['alice']\n", "approvers"),
    ("grant_seconds = 0\n", "grant_seconds"),
    ("public_url = 'ftp://x'\n", "public_url"),
    ("tls = 1\n", "field `tls`: it is integer `1`; write a table"),
    ("[[[\n", "1:"),
];

#[test]
fn a_mistake_in_the_servers_settings_keeps_it_from_starting() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    for (text, word) in SETTINGS {
        let path = machine.home.write("settings.toml", text).unwrap();
        let mut command = machine.home.command(GATE);
        command.args([
            "server",
            "--dev",
            "--listen",
            "127.0.0.1:0",
            "--data",
            "data",
        ]);
        let ran = run(command.arg("--config").arg(&path));
        assert_eq!(ran.code, Some(78), "{text:?}: {ran:?}");
        assert_told(text, &ran, "the server does not start until it is mended");
        assert!(ran.stderr.contains("settings.toml:1:"), "{text:?}: {ran:?}");
        assert!(ran.stderr.contains(word), "{text:?}: {ran:?}");
    }
}
