//! Says in which order a linker has to put the pieces of the shim.
//!
//! ```text
//! order GATE SHIM MAP
//! ```
//!
//! The shim is large, and an allowed command needs little of it: what it needs lies together when
//! it is linked so, and is mapped by a few page faults instead of many. Which pieces those are is
//! seen by following `SHIM` through everyday commands by the policy that `GATE` compiles. `MAP` is
//! what the linker said of the program that is followed; the script that is printed is for `ld -T`.
#![expect(
    clippy::print_stdout,
    reason = "the script is what this program is for"
)]

mod map;
mod script;
mod windows;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use gate_testkit::home::Home;
use gate_testkit::steps;
use map::{Map, Piece};

/// Everyday commands that are allowed by the built-in rules: a tool and its words.
const COMMANDS: [(&str, &[&str]); 15] = [
    ("kubectl", &["get", "pods", "-n", "web", "-o", "wide"]),
    ("kubectl", &["describe", "pod", "web-0"]),
    ("kubectl", &["logs", "deploy/web", "--tail=100"]),
    ("terraform", &["validate"]),
    ("terraform", &["plan"]),
    ("terraform", &["state", "list"]),
    ("aws", &["s3", "ls"]),
    (
        "aws",
        &["ec2", "describe-instances", "--region", "eu-west-1"],
    ),
    ("aws", &["sts", "get-caller-identity"]),
    ("psql", &["-c", "select id, name from users where id = 7"]),
    ("psql", &["-l"]),
    ("git", &["status", "--short"]),
    ("git", &["log", "-5", "--oneline"]),
    ("docker", &["ps"]),
    ("helm", &["list"]),
];

fn main() -> io::Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(gate), Some(shim), Some(map)) = (args.next(), args.next(), args.next()) else {
        return Err(io::Error::other("usage: order GATE SHIM MAP"));
    };
    let map = Map::read(&std::fs::read_to_string(map)?)?;
    let home = home(&gate, &shim)?;
    let mut touched = Vec::new();
    for command in COMMANDS {
        touched.push(follow(&home, command, &map)?);
    }
    print!("{}", script::of(&map, &touched));
    Ok(())
}

/// Makes a home with a shim and a tool of each name, and a compiled policy.
fn home(gate: &Path, shim: &Path) -> io::Result<Home> {
    let mut home = Home::with_path(&[])?;
    let programs = home.path().join("programs");
    let shims = home.path().join("shims");
    std::fs::create_dir(&programs)?;
    std::fs::create_dir(&shims)?;
    // What is not plainly allowed is the full gate's, which lies beside the shim.
    let placed = programs.join("gate-shim");
    std::fs::copy(shim, &placed)?;
    std::os::unix::fs::symlink(gate, programs.join("gate"))?;
    let names: BTreeSet<&str> = COMMANDS.iter().map(|(tool, _)| *tool).collect();
    for name in names {
        std::os::unix::fs::symlink(&placed, shims.join(name))?;
        std::fs::copy("/bin/true", home.bin().join(name))?;
    }
    let path = std::env::join_paths([shims, home.bin()]).map_err(io::Error::other)?;
    home.set("PATH", path);
    // A variable that a tool may read is looked at: it has those of everybody.
    for name in ["TMPDIR", "XDG_RUNTIME_DIR"] {
        home.unset(name);
    }
    let compiled = home.command(gate).args(["rules", "compile"]).output()?;
    let said = [compiled.stdout, compiled.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if !said.contains("was compiled") {
        return Err(io::Error::other(said));
    }
    Ok(home)
}

/// Returns the pieces that a command needs, in the order in which it comes to them.
fn follow<'m>(
    home: &Home,
    (tool, words): (&str, &[&str]),
    map: &'m Map,
) -> io::Result<Vec<&'m Piece>> {
    let shim = home.path().join("shims").join(tool);
    let argv: Vec<&OsStr> = [shim.as_os_str()]
        .into_iter()
        .chain(words.iter().map(OsStr::new))
        .collect();
    let mut found = Vec::new();
    let mut is_known = BTreeSet::new();
    let steps = steps::follow(home.command("/bin/sh"), &argv, &mut |_, registers| {
        let code = map.at(registers.rip).filter(|piece| piece.is_code());
        let pointers = [
            registers.rax,
            registers.rbx,
            registers.rcx,
            registers.rdx,
            registers.rsi,
            registers.rdi,
            registers.rbp,
            registers.r8,
            registers.r9,
            registers.r10,
            registers.r11,
            registers.r12,
            registers.r13,
            registers.r14,
            registers.r15,
        ];
        let constants = pointers.into_iter().filter_map(|address| map.at(address));
        let constants = constants.filter(|piece| piece.is_constant());
        for piece in code.into_iter().chain(constants) {
            if is_known.insert(piece.start) {
                found.push(piece);
            }
        }
    })?;
    if steps.became != home.bin().join(tool) {
        let words = words.join(" ");
        let text = format!(
            "`{tool} {words}` is not plainly allowed: it became {}",
            steps.became.display()
        );
        return Err(io::Error::other(text));
    }
    Ok(found)
}
