//! The plugin for opencode, run as opencode runs it: loaded as a module, and asked before each call.

use std::fs;
use std::path::Path;
use std::process::Command;

use gate_testkit::real::locate;
use serde_json::{Value, json};

use crate::installed::{done, stage};
use crate::stage::{GATE, Stage, question};

/// Loads the plugin and tells what came of each call, one line for each.
const DRIVER: &str = r#"
import { pathToFileURL } from "node:url"
const [plugin, calls] = process.argv.slice(2)
const { GateHook } = await import(pathToFileURL(plugin))
const hooks = await GateHook({ directory: process.cwd() })
for (const { tool, args } of JSON.parse(calls)) {
  const output = { args }
  try {
    await hooks["tool.execute.before"]({ tool, sessionID: "s", callID: "c" }, output)
    console.log(JSON.stringify({ runs: output.args }))
  } catch (error) {
    console.log(JSON.stringify({ stopped: error.message }))
  }
}
"#;

/// Returns what the plugin makes of the calls.
#[track_caller]
fn asked(stage: &Stage, plugin: &Path, calls: &[Value]) -> Vec<Value> {
    // opencode's own runtime takes every plugin for a module; node wants to be told.
    let marker = plugin.with_file_name("package.json");
    fs::write(marker, r#"{ "type": "module" }"#).unwrap();
    let driver = stage.home.write("driver.mjs", DRIVER).unwrap();
    let mut node = Command::new(locate("node").unwrap());
    node.arg(driver).arg(plugin).arg(json!(calls).to_string());
    node.env_clear().envs(stage.home.environment());
    let output = node.current_dir(stage.home.work()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let told = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    told.collect()
}

fn bash(command: &str) -> Value {
    let mut args = question("opencode", "bash")["args"].clone();
    args["command"] = command.into();
    json!({ "tool": "bash", "args": args })
}

#[track_caller]
fn stopped(answer: &Value) -> &str {
    answer["stopped"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn the_plugin_stops_what_gate_says_no_to_and_changes_nothing_else() {
    for (words, path) in [
        (
            &["install", "opencode"][..],
            ".config/opencode/plugins/gate.js",
        ),
        (
            &["install", "opencode", "--project"],
            "work/.opencode/plugins/gate.js",
        ),
    ] {
        let stage = stage();
        done(&stage, words);
        let plugin = stage.home.path().join(path);
        let (get, delete) = (bash("kubectl get pods"), bash("kubectl delete pod web-0"));
        let other = json!({ "tool": "read", "args": { "command": "kubectl delete pod web-0" } });
        let answers = asked(&stage, &plugin, &[get.clone(), delete, other.clone()]);
        assert_eq!(answers[0], json!({ "runs": get["args"] }));
        let why = stopped(&answers[1]);
        assert!(why.contains("run -- kubectl delete pod web-0"), "{why}");
        assert!(why.contains("Do not look for another way round"), "{why}");
        assert_eq!(answers[2], json!({ "runs": other["args"] }));
        let rule = "[[rule]]\nid = \"no-get\"\ntool = \"kubectl\"\ndecision = \"deny\"\n";
        stage.rules(rule);
        let answers = asked(&stage, &plugin, &[get]);
        assert!(stopped(&answers[0]).contains("denied by rule `no-get`"));
    }
}

#[test]
fn a_gate_that_fails_is_gone_or_says_nothing_stops_the_call() {
    let stage = stage();
    done(&stage, &["install", "opencode", "--project"]);
    let plugin = stage.home.work().join(".opencode/plugins/gate.js");
    let gate = stage.home.bin().join("gate");
    let get = [bash("kubectl get pods")];
    for script in [
        "#!/bin/sh\nexit 2\n",
        "#!/bin/sh\nkill -9 $$\n",
        "#!/bin/sh\necho no JSON\n",
        "#!/bin/sh\n",
        // It is waited for ten seconds.
        "#!/bin/sh\nexec sleep 60\n",
    ] {
        fs::remove_file(&gate).unwrap();
        stage.home.script("gate", script).unwrap();
        stopped(&asked(&stage, &plugin, &get)[0]);
    }
    fs::remove_file(&gate).unwrap();
    let answers = asked(&stage, &plugin, &get);
    let why = stopped(&answers[0]);
    assert!(
        why.contains("gate did not answer, so nothing was run"),
        "{why}"
    );
    stage.home.link("gate", Path::new(GATE)).unwrap();
    assert_eq!(asked(&stage, &plugin, &get)[0]["runs"], get[0]["args"]);
}
