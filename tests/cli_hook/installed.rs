//! `gate hook install` and `remove`: what is put into an agent's file, what stays, what is refused.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::stage::{GATE, Stage, question};

/// Each agent, its file below the home and below a project, and a text that the file may have.
pub(crate) const FILES: [(&str, &str, &str, &str); 6] = [
    (
        "claude-code",
        ".claude/settings.json",
        ".claude/settings.json",
        "{\n    \"model\": \"x\",\n    \"hooks\": {\n        \"Stop\": [],\n        \"PreToolUse\": [\n            { \"matcher\": \"Write\", \"hooks\": [ { \"type\": \"command\", \"command\": \"mine\" } ] }\n        ]\n    },\n    \"é\":   1e3\n}",
    ),
    (
        "codex",
        ".codex/config.toml",
        ".codex/config.toml",
        "# mine\nmodel = \"x\"   # why\n\n[[hooks.PreToolUse]]\nmatcher = \"^Bash$\"\n\n[profiles.a]\nb = 1",
    ),
    (
        "gemini",
        ".gemini/settings.json",
        ".gemini/settings.json",
        "{\"ui\":{\"theme\":\"x\"}}\n",
    ),
    (
        "cursor",
        ".cursor/hooks.json",
        ".cursor/hooks.json",
        "{\r\n\t\"version\": 1,\r\n\t\"hooks\": {}\r\n}\r\n",
    ),
    (
        "copilot",
        ".copilot/hooks/gate.json",
        ".github/hooks/gate.json",
        "",
    ),
    (
        "opencode",
        ".config/opencode/plugins/gate.js",
        ".opencode/plugins/gate.js",
        "",
    ),
];

fn hook(stage: &Stage, words: &[&str]) -> Output {
    let mut command = stage.home.command(GATE);
    command.arg("hook").args(words).output().unwrap()
}

#[track_caller]
pub(crate) fn done(stage: &Stage, words: &[&str]) -> String {
    let output = hook(stage, words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
pub(crate) fn refused(stage: &Stage, words: &[&str]) -> String {
    let output = hook(stage, words);
    assert_eq!(output.status.code(), Some(64), "{words:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A home with a repository in the working folder.
pub(crate) fn stage() -> Stage {
    let stage = Stage::new();
    fs::create_dir(stage.home.work().join(".git")).unwrap();
    stage
}

/// Returns the words for a scope, and the file that they are about.
pub(crate) fn scopes(stage: &Stage, file: (&str, &str)) -> [(&'static [&'static str], PathBuf); 2] {
    [
        (&[], stage.home.path().join(file.0)),
        (&["--project"], stage.home.work().join(file.1)),
    ]
}

#[test]
fn what_is_put_in_is_taken_out_to_the_last_byte() {
    for (agent, user, project, text) in FILES {
        let stage = stage();
        for (scope, path) in scopes(&stage, (user, project)) {
            let texts: &[Option<&str>] = if text.is_empty() {
                &[None]
            } else {
                &[None, Some(text), Some("")]
            };
            for before in texts {
                comes_and_goes(&stage, (agent, scope), &path, *before);
            }
        }
    }
}

#[track_caller]
pub(crate) fn comes_and_goes(
    stage: &Stage,
    (agent, scope): (&str, &[&str]),
    path: &Path,
    before: Option<&str>,
) {
    let copy = PathBuf::from(format!("{}.before-gate", path.display()));
    if let Some(before) = before {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, before).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    let install = [&["install", agent], scope].concat();
    let told = done(stage, &install);
    assert!(told.contains("the shim is the boundary"), "{told}");
    let after = fs::read_to_string(path).unwrap();
    let what = match agent {
        "aider" => "\nsuggest-shell-commands: false\n".to_owned(),
        _ => format!("hook {agent}"),
    };
    assert!(after.contains(&what), "{after}");
    assert_eq!(copy.exists(), before.is_some(), "{agent}");
    let again = done(stage, &install);
    assert!(again.contains("nothing is changed"), "{again}");
    assert_eq!(fs::read_to_string(path).unwrap(), after);

    let remove = [&["remove", agent], scope].concat();
    done(stage, &remove);
    let left = fs::read_to_string(path).ok();
    assert_eq!(left.as_deref(), before, "{agent} {after}");
    assert!(!copy.exists(), "{agent}");
    if before.is_some() {
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o640);
        fs::remove_file(path).unwrap();
    }
    let nothing = done(stage, &remove);
    assert!(nothing.contains("nothing is changed"), "{nothing}");
}

#[test]
fn who_sets_it_for_a_project_is_told_where_the_agent_leaves_it_out() {
    for (agent, ..) in FILES {
        let stage = stage();
        let needs_trust = matches!(agent, "codex" | "gemini" | "copilot");
        let of_project = done(&stage, &["install", agent, "--project"]);
        let of_user = done(&stage, &["install", agent]);
        assert_eq!(
            of_project.contains("a project's hooks"),
            needs_trust,
            "{of_project}"
        );
        assert!(!of_user.contains("a project's hooks"), "{of_user}");
    }
}

#[test]
fn a_rehearsal_shows_the_change_and_changes_nothing() {
    for (agent, user, _, text) in FILES {
        let stage = stage();
        let path = stage.home.path().join(user);
        if !text.is_empty() {
            stage.home.write(user, text).unwrap();
        }
        let told = done(&stage, &["install", agent, "--dry-run"]);
        let added: Vec<_> = told.lines().filter(|line| line.starts_with("+ ")).collect();
        assert!(
            added
                .iter()
                .any(|line| line.contains(&format!("hook {agent}"))),
            "{told}"
        );
        let left = fs::read_to_string(&path).ok();
        assert_eq!(left.unwrap_or_default(), text);
        done(&stage, &["install", agent]);
        let after = fs::read_to_string(&path).unwrap();
        let told = done(&stage, &["remove", agent, "--dry-run"]);
        assert!(told.lines().any(|line| line.starts_with("- ")), "{told}");
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
    }
}

#[test]
fn what_else_was_changed_since_stays_when_the_hook_goes() {
    let stage = stage();
    let path = stage
        .home
        .write(".claude/settings.json", "{\n  \"a\": 1\n}\n")
        .unwrap();
    done(&stage, &["install", "claude-code"]);
    let mut settings: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    settings["b"] = json!(2);
    let other = json!({ "matcher": "Write", "hooks": [{ "type": "command", "command": "mine" }] });
    settings["hooks"]["PreToolUse"]
        .as_array_mut()
        .unwrap()
        .push(other.clone());
    fs::write(&path, serde_json::to_string_pretty(&settings).unwrap()).unwrap();
    done(&stage, &["remove", "claude-code"]);
    let left: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(
        left,
        json!({ "a": 1, "b": 2, "hooks": { "PreToolUse": [other] } })
    );

    let path = stage.home.write(".codex/config.toml", "a = 1\n").unwrap();
    done(&stage, &["install", "codex"]);
    let more = fs::read_to_string(&path).unwrap() + "\n[z]\nx = 1\n";
    fs::write(&path, more).unwrap();
    done(&stage, &["remove", "codex"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a = 1\n\n[z]\nx = 1\n");
}

/// Codex writes into its own file which hooks its user trusts.
#[test]
fn what_codex_noted_of_its_trust_goes_with_the_hook() {
    for before in [None, Some("model = \"x\"\n")] {
        let stage = stage();
        let path = stage.home.path().join(".codex/config.toml");
        if let Some(before) = before {
            stage.home.write(".codex/config.toml", before).unwrap();
        }
        done(&stage, &["install", "codex"]);
        let trusted = format!(
            "{}\n[hooks.state]\n\n[hooks.state.\"{}:pre_tool_use:0:0\"]\nenabled = true\n\
             trusted_hash = \"sha256:4f\"\n",
            fs::read_to_string(&path).unwrap(),
            path.display()
        );
        fs::write(&path, trusted).unwrap();
        done(&stage, &["remove", "codex"]);
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), before);
    }
}

#[test]
fn other_options_take_the_place_of_the_first() {
    for (agent, user, _, text) in FILES {
        let stage = stage();
        let path = stage.home.path().join(user);
        if !text.is_empty() {
            stage.home.write(user, text).unwrap();
        }
        done(&stage, &["install", agent]);
        done(&stage, &["install", agent, "--strict", "--shims"]);
        let after = fs::read_to_string(&path).unwrap();
        let called = format!("hook {agent}");
        assert_eq!(
            after.matches(&format!("{called} --strict --shims")).count(),
            1,
            "{after}"
        );
        // Remarks of the file name the command too.
        let calls = after
            .lines()
            .filter(|line| line.contains(&called) && !line.contains('`'));
        assert_eq!(calls.count(), 1, "{after}");
        done(&stage, &["remove", agent]);
        assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text);
    }
}

/// Runs a command as agents do, and returns its answer.
fn run_by_shell(stage: &Stage, command: &str, question: &Value) -> Value {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .env_clear()
        .envs(stage.home.environment())
        .current_dir(stage.home.work())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(question.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{command}: {output:?}"))
}

#[test]
fn what_stands_in_the_file_is_what_answers_the_agent() {
    let stage = stage();
    for (agent, user, project, _) in FILES {
        for (scope, path) in scopes(&stage, (user, project)) {
            done(&stage, &[&["install", agent], scope].concat());
            let text = fs::read_to_string(&path).unwrap();
            let command = match agent {
                "codex" => {
                    let config: toml::Table = toml::from_str(&text).unwrap();
                    let hook = &config["hooks"]["PreToolUse"][0];
                    assert_eq!(hook["matcher"].as_str(), Some("^Bash$"));
                    assert_eq!(hook["hooks"][0]["type"].as_str(), Some("command"));
                    hook["hooks"][0]["command"].as_str().unwrap().to_owned()
                }
                "opencode" => {
                    let line = text
                        .lines()
                        .find_map(|line| line.strip_prefix("const COMMAND = "));
                    serde_json::from_str(line.unwrap()).unwrap()
                }
                _ => {
                    let settings: Value = serde_json::from_str(&text).unwrap();
                    let hook = match agent {
                        "claude-code" => &settings["hooks"]["PreToolUse"][0]["hooks"][0],
                        "gemini" => &settings["hooks"]["BeforeTool"][0]["hooks"][0],
                        "cursor" => &settings["hooks"]["beforeShellExecution"][0],
                        _ => &settings["hooks"]["preToolUse"][0],
                    };
                    let command = hook.get("command").or_else(|| hook.get("bash"));
                    command.unwrap().as_str().unwrap().to_owned()
                }
            };
            let form = match agent {
                "gemini" => "run_shell_command",
                "cursor" => "beforeShellExecution",
                "copilot" => "preToolUse",
                "opencode" => "bash",
                _ => "Bash",
            };
            let mut asked = question(agent, form);
            assert_eq!(
                run_by_shell(&stage, &command, &asked),
                json!({}),
                "{command}"
            );
            let place = match agent {
                "cursor" => &mut asked["command"],
                "copilot" => &mut asked["toolArgs"]["command"],
                "opencode" => &mut asked["args"]["command"],
                _ => &mut asked["tool_input"]["command"],
            };
            *place = json!("kubectl delete ns p");
            let answer = run_by_shell(&stage, &command, &asked).to_string();
            assert!(answer.contains("deny"), "{answer}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_changed_without_loss_is_named_with_the_line_and_the_mend() {
    let stage = stage();
    for (agent, file, text, told) in [
        (
            "claude-code",
            ".claude/settings.json",
            "{\n  // mine\n  \"a\": 1\n}\n",
            "settings.json:2` is left as it is: key must be a string",
        ),
        (
            "gemini",
            ".gemini/settings.json",
            "{\n  \"hooks\": []\n}\n",
            "settings.json:2` is left as it is: `hooks` is not what the agent reads there",
        ),
        (
            "cursor",
            ".cursor/hooks.json",
            "{\"version\": 1,}",
            "hooks.json:1` is left as it is: trailing comma",
        ),
        (
            "codex",
            ".codex/config.toml",
            "a = 1\nhooks = {}\n",
            "config.toml:2` is left as it is: `hooks` stands there already",
        ),
        (
            "copilot",
            ".copilot/hooks/gate.json",
            "{\"version\": 1, \"hooks\": {}}",
            "gate.json` is left as it is: it is a file of somebody else's",
        ),
        (
            "opencode",
            ".config/opencode/plugins/gate.js",
            "// mine\n",
            "gate.js` is left as it is: it is a file of somebody else's",
        ),
    ] {
        let path = stage.home.write(file, text).unwrap();
        let said = refused(&stage, &["install", agent]);
        assert!(said.contains(told), "{said}");
        let is_shared = !["copilot", "opencode"].contains(&agent);
        assert_eq!(
            said.contains("hook ") && said.contains("by hand"),
            is_shared,
            "{said}"
        );
        assert!(
            said.lines().all(|line| line.starts_with("gate: ")),
            "{said}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "{agent}"
        );
    }
}

#[test]
fn links_and_what_others_can_write_are_refused() {
    let stage = stage();
    let target = stage.home.write("elsewhere.json", "{}\n").unwrap();
    let folder = stage.home.path().join(".claude");
    fs::create_dir(&folder).unwrap();
    let settings = folder.join("settings.json");
    symlink(&target, &settings).unwrap();
    let told = refused(&stage, &["install", "claude-code"]);
    assert!(told.contains("is a symbolic link"), "{told}");
    fs::remove_file(&settings).unwrap();

    fs::write(&settings, "{}\n").unwrap();
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o666)).unwrap();
    let told = refused(&stage, &["install", "claude-code"]);
    assert!(told.contains("others can write it"), "{told}");
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let told = refused(&stage, &["install", "claude-code"]);
    assert!(told.contains("can be written by others"), "{told}");
    assert_eq!(fs::read_to_string(&settings).unwrap(), "{}\n");

    // A repository that somebody else made can lead out of itself.
    let out = stage.home.path().join("out");
    fs::create_dir(&out).unwrap();
    symlink(&out, stage.home.work().join(".gemini")).unwrap();
    let told = refused(&stage, &["install", "gemini", "--project"]);
    assert!(told.contains("is a symbolic link"), "{told}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(&target).unwrap(), "{}\n");
}

#[test]
fn the_project_is_the_repository_and_its_hook_calls_gate_by_name() {
    let stage = stage();
    stage.home.write("work/sub/x", "").unwrap();
    let mut command = stage.home.command(GATE);
    command.args(["hook", "install", "claude-code", "--project"]);
    let sub = stage.home.work().join("sub");
    assert!(command.current_dir(sub).status().unwrap().success());
    let text = fs::read_to_string(stage.home.work().join(".claude/settings.json")).unwrap();
    assert!(
        text.contains("\"command\": \"gate hook claude-code\""),
        "{text}"
    );
    let told = done(&stage, &["list"]);
    let is_so = |line: &str, words: &[&str]| words.iter().all(|word| line.contains(word));
    for words in [
        &["claude-code", "project", "calls `gate hook claude-code`"][..],
        &["claude-code", "user", "no hook of gate's"],
        &["aider", "has no hooks"],
    ] {
        assert!(
            told.lines().any(|line| is_so(line, words)),
            "{words:?}\n{told}"
        );
    }
}

#[test]
fn a_home_that_is_not_there_is_said() {
    let mut stage = stage();
    stage.home.set("HOME", "/no/such/home");
    let told = refused(&stage, &["install", "claude-code"]);
    assert!(told.contains("there is no home folder"), "{told}");
    let moved = stage.home.path().join("moved");
    stage.home.set("CLAUDE_CONFIG_DIR", &moved);
    done(&stage, &["install", "claude-code"]);
    assert!(moved.join("settings.json").exists());
}

#[test]
fn a_file_of_the_users_in_the_place_of_the_copy_stays() {
    let stage = stage();
    stage.home.write(".claude/settings.json", "{}\n").unwrap();
    let copy = stage
        .home
        .write(".claude/settings.json.before-gate", "mine")
        .unwrap();
    let told = refused(&stage, &["install", "claude-code"]);
    assert!(told.contains("settings.json.before-gate"), "{told}");
    assert!(told.contains("move that file away"), "{told}");
    assert_eq!(fs::read_to_string(&copy).unwrap(), "mine");
    fs::remove_file(&copy).unwrap();
    done(&stage, &["install", "claude-code"]);
    assert_eq!(fs::read_to_string(&copy).unwrap(), "{}\n");
}
