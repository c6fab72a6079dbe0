//! Commands that are started by others meet the shim as well, each judged alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::ground::{DENIED, Matrix, SYSTEM};
use crate::stage::{assert_ends, run};

#[test]
fn a_dispatcher_that_calls_the_tool_by_its_name_meets_the_shim() {
    for matrix in Matrix::each() {
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
}

#[test]
fn makefiles_hooks_and_scripts_meet_the_shim_each_command_judged_alone() {
    for matrix in Matrix::each() {
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
}

#[test]
fn an_allowed_tool_that_calls_a_wrapped_one_does_not_take_its_leave_along() {
    for matrix in Matrix::each() {
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
}
