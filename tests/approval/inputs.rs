//! What terraform, psql, git and tools without a profile read besides the
//! files that argv names plainly is bound too: with the real tools.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::os::unix::fs::symlink;
use std::path::Path;

use gate_protocol::invocation::{BoundInput, Delivery};
use gate_testkit::real::{Postgres, TerraformProject, locate};

use crate::agent::{Agent, shown};
use crate::binding::{approved_after, assert_refused};
use crate::server::{Live, run};
use crate::stage::only_request;

/// A module or a configuration that leaves something beside itself.
const EVIL: &str = "resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" {\n    \
                    command = \"touch pwned\"\n  }\n}\n";
const HARMLESS: &str = "resource \"terraform_data\" \"x\" {}\n";
const APPLY: [&str; 4] = ["terraform", "apply", "-auto-approve", "-input=false"];

fn agent_with_terraform(live: &Live) -> Agent<'_> {
    let mut agent = Agent::new(live);
    agent.home.set("CHECKPOINT_DISABLE", "1");
    let terraform = locate("terraform").unwrap();
    agent.home.link("terraform", &terraform).unwrap();
    agent
}

/// Asks for the words in a folder, swaps what a file says, approves: nothing
/// may run.
#[track_caller]
fn swapped(agent: &Agent<'_>, folder: &Path, words: &[&str], (file, now): (&Path, &str)) {
    let mut command = agent.gate_run(&[], words);
    let swap = || std::fs::write(file, now).unwrap();
    let (id, ended) = approved_after(agent, command.current_dir(folder), swap);
    assert_refused(agent.live, &id, &ended, "inputs changed: the f");
}

#[test]
fn a_module_and_a_link_beside_the_working_folder_are_bound_with_it() {
    let live = Live::start();
    let agent = agent_with_terraform(&live);
    let module = agent.home.write("mod/main.tf", HARMLESS).unwrap();
    // Both folders stand in the same one, that of temporary files.
    let home = agent.home.path().file_name().unwrap();
    let source = format!("../{}/mod", home.display());
    let main = format!("module \"m\" {{\n  source = \"{source}\"\n}}\n");
    let project = TerraformProject::with_main(&main).unwrap();
    swapped(&agent, project.path(), &APPLY, (&module, EVIL));
    assert_eq!(project.state().unwrap(), None);

    let linked = TerraformProject::with_main(HARMLESS).unwrap();
    let target = agent.home.write("real.tf", HARMLESS).unwrap();
    std::fs::remove_file(linked.path().join("main.tf")).unwrap();
    symlink(&target, linked.path().join("main.tf")).unwrap();
    swapped(&agent, linked.path(), &APPLY, (&target, EVIL));
    assert_eq!(linked.state().unwrap(), None);

    let mut command = agent.gate_run(&[], &APPLY);
    let (_, ended) = approved_after(&agent, command.current_dir(linked.path()), || ());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(linked.resources().unwrap(), ["terraform_data.x"]);
    assert!(
        linked.path().join("pwned").exists(),
        "what is there now was asked for"
    );
}

#[test]
fn variables_are_taken_from_the_folder_and_by_the_name_that_terraform_would() {
    let live = Live::start();
    let agent = agent_with_terraform(&live);
    let project = TerraformProject::with_main(
        "variable \"a\" {}\nresource \"terraform_data\" \"x\" {\n  input = var.a\n}\n",
    )
    .unwrap();
    let chdir = format!("-chdir={}", project.path().display());
    let words = |file: &'static str| {
        let file = format!("-var-file={file}");
        [&[
            "terraform",
            &chdir,
            "apply",
            "-auto-approve",
            "-input=false",
            &file,
        ][..]]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<String>>()
    };
    let outside = agent
        .home
        .write("p.tfvars.json", "{\"a\": \"good\"}")
        .unwrap();
    let name = outside.display().to_string();
    let mut by_name = words("");
    by_name.pop();
    by_name.push(format!("-var-file={name}"));
    let by_name: Vec<&str> = by_name.iter().map(String::as_str).collect();
    let work = agent.home.work();
    let swap = || std::fs::write(&outside, "{\"a\": \"evil\"}").unwrap();
    let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &by_name), swap);
    assert_eq!(ended.code, Some(0), "JSON by its name: {ended:?}");
    let state = project.state().unwrap().unwrap().to_string();
    assert!(state.contains("good"), "{state}");
    let inputs = shown(&live, &id).invocation.inputs;
    let is_it = |one: &&BoundInput| one.name.shown() == name;
    let bound = inputs.iter().find(is_it).unwrap();
    assert_eq!(bound.delivery, Delivery::Copy);

    // From the folder that `-chdir` names, although a file of that name is here too.
    std::fs::write(project.path().join("q.tfvars"), "a = \"there\"\n").unwrap();
    std::fs::write(work.join("q.tfvars"), "a = \"here\"\n").unwrap();
    let there = words("q.tfvars");
    let there: Vec<&str> = there.iter().map(String::as_str).collect();
    let (_, ended) = approved_after(&agent, &mut agent.gate_run(&[], &there), || ());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let state = project.state().unwrap().unwrap().to_string();
    assert!(
        state.contains("there") && !state.contains("\"here\""),
        "{state}"
    );
}

#[test]
fn what_psql_reads_by_its_own_commands_is_bound() {
    let live = Live::start();
    let mut agent = Agent::new(&live);
    let postgres = Postgres::start().unwrap();
    postgres.sql("create table items (n int)").unwrap();
    agent.home.set_all(postgres.environment());
    let work = agent.home.work();
    let rows = || postgres.sql("select n from items order by n").unwrap();
    let data = agent.home.write("work/rows", "1\n").unwrap();
    let copy = ["psql", "-X", "-c", "\\copy items from 'rows'"];
    swapped(&agent, &work, &copy, (&data, "666\n"));

    let inner = agent
        .home
        .write("work/deep/b.sql", "insert into items values (2);\n")
        .unwrap();
    agent.home.write("work/deep/a.sql", "\\ir b.sql\n").unwrap();
    let script = ["psql", "-X", "-f", "deep/a.sql"];
    let drop_all = || std::fs::write(&inner, "drop table items;\n").unwrap();
    let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &script), drop_all);
    assert_eq!(
        ended.code,
        Some(0),
        "a script finds the copy of what stands beside it: {ended:?}"
    );
    assert_eq!(rows(), "2\n", "{:?}", shown(&live, &id).invocation.inputs);

    std::fs::write(&inner, "insert into items values (2);\n").unwrap();
    agent.home.write("work/c.sql", "\\i deep/b.sql\n").unwrap();
    let from_here = ["psql", "-X", "-f", "c.sql"];
    swapped(&agent, &work, &from_here, (&inner, "drop table items;\n"));
    assert_eq!(rows(), "2\n");

    std::fs::write(&data, "1\n").unwrap();
    let from_stdin = ["psql", "-X", "-c", "copy items from stdin"];
    let mut command = agent.gate_run(&[], &from_stdin);
    let swap = || std::fs::write(&data, "666\n").unwrap();
    let stdin = std::fs::File::open(&data).unwrap();
    let (id, ended) = approved_after(&agent, command.stdin(stdin), swap);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        rows(),
        "1\n2\n",
        "the bytes that were there when it was asked"
    );
    let inputs = shown(&live, &id).invocation.inputs;
    assert!(
        inputs.iter().any(|one| one.delivery == Delivery::Stdin),
        "{inputs:?}"
    );
    agent.assert_log_verifies();
}

#[test]
fn a_patch_is_applied_as_it_was_approved() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.link("git", &locate("git").unwrap()).unwrap();
    let work = agent.home.work();
    let patch = |text: &str| format!("--- /dev/null\n+++ b/made\n@@ -0,0 +1 @@\n+{text}\n");
    let file = agent.home.write("work/a.patch", patch("good")).unwrap();
    let apply = ["git", "apply", "a.patch"];
    // git reads a copy of what was approved.
    let swap = || std::fs::write(&file, patch("evil")).unwrap();
    let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &apply), swap);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let inputs = shown(&live, &id).invocation.inputs;
    assert!(inputs.iter().any(|one| one.role == "patch"), "{inputs:?}");
    assert_eq!(
        std::fs::read_to_string(work.join("made")).unwrap(),
        "good\n"
    );
}

#[test]
fn a_commit_has_the_message_that_was_approved() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.link("git", &locate("git").unwrap()).unwrap();
    let configuration = "[safe]\n\tdirectory = *\n[user]\n\tname = a\n\temail = a@b\n";
    agent.home.write(".gitconfig", configuration).unwrap();
    agent.rules("ask", &crate::stage::asks_always(""));
    let git = |words: &[&str]| {
        let mut command = agent.home.command(locate("git").unwrap());
        run(command.args(words)).stdout
    };
    git(&["init", "-q"]);
    let file = agent.home.write("work/m", "good\n").unwrap();
    let swap = || std::fs::write(&file, "evil\n").unwrap();
    let words = ["git", "commit", "-q", "--allow-empty", "-Fm"];
    let (_, ended) = approved_after(&agent, &mut agent.gate_run(&[], &words), swap);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(git(&["log", "-1", "--format=%s"]), "good\n");
    agent.assert_log_verifies();
}

#[test]
fn a_script_that_a_tool_without_a_profile_is_given_is_bound() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.link("runner", &locate("bash").unwrap()).unwrap();
    let work = agent.home.work();
    let script = agent.home.write("work/s.sh", "echo harmless\n").unwrap();
    let settings = agent.home.write("work/settings", "").unwrap();
    let option = format!("--init-file={}", settings.display());
    let words = ["runner", &option, "s.sh"];
    swapped(&agent, &work, &["runner", "s.sh"], (&script, "echo evil\n"));
    swapped(&agent, &work, &words, (&settings, "echo evil\n"));
    std::fs::write(&script, "echo harmless\n").unwrap();
    let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &["runner", "s.sh"]), || ());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "harmless\n"));
    let inputs = shown(&live, &id).invocation.inputs;
    let is_it = |one: &&BoundInput| one.name.shown() == "s.sh" && one.role == "file";
    assert_eq!(
        inputs.iter().find(is_it).unwrap().delivery,
        Delivery::Rechecked
    );
    agent.assert_log_verifies();
}

#[test]
fn the_text_of_a_script_is_asked_with_it_unless_it_speaks_of_secrets() {
    for (text, is_sent) in [
        ("drop table tea;\n", true),
        ("alter role a password 'Gr8-Secr3t-Pa55';\n", false),
    ] {
        let live = Live::start();
        let agent = Agent::new(&live);
        agent.home.link("psql", &locate("psql").unwrap()).unwrap();
        agent.home.write("work/q.sql", text).unwrap();
        let words = ["psql", "-X", "-h", "db.example", "-f", "q.sql"];
        let asked = run(&mut agent.gate_run(&["--no-wait"], &words));
        assert_eq!(asked.code, Some(75), "{asked:?}");
        let request = only_request(&live);
        let mut inputs = request.invocation.inputs.iter();
        let script = inputs.find(|input| input.role == "script").unwrap();
        assert_eq!(script.content.as_deref(), is_sent.then_some(text));
        let json = serde_json::to_string(&request).unwrap();
        assert!(!json.contains("Secr3t"), "{json}");
    }
}
