//! What of the environment is bound with a command.
//!
//! The promise: "The bytes that were approved are the bytes that run: argv,
//! working directory, target-selecting environment", and "when the same
//! principal runs the same digest again, gate reattaches".

use std::ffi::OsString;
use std::path::Path;

use gate_policy::{
    CommandLine, Effect, Environment, EnvironmentAction, Invocation, NoFiles, Stdin,
    read_invocation,
};

/// Returns the names of what is bound, sorted.
fn bound(argv: &[&str], env: &[(&str, &str)]) -> Vec<String> {
    let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
    let env: Environment = env.iter().copied().collect();
    let invocation = read_invocation(&CommandLine {
        argv: &argv,
        env: &env,
        cwd: Path::new("/srv/app"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    });
    let mut names: Vec<String> = invocation
        .environment
        .iter()
        .filter(|note| note.action == EnvironmentAction::Binds)
        .map(|note| note.name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn terraform_is_bound_to_every_variable_that_a_provider_could_read() {
    let env = [
        ("PG_CONN_STR", ""),
        ("HCLOUD_TOKEN", "t"),
        ("AN_UNHEARD_OF_VARIABLE", "x"),
        ("OS_PROJECT_NAME", "p"),
        ("HOME", "/root"),
    ];
    for tool in ["terraform", "tofu"] {
        assert_eq!(
            bound(&[tool, "apply"], &env),
            [
                "AN_UNHEARD_OF_VARIABLE",
                "HCLOUD_TOKEN",
                "HOME",
                "OS_PROJECT_NAME",
                "PG_CONN_STR"
            ]
        );
    }
    assert_eq!(bound(&["kubectl", "delete", "ns", "x"], &env), ["HOME"]);
}

#[test]
fn the_same_command_from_another_shell_is_the_same_question() {
    let noise = [
        "_",
        "COLUMNS",
        "LC_ALL",
        "LINES",
        "OLDPWD",
        "PWD",
        "SHLVL",
        "SSH_TTY",
        "TERM",
        "TERM_SESSION_ID",
        "TMUX_PANE",
        "GATE_REASON",
        "GITHUB_OUTPUT",
        "GITHUB_RUN_ATTEMPT",
        "GITHUB_TRIGGERING_ACTOR",
        "RUNNER_NAME",
        "CI_CONCURRENT_ID",
        "CI_RUNNER_DESCRIPTION",
        "BUILDKITE_AGENT_NAME",
        "SYSTEM_JOBATTEMPT",
        "CODEX_THREAD_ID",
    ];
    let env: Vec<(&str, &str)> = noise.iter().map(|name| (*name, "x")).collect();
    assert!(bound(&["terraform", "apply"], &env).is_empty());
}

/// Commands of terraform, and the words that a variable can add to them.
const MERGED: [(&str, &str); 8] = [
    ("apply", "-destroy"),
    ("apply", "-state prod.tfstate -auto-approve"),
    ("apply", "x.plan"),
    ("plan", "-out=x.tf -lock-timeout"),
    ("plan", "-var-file=/root/.ssh/id_rsa"),
    ("output", "-json"),
    ("init", "-force-copy -backend-config=address=h"),
    ("state rm", "-no-such a.b"),
];

fn read(words: &[&str], env: &[(&str, &str)]) -> Invocation {
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    read_invocation(&CommandLine {
        argv: &argv,
        env: &env.iter().copied().collect(),
        cwd: Path::new("/srv/app"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
}

#[test]
fn words_of_a_variable_mean_what_they_mean_behind_the_subcommand() {
    for (command, added) in MERGED {
        let before = [&["terraform"], &*command.split(' ').collect::<Vec<_>>()].concat();
        let behind = ["-no-color", "a.b"];
        let own = format!("TF_CLI_ARGS_{}", command.replace(' ', "_"));
        let whole = [&*before, &*added.split(' ').collect::<Vec<_>>(), &behind].concat();
        let whole = read(&whole, &[]);
        for name in [&*own, "TF_CLI_ARGS"] {
            let words = [&*before, &behind].concat();
            let merged = read(&words, &[(name, added)]);
            assert_eq!(merged.effects, whole.effects, "{name}={added} {command}");
            assert_eq!(merged.target, whole.target, "{name}={added} {command}");
            assert_eq!(merged.operands, whole.operands, "{name}={added} {command}");
            let paths = |read: &Invocation| {
                let inputs = read.inputs.iter().map(|input| input.path.clone());
                inputs.collect::<Vec<_>>()
            };
            assert_eq!(paths(&merged), paths(&whole), "{name}={added} {command}");
            assert_eq!(merged.words.len(), words.len());
        }
    }
}

#[test]
fn a_variable_of_more_words_than_are_read_makes_the_command_unknown() {
    let many = "-x ".repeat(40_000);
    let read = read(&["terraform", "plan"], &[("TF_CLI_ARGS_plan", &many)]);
    assert_eq!(read.effect, Effect::Unknown);
    assert!(read.merged.is_empty());
}
