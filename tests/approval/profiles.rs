//! Tool profiles of the machine's owner and of a user, by the real binary: what they make of a
//! command, whose word counts, and what is refused.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use gate_testkit::home::Home;
use serde_json::Value;

use crate::agent::{Agent, shown};
use crate::binding::{approved_after, assert_refused};
use crate::namespace::{isolated, make_anothers, own_script};
use crate::server::{GATE, Live, Ran, run};

const EXAMPLE: &str = include_str!("../../examples/tools.d/shipctl.toml");
const USERS: &str = "name = 'shipctl'\nstyle = 'pflag'\n\
    [[command]]\npaths = ['get']\neffect = 'read'\n\
    [[command]]\npaths = ['delete']\neffect = 'destroy'\n";
const OWNERS: &str = "etc/gate/tools.d/shipctl.toml";
const OF_USER: &str = ".config/gate/tools.d/shipctl.toml";

/// Returns a home with the tool, and folders for its owner's files.
fn home() -> Home {
    let home = Home::new().unwrap();
    set_up(&home);
    home
}

fn set_up(home: &Home) {
    own_script(home, "shipctl", "echo \"shipped $*\"\n");
    std::fs::create_dir_all(home.path().join("etc/gate/tools.d")).unwrap();
}

/// Returns `gate WORDS` on a machine whose `/etc` is that of the home.
fn on(home: &Home, words: &str) -> Command {
    let script = format!("exec \"$0\" {words}");
    isolated(home, &home.path().join("etc"), &script)
}

fn decided(home: &Home, command: &str) -> (String, String) {
    let checked = run(&mut on(home, &format!("check --json -- {command}")));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let answer: Value = serde_json::from_str(&checked.stdout).unwrap();
    let word = |field: &str| answer.get(field).unwrap().as_str().unwrap().to_owned();
    (word("decision"), word("effect"))
}

#[track_caller]
fn assert_nothing_runs(home: &Home, said: &[&str]) -> Ran {
    let refused = run(&mut on(home, "run -- shipctl get ships"));
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert_eq!(refused.stdout, "", "{refused:?}");
    for said in said {
        assert!(refused.stderr.contains(said), "{said}: {refused:?}");
    }
    refused
}

#[test]
fn an_owners_profile_lets_a_read_pass_and_a_destroy_ask() {
    let home = home();
    let unknown = ("require_approval".to_owned(), "unknown".to_owned());
    assert_eq!(decided(&home, "shipctl get ships"), unknown);
    home.write(OWNERS, EXAMPLE).unwrap();
    for (command, decision, effect) in [
        ("shipctl get ships", "allow", "read"),
        ("ship get ships", "allow", "read"),
        ("env shipctl status", "allow", "read"),
        ("shipctl deploy --dry-run", "allow", "read"),
        ("shipctl delete ship tea", "require_approval", "destroy"),
        ("shipctl get ships --what", "require_approval", "unknown"),
    ] {
        let expected = (decision.to_owned(), effect.to_owned());
        assert_eq!(decided(&home, command), expected, "{command}");
    }
    let ran = run(&mut on(&home, "run -- shipctl get ships"));
    assert_eq!(
        (ran.code, &*ran.stdout),
        (Some(0), "shipped get ships\n"),
        "{ran:?}"
    );
    let rule = "[[rule]]\nid = 'team/prod'\ntool = 'shipctl'\ncommand = 'get ships'\n\
                target = { cluster = 'prod' }\ndecision = 'deny'\n";
    home.write("etc/gate/rules.d/10.toml", rule).unwrap();
    assert_eq!(decided(&home, "shipctl -c prod get ships").0, "deny");
    assert_eq!(decided(&home, "shipctl -c dev get ships").0, "allow");
}

#[test]
fn whatever_judges_a_command_here_knows_the_profiles_in_force() {
    let home = home();
    home.write(OWNERS, EXAMPLE).unwrap();
    let rule = "[[rule]]\nid = 'team/prod'\ntool = 'shipctl'\ncommand = 'get ships'\n\
                target = { cluster = 'prod' }\ndecision = 'deny'\n";
    home.write("work/rules.toml", rule).unwrap();
    let case = |name: &str, line: &str, expect: &str| {
        format!("[[case]]\nname = '{name}'\nline = '{line}'\nexpect = {{ {expect} }}\n")
    };
    let cases = [
        case(
            "read",
            "shipctl get ships",
            "decision = 'allow', effect = 'read'",
        ),
        case("prod", "shipctl -c prod get ships", "rule = 'team/prod'"),
    ];
    home.write("work/cases.toml", cases.concat()).unwrap();
    let rules = "--rules rules.toml";
    let tested = run(&mut on(&home, &format!("rules test {rules} cases.toml")));
    assert_eq!(tested.code, Some(0), "{tested:?}");
    let checked = run(&mut on(
        &home,
        &format!("check --json {rules} -- shipctl -c prod get ships"),
    ));
    assert!(
        checked.stdout.contains("\"rule\":\"team/prod\""),
        "{checked:?}"
    );
    let lines = "{\"argv\":[\"shipctl\",\"get\",\"ships\"]}";
    home.write("work/lines.jsonl", lines).unwrap();
    let answered = run(&mut on(&home, "check --jsonl < lines.jsonl"));
    assert!(
        answered.stdout.contains("\"decision\":\"allow\""),
        "{answered:?}"
    );
}

#[test]
fn the_profile_that_a_command_was_read_by_is_shown() {
    let home = home();
    home.write(OWNERS, EXAMPLE).unwrap();
    let file = "/etc/gate/tools.d/shipctl.toml";
    let shown = run(&mut on(&home, "explain -- shipctl get ships"));
    assert!(
        shown.stdout.contains(&format!("{file} (machine)")),
        "{shown:?}"
    );
    let shown = run(&mut on(&home, "explain --json -- env shipctl get ships"));
    let explained: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(explained["profile"], Value::Null);
    let inner = &explained["nested"][0]["inner"]["profile"];
    assert_eq!(
        (&inner["layer"], &inner["source"]),
        (&"machine".into(), &file.into())
    );
    let shown = run(&mut on(&home, "rules show"));
    assert!(shown.stdout.contains("shipctl, ship"), "{shown:?}");
    let shown = run(&mut on(&home, "rules show --json"));
    let rules: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(rules["profiles"][0]["source"], file);
    let checked = run(&mut on(&home, "rules check"));
    assert_eq!(
        (checked.code, &*checked.stdout),
        (
            Some(0),
            "no mistakes in 0 rules from 0 sources, and in 1 profile\n"
        ),
        "{checked:?}"
    );
}

#[test]
fn a_profile_with_a_mistake_stops_everything_and_names_the_line() {
    let home = home();
    home.write(OWNERS, EXAMPLE.replace("\"secret\"\nwhy", "\"secrt\"\nwhy"))
        .unwrap();
    let line = EXAMPLE
        .lines()
        .position(|line| line == "effect = \"secret\"");
    let place = format!("/etc/gate/tools.d/shipctl.toml:{}:10: ", line.unwrap() + 1);
    let said = [
        &*place,
        "field `command.effect`",
        "write one of read, local",
    ];
    let refused = assert_nothing_runs(&home, &said);
    assert!(
        refused.stderr.contains("decides nothing until"),
        "{refused:?}"
    );
    let other = run(&mut on(&home, "check -- kubectl get pods"));
    assert_eq!(other.code, Some(78), "{other:?}");
    let checked = run(&mut on(&home, "rules check"));
    assert_eq!(checked.code, Some(78), "{checked:?}");
    assert!(checked.stdout.starts_with(&place), "{checked:?}");
}

#[test]
fn a_profile_that_others_can_write_is_not_used() {
    let home = home();
    let file = home.write(OWNERS, EXAMPLE).unwrap();
    let mode = |mode| set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    mode(0o666);
    assert_nothing_runs(&home, &["others can write it (mode 666)", "chmod go-w"]);
    mode(0o644);
    let folder = file.parent().unwrap();
    set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
    assert_nothing_runs(&home, &["tools.d` can be written by others"]);
    set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    std::fs::remove_file(&file).unwrap();
    make_anothers(&file, EXAMPLE);
    assert_nothing_runs(&home, &["it belongs to uid 65534, not to root"]);
    std::fs::remove_file(&file).unwrap();
    let file = home.write(OF_USER, USERS).unwrap();
    set_permissions(&file, Permissions::from_mode(0o664)).unwrap();
    assert_nothing_runs(&home, &["others can write it (mode 664)"]);
}

#[test]
fn a_profile_of_a_tool_that_gate_knows_is_refused() {
    let home = home();
    for (name, said) in [
        (
            "kubectl",
            "gate has a profile of `kubectl` built in; remove the file",
        ),
        (
            "tofu",
            "`tofu` is `terraform`, of which gate has a profile built in",
        ),
        ("sudo", "gate has a profile of `sudo` built in"),
        ("bash", "gate has a profile of `bash` built in"),
    ] {
        for file in [OWNERS, OF_USER] {
            let text = USERS.replace("shipctl", name);
            let path = home.write(file, text).unwrap();
            let refused = assert_nothing_runs(&home, &["shipctl.toml:1:8: field `name`", said]);
            assert!(!refused.stderr.contains("panicked"), "{refused:?}");
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_users_profile_loosens_nothing_with_and_without_an_owner() {
    let home = home();
    home.write(OF_USER, USERS).unwrap();
    let unknown = ("require_approval".to_owned(), "unknown".to_owned());
    assert_eq!(decided(&home, "shipctl get ships"), unknown);
    assert_eq!(decided(&home, "env shipctl get ships"), unknown);
    home.write(
        "etc/gate/config.toml",
        "[server]\nurl = 'http://127.0.0.1:1'\n",
    )
    .unwrap();
    assert_eq!(decided(&home, "shipctl get ships"), unknown);
    let shown = run(&mut on(&home, "explain -- shipctl get ships"));
    assert!(
        shown.stdout.contains("it can only make gate stricter"),
        "{shown:?}"
    );
    // What the owner allows by a word of the command rests on the owner's own profile alone.
    let rule = |decision: &str| {
        format!(
            "[[rule]]\nid = 'x'\ntool = 'shipctl'\ncommand = 'get'\n\
             effect = ['read', 'unknown']\ndecision = '{decision}'\n"
        )
    };
    home.write("etc/gate/rules.d/10.toml", rule("allow"))
        .unwrap();
    assert_eq!(decided(&home, "shipctl get ships"), unknown);
    // A user may forbid themselves what they have described.
    home.write(".config/gate/rules.d/10.toml", rule("deny"))
        .unwrap();
    assert_eq!(decided(&home, "shipctl get ships").0, "deny");
    std::fs::remove_file(home.path().join(".config/gate/rules.d/10.toml")).unwrap();
    // One tool has one profile.
    home.write(OWNERS, EXAMPLE).unwrap();
    assert_nothing_runs(
        &home,
        &["has a profile in /etc/gate/tools.d/shipctl.toml already"],
    );
    // A project's are not read.
    std::fs::remove_file(home.path().join(OF_USER)).unwrap();
    std::fs::remove_file(home.path().join(OWNERS)).unwrap();
    home.write("work/tools.d/shipctl.toml", EXAMPLE).unwrap();
    home.write("work/.gate/tools.d/shipctl.toml", EXAMPLE)
        .unwrap();
    assert_eq!(decided(&home, "shipctl get ships"), unknown);
}

#[test]
fn an_approval_is_for_the_profile_that_the_command_was_read_by() {
    let live = Live::start();
    let agent = Agent::new(&live);
    set_up(&agent.home);
    let file = agent.home.write(OWNERS, EXAMPLE).unwrap();
    let ask = || on(&agent.home, "run -- shipctl delete ship tea");
    let (id, ended) = approved_after(&agent, &mut ask(), || {});
    assert_eq!(ended.stdout, "shipped delete ship tea\n", "{ended:?}");
    let approved = shown(&live, &id);
    let mut inputs = approved.invocation.inputs.iter();
    let profile = inputs.find(|input| input.role == "profile").unwrap();
    assert_eq!(profile.name.shown_word(), "/etc/gate/tools.d/shipctl.toml");
    let change = || std::fs::write(&file, EXAMPLE.replace("\"destroy\"\n", "\"read\"\n")).unwrap();
    let (id, ended) = approved_after(&agent, &mut ask(), change);
    assert_refused(
        &live,
        &id,
        &ended,
        "the profile `/etc/gate/tools.d/shipctl.toml`",
    );
    std::fs::write(&file, format!("{EXAMPLE}# another\n")).unwrap();
    let (other, _) = approved_after(&agent, &mut ask(), || {});
    assert_ne!(shown(&live, &other).digest, approved.digest);
    // A user's counts the same.
    std::fs::remove_file(&file).unwrap();
    let users = agent.home.write(OF_USER, USERS).unwrap();
    let mut ask = agent.gate_run(&[], &["env", "shipctl", "delete", "tea"]);
    let (id, ended) = approved_after(&agent, &mut ask, || std::fs::remove_file(&users).unwrap());
    assert_refused(&live, &id, &ended, "the profile `");
}

#[test]
fn profiles_are_checked_by_their_content() {
    let home = Home::new().unwrap();
    home.write("work/ship.toml", EXAMPLE).unwrap();
    let rule = "[[rule]]\nid = 'a'\ntool = 'shipctl'\ncommand = 'get shps'\ndecision = 'deny'\n";
    home.write("work/rules.toml", rule).unwrap();
    let bad = EXAMPLE.replace("style = \"pflag\"", "stile = \"pflag\"");
    home.write("work/bad.toml", bad).unwrap();
    let check = |files: &[&str]| run(home.command(GATE).args(["rules", "check"]).args(files));
    let checked = check(&["ship.toml"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(check(&["rules.toml"]).code == Some(0));
    let checked = check(&["rules.toml", "ship.toml"]);
    assert_eq!(checked.code, Some(78), "{checked:?}");
    assert!(
        checked
            .stdout
            .contains("rules.toml:4:11: field `rule.command`"),
        "{checked:?}"
    );
    assert!(
        checked.stdout.contains("did you mean `ships`?"),
        "{checked:?}"
    );
    let checked = check(&["bad.toml"]);
    assert_eq!(checked.code, Some(78), "{checked:?}");
    assert!(
        checked.stdout.contains("did you mean `style`?"),
        "{checked:?}"
    );
    let checked = check(&["--layer", "user", "ship.toml"]);
    assert_eq!(checked.code, Some(78), "{checked:?}");
    assert!(
        checked.stdout.contains("gives no tool another name"),
        "{checked:?}"
    );
}
