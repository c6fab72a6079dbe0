//! For which tools a hook speaks.
//!
//! An agent's shell runs everything: compilers, tests, `sed`. Shims stand before few of these, and
//! a hook that asked about each of them would be taken out the same day. So by the built-in
//! baseline a hook speaks for tools that reach beyond the work folder. What a rule that somebody
//! wrote is about is always heard, whatever tool it names.

use gate_policy::{Decision, Effect, EffectSet, Invocation, Layer, RuleSummary};

use crate::everyday::EVERYDAY;

/// What works in the folder most of the time, and reaches beyond it, or takes from it what nobody
/// brings back, with some commands.
const PARTLY: &[&str] = &[
    "cargo", "docker", "git", "npm", "npx", "pnpm", "podman", "sqlite3", "yarn",
];
/// What runs other commands, beside [`KEEPING_PATH`]: where it is not understood, these may hide in it.
const CARRIERS: &[&str] = &[
    "awk", "bash", "busybox", "env", "ksh", "parallel", "script", "sed", "sh", "zsh",
];
/// Programs that run the command behind their own options, or one that stands in a quoted word.
const STARTERS: &[&str] = &[
    "bunx",
    "caffeinate",
    "catchsegv",
    "chronic",
    "csh",
    "dbus-run-session",
    "direnv",
    "elvish",
    "entr",
    "faketime",
    "fish",
    "flock",
    "hyperfine",
    "k3s",
    "ltrace",
    "microk8s",
    "minikube",
    "nix-shell",
    "npx",
    "nu",
    "parallel",
    "pipx",
    "prlimit",
    "proxychains",
    "proxychains4",
    "pwsh",
    "rbash",
    "rlwrap",
    "runuser",
    "screen",
    "setpriv",
    "strace",
    "systemd-run",
    "tcsh",
    "tmux",
    "torsocks",
    "toybox",
    "unbuffer",
    "uvx",
    "xonsh",
    "xvfb-run",
];
/// What the system's loader of programs is called, which runs the program behind it.
const LOADERS: [&str; 3] = ["ld-linux", "ld-musl", "ld.so"];
/// Programs that fetch a package and run the program that is called as the first word says.
const FETCHERS: &[&str] = &["bunx", "npx", "pipx", "uvx"];
/// Their options whose value is a package, or a text for a shell.
const FETCHED: &[&str] = &["--call", "--from", "--package", "--spec", "-c", "-p"];
/// Options by which a program gives something a name, which is none of a tool.
const NAMING: &[(&str, &[&str])] = &[
    ("nix-shell", &["--packages", "-A", "-p"]),
    ("screen", &["-S", "-r", "-t"]),
    ("tmux", &["-n", "-s", "-t"]),
];
/// What stands right before a command that such a program is to run, as in `aws-vault exec p --`.
const BEFORE_COMMAND: &[&str] = &["--", "exec", "foreach", "run"];
/// What runs another command with the very PATH that it has: `env` may take it away, and a shell
/// may read a file that makes its own.
const KEEPING_PATH: &[&str] = &[
    "chrt", "find", "ionice", "nice", "nohup", "setsid", "stdbuf", "taskset", "time", "timeout",
    "watch", "xargs",
];
/// Tools that reach beyond the folder, by each name that a script can call them.
const BEYOND: &[&str] = &[
    "ansible",
    "ansible-galaxy",
    "ansible-inventory",
    "ansible-playbook",
    "ansible-vault",
    "aws",
    "az",
    "bq",
    "chroot",
    "doas",
    "gcloud",
    "gh",
    "glab",
    "gsutil",
    "helm",
    "journalctl",
    "kubectl",
    "mongosh",
    "mysql",
    "nsenter",
    "psql",
    "pulumi",
    "redis-cli",
    "rsync",
    "scp",
    "sftp",
    "ssh",
    "su",
    "sudo",
    "systemctl",
    "terraform",
    "tofu",
    "twine",
    "unshare",
    "vault",
];

/// Tells whether a hook speaks for what this command does by itself, by the baseline.
pub(super) fn speaks_for(invocation: &Invocation, script: &str) -> bool {
    let tool = &*invocation.tool;
    if !invocation.known {
        return false;
    }
    if invocation.profile.is_some() {
        return true;
    }
    let effects = invocation.own_effects;
    if PARTLY.contains(&tool) {
        return lasts(effects) || (effects.contains(Effect::Unknown) && mentions_tool(script));
    }
    let is_carrier = CARRIERS.contains(&tool) || KEEPING_PATH.contains(&tool);
    if is_carrier && effects.contains(Effect::Unknown) {
        return mentions_tool(script);
    }
    !EVERYDAY.contains(&tool)
}

/// Tells whether a tool that has a profile may run what its words name: `npx`, `npm exec`,
/// `git bisect run`, `parallel`.
pub(super) fn may_start(invocation: &Invocation) -> bool {
    let tool = &*invocation.tool;
    let runs = [Effect::Execute, Effect::Unknown].into_iter().collect();
    let runs_it = match tool {
        // What an image or a package has behind these names is its own.
        "cargo" | "docker" | "podman" | "sqlite3" => false,
        "npm" | "pnpm" | "yarn" => {
            let mut words = invocation.command.iter();
            words.any(|word| matches!(&**word, "dlx" | "exec" | "x"))
        }
        _ => PARTLY.contains(&tool) || CARRIERS.contains(&tool),
    };
    runs_it && invocation.own_effects.intersects(runs)
}

/// Tells whether some of the effects stay, or reach somebody else.
pub(super) fn lasts(effects: EffectSet) -> bool {
    let lasting = [
        Effect::Write,
        Effect::Destroy,
        Effect::Access,
        Effect::Secret,
    ];
    effects.intersects(lasting.into_iter().collect())
}

/// Tells whether a program runs a tool that a hook speaks for, as far as that shows in its words:
/// the list of programs is not whole. One that begins with a dash is no program, but an option of
/// what stands before it that is not known.
pub(super) fn takes_along(argv: &[String]) -> bool {
    let Some((program, words)) = argv.split_first() else {
        return false;
    };
    let name = name_of(program);
    let is_loader = LOADERS.iter().any(|start| name.starts_with(start));
    if FETCHERS.contains(&name) {
        return fetches_tool(words);
    }
    if program.starts_with('-') || is_loader || STARTERS.contains(&name) {
        let naming = NAMING.iter().find(|(program, _)| *program == name);
        let names = |word: &String| naming.is_some_and(|(_, options)| options.contains(&&**word));
        let before = std::iter::once(None).chain(words.iter().map(Some));
        let mut words = before.zip(words);
        return words.any(|(before, word)| !before.is_some_and(names) && holds_tool(word));
    }
    let mut pairs = words.iter().zip(words.iter().skip(1));
    pairs.any(|(before, word)| BEFORE_COMMAND.contains(&&**before) && holds_tool(word))
}

/// Tells whether the program or the package that is fetched is a tool's, or a text for a shell has it.
fn fetches_tool(words: &[String]) -> bool {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = match word.split_once('=') {
            Some((option, value)) if FETCHED.contains(&option) => Some(value),
            _ if FETCHED.contains(&&**word) => words.next().map(String::as_str),
            _ => None,
        };
        match value {
            Some(value) if holds_tool(value) => return true,
            Some(_) => {}
            None if word.starts_with('-') || word == "run" => {}
            None => return holds_tool(word),
        }
    }
    false
}

/// Tells whether a word is the name of a tool, or a text that has it where a word stands.
fn holds_tool(word: &str) -> bool {
    let is_apart = |c: char| c.is_whitespace() || ";|&()`'\"<>!{}$=".contains(c);
    // A path from here leads to a file of the folder, not to an installed tool.
    let is_elsewhere = |piece: &&str| !piece.contains('/') || piece.starts_with('/');
    let mut pieces = word.split(is_apart).filter(is_elsewhere);
    pieces.any(|piece| BEYOND.contains(&name_of(piece)))
}

fn name_of(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// Tells whether a command that this one runs is looked for on the same PATH.
pub(super) fn keeps_path(tool: &str) -> bool {
    KEEPING_PATH.contains(&tool)
}

/// Tells whether gate could not read a script at all, or not to its end: then no command of it was
/// judged by itself, or not each.
pub(super) fn is_unread(invocation: &Invocation) -> bool {
    let tool = &*invocation.tool;
    let is_carrier = CARRIERS.contains(&tool) || KEEPING_PATH.contains(&tool);
    let says_so = |why: &String| {
        why.starts_with("the script is not understood") || why.ends_with("than gate reads")
    };
    is_carrier && invocation.reasons.iter().any(says_so)
}

/// Tells whether a script that could not be read may hold what a hook speaks for, or what a rule
/// that does not allow is about.
pub(super) fn hides(script: &str, rules: &[RuleSummary]) -> bool {
    let heard = |rule: &&RuleSummary| {
        rule.decision != Decision::Allow && rule.rule.layer != Layer::Baseline
    };
    let mut tools = rules.iter().filter(heard).map(|rule| &rule.tools);
    mentions_tool(script)
        || mentions(script, |word| PARTLY.contains(&word))
        || tools.any(|tools| tools.is_empty() || tools.iter().any(|tool| may_name(script, tool)))
}

/// Tells whether a text holds a name that a rule is about. A pattern may be any of them.
fn may_name(script: &str, tool: &str) -> bool {
    !tool.chars().all(is_of_name) || mentions(script, |word| word == tool)
}

/// Tells whether a text that is not understood holds the name of a tool that a hook speaks for,
/// quoted or not, in one line or more, or may spell one letter by letter.
fn mentions_tool(script: &str) -> bool {
    (script.contains("$'") && spells(script)) || mentions(script, |word| BEYOND.contains(&word))
}

fn mentions(script: &str, is_meant: impl Fn(&str) -> bool) -> bool {
    unquoted(script)
        .split(|c: char| !is_of_name(c))
        .any(is_meant)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Returns a script without what quotes in it, and without the line ends that a backslash takes
/// back.
pub(super) fn unquoted(script: &str) -> String {
    let joined = script.replace("\\\n", "");
    joined.replace(['\'', '"', '\\'], "")
}

/// Tells whether a letter may stand in it by its number, as in `$'\x6b'`.
fn spells(script: &str) -> bool {
    let mut rest = script.split('\\').skip(1);
    rest.any(|behind| behind.starts_with(|c: char| matches!(c, 'x' | 'u' | 'U' | '0'..='7')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_profile_is_sorted_once() {
        let folder =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/gate-policy/profiles");
        let mut found = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(name) = name.strip_suffix(".toml").filter(|name| *name != "every") else {
                continue;
            };
            found += 1;
            let lists = [EVERYDAY, PARTLY, BEYOND];
            let count = lists.iter().filter(|list| list.contains(&name)).count();
            assert_eq!(count, 1, "`{name}` belongs into one list of this file");
        }
        assert!(found > 90, "{found}");
    }

    #[test]
    fn a_program_without_a_profile_shows_what_it_runs() {
        let shows =
            |line: &str| takes_along(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for line in [
            "- kubectl delete ns p",
            "-5 /usr/bin/kubectl delete ns p",
            "strace -f kubectl delete ns p",
            "aws-vault exec prod -- terraform destroy",
            "uv run aws s3 ls",
            "minikube kubectl -- delete ns p",
            "fish -c kubectl",
            "npx -y kubectl get pods",
            "npx --package=x -c kubectl",
            "uvx --from awscli aws s3 ls",
            "pipx run ansible",
            "tmux new -d kubectl",
            "git submodule foreach kubectl",
            "/lib64/ld-linux-x86-64.so.2 /usr/bin/kubectl delete ns p",
        ] {
            assert!(shows(line), "{line}");
        }
        for line in [
            "brew install kubectl helm",
            "which terraform",
            "rg kubectl -- src",
            "./deploy.sh aws",
            "npx eslint packages/aws",
            "npx -y tsc -p packages/aws",
            "npx jest -t ssh",
            "tmux new -s vault",
            "nix-shell -p helm",
            "direnv allow ~/aws",
            "ld.lld -o vault",
            "pipx install ansible",
            "just run",
            "ldd kubectl",
        ] {
            assert!(!shows(line), "{line}");
        }
        let quoted = ["tmux", "new", "-d", "cd x && kubectl delete ns p"].map(str::to_owned);
        assert!(takes_along(&quoted));
    }

    #[test]
    fn a_name_is_found_through_quotes_and_not_inside_a_word() {
        for text in [
            "x; kubectl y",
            "k'ub'ectl",
            "\\aws s3",
            "$(which psql)",
            r"$'\x6bubectl' y",
            "kube\\\nctl y",
        ] {
            assert!(mentions_tool(text), "{text}");
        }
        for text in ["paws", "kubectls", "my-aws", "ls *.rs", r"IFS=$'\n'"] {
            assert!(!mentions_tool(text), "{text}");
        }
    }
}
