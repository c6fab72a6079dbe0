//! What is said of the compiled rules by which shims decide.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use crate::stage::Stage;
use crate::{json, put_shims_first, setting, stage};

#[test]
fn whether_shims_decide_by_compiled_rules_is_said_with_the_reason() {
    let mut stage = stage("/bin/bash");
    put_shims_first(&mut stage);
    let compiled = |stage: &Stage| {
        let found = json(&stage.gate(&["doctor", "--json", "--way", "here"]));
        let compiled = setting(&found, "compiled rules");
        let said = compiled["said"].as_str().unwrap().to_owned();
        assert_eq!(
            compiled["standing"] == "good",
            said.contains("are in force")
        );
        said
    };
    assert!(compiled(&stage).contains("there are none yet"));
    let rules = stage.home.write(".config/gate/rules.d/a.toml", "").unwrap();
    // What was written this very moment is not compiled.
    while stage.gate(&["rules", "compile"]).code != Some(0) {}
    assert!(compiled(&stage).contains("yours are in force"));
    stage.home.write("work/.gate.toml", "").unwrap();
    assert!(compiled(&stage).contains("a project's"));
    fs::remove_file(stage.home.work().join(".gate.toml")).unwrap();
    let policy = stage.home.state().join("gate/policy");
    fs::set_permissions(&policy, Permissions::from_mode(0o666)).unwrap();
    assert!(compiled(&stage).contains("policy` (mode 666)"));
    fs::set_permissions(&policy, Permissions::from_mode(0o600)).unwrap();
    // Only root gives a file away.
    if chown(&policy, Some(65_534), None).is_ok() {
        assert!(compiled(&stage).contains("policy` belongs to uid 65534"));
        chown(&policy, Some(0), None).unwrap();
    }
    let elsewhere = stage.home.path().join("elsewhere");
    fs::rename(&policy, &elsewhere).unwrap();
    symlink(&elsewhere, &policy).unwrap();
    assert!(compiled(&stage).contains("policy` is a symbolic link"));
    fs::rename(&elsewhere, &policy).unwrap();
    assert!(compiled(&stage).contains("yours are in force"));
    fs::write(&rules, "# changed\n").unwrap();
    assert!(compiled(&stage).contains("has changed"));
    let bytes = fs::read(&policy).unwrap();
    fs::write(&policy, &bytes[1..]).unwrap();
    assert!(compiled(&stage).contains("is damaged"));
}
