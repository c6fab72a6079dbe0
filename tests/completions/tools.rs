//! What the tools themselves complete, through gate: their scripts call the tool, and with a shim
//! on PATH that is gate.

use std::os::unix::fs::symlink;
use std::process::Command;

use gate_testkit::real::{TerraformProject, locate};
use serde_json::Value;

use crate::server::{GATE, Ran, run};
use crate::stage::Stage;

/// Returns how many requests there are.
fn requests(stage: &Stage) -> usize {
    let listed = run(&mut stage
        .live
        .gate("bob_approver", &["requests", "list", "--json"]));
    let page: Value = serde_json::from_str(&listed.stdout).unwrap();
    page.pointer("/requests")
        .and_then(Value::as_array)
        .unwrap()
        .len()
}

/// Fails unless the command was refused at once, because nobody is asked by a tab.
#[track_caller]
fn assert_refused(ran: &Ran, told: &str) {
    assert_eq!(ran.code, Some(75), "{told}: {ran:?}");
    assert_eq!(ran.stdout, "", "{told}");
    assert!(ran.stderr.contains("nobody is asked"), "{told}: {ran:?}");
}

#[test]
fn kubectl_completes_through_its_shim_as_it_does_alone_and_starts_nothing_for_it() {
    let stage = Stage::new();
    let kubectl = locate("kubectl").unwrap();
    stage.home.link("kubectl", &kubectl).unwrap();
    stage.home.write("shims/.gate-shims", "").unwrap();
    let shim = stage.home.path().join("shims/kubectl");
    symlink(GATE, &shim).unwrap();
    // A plugin, and the program that completes it.
    for name in ["kubectl-foo", "kubectl_complete-foo"] {
        let text = "#!/bin/sh\ntouch canary\necho mine\n";
        stage.home.script(name, text).unwrap();
    }
    let canary = stage.home.work().join("canary");
    for words in [
        &["ge"][..],
        &["get", ""],
        &["config", "use-c"],
        &["-n", "x", "describe", ""],
        &["delete", "pod", "--grace-period", ""],
        &["get", "pods", "--outp"],
        &["fo"],
    ] {
        for hidden in ["__complete", "__completeNoDesc"] {
            let called = |program: &mut Command| run(program.arg(hidden).args(words));
            let alone = called(&mut stage.home.command("kubectl"));
            let ran = called(&mut stage.home.command(&shim));
            let ended = |ran: &Ran| (ran.code, ran.stdout.clone());
            assert_eq!(ended(&ran), ended(&alone), "{words:?}");
            assert!(!ran.stderr.contains("gate: "), "{words:?}: {ran:?}");
            assert!(!canary.exists(), "{words:?}");
        }
    }
    let before = requests(&stage);
    for words in [
        &["foo", ""][..],
        &["foo", "--x"],
        &["foo", "-n", "x"],
        &["foo", "--", ""],
        &["foo", "--help"],
    ] {
        let ran = run(stage.home.command(&shim).arg("__complete").args(words));
        assert_refused(&ran, &words.join(" "));
    }
    assert!(!canary.exists());
    assert_eq!(requests(&stage), before);
}

#[test]
fn terraform_completes_where_bash_says_so_and_only_where_it_is_started_by_the_caller_itself() {
    let stage = Stage::new();
    let project = TerraformProject::create().unwrap();
    let terraform = locate("terraform").unwrap();
    stage.home.link("terraform", &terraform).unwrap();
    let gate = |line: &str, words: &[&str]| {
        let mut command = stage.home.command(GATE);
        command.args(["run", "--"]).args(words);
        run(command.current_dir(project.path()).env("COMP_LINE", line))
    };
    let before = requests(&stage);
    // As `complete -C terraform terraform` calls it, and with words that would do more.
    for words in [
        &["terraform", "terraform", "app", "terraform"][..],
        &["terraform", "apply", "-auto-approve"],
        &["terraform", "destroy", "-auto-approve"],
    ] {
        let ran = gate("terraform app", words);
        assert_eq!(ran.code, Some(0), "{words:?}: {ran:?}");
        assert_eq!(ran.stdout, "apply\n", "{words:?}");
    }
    // Here terraform would not see it.
    for words in [
        &[
            "env",
            "-u",
            "COMP_LINE",
            "terraform",
            "apply",
            "-auto-approve",
        ][..],
        &["env", "-i", "/usr/bin/terraform", "apply"],
        &["sh", "-c", "unset COMP_LINE; terraform apply -auto-approve"],
        &["sh", "-c", "COMP_LINE= terraform apply -auto-approve"],
        &["sudo", "terraform", "apply"],
        &["ssh", "build", "terraform apply"],
    ] {
        let ran = gate("terraform app", words);
        // Where sudo or ssh is not installed, nothing runs either.
        if ran.code != Some(127) {
            assert_refused(&ran, &words.join(" "));
        }
    }
    assert!(!project.path().join("terraform.tfstate").exists());
    assert_eq!(requests(&stage), before);
    let decided = |line: &str| {
        let mut check = stage.home.command(GATE);
        check.args(["check", "--json", "--", "terraform", "apply"]);
        let ran = run(check.current_dir(project.path()).env("COMP_LINE", line));
        let decision: Value = serde_json::from_str(&ran.stdout).unwrap();
        decision["decision"].as_str().unwrap().to_owned()
    };
    assert_eq!(decided("x"), "allow");
    assert_eq!(
        decided(""),
        "require_approval",
        "to terraform it is not set"
    );
}

#[test]
fn what_completes_a_line_and_is_not_known_is_refused_before_anybody_is_asked() {
    let stage = Stage::new();
    stage
        .home
        .script("flyctl", "#!/bin/sh\ntouch canary\n")
        .unwrap();
    let before = requests(&stage);
    let hidden = ["run", "--", "flyctl", "__complete", "apps", ""];
    assert_refused(&run(stage.home.command(GATE).args(hidden)), "hidden");
    let mut told = stage.home.command(GATE);
    let ran = run(told
        .args(["run", "--", "flyctl", "x"])
        .env("COMP_LINE", "flyctl x"));
    assert_refused(&ran, "COMP_LINE");
    assert!(!stage.home.work().join("canary").exists());
    assert_eq!(requests(&stage), before);
}
