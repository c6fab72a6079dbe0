//! Runs the table of secrets: exactly what stands between `⟦` and `⟧` is masked.
//!
//! The promise: "Secrets in argv, environment, statements and inputs are found
//! and masked for everything that leaves the process, visibly", and the approver
//! still reads everything else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use gate_policy::{
    CommandLine, Environment, Invocation, MapFiles, SecretPlace, SecretSpan, Stdin, read_invocation,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Words in which the secrets are marked.
    masked: Vec<Vec<String>>,
    /// Words without a secret.
    clear: Vec<Vec<String>>,
    variable: Vec<Variable>,
    statement: Vec<Statement>,
}

/// Variables, in which the secrets are marked, around a command.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
}

/// A script that psql reads from a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    script: String,
    shown: Vec<String>,
}

fn table() -> Result<Table, toml::de::Error> {
    toml::from_str(include_str!("secrets.toml"))
}

fn read(argv: &[String], env: &BTreeMap<String, String>, files: &[(&str, &str)]) -> Invocation {
    let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
    let env: Environment = env.iter().collect();
    let cwd = Path::new("/srv/app");
    let files = files
        .iter()
        .map(|(name, text)| (*name, text.as_bytes().to_vec()));
    read_invocation(&CommandLine {
        argv: &argv,
        env: &env,
        cwd,
        stdin: Stdin::Absent,
        files: &MapFiles::new(cwd, files),
    })
}

/// Takes the marks out of a text.
fn plain(marked: &str) -> String {
    marked.replace(['⟦', '⟧'], "")
}

/// Returns the text with marks around what is masked.
fn mark(text: &str, spans: &[&SecretSpan]) -> String {
    let mut marked = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        for span in spans {
            if span.range.start == at {
                marked.extend("⟦".bytes());
            }
        }
        marked.push(byte);
        for span in spans {
            if span.range.end == at + 1 {
                marked.extend("⟧".bytes());
            }
        }
    }
    String::from_utf8_lossy(&marked).into_owned()
}

fn shown_words(argv: &[String], invocation: &Invocation) -> Vec<String> {
    let words = argv.iter().enumerate();
    words
        .map(|(index, word)| {
            let spans = invocation.secrets.iter();
            let spans: Vec<_> = spans
                .filter(|span| span.place == SecretPlace::Argv(index))
                .collect();
            mark(word, &spans)
        })
        .collect()
}

fn assert_none(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn exactly_the_marked_part_of_each_word_is_masked() {
    let table = table().unwrap();
    assert!(table.masked.len() >= 120 && table.clear.len() >= 60);
    let mut wrong = Vec::new();
    for marked in table.masked.iter().chain(&table.clear) {
        let argv: Vec<String> = marked.iter().map(|word| plain(word)).collect();
        let shown = shown_words(&argv, &read(&argv, &BTreeMap::new(), &[]));
        if &shown != marked {
            wrong.push(format!("expected {marked:?}\n  but got {shown:?}"));
        }
    }
    assert_none(&wrong);
    let is_marked = |words: &Vec<String>| words.iter().any(|word| word.contains('⟦'));
    assert!(table.masked.iter().all(is_marked));
    assert!(!table.clear.iter().any(is_marked));
}

#[test]
fn exactly_the_marked_part_of_each_variable_is_masked() {
    let mut wrong = Vec::new();
    for case in table().unwrap().variable {
        let env: BTreeMap<String, String> = case
            .env
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect();
        let invocation = read(&case.argv, &env, &[]);
        for (name, marked) in &case.env {
            let place = SecretPlace::Env(name.into());
            let spans = invocation.secrets.iter();
            let spans: Vec<_> = spans.filter(|span| span.place == place).collect();
            let shown = mark(&plain(marked), &spans);
            if &shown != marked {
                wrong.push(format!("{name}: expected {marked}, got {shown}"));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn statements_of_a_script_are_shown_without_their_secrets() {
    for case in table().unwrap().statement {
        let argv = ["psql", "-f", "x.sql"].map(str::to_owned);
        let invocation = read(&argv, &BTreeMap::new(), &[("x.sql", &case.script)]);
        let shown: Vec<&str> = invocation
            .nested
            .iter()
            .map(|nested| nested.text.trim())
            .collect();
        assert_eq!(shown, case.shown, "{}", case.script);
    }
}

#[test]
fn a_secret_in_a_word_is_in_no_reason_and_no_target() {
    for (argv, secret) in [
        (&["aws", "s3", "lss", "--token=hunter2"][..], "hunter2"),
        (
            &[
                "kubectl",
                "get",
                "pods",
                "--tokn=x",
                "--password",
                "hunter2",
            ],
            "hunter2",
        ),
        (
            &["kubectl", "get", "pods", "--server=https://u:hunter2@h"],
            "hunter2",
        ),
        (&["git", "push", "https://u:hunter2@h/r", "main"], "hunter2"),
        (
            &["psql", "-d", "POSTGRES://u:hunter2@h/db", "-c", "select 1"],
            "hunter2",
        ),
        (
            &["psql", "-c", "alter role x passwort password 'hunter2' x"],
            "hunter2",
        ),
        (&["kubectl", "--token", "hunter2", "hunter2"], "hunter2"),
    ] {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let invocation = read(&argv, &BTreeMap::new(), &[]);
        assert!(!invocation.secrets.is_empty(), "{argv:?}");
        let texts = invocation.reasons.iter();
        for text in texts
            .chain(invocation.target.values())
            .chain(invocation.nested.iter().map(|nested| &nested.text))
        {
            assert!(!text.contains(secret), "{argv:?}: {text}");
        }
    }
}

#[test]
fn no_value_is_too_far_back_in_a_list_to_be_masked() {
    let columns: Vec<String> = (0..200).map(|at| format!("c{at}")).collect();
    let columns = columns.join(", ");
    let plain = "'x', ".repeat(200);
    let values: Vec<String> = (0..200).map(|at| format!("'V{at}V'")).collect();
    let values = values.join(", ");
    for tool in [&["psql", "-c"][..], &["mysql", "-e"], &["some-tool"]] {
        for sql in [
            format!("delete from t where token in ({values})"),
            format!("delete from t where token = any(array[{values}])"),
            format!("select array[{values}] as tokens, 'x'"),
            format!("select make_password({values})"),
            format!("select array[make_password('V0V'), {values}, lower('V0V')] as tokens"),
            format!("insert into t (password, {columns}) values ('V0V', {plain} 'x')"),
            format!("insert into t ({columns}, password) values ({plain} 'V0V'), ({plain} 'V1V')"),
            format!("begin; insert into t ({columns}, password) values ({plain} 'V0V')"),
        ] {
            let mut argv: Vec<String> = tool.iter().map(ToString::to_string).collect();
            argv.push(sql);
            let invocation = read(&argv, &BTreeMap::new(), &[]);
            let shown = shown_words(&argv, &invocation);
            let word = shown.last().unwrap();
            let mut masked = String::new();
            let mut rest = word.as_str();
            while let Some((before, behind)) = rest.split_once('⟦') {
                masked.push_str(before);
                rest = behind.split_once('⟧').unwrap().1;
            }
            masked.push_str(rest);
            assert!(
                !masked.contains("V'") && !masked.contains("'V"),
                "{tool:?} {masked}"
            );
        }
    }
}

#[test]
fn the_secrets_of_commands_from_standard_input_are_masked() {
    let shown = |text: &str| {
        let argv = [OsString::from("redis-cli")];
        let invocation = read_invocation(&CommandLine {
            argv: &argv,
            env: &Environment::default(),
            cwd: Path::new("/"),
            stdin: Stdin::Content(text.as_bytes()),
            files: &gate_policy::NoFiles,
        });
        assert!(invocation.secrets.is_empty());
        let nested = invocation.nested.iter();
        nested.map(|nested| nested.text.clone()).collect::<Vec<_>>()
    };
    let text = "auth hunter2\n2 AUTH u hunter2\nhello 3 auth u hunter2\nauth \"a\\x41\"\nconfig set requirepass hunter2\nget a\n";
    let expected = [
        "auth [secret 7 bytes]",
        "2 AUTH u [secret 7 bytes]",
        "hello 3 auth u [secret 7 bytes]",
        "auth [secret 7 bytes]",
        "config set requirepass [secret 7 bytes]",
        "get a",
    ];
    assert_eq!(shown(text), expected);
}

#[test]
fn a_mask_is_not_masked_again() {
    let line = "mysql --password=abcdef -e 'select 1'; curl -u u:hunter2 https://h";
    let invocation = read(
        &["bash".into(), "-c".into(), line.into()],
        &BTreeMap::new(),
        &[],
    );
    for nested in &invocation.nested {
        assert!(!nested.text.contains("[["), "{}", nested.text);
        assert!(!nested.text.contains("hunter2") && !nested.text.contains("abcdef"));
    }
}
