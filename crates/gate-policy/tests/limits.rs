//! What a command may cost to read: no answer grows faster than its question.

use std::ffi::OsString;
use std::path::Path;

use gate_policy::{CommandLine, Effect, Environment, Invocation, NoFiles, Stdin, read_invocation};

fn read(words: &[&str]) -> Invocation {
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    read_invocation(&CommandLine {
        argv: &argv,
        env: &Environment::default(),
        cwd: Path::new("/srv/app"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
}

/// Returns how many bytes the paths of all inputs have.
fn path_bytes(invocation: &Invocation) -> usize {
    let paths = invocation.inputs.iter().map(|input| input.path.as_os_str());
    paths.map(std::ffi::OsStr::len).sum()
}

fn cannot_be_bound(invocation: &Invocation) -> bool {
    let mut inputs = invocation.inputs.iter();
    inputs.any(|input| input.kind.refusal().is_some())
}

#[test]
fn files_in_one_shorthand_word_never_add_up_to_more_than_the_word() {
    for piece in ["a=@=file://", "a@=fileb://x", "a=@=file://x@=fileb://"] {
        let word = piece.repeat(12_800);
        let invocation = read(&["aws", "ec2", "describe-instances", "--filters", &word]);
        assert!(path_bytes(&invocation) <= 2 * word.len(), "{piece}");
        assert_eq!(invocation.effect, Effect::Unknown, "{piece}");
        assert!(cannot_be_bound(&invocation), "{piece}");
    }
}

#[test]
fn more_files_than_are_followed_can_not_be_approved() {
    let list = "x,".repeat(60_000);
    let shorthand = "a@=file://x,".repeat(3_000);
    let mut many = vec!["kubectl", "apply"];
    many.extend(["-f", "x"].repeat(3_000));
    for words in [
        &["kubectl", "apply", "-f", &list][..],
        &["aws", "ec2", "run-instances", "--filters", &shorthand],
        &many,
    ] {
        let invocation = read(words);
        assert!(invocation.inputs.len() <= 2_010, "{}", words.len());
        assert_eq!(invocation.effect, Effect::Unknown);
        assert!(cannot_be_bound(&invocation));
    }
    let few = read(&["kubectl", "apply", "-f", &"x,".repeat(500)]);
    assert_eq!(few.effect, Effect::Write);
    assert!(!cannot_be_bound(&few));
}

#[test]
fn an_ordinary_shorthand_names_its_files() {
    let words = "aws s3api put-object --metadata k@=file://a@b,l@=fileb://c";
    let words: Vec<&str> = words.split(' ').collect();
    let invocation = read(&words);
    let named: Vec<_> = invocation
        .inputs
        .iter()
        .filter(|input| input.argv_index.is_some())
        .map(|input| input.path.to_str())
        .collect();
    assert_eq!(named, [Some("a@b"), Some("c")]);
}
