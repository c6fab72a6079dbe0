//! Scripts of a shell, whatever they are: reading one never panics, never
//! hangs, needs little stack, and never makes what stands in it milder.

use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

use gate_policy::{
    CommandLine, Effect, Environment, Files, InputKind, Invocation, MapFiles, NoFiles, Promise,
    Stdin, read_invocation,
};
use proptest::prelude::*;

const FOLDER: &str = "/srv/app";

fn read(argv: &[OsString]) -> Invocation {
    read_with(argv, &NoFiles)
}

/// Reads a command in a folder with one file.
fn read_beside(argv: &[OsString], (name, text): (&str, &str)) -> Invocation {
    let files = [(name, text.as_bytes().to_vec())];
    read_with(argv, &MapFiles::new(Path::new(FOLDER), files))
}

fn read_with(argv: &[OsString], files: &dyn Files) -> Invocation {
    read_invocation(&CommandLine {
        argv,
        env: &Environment::default(),
        cwd: Path::new(FOLDER),
        stdin: Stdin::Absent,
        files,
    })
}

fn script(text: &str) -> Invocation {
    read(&["bash", "-c", text].map(OsString::from))
}

#[test]
fn a_script_is_sealed_unless_it_can_ask_for_its_own_name() {
    let promise = |words: &str, text: &str| {
        let argv: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        let read = read_beside(&argv, ("deploy.sh", text));
        let mut inputs = read.inputs.iter();
        inputs.find(|input| input.role == "script")?.promise()
    };
    for text in [
        "deploy",
        "cd \"$1\" && ./build.sh",
        "echo ${1} >out",
        "find . -name x; grep -r \"TODO\" .",
        "docker build -t app . && tar cf ../traps .",
        "cd \"$1\" && ls . && cp -r \"$x\" .",
        "echo steps caps ps1",
    ] {
        let sealed = Some(Promise::Sealed);
        assert_eq!(promise("bash deploy.sh x", text), sealed, "{text}");
        assert_eq!(promise("sh -e deploy.sh", text), sealed, "{text}");
    }
    for text in [
        "cd \"$(dirname \"$0\")\"",
        ". \"${0%/*}/lib.sh\"",
        "echo \"${BASH_SOURCE[0]}\"",
        "x=0; echo ${!x}",
        "echo ${(%):-%x}",
        "readlink /proc/$$/fd/255",
        "f() { caller 0; }; f",
        "echo \"${@:0:1}\"",
        "echo ${*::1}",
        "echo ${(%%):-%x}",
        "print -P %N",
        "pgrep -f deploy.sh && exit",
        "cd \"$1\" && . ./lib.sh",
        "source lib.sh",
        "if true; then . lib.sh; fi",
        "command -p . lib.sh",
        "X=1 . lib.sh",
        "X=\"a b\" . lib.sh",
        "X=\"a; b\" . lib.sh",
        "X=${1:-prod} . lib.sh",
        "X=$(pwd)/b . lib.sh",
        "2> /dev/null . lib.sh",
        "$run . lib.sh",
        "run() { \"$@\"; }; run . lib.sh",
        "alias s=.\ns lib.sh",
        "exec . lib.sh",
        "</dev/null . lib.sh",
        "x=\"$(. lib.sh)\"",
        "case $1 in a) . lib.sh ;; esac",
        "{ \\. lib.sh; }",
        "! . lib.sh",
        "trap \"$1\" EXIT",
        "/bin/ps -ef",
        "ps\t-ef | grep x",
        "'.' lib.sh",
        "eval \"$1\"",
    ] {
        let rechecked = Some(Promise::Rechecked);
        assert_eq!(promise("bash deploy.sh", text), rechecked, "{text}");
    }
    assert_eq!(
        promise("sudo bash deploy.sh", "deploy"),
        Some(Promise::Rechecked)
    );
    assert_eq!(promise("bash gone.sh", "deploy"), Some(Promise::Rechecked));
}

#[test]
fn what_is_piped_inside_of_a_script_is_called_no_copy() {
    let promise = |text: &str| {
        let argv = ["bash", "-c", text].map(OsString::from);
        let read = read_beside(&argv, ("a.yaml", "kind: Pod"));
        let mut inner = read.inner().map(|inner| &inner.invocation);
        let acts = inner.find(|inner| inner.tool == "kubectl")?;
        let mut inputs = acts.inputs.iter();
        let stdin = inputs.find(|input| input.kind == InputKind::Stdin)?;
        stdin.promise()
    };
    for (text, promised) in [
        ("sed s/x/y/ a.yaml | kubectl apply -f -", Promise::Made),
        ("cat a.yaml b.yaml | kubectl apply -f -", Promise::Made),
        ("sed s/x/y/ a.yaml | (kubectl apply -f -)", Promise::Made),
        ("cat a.yaml | kubectl apply -f -", Promise::Rechecked),
        ("kubectl apply -f - < a.yaml", Promise::Rechecked),
        ("kubectl apply -f - <<< 'kind: Pod'", Promise::Sealed),
    ] {
        assert_eq!(promise(text), Some(promised), "{text}");
    }
}

/// Reads a script on a stack of 256 KiB; nothing where that panics.
fn on_a_small_stack(text: String) -> Option<Effect> {
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    let thread = thread.spawn(move || script(&text).effect).ok()?;
    thread.join().ok()
}

#[test]
fn a_script_nested_without_end_needs_no_more_stack_than_a_small_thread_has() {
    let many = 20_000;
    for (open, inside, close) in [
        ("(", "", ""),
        ("( ", "kubectl get pods", " )"),
        ("echo $(", "kubectl get pods", ")"),
        ("echo \"$(", "kubectl get pods", ")\""),
        ("{ ", "kubectl get pods;", " };"),
        ("if ", "true;", " then true; fi;"),
        ("while ", "true;", " do true; done;"),
        ("case x in x) ", "true", ";; esac"),
        ("echo ${x:-", "a", "}"),
        ("echo \"${x:-", "a", "}\""),
        ("echo $((", "1", "))"),
        ("f() { ", "true;", " };"),
        ("echo `", "", ""),
        ("cat <<A\n$(", "", ""),
        ("! ", "kubectl get pods", ""),
        ("eval ", "kubectl get pods", ""),
        ("bash -c ", "true", ""),
        ("<(", "", ""),
        ("'", "", ""),
        ("\\", "", ""),
        ("a=", "", ""),
        ("[[ ( ", "", ""),
    ] {
        for count in [1, 3, 8, 15, 18, 19, 20, 30, many] {
            let text = format!("{}{inside}{}", open.repeat(count), close.repeat(count));
            let effect = on_a_small_stack(text).unwrap();
            if count == many && !close.is_empty() {
                assert_eq!(effect, Effect::Unknown, "{open}");
            }
        }
    }
}

#[test]
fn a_command_in_a_chain_of_wrappers_as_long_as_argv_allows_is_read_or_unknown() {
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let read = || {
        let mut argv: Vec<OsString> = vec!["env".into(); 9_000];
        argv.extend(["kubectl", "delete", "ns", "p"].map(OsString::from));
        read(&argv).effect
    };
    assert_eq!(thread.spawn(read).unwrap().join().unwrap(), Effect::Unknown);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the time that a reading takes is what is tested"
)]
fn a_script_that_would_take_long_is_left_at_some_point() {
    for text in [
        "for a in 1 2 3 4 5 6 7 8 9; do ".repeat(9) + "kubectl get pods;" + &"done;".repeat(9),
        "while true; do ".repeat(15) + "true;" + &"done;".repeat(15),
        "f() { f; f; }; f".to_owned(),
        "f() { g; g; }; g() { h; h; }; h() { f; f; }; f".to_owned(),
        "eval 'eval \"eval kubectl get pods\"'".to_owned(),
        "kubectl get pods;".repeat(5_000),
        "true;".repeat(50_000),
        "true && ".repeat(20_000) + "true",
        "a=".repeat(100_000),
        "x=$x$x;".repeat(60) + "echo $x",
        "`".repeat(100_000),
        "echo ".to_owned() + &"a ".repeat(200_000),
    ] {
        let begun = Instant::now();
        let effect = script(&text).effect;
        let shown: String = text.chars().take(60).collect();
        assert!(
            begun.elapsed().as_secs() < 20,
            "{shown}: {effect} took {:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn a_secret_inside_is_masked_outside_and_in_every_text_of_what_is_inside() {
    for argv in [
        &[
            "bash",
            "-c",
            "kubectl create secret generic x --from-literal=pw=hunter2hunter2",
        ][..],
        &["bash", "-c", "kubectl --token='hunter2'hunter2 get pods $X"],
        &[
            "env",
            "PGPASSWORD=hunter2hunter2",
            "psql",
            "-h",
            "db",
            "-c",
            "select 1",
        ],
        &[
            "sudo",
            "bash",
            "-c",
            "eval \"psql postgres://u:hunter2hunter2@h/d -c 'select 1'\"",
        ],
        &["ssh", "host", "kubectl --token=hunter2hunter2 get pods"],
    ] {
        let words: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let read = read(&words);
        assert!(read.known_secrets().count() > 0, "{argv:?}");
        let mut texts = Vec::new();
        gather(&read, &mut texts);
        for text in texts {
            assert!(!text.contains("hunter2"), "{argv:?}: {text}");
        }
    }
}

/// Gathers every text of a reading that is shown.
fn gather(read: &Invocation, texts: &mut Vec<String>) {
    texts.extend(read.reasons.iter().cloned());
    texts.extend(read.target.values().cloned());
    for nested in &read.nested {
        texts.push(nested.text.clone());
        if let Some(inner) = &nested.inner {
            texts.extend(inner.argv.iter().cloned());
            gather(&inner.invocation, texts);
        }
    }
}

/// Commands whose effect is known, each with its words.
const KNOWN: &[(&[&str], Effect)] = &[
    (&["kubectl", "delete", "ns", "p"], Effect::Destroy),
    (&["kubectl", "get", "pods"], Effect::Read),
    (&["kubectl", "apply", "-f", "x.yaml"], Effect::Write),
    (&["terraform", "destroy"], Effect::Destroy),
    (&["psql", "-h", "db", "-c", "drop table t"], Effect::Destroy),
    (
        &["aws", "ec2", "terminate-instances", "--instance-ids", "i-1"],
        Effect::Destroy,
    ),
];

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// One way to wrap a command.
fn wrapped(words: &[String], way: u8) -> Vec<String> {
    let text: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let text = text.join(" ");
    let before = |more: &[&str]| {
        let more = more.iter().map(|word| (*word).to_owned());
        more.chain(words.iter().cloned()).collect()
    };
    let shell = |name: &str, text: String| vec![name.to_owned(), "-c".to_owned(), text];
    match way {
        0 => before(&["env"]),
        1 => before(&["env", "A=1", "B=2"]),
        2 => before(&["nohup"]),
        3 => before(&["nice", "-n", "5"]),
        4 => before(&["timeout", "-k", "5", "10"]),
        5 => before(&["setsid", "-w"]),
        6 => before(&["stdbuf", "-oL"]),
        7 => before(&["sudo", "-u", "root"]),
        8 => before(&["busybox", "env"]),
        9 => shell("bash", text),
        10 => shell("sh", format!("true && {text} | cat")),
        11 => shell("dash", format!("if {text}; then echo yes; fi")),
        12 => shell("zsh", format!("f() {{ {text}; }}; f")),
        13 => shell("bash", format!("for x in a b; do {text}; done")),
        14 => shell("bash", format!("echo \"$({text})\"")),
        15 => shell("ksh", format!("( {text} ) > /dev/null")),
        16 => shell("bash", format!("eval {}", quoted(&text))),
        17 => before(&["xargs"]),
        18 => vec!["watch".to_owned(), text],
        19 => vec!["find".to_owned(), ".".to_owned(), "-exec".to_owned()]
            .into_iter()
            .chain(words.iter().cloned())
            .chain(Some(";".to_owned()))
            .collect(),
        20 => shell("bash", format!("trap {} EXIT", quoted(&text))),
        21 => before(&["time", "-p"]),
        22 => before(&["ionice", "-c", "3"]),
        _ => shell("bash", format!("case x in y) {text};; esac")),
    }
}

/// One way to write a word for a shell.
fn spelled(word: &str, way: u8) -> String {
    match way {
        0 => quoted(word),
        1 => word.chars().flat_map(|letter| ['\\', letter]).collect(),
        2 => format!("\"{word}\""),
        3 => word
            .chars()
            .flat_map(|letter| ['\'', letter, '\''])
            .collect(),
        4 => format!("''{}\"\"", quoted(word)),
        5 => {
            let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
            let one = |letter: char| {
                if plain(letter) {
                    letter.to_string()
                } else {
                    quoted(&letter.to_string())
                }
            };
            word.chars().map(one).collect::<Vec<_>>().join("\\\n")
        }
        _ => word
            .chars()
            .enumerate()
            .map(|(at, letter)| {
                if at % 2 == 0 {
                    format!("\"{letter}\"")
                } else {
                    format!("'{letter}'")
                }
            })
            .collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn wrapping_never_makes_a_command_milder(
        which in 0..KNOWN.len(),
        ways in prop::collection::vec(0_u8..24, 0..4),
    ) {
        let (words, effect) = KNOWN[which];
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        for way in ways {
            words = wrapped(&words, way);
        }
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let read = read(&argv);
        prop_assert!(
            read.effects.contains(effect) || read.effects.contains(Effect::Unknown),
            "{words:?} is {}: {:?}", read.effect, read.reasons
        );
        prop_assert!(read.effect >= effect);
    }

    #[test]
    fn the_spelling_of_words_changes_no_effect(
        which in 0..KNOWN.len(),
        ways in prop::collection::vec(0_u8..7, 8),
    ) {
        let (words, effect) = KNOWN[which];
        let text: Vec<String> = words
            .iter()
            .zip(ways.iter().cycle())
            .map(|(word, way)| spelled(word, *way))
            .collect();
        let read = script(&text.join(" "));
        prop_assert_eq!(read.effect, effect, "{:?}: {:?}", text, read.reasons);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(text in ".{0,200}", way in 0_u8..24) {
        let argv: Vec<OsString> = wrapped(&[text], way).iter().map(OsString::from).collect();
        let read = read(&argv);
        prop_assert_eq!(read.words.len(), argv.len());
    }

    #[test]
    fn pieces_of_shell_in_any_order_are_read_without_a_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "kubectl delete ns p", "\n", ";", "&", "&&", "||", "|", "(", ")", "{ ", " }", "$(", "`",
            "\"", "'", "\\", "$", "${", "}", "<<A\n", "A\n", "<", ">", "2>&1", "if ", "then ", "fi",
            "for x in ", "do ", "done", "case ", "in ", "esac", ";;", "[[ ", " ]]", "((", "))", "x=",
            "f() ", "#", "~", "*", "{a,b}", "eval ", "$x", "\"$@\"", "<(", "!", "time ", "trap ",
        ]), 0..30),
    ) {
        let read = script(&pieces.concat());
        prop_assert!(!read.effects.is_empty());
    }
}
