use std::ffi::OsString;
use std::fmt::Write as _;

use super::*;
use crate::{CommandLine, Decision, Environment, Layer, NoFiles, PolicyBuilder, Stdin};

const CWD: &str = "/srv/app";

const COMMANDS: [&str; 14] = [
    "kubectl rollout restart deployment/web -n a",
    "kubectl rollout status deployment/web --namespace=b1",
    "kubectl rollout history",
    "kubectl get pods -n a",
    "kubectl get pods --watch",
    "kubectl delete pod web -n c",
    "kubectl no-such-command -n a",
    "kubectl",
    "aws ec2 terminate-instances --instance-ids i-1",
    "aws s3 ls",
    "env kubectl get pods -n a",
    "bash -c 'kubectl get pods && aws s3 ls'",
    "kind-of-tool rollout",
    "other",
];

fn policy(text: &str) -> Policy {
    let mut builder = PolicyBuilder::new();
    builder.layer(Layer::Machine, "rules.toml", text).unwrap();
    builder.build()
}

fn invocation(command: &str) -> Invocation {
    let argv: Vec<OsString> = match command.split_once(" -c ") {
        Some((shell, script)) => [shell, "-c", script.trim_matches('\'')]
            .map(OsString::from)
            .to_vec(),
        None => command.split(' ').map(OsString::from).collect(),
    };
    crate::read_invocation(&CommandLine {
        argv: &argv,
        env: &Environment::default(),
        cwd: Path::new(CWD),
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
}

fn whole(policy: &Policy, invocation: &Invocation) -> Evaluation {
    let nobody = Occasion::of_nobody(Timestamp::UNIX_EPOCH);
    policy.evaluate(invocation, Path::new(CWD), &nobody)
}

/// What whoever reads a compiled policy acts by.
fn acted_by(evaluation: &Evaluation) -> impl PartialEq + std::fmt::Debug + use<> {
    let obligations = &evaluation.obligations;
    (
        evaluation.decision,
        evaluation.deciding.clone(),
        evaluation.matched.clone(),
        obligations.record,
        obligations.environment.clone(),
    )
}

/// Rules of every matcher that is compiled, a few of each kind.
fn rules_of_all_kinds() -> String {
    let mut text = String::new();
    let mut number = 0;
    for about in [
        "tool = \"kubectl\"",
        "tool = \"k*\"",
        "tool = [\"aws\", \"kubectl\"]\ncommand = \"s3\"",
        "command = \"rollout *\"",
        "tool = \"kubectl\"\ncommand = [\"get\", \"rollout status\"]",
        "tool = \"kubectl\"\ncommand = \"rollout restart\"",
        "tool = \"aws\"\ncommand = \"ec2 terminate-instances\"",
        "tool = \"kubectl\"\ncommand = \"get\"\nflags = { watch = true }",
        "tool = \"kubectl\"\nflags = { namespace = \"b*\" }",
        "tool = \"kubectl\"\nflags = { watch = false }\ncommand = \"get\"",
        "tool = \"kubectl\"\noperands = [\"deploy*\", \"pods\"]",
        "cwd = \"/srv/**\"\ntool = \"other\"",
        "effect = \"unknown\"",
        "effect = [\"write\", \"destroy\"]",
        "tool = \"kubectl\"\ntarget = { namespace = \"a\" }",
        "tool = \"kubectl\"\ntarget = { namespace = [\"a\", \"b*\"] }",
        "everything = true",
    ] {
        for ends in [
            "decision = \"allow\"\nrecord = \"none\"",
            "decision = \"allow\"",
            "decision = \"require_approval\"",
            "decision = \"deny\"",
        ] {
            number += 1;
            write!(text, "[[rule]]\nid = \"r{number}\"\n{about}\n{ends}\n\n").unwrap();
        }
    }
    text
}

#[test]
fn each_rule_alone_and_all_together_decide_as_the_whole_policy_does() {
    let text = rules_of_all_kinds();
    let alone = text.split_inclusive("\n\n").map(str::to_owned);
    let mut allowed = 0;
    for text in alone.chain([text.clone(), String::new()]) {
        let policy = policy(&text);
        let file = policy.compile(b"stamp").unwrap();
        let compiled = CompiledPolicy::open(&file).unwrap();
        assert_eq!(compiled.stamp(), b"stamp");
        for command in COMMANDS {
            let invocation = invocation(command);
            let expected = whole(&policy, &invocation);
            allowed += usize::from(expected.decision == Decision::Allow);
            let decided = compiled.evaluate(&invocation, Path::new(CWD)).unwrap();
            assert_eq!(acted_by(&decided), acted_by(&expected), "{command}\n{text}");
        }
    }
    assert!(allowed > 100, "{allowed}");
}

#[test]
fn what_depends_on_who_when_or_how_it_is_run_is_left_to_the_whole_policy() {
    for beyond in [
        "caller = { kind = \"agent\" }",
        "time = { from = \"22:00\", to = \"06:00\", zone = \"UTC\" }",
        "when = 'effect == \"read\"'",
    ] {
        let text = format!(
            "[[rule]]\nid = \"r\"\ntool = \"kubectl\"\ncommand = \"get\"\n{beyond}\ndecision = \"deny\"\n"
        );
        let file = policy(&text).compile(b"").unwrap();
        let compiled = CompiledPolicy::open(&file).unwrap();
        let decide = |command| compiled.evaluate(&invocation(command), Path::new(CWD));
        assert_eq!(
            decide("kubectl get pods").err(),
            Some(Undecided::NotCompiled),
            "{beyond}"
        );
        assert_eq!(
            decide("kubectl rollout status x").unwrap().decision,
            Decision::Allow
        );
        assert_eq!(decide("aws s3 ls").unwrap().decision, Decision::Allow);
    }
    let session = "[[rule]]\nid = \"r\"\ntool = \"psql\"\neffect = \"read\"\n\
                   postgres = { read_only = true }\ndecision = \"allow\"\n";
    let file = policy(session).compile(b"").unwrap();
    let compiled = CompiledPolicy::open(&file).unwrap();
    assert_eq!(
        compiled
            .evaluate(&invocation("psql --list"), Path::new(CWD))
            .err(),
        Some(Undecided::NotCompiled)
    );
}

#[test]
fn no_flipped_byte_and_no_lost_end_makes_a_decision_softer() {
    let text = "[[rule]]\nid = \"no\"\ntool = \"kubectl\"\ncommand = \"get pods\"\n\
                target = { namespace = \"a\" }\ndecision = \"deny\"\n\n\
                [[rule]]\nid = \"ask\"\ntool = \"kubectl\"\neffect = \"read\"\n\
                decision = \"require_approval\"\n";
    let policy = policy(text);
    let file = policy.compile(b"made of rules").unwrap();
    let read = [invocation(COMMANDS[1]), invocation(COMMANDS[3])];
    let expected = read.each_ref().map(|invocation| whole(&policy, invocation));
    let mut refused = 0;
    let mut try_with = |damaged: &[u8], what: &str| {
        let Ok(compiled) = CompiledPolicy::open(damaged) else {
            refused += 1;
            return;
        };
        for (invocation, expected) in read.iter().zip(&expected) {
            match compiled.evaluate(invocation, Path::new(CWD)) {
                Ok(decided) => assert_eq!(acted_by(&decided), acted_by(expected), "{what}"),
                Err(_) => refused += 1,
            }
        }
    };
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << bit;
            try_with(&damaged, &format!("bit {bit} of byte {at}"));
        }
        try_with(&file[..at], &format!("{at} bytes"));
    }
    assert!(refused > file.len(), "{refused} of {}", file.len());
}

#[test]
fn a_policy_of_which_a_part_was_not_understood_is_not_compiled() {
    let mut builder = PolicyBuilder::new();
    assert!(
        builder
            .layer(Layer::User, "rules.toml", "[[rule]]")
            .is_err()
    );
    assert_eq!(builder.build().compile(b""), None);
}

#[test]
fn of_many_rules_only_those_that_can_match_are_looked_at() {
    let mut text = String::new();
    for number in 0..200 {
        write!(
            text,
            "[[rule]]\nid = \"t{number}\"\ntool = \"tool-{number}\"\ndecision = \"deny\"\n\n\
             [[rule]]\nid = \"o{number}\"\ntool = \"aws\"\ncommand = \"ec2 operation-{number}\"\n\
             decision = \"deny\"\n\n\
             [[rule]]\nid = \"n{number}\"\ntool = \"kubectl\"\n\
             target.namespace = \"team-{number}\"\ndecision = \"deny\"\n\n"
        )
        .unwrap();
    }
    let policy = policy(&text);
    let file = policy.compile(b"").unwrap();
    let compiled = CompiledPolicy::open(&file).unwrap();
    for (command, count) in [
        ("kubectl get pods -n team-7", 1),
        ("kubectl get pods -n other", 0),
        ("tool-199 x", 1),
        ("aws ec2 describe-instances", 0),
    ] {
        let invocation = invocation(command);
        let mut found = Found::default();
        compiled.table.find(&invocation, &mut found).unwrap();
        assert_eq!(found.in_order().len(), count, "{command}");
        let decided = compiled.evaluate(&invocation, Path::new(CWD)).unwrap();
        assert_eq!(acted_by(&decided), acted_by(&whole(&policy, &invocation)));
    }
}
