//! The schemas of files of cases, of configuration and of the server's settings, held against what
//! reads these files.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use gate_server::Settings;
use gate_testkit::home::Home;
use serde_json::Value;

use super::cases::OF_CASES;
use super::operations::OF_OPERATIONS;
use super::{GATE, by_schema, root};

/// A good key, as `gate login` pins it.
const KEY: &str = "gate-808b18cf/audit+483f56d4+ARFJI05OTRI2L9Aaj3QA88Yd7MLTpRJo5IfJ8kVyOujx";

/// What stands in a configuration, with `KEY` for the good key, and whether it is taken.
const OF_CONFIG: &[(&str, bool)] = &[
    ("", true),
    ("[server]\nurl = 'https://gate.example.com:4280'", true),
    ("[server]\nurl = 'https://gate.example.com/'", true),
    ("[server]\nurl = 'http://127.0.0.1:4280'", true),
    ("[server]\nurl = 'http://localhost'", true),
    ("[server]\nurl = 'http://[::1]:4280'", true),
    ("[server]\nurl = 'http://gate.example.com'", false),
    ("[server]\nurl = 'https://gate.example.com/x'", false),
    ("[server]\nurl = 'https://a@gate.example.com'", false),
    ("[server]\nurl = 'gate.example.com'", false),
    ("[server]\nurl = 3", false),
    ("[server]\nurll = 'https://gate.example.com'", false),
    ("[server]\nrules = 'optional'", true),
    ("[server]\nrules = 'always'", false),
    ("[server]\nca_file = 'ca.pem'", false),
    ("[keys]\n'https://gate.example.com' = 'KEY'", true),
    ("[keys]\n'https://gate.example.com' = 'x'", false),
    ("[keys]\n'https://gate.example.com' = 3", false),
    ("[keys]\n'gate.example.com' = 'KEY'", false),
    ("[approval]\ntimeout = '30m'", true),
    ("[approval]\ntimeout = '0s'", false),
    ("[approval]\ntimeout = '30'", false),
    ("[approval]\ntimeout = 30", false),
    ("[approval]\nttl = '30m'", false),
    ("[rules]", false),
];

/// What stands in the server's settings, and whether it is taken.
const OF_SERVER: &[(&str, bool)] = &[
    ("", true),
    ("public_url = 'https://gate.example.com'", true),
    ("public_url = 'ftp://x'", false),
    ("listen = '0.0.0.0:4280'", true),
    ("listen = '[::1]:0'", true),
    ("listen = 'localhost:4280'", false),
    ("listen = '127.0.0.1'", false),
    ("approvers = ['group:a', 'user:b']", true),
    ("approvers = []", true),
    ("approvers = ['a']", false),
    ("approvers = ['group:']", false),
    ("approvers = 'group:a'", false),
    ("min_count = 1", true),
    ("min_count = 0", false),
    ("min_count = -1", false),
    ("min_count = 4294967296", false),
    ("min_count = '1'", false),
    ("max_request_ttl_seconds = 0", false),
    ("max_permit_ttl_seconds = 0", false),
    ("grant_seconds = 0", false),
    ("run_lease_seconds = 0", false),
    ("rules_seconds = 0", false),
    ("rules_seconds = 60", true),
    ("keep_records_days = 0", true),
    ("keep_records_days = -1", false),
    ("keep_records_days = 4294967296", false),
    (
        "open_requests = 0\ndenial_stands_seconds = 0\nstart_report_seconds = 0",
        true,
    ),
    ("start_report_seconds = -1", false),
    ("production = ['cluster prod-*', '*.prod.example']", true),
    ("production = ['a b c']", false),
    ("production = ' '", false),
    ("production = ['']", false),
    ("[tls]\ncertificate = '/a'\nkey = '/b'", true),
    ("[tls]\ncertificate = '/a'", false),
    ("[tls]\ncertificate = '/a'\nkey = '/b'\nca = '/c'", false),
    (
        "[database]\nurl = 'postgres://gate@db.example.com/gate'\npassword_file = '/p'\nca_file = '/c'",
        true,
    ),
    ("[database]\npassword_file = '/p'", false),
    (
        "[database]\nurl = 'postgres://gate@a/gate'\n[database.standby]\n\
         url = 'postgres://gate@b/gate'\nmax_lag_seconds = 5",
        true,
    ),
    (
        "[database]\nurl = 'postgres://gate@a/gate'\n[database.standby]\nmax_lag_seconds = 5",
        false,
    ),
    (
        "[database]\nurl = 'postgres://gate@a/gate'\n[database.standby]\n\
         url = 'postgres://gate@b/gate'\nmax_lag_seconds = 0",
        false,
    ),
    (
        "[database]\nurl = 'mysql://gate@db.example.com/gate'",
        false,
    ),
    (
        "[outbound]\nallow_private = ['10.0.0.0/8', 'fd00::/8']",
        true,
    ),
    ("[outbound]\nallow_private = ['here']", false),
    ("[outbound]\nca_file = '/a'", true),
    (
        "[[channel]]\nname = 'h'\nkind = 'webhook'\nurl = 'https://x.example/'\n\
         signing_secret_file = '/s'",
        true,
    ),
    (
        "[[channel]]\nname = 'h'\nkind = 'webhook'\nurl = 'https://x.example/'",
        false,
    ),
    (
        "[[channel]]\nname = 'f'\nkind = 'teams_workflow'\nurl_file = '/u'\n\
         for = ['group:dba']\neffects = ['destroy']\ntarget = { namespace = 'prod' }",
        true,
    ),
    (
        "[[channel]]\nname = 'f'\nkind = 'teams_workflow'\nurl_file = '/u'\nfor = ['dba']",
        false,
    ),
    ("[[channel]]\nname = 'f'\nkind = 'pager'", false),
    (
        "[[channel]]\nname = 's'\nkind = 'slack'\napp_id = 'A1'\nteam_id = 'T1'\n\
         conversation = 'C1'\nbot_token_file = '/b'\napp_token_file = '/a'",
        true,
    ),
    (
        "[[channel]]\nname = 's'\nkind = 'slack'\napp_id = 'A1'\nteam_id = 'T1'\n\
         conversation = 'C1'\nbot_token_file = '/b'",
        false,
    ),
    (
        "[[channel]]\nname = 'm'\nkind = 'mail'\nhost = 'mx.example'\nport = 587\n\
         security = 'starttls'\nfrom = 'a@example.com'\nto = ['b@example.com']",
        true,
    ),
    ("min_cuont = 1", false),
    ("mode = 'observe'", true),
    ("mode = 'monitor'", false),
    (
        "[approving]\nrule_editor_seconds = 0\nremind_seconds = 60",
        true,
    ),
    ("[approving]\nremind_seconds = 59", false),
    (
        "[approving]\nescalate_after_seconds = 1\nescalate_to = ['group:a']",
        true,
    ),
    ("[approving]\nescalate_to = ['group:a']", false),
    (
        "[approving]\nescalate_after_seconds = 1\nescalate_to = []",
        false,
    ),
    ("[standing_grants]\nenabled = false", true),
    ("[standing_grants]\nmax_uses = 1001", false),
    ("[standing_grants]\nmax_seconds = 59", false),
    ("[break_glass]\napprovers = ['group:a']\ncount = 1", true),
    ("[break_glass]\ncount = 1", false),
    ("[break_glass]\napprovers = []", false),
    ("[flood]\nburst = 1\nreason_lifts = true", true),
    ("[flood]\nburst = 0", false),
    ("[rate]\nwaits = 5\ncaller_burst = 9", true),
    ("[rate]\nwaits = 0", false),
    (
        "[[provider]]\nname = 'okta'\nissuer = 'https://x'\nclient_id = 'gate'",
        true,
    ),
    (
        "[[provider]]\nname = 'okta'\nissuer = 'http://x'\nclient_id = 'gate'",
        false,
    ),
    ("[[provider]]\nname = 'okta'\nissuer = 'https://x'", false),
    (
        "[[provider]]\nname = 'o'\nissuer = 'https://x'\nclient_id = 'g'\nalgorithms = ['HS256']",
        false,
    ),
    (
        "[[workload]]\nissuer = 'https://x'\nprincipal = 'ci'\nclaims = { repository = 'a/b' }",
        true,
    ),
    (
        "[[workload]]\nissuer = 'https://x'\nprincipal = 'ci'\nclaims = {}",
        false,
    ),
    (
        "[[workload]]\nissuer = 'https://x'\nprincipal = 'ci'\nclaims = { repository = '*' }",
        false,
    ),
    (
        "[[witness]]\nurl = 'https://x'\nkey = 'witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X'",
        true,
    ),
    (
        "[[witness]]\nurl = 'http://x'\nkey = 'witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X'",
        false,
    ),
    (
        "[[witness]]\nurl = 'https://x'\nkey = 'gate.example/org/acme/audit+85e1d4ed+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4'",
        false,
    ),
    ("[[witness]]\nurl = 'https://x'", false),
    ("[sign_in]\npasswords = false\nidle_seconds = 60", true),
    ("[sign_in]\nidle_seconds = 0", false),
    ("[sign_in]\ndevice_token_seconds = 59", false),
];

fn schema(of: &str) -> PathBuf {
    root().join(format!("schemas/{of}.schema.json"))
}

/// Writes each text to a file, and holds the schema against what is wanted of it.
fn assert_schema(home: &Home, of: &str, texts: &[(String, bool)]) {
    let files = texts.iter().enumerate().map(|(at, (text, _))| {
        let name = format!("work/{of}-{at}.toml");
        home.write(&name, text).unwrap()
    });
    let files: Vec<PathBuf> = files.collect();
    let found = by_schema(&schema(of), &files);
    assert_eq!(found.len(), texts.len());
    for ((text, wanted), found) in texts.iter().zip(found) {
        assert_eq!(found, *wanted, "the schema of {text}");
    }
}

/// Tells whether a command ends with anything but bad configuration.
fn is_taken(home: &Home, args: &[&str], config: Option<&str>) -> (bool, String) {
    let mut command = home.command(GATE);
    command
        .args(args)
        .env("GATE_SERVER", "https://gate.example.com");
    if let Some(config) = config {
        command.env("GATE_CONFIG", config);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code() != Some(78), said)
}

#[test]
fn the_schema_of_cases_and_gate_agree() {
    let home = Home::new().unwrap();
    let mut texts: Vec<(String, bool)> = OF_CASES
        .iter()
        .map(|(fields, taken)| (format!("[[case]]\nname = 'x'\n{fields}\n"), *taken))
        .collect();
    let unnamed = "[[case]]\nline = 'a'\nexpect = { rule = 'x' }\n";
    texts.extend([unnamed, "", "case = []\n", "cases = []\n"].map(|text| (text.to_owned(), false)));
    for (text, wanted) in &texts {
        home.write("work/case.toml", text).unwrap();
        let (taken, said) = is_taken(&home, &["rules", "test", "case.toml"], None);
        assert_eq!(taken, *wanted, "gate of {text}: {said}");
    }
    let example = fs::read_to_string(root().join("examples/cases.toml")).unwrap();
    texts.push((example, true));
    assert_schema(&home, "cases", &texts);
}

#[test]
fn the_schema_of_configuration_and_gate_agree() {
    let home = Home::new().unwrap();
    let texts = OF_CONFIG.iter();
    let texts: Vec<(String, bool)> = texts
        .map(|(text, taken)| (format!("{}\n", text.replace("KEY", KEY)), *taken))
        .collect();
    for (text, wanted) in &texts {
        let file = home.write("work/config.toml", text).unwrap();
        let args = ["check", "--", "kubectl", "get", "pods"];
        let (taken, said) = is_taken(&home, &args, file.to_str());
        assert_eq!(taken, *wanted, "gate of {text}: {said}");
    }
    assert_schema(&home, "config", &texts);
}

#[test]
fn the_schema_of_settings_and_the_server_agree() {
    let home = Home::new().unwrap();
    let texts = OF_SERVER.iter().chain(OF_OPERATIONS);
    let mut texts: Vec<(String, bool)> = texts
        .map(|(text, taken)| (format!("{text}\n"), *taken))
        .collect();
    let page = fs::read_to_string(root().join("docs/server.md")).unwrap();
    let (_, example) = page.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    texts.push((example.to_owned(), true));
    let identity = fs::read_to_string(root().join("docs/identity.md")).unwrap();
    let examples: Vec<&str> = identity.split("```toml\n").skip(1).collect();
    assert_eq!(examples.len(), 2, "providers and workloads");
    for example in examples {
        let (example, _) = example.split_once("```").unwrap();
        texts.push((example.to_owned(), true));
    }
    for (text, wanted) in &texts {
        let settings = Settings::new("data", "http://127.0.0.1:1");
        let read = settings.with_toml(text);
        assert_eq!(read.is_ok(), *wanted, "the server of {text}: {read:?}");
    }
    assert_schema(&home, "server", &texts);
}

/// What gate, or the server, says of a text with a field that is none.
fn refusal(home: &Home, of: &str, text: &str) -> String {
    let file = home.write("work/fields.toml", text).unwrap();
    let config = file.to_str();
    let (taken, said) = match of {
        "cases" => is_taken(home, &["rules", "test", "fields.toml"], None),
        "config" => is_taken(home, &["check", "--", "kubectl", "get", "pods"], config),
        _ => {
            let settings = Settings::new("data", "http://127.0.0.1:1");
            let refused = settings.with_toml(text).unwrap_err();
            (false, Error::source(&refused).unwrap().to_string())
        }
    };
    assert!(!taken, "{of}: {text}");
    said
}

/// The names that whatever reads the file takes, as its refusal lists them in backticks.
fn listed(said: &str) -> BTreeSet<String> {
    let (_, list) = said.split_once("unknown field `qqqq`, expected ").unwrap();
    let list = list.lines().next().unwrap();
    list.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Each table of these files: the schema's, and a text with a field in it that is none.
const TABLES: &[(&str, &str, &str)] = &[
    ("server", "", "qqqq = 1"),
    ("server", "/properties/tls", "[tls]\nqqqq = 1"),
    ("server", "/properties/outbound", "[outbound]\nqqqq = 1"),
    (
        "server",
        "/properties/database",
        "[database]\nurl = 'postgres://a/b'\nqqqq = 1",
    ),
    (
        "server",
        "/properties/database/properties/standby",
        "[database]\nurl = 'postgres://a/b'\n[database.standby]\nurl = 'postgres://a/c'\nqqqq = 1",
    ),
    ("server", "/properties/approving", "[approving]\nqqqq = 1"),
    (
        "server",
        "/properties/standing_grants",
        "[standing_grants]\nqqqq = 1",
    ),
    (
        "server",
        "/properties/break_glass",
        "[break_glass]\nqqqq = 1",
    ),
    ("server", "/properties/flood", "[flood]\nqqqq = 1"),
    ("server", "/properties/rate", "[rate]\nqqqq = 1"),
    ("server", "/properties/sign_in", "[sign_in]\nqqqq = 1"),
    ("server", "/properties/metrics", "[metrics]\nqqqq = 1"),
    ("server", "/properties/log", "[log]\nqqqq = 1"),
    ("server", "/properties/telemetry", "[telemetry]\nqqqq = 1"),
    ("server", "/$defs/provider", "[[provider]]\nqqqq = 1"),
    ("server", "/$defs/workload", "[[workload]]\nqqqq = 1"),
    ("server", "/$defs/witness", "[[witness]]\nqqqq = 1"),
    ("config", "", "qqqq = 1"),
    ("config", "/properties/server", "[server]\nqqqq = 1"),
    ("config", "/properties/approval", "[approval]\nqqqq = 1"),
    ("cases", "", "qqqq = 1"),
    ("cases", "/$defs/case", "[[case]]\nname = 'x'\nqqqq = 1"),
    (
        "cases",
        "/$defs/case/properties/caller",
        "[[case]]\nname = 'x'\ncaller = { qqqq = 1 }",
    ),
    (
        "cases",
        "/$defs/case/properties/expect",
        "[[case]]\nname = 'x'\nexpect = { qqqq = 1 }",
    ),
];

#[test]
fn each_schema_has_the_fields_that_are_read_and_no_others() {
    let home = Home::new().unwrap();
    for (of, at, text) in TABLES {
        let object: Value = serde_json::from_slice(&fs::read(schema(of)).unwrap()).unwrap();
        let table = object.pointer(at).unwrap();
        let fields = table["properties"].as_object().unwrap();
        let fields: BTreeSet<String> = fields.keys().cloned().collect();
        assert_eq!(fields, listed(&refusal(&home, of, text)), "{of}{at}");
        assert_eq!(table["additionalProperties"], false, "{of}{at}");
    }
}

/// The pointers of all tables of a schema that list their fields.
fn tables(at: &str, value: &Value, found: &mut BTreeSet<String>) {
    let Some(object) = value.as_object() else {
        return;
    };
    if object.contains_key("additionalProperties") && object.contains_key("properties") {
        found.insert(at.to_owned());
    }
    for (name, below) in object {
        tables(&format!("{at}/{name}"), below, found);
    }
}

#[test]
fn no_table_of_a_schema_is_left_out() {
    for of in ["server", "config", "cases"] {
        let object: Value = serde_json::from_slice(&fs::read(schema(of)).unwrap()).unwrap();
        let mut found = BTreeSet::new();
        tables("", &object, &mut found);
        let held = TABLES.iter().filter(|(other, ..)| *other == of);
        let held: BTreeSet<String> = held.map(|(_, at, _)| (*at).to_owned()).collect();
        assert_eq!(found, held, "{of}");
    }
}

#[test]
fn each_schema_is_printed_as_it_is_published() {
    let home = Home::new().unwrap();
    for of in ["server", "cases", "config"] {
        let mut command = home.command(GATE);
        let output = command.args(["rules", "schema", of]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout == fs::read(schema(of)).unwrap(), "{of}");
    }
}
