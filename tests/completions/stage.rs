//! A person with a shell, a server, and requests whose every word is hostile.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::path::Path;
use std::process::Command;

use gate_protocol::request::ApprovalRequest;
use gate_testkit::home::Home;
use gate_testkit::pty::{Size, Terminal};

use crate::asked::submit;
use crate::server::{GATE, Live, run};

/// What a shell, a prompt, a menu or a terminal could take for more than text.
pub(crate) const HOSTILE: &str = "p$(touch canary)`touch canary`';touch canary;\"\n\ttouch canary\n\u{1b}]0;owned\u{7}\u{1b}[2J%F{red}%{\\e[31m%}\u{202e}*?[~!$HOME";

/// A rule that is in force for the person.
pub(crate) const RULE: &str = "team/no-drop";

/// A shell, and how its user has gate's completions.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) name: &'static str,
    arguments: &'static [&'static str],
    /// How often somebody presses tab until it lists what there is.
    pub(crate) tabs: &'static str,
    /// The file that it reads at its start, below the home.
    file: &'static str,
    /// What stands in it, with the completions of a tool `shipctl` of the shell's own.
    text: &'static str,
}

/// The shells that are driven.
pub(crate) const SHELLS: [Shell; 4] = [
    Shell {
        name: "bash",
        tabs: "\t\t\t",
        arguments: &["-i"],
        file: ".bashrc",
        text: "PS1='> '\neval \"$(gate completions bash)\"\n\
               _shipctl() { COMPREPLY=($(compgen -W 'launch land' -- \"$2\")); }\n\
               complete -F _shipctl shipctl\n",
    },
    Shell {
        name: "zsh",
        tabs: "\t\t",
        arguments: &["-i"],
        file: ".zshrc",
        text: "PS1='> '\nautoload -U compinit\ncompinit -u -D\n\
               eval \"$(gate completions zsh)\"\n\
               _shipctl() { compadd launch land }\ncompdef _shipctl shipctl\n",
    },
    Shell {
        name: "fish",
        tabs: "\t\t",
        arguments: &["-i"],
        file: ".config/fish/config.fish",
        text: "gate completions fish | source\nfunction fish_prompt; echo -n '> '; end\n\
               complete -c shipctl -f -a 'launch land'\n",
    },
    Shell {
        name: "elvish",
        tabs: "\t\t",
        arguments: &[],
        file: ".config/elvish/rc.elv",
        text: "eval (gate completions elvish | slurp)\nset edit:prompt = { put '> ' }\n\
               set edit:completion:arg-completer[shipctl] = {|@words| put launch land }\n",
    },
];

/// The server has break-glass, for the people who answer anyway.
const SETTINGS: &str = "[break_glass]\napprovers = ['group:approvers']\ncount = 1\n";

/// The stage: bob, who may answer what alice's agent asks.
pub(crate) struct Stage {
    pub(crate) live: Live,
    pub(crate) home: Home,
    /// Waits for an answer.
    pub(crate) pending: ApprovalRequest,
    /// Has got a no.
    pub(crate) denied: ApprovalRequest,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let live = Live::start_with(SETTINGS);
        let denied = submit(&live, &format!("a{HOSTILE}"), HOSTILE);
        let no = ["deny", &denied.id.to_string()];
        assert_eq!(run(&mut live.gate("bob_approver", &no)).code, Some(0));
        let pending = submit(&live, HOSTILE, HOSTILE);
        let mut home = Home::new().unwrap();
        home.set("GATE_SERVER", live.said("/url"));
        home.set("GATE_TOKEN", live.said("/tokens/bob_approver"));
        home.link("gate", Path::new(GATE)).unwrap();
        home.script("shipctl", "#!/bin/sh\n").unwrap();
        home.write("work/table-of-cases", "").unwrap();
        home.write(
            ".config/gate/rules.d/team.toml",
            format!("[[rule]]\nid = \"{RULE}\"\ntool = \"psql\"\ndecision = \"deny\"\n"),
        )
        .unwrap();
        Self {
            live,
            home,
            pending,
            denied,
        }
    }

    /// Returns the answer of `gate __complete` for the words behind `gate`, as the holder of the
    /// token `who`.
    pub(crate) fn offered(&self, who: &str, shell: &str, words: &[&str]) -> Vec<String> {
        let mut command = self.home.command(GATE);
        let token = self.live.said(&format!("/tokens/{who}"));
        command.args(["__complete", shell, "--"]).args(words);
        let ran = run(command.env("GATE_TOKEN", token));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{words:?}");
        ran.stdout.lines().map(str::to_owned).collect()
    }

    /// Opens a terminal with the shell in it.
    pub(crate) fn opened(&self, shell: &Shell) -> Terminal {
        self.home.write(shell.file, shell.text).unwrap();
        let mut command = self.home.command(shell.name);
        command
            .env("ZDOTDIR", self.home.path())
            .args(shell.arguments);
        let size = Size {
            rows: 60,
            columns: 220,
        };
        Terminal::spawn(command, size).unwrap()
    }

    /// Returns a script for bash, which does not run by itself what a terminal would need.
    pub(crate) fn bash(&self, script: &str) -> Command {
        let mut command = self.home.command("bash");
        command.args(["--norc", "--noprofile", "-c", script]);
        command
    }

    /// Fails where anything of a request was run, or reached the terminal as more than text.
    #[track_caller]
    pub(crate) fn assert_inert(&self, shell: &str, said: &[u8]) {
        let work = self.home.work();
        assert!(!work.join("canary").exists(), "{shell} ran what it read");
        let said = String::from_utf8_lossy(said);
        for marked in ["owned\u{7}", "\u{202e}", "%F{red}", "`touch"] {
            assert!(!said.contains(marked), "{shell}: {marked:?} in {said}");
        }
    }
}
