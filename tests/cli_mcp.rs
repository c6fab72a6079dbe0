//! `gate mcp`, asked by the client of the protocol's own SDK, against a real server.

#[expect(dead_code, reason = "the tests of approvals use the rest of it")]
#[path = "live/agent.rs"]
mod agent;
#[path = "cli_mcp/client.rs"]
mod client;
#[path = "live/server.rs"]
mod server;
#[expect(dead_code, reason = "the tests of approvals use the rest of it")]
#[path = "approval/stage.rs"]
mod stage;

use std::io::{BufRead as _, BufReader, Write as _};

use gate_testkit::home::Home;
use serde_json::{Value, json};

use agent::DOWN;
use client::{Answer, Mcp};
use server::{GATE, Live, run};
use stage::{agent_with_deploy, requests, trace};

/// Returns what a call told, which must have worked.
#[track_caller]
fn told(answer: Answer) -> Value {
    let Answer::Told(value) = answer else {
        unreachable!("it did not work: {answer:?}");
    };
    value
}

/// Returns why a call did not work.
#[track_caller]
fn refused(answer: Answer) -> String {
    let Answer::Failed(text) = answer else {
        unreachable!("it worked: {answer:?}");
    };
    text
}

#[test]
fn an_agent_finds_four_tools_and_none_that_approves_or_runs() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mcp = Mcp::start(&agent.home);
    assert_eq!(
        mcp.tools(),
        [
            "check",
            "list_requests",
            "request_approval",
            "wait_for_request"
        ]
    );
    let instructions = mcp.instructions();
    for words in [
        "Nothing is run and nothing is approved here",
        "do not look for another way",
    ] {
        assert!(instructions.contains(words), "{instructions}");
    }
    for name in ["approve", "deny", "run", ""] {
        assert!(matches!(mcp.call(name, json!({})), Answer::Wrong), "{name}");
    }
    let more = json!({ "argv": ["deploy"], "approve": true });
    assert!(matches!(mcp.call("request_approval", more), Answer::Wrong));
}

#[test]
fn check_says_what_gate_check_says_and_needs_no_server() {
    let live = Live::start();
    let mut agent = agent_with_deploy(&live);
    agent.home.set("GATE_SERVER", DOWN);
    agent
        .home
        .write("work/sub/drop.sql", "drop table t;\n")
        .unwrap();
    let mcp = Mcp::start(&agent.home);
    let sub = agent.home.work().join("sub");
    for argv in [
        vec!["kubectl", "-n", "x", "delete", "ns", "p"],
        vec!["kubectl", "get", "pods"],
        vec!["psql", "-f", "drop.sql"],
        vec!["bash", "-c", "terraform destroy | tee log"],
        vec!["deploy", "web"],
    ] {
        let mut command = agent.home.command(GATE);
        command.args(["check", "--json", "--"]).args(&argv);
        let expected = run(command.current_dir(&sub));
        let expected: Value = serde_json::from_str(&expected.stdout).unwrap();
        let given = json!({ "argv": argv, "cwd": sub });
        assert_eq!(told(mcp.call("check", given)), expected, "{argv:?}");
    }
    let nowhere = json!({ "argv": ["ls"], "cwd": "/no/such/folder" });
    assert!(refused(mcp.call("check", nowhere)).contains("/no/such/folder"));
}

/// What is asked for in these tests.
fn deploy_web() -> Value {
    json!({ "argv": ["deploy", "web"], "reason": "release 7" })
}

#[test]
fn an_approval_is_asked_for_once_and_nobody_waits() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mcp = Mcp::start(&agent.home);
    let asked = told(mcp.call("request_approval", deploy_web()));
    for (field, expected) in [
        ("decision", json!("require_approval")),
        ("status", json!("pending")),
        ("command", json!("deploy web")),
        ("asked_before", json!(false)),
    ] {
        assert_eq!(asked[field], expected, "{field}");
    }
    let again = told(mcp.call("request_approval", deploy_web()));
    assert_eq!(again["request"], asked["request"]);
    assert_eq!(again["asked_before"], true);
    let id = asked["request"].as_str().unwrap();
    assert_eq!(requests(&live), [id]);
    let shown = agent::shown(&live, id);
    assert_eq!(shown.reason.as_deref(), Some("release 7"));
    let wait = json!({ "id": id, "seconds": 1 });
    assert_eq!(
        told(mcp.call("wait_for_request", wait))["status"],
        "pending"
    );
}

#[test]
fn what_was_approved_is_run_by_gate_run_and_by_nothing_here() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mcp = Mcp::start(&agent.home);
    let asked = told(mcp.call("request_approval", deploy_web()));
    let id = asked["request"].as_str().unwrap();
    agent::approve_as_bob(&live, id);
    let answered = told(mcp.call("wait_for_request", json!({ "id": id })));
    assert_eq!(answered["status"], "approved");
    assert_eq!(answered["reviews"][0]["answer"], "approve");
    let next = answered["next"].as_str().unwrap();
    assert!(next.contains("`gate run --` before it"), "{next}");
    // Asking again runs nothing either.
    let again = told(mcp.call("request_approval", deploy_web()));
    assert_eq!(again["status"], "approved");
    assert_eq!(trace(&agent), "");

    let done = run(&mut agent.gate_run(&["--no-wait"], &["deploy", "web"]));
    assert_eq!(done.code, Some(5), "{done:?}");
    assert_eq!(trace(&agent), "ran web\n");
    let listed = told(mcp.call("list_requests", json!({})));
    let all = listed["requests"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{listed}");
    assert_eq!(all[0]["request"], id);
    assert_eq!(all[0]["status"], "finished");
    agent.assert_log_verifies();
}

#[test]
fn a_wait_ends_with_the_answer_and_tells_who_said_no_and_why() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mcp = Mcp::start(&agent.home);
    let asked = told(mcp.call("request_approval", json!({ "argv": ["deploy"] })));
    let id = asked["request"].as_str().unwrap();
    let waiting = mcp.begin("wait_for_request", json!({ "id": id, "seconds": 50 }));
    // Another call is answered in the meantime.
    assert_eq!(
        told(mcp.call("check", json!({ "argv": ["ls"] })))["decision"],
        "allow"
    );
    let denied = run(&mut live.gate("bob_approver", &["deny", id, "--comment", "not today"]));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    let waited = told(mcp.end(waiting));
    assert_eq!(waited["status"], "denied");
    assert_eq!(
        waited["reviews"][0],
        json!({ "by": "bob", "answer": "deny", "comment": "not today" })
    );
    assert!(
        waited["next"]
            .as_str()
            .unwrap()
            .contains("do not look for another way"),
        "{waited}"
    );
}

#[test]
fn what_nobody_has_to_be_asked_about_is_not_asked() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.home.script("launch", "exit 0").unwrap();
    let rule = "[[rule]]\nid = \"never\"\ntool = \"launch\"\ndecision = \"deny\"\n";
    agent.rules("no", rule);
    let mcp = Mcp::start(&agent.home);
    let allowed = told(mcp.call("request_approval", json!({ "argv": ["ls"] })));
    assert_eq!(allowed["decision"], "allow");
    let denied = refused(mcp.call("request_approval", json!({ "argv": ["launch"] })));
    for words in ["denied by rule `never`", "this is final for this command"] {
        assert!(denied.contains(words), "{denied}");
    }
    let script = refused(mcp.call("request_approval", json!({ "argv": ["bash"] })));
    assert!(script.contains("standard input"), "{script}");
    let missing = refused(mcp.call("request_approval", json!({ "argv": ["no-such-tool"] })));
    assert!(missing.contains("no-such-tool"), "{missing}");
    assert_eq!(requests(&live), [""; 0]);
    assert_eq!(trace(&agent), "");
}

#[test]
fn a_server_that_is_down_is_told_as_no_answer_of_anybody() {
    let live = Live::start();
    let mut agent = agent_with_deploy(&live);
    agent.home.set("GATE_SERVER", DOWN);
    let mcp = Mcp::start(&agent.home);
    let down = refused(mcp.call("request_approval", json!({ "argv": ["deploy"] })));
    assert!(
        down.contains("nobody was reached, so nobody said yes or no"),
        "{down}"
    );
    assert!(matches!(
        mcp.call("list_requests", json!({})),
        Answer::Failed(_)
    ));
    // The server goes on.
    assert_eq!(
        told(mcp.call("check", json!({ "argv": ["ls"] })))["decision"],
        "allow"
    );
}

#[test]
fn whoever_speaks_no_protocol_is_told_what_it_is_for() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let ended = run(agent.home.command(GATE).arg("mcp"));
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("it is for agents"), "{ended:?}");
}

#[test]
fn a_line_without_an_end_is_refused_takes_no_memory_and_the_next_one_is_answered() {
    const MEBIBYTE: usize = 1 << 20;
    let home = Home::new().unwrap();
    let mut child = client::start(&home);
    let mut input = child.stdin.take().unwrap();
    let piece = vec![b'['; MEBIBYTE];
    for _ in 0..96 {
        input.write_all(&piece).unwrap();
    }
    let greeting = json!({ "jsonrpc": "2.0", "id": 7, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": { "name": "x", "version": "1" } } });
    input
        .write_all(format!("\n{greeting}\n").as_bytes())
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let refused = next();
    assert_eq!(refused["error"]["code"], -32600, "{refused}");
    let said = refused["error"]["message"].as_str().unwrap();
    assert!(said.contains("longer than 1048576 bytes"), "{refused}");
    let answer = next();
    assert_eq!(answer["id"], 7, "{answer}");
    assert_eq!(answer["result"]["serverInfo"]["name"], "gate", "{answer}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let most = most.unwrap().trim().trim_end_matches(" kB");
    let most_bytes = most.parse::<usize>().unwrap() * 1024;
    assert!(most_bytes < 64 * MEBIBYTE, "{most} KiB");
    // A message that is complete before the end of the line is not taken for one.
    let call = json!({ "jsonrpc": "2.0", "id": 8, "method": "ping" });
    input.write_all(call.to_string().as_bytes()).unwrap();
    input.write_all(&vec![b' '; MEBIBYTE]).unwrap();
    let last = json!({ "jsonrpc": "2.0", "id": 9, "method": "ping" });
    input.write_all(format!("\n{last}\n").as_bytes()).unwrap();
    assert_eq!(next()["error"]["code"], -32600);
    assert_eq!(next()["id"], 9);
    drop(input);
    child.wait().unwrap();
}

#[test]
fn a_line_that_is_no_json_is_answered_and_the_next_one_is_too() {
    let home = Home::new().unwrap();
    let mut child = client::start(&home);
    let mut input = child.stdin.take().unwrap();
    let greeting = json!({ "jsonrpc": "2.0", "id": 7, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": { "name": "x", "version": "1" } } });
    let started = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let text = format!("{greeting}\n{started}\n\n");
    input.write_all(text.as_bytes()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["id"], 7);
    let deep = "[".repeat(20_000);
    let half = r#"{"jsonrpc":"2.0","id":10,"method":"tools/call","params":{"name":"check",
        "arguments":{"argv":["kubectl","\ud800"]}}}"#;
    let half = half.replace('\n', " ");
    for bad in [&b"{bad"[..], b"\xff\xfe", half.as_bytes(), deep.as_bytes()] {
        input.write_all(&[bad, b"\n"].concat()).unwrap();
        let refused = next();
        assert_eq!(refused["error"]["code"], -32700, "{refused}");
        assert_eq!(refused["id"], Value::Null, "{refused}");
    }
    // Each of several at once has an answer of its own.
    let ping = json!({ "jsonrpc": "2.0", "id": 9, "method": "ping" });
    input
        .write_all(format!("no\nno\n{ping}\nno").as_bytes())
        .unwrap();
    drop(input);
    let codes: Vec<Value> = std::iter::repeat_with(&mut next)
        .take(4)
        .map(|answer| answer["error"]["code"].clone())
        .collect();
    let refused = codes.iter().filter(|code| **code == -32700).count();
    assert_eq!(refused, 3, "{codes:?}");
    child.wait().unwrap();
}
