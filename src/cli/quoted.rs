//! The commands that messages and hints tell people to run are commands.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;

use super::Cli;

/// What stands in a message where a value does.
const VALUES: [(&str, &str); 4] = [
    ("{channel}", "team-chat"),
    ("{server}", "https://gate.example.com"),
    ("{}", "0199a3c0-1111-7000-8000-0000deadbeef"),
    ("URL", "https://gate.example.com"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// Returns each `gate …` between backticks, but for those of comments.
fn quoted(source: &str) -> Vec<String> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code: Vec<&str> = source.lines().filter(is_code).collect();
    let code = code.join("\n");
    // Not in one piece, or this line would be one of them.
    let begin = ["`", "gate "].concat();
    let commands = code.split(&begin).skip(1);
    commands
        .filter_map(|rest| rest.split_once('`'))
        .map(|(words, _)| format!("gate {words}"))
        .collect()
}

fn mistake(command: &str) -> Option<String> {
    let mut line = command.to_owned();
    for (placeholder, value) in VALUES {
        line = line.replace(placeholder, value);
    }
    // A string may go on in the next line of the source.
    let words = line.split_whitespace().filter(|word| *word != "\\");
    let parsed = <Cli as clap::Parser>::try_parse_from(words);
    match parsed.map_err(|error| error.kind()) {
        // A command that is named and not told to be run may lack what its own use needs. What clap
        // answers by itself, as the version, is one too.
        Ok(_) | Err(ErrorKind::MissingRequiredArgument | ErrorKind::DisplayVersion) => None,
        Err(kind) => Some(format!("`{command}`: {kind}")),
    }
}

#[test]
fn every_command_that_a_message_quotes_is_one_of_the_command_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    for crate_folder in std::fs::read_dir(root.join("crates")).unwrap() {
        sources(&crate_folder.unwrap().path().join("src"), &mut files);
    }
    let mut commands: Vec<String> = files
        .iter()
        .flat_map(|path| quoted(&std::fs::read_to_string(path).unwrap()))
        .collect();
    commands.sort();
    commands.dedup();
    assert!(commands.len() > 10, "{commands:?}");
    let mistakes: Vec<String> = commands.iter().filter_map(|line| mistake(line)).collect();
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}

#[test]
fn a_command_that_is_none_is_noticed() {
    for (line, ok) in [
        ("gate requests", false),
        ("gate request list", false),
        ("gate audit verify --lives", false),
        ("gate login --server {server}", true),
    ] {
        assert_eq!(mistake(line).is_none(), ok, "{line}");
    }
}
