//! The commands of `gaps.toml`, by a hook of an agent and by a shim: what a filter by text lets
//! through is caught at both, and what is harmless passes both.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/agent.rs"]
#[expect(dead_code, reason = "nobody waits for an answer in these tests")]
mod agent;
#[path = "live/server.rs"]
mod server;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use agent::{Agent, shown};
use gate_testkit::real::locate;
use serde_json::{Value, json};
use server::{GATE, Live, Ran, run};

/// A table of commands.
#[derive(serde::Deserialize)]
struct Gaps {
    asks: Vec<Asks>,
    runs: Vec<Runs>,
}

#[derive(serde::Deserialize)]
struct Asks {
    line: String,
    tool: String,
    effect: String,
}

#[derive(serde::Deserialize)]
struct Runs {
    line: String,
}

fn gaps() -> Gaps {
    toml::from_str(include_str!("gaps.toml")).unwrap()
}

/// The tools of the table; those of the last two have no package that the tests install.
const TOOLS: [&str; 7] = ["kubectl", "terraform", "aws", "psql", "git", "tofu", "helm"];

/// Says that it ran, which no tool that asks may.
const STUB: &str = "#!/bin/sh\necho \"ran $0\"\n";

/// Sets the files that the table names, and a shim in front of each tool.
fn stage(live: &Live, are_real: bool) -> Agent<'_> {
    let mut agent = Agent::new(live);
    let home = &agent.home;
    for (name, text) in [
        ("work/drop.sql", "select 1;\ndrop table t;\n"),
        ("work/select.sql", "select 1;\n"),
        (
            "work/manifest.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: p}\n",
        ),
        (
            "work/prod/main.tf",
            "resource \"terraform_data\" \"a\" {}\n",
        ),
        ("work/main.tf", "resource \"terraform_data\" \"a\" {}\n"),
        ("work/other.yaml", "apiVersion: v1\nkind: Config\n"),
    ] {
        home.write(name, text).unwrap();
    }
    let repository = run(home.command("git").args(["init", "-q", "repo"]));
    assert_eq!(repository.code, Some(0), "{repository:?}");
    for tool in TOOLS {
        match locate(tool) {
            Ok(real) if are_real => home.link(tool, &real).unwrap(),
            Ok(_) | Err(_) => drop(home.script(tool, STUB).unwrap()),
        }
    }
    let programs = home.path().join("programs");
    fs::create_dir(&programs).unwrap();
    for name in ["gate", "gate-shim"] {
        let from = Path::new(GATE).with_file_name(name);
        assert!(from.exists(), "build it: cargo build --workspace --bins");
        let to = programs.join(name);
        fs::hard_link(&from, &to)
            .or_else(|_| fs::copy(&from, &to).map(drop))
            .unwrap();
    }
    let shims = home.path().join("shims");
    let mut install = home.command(programs.join("gate"));
    install.args(["shim", "install", "--dir"]).arg(&shims);
    let installed = run(install.args(TOOLS));
    assert_eq!(installed.code, Some(0), "{installed:?}");
    let path = [
        shims,
        programs,
        agent.home.bin(),
        "/usr/bin".into(),
        "/bin".into(),
    ];
    agent.home.set("PATH", std::env::join_paths(path).unwrap());
    agent.home.set("GATE_NO_WAIT", "1");
    agent
}

/// Runs a line as a script would, its tool by its name.
fn by_shim(agent: &Agent<'_>, line: &str) -> Ran {
    let mut shell = agent.home.command("sh");
    run(shell.args(["-c", line]).stdin(Stdio::null()))
}

/// Returns what a hook answers to a question about the line.
fn by_hook(agent: &Agent<'_>, name: &str, form: &str, place: &str, line: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/hooks")
        .join(name)
        .join(form)
        .with_extension("json");
    let mut question: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    *question.pointer_mut(place).unwrap() = json!(line);
    for folder in ["cwd", "directory"] {
        if question.get(folder).is_some() {
            question[folder] = json!(agent.home.work());
        }
    }
    let mut hook: Command = agent.home.command(GATE);
    let mut child = hook
        .args(["hook", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(question.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The agents whose question has its command as text, by the files of tests/hooks.
const HOOKS: [(&str, &str, &str); 7] = [
    ("claude-code", "Bash", "/tool_input/command"),
    ("codex", "Bash", "/tool_input/command"),
    ("gemini", "run_shell_command", "/tool_input/command"),
    ("cursor", "beforeShellExecution", "/command"),
    ("copilot", "preToolUse", "/toolArgs/command"),
    ("copilot", "PreToolUse", "/tool_input/command"),
    ("opencode", "bash", "/args/command"),
];

#[test]
fn what_a_filter_by_text_lets_through_is_caught_by_every_hook() {
    let live = Live::start();
    let agent = stage(&live, true);
    for gap in gaps().asks {
        for (name, form, place) in HOOKS {
            let answer = by_hook(&agent, name, form, place, &gap.line);
            let told = answer.to_string();
            let next = "Run the same line again with `gate run --` right before it";
            assert!(told.contains(next), "{name}: {}: {told}", gap.line);
            let rule = format!("-{}`)", gap.effect);
            assert!(told.contains(&rule), "{name}: {}: {told}", gap.line);
        }
    }
    for ordinary in gaps().runs {
        for (name, form, place) in HOOKS {
            let answer = by_hook(&agent, name, form, place, &ordinary.line);
            assert_eq!(answer, json!({}), "{name}: {}", ordinary.line);
        }
    }
}

/// The newest request, as the server shows it.
fn newest(live: &Live) -> gate_protocol::request::ApprovalRequest {
    let listed = run(&mut live.gate("bob_approver", &["requests", "list", "--json"]));
    let page: Value = serde_json::from_str(&listed.stdout).unwrap();
    shown(live, page["requests"][0]["id"].as_str().unwrap())
}

#[test]
fn what_a_filter_by_text_lets_through_asks_at_the_shim_of_the_real_tool() {
    let live = Live::start();
    let agent = stage(&live, true);
    for gap in gaps().asks {
        let ran = by_shim(&agent, &gap.line);
        assert_eq!(ran.code, Some(75), "{}: {ran:?}", gap.line);
        assert_eq!(ran.stdout, "", "{}: it did not run", gap.line);
        assert!(ran.stderr.contains("nobody has answered yet"), "{ran:?}");
        let request = newest(&live);
        assert_eq!(request.invocation.effect, gap.effect, "{}", gap.line);
        assert_eq!(request.invocation.tool.name, gap.tool, "{}", gap.line);
        let id = request.id.to_string();
        let cancel = run(agent.home.command(GATE).args(["requests", "cancel", &id]));
        assert_eq!(cancel.code, Some(0), "{cancel:?}");
    }
}

#[test]
fn what_is_harmless_passes_the_shim() {
    let live = Live::start();
    let agent = stage(&live, false);
    for ordinary in gaps().runs {
        let ran = by_shim(&agent, &ordinary.line);
        assert_eq!(ran.code, Some(0), "{}: {ran:?}", ordinary.line);
        assert!(ran.stdout.starts_with("ran "), "{}: {ran:?}", ordinary.line);
    }
}
