//! Any password, written as each language has to quote it, is masked whole, and
//! what stands around it stays readable.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

use gate_policy::{CommandLine, Environment, NoFiles, SecretPlace, Stdin, read_invocation};
use proptest::prelude::*;

/// Returns the words with each secret left out.
fn shown(argv: &[String]) -> Vec<String> {
    let words: Vec<OsString> = argv.iter().map(OsString::from).collect();
    let invocation = read_invocation(&CommandLine {
        argv: &words,
        env: &Environment::default(),
        cwd: Path::new("/"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    });
    let mut shown = argv.to_vec();
    for secret in invocation.secrets.iter().rev() {
        if let SecretPlace::Argv(index) = &secret.place
            && let Some(word) = shown.get_mut(*index)
        {
            word.replace_range(secret.range.clone(), "‹›");
        }
    }
    shown
}

fn json(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

fn sql(value: &str) -> String {
    value.replace('\'', "''")
}

fn libpq(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\'', "\\'")
}

fn uri(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A tool, a word with a hole for the password, and how it is quoted there.
type Context = (&'static [&'static str], &'static str, fn(&str) -> String);

const CONTEXTS: &[Context] = &[
    (&["kubectl", "get", "pods", "--token"], "{}", str::to_owned),
    (&["kubectl", "get", "pods"], "--token={}", str::to_owned),
    (
        &["terraform", "apply", "-var"],
        "db_password={}",
        str::to_owned,
    ),
    (&["docker", "run", "--env"], "DB_PASSWORD={}", str::to_owned),
    (
        &["aws", "iam", "create-login-profile", "--password"],
        "{}",
        str::to_owned,
    ),
    (
        &["kubectl", "patch", "cm", "x", "-p"],
        r#"{"data":{"password":"{}","user":"tail"}}"#,
        json,
    ),
    (
        &["kubectl", "patch", "cm", "x", "-p"],
        "data:\n  password: \"{}\"\n  user: tail",
        json,
    ),
    (
        &["kubectl", "patch", "cm", "x", "-p"],
        "data:\n  password: '{}'\n  user: tail",
        sql,
    ),
    (
        &["kubectl", "annotate", "pod", "x"],
        r#"a={"b":"{\"password\":\"{}\",\"user\":\"tail\"}"}"#,
        |value| json(&json(value)),
    ),
    (
        &["psql", "-c"],
        "alter role x password '{}'; drop table tail",
        sql,
    ),
    (
        &["psql", "-c"],
        "alter role x password E'{}'; drop table tail",
        libpq,
    ),
    (
        &["psql", "-c"],
        "insert into t (a, password, b) values ('it''s', '{}', 'tail')",
        sql,
    ),
    (&["psql"], "host=h password='{}' user=tail", libpq),
    (&["psql"], "postgresql://u:{}@h/tail", uri),
    (
        &["mysql", "-e"],
        "set password = '{}'; drop table tail",
        libpq,
    ),
    (&["bash", "-c"], "PASSWORD='{}' run; reboot tail", |value| {
        value.replace('\'', "_")
    }),
    (
        &["bash", "-c"],
        "run --password '{}' && reboot tail",
        |value| value.replace('\'', "_"),
    ),
    (
        &["bash", "-c"],
        "curl -H 'Authorization: Bearer {}' https://tail",
        |value| value.replace(['\'', ' '], "_"),
    ),
];

/// What begins so stands for another value and is meant to be read, or is in
/// quotes, which need no mask.
fn is_password(value: &str) -> bool {
    let starts = [
        "--", "\"", "'", "$", "{", "[", "%", "<", "@", ":", "?", "`", "~", "*", "\\", " ",
    ];
    !starts.iter().any(|start| value.starts_with(start)) && !value.ends_with([' ', '\\'])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_quoted_password_is_masked_whole_and_nothing_else(
        password in "[ -~]{5,24}".prop_filter("stands for itself", |value| is_password(value)),
        context in proptest::sample::select(CONTEXTS),
    ) {
        let (words, hole, quote) = context;
        let word = hole.replace("{}", &quote(&password));
        let mut argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        argv.push(word.clone());
        let mut expected = argv.clone();
        if let Some(last) = expected.last_mut() {
            *last = hole.replace("{}", "‹›");
        }
        prop_assert_eq!(shown(&argv), expected, "{}", word);
    }
}
