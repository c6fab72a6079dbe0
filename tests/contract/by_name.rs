//! Shells that call the tool by its name: a script of one command, and what a person types in tmux.

use std::path::Path;

use crate::contract::pty::Dialect;
use crate::contract::wrapper::{ByName, Wrapper, example};
use crate::tmux::Tmux;

/// A shell, without anybody's settings.
#[derive(Debug)]
pub(crate) struct NamedShell {
    pub(crate) name: &'static str,
    /// Runs the program that its first argument has the name of, with the rest, in its own place.
    script: &'static [&'static str],
    terminal: Dialect,
    /// Cases in which the shell itself does to a bare tool what they forbid.
    own: &'static [&'static str],
}

/// What no shell leaves as it is: it reads the environment and writes another one. What stands in its
/// way before a tool is called is the shell's to say, and not only gate's.
const OWN_OF_ALL: [&str; 1] = ["the_environment_arrives_in_order"];

const BY_POSIX: &str = "name=${1##*/}; shift; exec \"$name\" \"$@\"";
const BY_FISH: &str =
    "set name (string replace -r '.*/' '' -- $argv[1]); set -e argv[1]; exec $name $argv";
const FISH_PROMPT: &str = "function fish_prompt; echo -n 'shell-is-ready> '; end";

pub(crate) static SHELLS: [NamedShell; 4] = [
    NamedShell {
        name: "bash",
        script: &["bash", "--norc", "--noprofile", "-c", BY_POSIX, "bash"],
        terminal: Dialect {
            argv: &["bash", "--norc", "--noprofile", "-i"],
            code: "$?",
            stopped: ["Stopped", "Stopped (tty input)", "Stopped (tty output)"],
            jobs: "jobs -l",
            no_jobs: "",
            is_posix: true,
        },
        own: &[],
    },
    NamedShell {
        name: "dash",
        script: &["dash", "-c", BY_POSIX, "dash"],
        terminal: Dialect {
            argv: &["dash", "-i"],
            code: "$?",
            stopped: ["Stopped", "Stopped (tty input)", "Stopped (tty output)"],
            jobs: "jobs -l",
            no_jobs: "",
            is_posix: true,
        },
        own: &[],
    },
    NamedShell {
        name: "zsh",
        script: &["zsh", "-f", "-c", BY_POSIX, "zsh"],
        terminal: Dialect {
            // Without a mark where a line of the tool's has no end.
            argv: &["zsh", "-f", "-o", "nopromptsp", "-i"],
            code: "$?",
            stopped: [
                "suspended",
                "suspended (tty input)",
                "suspended (tty output)",
            ],
            jobs: "jobs -l",
            no_jobs: "",
            is_posix: true,
        },
        own: &[],
    },
    NamedShell {
        name: "fish",
        script: &["fish", "--no-config", "-c", BY_FISH],
        terminal: Dialect {
            argv: &["fish", "--no-config", "-i", "-C", FISH_PROMPT],
            code: "$status",
            stopped: ["has stopped", "stopped", "stopped"],
            jobs: "jobs",
            no_jobs: "jobs: There are no jobs\r\n",
            is_posix: false,
        },
        own: &[
            // At its prompt it has modes of its own, without `tostop`.
            "a_background_writer_stops_under_tostop",
        ],
    },
];

impl NamedShell {
    /// Tells whether a case is about what this shell does itself.
    pub(crate) fn is_own(&self, case: &str) -> bool {
        let mut own = OWN_OF_ALL.iter().chain(self.own);
        own.any(|name| case.ends_with(name))
    }

    /// The shell with `front` first on its PATH, compared with itself with `empty` there.
    pub(crate) fn wrapper(&'static self, front: &Path, empty: &Path) -> Wrapper {
        let probe = example("probe");
        Wrapper::by_name(
            self.name,
            ByName {
                dialect: &self.terminal,
                open: Tmux::open,
                script: self.script.iter().map(Into::into).collect(),
                front: front.to_owned(),
                empty: empty.to_owned(),
                rest: std::env::var("PATH").unwrap(),
                tools: probe.parent().unwrap().to_owned(),
            },
        )
    }
}
