//! Whatever can't be understood or decided is a no, and nothing else of it leaves the machine.

use std::net::TcpListener;
use std::process::Stdio;

use serde_json::json;

use crate::reason_of;
use crate::stage::{GATE, Stage, question};

const AGENTS: [&str; 6] = [
    "claude-code",
    "codex",
    "gemini",
    "cursor",
    "copilot",
    "opencode",
];

#[test]
fn a_question_that_is_none_is_a_no() {
    let stage = Stage::new();
    let long = vec![b' '; (4 << 20) + 1];
    let deep = format!("{{\"tool_name\":\"Bash\",\"x\":{}", "[".repeat(5000));
    for agent in AGENTS {
        for (input, told) in [
            (&b""[..], "is not a JSON object"),
            (b"{\"tool_name\":", "is not a JSON object"),
            (b"\xff", "is not a JSON object"),
            (b"{}", "does not say which tool"),
            (deep.as_bytes(), "is not a JSON object"),
            (&long, "longer than 4 MiB"),
        ] {
            let answer = stage.answers(&[agent], input);
            let reason = reason_of(agent, &answer);
            assert!(reason.contains(told), "{agent}: {reason}");
        }
    }
}

#[test]
fn rules_that_cannot_be_read_are_a_no() {
    let stage = Stage::new();
    stage.rules("[[rule]\n");
    let told = stage.says_no("ls").unwrap();
    assert!(
        told.contains("nothing is decided") && told.contains("mine.toml"),
        "{told}"
    );
}

#[test]
fn another_tool_of_the_agent_is_its_own_matter() {
    let stage = Stage::new();
    let mut question = question("claude-code", "Bash");
    question["tool_name"] = json!("Write");
    question["tool_input"] = json!({ "file_path": "/x", "content": "kubectl delete ns p" });
    assert_eq!(stage.asks("claude-code", &question), json!({}));
}

#[test]
fn a_no_that_cannot_be_written_is_the_code_of_a_no() {
    let stage = Stage::new();
    let mut harmful = question("claude-code", "Bash");
    harmful["tool_input"]["command"] = json!("kubectl delete ns p");
    let asked = stage
        .home
        .write("question.json", harmful.to_string())
        .unwrap();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = stage
        .home
        .command(GATE)
        .args(["hook", "claude-code"])
        .stdin(std::fs::File::open(asked).unwrap())
        .stdout(Stdio::from(full))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("kubectl delete"), "{stderr}");
    assert!(
        stderr.lines().all(|line| line.starts_with("gate: ")),
        "{stderr}"
    );
}

#[test]
fn a_hook_that_is_misspelt_is_a_no_and_a_slip_of_a_person_is_usage() {
    let stage = Stage::new();
    for words in [&["claude-cod"][..], &["claude-code", "--nonsense"]] {
        assert_eq!(stage.hook(words, b"").status.code(), Some(2), "{words:?}");
    }
    assert_eq!(stage.hook(&[], b"").status.code(), Some(64));
    let aider = stage.hook(&["aider"], b"{}");
    assert_eq!(aider.status.code(), Some(64));
    let told = String::from_utf8(aider.stderr).unwrap();
    assert!(
        told.contains("aider has no hooks") && told.contains("shims first"),
        "{told}"
    );
}

#[test]
fn a_hook_asks_no_server() {
    let mut stage = Stage::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    stage.home.set("GATE_SERVER", url);
    stage.home.set("GATE_TOKEN", "gate_agent_x");
    assert!(stage.says_no("kubectl delete ns p").is_some());
    let nobody = server.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}
