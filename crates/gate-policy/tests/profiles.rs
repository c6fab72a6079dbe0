//! Profiles that are not built in: what they make of a command, and whose word counts.
#![expect(clippy::panic, reason = "a test whose stage can't be set has failed")]

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use gate_policy::{
    CommandLine, Decision, Effect, Environment, EnvironmentAction, Evaluation, Invocation, Layer,
    NoFiles, Occasion, PolicyBuilder, Profiles, Stdin, read_invocation,
};

const EXAMPLE: &str = include_str!("../../../examples/tools.d/shipctl.toml");

fn profiles(layer: Layer, text: &str) -> Profiles {
    let mut profiles = Profiles::default();
    let added = profiles.add(layer, "tool.toml", text);
    added.unwrap_or_else(|found| panic!("{found:#?}"));
    profiles
}

fn mistakes(layer: Layer, text: &str) -> String {
    let found = Profiles::default().add(layer, "tool.toml", text);
    let found = found.err().unwrap_or_default();
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn read_with(profiles: &Profiles, line: &str, env: &[(&str, &str)]) -> Invocation {
    let argv: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    profiles.read_invocation(&CommandLine {
        argv: &argv,
        env: &env.iter().copied().collect::<Environment>(),
        cwd: Path::new("/srv/app"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
}

fn decide(profiles: Profiles, rules: &[(Layer, &str)], line: &str) -> Evaluation {
    let profiles = Arc::new(profiles);
    let mut builder = PolicyBuilder::knowing(Arc::clone(&profiles));
    for (layer, text) in rules {
        let added = builder.layer(*layer, "rules.toml", text);
        added.unwrap_or_else(|found| panic!("{found:#?}"));
    }
    let occasion = Occasion::of_nobody(jiff::Timestamp::UNIX_EPOCH);
    let invocation = read_with(&profiles, line, &[]);
    builder
        .build()
        .evaluate(&invocation, Path::new("/srv/app"), &occasion)
}

#[test]
fn the_example_is_read_as_it_says() {
    let owners = profiles(Layer::Machine, EXAMPLE);
    for (line, effect) in [
        ("shipctl get ships", Effect::Read),
        ("ship status -c prod", Effect::Read),
        ("shipctl deploy -f ship.yaml", Effect::Write),
        ("shipctl deploy --dry-run", Effect::Read),
        ("shipctl deploy --force --dry-run", Effect::Destroy),
        ("shipctl delete ship tea", Effect::Destroy),
        ("shipctl secrets show", Effect::Secret),
        ("shipctl exec tea -- rm -rf /", Effect::Execute),
        ("shipctl launch", Effect::Unknown),
        ("shipctl get ships --fast", Effect::Unknown),
        ("env shipctl get ships", Effect::Read),
        ("timeout 5 ship delete ship tea", Effect::Destroy),
        ("env kubectl get pods", Effect::Read),
    ] {
        let read = read_with(&owners, line, &[]);
        assert_eq!(read.effect, effect, "{line}: {:?}", read.reasons);
        let by: Vec<&str> = read.profiles().iter().map(|used| &*used.source).collect();
        let expected: &[&str] = if line.contains("ship") {
            &["tool.toml"]
        } else {
            &[]
        };
        assert_eq!(by, expected, "{line}");
    }
    let read = read_with(&owners, "ship deploy -c prod -f s.yaml --token t0p", &[]);
    assert_eq!(read.tool, "shipctl");
    assert_eq!(read.target.get("cluster").unwrap(), "prod");
    assert_eq!(read.inputs.first().unwrap().path, Path::new("s.yaml"));
    assert_eq!(read.secrets.len(), 1);
    let elsewhere = [("SHIPCTL_SERVER", "http://elsewhere")];
    let read = read_with(&owners, "shipctl get ships", &elsewhere);
    assert_eq!(read.effect, Effect::Unknown);
}

#[test]
fn without_profiles_of_its_own_gate_reads_as_it_did() {
    let argv = ["shipctl".into(), "get".into(), "ships".into()];
    let read = read_invocation(&CommandLine {
        argv: &argv,
        env: &Environment::default(),
        cwd: Path::new("/"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    });
    assert!(!read.known && read.profiles().is_empty());
    assert_eq!(read.effect, Effect::Unknown);
}

/// What stands behind the name and the style of a profile, and what is said of it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "colour = 1",
        "tool.toml:3:1: field `colour`: is no field that gate knows; write one of",
    ),
    ("[[comand]]", "did you mean `command`?"),
    (
        "[[command]]\npaths = ['get']\neffect = 'reed'",
        "tool.toml:5:10: field `command.effect`: `reed` is not one of its words; write one of read, local",
    ),
    (
        "[[command]]\npaths = ['get']",
        "tool.toml:3:1: field `command`: `effect` is missing; write it",
    ),
    (
        "[[command]]\npaths = ['get']\neffect = 'read'\nflags = ['oops']",
        "tool.toml:6:10: field `command.flags`: there is no group of flags `oops`",
    ),
    (
        "[flags.global]\nx = { value = 'several' }",
        "tool.toml:4:15: field `flags.global.x.value`: `several` is not one of its words",
    ),
    (
        "[flags.global]\nx = { colour = 'red' }",
        "tool.toml:4:7: field `flags.global.x.colour`: is no field that gate knows",
    ),
    (
        "[flags.global]\nswitches = ['a', 'a']",
        "flag `a` stands twice",
    ),
    (
        "[[command]]\npaths = 3\neffect = 'read'",
        "field `command.paths`: is integer `3`; write a list in brackets",
    ),
    ("[[command]]\npaths = ['a\\u0000']\neffect = 'read'", ""),
    (
        "[[command]]\npaths = [\"a\\u0000\"]\neffect = 'read'",
        "field `command.paths`: holds a sign that can't be printed",
    ),
    (
        "[[command]]\npaths = ['{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}']\neffect = 'read'",
        "stands for too many commands",
    ),
    (
        "reader = 'psql'",
        "field `reader`: it is made for one tool; leave it out",
    ),
    ("operations = 'x'", "names a file beside the profile"),
    ("shares = 'x'", "names a profile beside this one"),
    ("listed = { file = 'x' }", "names a file beside the profile"),
    (
        "[[implicit]]\nrole = 'modules'\nmodules = '.terraform'",
        "`modules` is made for one tool",
    ),
    (
        "[[environment]]\nnames = ['A*']\naction = 'set'",
        "is a pattern, and `set` sets one; write the whole name",
    ),
    ("x = [", "correct the TOML"),
    (
        "[flags.global]\nswitches = ['all']\nno-all = { negates = 'al' }",
        "tool.toml:5:22: field `flags.global.no-all.negates`: `al` is no flag of the command; write",
    ),
    (
        "[flags.global]\nx = { unless = ['method=GET'] }",
        "tool.toml:4:17: field `flags.global.x.unless`: `method` is no flag of the command",
    ),
    (
        "[flags.a]\nswitches = ['all']\n[flags.b]\nx = { negates = 'all' }",
        "field `flags.b.x.negates`: `all` is no flag of the command",
    ),
    (
        "[flags.get]\nswitches = ['all']\n[[command]]\npaths = ['put']\neffect = 'write'\n\
         operands = [{ given = ['all'], effect = 'destroy' }]",
        "tool.toml:8:24: field `command.operands.given`: `all` is no flag of the command",
    ),
    (
        "[flags.global]\nswitches = ['all']\n[[command]]\npaths = ['put']\neffect = 'write'\n\
         operands = [{ not_given = ['--all'], effect = 'destroy' }]",
        "write `all`, without dashes",
    ),
    (
        "[[command]]\npaths = ['put']\neffect = 'write'\nstdin = { role = 'script', unless = ['f'] }",
        "field `command.stdin.unless`: `f` is no flag of the command",
    ),
    (
        "[[command]]\npaths = ['put']\neffect = 'read'\n\
         found = [{ files = ['x'], unless_off = ['f'], effect = 'write', why = 'it does' }]",
        "field `command.found.unless_off`: `f` is no flag of the command",
    ),
    (
        "moved_by = ['C']",
        "tool.toml:3:13: field `moved_by`: `C` is no flag of the command",
    ),
    // `graphql` has a meaning in an `unless` that looks at values, and in no other place.
    (
        "moved_by = ['graphql']",
        "field `moved_by`: `graphql` is no flag of the command",
    ),
    (
        "[flags.global]\nx = { negates = 'graphql' }",
        "field `flags.global.x.negates`: `graphql` is no flag of the command",
    ),
    (
        "[[command]]\npaths = ['put']\neffect = 'write'\n\
         operands = [{ given = ['graphql'], effect = 'destroy' }]",
        "field `command.operands.given`: `graphql` is no flag of the command",
    ),
    (
        "[flags.global]\nswitches = ['all']\nx = { unless = ['all'] }",
        "`all` has no value, and never holds; write the flag with its value",
    ),
    (
        "[[command]]\npaths = ['put']\neffect = 'write'\nopen = true\n\
         operands = [{ given = ['--all'], effect = 'destroy' }]",
        "`--all` is no flag of the command; write `all`, without dashes",
    ),
    (
        "[[command]]\npaths = ['put']\neffect = 'write'\nopen = true\n\
         operands = [{ unless = ['all'], effect = 'destroy' }]",
        "`all` has no value, and never holds",
    ),
    (
        "[[command]]\npaths = ['put']\neffect = 'write'\n\
         operands = [{ present = ['SHIP_DIR', 'dri'], effect = 'destroy' }]",
        "field `command.operands.present`: `dri` is no flag of the command",
    ),
    (
        "[[implicit]]\nrole = 'settings'\nhome = ['.x']\nunless = ['config']",
        "field `implicit.unless`: `config` is no flag of the command",
    ),
];

/// Names that stand for a flag, or for what may be one.
const NAMES: &[&str] = &[
    "[flags.a]\nswitches = ['all']\n[flags.b]\nx = { negates = 'all' }\n\
     [[command]]\npaths = ['put']\neffect = 'write'\nflags = ['a', 'b']",
    "[flags.global]\nvalues = ['method']\nx = { unless = ['method=GET'] }",
    // Each parameter of an open command is a flag of it.
    "[[command]]\npaths = ['put']\neffect = 'write'\nopen = true\n\
     operands = [{ given = ['all'], effect = 'destroy' }]",
    "[flags.global]\nvalues = ['dir']\n[[command]]\npaths = ['put']\neffect = 'write'\n\
     operands = [{ present = ['dir', 'SHIP_DIR'], unless = ['graphql'], effect = 'destroy' }]",
    "[flags.global]\nconfig = { value = 'required', input = 'settings file' }\n\
     [[implicit]]\nrole = 'settings'\nhome = ['.x']\nunless = ['settings file', 'config']",
];

#[test]
fn a_name_of_a_flag_of_the_command_is_no_mistake() {
    for text in NAMES {
        let text = format!("name = 'shipctl'\nstyle = 'pflag'\n{text}\n");
        let added = Profiles::default().add(Layer::Machine, "tool.toml", &text);
        assert!(added.is_ok(), "{text}: {added:?}");
    }
}

#[test]
fn a_mistake_names_its_line_its_field_and_the_mend() {
    let head = "name = \"shipctl\"\nstyle = \"pflag\"\n";
    for (rest, said) in MISTAKES {
        let found = mistakes(Layer::Machine, &format!("{head}{rest}"));
        assert!(
            if said.is_empty() {
                found.is_empty()
            } else {
                found.contains(said)
            },
            "{rest}\n{found}"
        );
    }
}

#[test]
fn every_mistake_is_named_at_once() {
    let text = "name = 'kubectl'\nstyle = 'plag'\n[[command]]\npaths = ['a']\neffect = 'x'\n\
                [[command]]\npaths = ['b']\neffect = 'y'\n";
    let found = mistakes(Layer::Machine, text);
    let lines: Vec<&str> = found.lines().collect();
    let places = [
        "tool.toml:1:8",
        "tool.toml:2:9",
        "tool.toml:5:10",
        "tool.toml:8:10",
    ];
    assert_eq!(lines.len(), places.len(), "{found}");
    for (line, place) in lines.iter().zip(places) {
        assert!(line.starts_with(place), "{line}");
    }
}

#[test]
fn a_tool_that_gate_knows_has_one_profile() {
    for name in ["kubectl", "tofu", "sudo", "env", "bash", "dash", "xargs"] {
        let text = EXAMPLE.replace("\"shipctl\"", &format!("\"{name}\""));
        let found = mistakes(Layer::Machine, &text);
        assert!(
            found.contains("of which gate has a profile")
                || found.contains("built in; remove the file"),
            "{name}: {found}"
        );
        let text = EXAMPLE.replace("\"ship\"", &format!("\"{name}\""));
        assert!(
            mistakes(Layer::Machine, &text).contains("aliases"),
            "{name}"
        );
    }
    for name in ["", "a/b", "a b", "ship*"] {
        let text = EXAMPLE.replace("\"shipctl\"", &format!("\"{name}\""));
        let found = mistakes(Layer::Machine, &text);
        assert!(found.contains("not the name of a tool"), "{name}: {found}");
    }
    let mut both = profiles(Layer::Machine, EXAMPLE);
    let own = EXAMPLE.replace("aliases = [\"ship\"]", "");
    let found = both.add(Layer::User, "user.toml", &own).unwrap_err();
    let said = found.first().unwrap().to_string();
    assert!(
        said.contains("`shipctl` has a profile in tool.toml already"),
        "{said}"
    );
}

const USERS: &str = "name = 'shipctl'\nstyle = 'pflag'\n\
    [flags.global]\ncluster = { value = 'required', target = 'cluster' }\n\
    key = { value = 'required', secret = 'password' }\n\
    [[command]]\npaths = ['get']\neffect = 'read'\n\
    [[command]]\npaths = ['delete']\neffect = 'destroy'\n";

#[test]
fn a_user_says_nothing_that_makes_a_command_milder() {
    let users = || profiles(Layer::User, USERS);
    let read = read_with(&users(), "shipctl get x", &[]);
    assert!(!read.known && read.command.is_empty() && read.target.is_empty());
    assert_eq!(read.effect, Effect::Unknown);
    assert_eq!(read.profiles().first().unwrap().layer, Layer::User);
    let rule = |what: &str, decision: &str| {
        format!("[[rule]]\nid = \"team/x\"\n{what}\ndecision = \"{decision}\"\n")
    };
    let decided = |what: &str, decision: &str, line: &str| {
        let text = rule(what, decision);
        decide(users(), &[(Layer::Machine, &text)], line).decision
    };
    // It asks as if there were no profile.
    assert_eq!(
        decided("tool = 'git'", "deny", "shipctl get x"),
        Decision::RequireApproval
    );
    // What the owner allows by a word of the command is not allowed on a user's word for it.
    for what in [
        "tool = 'shipctl'\ncommand = 'get'\neffect = 'unknown'",
        "tool = 'shipctl'\nflags = { cluster = 'dev' }\neffect = ['read', 'unknown']",
        "tool = 'shipctl'\neffect = 'read'",
        "when = 'known'\neffect = 'unknown'",
    ] {
        let line = "shipctl get x --cluster dev";
        assert_eq!(
            decided(what, "allow", line),
            Decision::RequireApproval,
            "{what}"
        );
    }
    // What the owner allows as it is stays allowed, but for what the user says of it.
    let unknown = "tool = 'shipctl'\neffect = 'unknown'";
    assert_eq!(decided(unknown, "allow", "shipctl get x"), Decision::Allow);
    assert_eq!(
        decided(unknown, "allow", "shipctl delete x"),
        Decision::RequireApproval
    );
    // What the owner forbids in the words of an unknown tool stays forbidden.
    let any = "tool = 'shipctl'\nwhen = 'command != [\"get\"]'";
    assert_eq!(decided(any, "deny", "shipctl get x"), Decision::Deny);
    // And what the user says can be forbidden.
    let users_rule = rule("tool = 'shipctl'\ntarget = { cluster = 'prod' }", "deny");
    let line = "shipctl get x --cluster prod";
    let decided = decide(users(), &[(Layer::User, &users_rule)], line);
    assert_eq!(decided.decision, Decision::Deny);
    assert_eq!(
        decide(profiles(Layer::User, USERS), &[], "env shipctl get x").decision,
        Decision::RequireApproval
    );
    let secret = read_with(&users(), "shipctl get x --key hunter22", &[]);
    assert_eq!(secret.secrets.len(), 1, "{:?}", secret.secrets);
}

#[test]
fn a_user_gives_no_other_name_and_changes_no_variable() {
    for (more, said) in [
        ("aliases = ['ship']", "gives no tool another name"),
        (
            "[[environment]]\nnames = ['A']\naction = 'strip'",
            "changes no variable",
        ),
        (
            "[[environment]]\nnames = ['A']\naction = 'set'\nvalue = '1'",
            "changes no variable",
        ),
        (
            "[[environment]]\nnames = ['A']\naction = 'bind'\nstripped_elsewhere = true",
            "changes no variable",
        ),
    ] {
        let text = format!("name = 'shipctl'\nstyle = 'pflag'\n{more}\n");
        let found = mistakes(Layer::User, &text);
        assert!(found.contains(said), "{more}: {found}");
        assert_eq!(mistakes(Layer::Machine, &text), "", "{more}");
    }
    let text = format!("{USERS}[[environment]]\nnames = ['LD_PRELOAD']\naction = 'bind'\n");
    let users = profiles(Layer::User, &text);
    let read = read_with(&users, "shipctl get x", &[("LD_PRELOAD", "/tmp/x.so")]);
    let note = read.environment.first().unwrap();
    assert_eq!(note.action, EnvironmentAction::MakesUnknown);
}

#[test]
fn rules_know_what_a_profile_of_the_owner_names() {
    let known = |layer, rule: &str| {
        let profiles = Arc::new(profiles(
            layer,
            &EXAMPLE.replace("aliases = [\"ship\"]", ""),
        ));
        let mut builder = PolicyBuilder::knowing(profiles);
        let text = format!("[[rule]]\nid = \"x\"\n{rule}\ndecision = \"deny\"\n");
        match builder.layer(Layer::Machine, "rules.toml", &text) {
            Ok(()) => builder.notes().concat(),
            Err(found) => found.first().unwrap().to_string(),
        }
    };
    for (rule, said) in [
        ("tool = 'shipctl'\ncommand = 'get ships'", ""),
        (
            "tool = 'shipctl'\ncommand = 'get shps'",
            "did you mean `ships`?",
        ),
        ("tool = 'shipctl'\nflags = { dry-run = true }", ""),
        (
            "tool = 'shipctl'\nflags = { dryrun = true }",
            "did you mean `dry-run`?",
        ),
        ("tool = 'shipctl'\ntarget = { cluster = 'x' }", ""),
        (
            "tool = 'shipctl'\ntarget = { namespace = 'x' }",
            "write one of cluster",
        ),
        (
            "tool = 'shipctl'\nwhen = 'target.namespace == \"x\"'",
            "no field of the target",
        ),
        ("tool = 'shipclt'", "write `shipctl` if that is meant"),
    ] {
        let found = known(Layer::Machine, rule);
        assert!(
            found.contains(said) && found.is_empty() == said.is_empty(),
            "{rule}: {found}"
        );
        // The owner's rules are not checked by what a user says of a tool.
        assert_eq!(known(Layer::User, rule), "", "{rule}");
    }
}

#[test]
fn of_a_text_of_mistakes_the_first_hundred_are_told() {
    for text in ["<<EOF\n".repeat(40_000), "[flags.a".to_owned()] {
        let errors = Profiles::default().add(Layer::Machine, "x.toml", &text);
        let told = errors.unwrap_err().len();
        assert!((1..=100).contains(&told), "{told}");
    }
}
