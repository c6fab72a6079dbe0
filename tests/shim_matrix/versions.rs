//! Version managers: they come to the tool, and none comes back to itself.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs;
use std::path::PathBuf;

use gate_testkit::real::locate;

use crate::ground::{DENIED, Matrix, SYSTEM};
use crate::stage::{assert_ends, run};

/// A version manager's shim: it calls the next file of its name behind its own folder.
const NEXT: &str = "#!/bin/bash\nown=$(dirname \"$0\")\nrest=\":$PATH:\"\nrest=${rest#*:$own:}\n\
                    IFS=:\nfor folder in $rest; do\n  [ -x \"$folder/kubectl\" ] && exec \
                    \"$folder/kubectl\" \"$@\"\ndone\necho 'no version' >&2\nexit 126\n";
/// It takes its own folder out of PATH and calls the tool by its name.
const WITHOUT_ITSELF: &str = "#!/bin/bash\nown=$(dirname \"$0\")\nPATH=\":$PATH:\"\n\
                              PATH=${PATH/:$own:/:}\nPATH=${PATH#:}\nPATH=${PATH%:}\n\
                              exec kubectl \"$@\"\n";
/// It starts the version that it chose by its path.
const OWN_VERSION: &str = "#!/bin/bash\nexec \"$(dirname \"$0\")/versions/kubectl\" \"$@\"\n";

#[test]
fn version_managers_come_to_the_tool_and_none_comes_back_to_itself() {
    for (manager, folder) in [
        (NEXT, "real"),
        (WITHOUT_ITSELF, "real"),
        (OWN_VERSION, "manager/versions"),
    ] {
        for matrix in Matrix::each() {
            matrix.script("manager", "kubectl", manager);
            matrix.tool("manager/versions", "kubectl");
            matrix.assert_judged(&format!("shims:manager:real:{SYSTEM}"), "kubectl", folder);
            // Before gate's, it is what the shell finds; it may come to the shim or not.
            let path = format!("manager:shims:real:{SYSTEM}");
            if manager == OWN_VERSION {
                assert_ends(run(&mut matrix.sh(&path, "kubectl get pods")), 0);
                assert_eq!(matrix.calls(), [format!("{folder}/kubectl get pods")]);
            } else {
                matrix.assert_judged(&path, "kubectl", folder);
            }
        }
    }
}

/// pyenv and asdf where no version is chosen: the first file of its name on PATH but for its own
/// folder, which is gate's shim again.
const NOT_ITSELF: &str = "#!/bin/bash\nown=$(dirname \"$0\")\necho \"$own ${GATE_PASSED+told}\" \
                          >>\"$HOME/managers\"\nIFS=:\nfor folder in $PATH; do\n  [ \"$folder\" != \
                          \"$own\" ] && [ -x \"$folder/kubectl\" ] && exec \"$folder/kubectl\" \
                          \"$@\"\ndone\necho 'no version' >&2\nexit 126\n";

#[test]
fn a_version_manager_that_leads_back_to_the_shim_is_passed_over_the_second_time() {
    for matrix in Matrix::each() {
        for manager in [".pyenv/shims", ".asdf/shims"] {
            matrix.script(manager, "kubectl", NOT_ITSELF);
        }
        let home = matrix.stage.home.path();
        let entries = [
            matrix.shims(),
            home.join(".pyenv/shims"),
            home.join(".asdf/shims"),
            home.join("real"),
            "/usr/bin".into(),
        ];
        let path = std::env::join_paths(&entries).unwrap();
        let call = |words: &[&str]| {
            let mut command = matrix.stage.home.command(matrix.shims().join("kubectl"));
            run(command.args(words).env("PATH", &path))
        };
        assert_ends(call(&["get", "pods"]), 0);
        assert_eq!(matrix.calls(), ["real/kubectl get pods"]);
        // Each manager came once, and was told so that it can be known again.
        let managers = fs::read_to_string(home.join("managers")).unwrap();
        let told = |name: &str| format!("{}/{name}/shims told\n", home.display());
        assert_eq!(managers, told(".pyenv") + &told(".asdf"));
        assert_ends(call(&["delete", "namespace", "prod"]), DENIED);
        // Supervised, it is a child that comes back.
        let rule = "[[rule]]\nid = \"t/seen\"\ntool = \"kubectl\"\neffect = [\"read\"]\n\
                decision = \"allow\"\nrecord = \"outcome\"\n";
        matrix
            .stage
            .home
            .write(".config/gate/rules.d/seen.toml", rule)
            .unwrap();
        assert_ends(call(&["get", "nodes"]), 0);
        assert_eq!(matrix.calls(), ["real/kubectl get nodes"]);
    }
}

#[test]
fn what_a_version_manager_is_told_reaches_no_tool_and_holds_for_no_other_process() {
    for matrix in Matrix::each() {
        let home = matrix.stage.home.path();
        let log = home.join("calls");
        let text = format!(
            "#!/bin/sh\necho \"${{GATE_PASSED-none}}\" >>'{}'\n",
            log.display()
        );
        matrix.script("real", "kubectl", &text);
        matrix.script(".pyenv/shims", "kubectl", NOT_ITSELF);
        let path = format!("shims:.pyenv/shims:real:{SYSTEM}");
        let path = path.replace(".pyenv", &home.join(".pyenv").display().to_string());
        assert_ends(run(&mut matrix.sh(&path, "kubectl get")), 0);
        assert_eq!(matrix.calls(), ["none"]);
        for forged in ["1", "self:1:1:1-1/kubectl", "child:1:1:1-1/kubectl", "/"] {
            let called = format!("GATE_PASSED={forged} kubectl");
            assert_ends(run(&mut matrix.sh(&path, &format!("{called} get"))), 0);
            assert_eq!(matrix.calls(), ["none"], "{forged}");
            matrix.assert_denied(&path, &called);
        }
    }
}

/// A version manager that is installed, with one version of the tool.
struct Chooser {
    name: &'static str,
    program: PathBuf,
    /// What lies below the home: the folder of its shims, and that of the version.
    shims: &'static str,
    version: &'static str,
    /// Commands by which it comes to know the version, and makes its own shim of each program.
    set_up: &'static [&'static [&'static str]],
    /// What a command begins with where the version is chosen, and where none is.
    chosen: &'static str,
    none: &'static str,
}

/// rbenv as Debian has it; pyenv, of which it is the model, where that is installed; and mise, which is
/// one program and chooses by settings of its own.
fn choosers() -> Vec<Chooser> {
    let mut all = vec![Chooser {
        name: "rbenv",
        program: locate("rbenv").unwrap(),
        shims: ".rbenv/shims",
        version: ".rbenv/versions/1.0/bin",
        set_up: &[&["rehash"]],
        chosen: "RBENV_VERSION=1.0",
        none: "RBENV_VERSION=system",
    }];
    all.extend(locate("pyenv").ok().map(|program| Chooser {
        name: "pyenv",
        program,
        shims: ".pyenv/shims",
        version: ".pyenv/versions/1.0/bin",
        set_up: &[&["rehash"]],
        chosen: "PYENV_VERSION=1.0",
        none: "PYENV_VERSION=system",
    }));
    // Its package is for this kind of machine alone.
    if cfg!(target_arch = "x86_64") {
        all.push(Chooser {
            name: "mise",
            program: locate("mise").unwrap(),
            shims: ".local/share/mise/shims",
            version: "versions/1.0/bin",
            set_up: &[&["link", "kubectl@1.0", "../versions/1.0"], &["reshim"]],
            chosen: "MISE_KUBECTL_VERSION=1.0",
            none: "MISE_DISABLE_TOOLS=kubectl",
        });
    }
    all
}

impl Chooser {
    /// Sets it up on a stage, and returns the folder of its shims as an entry of PATH.
    fn set_up(&self, matrix: &mut Matrix) -> String {
        let home = &mut matrix.stage.home;
        let root = home.path().join(format!(".{}", self.name));
        for variable in ["RBENV_ROOT", "PYENV_ROOT"] {
            home.set(variable, &root);
        }
        // It must not look for anything elsewhere.
        home.set("MISE_OFFLINE", "1");
        home.set("MISE_YES", "1");
        fs::create_dir_all(root).unwrap();
        matrix.tool(self.version, "kubectl");
        let home = &matrix.stage.home;
        let (name, value) = self.chosen.split_once('=').unwrap();
        for words in self.set_up {
            let mut command = home.command(&self.program);
            assert_ends(run(command.args(*words).env(name, value)), 0);
        }
        let shims = home.path().join(self.shims);
        assert!(shims.join("kubectl").exists(), "{}", self.name);
        shims.display().to_string()
    }
}

#[test]
fn real_version_managers_come_to_the_version_that_they_choose_and_none_comes_back_to_itself() {
    for chooser in choosers() {
        for mut matrix in Matrix::each() {
            let shims = chooser.set_up(&mut matrix);
            let [chosen, none] =
                [chooser.chosen, chooser.none].map(|word| format!("{word} kubectl"));
            // Without a version it looks along PATH itself, and finds gate's shim, which may come
            // first or behind it. What it starts by its own path behind gate was judged before.
            let first = format!("shims:{shims}:real:{SYSTEM}");
            matrix.assert_judged_by_other(&first, &chosen, chooser.version);
            matrix.assert_judged_by_other(&first, &none, "real");
            let behind = format!("{shims}:shims:real:{SYSTEM}");
            matrix.assert_judged_by_other(&behind, &none, "real");
            assert_not_met(&matrix, &behind, &chosen, &chooser);
        }
    }
}

/// Before gate's shim it starts the version that it chose by its path, and no gate is met, which
/// `gate doctor` says.
#[track_caller]
fn assert_not_met(matrix: &Matrix, path: &str, called: &str, chooser: &Chooser) {
    for words in ["get pods", "delete namespace prod"] {
        assert_ends(run(&mut matrix.sh(path, &format!("{called} {words}"))), 0);
        let expected = [format!("{}/kubectl {words}", chooser.version)];
        assert_eq!(matrix.calls(), expected, "{path} {called}");
    }
    let mut doctor = matrix.stage.home.command(matrix.stage.program("gate"));
    doctor.args(["doctor", "--way", "here", "kubectl"]);
    let said = assert_ends(run(doctor.env("PATH", matrix.path(path))), 1).stdout;
    let expected = format!("{} comes before the shim", chooser.name);
    assert!(said.contains(&expected), "{said}");
}
