//! `gate shim`: what is put in front of a tool, and what is left alone.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[expect(
    dead_code,
    reason = "no other user's files are looked at in these tests"
)]
#[path = "live/namespace.rs"]
mod namespace;
#[path = "shims/stage.rs"]
mod stage;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use namespace::isolated;
use serde_json::Value;
use stage::{Stage, assert_ends, run};

/// Puts a folder first, or last, on PATH.
fn put(stage: &mut Stage, folder: &Path, is_first: bool) {
    let (bin, system) = (stage.home.bin(), PathBuf::from("/usr/bin"));
    let rest = [bin, system];
    let folder = [folder.to_owned()];
    let order = if is_first {
        folder.iter().chain(&rest)
    } else {
        rest.iter().chain(&folder)
    };
    let path = std::env::join_paths(order).unwrap();
    stage.home.set("PATH", path);
}

fn listed(stage: &Stage, args: &[&str]) -> Value {
    let mut all = vec!["shim", "list", "--json"];
    all.extend(args);
    serde_json::from_str(&stage.gate(&all).stdout).unwrap()
}

#[test]
fn an_installed_shim_stands_before_the_tool_and_says_what_is_missing() {
    let mut stage = Stage::new();
    stage.tool("kubectl");
    let ran = assert_ends(stage.gate(&["shim", "install", "kubectl"]), 0);
    let tool = stage.home.bin().join("kubectl");
    assert_eq!(
        ran.stdout,
        format!("kubectl: installed; before {}\n", tool.display())
    );
    assert!(ran.stderr.contains("are not on PATH here"), "{ran:?}");
    assert!(
        ran.stderr
            .contains("~/.bashrc: eval \"$(gate shell-init bash)\""),
        "{ran:?}"
    );
    let shim = stage.shims().join("kubectl");
    assert_eq!(fs::read_link(&shim).unwrap(), stage.program("gate"));
    assert!(stage.shims().join(".gate-shims").exists());
    let shims = stage.shims();
    put(&mut stage, &shims, true);
    let again = assert_ends(stage.gate(&["shim", "install", "kubectl"]), 0);
    assert!(again.stdout.contains("already installed"), "{again:?}");
    assert!(again.stderr.contains("come first on PATH"), "{again:?}");
    assert!(!again.stderr.contains("shell-init"), "{again:?}");
    let called = run(stage.home.command("kubectl").args(["get", "pods"]));
    assert_eq!(called.stdout, "kubectl: get pods\n", "{called:?}");
}

#[test]
fn the_small_program_beside_gate_is_what_a_shim_leads_to() {
    let stage = Stage::new();
    let none = "there is no `gate-shim` beside this gate";
    let installed = assert_ends(stage.gate(&["shim", "install", "kubectl"]), 0);
    assert!(installed.stderr.contains(none), "{installed:?}");
    stage.add_program("gate-shim");
    let mended = assert_ends(stage.gate(&["shim", "install", "kubectl"]), 0);
    assert!(mended.stdout.contains("mended"), "{mended:?}");
    assert!(!mended.stderr.contains(none), "{mended:?}");
    let shim = stage.shims().join("kubectl");
    assert_eq!(fs::read_link(shim).unwrap(), stage.program("gate-shim"));
    // What has its name and is not of gate's is no reason to lead shims there.
    fs::remove_file(stage.program("gate-shim")).unwrap();
    fs::write(stage.program("gate-shim"), "#!/bin/sh\n").unwrap();
    let refused = assert_ends(stage.gate(&["shim", "install", "kubectl"]), 78);
    assert!(
        refused.stderr.contains("is no program of gate's"),
        "{refused:?}"
    );
}

#[test]
fn links_of_an_older_gate_are_mended_and_a_copy_becomes_a_link() {
    let stage = Stage::new();
    assert_ends(stage.gate(&["shim", "install", "git"]), 0);
    let shims = stage.shims();
    let gone = stage.home.path().join("old/gate");
    symlink(&gone, shims.join("kubectl")).unwrap();
    fs::copy(stage.program("gate"), shims.join("aws")).unwrap();
    let broken = listed(&stage, &[]);
    let leads = |listed: &Value, tool: &str| {
        let shims = listed["folders"][0]["shims"].as_array().unwrap().clone();
        let shim = shims.into_iter().find(|shim| shim["tool"] == tool);
        shim.unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(leads(&broken, "kubectl"), "broken");
    assert_eq!(leads(&broken, "aws"), "other");
    assert_eq!(leads(&broken, "git"), "current");
    let ran = assert_ends(stage.gate(&["shim", "install", "kubectl", "aws", "git"]), 0);
    assert_eq!(ran.stdout.matches("mended").count(), 2, "{ran:?}");
    for tool in ["kubectl", "aws", "git"] {
        let target = fs::read_link(shims.join(tool)).unwrap();
        assert_eq!(target, stage.program("gate"), "{tool}");
    }
}

#[test]
fn what_is_not_gates_is_never_written_over() {
    let stage = Stage::new();
    assert_ends(stage.gate(&["shim", "install", "git"]), 0);
    let shims = stage.shims();
    fs::write(shims.join("file"), "mine").unwrap();
    symlink("/bin/sh", shims.join("link")).unwrap();
    symlink("/no/such/tool", shims.join("dangling")).unwrap();
    fs::create_dir(shims.join("folder")).unwrap();
    for name in ["file", "link", "dangling", "folder"] {
        // The one before it is not made either: all are looked at first.
        let ran = assert_ends(stage.gate(&["shim", "install", "aws", name]), 64);
        assert!(ran.stderr.contains("is not gate's"), "{ran:?}");
        assert!(!shims.join("aws").exists(), "{name}");
        assert_ends(stage.gate(&["shim", "remove", name]), 64);
        assert!(shims.join(name).symlink_metadata().is_ok(), "{name}");
    }
    assert_eq!(fs::read_to_string(shims.join("file")).unwrap(), "mine");
    let names: Vec<Value> = listed(&stage, &[])["folders"][0]["shims"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn names_that_are_no_tools_are_refused_with_a_mend() {
    let stage = Stage::new();
    for (name, said) in [
        ("bin/kubectl", "is a path"),
        ("", "is no name of a tool"),
        (".hidden", "is no name of a tool"),
        ("gate", "is gate itself"),
        ("bash", "is a shell"),
        ("sh", "is a shell"),
    ] {
        let ran = assert_ends(stage.gate(&["shim", "install", "kubectl", name]), 64);
        assert!(ran.stderr.contains(said), "{name}: {ran:?}");
        assert!(ran.stderr.lines().count() >= 2, "{name}: {ran:?}");
    }
    assert!(!stage.shims().exists());
    assert_ends(stage.gate(&["shim", "install"]), 64);
    assert_ends(stage.gate(&["shim", "install", "--all", "git"]), 64);
}

#[test]
fn a_tool_that_is_missing_or_unknown_is_wrapped_with_a_note() {
    let mut stage = Stage::new();
    let bin = stage.home.bin();
    stage.home.set("PATH", bin);
    stage.tool("strange\u{1b}[2J");
    let ran = assert_ends(
        stage.gate(&["shim", "install", "kubectl", "strange\u{1b}[2J"]),
        0,
    );
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(
        lines.first().unwrap(),
        &"kubectl: installed; there is no such tool on PATH yet"
    );
    assert!(lines[1].contains("every command of it asks"), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn all_means_the_installed_tools_that_people_are_asked_about() {
    let mut stage = Stage::new();
    let bin = stage.home.bin();
    stage.home.set("PATH", bin);
    let none = assert_ends(stage.gate(&["shim", "install", "--all"]), 64);
    assert!(none.stderr.contains("no tool"), "{none:?}");
    for tool in ["kubectl", "aws", "ls", "sh", "sudo", "no-profile"] {
        stage.tool(tool);
    }
    let ran = assert_ends(stage.gate(&["shim", "install", "--all"]), 0);
    let names: Vec<&str> = ran
        .stdout
        .lines()
        .filter_map(|line| line.split(':').next())
        .collect();
    assert_eq!(names, ["aws", "kubectl"]);
    let removed = assert_ends(stage.gate(&["shim", "remove", "--all"]), 0);
    assert_eq!(removed.stdout, "aws: removed\nkubectl: removed\n");
    let again = assert_ends(stage.gate(&["shim", "remove", "aws"]), 0);
    assert_eq!(again.stdout, "aws: there was no shim\n");
}

#[test]
fn a_folder_that_others_can_write_or_that_holds_other_things_is_refused() {
    let stage = Stage::new();
    let install = |dir: &Path| {
        let dir = dir.to_str().unwrap().to_owned();
        stage.gate(&["shim", "install", "git", "--dir", &dir])
    };
    let open = stage.home.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    for dir in [open.clone(), open.join("below/shims")] {
        let ran = assert_ends(install(&dir), 78);
        assert!(ran.stderr.contains("everybody can write it"), "{ran:?}");
        assert!(ran.stderr.contains("chmod go-w"), "{ran:?}");
    }
    assert!(!open.join("below").exists());
    let used = stage.home.path().join("used");
    fs::create_dir(&used).unwrap();
    fs::write(used.join("kubectl"), "").unwrap();
    let ran = assert_ends(install(&used), 64);
    assert!(ran.stderr.contains("in use for something else"), "{ran:?}");
    assert!(!used.join(".gate-shims").exists());
    let ran = assert_ends(install(&stage.home.path().join("a:b")), 64);
    assert!(ran.stderr.contains("can't stand on PATH"), "{ran:?}");
    let named = stage.home.path().join("my shims");
    let ran = assert_ends(install(&named), 0);
    let hint = format!("gate shell-init bash --dir '{}'", named.display());
    assert!(ran.stderr.contains(&hint), "{ran:?}");
    assert!(named.join("git").is_symlink());
}

#[test]
fn the_machines_folder_is_for_everybody_and_roots_to_write() {
    let stage = Stage::new();
    let etc = stage.home.path().join("etc");
    fs::create_dir(&etc).unwrap();
    // The machine's own /usr/local is not touched: another one is mounted over it.
    let script = "mount -t tmpfs -o mode=755 none /usr/local && umask 077 && \
                  \"$0\" shim install --system kubectl && \
                  stat -c %a /usr/local/lib /usr/local/lib/gate/shims && \
                  PATH=/usr/local/lib/gate/shims:$PATH \"$0\" shim list --json && \
                  \"$0\" shell-init sh --system && \"$0\" shim remove --system --all";
    let ran = assert_ends(run(&mut isolated(&stage.home, &etc, script)), 0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("kubectl: installed"), "{ran:?}");
    assert_eq!(lines[1..3], ["755", "755"], "{ran:?}");
    let listed: Value = serde_json::from_str(lines[3]).unwrap();
    let folder = &listed["folders"][1];
    assert_eq!(folder["folder"], "/usr/local/lib/gate/shims");
    assert_eq!(folder["on_path"], "first");
    assert_eq!(folder["shims"][0]["is_met"], true);
    assert!(
        lines.contains(&"__gate_shims='/usr/local/lib/gate/shims'"),
        "{ran:?}"
    );
    assert_eq!(lines.last(), Some(&"kubectl: removed"));
    assert!(
        ran.stderr.contains("gate shell-init bash --system"),
        "{ran:?}"
    );
}

#[test]
fn the_machines_folder_is_no_one_elses_not_even_the_callers_own() {
    let stage = Stage::new();
    let etc = stage.home.path().join("etc");
    fs::create_dir(&etc).unwrap();
    // Whoever owns the folder installs there: it would be what everybody's commands start.
    let script = "mount -t tmpfs -o mode=755 none /usr/local && export HOME=/ && \
                  as_other() { setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"; } && \
                  if as_other true; then chown 65534:65534 /usr/local; \
                  else echo 'skipped: there is no other user here'; exit 0; fi && \
                  as_other mkdir -p /usr/local/lib/gate/shims && \
                  ! as_other \"$0\" shim install --system kubectl 2>&1 && \
                  ls -A /usr/local/lib/gate/shims && \"$0\" shim list --system --json";
    let ran = run(&mut isolated(&stage.home, &etc, script));
    if ran.stdout.starts_with("skipped") {
        assert!(!nix::unistd::geteuid().is_root(), "{ran:?}");
        return;
    }
    assert!(
        ran.stdout.contains("belongs to uid 65534, not to root"),
        "{ran:?}"
    );
    let listed: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    let folder = &listed["folders"][0];
    assert_eq!(folder["shims"].as_array().unwrap().len(), 0, "{ran:?}");
    let refused = folder["refused"].as_str().unwrap();
    assert!(refused.contains("not to root"), "{ran:?}");
}

#[test]
fn shim_doctor_is_the_doctor() {
    let mut stage = Stage::new();
    stage.tool("kubectl");
    assert_ends(stage.gate(&["shim", "install", "kubectl"]), 0);
    let shims = stage.shims();
    for (is_first, code) in [(true, 0), (false, 1)] {
        put(&mut stage, &shims, is_first);
        let asked = ["doctor", "--json", "--way", "here"];
        let doctor = assert_ends(stage.gate(&asked), code);
        let of_shims = assert_ends(stage.gate(&[&["shim"][..], &asked].concat()), code);
        assert_eq!(of_shims.stdout, doctor.stdout);
    }
}

#[test]
fn the_shims_do_not_depend_on_the_umask() {
    let stage = Stage::new();
    let mut command = stage.home.command("/bin/sh");
    command.args(["-c", "umask 777; exec \"$0\" shim install git"]);
    command.arg(stage.program("gate"));
    assert_ends(run(&mut command), 0);
    let mode = fs::metadata(stage.shims()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn the_list_says_what_each_shim_leads_to_and_whether_it_is_met() {
    let mut stage = Stage::new();
    let none = assert_ends(stage.gate(&["shim", "list"]), 0);
    assert_eq!(none.stdout, "");
    assert!(none.stderr.contains("there are no shims"), "{none:?}");
    stage.tool("kubectl");
    assert_ends(stage.gate(&["shim", "install", "kubectl", "tofu"]), 0);
    let absent = listed(&stage, &[]);
    let folder = &absent["folders"][0];
    assert_eq!(folder["on_path"], "absent");
    assert_eq!(folder["shims"][0]["is_met"], false);
    let real = stage.home.bin().join("kubectl");
    assert_eq!(folder["shims"][0]["real"], *real.to_str().unwrap());
    assert_eq!(folder["shims"][1]["real"], Value::Null);
    let told = assert_ends(stage.gate(&["shim", "list"]), 0);
    assert!(told.stderr.contains("is not on PATH here"), "{told:?}");
    let shims = stage.shims();
    put(&mut stage, &shims, false);
    let later = listed(&stage, &[]);
    assert_eq!(later["folders"][0]["on_path"], "later");
    assert_eq!(later["folders"][0]["shims"][0]["is_met"], false);
    assert_eq!(later["folders"][0]["shims"][1]["is_met"], true);
    let shims = stage.shims();
    put(&mut stage, &shims, true);
    let first = listed(&stage, &[]);
    assert_eq!(first["folders"][0]["on_path"], "first");
    assert_eq!(first["folders"][0]["shims"][0]["is_met"], true);
    let told = assert_ends(stage.gate(&["shim", "list"]), 0);
    assert_eq!(told.stderr, "");
    assert!(
        told.stdout.lines().any(|line| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            cells[..2] == ["kubectl", "yes"]
        }),
        "{told:?}"
    );
}

#[test]
fn a_folder_on_path_is_listed_wherever_it_lies() {
    let mut stage = Stage::new();
    let other = stage.home.path().join("other");
    let dir = other.to_str().unwrap().to_owned();
    assert_ends(stage.gate(&["shim", "install", "git", "--dir", &dir]), 0);
    assert_eq!(
        listed(&stage, &["--dir", &dir])["folders"][0]["folder"],
        *dir
    );
    put(&mut stage, &other, true);
    let all = listed(&stage, &[]);
    let folders: Vec<&str> = all["folders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|folder| folder["folder"].as_str().unwrap())
        .collect();
    assert_eq!(folders.iter().filter(|folder| **folder == dir).count(), 1);
}

#[test]
fn under_a_name_that_is_no_text_gate_is_that_tool_and_never_itself() {
    let stage = Stage::new();
    let name = OsStr::from_bytes(b"tool-\xff");
    let shim = stage.home.path().join(name);
    symlink(stage.program("gate"), &shim).unwrap();
    let ran = assert_ends(run(stage.home.command(&shim).arg("--version")), 127);
    assert_eq!(ran.stdout, "", "{ran:?}");
}

/// Puts a program before whose first instruction the kernel gives up: its loader is not there.
fn tool_without_loader(stage: &Stage, name: &str) {
    let mut program = fs::read("/bin/true").unwrap();
    let loader = b"/lib64/ld-linux-x86-64.so.2";
    let at = program
        .windows(loader.len())
        .position(|bytes| bytes == loader);
    let at = at.unwrap();
    *program.get_mut(at + loader.len() - 1).unwrap() = b'X';
    let path = stage.home.bin().join(name);
    fs::write(&path, program).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

#[cfg(target_arch = "x86_64")]
#[test]
fn an_allowed_tool_that_does_not_start_leaves_one_record_and_that_it_did_not() {
    let mut stage = Stage::new();
    let shim = Path::new(env!("CARGO_BIN_EXE_gate")).with_file_name("gate-shim");
    fs::copy(shim, stage.program("gate-shim")).unwrap();
    tool_without_loader(&stage, "kubectl");
    assert_ends(stage.gate(&["shim", "install", "kubectl"]), 0);
    let shims = stage.shims();
    put(&mut stage, &shims, true);
    // What was written this very moment is not compiled.
    while stage.gate(&["rules", "compile"]).code != Some(0) {}
    let journal = stage.home.state().join("gate/spool/allowed");
    for small in [true, false] {
        if !small {
            fs::remove_file(stage.program("gate-shim")).unwrap();
            assert_ends(stage.gate(&["shim", "install", "kubectl"]), 0);
        }
        let before = records(&stage);
        let ran = run(stage.home.command("kubectl").args(["get", "pods"]));
        assert_ne!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.contains("kubectl"), "{ran:?}");
        let after = records(&stage);
        let [decided, finished] = &after[before.len()..] else {
            panic!("{after:?}");
        };
        assert_eq!(decided["fact"]["decided"]["decision"], "allow", "{decided}");
        let outcome = &finished["fact"]["allowed_finished"]["outcome"];
        assert!(outcome["not_run"].is_string(), "{finished}");
        assert_eq!(fs::read(&journal).unwrap(), b"", "{ran:?}");
    }
}

/// Returns the events that wait in the queue.
fn records(stage: &Stage) -> Vec<Value> {
    let queue = stage.home.state().join("gate/spool/events.jsonl");
    let text = fs::read_to_string(queue).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}
