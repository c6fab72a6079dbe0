//! The examples as documents: what they name is there, and nothing from outside is code in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use gate_testkit::real::locate;
use serde_json::Value;

/// Returns a file of the examples.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
}

/// Returns a YAML file as JSON. The key `on` is YAML's word for true.
pub(crate) fn yaml(path: &Path) -> Value {
    const READ: &str =
        "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    let python = locate("python3").unwrap();
    let mut command = Command::new(python);
    let output = command.args(["-c", READ]).arg(path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    let members = value.as_object().unwrap();
    members.keys().map(String::as_str).collect()
}

fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => members.values().flat_map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[test]
fn each_input_of_the_action_comes_in_by_a_variable_and_none_stands_in_a_script() {
    let action = yaml(&example("github-action/action.yml"));
    assert_eq!(action["runs"]["using"], "composite");
    let inputs = keys(&action["inputs"]);
    for step in action["runs"]["steps"].as_array().unwrap() {
        assert!(!step["run"].as_str().unwrap().contains("${{"), "{step}");
        assert_eq!(step["shell"], "bash");
        for name in &inputs {
            let variable = format!("INPUT_{}", name.replace('-', "_").to_uppercase());
            let value = format!("${{{{ inputs.{name} }}}}");
            assert_eq!(step["env"][&variable], value, "{name}");
        }
    }
    let promised = [
        "server", "token", "tools", "reason", "no-wait", "timeout", "version", "sha256",
    ];
    for name in promised {
        assert!(inputs.contains(&name), "{name}");
    }
    let required: Vec<_> = inputs
        .iter()
        .filter(|name| action["inputs"][**name]["required"] == true)
        .collect();
    // The token is not among them: a workload's identity needs none.
    assert_eq!(required, [&"tools"]);
}

#[test]
fn the_example_workflow_names_only_what_the_action_has() {
    let action = yaml(&example("github-action/action.yml"));
    let workflow = yaml(&example("github-action/workflow.yml"));
    assert_eq!(workflow["permissions"]["contents"], "read");
    let steps = workflow["jobs"]["apply"]["steps"].as_array().unwrap();
    let is_ours = |step: &&Value| step["uses"] == "./.github/actions/gate";
    let ours = steps.iter().find(is_ours).unwrap();
    for name in keys(&ours["with"]) {
        assert!(action["inputs"].get(name).is_some(), "{name}");
    }
    for step in steps {
        assert!(
            !step["run"].as_str().unwrap_or("").contains("${{"),
            "{step}"
        );
        let uses = step["uses"].as_str().unwrap_or("./");
        let pinned = uses.split_once('@').is_none_or(|(_, commit)| {
            commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        assert!(
            pinned && (uses.contains('@') || uses.starts_with("./")),
            "{uses}"
        );
    }
    for secret in ["token", "runner-key"] {
        let given = ours["with"][secret].as_str().unwrap();
        assert!(given.starts_with("${{ secrets."), "{given}");
    }
}

#[test]
fn the_template_of_gitlab_hides_its_jobs_and_holds_no_secret() {
    let template = yaml(&example("gitlab/gate.gitlab-ci.yml"));
    assert!(keys(&template).iter().all(|name| name.starts_with('.')));
    assert_eq!(template[".gate-no-wait"]["allow_failure"]["exit_codes"], 75);
    assert_eq!(template[".gate-no-wait"]["variables"]["GATE_NO_WAIT"], "1");
    assert_eq!(template[".gate-wait"]["retry"]["exit_codes"], 75);
    let variables = keys(&template[".gate"]["variables"]);
    for secret in ["GATE_TOKEN", "GATE_RUNNER_KEY"] {
        assert!(!variables.contains(&secret));
    }
    // Nothing is looked for under another name than the help above it says.
    let script = strings(&template[".gate"]["before_script"]).join("\n");
    for name in variables {
        assert!(script.contains(name) || name == "GATE_SERVER", "{name}");
    }
}

#[track_caller]
fn assert_sound(path: &Path, shell: &str) {
    let checker = locate("shellcheck").unwrap();
    let mut command = Command::new(checker);
    let output = command.args(["-s", shell]).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

#[test]
fn shellcheck_finds_nothing_in_the_scripts() {
    assert_sound(&example("github-action/set-up.sh"), "bash");
    let template = yaml(&example("gitlab/gate.gitlab-ci.yml"));
    let script = strings(&template[".gate"]["before_script"]).join("\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("before_script.sh");
    std::fs::write(&file, script).unwrap();
    for shell in ["sh", "bash"] {
        assert_sound(&file, shell);
    }
}
