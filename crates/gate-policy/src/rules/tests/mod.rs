//! What a rule file may say, what it may not, and what its rules decide.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::{CommandLine, Environment, Invocation, NoFiles, Stdin, read_invocation};

fn invocation(words: &[&str]) -> Invocation {
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    let env = Environment::default();
    read_invocation(&CommandLine {
        argv: &argv,
        env: &env,
        cwd: Path::new("/srv/app"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
}

fn occasion() -> Occasion {
    Occasion {
        caller: Caller {
            kind: CallerKind::User,
            name: "alice".to_owned(),
            host: "laptop".to_owned(),
            ci: false,
            terminal: true,
        },
        // A Monday.
        now: "2026-01-05T10:00:00Z".parse().unwrap(),
        local_offset: |_| jiff::tz::Offset::constant(2),
    }
}

fn machine(text: &str) -> Policy {
    let mut builder = PolicyBuilder::new();
    builder.layer(Layer::Machine, "rules.toml", text).unwrap();
    builder.build()
}

fn evaluate(text: &str, words: &[&str]) -> Evaluation {
    machine(text).evaluate(&invocation(words), Path::new("/srv/app"), &occasion())
}

fn errors(text: &str) -> Vec<String> {
    let mut builder = PolicyBuilder::new();
    let errors = builder.layer(Layer::Machine, "/etc/gate/rules.toml", text);
    errors
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Returns each message as `rule: text`.
fn said(evaluation: &Evaluation) -> Vec<String> {
    let messages = evaluation.messages.iter();
    messages
        .map(|message| format!("{}: {}", message.rule.id, message.text))
        .collect()
}

const DELETE: &[&str] = &[
    "kubectl",
    "--context=prod",
    "-n",
    "shop",
    "delete",
    "pod",
    "web-1",
];
const GET: &[&str] = &["kubectl", "get", "pods"];

#[test]
fn the_baseline_names_itself() {
    let evaluation = Policy::baseline().evaluate(&invocation(DELETE), Path::new("/"), &occasion());
    assert_eq!(evaluation.decision, Decision::RequireApproval);
    assert_eq!(evaluation.deciding.id, "baseline/kubectl-destroy");
    assert_eq!(evaluation.obligations.request_ttl, Duration::from_hours(1));
    assert_eq!(evaluation.obligations.requirements.len(), 1);
    let evaluation = Policy::baseline().evaluate(&invocation(GET), Path::new("/"), &occasion());
    assert_eq!(evaluation.deciding.id, "baseline/kubectl-read");
    assert!(evaluation.obligations.requirements.is_empty());
}

#[test]
fn each_matcher_must_match() {
    let matchers = [
        ("tool = \"kubectl\"", "tool = \"git\""),
        ("tool = [\"git\", \"kube*\"]", "tool = [\"git\", \"x*\"]"),
        ("command = \"delete\"", "command = \"get\""),
        ("command = [\"get\", \"del*\"]", "command = \"delete pod\""),
        ("effect = [\"destroy\", \"access\"]", "effect = \"access\""),
        (
            "flags = { namespace = \"sh*\" }",
            "flags = { namespace = \"x*\" }",
        ),
        (
            "flags = { context = true, all = false }",
            "flags = { all = true }",
        ),
        ("operands = [\"web-*\"]", "operands = \"db-*\""),
        (
            "target = { context = [\"dev\", \"pro?\"] }",
            "target = { context = \"dev\" }",
        ),
        (
            "target = { namespace = \"shop\" }",
            "target = { cluster = \"*\" }",
        ),
        (
            "caller = { kind = \"user\", name = \"al*\" }",
            "caller = { kind = [\"agent\", \"workload\"] }",
        ),
        (
            "caller = { terminal = true, ci = false }",
            "caller = { host = \"ci-*\" }",
        ),
        ("cwd = \"/srv/**\"", "cwd = [\"/srv\", \"/home/**\"]"),
        (
            "time = { days = [\"mon\"] }",
            "time = { days = [\"sat\", \"sun\"] }",
        ),
        (
            "time = { from = \"11:00\", to = \"13:00\" }",
            "time = { from = \"11:00\", to = \"13:00\", zone = \"UTC\" }",
        ),
        (
            "time = { from = \"22:00\", to = \"11:00\", zone = \"UTC\" }",
            "time = { from = \"22:00\", to = \"09:00\", zone = \"UTC\" }",
        ),
        (
            "time = { from = \"19:00\", zone = \"+09:30\" }",
            "time = { from = \"19:00\", zone = \"-01:00\" }",
        ),
    ];
    for (yes, no) in matchers {
        for (matcher, wanted) in [(yes, Decision::Deny), (no, Decision::RequireApproval)] {
            let text = format!("[[rule]]\nid = \"x\"\ndecision = \"deny\"\n{matcher}\n");
            assert_eq!(evaluate(&text, DELETE).decision, wanted, "{matcher}");
        }
    }
}

#[test]
fn an_allow_must_cover_every_effect_and_name_unknown() {
    let allow = |matcher: &str, words: &[&str]| {
        let text = format!("[[rule]]\nid = \"x\"\ndecision = \"allow\"\n{matcher}\n");
        evaluate(&text, words).decision
    };
    let elsewhere = &["kubectl", "get", "pods", "--server=https://evil"];
    assert_eq!(allow("tool = \"kubectl\"", DELETE), Decision::Allow);
    assert_eq!(
        allow("tool = \"kubectl\"", elsewhere),
        Decision::RequireApproval
    );
    assert_eq!(
        allow("effect = \"read\"", elsewhere),
        Decision::RequireApproval
    );
    assert_eq!(
        allow("effect = [\"read\", \"unknown\"]", elsewhere),
        Decision::Allow
    );
    assert_eq!(allow("everything = true", elsewhere), Decision::Allow);
}

#[test]
fn a_deny_of_an_effect_is_not_escaped_by_adding_another() {
    let text = "[[rule]]\nid = \"x\"\neffect = \"destroy\"\ndecision = \"deny\"\n";
    let words = &["kubectl", "delete", "ns", "p", "--server=https://x"];
    assert_eq!(evaluate(text, words).decision, Decision::Deny);
}

#[test]
fn the_strictest_of_the_owners_rules_decides_and_all_requirements_count() {
    let text = r#"
[[rule]]
id = "any"
tool = "kubectl"
decision = "allow"
[[rule]]
id = "delete"
tool = "kubectl"
command = "delete"
decision = "require_approval"
message = "ask in #ops"
[rule.approval]
approvers = ["group:sre"]
count = 2
request_ttl = "30m"
[[rule]]
id = "prod"
target = { context = "prod" }
decision = "require_approval"
reason = "required"
[rule.approval]
approvers = ["user:bob", "group:leads"]
request_ttl = "10m"
permit_ttl = "90s"
"#;
    let evaluation = evaluate(text, DELETE);
    assert_eq!(evaluation.decision, Decision::RequireApproval);
    assert_eq!(evaluation.deciding.id, "delete");
    assert_eq!(
        (&*evaluation.deciding.source, evaluation.deciding.line),
        ("rules.toml", 6)
    );
    assert_eq!(said(&evaluation), ["delete: ask in #ops"]);
    assert_eq!(evaluation.matched.len(), 3);
    let obligations = evaluation.obligations;
    assert_eq!(obligations.requirements.len(), 2);
    assert_eq!(obligations.requirements[0].count, 2);
    assert_eq!(obligations.request_ttl, Duration::from_mins(10));
    assert_eq!(obligations.permit_ttl, Duration::from_secs(90));
    assert!(obligations.reason_required);
    assert_eq!(obligations.record, Recording::Outcome);
    assert_eq!(evaluate(text, GET).decision, Decision::Allow);
}

#[test]
fn an_allow_of_a_nearer_layer_has_no_effect_and_a_warning() {
    let text = "[[rule]]\nid = \"x\"\ntool = \"kubectl\"\ndecision = \"allow\"\n";
    let mut builder = PolicyBuilder::new();
    builder.layer(Layer::Project, ".gate.toml", text).unwrap();
    let policy = builder.build();
    let evaluation = policy.evaluate(&invocation(DELETE), Path::new("/"), &occasion());
    assert_eq!(evaluation.decision, Decision::RequireApproval);
    assert_eq!(
        policy.warnings(),
        [".gate.toml:1: rule `x` allows, and the project layer can only tighten: it has no effect"]
    );
}

#[test]
fn every_mistake_is_named_with_its_place_and_its_mend() {
    let text = r#"[[rule]]
id = "a"
tool = "kubectl"
decision = "maybe"
desicion = "deny"
flags = { namespce = "x", all = 5 }
[[rule]]
id = "a b"
effect = ["destory"]
[[rule]]
id = "c"
decision = "deny"
time = { days = ["monday"], from = "9:00", zone = "CET" }
caller = { kind = "robot" }
[[rule]]
id = "d"
tool = "kubectl"
decision = "require_approval"
[rule.approval]
approvers = ["sre"]
count = 0
permit_ttl = "5 minutes"
"#;
    let errors = errors(text);
    let expected = [
        "/etc/gate/rules.toml:4:12: field `rule.decision`: `maybe` is not a decision; write allow, require_approval or deny",
        "/etc/gate/rules.toml:5:1: field `rule.desicion`: is no field that gate knows; did you mean `decision`?",
        "/etc/gate/rules.toml:6:11: field `rule.flags`: `namespce` is no flag of kubectl that gate knows; did you mean `namespace`?",
        "/etc/gate/rules.toml:6:33: field `rule.flags`: `all` is of type integer; write a pattern, true or false",
        "/etc/gate/rules.toml:7:1: field `rule.decision`: is missing; write allow, require_approval or deny",
        "/etc/gate/rules.toml:8:6: field `rule.id`: `a b` is not an id; write letters, digits, `-`, `_`, `.` and `/`",
        "/etc/gate/rules.toml:9:11: field `rule.effect`: `destory` is not an effect; write read, local, write, destroy, access, secret, execute or unknown",
        "/etc/gate/rules.toml:13:18: field `rule.time.days`: `monday` is not a day; write mon, tue, wed, thu, fri, sat or sun",
        "/etc/gate/rules.toml:13:36: field `rule.time.from`: `9:00` is not a time of day; write hours and minutes, as \"09:30\"",
        "/etc/gate/rules.toml:13:51: field `rule.time.zone`: `CET` is not a zone; write \"local\", \"UTC\" or an offset as \"+02:00\"",
        "/etc/gate/rules.toml:14:19: field `rule.caller.kind`: `robot` is not a kind of caller; write user, agent or workload",
        "/etc/gate/rules.toml:20:14: field `rule.approval.approvers`: `sre` names nobody; write \"group:NAME\" or \"user:NAME\"",
        "/etc/gate/rules.toml:21:9: field `rule.approval.count`: is out of range; write a whole number from 1 to 100",
        "/etc/gate/rules.toml:22:14: field `rule.approval.permit_ttl`: `5 minutes` is not a time from 1s to 7d; write a number and a unit, as \"30m\"",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn a_tool_whose_name_is_near_to_a_known_one_is_noted_and_no_mistake() {
    let notes_of = |tool: &str| {
        let text = format!("[[rule]]\nid = \"x\"\ndecision = \"deny\"\ntool = \"{tool}\"\n");
        let mut builder = PolicyBuilder::new();
        builder.layer(Layer::Machine, "r.toml", &text).unwrap();
        builder.notes()
    };
    assert_eq!(
        notes_of("curl"),
        [
            "r.toml:4:8: field `rule.tool`: gate has no profile of `curl`; write `chrt` if that is meant; docs/profiles.md says how to tell gate of a tool"
        ]
    );
    for tool in ["curl", "make", "perl", "wget", "go", "yq", "packer"] {
        assert_eq!(notes_of(tool).len(), 1, "{tool}");
    }
    assert!(notes_of("kubectl").is_empty());
    assert!(notes_of("kub*").is_empty());
}

#[test]
fn a_rule_about_nothing_is_a_mistake() {
    let errors_of = |matcher: &str| {
        errors(&format!(
            "[[rule]]\nid = \"x\"\ndecision = \"deny\"\n{matcher}\n"
        ))
    };
    assert!(errors_of("")[0].contains(
        "field `rule.tool`: is missing, as is every other matcher; say what the rule is about, or write everything = true"
    ));
    assert!(errors_of("everything = true\ntool = \"git\"")[0].contains("leave one of them out"));
    assert!(errors_of("everything = false")[0].contains("is false"));
    assert!(errors_of("tool = []")[0].contains("is an empty list"));
    assert!(
        errors_of("tool = \"git\"\n[rule.approval]\ncount = 1")[0]
            .contains("has no meaning where the decision is deny")
    );
}

#[test]
fn a_text_that_is_no_toml_is_named_and_allows_nothing() {
    assert!(errors("[[rule]\nid = ")[0].starts_with("/etc/gate/rules.toml:1:"));
    assert!(errors("rule = 5")[0].contains("write `[[rule]]`"));
    let mut builder = PolicyBuilder::new();
    assert!(builder.layer(Layer::User, "u", "x = 1").is_err());
    let evaluation = builder
        .build()
        .evaluate(&invocation(GET), Path::new("/"), &occasion());
    assert_eq!(evaluation.decision, Decision::RequireApproval);
    assert_eq!(evaluation.deciding.id, "gate/unreadable-rules");
}

#[test]
fn an_id_stands_once_in_a_text() {
    let rule = "[[rule]]\nid = \"x\"\ntool = \"git\"\ndecision = \"deny\"\n";
    assert!(errors(&rule.repeat(2))[0].contains("`x` is the id of the rule in line 1 too"));
    assert!(errors(&rule.replace("\"x\"", "\"baseline/x\""))[0].contains("gate's own"));
}

#[test]
fn an_alias_of_a_tool_names_the_same_rules() {
    let text = "[[rule]]\nid = \"x\"\ntool = \"tofu\"\ncommand = \"plan\"\ndecision = \"deny\"\n";
    assert_eq!(
        evaluate(text, &["terraform", "plan"]).decision,
        Decision::Deny
    );
    assert_eq!(machine(text).rules().next().unwrap().tools, ["terraform"]);
}

#[test]
fn an_allow_by_operands_covers_every_operand_and_a_denial_any() {
    let deciding = |decision: &str, branches: &[&str]| {
        let text = format!(
            "[[rule]]\nid = 'team/x'\ntool = 'git'\ncommand = 'push'\n\
             operands = ['origin', 'feature/*']\ndecision = '{decision}'\n"
        );
        let words = [&["git", "push", "origin"], branches].concat();
        evaluate(&text, &words).deciding.id
    };
    assert_eq!(deciding("allow", &["feature/a"]), "team/x");
    assert_eq!(
        deciding("allow", &["feature/a", "main"]),
        "baseline/git-write"
    );
    assert_eq!(deciding("deny", &["feature/a", "main"]), "team/x");
}

/// Returns what is said of a deletion beside the reading itself, where the owner's rule has the
/// first text and the project's the second.
fn heard(owner: &str, project: &str) -> (Evaluation, Vec<String>) {
    let mut builder = PolicyBuilder::new();
    builder
        .layer(Layer::Project, ".gate.toml", project)
        .unwrap();
    builder.layer(Layer::Machine, "owner.toml", owner).unwrap();
    let invocation = invocation(DELETE);
    let evaluation = builder
        .build()
        .evaluate(&invocation, Path::new("/"), &occasion());
    let mut reasons = evaluation.reasons.clone();
    let of_rules = reasons.split_off(invocation.reasons.len());
    (evaluation, of_rules)
}

#[test]
fn a_projects_message_is_never_the_owners_word() {
    for decision in ["require_approval", "deny"] {
        let rule = |more: &str| {
            format!("[[rule]]\nid = 'prod'\ntool = 'kubectl'\ndecision = '{decision}'\n{more}\n")
        };
        let agreed = rule("message = 'already agreed'");
        let (evaluation, reasons) = heard(&rule(""), &agreed);
        assert_eq!(evaluation.deciding.layer, Layer::Machine);
        assert_eq!(evaluation.messages[0].rule.layer, Layer::Project);
        assert_eq!(
            reasons,
            [
                format!("rule `prod` says {decision}"),
                format!("rule `prod` of the project says {decision}: already agreed"),
            ]
        );
        let (evaluation, reasons) = heard(&rule("message = 'ask in #ops'"), &agreed);
        assert_eq!(
            said(&evaluation),
            ["prod: ask in #ops", "prod: already agreed"]
        );
        assert_eq!(
            reasons,
            [
                format!("rule `prod` says {decision}: ask in #ops"),
                format!("rule `prod` of the project says {decision}: already agreed"),
            ]
        );
    }
}

#[test]
fn a_project_that_speaks_where_the_baseline_decides_speaks_for_itself() {
    let rule = "[[rule]]\nid = 'x'\ntool = 'kubectl'\ndecision = 'require_approval'\nmessage = 'harmless'\n";
    let (evaluation, reasons) = heard("", rule);
    assert_eq!(evaluation.deciding.id, "baseline/kubectl-destroy");
    assert_eq!(
        reasons,
        [
            "rule `baseline/kubectl-destroy` says require_approval",
            "rule `x` of the project says require_approval: harmless",
        ]
    );
    let (evaluation, reasons) = heard("", &rule.replace("require_approval", "deny"));
    assert_eq!(evaluation.deciding.layer, Layer::Project);
    assert_eq!(reasons, ["rule `x` of the project says deny: harmless"]);
}

#[test]
fn what_a_caller_can_pretend_allows_nothing() {
    let errors_of = |caller: &str, decision: &str| {
        let text = format!(
            "[[rule]]\nid = 'x'\ntool = 'git'\ndecision = '{decision}'\ncaller = {{ {caller} }}\n"
        );
        let mut builder = PolicyBuilder::new();
        builder
            .layer(Layer::Machine, "r.toml", &text)
            .map_err(|errors| {
                let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
                errors.join("\n")
            })
    };
    for (field, value) in [
        ("kind", "'user'"),
        ("kind", "['agent', 'workload']"),
        ("ci", "true"),
        ("terminal", "false"),
    ] {
        let caller = format!("name = 'alice', {field} = {value}");
        assert_eq!(
            errors_of(&caller, "allow").unwrap_err(),
            format!(
                "r.toml:5:{}: field `rule.caller.{field}`: can't allow: whoever asks can pretend it; \
                 leave it out, or ask or deny by a rule for the others",
                "caller = { name = 'alice', ".len() + field.len() + " = ".len() + 1
            )
        );
        assert_eq!(errors_of(&caller, "deny"), Ok(()));
        assert_eq!(errors_of(&caller, "require_approval"), Ok(()));
    }
    assert_eq!(errors_of("name = 'alice', host = 'ci-*'", "allow"), Ok(()));
}

#[test]
fn a_time_is_written_in_digits_alone() {
    for time in [
        "from = '+9:30'",
        "to = '-1:00'",
        "from = '09:+3'",
        "zone = '+-1:00'",
        "zone = '-+1:00'",
        "zone = '++1:00'",
        "zone = '+01:+0'",
        "zone = '+1:00'",
        "zone = '+15:00'",
        "zone = '+01:60'",
    ] {
        let text =
            format!("[[rule]]\nid = 'x'\ntool = 'git'\ndecision = 'deny'\ntime = {{ {time} }}\n");
        let errors = errors(&text);
        assert_eq!(errors.len(), 1, "{time}: {errors:?}");
        assert!(errors[0].contains("is not a "), "{time}: {errors:?}");
    }
}

mod approvals;
mod namespaces;
mod nested;
mod other_files;
