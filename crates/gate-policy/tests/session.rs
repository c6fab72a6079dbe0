//! A rule can have the server hold psql to reading.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::ffi::{OsStr, OsString};
use std::path::Path;

use gate_policy::{
    Caller, CallerKind, CommandLine, Decision, Environment, EnvironmentAction, Evaluation, Hearing,
    Invocation, Layer, MapFiles, Occasion, Policy, PolicyBuilder, Stdin, read_invocation,
};
use jiff::Timestamp;
use jiff::tz::Offset;

const RULE: &str = r#"
[[rule]]
id = "reads"
tool = "psql"
effect = "read"
decision = "allow"
postgres = { read_only = true, role = "reader" }
"#;
const HELD: &str = "-c default_transaction_read_only=on -c role=reader";

fn policy(texts: &[(Layer, &str)]) -> Policy {
    let mut builder = PolicyBuilder::new();
    for (layer, text) in texts {
        builder.layer(*layer, "rules", text).unwrap();
    }
    builder.build()
}

fn read(words: &[&str], env: &[(&str, &str)], script: &str) -> Invocation {
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    let env: Environment = env.iter().copied().collect();
    let files = [("q.sql".to_owned(), script.as_bytes().to_vec())];
    read_invocation(&CommandLine {
        argv: &argv,
        env: &env,
        cwd: Path::new("/w"),
        stdin: Stdin::Absent,
        files: &MapFiles::new(Path::new("/w"), files),
    })
}

fn occasion() -> Occasion {
    Occasion {
        caller: Caller {
            kind: CallerKind::User,
            name: "alice".to_owned(),
            host: "h".to_owned(),
            ci: false,
            terminal: false,
        },
        now: Timestamp::UNIX_EPOCH,
        local_offset: |_| Offset::UTC,
    }
}

fn decide(policy: &Policy, invocation: &Invocation) -> Evaluation {
    policy.evaluate(invocation, Path::new("/w"), &occasion())
}

/// What is decided by the one rule, and by which rule.
fn by_rule(words: &[&str], env: &[(&str, &str)], script: &str) -> (Decision, String, Evaluation) {
    let rules = policy(&[(Layer::Server, RULE)]);
    let evaluation = decide(&rules, &read(words, env, script));
    (
        evaluation.decision,
        evaluation.deciding.id.clone(),
        evaluation,
    )
}

fn options(evaluation: &Evaluation) -> Option<&OsStr> {
    let set = &evaluation.obligations.environment;
    let note = set.iter().find(|note| note.name == "PGOPTIONS")?;
    match &note.action {
        EnvironmentAction::Set(value) => Some(value),
        EnvironmentAction::Binds
        | EnvironmentAction::Merges
        | EnvironmentAction::Stripped
        | EnvironmentAction::FirstKept
        | EnvironmentAction::MakesUnknown => None,
    }
}

#[test]
fn a_read_and_code_of_the_database_pass_in_a_session_that_may_only_read() {
    for sql in [
        "select 1",
        "select report(1)",
        "select s.report(1), x::mood, (t).owner, a <=> b from t",
        "select 1; select report(1)",
        "begin; select report(1), other(2); rollback",
        "begin transaction isolation level repeatable read, read only; select report(1); commit",
        "set statement_timeout = '5s'; set transaction read only; select report(1)",
        "set time zone 'UTC'; select * from t tablesample mine(1)",
    ] {
        for words in [
            &["psql", "-h", "db", "-c", sql][..],
            &["psql", "-c", "select 2", "-c", sql],
        ] {
            let (decision, rule, evaluation) = by_rule(words, &[("PGOPTIONS", "")], "");
            assert_eq!(
                (decision, &*rule),
                (Decision::Allow, "reads"),
                "{words:?}: {evaluation:?}"
            );
            assert_eq!(options(&evaluation), Some(OsStr::new(HELD)));
        }
    }
    let script =
        "\\set ON_ERROR_STOP 1\n\\timing\nselect 1;\nselect 2;\nselect report(1);\n\\echo done\n";
    let (decision, rule, evaluation) = by_rule(&["psql", "-f", "q.sql"], &[], script);
    assert_eq!(
        (decision, &*rule),
        (Decision::Allow, "reads"),
        "{evaluation:?}"
    );
    let said = "rule `reads` holds the session to reading";
    assert!(
        evaluation.reasons.iter().any(|why| why.starts_with(said)),
        "{evaluation:?}"
    );
}

#[test]
fn a_statement_that_leads_out_of_such_a_session_asks() {
    for sql in [
        "begin read write; select 1",
        "start transaction isolation level serializable, read write; select 1; commit",
        "set transaction read write; select report(1)",
        "set session characteristics as transaction read write",
        "set default_transaction_read_only = off",
        "set transaction_read_only to off; select report(1)",
        "reset default_transaction_read_only",
        "reset all",
        "discard all",
        "select set_config('default_transaction_read_only', 'off', false)",
        "select pg_catalog.set_config('role', 'none', false)",
        "set role admin",
        "reset role",
        "set session authorization admin",
        "select report(1); commit; select report(1)",
        "prepare p as select report(1); commit; execute p",
        "call p()",
        "do 'begin end'",
        "select pg_terminate_backend(1)",
        "select x.pg_file_write('a', 'b', true)",
        "select U&\"pg_reload_conf\"()",
        "select (a).pg_notify from t",
        "select * from dblink('dbname=x', 'delete from t') as t(n int)",
        "select lo_export(1, '/tmp/x')",
        "select * from crosstab($$select set_config('role', 'none', false), 'a', 'b'$$) as t(a text)",
        "select * from public.crosstab3('select 1')",
        "select * from connectby('t', 'a', 'b', '1', 0)",
        "select * from xpath_table('a', 'b', 't', '/', 'true') as t(a int)",
        "select xslt_process('x', 'y')",
        "select heap_force_kill('t', array['(0,1)']::tid[])",
        "select autoprewarm_start_worker()",
        "select query_to_xml('select pg_reload_conf()', true, true, '')",
        "select nextval('s')",
        "copy (select 1) to program 'sh'",
        "copy t to '/tmp/x'",
        "select report(",
        "lock t",
        "notify x",
        "create temp table x(n int)",
        "select * from t for update",
    ] {
        let (decision, _, evaluation) = by_rule(&["psql", "-c", sql], &[], "");
        assert_eq!(decision, Decision::RequireApproval, "{sql}: {evaluation:?}");
        assert_eq!(options(&evaluation), None, "{sql}");
    }
}

#[test]
fn a_command_line_that_leads_out_of_such_a_session_asks() {
    for words in [
        &["psql", "-c", "select report(1)", "-c", "select 1"][..],
        &["psql", "-c", "select report(1)", "-c", "\\d"],
        &["psql", "-c", "\\connect other", "-c", "select 1"],
        &["psql", "-c", "\\setenv PGOPTIONS ''", "-c", "select 1"],
        &["psql", "-f", "gone.sql"],
        &["psql", "-d", "options=-cx=y", "-c", "select 1"],
        &[
            "psql",
            "-d",
            "postgres://h/d?options=-cx%3Dy",
            "-c",
            "select 1",
        ],
        &["psql", "-d", "service=x", "-c", "select 1"],
        &["env", "psql", "-c", "select 1"],
        &["bash", "-c", "psql -c 'select 1'"],
        &["psql", "-o", "file", "-c", "select 1"],
    ] {
        let (decision, _, evaluation) = by_rule(words, &[], "");
        assert_eq!(
            decision,
            Decision::RequireApproval,
            "{words:?}: {evaluation:?}"
        );
        assert_eq!(options(&evaluation), None, "{words:?}");
    }
}

#[test]
fn a_variable_that_leads_out_of_such_a_session_asks() {
    for (name, value) in [
        ("PGOPTIONS", "-c search_path=evil"),
        ("PGOPTIONS", "-c default_transaction_read_only=on"),
        ("PGSERVICE", "x"),
        ("PGSERVICEFILE", "x"),
        ("PGSYSCONFDIR", "/x"),
    ] {
        let words = ["psql", "-c", "select 1"];
        let (decision, _, evaluation) = by_rule(&words, &[(name, value)], "");
        assert_eq!(
            decision,
            Decision::RequireApproval,
            "{name}: {evaluation:?}"
        );
    }
}

#[test]
fn in_a_script_each_statement_is_a_transaction_of_its_own() {
    for script in [
        "select report(1); select 1;",
        "begin; select report(1); select report(2); commit;",
        "select report(1)\n\\g\n\\g\n",
        "select report(1)\n\\watch 1\n",
        "select report(1);\n\\d\n",
        "select report(1);\n\\i q2.sql\n",
    ] {
        let (decision, _, evaluation) = by_rule(&["psql", "-f", "q.sql"], &[], script);
        assert_eq!(
            decision,
            Decision::RequireApproval,
            "{script}: {evaluation:?}"
        );
    }
}

#[test]
fn a_read_that_leads_out_does_not_pass_by_the_baseline() {
    let words = ["psql", "-c", "begin read write; select 1"];
    let alone = Policy::baseline();
    let invocation = read(&words, &[], "");
    assert_eq!(decide(&alone, &invocation).decision, Decision::Allow);
    let (decision, rule, evaluation) = by_rule(&words, &[], "");
    assert_eq!(
        (decision, &*rule),
        (Decision::RequireApproval, "gate/unheld-session")
    );
    let why =
        "rule `reads` allows only what it can hold to reading: a transaction says `read write`";
    assert!(
        evaluation.reasons.iter().any(|said| said == why),
        "{evaluation:?}"
    );
    let rules = policy(&[(Layer::Server, RULE)]);
    let considered = rules.consider(&invocation, Path::new("/w"), &occasion());
    let of = |id: &str| {
        let mut all = considered.iter().flat_map(|one| &one.rules);
        all.find(|one| one.rule.id == id).unwrap().hearing.clone()
    };
    assert_eq!(of("gate/unheld-session"), Hearing::Counts);
    assert!(matches!(of("reads"), Hearing::Misses(miss) if miss.field == "postgres"));
}

#[test]
fn whoever_asks_on_top_of_that_keeps_the_session_as_it_is() {
    let asks = "[[rule]]\nid = \"ask\"\ntool = \"psql\"\ndecision = \"require_approval\"\n";
    let rules = policy(&[(Layer::Server, RULE), (Layer::Project, asks)]);
    let evaluation = decide(&rules, &read(&["psql", "-c", "select report(1)"], &[], ""));
    assert_eq!(evaluation.decision, Decision::RequireApproval);
    assert_eq!(options(&evaluation), Some(OsStr::new(HELD)));
}

#[test]
fn of_two_roles_there_is_no_session() {
    let other = RULE
        .replace("reads", "others")
        .replace("\"reader\"", "\"auditor\"");
    let none = RULE
        .replace("reads", "others")
        .replace(", role = \"reader\"", "");
    let invocation = read(&["psql", "-c", "select 1"], &[], "");
    let two = policy(&[(Layer::Server, RULE), (Layer::Machine, &other)]);
    let evaluation = decide(&two, &invocation);
    assert_eq!(evaluation.decision, Decision::RequireApproval);
    assert_eq!(options(&evaluation), None);
    let one = policy(&[(Layer::Server, &none), (Layer::Machine, RULE)]);
    let evaluation = decide(&one, &invocation);
    assert_eq!(evaluation.decision, Decision::Allow);
    assert_eq!(options(&evaluation), Some(OsStr::new(HELD)));
}

#[test]
fn a_user_and_a_project_hold_nothing() {
    let rules = policy(&[(Layer::Project, RULE)]);
    let evaluation = decide(&rules, &read(&["psql", "-c", "select 1"], &[], ""));
    assert_eq!(evaluation.decision, Decision::Allow);
    assert_eq!(options(&evaluation), None);
    let evaluation = decide(&rules, &read(&["psql", "-c", "select report(1)"], &[], ""));
    assert_eq!(evaluation.decision, Decision::RequireApproval);
}

#[test]
fn a_rule_that_can_hold_nothing_is_a_mistake() {
    for (from, to, problem) in [
        (
            "\"allow\"",
            "\"deny\"",
            "has no meaning where the decision is deny",
        ),
        (
            "\"allow\"",
            "\"require_approval\"",
            "has no meaning where the decision is require_approval",
        ),
        ("\"psql\"", "\"git\"", "is for psql alone"),
        ("\"psql\"", "\"p*\"", "is for psql alone"),
        ("tool = \"psql\"", "", "is for psql alone"),
        (
            "effect = \"read\"",
            "",
            "can allow `read`, `local` and `secret` alone",
        ),
        (
            "\"read\"",
            "[\"read\", \"write\"]",
            "can allow `read`, `local` and `secret` alone",
        ),
        ("tool =", "command = \"x\"\ntool =", "psql has no commands"),
        ("read_only = true", "read_only = false", "is not true"),
        ("read_only = true, ", "", "is not true"),
        ("\"reader\"", "\"a -c x=y\"", "is no plain name of a role"),
        ("\"reader\"", "\"none\"", "is no plain name of a role"),
        ("role =", "rolle =", "is no field that gate knows"),
    ] {
        let text = RULE.replacen(from, to, 1);
        let errors = PolicyBuilder::new().layer(Layer::Machine, "rules", &text);
        let errors = errors.unwrap_err();
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(
            said.iter().any(|one| one.contains(problem)),
            "{text}: {said:?}"
        );
    }
    let mut builder = PolicyBuilder::new();
    builder.layer(Layer::Machine, "rules", RULE).unwrap();
    let notes = builder.notes();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("functions that gate does not know")),
        "{notes:?}"
    );
}
