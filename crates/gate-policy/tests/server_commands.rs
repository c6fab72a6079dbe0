//! Holds the commands of redis-cli against what a server says of them: none
//! that changes something passes as a read.
//!
//! `redis_commands.txt` is the answer of `COMMAND` of Redis 7.0.15, one command
//! and its flags on a line.

use std::ffi::OsString;
use std::path::Path;

use gate_policy::{CommandLine, Effect, Environment, NoFiles, Stdin, read_invocation};

const COMMANDS: &str = include_str!("redis_commands.txt");

/// Commands that a server keeps for administrators and that change nothing:
/// they were looked at one by one.
const LOOKED_AT: &[&str] = &[
    "acl dryrun",
    "acl log",
    "acl users",
    "client list",
    "cluster count-failure-reports",
    "cluster replicas",
    "cluster slaves",
    "config get",
    "latency doctor",
    "latency graph",
    "latency histogram",
    "latency history",
    "latency latest",
    "module list",
    "slowlog get",
    "slowlog len",
];
/// A server calls these a write for what they can store, which the words show.
const BY_ITS_WORDS: &[&str] = &["sort", "georadius", "georadiusbymember"];
/// Commands that gate does not know on purpose: they are there for the tests of
/// the server itself, or only lead to others.
const LEFT_OUT: &[&str] = &["pfdebug", "pfselftest"];

fn effect(command: &str) -> Effect {
    let words = std::iter::once("redis-cli").chain(command.split(' '));
    let argv: Vec<OsString> = words.map(OsString::from).collect();
    read_invocation(&CommandLine {
        argv: &argv,
        env: &Environment::default(),
        cwd: Path::new("/"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
    .effect
}

#[test]
fn no_command_that_a_server_calls_a_write_is_a_read() {
    let mut wrong = Vec::new();
    for line in COMMANDS.lines() {
        let (command, flags) = line.split_once(": ").unwrap();
        let has = |flag: &str| flags.split(' ').any(|known| known == flag);
        let effect = effect(command);
        let passes = effect <= Effect::Local;
        let is_write = has("write") && !BY_ITS_WORDS.contains(&command);
        let is_kept = has("admin") && !LOOKED_AT.contains(&command);
        if passes && (is_write || is_kept) {
            wrong.push(format!("{command} is {effect}"));
        }
        if has("readonly") && !has("noscript") && effect != Effect::Read {
            wrong.push(format!(
                "{command} is {effect}, and a server calls it a read"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_of_the_server_is_known() {
    let lines: Vec<&str> = COMMANDS.lines().collect();
    assert!(lines.len() > 300, "{}", lines.len());
    let leads_on = |command: &str| {
        let below = format!("{command} ");
        lines.iter().any(|line| line.starts_with(&below))
    };
    let unknown: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(command, _)| command)
        .filter(|command| !leads_on(command) && !LEFT_OUT.contains(command))
        .filter(|command| effect(command) == Effect::Unknown)
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
