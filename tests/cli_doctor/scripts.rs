//! What scripts find: those of sh, bash and zsh with this environment, and what goes before a shim.

use std::fs;

use serde_json::Value;

use crate::stage::{Stage, assert_ends};
use crate::{json, put_shims_first, stage};

/// Returns the lines of kubectl by scripts that lead past its shim.
fn gaps(stage: &Stage) -> String {
    let ran = stage.gate(&["doctor", "--json", "--way", "script", "kubectl"]);
    let found = json(&assert_ends(ran, 1));
    let ways = found.pointer("/tools/0/ways").and_then(Value::as_array);
    let is_open = |way: &&Value| way.get("state").is_some_and(|state| state == "open");
    let open = ways.into_iter().flatten().filter(is_open);
    let told: Vec<String> = open
        .chain(found.get("notes"))
        .map(Value::to_string)
        .collect();
    told.concat()
}

#[test]
fn what_a_script_of_bash_or_zsh_finds_is_asked_too() {
    let mut covered = stage("/bin/bash");
    put_shims_first(&mut covered);
    assert_ends(covered.gate(&["doctor", "--way", "script"]), 0);
    let real = format!("PATH={}:$PATH\n", covered.home.bin().display());

    let file = covered.home.write("before.sh", &real).unwrap();
    covered.home.set("BASH_ENV", file);
    let told = gaps(&covered);
    assert!(
        told.contains("bash -c") && told.contains("before.sh"),
        "{told}"
    );
    covered.home.set("BASH_ENV", "");

    covered.home.write(".zshenv", &real).unwrap();
    let told = gaps(&covered);
    assert!(told.contains("zsh -c"), "{told}");
    covered.home.write(".zshenv", "").unwrap();

    covered.home.set("BASH_FUNC_kubectl%%", "() { :; }");
    let told = gaps(&covered);
    assert!(told.contains("a function of the shell"), "{told}");
    assert!(
        told.contains("gives each script of bash the function `kubectl`"),
        "{told}"
    );
}

#[test]
fn a_program_that_is_gone_and_one_that_a_loader_starts_are_told() {
    let mut stage = stage("/bin/bash");
    put_shims_first(&mut stage);
    let ran = stage.gate(&["doctor", "--json", "--way", "here"]);
    let found = json(&assert_ends(ran, 0));
    // The tests' own gate is dynamic.
    assert!(
        found
            .get("notes")
            .unwrap()
            .to_string()
            .contains("LD_PRELOAD"),
        "{found}"
    );
    let shim = stage.shims().join("kubectl");
    fs::remove_file(&shim).unwrap();
    std::os::unix::fs::symlink(stage.home.path().join("opt/gate-shim"), &shim).unwrap();
    let ran = assert_ends(stage.gate(&["doctor", "--way", "here", "kubectl"]), 1);
    let mend = "the program that its shim leads to is gone";
    assert!(ran.stdout.contains(mend), "{ran:?}");
}
