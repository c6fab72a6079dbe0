//! A rule that has the server hold psql to reading, by a real server.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::process::Command;

use gate_protocol::invocation::Treatment;
use gate_testkit::real::{Postgres, run as run_bare};
use serde_json::Value;

use crate::agent::{Agent, Running, WITHIN, approve_as_bob, files_below, shown};
use crate::server::{GATE, Live, Ran, run};

const RULE: &str = r#"[[rule]]
id = "team/psql-reads"
tool = "psql"
effect = "read"
decision = "allow"
postgres = { read_only = true, role = "reader" }
"#;
/// Nothing but the session keeps the role from changing the table.
const STAGE: &str = "
    create role reader;
    create table items (n int);
    grant all on items to reader;
    create function touch() returns int language sql as 'insert into items values (1) returning n';
    create function who() returns text language sql as 'select current_user::text';
    create function opens() returns text language sql as
      $$ select set_config('default_transaction_read_only', 'off', false) $$";
const OPTIONS: &str = "-c default_transaction_read_only=on -c role=reader";
const TOUCH: [&str; 5] = ["psql", "-X", "-At", "-c", "select touch()"];

/// The agent with the rule from its server.
fn agent<'a>(live: &'a Live, postgres: &Postgres) -> Agent<'a> {
    let mut agent = Agent::new(live);
    agent.home.set_all(postgres.environment());
    let rules = agent.home.write("rules.toml", RULE).unwrap();
    let push = ["rules", "push", rules.to_str().unwrap()];
    for mut command in [live.gate("admin", &push), gate(&agent, &["rules", "pull"])] {
        let ran = run(&mut command);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    agent
}

fn gate(agent: &Agent<'_>, arguments: &[&str]) -> Command {
    let mut command = agent.home.command(GATE);
    command.args(arguments);
    command
}

#[track_caller]
fn assert_refused_by_the_server(code: Option<i32>, stderr: &str) {
    assert_eq!(code, Some(1), "{stderr}");
    let refusal = "cannot execute INSERT in a read-only transaction";
    assert!(stderr.contains(refusal), "{stderr}");
}

fn asked_at_once(agent: &Agent<'_>, words: &[&str], options: &str) -> Ran {
    let mut command = agent.gate_run(&["--no-wait", "--reason", "a test"], words);
    run(command.env("PGOPTIONS", options))
}

#[test]
fn a_rule_has_the_server_hold_psql_to_reading() {
    let live = Live::start();
    let postgres = Postgres::start().unwrap();
    postgres.sql(STAGE).unwrap();
    let rows = || postgres.sql("select count(*) from items").unwrap();
    let agent = agent(&live, &postgres);

    let touched = run(&mut agent.gate_run(&[], &TOUCH));
    assert_refused_by_the_server(touched.code, &touched.stderr);
    let who = run(&mut agent.gate_run(&[], &["psql", "-X", "-At", "-c", "select who()"]));
    assert_eq!((who.code, &*who.stdout), (Some(0), "reader\n"), "{who:?}");
    let recorded = format!("PGOPTIONS='{OPTIONS}' psql -X -At -c 'select touch()'");
    let records = files_below(agent.home.path());
    let is_record = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&recorded);
    assert!(records.iter().any(|(_, bytes)| is_record(bytes)));

    for (words, options) in [
        (&["begin read write; select touch(); commit"][..], ""),
        (&["select opens()", "select touch()"], ""),
        (&["select opens(); commit; select touch()"], ""),
        (&["select touch()"], "-c default_transaction_read_only=off"),
    ] {
        let commands = words.iter().flat_map(|sql| ["-c", sql]);
        let words: Vec<&str> = ["psql", "-X"].into_iter().chain(commands).collect();
        let asked = asked_at_once(&agent, &words, options);
        assert_eq!(asked.code, Some(75), "{words:?}: {asked:?}");
    }
    assert_eq!(rows(), "0\n");

    // Each of these does write where nothing holds the session.
    let [tool, arguments @ ..] = TOUCH;
    let mut bare = agent.home.command(tool);
    let bare = run_bare(bare.args(arguments), WITHIN).unwrap();
    assert_eq!(bare.success().unwrap(), "1\n");
    let mut opened = agent.home.command("psql");
    opened.args(["-X", "-c", "select opens()", "-c", "select touch()"]);
    run_bare(opened.env("PGOPTIONS", OPTIONS), WITHIN).unwrap();
    assert_eq!(rows(), "2\n");
}

#[test]
fn what_is_approved_on_top_of_such_a_rule_is_held_too_and_shown() {
    let live = Live::start();
    let postgres = Postgres::start().unwrap();
    postgres.sql(STAGE).unwrap();
    let agent = agent(&live, &postgres);

    let explain: Vec<&str> = ["explain", "--json", "--"]
        .into_iter()
        .chain(TOUCH)
        .collect();
    let explained = run(&mut gate(&agent, &explain));
    let object: Value = serde_json::from_str(&explained.stdout).unwrap();
    assert_eq!(
        (&object["decision"], &object["rule"]),
        (&"allow".into(), &"team/psql-reads".into())
    );
    let variables = object["environment"].as_array().unwrap();
    let set = variables.iter().find(|one| one["name"] == "PGOPTIONS");
    assert_eq!(set.unwrap()["value"], OPTIONS);
    let drawn: Vec<&str> = ["explain", "--"].into_iter().chain(TOUCH).collect();
    let drawn = run(&mut gate(&agent, &drawn));
    assert!(drawn.stdout.contains(OPTIONS), "{drawn:?}");
    let check: Vec<&str> = ["check", "--json", "--"].into_iter().chain(TOUCH).collect();
    let checked = run(&mut gate(&agent, &check));
    assert!(
        checked.stdout.contains(r#""decision":"allow""#),
        "{checked:?}"
    );
    assert!(checked.stdout.contains(OPTIONS), "{checked:?}");

    let asks = "[[rule]]\nid = \"mine\"\ntool = \"psql\"\ndecision = \"require_approval\"\n";
    agent.rules("mine", asks);
    let mut running = Running::start(&mut agent.gate_run(&[], &TOUCH));
    let id = running.asked();
    let variables = shown(&live, &id).invocation.environment;
    let set = variables
        .iter()
        .find(|one| one.name == "PGOPTIONS")
        .unwrap();
    assert_eq!(set.treatment, Treatment::Set);
    assert_eq!(set.value.as_ref().unwrap().shown(), OPTIONS);
    approve_as_bob(&live, &id);
    let ended = running.finish();
    assert_refused_by_the_server(ended.code, &ended.stderr);
    assert_eq!(postgres.sql("select count(*) from items").unwrap(), "0\n");
    agent.assert_log_verifies();
}
