//! Where the system itself is bare: no home, no variables, no execution.

use std::ffi::OsStr;
use std::fs;

use crate::ground::{Matrix, SYSTEM};
use crate::namespace::isolated;
use crate::stage::{Ran, assert_ends, run};

/// Runs a script in a root of its own, without a home that the system knows of.
fn in_own_root(matrix: &Matrix, script: &str, args: &[&OsStr]) -> Ran {
    let etc = matrix.folder("etc");
    let mut command = isolated(&matrix.stage.home, &etc, script);
    run(command.args(args))
}

#[test]
fn without_path_home_or_any_variable_a_command_is_judged_all_the_same() {
    for matrix in Matrix::each() {
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
}

#[test]
fn a_tool_on_a_file_system_without_execution_is_found_and_not_run() {
    for matrix in Matrix::each() {
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
}
