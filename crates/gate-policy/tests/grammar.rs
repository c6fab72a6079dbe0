//! What must hold for every command line and every rule text.

use std::ffi::OsString;
use std::path::Path;

use gate_policy::{
    Caller, CallerKind, CommandLine, Decision, Effect, Environment, Input, InputKind, Invocation,
    Layer, NoFiles, Occasion, Placement, Policy, PolicyBuilder, Stdin, profile, read_invocation,
};
use proptest::prelude::*;

fn read(argv: &[OsString]) -> Invocation {
    let env = Environment::default();
    read_invocation(&CommandLine {
        argv,
        env: &env,
        cwd: Path::new("/srv/app"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
}

fn effect(words: &[&str]) -> Effect {
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    read(&argv).effect
}

fn occasion() -> Occasion {
    Occasion {
        caller: Caller {
            kind: CallerKind::Agent,
            name: "bot".to_owned(),
            host: "ci-1".to_owned(),
            ci: true,
            terminal: false,
        },
        now: jiff::Timestamp::UNIX_EPOCH,
        local_offset: |_| jiff::tz::Offset::UTC,
    }
}

fn decide(policy: &Policy, invocation: &Invocation) -> Decision {
    policy
        .evaluate(invocation, Path::new("/srv/app"), &occasion())
        .decision
}

/// A word of any bytes, often one that means something.
fn word() -> impl Strategy<Value = OsString> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "get", "delete", "apply", "plan", "destroy", "ec2", "describe-instances", "push",
            "status", "--", "-", "-n", "-f", "--help", "--dry-run=client", "--dry-run", "-c",
            "select 1", "drop table t", "-chdir=x", "=", "--=", "---", "s3://b/k", "\\d", ":x",
            "--raw", "secrets", "config", "--force", "-auto-approve", "\u{2013}all",
        ])
        .prop_map(OsString::from),
        1 => "\\PC{0,12}".prop_map(OsString::from),
        1 => prop::collection::vec(1_u8..=255, 0..12).prop_map(|bytes| {
            use std::os::unix::ffi::OsStringExt;
            OsString::from_vec(bytes)
        }),
    ]
}

fn tool() -> impl Strategy<Value = OsString> {
    prop::sample::select(vec!["kubectl", "terraform", "aws", "psql", "git", "sh", ""])
        .prop_map(OsString::from)
}

/// Commands with a flag that takes a value, for spelling it in other ways.
const KUBECTL: &[&[&str]] = &[
    &["get", "pods"],
    &["delete", "ns", "p"],
    &["apply", "-f", "a.yaml"],
    &["rollout", "restart", "deploy/x"],
    &["config", "view", "--raw"],
    &["create", "token", "default"],
    &["get", "secret", "x", "-o", "yaml"],
];
const GLOBALS: &[(&str, &str)] = &[
    ("--namespace", "get"),
    ("--context", "delete"),
    ("--cluster", "x"),
    ("--request-timeout", "5s"),
    ("--server", "https://evil"),
    ("--token", "t"),
    ("--cache-dir", "config"),
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_command_line_panics_and_every_word_has_a_role(
        tool in tool(),
        words in prop::collection::vec(word(), 0..12),
    ) {
        let mut argv = vec![tool];
        argv.extend(words);
        let invocation = read(&argv);
        prop_assert_eq!(invocation.words.len(), argv.len());
        prop_assert_eq!(invocation.effects.strictest(), invocation.effect);
        for span in &invocation.secrets {
            if let gate_policy::SecretPlace::Argv(index) = span.place {
                prop_assert!(span.range.end <= argv[index].len());
            }
        }
        for input in &invocation.inputs {
            if let Some(index) = input.argv_index {
                prop_assert!(argv[index].as_encoded_bytes().get(input.range.clone()).is_some());
            }
        }
    }

    /// "Classification must not depend on order, spelling or position."
    #[test]
    fn a_global_flag_means_the_same_in_each_place_and_spelling(
        command in prop::sample::select(KUBECTL),
        (name, value) in prop::sample::select(GLOBALS),
        place in 0_usize..6,
        is_joined: bool,
    ) {
        let joined = format!("{name}={value}");
        let flag = if is_joined { vec![joined.as_str()] } else { vec![name, value] };
        let mut plain = vec!["kubectl"];
        plain.extend(&flag);
        plain.extend(command);
        let expected = effect(&plain);
        // Not between a flag of the command and its value.
        let mut at = place.min(command.len());
        if at > 0 && matches!(command[at - 1], "-f" | "-o") {
            at -= 1;
        }
        let mut moved = vec!["kubectl"];
        moved.extend(&command[..at]);
        moved.extend(&flag);
        moved.extend(&command[at..]);
        prop_assert_eq!(effect(&moved), expected, "{:?}", moved);
    }

    #[test]
    fn the_order_of_flags_changes_no_effect(
        flags in Just(vec![
            vec!["--all"], vec!["-l", "a=b"], vec!["--namespace=x"], vec!["--wait=false"], vec!["-o", "name"],
        ]).prop_shuffle(),
        region in prop::sample::select(vec!["--region", "--reg", "--regi"]),
    ) {
        let mut argv = vec!["kubectl", "delete", "pods"];
        argv.extend(flags.iter().flatten());
        prop_assert_eq!(effect(&argv), Effect::Destroy);
        let aws = ["aws", "ec2", "terminate-instances", "--instance-ids", "i-1"];
        for at in [1, 2, 3] {
            let mut argv = aws.to_vec();
            argv.splice(at..at, [region, "describe-instances"]);
            prop_assert_eq!(effect(&argv), Effect::Destroy, "{:?}", argv);
        }
    }

    #[test]
    fn no_rule_text_panics_and_a_bad_one_allows_nothing(text in "(\\[\\[rule\\]\\]\n)?((id|tool|effect|decision|flags|time|approval|x)( = |\\.)(\"[a-z*:/]{0,8}\"|\\[\\]|true|5|\\{[a-z= 1]{0,6}\\})\n){0,6}|\\PC{0,60}") {
        let mut builder = PolicyBuilder::new();
        let outcome = builder.layer(Layer::Machine, "rules.toml", &text);
        let policy = builder.build();
        if let Err(errors) = outcome {
            prop_assert!(!errors.is_empty());
            prop_assert!(errors.iter().all(|error| error.line > 0 && error.column > 0));
            let argv = [OsString::from("kubectl"), OsString::from("get"), OsString::from("pods")];
            prop_assert!(decide(&policy, &read(&argv)) > Decision::Allow);
        }
    }

    /// "A nearer layer may only be stricter."
    #[test]
    fn a_rule_of_the_user_or_project_never_loosens(
        owner in prop::sample::select(vec!["allow", "require_approval", "deny"]),
        nearer in prop::sample::select(vec!["allow", "require_approval", "deny"]),
        layer in prop::sample::select(vec![Layer::User, Layer::Project]),
        command in prop::sample::select(KUBECTL),
        with_owner: bool,
    ) {
        let rule = |id: &str, decision: &str| {
            format!("[[rule]]\nid = \"{id}\"\neverything = true\ndecision = \"{decision}\"\n")
        };
        let mut builder = PolicyBuilder::new();
        if with_owner {
            builder.layer(Layer::Machine, "machine", &rule("a", owner)).unwrap();
        }
        let mut tightened = PolicyBuilder::new();
        if with_owner {
            tightened.layer(Layer::Machine, "machine", &rule("a", owner)).unwrap();
        }
        tightened.layer(layer, "nearer", &rule("b", nearer)).unwrap();
        let mut words = vec!["kubectl"];
        words.extend(command);
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let invocation = read(&argv);
        let before = decide(&builder.build(), &invocation);
        let after = decide(&tightened.build(), &invocation);
        prop_assert!(after >= before);
        let wanted: Decision = nearer.parse().unwrap();
        prop_assert_eq!(after, before.max(wanted));
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_read_and_shown_lossily() {
    use std::os::unix::ffi::OsStringExt;
    let argv = [
        OsString::from("kubectl"),
        OsString::from("delete"),
        OsString::from("ns"),
        OsString::from_vec(vec![0xff, 0xfe]),
    ];
    let invocation = read(&argv);
    assert_eq!(invocation.effect, Effect::Destroy);
    assert_eq!(invocation.operands[1], [0xff, 0xfe]);
}

#[test]
fn what_is_too_long_is_unknown() {
    let many: Vec<OsString> = std::iter::once("kubectl")
        .chain(std::iter::once("get"))
        .chain(std::iter::repeat_n("x", 10_000))
        .map(OsString::from)
        .collect();
    assert_eq!(read(&many).effect, Effect::Unknown);
    let long = "x".repeat(2 << 20);
    assert_eq!(effect(&["kubectl", "get", &long]), Effect::Unknown);
    let script = format!("select 1;{}", " ".repeat(1 << 20));
    assert_eq!(effect(&["psql", "-c", &script]), Effect::Unknown);
    assert_eq!(read(&[]).effect, Effect::Unknown);
}

#[test]
fn an_input_is_given_with_the_bytes_that_name_it() {
    for (words, path, word, range) in [
        (&["kubectl", "apply", "-f", "a.yaml"][..], "a.yaml", 3, 0..6),
        (&["kubectl", "apply", "-fa.yaml"], "a.yaml", 2, 2..8),
        (
            &["kubectl", "apply", "--filename=x,a.yaml"],
            "a.yaml",
            2,
            13..19,
        ),
        (&["terraform", "apply", "x.plan"], "x.plan", 2, 0..6),
        (&["psql", "-Xfq.sql"], "q.sql", 1, 3..8),
        (&["git", "commit", "-aFm.txt"], "m.txt", 2, 3..8),
        (&["git", "commit", "--template=m.txt"], "m.txt", 2, 11..16),
        (&["git", "tag", "-F", "m.txt", "v1"], "m.txt", 3, 0..5),
        (
            &["git", "merge", "--file", "m.txt", "topic"],
            "m.txt",
            3,
            0..5,
        ),
        (&["git", "rm", "--pathspec-from-file=l"], "l", 2, 21..22),
        (
            &[
                "aws",
                "ec2",
                "run-instances",
                "--cli-input-json",
                "file://i.json",
            ],
            "i.json",
            4,
            7..13,
        ),
        (
            &["kubectl", "create", "cm", "x", "--from-file=k=v.txt"],
            "v.txt",
            4,
            14..19,
        ),
    ] {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let inputs = read(&argv).inputs;
        let input = inputs
            .iter()
            .rfind(|input| input.argv_index.is_some())
            .unwrap();
        assert_eq!(input.path.to_str(), Some(path), "{words:?}");
        assert_eq!(
            (input.argv_index, input.range.clone()),
            (Some(word), range),
            "{words:?}"
        );
    }
}

/// A command, and the input that it names with where its bytes may stand.
const PLACED: [(&str, &str, Placement); 20] = [
    ("aws s3 sync a s3://b/", "a", Placement::InPlace),
    ("kubectl apply -k a", "a", Placement::SameName),
    ("helm install r ./a.tgz", "./a.tgz", Placement::Anywhere),
    (
        "helm install r ./ --dependency-update",
        "./",
        Placement::Anywhere,
    ),
    ("kubectl apply -f a.yaml", "a.yaml", Placement::Anywhere),
    (
        "kubectl create cm x --from-file=a",
        "a",
        Placement::SameName,
    ),
    (
        "kubectl create cm x --from-file=k=a",
        "a",
        Placement::Anywhere,
    ),
    (
        "kubectl create cm x --from-env-file=a",
        "a",
        Placement::Anywhere,
    ),
    ("kubectl cp a pod:/tmp", "a", Placement::InPlace),
    (
        "kubectl --kubeconfig=a delete pod x",
        "a",
        Placement::InPlace,
    ),
    (
        "terraform apply -var-file=a.tfvars",
        "a.tfvars",
        Placement::Anywhere,
    ),
    (
        "terraform apply -var-file=a.json",
        "a.json",
        Placement::SameName,
    ),
    ("terraform init -backend-config=a", "a", Placement::Anywhere),
    ("terraform apply -state=a", "a", Placement::InPlace),
    (
        "terraform -chdir=d apply -var-file=a",
        "/srv/app/d/a",
        Placement::Anywhere,
    ),
    ("aws s3 cp a s3://b/", "a", Placement::SameName),
    ("aws s3api put-object --body a", "a", Placement::Anywhere),
    (
        "aws s3api put-object --metadata k@=file://a,l=b",
        "a",
        Placement::Anywhere,
    ),
    ("git am a", "a", Placement::Anywhere),
    ("git -C d am a", "/srv/app/d/a", Placement::Anywhere),
];

fn inputs_of(command: &str) -> Vec<Input> {
    let argv: Vec<OsString> = command.split(' ').map(OsString::from).collect();
    read(&argv).inputs
}

#[test]
fn a_file_whose_name_means_something_keeps_its_name_or_its_place() {
    for (command, path, placement) in PLACED {
        let inputs = inputs_of(command);
        let is_it =
            |input: &&Input| input.argv_index.is_some() && input.path.to_str() == Some(path);
        let found = inputs.iter().find(is_it).map(|input| input.placement);
        assert_eq!(found, Some(placement), "{command}: {inputs:?}");
    }
    for command in [
        "kubectl cp pod:/a a",
        "terraform init -backend-config=a=b",
        "aws s3 cp s3://b/a a",
    ] {
        let inputs = inputs_of(command);
        assert!(
            inputs.iter().all(|input| input.argv_index.is_none()),
            "{command}"
        );
    }
}

#[test]
fn a_standard_input_that_decides_is_an_input() {
    for (words, is_read) in [
        (&["kubectl", "exec", "-i", "p", "--", "sh"][..], true),
        (&["kubectl", "exec", "-it", "p", "--", "sh"], true),
        (
            &["kubectl", "exec", "--stdin=false", "p", "--", "sh"],
            false,
        ),
        (&["kubectl", "exec", "p", "--", "sh", "-i"], false),
        (&["kubectl", "attach", "--stdin", "p"], true),
        (&["kubectl", "run", "-i", "x", "--image=y"], true),
        (&["terraform", "console"], true),
        (&["git", "am"], true),
        (&["git", "am", "--continue"], false),
        (&["psql", "-c", "copy t from stdin"], true),
        (&["psql", "-c", "select 1"], false),
        (&["psql", "-f", "a.sql", "-c", "\\copy t from pstdin"], true),
    ] {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let line = |stdin: Stdin<'static>| {
            let inputs = read_invocation(&CommandLine {
                argv: &argv,
                env: &Environment::default(),
                cwd: Path::new("/w"),
                stdin,
                files: &NoFiles,
            })
            .inputs;
            inputs.iter().any(|input| input.kind == InputKind::Stdin)
        };
        assert_eq!(line(Stdin::Unread), is_read, "{words:?}");
        assert!(!line(Stdin::Terminal), "a person types: {words:?}");
    }
}

#[test]
fn the_target_is_read_from_flags_strings_and_environment() {
    let env: Environment = [("PGPORT", "5433"), ("PGHOST", "other")]
        .into_iter()
        .collect();
    let argv: Vec<OsString> = ["psql", "postgres://u:pw@db:6000/shop", "-c", "select 1"]
        .iter()
        .map(OsString::from)
        .collect();
    let invocation = read_invocation(&CommandLine {
        argv: &argv,
        env: &env,
        cwd: Path::new("/"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    });
    let target: Vec<_> = invocation
        .target
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        target,
        [
            ("database", "shop"),
            ("host", "db"),
            ("port", "6000"),
            ("user", "u")
        ]
    );
}

#[test]
fn every_built_in_profile_has_a_root() {
    let names: Vec<_> = profile::builtin()
        .iter()
        .map(|spec| spec.name.as_ref())
        .collect();
    let known = ["aws", "bash", "git", "kubectl", "psql", "terraform"];
    assert!(known.iter().all(|name| names.contains(name)), "{names:?}");
    for spec in profile::builtin() {
        assert!(!spec.commands.is_empty(), "{}", spec.name);
    }
}

#[test]
fn a_command_that_is_too_long_to_be_read_is_unknown_and_its_secrets_are_still_found() {
    let mut argv: Vec<OsString> = vec!["kubectl".into(), "get".into(), "pods".into()];
    argv.push("--password=hunter2".into());
    argv.resize(10_001, OsString::from("x"));
    let read = read(&argv);
    assert!(gate_policy::is_too_long(&argv));
    assert_eq!((read.effect, read.known), (Effect::Unknown, false));
    assert_eq!(
        decide(&Policy::baseline(), &read),
        Decision::RequireApproval
    );
    let found = read
        .secrets
        .iter()
        .map(|secret| (&secret.place, secret.range.clone()));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [(&gate_policy::SecretPlace::Argv(3), 11..18)]
    );
    argv.truncate(10_000);
    assert!(!gate_policy::is_too_long(&argv));
}
