//! Which tool a shim finds: every order of PATH, links, copies, other gates, other names.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::ground::{Front, Matrix, SYSTEM};
use crate::stage::{assert_ends, run};

#[test]
fn every_place_of_the_folder_on_path_leads_to_the_tool_behind_it() {
    for matrix in Matrix::each() {
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
}

#[test]
fn relative_and_empty_entries_are_never_the_tool_and_a_shim_in_the_folder_is_one() {
    for matrix in Matrix::each() {
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
        // By whatever path the shim is called, the tool is the one of its name on PATH.
        for called in ["./kubectl", "../work/kubectl", "\"$PWD/kubectl\""] {
            matrix.assert_judged(&format!("real:{SYSTEM}"), called, "real");
        }
        // Named by itself it is gate, not a tool.
        let ran = matrix.stage.gate(&["run", "--", "./kubectl", "get"]);
        assert_ends(ran, 126);
    }
}

#[test]
fn links_copies_and_other_gates_are_shims_under_any_name_of_their_folder() {
    for matrix in Matrix::each() {
        let gate = matrix.program();
        let other = matrix.other_gate();
        let at = |folder: &str| matrix.folder(folder).join("kubectl");
        symlink(&gate, at("link")).unwrap();
        symlink(at("link"), at("link-to-link")).unwrap();
        symlink(matrix.shims().join("kubectl"), at("link-to-shim")).unwrap();
        fs::hard_link(&gate, at("hard")).unwrap();
        fs::copy(&gate, at("copy")).unwrap();
        symlink(&other, at("other")).unwrap();
        symlink(matrix.shims(), matrix.stage.home.path().join("folder-link")).unwrap();
        for folder in ["hard", "copy"] {
            has_gate_beside(&matrix, folder);
        }
        for folder in [
            "link",
            "link-to-link",
            "link-to-shim",
            "hard",
            "copy",
            "folder-link",
        ] {
            matrix.assert_judged(&format!("{folder}:real:{SYSTEM}"), "kubectl", "real");
            matrix.assert_judged(&format!("{folder}:shims:real:{SYSTEM}"), "kubectl", "real");
            matrix.assert_judged(&format!("shims:{folder}:real:{SYSTEM}"), "kubectl", "real");
        }
        for path in [
            "other:real",
            "other:shims:real",
            "shims:other:real",
            "other:link:hard:copy:link-to-shim:shims:real",
        ] {
            matrix.assert_judged_by_other(&format!("{path}:{SYSTEM}"), "kubectl", "real");
        }
    }
}

/// The small program leaves what it does not decide to the gate beside the file that it is; without
/// one it runs nothing.
#[track_caller]
fn has_gate_beside(matrix: &Matrix, folder: &str) {
    if matrix.front == Front::Gate {
        return;
    }
    let path = format!("{folder}:real:{SYSTEM}");
    let denied = run(&mut matrix.sh(&path, "kubectl delete namespace prod"));
    let denied = assert_ends(denied, 125);
    assert!(denied.stderr.contains("nothing was run"), "{denied:?}");
    assert_eq!(matrix.calls(), Vec::<String>::new(), "{folder}");
    let gate = matrix.stage.program("gate");
    fs::hard_link(gate, matrix.folder(folder).join("gate")).unwrap();
}

#[test]
fn a_second_gate_with_shims_of_its_own_is_passed_over() {
    for matrix in Matrix::each() {
        let other = matrix.other_gate();
        let mut install = matrix.stage.home.command(other.with_file_name("gate"));
        let folder = matrix.folder("others-shims");
        install
            .args(["shim", "install", "kubectl", "--dir"])
            .arg(&folder);
        assert_ends(run(&mut install), 0);
        for path in ["shims:others-shims:real", "others-shims:shims:real"] {
            matrix.assert_judged_by_other(&format!("{path}:{SYSTEM}"), "kubectl", "real");
        }
    }
}

#[test]
fn another_argv0_never_runs_a_command_that_was_not_judged() {
    for matrix in Matrix::each() {
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
}

#[test]
fn what_cannot_be_the_tool_has_the_exit_codes_of_the_shell() {
    for matrix in Matrix::each() {
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
}

#[test]
fn a_tool_is_replaced_by_an_upgrade_without_a_new_shim() {
    for matrix in Matrix::each() {
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
}

#[test]
fn no_variable_makes_a_shim_skip_itself() {
    for matrix in Matrix::each() {
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
}

#[test]
fn a_shim_is_known_by_what_it_leads_to_and_not_by_its_folder() {
    for matrix in Matrix::each() {
        let shims = matrix.shims();
        assert!(Path::new(&shims).join(".gate-shims").exists());
        fs::remove_file(shims.join(".gate-shims")).unwrap();
        matrix.assert_judged(&format!("shims:real:{SYSTEM}"), "kubectl", "real");
    }
}
