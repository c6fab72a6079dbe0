//! `gate hook AGENT`: what each agent asks, and what it is told, with the real binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "cli_hook/aider.rs"]
mod aider;
#[path = "cli_hook/commands.rs"]
mod commands;
#[path = "cli_hook/in_time.rs"]
mod in_time;
#[path = "cli_hook/installed.rs"]
mod installed;
#[path = "cli_hook/opencode.rs"]
mod opencode;
#[path = "cli_hook/refused.rs"]
mod refused;
#[path = "cli_hook/shims.rs"]
mod shims;
#[path = "cli_hook/shown_first.rs"]
mod shown_first;
#[path = "cli_hook/stage.rs"]
mod stage;
#[path = "cli_hook/switched_off.rs"]
mod switched_off;

use serde_json::{Value, json};
use stage::{Stage, question, recorded};

/// Each form of a question, the agent that sends it, and where its command stands.
const QUESTIONS: [(&str, &str, &str); 9] = [
    ("claude-code", "Bash", "/tool_input/command"),
    ("codex", "Bash", "/tool_input/command"),
    ("gemini", "run_shell_command", "/tool_input/command"),
    ("cursor", "beforeShellExecution", "/command"),
    ("cursor", "preToolUse", "/tool_input/command"),
    ("copilot", "preToolUse", "/toolArgs/command"),
    ("copilot", "preToolUse-text", "/toolArgs"),
    ("copilot", "PreToolUse", "/tool_input/command"),
    ("opencode", "bash", "/args/command"),
];

/// The questions that were recorded from the running agents.
const RECORDED: [(&str, &str); 5] = [
    ("claude-code", "Bash"),
    ("codex", "Bash"),
    ("gemini", "run_shell_command"),
    ("copilot", "preToolUse"),
    ("opencode", "bash"),
];

/// Returns a question of tests/hooks about another command.
fn about(agent: &str, form: &str, place: &str, command: &str) -> Value {
    let mut question = question(agent, form);
    let stands = question.pointer_mut(place).unwrap();
    *stands = if place == "/toolArgs" {
        Value::String(json!({ "command": command }).to_string())
    } else {
        Value::String(command.to_owned())
    };
    question
}

/// Returns the reason in an agent's own form of a no; fails where the form is another one.
#[track_caller]
fn reason_of(agent: &str, answer: &Value) -> String {
    let nested = |reason: &Value| {
        json!({ "hookEventName": "PreToolUse", "permissionDecision": "deny",
                "permissionDecisionReason": reason })
    };
    let (reason, expected) = match agent {
        "claude-code" | "codex" => {
            let reason = &answer["hookSpecificOutput"]["permissionDecisionReason"];
            (reason, json!({ "hookSpecificOutput": nested(reason) }))
        }
        "gemini" | "opencode" => {
            let reason = &answer["reason"];
            (reason, json!({ "decision": "deny", "reason": reason }))
        }
        "cursor" => {
            let reason = &answer["user_message"];
            let expected =
                json!({ "permission": "deny", "user_message": reason, "agent_message": reason });
            (reason, expected)
        }
        "copilot" => {
            let reason = &answer["permissionDecisionReason"];
            let expected = json!({ "permissionDecision": "deny",
                "permissionDecisionReason": reason, "hookSpecificOutput": nested(reason) });
            (reason, expected)
        }
        other => panic!("`{other}` has no form"),
    };
    assert_eq!(*answer, expected, "{agent}");
    reason.as_str().unwrap().to_owned()
}

#[test]
fn each_agent_is_told_no_in_its_own_form_and_never_yes() {
    let stage = Stage::new();
    for (agent, form, place) in QUESTIONS {
        let harmless = question(agent, form);
        assert_eq!(stage.asks(agent, &harmless), json!({}), "{agent} {form}");
        let harmful = about(agent, form, place, "kubectl -n x delete ns p");
        let reason = reason_of(agent, &stage.asks(agent, &harmful));
        for told in [
            "`kubectl -n x delete ns p`",
            "effect destroy",
            "run -- kubectl -n x delete ns p",
            "Do not look for another way round",
        ] {
            assert!(reason.contains(told), "{agent} {form}: {reason}");
        }
    }
}

#[test]
fn what_an_agent_really_sent_is_read_byte_for_byte() {
    let stage = Stage::new();
    for (agent, form) in RECORDED {
        let recorded = recorded(agent, form);
        for sent in [&*recorded, recorded.trim_end()] {
            let answer = stage.answers(&[agent], sent.as_bytes());
            assert_eq!(answer, json!({}), "{agent}");
            let harmful = sent.replace("kubectl get pods", "kubectl delete pod web-0");
            assert_ne!(harmful, sent, "{agent}");
            let reason = reason_of(agent, &stage.answers(&[agent], harmful.as_bytes()));
            assert!(
                reason.contains("run -- kubectl delete pod web-0"),
                "{agent}: {reason}"
            );
        }
    }
}

#[test]
fn a_denial_by_a_rule_is_told_with_its_words_and_kept() {
    let stage = Stage::new();
    stage.rules(
        "[[rule]]\nid = \"no-prod\"\ntool = \"kubectl\"\neffect = \"destroy\"\n\
         decision = \"deny\"\nmessage = \"ask the platform team\"\n",
    );
    for (agent, form, place) in QUESTIONS {
        let harmful = about(agent, form, place, "kubectl delete ns p && true");
        let reason = reason_of(agent, &stage.asks(agent, &harmful));
        for told in [
            "denied by rule `no-prod` of the user: ask the platform team",
            "nothing was run",
            "`kubectl delete ns p`",
        ] {
            assert!(reason.contains(told), "{agent} {form}: {reason}");
        }
    }
    let kept = stage.spooled();
    assert_eq!(
        kept.matches("\"decision\":\"deny\"").count(),
        QUESTIONS.len(),
        "{kept}"
    );
    assert!(kept.contains("kubectl delete ns p"), "{kept}");
}

#[test]
fn of_commands_that_ask_and_one_that_is_denied_the_no_is_told_wherever_it_stands() {
    let stage = Stage::new();
    stage.rules(
        "[[rule]]\nid = \"no-logs\"\ntool = \"kubectl\"\ncommand = \"logs\"\ndecision = \"deny\"\n",
    );
    let (asks, denied) = ("kubectl delete ns p", "kubectl logs web");
    for script in [
        format!("{asks}; {denied}"),
        format!("{denied}; {asks}"),
        format!("{asks} && {asks} && {denied} && {asks}"),
        format!("ls; {asks} | tee log; x=$({denied})"),
        format!("bash -c '{denied}'; {asks}"),
    ] {
        let told = stage.says_no(&script).unwrap();
        assert!(
            told.contains("denied by rule `no-logs`"),
            "{script}: {told}"
        );
        assert!(told.contains("It is about `kubectl logs web`"), "{told}");
        // Whoever is told how to ask for the other does not come to the no.
        assert!(!told.contains("run --"), "{script}: {told}");
    }
    let kept = stage.spooled();
    assert_eq!(kept.matches("\"decision\":\"deny\"").count(), 5, "{kept}");
    let told = stage.says_no(&format!("{asks}; ls")).unwrap();
    let asks = "Run the same line again with `gate run --` right before it";
    assert!(told.contains(asks), "{told}");
}

#[test]
fn a_rule_about_agents_is_heard_and_one_about_any_tool_too() {
    let stage = Stage::new();
    stage.rules(
        "[[rule]]\nid = \"no-rm\"\ntool = \"rm\"\ncaller = { kind = \"agent\" }\n\
         decision = \"require_approval\"\n\
         [[rule]]\nid = \"pods\"\ntool = \"kubectl\"\ndecision = \"require_approval\"\n",
    );
    for command in ["rm x", "kubectl get pods", "ssh host rm x"] {
        assert!(stage.says_no(command).is_some(), "{command}");
    }
    assert_eq!(stage.says_no("ls"), None);
    assert_eq!(stage.says_no("grep rm x"), None);
}

#[test]
fn a_project_is_judged_by_its_own_rules_wherever_the_hook_runs() {
    let stage = Stage::new();
    let rule = "[[rule]]\nid = \"still\"\ntool = \"kubectl\"\ndecision = \"deny\"\n";
    stage.home.write("work/project/.gate.toml", rule).unwrap();
    stage.home.write("work/project/sub/x", "").unwrap();
    let mut question = question("claude-code", "Bash");
    assert_eq!(stage.asks("claude-code", &question), json!({}));
    let folder = stage.home.work().join("project/sub");
    question["cwd"] = json!(folder);
    let answer = stage.asks("claude-code", &question);
    assert!(reason_of("claude-code", &answer).contains("rule `still`"));
}
