//! Whatever text psql is given as SQL, gate reads it without a panic and on a
//! small stack.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::thread;

use gate_policy::{CommandLine, Effect, Environment, NoFiles, Stdin, read_invocation};
use proptest::prelude::*;

/// What statements are put together from: words, signs, and what opens something
/// and may never close it.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "select", "from", "t", "where", "with recursive", "as", "(", ")", "[", "]", ",", ";", "*", ".", "'", "''", "\"",
    "$$", "$a$", "e'\\", "u&'", "u&\"", "b'", "x'", "uescape '!'", "/*", "*/", "--", "\n", "::", ":=", ":x", "$1", "1",
    "1e", "0x", ".5", "1..2", "case", "when", "then", "end", "begin", "commit", "begin atomic", "explain", "(analyze)",
    "prepare", "execute", "insert into", "values", "delete from", "update", "set", "to", "reset", "show", "copy",
    "stdin", "program", "grant", "all", "on", "create", "function", "returns int", "language sql", "table", "do",
    "merge into", "using", "declare c cursor for", "fetch", "null", "array", "row", "cast", "interval", "operator(",
    "pg_catalog", "json_table(", "columns", "over", "window", "for update", "into", "\u{e4}", "\u{0}", "\\", "\\;", "{", "}",
];

/// Returns what gate makes of a text; nothing where it panicked.
fn effect_of(text: Vec<u8>, as_script: bool) -> Option<Effect> {
    let reading = thread::Builder::new().stack_size(256 * 1024);
    let reading = reading.spawn(move || {
        let mut argv: Vec<OsString> = vec!["psql".into()];
        let stdin = if as_script {
            Stdin::Content(&text)
        } else {
            argv.extend(["-c".into(), OsString::from_vec(text.clone())]);
            Stdin::Absent
        };
        let line = CommandLine {
            argv: &argv,
            env: &Environment::default(),
            cwd: Path::new("/w"),
            stdin,
            files: &NoFiles,
        };
        read_invocation(&line).effect
    });
    reading.ok()?.join().ok()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    #[test]
    fn statements_put_together_at_random_are_read_on_a_small_stack(
        pieces in prop::collection::vec((prop::sample::select(PIECES), any::<bool>()), 0..60),
        as_script in any::<bool>(),
    ) {
        let text: String = pieces
            .iter()
            .flat_map(|(piece, apart)| [*piece, if *apart { " " } else { "" }])
            .collect();
        prop_assert!(effect_of(text.into_bytes(), as_script).is_some());
    }

    #[test]
    fn arbitrary_bytes_are_read_on_a_small_stack(
        text in prop::collection::vec(any::<u8>(), 0..300),
        as_script in any::<bool>(),
    ) {
        prop_assert!(effect_of(text, as_script).is_some());
    }
}

#[test]
fn what_nests_ten_thousand_times_is_read_on_a_small_stack() {
    for (open, inside, close) in [
        ("select ", "(", "1"),
        ("select 1", "+(1", ""),
        ("select ", "array[", "1"),
        ("select ", "case when true then ", "1"),
        ("select ", "not ", "true"),
        ("select ", "- ", "1"),
        ("select 1 ", "union all select 1 ", ""),
        ("", "explain ", "select 1"),
        ("", "/*", ""),
        ("", "with x as (", "select 1"),
        ("select * from ", "(select * from ", "t"),
        ("begin; ", "select 1; ", "commit"),
    ] {
        for as_script in [false, true] {
            let text = format!("{open}{}{close}", inside.repeat(10_000));
            assert!(
                effect_of(text.into_bytes(), as_script).is_some(),
                "{inside}"
            );
        }
    }
    let depth = 10_000;
    let closed = format!("select {}1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(effect_of(closed.into_bytes(), false), Some(Effect::Read));
}

#[test]
fn a_backslash_command_is_shown_with_its_backslash() {
    for (argv, shown) in [
        (&["psql", "-c", "\\dt+ t"][..], "\\dt+ t"),
        (
            &["psql", "-c", "\\copy t from 'a.csv'"],
            "\\copy t from 'a.csv'",
        ),
        (&["psql", "-c", "\\i a.sql"], "\\i a.sql"),
    ] {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let invocation = read_invocation(&CommandLine {
            argv: &argv,
            env: &Environment::default(),
            cwd: Path::new("/w"),
            stdin: Stdin::Absent,
            files: &NoFiles,
        });
        let nested: Vec<&str> = invocation
            .nested
            .iter()
            .map(|nested| &*nested.text)
            .collect();
        assert_eq!(nested, [shown]);
        // What it names is an input also where gate does not understand it.
        if shown.contains("a.") {
            let mut inputs = invocation.inputs.iter();
            assert!(inputs.any(|input| input.path.starts_with("/w") && input.role != "services"));
        }
    }
}
