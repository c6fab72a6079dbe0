//! Which tool a shim runs, and that each command is judged once it meets one:
//! whatever PATH, links, copies, version managers and other gates do.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/namespace.rs"]
#[expect(
    dead_code,
    reason = "no other user's files are looked at in these tests"
)]
mod namespace;
#[expect(dead_code, reason = "the tools here note their calls in a file")]
#[path = "shims/stage.rs"]
mod stage;

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use namespace::isolated;
use stage::{Ran, Stage, assert_ends, run};

/// What a rule of the user's forbids; anything else about kubectl that is asked for
/// here is a read.
const DENY: &str = "[[rule]]\nid = \"t/no-delete\"\ntool = \"kubectl\"\neffect = [\"destroy\"]\n\
                    decision = \"deny\"\n";
const DENIED: i32 = 77;

/// A stage whose tools note each call, behind a shim of kubectl.
struct Matrix {
    stage: Stage,
}

impl Matrix {
    fn new() -> Self {
        let stage = Stage::new();
        let rules = ".config/gate/rules.d/deny.toml";
        stage.home.write(rules, DENY).unwrap();
        let matrix = Self { stage };
        matrix.tool("real", "kubectl");
        assert_ends(matrix.stage.gate(&["shim", "install", "kubectl"]), 0);
        matrix
    }

    /// Returns a folder below the home, which is made.
    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.stage.home.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Writes an executable script.
    fn script(&self, folder: &str, name: &str, text: &str) -> PathBuf {
        let path = self.folder(folder).join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Puts a tool into a folder that notes where it lies and how it was called.
    fn tool(&self, folder: &str, name: &str) -> PathBuf {
        let log = self.stage.home.path().join("calls");
        let text = format!(
            "#!/bin/sh\necho \"{folder}/{name} $*\" >>'{}'\n",
            log.display()
        );
        self.script(folder, name, &text)
    }

    /// Returns what the tools have noted, and forgets it.
    fn calls(&self) -> Vec<String> {
        let log = self.stage.home.path().join("calls");
        let calls = fs::read_to_string(&log).unwrap_or_default();
        drop(fs::remove_file(log));
        calls.lines().map(str::to_owned).collect()
    }

    fn shims(&self) -> PathBuf {
        self.stage.shims()
    }

    /// Joins folders to a PATH; `shims` is the folder of the shims, names without a `/` in front
    /// are below the home, and `.x` is the relative entry `x`.
    fn path(&self, entries: &str) -> OsString {
        let entry = |name: &str| -> PathBuf {
            match name {
                "shims" => self.shims(),
                "" => PathBuf::new(),
                _ => match name.strip_prefix('.') {
                    Some(relative) => PathBuf::from(relative),
                    None if name.starts_with('/') => PathBuf::from(name),
                    None => self.stage.home.path().join(name),
                },
            }
        };
        std::env::join_paths(entries.split(':').map(entry)).unwrap()
    }

    /// A shell with this PATH, which runs `script`.
    fn sh(&self, path: &str, script: &str) -> Command {
        let mut command = self.stage.home.command("/bin/bash");
        command.env("PATH", self.path(path)).args(["-c", script]);
        command
    }

    /// Has a read and a change called, and fails unless the read was run once, by
    /// the tool in `folder`, and the change by none.
    #[track_caller]
    fn assert_judged(&self, path: &str, called: &str, folder: &str) {
        let read = run(&mut self.sh(path, &format!("{called} get pods")));
        assert_eq!(read.code, Some(0), "{path} {called}: {read:?}");
        let expected = [format!("{folder}/kubectl get pods")];
        assert_eq!(self.calls(), expected, "{path} {called}");
        self.assert_denied(path, called);
    }

    #[track_caller]
    fn assert_denied(&self, path: &str, called: &str) {
        let denied = run(&mut self.sh(path, &format!("{called} delete namespace prod")));
        assert_eq!(denied.code, Some(DENIED), "{path} {called}: {denied:?}");
        assert!(denied.stderr.contains("t/no-delete"), "{path} {called}");
        assert_eq!(self.calls(), Vec::<String>::new(), "{path} {called}");
    }

    /// Another gate: the same program in another file.
    fn other_gate(&self) -> PathBuf {
        let program = self.folder("other-gate").join("gate");
        fs::copy(self.stage.program("gate"), &program).unwrap();
        program
    }
}

const SYSTEM: &str = "/usr/bin:/bin";

#[test]
fn every_place_of_the_folder_on_path_leads_to_the_tool_behind_it() {
    let matrix = Matrix::new();
    matrix.tool("second", "kubectl");
    for path in [
        "shims:real:second",
        "shims:real:shims",
        "shims:shims:real",
        "absent:shims:real",
        "shims:absent:real",
        "shims::real",
        "shims:.here:real",
    ] {
        let path = format!("{path}:{SYSTEM}");
        matrix.assert_judged(&path, "kubectl", "real");
        matrix.assert_judged(&path, "exec kubectl", "real");
    }
    // Whoever stands before the shim was passed over by who found it.
    let shim = matrix.shims().join("kubectl");
    let shim = shim.to_str().unwrap();
    matrix.assert_judged(&format!("second:shims:real:{SYSTEM}"), shim, "real");
    // Behind it there is nothing: what stands before it is the tool.
    matrix.assert_judged(&format!("real:second:{SYSTEM}:shims"), shim, "real");
}

#[test]
fn relative_and_empty_entries_are_never_the_tool_and_a_shim_in_the_folder_is_one() {
    let matrix = Matrix::new();
    matrix.tool("work", "kubectl");
    matrix.tool("work/rel", "kubectl");
    let shim = matrix.shims().join("kubectl");
    for path in [
        ":real",
        ".rel:real",
        ".:real",
        "real:",
        ":.rel:shims:.rel:real",
    ] {
        matrix.assert_judged(&format!("{path}:/usr/bin"), shim.to_str().unwrap(), "real");
    }
    for entry in fs::read_dir(matrix.folder("work")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    symlink(&shim, matrix.folder("work").join("kubectl")).unwrap();
    // A tool that is named by a path of the working folder asks, whatever it does, and nobody is
    // configured to be asked.
    for called in [
        "./kubectl get pods",
        "../work/kubectl get pods",
        "\"$PWD/kubectl\" get pods",
    ] {
        let ran = run(&mut matrix.sh(&format!("real:{SYSTEM}"), called));
        assert_eq!(ran.code, Some(78), "{called}: {ran:?}");
        assert_eq!(matrix.calls(), Vec::<String>::new(), "{called}");
    }
    // Named by itself it is gate, not a tool.
    let ran = matrix.stage.gate(&["run", "--", "./kubectl", "get"]);
    assert_ends(ran, 126);
}

#[test]
fn links_copies_and_other_gates_are_shims_under_any_name_of_their_folder() {
    let matrix = Matrix::new();
    let gate = matrix.stage.program("gate");
    let other = matrix.other_gate();
    let at = |folder: &str| matrix.folder(folder).join("kubectl");
    symlink(&gate, at("link")).unwrap();
    symlink(at("link"), at("link-to-link")).unwrap();
    symlink(matrix.shims().join("kubectl"), at("link-to-shim")).unwrap();
    fs::hard_link(&gate, at("hard")).unwrap();
    fs::copy(&gate, at("copy")).unwrap();
    symlink(&other, at("other")).unwrap();
    symlink(matrix.shims(), matrix.stage.home.path().join("folder-link")).unwrap();
    for folder in [
        "link",
        "link-to-link",
        "link-to-shim",
        "hard",
        "copy",
        "other",
        "folder-link",
    ] {
        matrix.assert_judged(&format!("{folder}:real:{SYSTEM}"), "kubectl", "real");
        matrix.assert_judged(&format!("{folder}:shims:real:{SYSTEM}"), "kubectl", "real");
        matrix.assert_judged(&format!("shims:{folder}:real:{SYSTEM}"), "kubectl", "real");
    }
    let all = "other:link:hard:copy:link-to-shim:shims:real";
    matrix.assert_judged(&format!("{all}:{SYSTEM}"), "kubectl", "real");
}

#[test]
fn a_second_gate_with_shims_of_its_own_is_passed_over() {
    let matrix = Matrix::new();
    let other = matrix.other_gate();
    let mut install = matrix.stage.home.command(&other);
    let folder = matrix.folder("others-shims");
    install
        .args(["shim", "install", "kubectl", "--dir"])
        .arg(&folder);
    assert_ends(run(&mut install), 0);
    for path in ["shims:others-shims:real", "others-shims:shims:real"] {
        matrix.assert_judged(&format!("{path}:{SYSTEM}"), "kubectl", "real");
    }
}

#[test]
fn another_argv0_never_runs_a_command_that_was_not_judged() {
    let matrix = Matrix::new();
    let path = format!("shims:real:{SYSTEM}");
    // What is judged is what runs: the tool of the name that gate was given.
    for name in ["true", "/x/y/true", "gate-is-not-here"] {
        let called = format!("exec -a {name} kubectl delete namespace prod");
        run(&mut matrix.sh(&path, &called));
        assert_eq!(matrix.calls(), Vec::<String>::new(), "{name}");
    }
    matrix.assert_judged(&path, "exec -a /x/kubectl kubectl", "real");
    // Under gate's own name it is gate, which has no such subcommand.
    let ran = run(&mut matrix.sh(&path, "exec -a gate kubectl delete namespace prod"));
    assert_ends(ran, 64);
    // The tool under the name of a shim is no shim, and its own way round gate is its path.
    let ran = run(&mut matrix.sh(&path, "exec -a kubectl /bin/echo get"));
    assert_eq!(ran.stdout, "get\n");
}

/// A version manager's shim: it calls the next file of its name behind its own folder.
const NEXT: &str = "#!/bin/bash\nown=$(dirname \"$0\")\nrest=\":$PATH:\"\nrest=${rest#*:$own:}\n\
                    IFS=:\nfor folder in $rest; do\n  [ -x \"$folder/kubectl\" ] && exec \
                    \"$folder/kubectl\" \"$@\"\ndone\necho 'no version' >&2\nexit 126\n";
/// It takes its own folder out of PATH and calls the tool by its name.
const WITHOUT_ITSELF: &str = "#!/bin/bash\nown=$(dirname \"$0\")\nPATH=\":$PATH:\"\n\
                              PATH=${PATH/:$own:/:}\nPATH=${PATH#:}\nPATH=${PATH%:}\n\
                              exec kubectl \"$@\"\n";
/// It starts the version that it chose by its path.
const OWN_VERSION: &str = "#!/bin/bash\nexec \"$(dirname \"$0\")/versions/kubectl\" \"$@\"\n";

#[test]
fn version_managers_come_to_the_tool_and_none_comes_back_to_itself() {
    for (manager, folder) in [
        (NEXT, "real"),
        (WITHOUT_ITSELF, "real"),
        (OWN_VERSION, "manager/versions"),
    ] {
        let matrix = Matrix::new();
        matrix.script("manager", "kubectl", manager);
        matrix.tool("manager/versions", "kubectl");
        matrix.assert_judged(&format!("shims:manager:real:{SYSTEM}"), "kubectl", folder);
        // Before gate's, it is what the shell finds; it may come to the shim or not.
        if manager != OWN_VERSION {
            let path = format!("manager:shims:real:{SYSTEM}");
            matrix.assert_judged(&path, "kubectl", folder);
        }
    }
}

#[test]
fn a_dispatcher_that_calls_the_tool_by_its_name_meets_the_shim() {
    let matrix = Matrix::new();
    matrix.script("bin", "dispatch", "#!/bin/sh\nkubectl \"$@\"\n");
    matrix.script(
        "bin",
        "chosen",
        "#!/usr/bin/env bash\nexec kubectl \"$@\"\n",
    );
    let path = format!("shims:bin:real:{SYSTEM}");
    for dispatcher in [
        "dispatch",
        "chosen",
        "env kubectl",
        "nice kubectl",
        "command kubectl",
    ] {
        matrix.assert_judged(&path, dispatcher, "real");
    }
    // A dispatcher that is wrapped itself is judged by its own name; what it calls, too.
    assert_ends(matrix.stage.gate(&["shim", "install", "dispatch"]), 0);
    let rule = "[[rule]]\nid = \"t/dispatch\"\ntool = \"dispatch\"\ndecision = \"deny\"\n";
    matrix
        .stage
        .home
        .write(".config/gate/rules.d/dispatch.toml", rule)
        .unwrap();
    let ran = run(&mut matrix.sh(&path, "dispatch get pods"));
    assert_eq!(ran.code, Some(DENIED), "{ran:?}");
    assert!(ran.stderr.contains("t/dispatch"), "{ran:?}");
}

#[test]
fn makefiles_hooks_and_scripts_meet_the_shim_each_command_judged_alone() {
    let matrix = Matrix::new();
    let path = format!("shims:real:{SYSTEM}");
    let home = &matrix.stage.home;
    home.write(
        "work/Makefile",
        "all:\n\t-kubectl delete namespace prod\n\tkubectl get pods\n",
    )
    .unwrap();
    let ran = run(&mut matrix.sh(&path, "make -s"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("t/no-delete"), "{ran:?}");
    assert_eq!(matrix.calls(), ["real/kubectl get pods"]);

    let script = "kubectl get pods; kubectl delete namespace prod; echo $?; kubectl get nodes";
    let ran = run(&mut matrix.sh(&path, script));
    assert_eq!(ran.stdout, "77\n", "{ran:?}");
    assert_eq!(
        matrix.calls(),
        ["real/kubectl get pods", "real/kubectl get nodes"]
    );

    let hook = "#!/bin/sh\nkubectl delete namespace prod\n";
    let set_up =
        "git init -q . && git config user.email a@b && git config user.name a && git add -A";
    assert_ends(run(&mut matrix.sh(SYSTEM, set_up)), 0);
    let path_of_hook = home.write("work/.git/hooks/pre-commit", hook).unwrap();
    fs::set_permissions(path_of_hook, Permissions::from_mode(0o755)).unwrap();
    let ran = run(&mut matrix.sh(&path, "git commit -q -m x"));
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("t/no-delete"), "{ran:?}");
    assert_eq!(matrix.calls(), Vec::<String>::new());
}

#[test]
fn an_allowed_tool_that_calls_a_wrapped_one_does_not_take_its_leave_along() {
    let matrix = Matrix::new();
    let path = format!("shims:real:{SYSTEM}");
    // The tool itself calls another command of its own name, as a plugin would.
    let log = matrix.stage.home.path().join("calls");
    let text = format!(
        "#!/bin/sh\necho \"real/kubectl $*\" >>'{}'\n[ \"$1\" != get ] || kubectl delete namespace prod\n",
        log.display()
    );
    matrix.script("real", "kubectl", &text);
    let ran = run(&mut matrix.sh(&path, "kubectl get pods"));
    assert_eq!(ran.code, Some(DENIED), "{ran:?}");
    assert_eq!(matrix.calls(), ["real/kubectl get pods"]);
}

#[test]
fn what_cannot_be_the_tool_has_the_exit_codes_of_the_shell() {
    let matrix = Matrix::new();
    let missing = run(&mut matrix.sh("shims:/usr/bin", "exec \"$HOME/absent/kubectl\" get"));
    assert_ends(missing, 127);
    let only_shims = |entries: &str| {
        let mut command = matrix.stage.home.command(matrix.shims().join("kubectl"));
        run(command.arg("get").env("PATH", matrix.path(entries)))
    };
    let ran = assert_ends(only_shims("shims"), 127);
    assert!(
        ran.stderr.contains("only gate's shim has this name"),
        "{ran:?}"
    );
    let plain = matrix.folder("plain").join("kubectl");
    fs::write(&plain, "").unwrap();
    fs::set_permissions(&plain, Permissions::from_mode(0o644)).unwrap();
    assert_ends(only_shims("shims:plain"), 126);
    let open = matrix.tool("open", "kubectl");
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    let ran = assert_ends(only_shims("shims:open"), 126);
    assert!(ran.stderr.contains("everybody can write it"), "{ran:?}");
    // What gate would refuse is not passed over for the next one.
    assert_ends(only_shims("shims:open:real"), 126);
    // A folder with the set-user-id bit is a folder.
    fs::set_permissions(matrix.folder("real"), Permissions::from_mode(0o4755)).unwrap();
    assert_ends(only_shims("shims:real"), 0);
    assert_eq!(matrix.calls().len(), 1);
}

#[test]
fn a_tool_is_replaced_by_an_upgrade_without_a_new_shim() {
    let matrix = Matrix::new();
    let path = format!("shims:real:later:{SYSTEM}");
    matrix.assert_judged(&path, "kubectl", "real");
    let upgraded = matrix.tool("new", "kubectl");
    fs::rename(upgraded, matrix.folder("real").join("kubectl")).unwrap();
    assert_ends(run(&mut matrix.sh(&path, "kubectl get")), 0);
    assert_eq!(matrix.calls(), ["new/kubectl get"]);
    fs::remove_file(matrix.folder("real").join("kubectl")).unwrap();
    matrix.tool("later", "kubectl");
    matrix.assert_judged(&path, "kubectl", "later");
}

/// Runs a script in a root of its own, without a home that the system knows of.
fn in_own_root(matrix: &Matrix, script: &str, args: &[&OsStr]) -> Ran {
    let etc = matrix.folder("etc");
    let mut command = isolated(&matrix.stage.home, &etc, script);
    run(command.args(args))
}

#[test]
fn without_path_home_or_any_variable_a_command_is_judged_all_the_same() {
    let matrix = Matrix::new();
    assert_ends(matrix.stage.gate(&["shim", "install", "cat", "rm"]), 0);
    let shim = |name: &str| matrix.shims().join(name);
    let word = matrix.folder("work").join("word");
    fs::write(&word, "read\n").unwrap();
    // No PATH means /bin and /usr/bin, as for execvp(3).
    let read = "exec env -i \"$1\" \"$2\"";
    let ran = in_own_root(&matrix, read, &[shim("cat").as_ref(), word.as_ref()]);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "read\n"), "{ran:?}");
    // It can't be asked about: nobody is configured.
    let ran = in_own_root(&matrix, read, &[shim("rm").as_ref(), word.as_ref()]);
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(word.exists());
    // Nothing that the caller can set or leave out makes the shim skip itself.
    let path = matrix.path(&format!("shims:real:{SYSTEM}"));
    let with_path = "exec env -i PATH=\"$1\" \"$2\" delete namespace prod";
    let ran = in_own_root(&matrix, with_path, &[&path, shim("kubectl").as_ref()]);
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert_eq!(matrix.calls(), Vec::<String>::new());
}

#[test]
fn a_tool_on_a_file_system_without_execution_is_found_and_not_run() {
    let matrix = Matrix::new();
    let folder = matrix.folder("noexec");
    let script = "mount -t tmpfs -o noexec none \"$1\" && cp \"$2\" \"$1/kubectl\" && \
                  PATH=\"$3:$1\" exec kubectl get";
    let tool = matrix.folder("real").join("kubectl");
    let shims = matrix.shims();
    let args: [&OsStr; 3] = [folder.as_ref(), tool.as_ref(), shims.as_ref()];
    let ran = in_own_root(&matrix, script, &args);
    assert_eq!(ran.code, Some(126), "{ran:?}");
    assert!(ran.stderr.starts_with("gate: cannot run"), "{ran:?}");
}

#[test]
fn no_variable_makes_a_shim_skip_itself() {
    let matrix = Matrix::new();
    let path = format!("shims:real:{SYSTEM}");
    for name in [
        "GATE_BYPASS",
        "GATE_SKIP",
        "GATE_DISABLE",
        "GATE_SHIM",
        "GATE_MODE",
        "GATE_DEPTH",
        "RUST_RECURSION_COUNT",
    ] {
        for value in ["1", "true", "off", "100"] {
            matrix.assert_denied(&path, &format!("{name}={value} kubectl"));
        }
    }
}

#[test]
fn a_shim_is_known_by_what_it_leads_to_and_not_by_its_folder() {
    let matrix = Matrix::new();
    let shims = matrix.shims();
    assert!(Path::new(&shims).join(".gate-shims").exists());
    fs::remove_file(shims.join(".gate-shims")).unwrap();
    matrix.assert_judged(&format!("shims:real:{SYSTEM}"), "kubectl", "real");
}
