//! What each fuzz target does with its bytes. `fuzz/` drives these with
//! coverage, `tests/fuzz.rs` the same targets with the seeds and some thousand
//! mutations.
//!
//! A body panics where something is wrong; it says nothing of what it made of
//! the bytes. The bounds are counts, not clocks: of words, inputs and text.

#![expect(
    clippy::indexing_slicing,
    reason = "an index that is wrong is what a target looks for"
)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use gate_policy::{
    CommandLine, Decision, Effect, Environment, Invocation, Layer, MapFiles, Occasion, Policy,
    PolicyBuilder, Profiles, SecretPlace, Stdin, profile,
};

const CWD: &str = "/srv/app";

/// The pieces between zero bytes are words; one that begins with the byte 1 is
/// a variable, with 2 the standard input, with 3 a file and its content.
pub(crate) fn argv(bytes: &[u8]) {
    argv_of(bytes, None);
}

/// Does the same with one tool alone, whatever the first word is.
pub(crate) fn argv_of(bytes: &[u8], only: Option<&OsStr>) {
    let (mut words, mut env, mut files, mut stdin) = (Vec::new(), Vec::new(), Vec::new(), None);
    for piece in bytes.split(|byte| *byte == 0) {
        match piece {
            [1, rest @ ..] => env.push(pair(rest)),
            [2, rest @ ..] => stdin = Some(rest),
            [3, rest @ ..] => {
                let (name, content) = pair(rest);
                files.push((name, content.into_vec()));
            }
            word => words.push(OsString::from_vec(word.to_vec())),
        }
    }
    // A first word that names no tool is the number of one: most bytes are to reach a profile.
    if let Some(first) = words.first_mut().filter(|word| word.len() == 1) {
        let tools = profile::builtin();
        let number = usize::from(first.as_encoded_bytes()[0]);
        *first = OsString::from(tools[number % tools.len()].name.as_ref());
    }
    if let (Some(first), Some(tool)) = (words.first_mut(), only) {
        tool.clone_into(first);
    }
    let env = env.into_iter().collect();
    judge(&words, &env, stdin, files);
}

/// A profile up to the first zero byte, and behind it the words of a command of its tool. One that
/// is refused knows no tool, and the user's own makes nothing milder.
pub(crate) fn profiles(bytes: &[u8]) {
    let mut pieces = bytes.split(|byte| *byte == 0);
    let text = String::from_utf8_lossy(pieces.next().unwrap_or_default());
    let words = pieces.map(|piece| OsString::from_vec(piece.to_vec()));
    for layer in [Layer::Machine, Layer::User] {
        let mut profiles = Profiles::default();
        let outcome = profiles.add(layer, "tool.toml", &text);
        let own: Vec<String> = profiles.own().map(|own| own.tools[0].to_owned()).collect();
        if let Err(errors) = outcome {
            assert!(!errors.is_empty() && own.is_empty());
            let places = errors.iter();
            assert!(
                places
                    .clone()
                    .all(|error| error.line > 0 && error.column > 0)
            );
            continue;
        }
        let argv: Vec<OsString> = own
            .into_iter()
            .map(OsString::from)
            .chain(words.clone())
            .collect();
        let effect = judge_by(&profiles, &argv, &Environment::default(), None, Vec::new());
        assert!(
            layer == Layer::Machine || effect == Effect::Unknown,
            "a user's own word for it"
        );
    }
}

/// One statement or more, as `psql -c` and `mysql -e` are given them, and as a script.
pub(crate) fn sql(bytes: &[u8]) {
    let text = OsString::from_vec(without_zero(bytes));
    let env = Environment::default();
    for words in [["psql", "-c"], ["mysql", "-e"], ["sqlite3", "x.db"]] {
        let mut argv = words.map(OsString::from).to_vec();
        argv.push(text.clone());
        judge(&argv, &env, None, Vec::new());
    }
    judge(&["psql".into()], &env, Some(bytes), Vec::new());
}

/// A line of a shell, here and on another machine.
pub(crate) fn shell(bytes: &[u8]) {
    let text = OsString::from_vec(without_zero(bytes));
    let env = Environment::default();
    for words in [
        &["sh", "-c"][..],
        &["ssh", "host"],
        &["kubectl", "exec", "p", "--", "sh", "-c"],
    ] {
        let mut argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        argv.push(text.clone());
        judge(&argv, &env, None, Vec::new());
    }
    judge(&["bash".into()], &env, Some(bytes), Vec::new());
}

/// A file that decides what kubectl does: the kubeconfig, and a manifest.
pub(crate) fn yaml(bytes: &[u8]) {
    let env: Environment = [("HOME", "/home/u")].into_iter().collect();
    for (words, name) in [
        (&["kubectl", "get", "pods"][..], "/home/u/.kube/config"),
        (&["kubectl", "get", "pods"], "/home/u/.kube/kuberc"),
        (&["kubectl", "diff", "-k", "."], "kustomization.yaml"),
        (
            &[
                "aws",
                "cloudformation",
                "package",
                "--template-file",
                "t.yaml",
            ],
            "t.yaml",
        ),
    ] {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        judge(&argv, &env, None, vec![(name.to_owned(), bytes.to_vec())]);
    }
}

/// A file of rules. One that is refused allows nothing.
pub(crate) fn rules(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut builder = PolicyBuilder::new();
    let outcome = builder.layer(Layer::Machine, "rules.toml", &text);
    let policy = builder.build();
    let argv = ["kubectl", "get", "pods"].map(OsString::from);
    let env = Environment::default();
    let invocation = read(Profiles::built_in(), &argv, &env, None, Vec::new());
    let decision = policy
        .evaluate(
            &invocation,
            Path::new(CWD),
            &Occasion::of_nobody(jiff::Timestamp::UNIX_EPOCH),
        )
        .decision;
    if let Err(errors) = outcome {
        assert!(!errors.is_empty());
        assert!(
            errors
                .iter()
                .all(|error| error.line > 0 && error.column > 0)
        );
        assert!(decision > Decision::Allow, "what is refused allows nothing");
    }
}

fn pair(bytes: &[u8]) -> (String, OsString) {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'=')
        .unwrap_or(bytes.len());
    let name = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let value = bytes.get(end + 1..).unwrap_or_default();
    (name, OsString::from_vec(value.to_vec()))
}

/// Neither words nor variables can hold a zero byte.
fn without_zero(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| *byte != 0).collect()
}

fn read(
    profiles: &Profiles,
    argv: &[OsString],
    env: &Environment,
    stdin: Option<&[u8]>,
    files: Vec<(String, Vec<u8>)>,
) -> Invocation {
    let cwd = Path::new(CWD);
    profiles.read_invocation(&CommandLine {
        argv,
        env,
        cwd,
        stdin: stdin.map_or(Stdin::Absent, Stdin::Content),
        files: &MapFiles::new(cwd, files),
    })
}

fn judge(
    argv: &[OsString],
    env: &Environment,
    stdin: Option<&[u8]>,
    files: Vec<(String, Vec<u8>)>,
) {
    judge_by(Profiles::built_in(), argv, env, stdin, files);
}

fn judge_by(
    profiles: &Profiles,
    argv: &[OsString],
    env: &Environment,
    stdin: Option<&[u8]>,
    files: Vec<(String, Vec<u8>)>,
) -> Effect {
    let given: usize = argv.iter().map(|word| word.len()).sum::<usize>()
        + env
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
        + stdin.map_or(0, <[u8]>::len)
        + files
            .iter()
            .map(|(name, content)| name.len() + content.len())
            .sum::<usize>();
    let invocation = read(profiles, argv, env, stdin, files);
    let is_too_long = gate_policy::is_too_long(argv);
    assert!(
        is_too_long || invocation.words.len() == argv.len(),
        "each word has a role"
    );
    assert_eq!(invocation.effects.strictest(), invocation.effect);
    have_their_place(&invocation, argv);
    // Memory and work: what comes out grows with what went in, and no faster.
    assert!(
        invocation.inputs.len() <= 2_100,
        "{} inputs",
        invocation.inputs.len()
    );
    let text: usize = invocation.reasons.iter().map(String::len).sum::<usize>()
        + invocation
            .nested
            .iter()
            .map(|nested| nested.text.len())
            .sum::<usize>();
    assert!(
        text <= 64 * given + 65_536,
        "{text} bytes of reasons of {given} bytes"
    );
    if is_too_long {
        assert_eq!(invocation.effect, Effect::Unknown);
    }
    let evaluation = Policy::baseline().evaluate(
        &invocation,
        Path::new(CWD),
        &Occasion::of_nobody(jiff::Timestamp::UNIX_EPOCH),
    );
    if evaluation.decision == Decision::Allow {
        assert!(matches!(invocation.effect, Effect::Read | Effect::Local));
    }
    invocation.effect
}

/// Secrets and inputs stand in words that there are.
fn have_their_place(invocation: &Invocation, argv: &[OsString]) {
    for span in &invocation.secrets {
        if let SecretPlace::Argv(index) = span.place {
            assert!(
                argv[index]
                    .as_encoded_bytes()
                    .get(span.range.clone())
                    .is_some()
            );
        }
    }
    for input in &invocation.inputs {
        if let Some(index) = input.argv_index {
            assert!(
                argv[index]
                    .as_encoded_bytes()
                    .get(input.range.clone())
                    .is_some()
            );
        }
    }
}
