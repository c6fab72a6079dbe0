//! `gate shell-init`, by the shells themselves.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "shims/stage.rs"]
mod stage;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use std::process::Command;
use std::time::Duration;

use gate_testkit::pty::{Size, Terminal};
use stage::{Stage, assert_ends, run};

const WITHIN: Duration = Duration::from_secs(30);
const SAID: &str = "gate: something had put other folders before the shims on PATH";
const AGAIN: &str = "gate: other folders came before the shims on PATH again";

/// Each shell with how it runs a script without its user's start-up files, and
/// the line that its user adds.
const SHELLS: [(&str, &[&str], &str); 4] = [
    (
        "bash",
        &["--norc", "--noprofile", "-c"],
        "eval \"$(gate shell-init bash)\"",
    ),
    ("zsh", &["-f", "-c"], "eval \"$(gate shell-init zsh)\""),
    (
        "fish",
        &["--no-config", "-c"],
        "gate shell-init fish | source",
    ),
    ("sh", &["-c"], "eval \"$(gate shell-init sh)\""),
];

/// The shells that look again at each prompt.
const PROMPTS: [&str; 3] = ["bash", "zsh", "fish"];

/// Names that a careless script would take apart.
const FOLDERS: [&str; 8] = [
    "plain",
    "with blank",
    "it's",
    "$HOME",
    "a\"b`c",
    "back\\slash\\",
    "*[a]?",
    "new\nline",
];

/// A stage whose gate is called by its name.
fn stage() -> Stage {
    let stage = Stage::new();
    stage.home.link("gate", &stage.program("gate")).unwrap();
    stage
}

/// The line that a user of `shell` adds, for a folder that `SHIMS` names.
fn line_for(line: &str) -> String {
    line.replacen(")\"", " --dir \"$SHIMS\")\"", 1)
        .replacen(" |", " --dir \"$SHIMS\" |", 1)
}

fn in_shell(stage: &Stage, shell: &str, args: &[&str], script: &str) -> Command {
    let mut command = stage.home.command(shell);
    command.args(args).arg(script);
    command
}

#[test]
fn the_folder_comes_first_and_once_whatever_path_was_and_whatever_it_is_called() {
    let stage = stage();
    for (shell, args, line) in SHELLS {
        let line = line_for(line);
        let print = if shell == "fish" {
            "string join : -- $PATH"
        } else {
            "printf '%s\\n' \"$PATH\""
        };
        for name in FOLDERS {
            let shims = stage.home.path().join(name);
            let shims = shims.to_str().unwrap();
            let bin = stage.home.bin();
            let system = format!("{}:/usr/bin:/bin", bin.display());
            for path in [
                system.clone(),
                format!("{system}:{shims}"),
                format!("{shims}:{system}"),
                format!("{}:{shims}:{shims}:/usr/bin:{shims}:/bin", bin.display()),
            ] {
                let mut command =
                    in_shell(&stage, shell, args, &format!("{line}\n{line}\n{print}"));
                command.env("PATH", &path).env("SHIMS", shims);
                let ran = run(&mut command);
                assert_eq!(ran.code, Some(0), "{shell} {path}: {ran:?}");
                assert_eq!(ran.stderr, "", "{shell} {path}");
                let expected = format!("{shims}:{system}\n");
                assert_eq!(ran.stdout, expected, "{shell} {path}");
            }
        }
    }
}

#[test]
fn the_other_entries_of_path_stay_as_they_are() {
    let stage = stage();
    let bin = stage.home.bin();
    let bin = bin.to_str().unwrap();
    for (shell, args, line) in SHELLS.into_iter().filter(|(shell, ..)| *shell != "fish") {
        let script = format!("{line}\nprintf '%s\\n' \"$PATH\"");
        for rest in [
            format!("{bin}:/usr/bin"),
            format!(":{bin}:/usr/bin"),
            format!("{bin}::/usr/bin"),
            format!("{bin}:relative:{bin}:/usr/bin/"),
        ] {
            let mut command = in_shell(&stage, shell, args, &script);
            let ran = run(command.env("PATH", &rest));
            let expected = format!("{}:{rest}\n", stage.shims().display());
            assert_eq!(ran.stdout, expected, "{shell}: {ran:?}");
        }
    }
}

#[test]
fn strict_shells_read_it_too() {
    let stage = stage();
    for (shell, args, line) in SHELLS.into_iter().filter(|(shell, ..)| *shell != "fish") {
        let script = format!("set -eu\n{line}\necho \"$PATH\"");
        let ran = assert_ends(run(&mut in_shell(&stage, shell, args, &script)), 0);
        assert!(
            ran.stdout.starts_with(stage.shims().to_str().unwrap()),
            "{shell}: {ran:?}"
        );
        assert_eq!(ran.stderr, "", "{shell}");
    }
}

/// A terminal with the shell, which reads the user's line at its start.
fn opened(stage: &Stage, shell: &str, line: &str) -> Terminal {
    let rc = match shell {
        "bash" => ".bashrc",
        "zsh" => ".zshrc",
        _ => ".config/fish/config.fish",
    };
    stage.home.write(rc, format!("{line}\n")).unwrap();
    let mut command = stage.home.command(shell);
    command.env("ZDOTDIR", stage.home.path()).arg("-i");
    Terminal::spawn(
        command,
        Size {
            rows: 50,
            columns: 200,
        },
    )
    .unwrap()
}

/// Types a command, and waits until it is done.
fn typed(terminal: &Terminal, command: &str, step: usize) {
    terminal
        .send(format!("{command}; printf 'done-%s.\\n' {step}\r"))
        .unwrap();
    terminal.wait_for(&format!("done-{step}."), WITHIN).unwrap();
}

#[test]
fn at_each_prompt_the_folder_is_put_first_again_and_that_is_said_twice() {
    for (shell, _, line) in SHELLS
        .into_iter()
        .filter(|(shell, ..)| PROMPTS.contains(shell))
    {
        let stage = stage();
        let terminal = opened(&stage, shell, line);
        let early = if shell == "fish" {
            "set -gx PATH /early $PATH"
        } else {
            "PATH=/early:$PATH"
        };
        let keep = |name: &str| {
            if shell == "fish" {
                format!("string join : -- $PATH >{name}")
            } else {
                format!("printf '%s\\n' \"$PATH\" >{name}")
            }
        };
        // The next prompt comes between two lines.
        for (step, command) in [
            keep("one"),
            early.into(),
            keep("two"),
            early.into(),
            keep("three"),
        ]
        .iter()
        .enumerate()
        {
            typed(&terminal, command, step);
        }
        terminal.send("exit\r").unwrap();
        terminal.exit_status(WITHIN).unwrap();
        let shims = stage.shims();
        let path = format!("{}:{}:/usr/bin:/bin", "", stage.home.bin().display());
        let kept = |name: &str| fs::read_to_string(stage.home.work().join(name)).unwrap();
        let expected = |early: &str| format!("{}{early}{path}\n", shims.display());
        assert_eq!(kept("one"), expected(""), "{shell}");
        assert_eq!(kept("two"), expected(":/early"), "{shell}");
        assert_eq!(kept("three"), expected(":/early:/early"), "{shell}");
        let transcript = String::from_utf8_lossy(&terminal.transcript()).into_owned();
        assert_eq!(transcript.matches(SAID).count(), 1, "{shell}: {transcript}");
        assert_eq!(
            transcript.matches(AGAIN).count(),
            1,
            "{shell}: {transcript}"
        );
    }
}

#[test]
fn what_registers_behind_the_look_at_each_prompt_does_not_win_for_good() {
    for (shell, line, later) in [
        (
            "bash",
            SHELLS[0].2,
            "later() { PATH=/real:$PATH; }; PROMPT_COMMAND+=$'\\nlater'",
        ),
        (
            "bash",
            SHELLS[0].2,
            "later() { PATH=/real:$PATH; }; PROMPT_COMMAND+=(later)",
        ),
        (
            "zsh",
            SHELLS[1].2,
            "later() { PATH=/real:$PATH; }; precmd_functions+=(later)",
        ),
        (
            "fish",
            SHELLS[2].2,
            "function later --on-event fish_prompt; set -gx PATH /real $PATH; end",
        ),
    ] {
        let stage = stage();
        let terminal = opened(&stage, shell, line);
        typed(&terminal, later, 0);
        for step in 1..4 {
            typed(&terminal, "true", step);
        }
        let print = if shell == "fish" {
            "string join : -- $PATH >kept"
        } else {
            "printf '%s\\n' \"$PATH\" >kept"
        };
        typed(&terminal, print, 4);
        terminal.send("exit\r").unwrap();
        terminal.exit_status(WITHIN).unwrap();
        let kept = fs::read_to_string(stage.home.work().join("kept")).unwrap();
        let shims = stage.shims();
        assert!(kept.starts_with(shims.to_str().unwrap()), "{later}: {kept}");
        let transcript = String::from_utf8_lossy(&terminal.transcript()).into_owned();
        assert!(transcript.contains(SAID), "{later}: {transcript}");
    }
}

#[test]
fn a_shell_that_has_run_the_tool_already_meets_a_shim_that_comes_later() {
    for (shell, _, line) in SHELLS
        .into_iter()
        .filter(|(shell, ..)| PROMPTS.contains(shell))
    {
        let stage = stage();
        stage.tool("helm");
        let terminal = opened(&stage, shell, line);
        typed(&terminal, "helm version >first", 0);
        typed(&terminal, "gate shim install helm 2>told", 1);
        typed(&terminal, "command -v helm >where; helm version >second", 2);
        // Where `command -v` does not say what the shell remembers, `type` does.
        typed(&terminal, "type helm >what", 3);
        terminal.send("exit\r").unwrap();
        terminal.exit_status(WITHIN).unwrap();
        let kept = |name: &str| fs::read_to_string(stage.home.work().join(name)).unwrap();
        let shim = stage.shims().join("helm");
        let shim = shim.to_str().unwrap();
        assert_eq!(kept("first"), "helm: version\n", "{shell}");
        assert!(kept("where").contains(shim), "{shell}: {}", kept("where"));
        assert!(kept("what").contains(shim), "{shell}: {}", kept("what"));
        assert!(
            kept("told").contains("hash -r"),
            "{shell}: {}",
            kept("told")
        );
    }
}

#[test]
fn a_prompt_says_that_the_program_behind_the_shims_is_gone() {
    const GONE: &str = "leads to a gate that is gone";
    for (shell, _, line) in SHELLS
        .into_iter()
        .filter(|(shell, ..)| PROMPTS.contains(shell))
    {
        let stage = stage();
        fs::create_dir_all(stage.shims()).unwrap();
        let program = stage.home.path().join("opt/gate-shim");
        let shim = stage.shims().join("kubectl");
        std::os::unix::fs::symlink(&program, shim).unwrap();
        stage.home.write("opt/gate-shim", "").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let terminal = opened(&stage, shell, line);
        typed(&terminal, "true", 0);
        let before = String::from_utf8_lossy(&terminal.transcript()).into_owned();
        assert!(!before.contains(GONE), "{shell}: {before}");
        fs::remove_file(&program).unwrap();
        typed(&terminal, "true", 1);
        terminal.wait_for(GONE, WITHIN).unwrap();
        terminal.send("exit\r").unwrap();
        terminal.exit_status(WITHIN).unwrap();
    }
}

#[test]
fn what_else_happens_at_a_prompt_still_does() {
    let stage = stage();
    for before in [
        "PROMPT_COMMAND='echo mine;'",
        "PROMPT_COMMAND=(true 'echo mine')",
    ] {
        let script = format!(
            "{before}\neval \"$(gate shell-init bash)\"\neval \"$(gate shell-init bash)\"\n\
             PATH=/early:$PATH\nfor each in \"${{PROMPT_COMMAND[@]}}\"; do eval \"$each\"; done\n\
             echo \"$PATH\"; echo \"${{PROMPT_COMMAND[*]}}\""
        );
        let ran = run(&mut in_shell(&stage, "bash", &["--norc", "-c"], &script));
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!(lines.first(), Some(&"mine"), "{ran:?}");
        assert!(
            lines[1].starts_with(stage.shims().to_str().unwrap()),
            "{ran:?}"
        );
        assert_eq!(ran.stdout.matches("__gate_first").count(), 1, "{ran:?}");
    }
}

/// How often the shell starts another process, with the look at the prompt done `times` times.
fn forks(stage: &Stage, shell: &str, args: &[&str], line: &str, times: usize) -> usize {
    let trace = stage.home.path().join("trace");
    let looks = "__gate_first\n".repeat(times);
    let mut command = stage.home.command("strace");
    command
        .args([
            "-f",
            "-qq",
            "-e",
            "trace=clone,clone3,fork,vfork,execve",
            "-o",
        ])
        .arg(&trace)
        .arg(shell)
        .args(args)
        .arg(format!("{line}\n{looks}"));
    assert_ends(run(&mut command), 0);
    let trace = fs::read_to_string(trace).unwrap();
    // A thread is no process, and a call that another one interrupts stands on two lines.
    let starts = |line: &&str| !line.contains("CLONE_THREAD") && !line.contains(" resumed>");
    trace.lines().filter(starts).count()
}

#[test]
fn looking_again_starts_no_process() {
    let stage = stage();
    for (shell, args, line) in SHELLS
        .into_iter()
        .filter(|(shell, ..)| PROMPTS.contains(shell))
    {
        let (none, many) = (
            forks(&stage, shell, args, line, 0),
            forks(&stage, shell, args, line, 50),
        );
        assert_eq!(none, many, "{shell}");
        assert!(none > 1, "{shell}: the shell's own start is seen");
    }
}

#[test]
fn shells_find_the_shim_before_the_tool() {
    let stage = stage();
    stage.tool("kubectl");
    assert_ends(stage.gate(&["shim", "install", "kubectl"]), 0);
    for (shell, args, line) in SHELLS {
        let script = format!("{line}\ncommand -v kubectl\nkubectl get pods");
        let ran = assert_ends(run(&mut in_shell(&stage, shell, args, &script)), 0);
        let expected = format!("{}/kubectl\nkubectl: get pods\n", stage.shims().display());
        assert_eq!(ran.stdout, expected, "{shell}");
    }
}

#[test]
fn nothing_is_printed_for_a_folder_that_others_can_write() {
    let stage = stage();
    let open = stage.home.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let ran = stage.gate(&["shell-init", "bash", "--dir", open.to_str().unwrap()]);
    let ran = assert_ends(ran, 78);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("everybody can write it"), "{ran:?}");
    let ran = stage.gate(&["shell-init", "tcsh"]);
    assert_ends(ran, 64);
}

/// PowerShell can't be had from Debian: its script is looked at, not run.
#[test]
fn the_script_for_powershell_closes_what_it_opens() {
    let stage = stage();
    let folder = stage.home.path().join("it's");
    let ran = stage.gate(&[
        "shell-init",
        "powershell",
        "--dir",
        folder.to_str().unwrap(),
    ]);
    let script = assert_ends(ran, 0).stdout;
    let quoted = format!("'{}'", folder.display().to_string().replace('\'', "''"));
    assert!(script.contains(&quoted), "{script}");
    for (open, close) in [("{", "}"), ("(", ")")] {
        let count = |text: &str| script.matches(text).count();
        assert_eq!(count(open), count(close), "{open}");
    }
    assert!(script.matches('\'').count().is_multiple_of(2));
}
