//! What was approved is what runs, or nothing runs.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use gate_protocol::invocation::{BoundInput, Delivery};
use gate_testkit::real::{BareRepository, TerraformProject, locate};

use crate::agent::{Agent, Running, approve_as_bob, shown};
use crate::server::{Live, run};
use crate::stage::{agent_with_deploy, requests, trace};

/// Asks, lets `change` happen, approves, and returns how that ended.
pub(crate) fn approved_after(
    agent: &Agent<'_>,
    command: &mut std::process::Command,
    change: impl FnOnce(),
) -> (String, crate::agent::Ended) {
    let mut waiting = Running::start(command);
    let id = waiting.asked();
    change();
    approve_as_bob(agent.live, &id);
    (id, waiting.finish())
}

#[track_caller]
pub(crate) fn assert_refused(live: &Live, id: &str, ended: &crate::agent::Ended, what: &str) {
    assert_eq!(ended.code, Some(125), "{ended:?}");
    assert_eq!(ended.stdout, "", "{ended:?}");
    assert!(ended.stderr.contains(what), "{ended:?}");
    assert!(
        ended.stderr.contains("is not what was approved"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("nothing was run"), "{ended:?}");
    let outcome = shown(live, id).outcome;
    let not_run = outcome.and_then(|outcome| outcome.not_run);
    assert!(
        not_run.is_some_and(|why| why.contains(what)),
        "the server knows that nothing ran"
    );
}

#[test]
fn a_script_that_was_swapped_after_the_question_is_not_run() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let other = "#!/bin/sh\necho other >> \"$HOME/trace\"\n";
    let swap = || drop(agent.home.script("deploy", other).unwrap());
    let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &["deploy"]), swap);
    assert_refused(&live, &id, &ended, "the binary");
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

/// Runs a script, and leaves a trace of it.
const RUNNER: &str = "#!/bin/sh\necho \"by the runner\" >> \"$HOME/trace\"\n. \"$1\"\n";
/// Stands in its place later.
const OTHER: &str = "#!/bin/sh\necho other >> \"$HOME/trace\"\n";

/// How an interpreter becomes another program.
#[derive(Clone, Copy)]
enum Swap {
    Content,
    Replaced,
    FoundBefore,
}

#[test]
fn an_interpreter_that_was_swapped_after_the_question_runs_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let live = Live::start();
    let mut agent = Agent::new(&live);
    let (bin, first) = (agent.home.bin(), agent.home.path().join("first"));
    std::fs::create_dir(&first).unwrap();
    let folders = [&first, &bin, Path::new("/usr/bin"), Path::new("/bin")];
    agent
        .home
        .set("PATH", std::env::join_paths(folders).unwrap());
    let runner = bin.join("runner");
    let by_path = runner.to_str().unwrap();
    for (line, name, swap) in [
        ("/usr/bin/env runner", "runner", None),
        ("/usr/bin/env runner", "runner", Some(Swap::Content)),
        ("/usr/bin/env runner", "runner", Some(Swap::Replaced)),
        ("/usr/bin/env runner", "runner", Some(Swap::FoundBefore)),
        (by_path, by_path, Some(Swap::Content)),
        (by_path, by_path, Some(Swap::Replaced)),
    ] {
        agent.home.script("runner", RUNNER).unwrap();
        let script = format!("#!{line}\necho deployed >> \"$HOME/trace\"\n");
        agent.home.script("deploy", &script).unwrap();
        let change = || match swap {
            None => {}
            Some(Swap::Content) => drop(agent.home.script("runner", OTHER).unwrap()),
            Some(Swap::Replaced) => {
                let beside = agent.home.script("beside", OTHER).unwrap();
                std::fs::rename(beside, &runner).unwrap();
            }
            Some(Swap::FoundBefore) => {
                std::fs::write(first.join("runner"), OTHER).unwrap();
                let mode = std::fs::Permissions::from_mode(0o755);
                std::fs::set_permissions(first.join("runner"), mode).unwrap();
            }
        };
        let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &["deploy"]), change);
        drop(std::fs::remove_file(first.join("runner")));
        let left = trace(&agent);
        if swap.is_none() {
            assert_eq!(ended.code, Some(0), "{ended:?}");
            assert_eq!(left, "by the runner\ndeployed\n");
            std::fs::remove_file(agent.home.path().join("trace")).unwrap();
            continue;
        }
        assert_refused(&live, &id, &ended, &format!("the interpreter `{name}`"));
        assert_eq!(left, "", "{line}");
    }
    agent.assert_log_verifies();
}

#[test]
fn a_binary_that_was_replaced_after_the_question_is_not_run() {
    let live = Live::start();
    let agent = Agent::new(&live);
    let tool = agent.home.bin().join("touching");
    std::fs::copy("/usr/bin/touch", &tool).unwrap();
    let evidence = agent.home.work().join("evidence");
    let swap = || {
        let beside = agent.home.bin().join("beside");
        std::fs::copy("/usr/bin/mkdir", &beside).unwrap();
        std::fs::rename(&beside, &tool).unwrap();
    };
    let words = ["touching", "evidence"];
    let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &words), swap);
    assert_refused(&live, &id, &ended, "the binary");
    assert!(!evidence.exists(), "neither the old nor the new one ran");
    agent.assert_log_verifies();
}

/// Stands for kubectl where what counts is the folder that it is given.
const SHOWS_ITS_FOLDER: &str = "#!/bin/sh\nfor last in \"$@\"; do :; done\ncd -P \"$last\" || exit\n\
                                find . ! -type d | sort\ncat inner/pod.yaml\n";

#[test]
fn a_folder_is_applied_as_it_was_when_it_was_asked_for() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.script("kubectl", SHOWS_ITS_FOLDER).unwrap();
    let folder = agent.home.work().join("manifests");
    std::fs::create_dir_all(folder.join("inner")).unwrap();
    let words = ["kubectl", "apply", "-R", "-f", "manifests/"];
    let asked_before = |change: &dyn Fn()| {
        std::fs::write(folder.join("inner/pod.yaml"), "kind: Pod\n").unwrap();
        let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &words), change);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout, "./inner/pod.yaml\nkind: Pod\n");
        let inputs = shown(&live, &id).invocation.inputs;
        let is_it = |one: &&BoundInput| one.name.shown() == "manifests/";
        assert_eq!(inputs.iter().find(is_it).unwrap().delivery, Delivery::Copy);
    };
    asked_before(&|| std::fs::write(folder.join("inner/pod.yaml"), "kind: Role\n").unwrap());
    asked_before(&|| std::fs::write(folder.join("more.yaml"), "kind: Role\n").unwrap());
    std::fs::remove_file(folder.join("more.yaml")).unwrap();
    asked_before(&|| std::fs::rename(&folder, agent.home.work().join("old")).unwrap());
    assert_eq!(copies(&agent), [""; 0], "nothing stays behind");
    agent.assert_log_verifies();
}

/// Returns the folders in which private copies stand.
fn copies(agent: &Agent<'_>) -> Vec<String> {
    let all = agent.home.path().join(".local/state/gate/copies/each");
    let entries = std::fs::read_dir(all).unwrap();
    let names = entries.map(|entry| entry.unwrap().path().display().to_string());
    names.collect()
}

#[test]
fn a_private_copy_that_somebody_writes_to_is_not_run() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.script("kubectl", SHOWS_ITS_FOLDER).unwrap();
    let pod = agent
        .home
        .write("work/m/inner/pod.yaml", "kind: Pod\n")
        .unwrap();
    let words = ["kubectl", "apply", "-R", "-f", "m"];
    let change = || {
        let [copy] = &copies(&agent)[..] else {
            panic!("one command has one copy");
        };
        let copied = Path::new(copy).join(pod.canonicalize().unwrap().strip_prefix("/").unwrap());
        std::fs::remove_dir_all(copied.parent().unwrap()).unwrap();
        std::fs::create_dir(copied.parent().unwrap()).unwrap();
        std::fs::write(&copied, "kind: Role\n").unwrap();
    };
    let mut command = agent.gate_run(&[], &words);
    let (id, ended) = approved_after(&agent, &mut command, change);
    assert_refused(&live, &id, &ended, "inputs changed: the folder");
}

#[test]
fn what_a_killed_gate_leaves_of_its_copies_the_next_one_removes() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.script("kubectl", SHOWS_ITS_FOLDER).unwrap();
    agent
        .home
        .write("work/m/inner/pod.yaml", "kind: Pod\n")
        .unwrap();
    let words = ["kubectl", "apply", "-R", "-f", "m"];
    let mut first = Running::start(&mut agent.gate_run(&[], &words));
    first.asked();
    let left = copies(&agent);
    let other = agent
        .home
        .write("work/n/inner/pod.yaml", "kind: Pod\n")
        .unwrap();
    assert!(other.exists());
    let words = ["kubectl", "apply", "-R", "-f", "n"];
    let mut second = Running::start(&mut agent.gate_run(&[], &words));
    second.asked();
    assert_eq!(copies(&agent).len(), 2, "what is in use stays");
    first.signal(nix::sys::signal::Signal::SIGKILL);
    assert_eq!(first.finish().signal, Some(9));
    // Another command than the second one's, which still waits and would take the approval.
    let words = ["kubectl", "apply", "--recursive", "-f", "n"];
    let (_, ended) = approved_after(&agent, &mut agent.gate_run(&[], &words), || ());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!copies(&agent).contains(&left[0]), "{left:?}");
}

#[test]
fn terraform_applies_the_saved_plan_that_was_approved() {
    let live = Live::start();
    let mut agent = Agent::new(&live);
    agent.home.set("CHECKPOINT_DISABLE", "1");
    agent
        .home
        .link("terraform", &locate("terraform").unwrap())
        .unwrap();
    let project = TerraformProject::create().unwrap();
    let plan = |replicas: &str| {
        let variable = format!("-var=replicas={replicas}");
        let planned = project.terraform(&["plan", "-input=false", &variable, "-out=saved"]);
        planned.unwrap().success().unwrap();
    };
    plan("1");
    let mut command = agent.gate_run(&[], &["terraform", "apply", "-input=false", "saved"]);
    let change = || plan("2");
    let (id, ended) = approved_after(&agent, command.current_dir(project.path()), change);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(project.resources().unwrap(), ["terraform_data.web[0]"]);
    let bound = shown(&live, &id).invocation.inputs;
    assert!(bound.iter().any(|input| input.role == "plan"), "{bound:?}");
    agent.assert_log_verifies();
}

#[test]
fn terraform_does_not_apply_a_configuration_that_changed_after_the_question() {
    let live = Live::start();
    let mut agent = Agent::new(&live);
    agent.home.set("CHECKPOINT_DISABLE", "1");
    agent
        .home
        .link("terraform", &locate("terraform").unwrap())
        .unwrap();
    let project = TerraformProject::create().unwrap();
    let words = ["terraform", "apply", "-input=false", "-auto-approve"];
    let mut command = agent.gate_run(&[], &words);
    let more = || {
        let text = "resource \"terraform_data\" \"more\" {}\n";
        std::fs::write(project.path().join("more.tf"), text).unwrap();
    };
    let (id, ended) = approved_after(&agent, command.current_dir(project.path()), more);
    assert_refused(&live, &id, &ended, "the folder");
    assert_eq!(project.state().unwrap(), None);
    agent.assert_log_verifies();
}

#[test]
fn git_does_not_push_a_commit_that_was_made_after_the_question() {
    let live = Live::start();
    let agent = Agent::new(&live);
    let configuration = "[safe]\n\tdirectory = *\n";
    agent.home.write(".gitconfig", configuration).unwrap();
    agent.home.link("git", &locate("git").unwrap()).unwrap();
    let remote = BareRepository::create().unwrap();
    let checkout = remote.check_out("work").unwrap();
    checkout.commit_file("a.txt", "seen\n").unwrap();
    let mut command = agent.gate_run(&[], &["git", "push", "origin", "main"]);
    let commit = || drop(checkout.commit_file("a.txt", "unseen\n").unwrap());
    let (id, ended) = approved_after(&agent, command.current_dir(checkout.path()), commit);
    // It is read again what would be pushed, before the files that say so are looked at.
    assert_refused(&live, &id, &ended, "what the push would bring");
    assert!(remote.refs().unwrap().is_empty());
    agent.assert_log_verifies();
}

#[test]
fn a_kubeconfig_that_changed_after_the_question_leads_nowhere() {
    let live = Live::start();
    let mut agent = Agent::new(&live);
    let kubectl = "#!/bin/sh\necho ran >> \"$HOME/trace\"\n";
    agent.home.script("kubectl", kubectl).unwrap();
    let cluster = |server: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             contexts:\n- {{name: c, context: {{cluster: c, user: u}}}}\n\
             clusters:\n- {{name: c, cluster: {{server: 'https://{server}'}}}}\n"
        )
    };
    let kubeconfig = agent.home.write("kubeconfig", cluster("test")).unwrap();
    agent.home.set("KUBECONFIG", &kubeconfig);
    let change = || std::fs::write(&kubeconfig, cluster("production")).unwrap();
    let words = ["kubectl", "delete", "pod", "web-0"];
    let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &words), change);
    assert_refused(&live, &id, &ended, "the file");
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

#[test]
fn a_working_directory_that_was_moved_is_not_worked_in() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let (before, after) = (
        agent.home.path().join("here"),
        agent.home.path().join("there"),
    );
    std::fs::create_dir(&before).unwrap();
    let mut command = agent.gate_run(&[], &["deploy"]);
    let moved = || std::fs::rename(&before, &after).unwrap();
    let (id, ended) = approved_after(&agent, command.current_dir(&before), moved);
    assert_refused(&live, &id, &ended, "the working directory");
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

/// What a terminal would act on: ESC, a bidi override, a C1 control as text and as a bare byte.
const HOSTILE: &[u8] = b"a\x1b]0;x\xe2\x80\xae\xc2\x9b2J\x9b";

#[test]
fn the_name_of_a_working_directory_moves_no_cursor_of_a_person_or_a_program() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let hostile = |parent: &str| {
        let parent = agent.home.path().join(parent);
        std::fs::create_dir(&parent).unwrap();
        parent.join(OsStr::from_bytes(HOSTILE))
    };
    let (before, after) = (hostile("here"), hostile("there"));
    for options in [&[][..], &["--json"]] {
        std::fs::create_dir(&before).unwrap();
        let mut command = agent.gate_run(options, &["deploy"]);
        let mut waiting = Running::start(command.current_dir(&before));
        waiting.wait_for("requests/");
        let asked = requests(&live);
        std::fs::rename(&before, &after).unwrap();
        approve_as_bob(&live, &asked[0]);
        let ended = waiting.finish();
        std::fs::remove_dir(&after).unwrap();
        assert_eq!(ended.code, Some(125), "{ended:?}");
        let said = ended.stderr;
        let last = said
            .lines()
            .find(|line| line.contains("the working directory"));
        let shown = last.unwrap().replace("\\\\", "\\");
        assert!(shown.contains("\\u{1b}]0;x\\u{202e}\\u{9b}2J"), "{shown}");
        let is_shown = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
        assert!(said.chars().all(is_shown), "{options:?}: {said:?}");
    }
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

#[test]
fn a_variable_whose_name_is_no_text_is_not_asked_about() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent
        .home
        .script("terraform", "#!/bin/sh\nexit 5\n")
        .unwrap();
    for name in [&b"TF_VAR_\xfe"[..], b"TF_VAR_\xff"] {
        let mut command = agent.gate_run(&["--no-wait"], &["terraform", "apply"]);
        let asked = run(command.env(OsStr::from_bytes(name), "x"));
        assert_eq!(asked.code, Some(126), "{asked:?}");
        assert!(asked.stderr.contains("is not UTF-8"), "{asked:?}");
        assert!(asked.stderr.contains("unset it"), "{asked:?}");
    }
    assert_eq!(requests(&live), [""; 0]);
    agent.assert_log_verifies();
}

/// Stands for kubectl and psql where what counts is the file that they are given.
const COPIES_ITS_FILE: &str = "#!/bin/sh\nfor last in \"$@\"; do :; done\ncat \"$last\"\n";

#[test]
fn an_input_file_is_run_as_it_was_when_it_was_asked_for() {
    let live = Live::start();
    let agent = Agent::new(&live);
    for (tool, words) in [
        ("kubectl", &["kubectl", "apply", "-f", "input"][..]),
        ("psql", &["psql", "-X", "-f", "input"]),
    ] {
        agent.home.script(tool, COPIES_ITS_FILE).unwrap();
        let input = agent.home.work().join("input");
        for after in [overwritten, removed, replaced] {
            std::fs::write(&input, "delete from items;\n").unwrap();
            let change = || after(&input);
            let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], words), change);
            assert_eq!(ended.code, Some(0), "{tool}: {ended:?}");
            assert_eq!(
                ended.stdout, "delete from items;\n",
                "{tool}: the approved bytes"
            );
            let bound = shown(&live, &id).invocation.inputs;
            let is_it = |one: &BoundInput| one.name.shown() == "input" && one.size_bytes == 19;
            assert!(bound.iter().any(is_it), "{tool}: {bound:?}");
        }
    }
    agent.assert_log_verifies();
}

fn overwritten(path: &Path) {
    std::fs::write(path, "drop table items;\n").unwrap();
}

fn removed(path: &Path) {
    std::fs::remove_file(path).unwrap();
}

fn replaced(path: &Path) {
    let beside = path.with_extension("new");
    overwritten(&beside);
    std::fs::rename(beside, path).unwrap();
}
