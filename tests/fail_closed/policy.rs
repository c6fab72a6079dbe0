//! Rules and configuration that can't be read, understood or trusted: nothing
//! is decided, so nothing runs, not even what would pass otherwise.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use gate_protocol::canonical::{Digest, to_canonical_bytes};
use gate_protocol::rules::{RuleBundle, SignedRules};
use gate_protocol::signed_note::SigningKey;
use nix::sys::stat::Mode;

use crate::http::Message;
use crate::namespace::{isolated, make_anothers, make_anothers_folder, own_script};
use crate::proxy::{Point, Proxy, Reply, Upstream};
use crate::stage::{Machine, Ran, Server, TOOL, assert_told, run};

const RULE: &str = "[[rule]]\nid = \"mine/deny\"\ntool = \"git\"\ndecision = \"deny\"\n";
const CONFIG: &str = "[approval]\ntimeout = '1m'\n";

/// What can be wrong with a file whatever it says.
type Harm = fn(&Path, &str);

/// One harm with what is to be done about it.
type Row = (&'static str, Harm, &'static str);

const READABLE: &str = "make it a readable text file";
const REGULAR: &str = "make it a regular file of its owner that nobody else can write";

const HARMS: [Row; 8] = [
    (
        "a link to nothing",
        |path, _| symlink("/no/such/file", path).unwrap(),
        "mend what it points to",
    ),
    (
        "a loop of links",
        |path, _| symlink(path, path).unwrap(),
        READABLE,
    ),
    (
        "a folder",
        |path, _| std::fs::create_dir(path).unwrap(),
        REGULAR,
    ),
    ("a FIFO", make_fifo, REGULAR),
    (
        "not UTF-8",
        |path, _| std::fs::write(path, [b'#', 0xff, b'\n']).unwrap(),
        READABLE,
    ),
    (
        "not TOML",
        |path, text| std::fs::write(path, format!("{text}[[[")).unwrap(),
        "mend",
    ),
    (
        "an unknown field",
        |path, text| std::fs::write(path, format!("{text}\n[nonsense]\nx = 1\n")).unwrap(),
        "mend",
    ),
    (
        "larger than any",
        |path, text| std::fs::write(path, format!("{text}#{}", "x".repeat(9 << 20))).unwrap(),
        "split it",
    ),
];

/// What is wrong where only its owner may say something.
const OWNERSHIP: [Row; 3] = [
    (
        "writable by all",
        |path, text| write_with_mode(path, text, 0o666),
        REGULAR,
    ),
    (
        "writable by its group",
        |path, text| write_with_mode(path, text, 0o620),
        REGULAR,
    ),
    ("another's", make_anothers, REGULAR),
];

fn make_fifo(path: &Path, _: &str) {
    nix::unistd::mkfifo(path, Mode::S_IRWXU).unwrap();
}

fn write_with_mode(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn assert_configuration(case: &str, machine: &Machine, ran: &Ran, next: &str) {
    assert_eq!(ran.code, Some(78), "{case}: {ran:?}");
    assert_told(case, ran, next);
    assert_eq!(machine.canary(), [""; 0], "{case}: {ran:?}");
}

const DEPLOY: &str = "exec \"$0\" run --timeout 5s -- deployer now";

/// Harms the file at `place` below the home, and deploys; `etc` below the home is `/etc`.
fn assert_harm_refuses(server: &Server, place: &str, (case, harm, next): Row, text: &str) {
    let machine = Machine::of(server, server.address);
    let path = machine.home.path().join(place);
    let etc = machine.home.path().join("etc");
    for folder in [path.parent().unwrap(), &etc] {
        std::fs::create_dir_all(folder).unwrap();
    }
    own_script(&machine.home, "deployer", TOOL);
    drop(std::fs::remove_file(&path));
    harm(&path, text);
    let ran = run(&mut isolated(&machine.home, &etc, DEPLOY));
    assert_configuration(&format!("{place}: {case}"), &machine, &ran, next);
}

#[test]
fn a_file_that_decides_is_read_whole_and_understood_or_nothing_runs() {
    let server = Server::start("");
    for harm in HARMS {
        assert_harm_refuses(&server, ".config/gate/rules.d/10.toml", harm, RULE);
        assert_harm_refuses(&server, ".config/gate/config.toml", harm, CONFIG);
        assert_harm_refuses(&server, ".config/gate/login.toml", harm, CONFIG);
        assert_harm_refuses(&server, "work/.gate.toml", harm, RULE);
    }
}

#[test]
fn a_file_that_others_can_write_or_own_decides_nothing() {
    let server = Server::start("");
    for harm in OWNERSHIP {
        assert_harm_refuses(&server, ".config/gate/rules.d/10.toml", harm, RULE);
        assert_harm_refuses(&server, ".config/gate/config.toml", harm, CONFIG);
        assert_harm_refuses(&server, ".config/gate/login.toml", harm, CONFIG);
    }
}

#[test]
fn the_machine_owners_files_are_held_to_the_same() {
    let server = Server::start("");
    for harm in HARMS.into_iter().chain(OWNERSHIP) {
        assert_harm_refuses(&server, "etc/gate/config.toml", harm, CONFIG);
        assert_harm_refuses(&server, "etc/gate/rules.d/10.toml", harm, RULE);
    }
}

/// What can be wrong with a folder of rules as a whole.
const FOLDER_HARMS: [(&str, Harm); 3] = [
    ("a link to nothing", |path, _| {
        symlink("/no/such/folder", path).unwrap();
    }),
    ("a file", |path, text| std::fs::write(path, text).unwrap()),
    ("a FIFO", make_fifo),
];

#[test]
fn a_folder_of_rules_that_can_not_be_listed_is_not_an_empty_one() {
    let server = Server::start("");
    for (case, harm) in FOLDER_HARMS {
        let row = (case, harm, "make it a folder that you can read");
        assert_harm_refuses(&server, ".config/gate/rules.d", row, RULE);
        assert_harm_refuses(&server, "etc/gate/rules.d", row, RULE);
        // There it is the configuration that is missed first.
        assert_harm_refuses(
            &server,
            "etc/gate",
            (case, harm, "nothing runs before"),
            RULE,
        );
    }
}

/// Who can write a folder can take a rule out of it, and nobody sees that there was one.
#[test]
fn a_folder_that_others_can_write_decides_nothing() {
    let server = Server::start("");
    let open_to_all: Harm = |path, _| {
        std::fs::create_dir(path).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    };
    for (case, harm) in [
        ("writable by all", open_to_all),
        ("another's", |path, _| make_anothers_folder(path)),
    ] {
        let row = (case, harm, "chmod go-w");
        assert_harm_refuses(&server, ".config/gate/rules.d", row, RULE);
        assert_harm_refuses(&server, "etc/gate/rules.d", row, RULE);
        assert_harm_refuses(&server, "etc/gate", row, RULE);
    }
}

/// A rule that can't be looked for is not a rule that is not there.
#[test]
fn a_home_that_leads_nowhere_is_no_home_without_rules() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    machine.home.script("kubectl", "#!/bin/sh\n").unwrap();
    let home = machine.home.path().join("link");
    symlink("/no/such/home", &home).unwrap();
    let mut command = machine.gate(&["run", "--", "kubectl", "get", "pods"]);
    command.env("HOME", &home);
    for variable in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
        command.env_remove(variable);
    }
    let ran = run(&mut command);
    assert_configuration("a dangling HOME", &machine, &ran, "nothing runs before");
}

#[test]
fn the_same_files_unharmed_let_it_ask() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    let user = machine.home.config().join("gate/config.toml");
    let pinned = std::fs::read_to_string(&user).unwrap();
    for (place, text) in [
        (".config/gate/config.toml", format!("{CONFIG}{pinned}")),
        (".config/gate/rules.d/10.toml", RULE.to_owned()),
        ("work/.gate.toml", RULE.to_owned()),
        ("etc/gate/config.toml", CONFIG.to_owned()),
        ("etc/gate/rules.d/10.toml", RULE.to_owned()),
    ] {
        machine.home.write(place, text).unwrap();
    }
    own_script(&machine.home, "deployer", TOOL);
    let etc = machine.home.path().join("etc");
    let ran = run(&mut isolated(
        &machine.home,
        &etc,
        &DEPLOY.replace("5s", "1s"),
    ));
    assert_eq!(ran.code, Some(75), "nobody answered: {ran:?}");
}

#[test]
fn a_server_without_a_pinned_key_is_not_asked() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    machine.home.write(".config/gate/config.toml", "").unwrap();
    let ran = run(&mut machine.deploy("5s", "now"));
    assert_configuration("no key", &machine, &ran, "run `gate login --server ");
    let records = server.records();
    assert!(
        records
            .iter()
            .all(|record| record["type"] != "request.created")
    );
}

/// docs/server.md: a rule in force that is about the command "holds as if it were named".
#[test]
fn a_rule_in_force_holds_for_a_client_that_has_older_ones() {
    let server = Server::start("");
    let older = Message::ask("GET", "/v1/rules");
    let older = server.ask("agent", older);
    let proxy = Proxy::to(server.address);
    proxy.set(Arc::new(move |asked: &Message, upstream: Upstream| {
        if Point::RULES.matches(asked) {
            return Reply::Answer(older.clone());
        }
        upstream.pass(asked)
    }));
    let machine = Machine::of(&server, proxy.address);
    let push = |decision: &str| {
        let text =
            format!("[[rule]]\nid = 'central'\ntool = 'deployer'\ndecision = '{decision}'\n");
        let put = Message::ask("PUT", "/v1/rules")
            .with("content-type", "application/json")
            .with("if-match", "*")
            .with_body(serde_json::json!({ "text": text }).to_string());
        let put = server.ask("admin", put);
        assert_eq!(put.status(), 200, "{put:?}");
    };
    push("deny");
    let ran = run(&mut machine.deploy("5s", "now"));
    assert_eq!(ran.code, Some(77), "{ran:?}");
    assert!(
        ran.stderr
            .contains("the rule `central` of this server denies it"),
        "{ran:?}"
    );
    assert_told("denied", &ran, "nothing was run");
    let created = |record: &serde_json::Value| record["type"] == "request.created";
    assert!(!server.records().iter().any(created));
    push("require_approval");
    let ran = run(&mut machine.gate(&["run", "--no-wait", "--", "deployer", "now"]));
    assert_eq!(ran.code, Some(75), "{ran:?}");
    let records = server.records();
    let asked = records.iter().find(|record| created(record)).unwrap();
    let rules = asked["body"]["terms"]["rules"].as_array().unwrap();
    assert!(rules.contains(&"central".into()), "{asked}");
    assert!(machine.canary().is_empty());
}

fn bundle(server: &Server, version: u64, not_after: &str) -> RuleBundle {
    RuleBundle {
        audience: server.said("/server/audience").to_owned(),
        version,
        text: RULE.to_owned(),
        sha256: Digest::of_bytes(RULE.as_bytes()),
        issued_at: "2020-01-01T00:00:00Z".parse().unwrap(),
        not_after: not_after.parse().unwrap(),
    }
}

#[test]
fn rules_of_the_server_that_are_stale_old_forged_or_gone_decide_nothing() {
    const LATER: &str = "2999-01-01T00:00:00Z";
    let server = Server::start("");
    let key = server.signing_key();
    let thief = SigningKey::generate(server.said("/server/audience")).unwrap();
    let sign = |bundle, key| SignedRules::sign(bundle, key).unwrap();
    let mut edited = sign(bundle(&server, 2, LATER), &key);
    edited.bundle.text = edited.bundle.text.replace("deny\"\ntool", "other\"\ntool");
    let mut elsewhere = bundle(&server, 2, LATER);
    elsewhere.audience = "elsewhere.example".to_owned();
    let cases = [
        (
            "expired",
            Some(sign(bundle(&server, 2, "2020-01-02T00:00:00Z"), &key)),
        ),
        ("rolled back", Some(sign(bundle(&server, 1, LATER), &key))),
        (
            "signed by another key",
            Some(sign(bundle(&server, 2, LATER), &thief)),
        ),
        ("edited", Some(edited)),
        ("of another server", Some(sign(elsewhere, &key))),
        ("gone", None),
    ];
    for (case, rules) in cases {
        let machine = Machine::of(&server, server.address);
        let folder = ".local/state/gate/rules";
        machine
            .home
            .write(&format!("{folder}/highest-version"), "2")
            .unwrap();
        if let Some(rules) = rules {
            let text = to_canonical_bytes(&rules).unwrap();
            machine
                .home
                .write(&format!("{folder}/bundle.json"), text)
                .unwrap();
        }
        let ran = run(&mut machine.deploy("5s", "now"));
        assert_configuration(case, &machine, &ran, "run `gate rules pull`");
    }
    let machine = Machine::of(&server, server.address);
    let config = machine.home.config().join("gate/config.toml");
    let pinned = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("[server]\nrules = 'required'\n{pinned}")).unwrap();
    let ran = run(&mut machine.deploy("5s", "now"));
    let next = "run `gate rules pull`";
    assert_configuration("required and never fetched", &machine, &ran, next);
}

/// What was asked for the rules: the tag that was named, and the status that came back.
type Asked = (bool, u16);

fn watch_rules(server: &Server) -> (Proxy, Arc<Mutex<Vec<Asked>>>) {
    let proxy = Proxy::to(server.address);
    let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let seen = Arc::clone(&asked);
    proxy.set(Arc::new(move |question: &Message, upstream: Upstream| {
        let reply = upstream.pass(question);
        if let (("GET", "/v1/rules"), Reply::Answer(answer)) = (question.line(), &reply) {
            let names_a_tag = question.header("if-none-match").is_some();
            seen.lock().unwrap().push((names_a_tag, answer.status()));
        }
        reply
    }));
    (proxy, asked)
}

#[test]
fn rules_that_did_not_change_are_not_sent_again() {
    let server = Server::start("");
    let (proxy, asked) = watch_rules(&server);
    let machine = Machine::of(&server, proxy.address);
    for _ in 0..2 {
        let waits = run(&mut machine.gate(&["run", "--no-wait", "--", "deployer", "now"]));
        assert_eq!(waits.code, Some(75), "{waits:?}");
    }
    assert_eq!(*asked.lock().unwrap(), [(false, 200), (true, 304)]);
}

#[test]
fn rules_that_grow_old_are_asked_for_once_in_a_while_and_hold_up_no_read() {
    let server = Server::start("");
    let (proxy, asked) = watch_rules(&server);
    let machine = Machine::of(&server, proxy.address);
    machine.home.script("kubectl", "#!/bin/sh\n").unwrap();
    let read = || {
        let ran = run(&mut machine.gate(&["run", "--", "kubectl", "get", "pods"]));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    let pulled = run(&mut machine.gate(&["rules", "pull"]));
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    read();
    assert_eq!(
        asked.lock().unwrap().len(),
        1,
        "fresh rules are not asked for"
    );
    age_rules(&server, &machine);
    // The server is away: one read tries, and all of them pass.
    proxy.set(Arc::new({
        let seen = Arc::clone(&asked);
        move |_: &Message, _: Upstream| {
            seen.lock().unwrap().push((false, 0));
            Reply::Nothing
        }
    }));
    asked.lock().unwrap().clear();
    read();
    let tries = asked.lock().unwrap().len();
    assert!(tries > 0);
    read();
    assert_eq!(asked.lock().unwrap().len(), tries);
    // The note of it is private, and in its place a link is not followed.
    let note = machine.home.state().join("gate/rules/tried");
    let mode = note.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let victim = machine.home.write("victim", "kept").unwrap();
    let long_ago = SystemTime::now() - Duration::from_hours(1);
    let file = std::fs::File::options().write(true).open(&victim).unwrap();
    file.set_modified(long_ago).unwrap();
    std::fs::remove_file(&note).unwrap();
    symlink(&victim, &note).unwrap();
    read();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "kept");
}

/// Makes the fetched rules older than half of their life.
fn age_rules(server: &Server, machine: &Machine) {
    let folder = machine.home.state().join("gate/rules");
    let bundle = folder.join("bundle.json");
    let stored: SignedRules = serde_json::from_slice(&std::fs::read(&bundle).unwrap()).unwrap();
    let mut old = stored.bundle;
    let now = jiff::Timestamp::now();
    old.issued_at = now - jiff::SignedDuration::from_hours(48);
    old.not_after = now + jiff::SignedDuration::from_hours(24);
    let signed = SignedRules::sign(old, &server.signing_key()).unwrap();
    std::fs::write(&bundle, to_canonical_bytes(&signed).unwrap()).unwrap();
}

/// A keyring that may be looked at by a person gets 45 s; a command that asks nobody waits for
/// newer rules no longer than 2 s.
#[test]
fn a_keyring_that_never_answers_holds_up_no_read() {
    let server = Server::start("");
    let mut machine = Machine::of(&server, server.address);
    machine.home.script("kubectl", "#!/bin/sh\n").unwrap();
    let pulled = run(&mut machine.gate(&["rules", "pull"]));
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    age_rules(&server, &machine);
    let socket = machine.home.path().join("bus");
    // It accepts, because the kernel does, and nobody ever reads.
    let _bus = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let bus = format!("unix:path={}", socket.display());
    machine.home.set("DBUS_SESSION_BUS_ADDRESS", bus);
    machine.home.set("DISPLAY", ":0");
    machine.home.unset("GATE_TOKEN");
    let book = format!(
        "{{\"servers\":{{\"http://{}\":{{\"place\":\"secret_service\"}}}}}}",
        server.address
    );
    let path = machine.home.state().join("gate/credential");
    std::fs::write(&path, book).unwrap();
    let alone = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, alone).unwrap();
    let begun = Instant::now();
    let ran = run(&mut machine.gate(&["run", "--", "kubectl", "get", "pods"]));
    let took = begun.elapsed();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let bounds = Duration::from_secs(2)..Duration::from_secs(15);
    assert!(bounds.contains(&took), "{took:?}: {ran:?}");
}
