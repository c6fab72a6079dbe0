//! One approval is asked for once: by the hook's word, by `gate run`, or by a shim.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::stage::{GATE, Stage};

#[test]
fn what_runs_through_gate_is_left_to_gate() {
    let stage = Stage::new();
    let whole = format!("{GATE} run -- kubectl delete ns p");
    for command in [
        "gate run -- kubectl delete ns p",
        "gate run --reason 'old' --no-wait -- terraform destroy",
        "kubectl get pods -o name | gate run -- xargs kubectl delete",
        "bash -c 'gate run -- kubectl delete ns p'",
        "gate requests list; gate check -- kubectl delete ns p",
        &whole,
    ] {
        assert_eq!(stage.says_no(command), None, "{command}");
    }
    // Only what stands behind it.
    let both = "gate run -- kubectl delete ns p && kubectl delete ns q";
    let told = stage.says_no(both).unwrap();
    assert!(told.contains("`kubectl delete ns q`"), "{told}");
    assert!(!told.contains("ns p"), "{told}");
}

#[test]
fn what_an_agent_is_told_to_do_is_what_it_may_do() {
    let mut stage = Stage::new();
    let advice = |stage: &Stage| {
        let told = stage.says_no("kubectl delete ns p").unwrap();
        let line = told.lines().find(|line| line.starts_with("    ")).unwrap();
        line.trim().to_owned()
    };
    assert_eq!(advice(&stage), "gate run -- kubectl delete ns p");
    assert_eq!(stage.says_no(&advice(&stage)), None);
    // Where gate is not on PATH, it is named whole.
    std::fs::remove_file(stage.home.bin().join("gate")).unwrap();
    stage.home.set("PATH", "/usr/bin:/bin");
    let advised = advice(&stage);
    assert!(advised.starts_with('/'), "{advised}");
    assert_eq!(stage.says_no(&advised), None);
}

#[test]
fn a_program_that_is_only_called_gate_is_not_trusted() {
    let stage = Stage::new();
    let told = "gate run -- kubectl delete ns p";
    std::fs::remove_file(stage.home.bin().join("gate")).unwrap();
    stage.home.script("gate", "shift 2; exec \"$@\"").unwrap();
    let as_unknown = stage.says_no_with(&["--shims"], told).unwrap();
    assert!(as_unknown.contains("no profile of `gate`"), "{as_unknown}");
    stage.rules("[[rule]]\nid = \"g\"\ntool = \"gate\"\ndecision = \"deny\"\n");
    assert!(stage.says_no(told).is_some(), "it is a tool as any other");
    let stage = Stage::new();
    stage.rules("[[rule]]\nid = \"g\"\ntool = \"gate\"\ndecision = \"deny\"\n");
    assert_eq!(stage.says_no(told), None, "the real one asks by itself");
    assert!(stage.says_no(&format!("PATH=/tmp:$PATH {told}")).is_some());
    assert!(
        stage
            .says_no(&format!("export PA''TH=/tmp; {told}"))
            .is_some()
    );
}

#[test]
fn an_agent_does_not_answer_and_changes_neither_rules_nor_hooks() {
    let stage = Stage::new();
    for command in [
        "gate approve 0198f --yes",
        "ls; gate deny 0198f",
        "gate rules push",
        "gate login --server https://x",
        "gate hook remove claude-code",
        "bash -c 'gate approve 0198f'",
        "PATH=$PATH:/x gate approve 0198f",
        "timeout 5 gate deny 0198f",
        "gate requests review-break-glass 0198f --comment ok",
        "gate audit erase 0198f --reason x",
        "gate audit forward",
        "gate audit archive",
    ] {
        let told = stage.says_no(command).unwrap();
        assert!(told.contains("is for people"), "{command}: {told}");
    }
    assert_eq!(stage.says_no("gate approve --help"), None);
}

#[test]
fn a_shim_asks_only_where_it_comes_first_and_the_hook_was_told_of_shims() {
    let stage = Stage::new();
    stage.home.link("kubectl", Path::new(GATE)).unwrap();
    let command = "kubectl delete ns p";
    assert!(
        stage.says_no(command).is_some(),
        "nobody said that shims are reached"
    );
    let shims = &["--shims"];
    assert_eq!(stage.says_no_with(shims, command), None);
    assert_eq!(
        stage.says_no_with(shims, &format!("timeout 5 {command} | cat")),
        None
    );
    for around in [
        "/usr/bin/kubectl delete ns p",
        "PATH=/usr/bin:/bin kubectl delete ns p",
        "terraform destroy",
        "ssh host kubectl delete ns p",
        "kubectl get pods; terraform destroy",
        // The shim is on the PATH of the agent's shell, and not on these.
        "env -i kubectl delete ns p",
        "env -u PATH kubectl delete ns p",
        "exec env - timeout 5 kubectl delete ns p",
        "bash -lc 'kubectl delete ns p'",
        "read -r PATH <<< /usr/bin; kubectl delete ns p",
        "for PATH in /usr/bin; do kubectl delete ns p; done",
        "unset PATH; kubectl delete ns p",
        "export PA''TH=/usr/bin; kubectl delete ns p",
        "unset PA\\TH; kubectl delete ns p",
        "env 'BASH_FUNC_kubectl%%=() { :; }' bash -c 'kubectl delete ns p'",
    ] {
        assert!(stage.says_no_with(shims, around).is_some(), "{around}");
    }
    // Another file of that name comes first.
    let before = stage.home.write("before/kubectl", "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&before, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut stage = stage;
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        stage.home.path().join("before").display(),
        stage.home.bin().display()
    );
    stage.home.set("PATH", path);
    assert!(stage.says_no_with(shims, command).is_some());
}
