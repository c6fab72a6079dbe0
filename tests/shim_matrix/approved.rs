//! What an approved command starts meets the shims again: an approval is for the command that was
//! asked about, and for nothing that it calls.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs;
use std::process::Command;
use std::time::Instant;

use gate_protocol::request::{ApprovalRequest, RequestPage};
use gate_testkit::real::{TerraformProject, locate};

use crate::agent::{Agent, Ended, Running, WITHIN, approve_as_bob, shown};
use crate::server::{GATE, Live, run};

/// A project whose apply calls kubectl twice: one that reads and one that changes something.
const MAIN: &str = r#"resource "terraform_data" "web" {
  provisioner "local-exec" {
    command = "kubectl get pods && kubectl delete namespace inner"
  }
}
"#;

/// Notes its calls.
const KUBECTL: &str = "#!/bin/sh\necho \"kubectl $*\" >>\"$HOME/calls\"\n";

/// Sets shims of terraform, git and kubectl before the tools.
fn agent_with_shims(live: &Live) -> Agent<'_> {
    let mut agent = Agent::new(live);
    for tool in ["terraform", "git"] {
        agent.home.link(tool, &locate(tool).unwrap()).unwrap();
    }
    agent.home.script("kubectl", KUBECTL).unwrap();
    let shims = agent.home.path().join("shims");
    let mut install = agent.home.command(GATE);
    install.args(["shim", "install", "--dir"]).arg(&shims);
    let installed = run(install.args(["terraform", "git", "kubectl"]));
    assert_eq!(installed.code, Some(0), "{installed:?}");
    let to = fs::read_link(shims.join("kubectl")).unwrap();
    assert!(
        to.ends_with("gate-shim"),
        "build it: cargo build --workspace --bins"
    );
    let path = [shims, agent.home.bin(), "/usr/bin".into(), "/bin".into()];
    agent.home.set("PATH", std::env::join_paths(path).unwrap());
    agent
}

fn calls(agent: &Agent<'_>) -> String {
    fs::read_to_string(agent.home.path().join("calls")).unwrap_or_default()
}

/// Waits until somebody is asked about a command of `tool`.
#[track_caller]
fn asked_about(live: &Live, tool: &str) -> ApprovalRequest {
    let until = Instant::now() + WITHIN;
    loop {
        let list = ["requests", "list", "--status", "pending", "--json"];
        let listed = run(&mut live.gate("bob_approver", &list));
        let page: RequestPage = serde_json::from_str(&listed.stdout).unwrap();
        let mut waiting = page.requests.into_iter();
        if let Some(found) = waiting.find(|one| one.invocation.tool.name == tool) {
            return found;
        }
        assert!(Instant::now() < until, "nobody is asked about {tool}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Runs the outer command, approves it, and answers what it asks about kubectl.
fn answered(agent: &Agent<'_>, outer: &mut Command, is_approved: bool) -> Ended {
    let mut waiting = Running::start(outer);
    let first = waiting.asked();
    assert_eq!(calls(agent), "");
    approve_as_bob(agent.live, &first);
    let inner = asked_about(agent.live, "kubectl");
    let id = inner.id.to_string();
    assert_ne!(id, first);
    assert_eq!(inner.invocation.effect, "destroy");
    assert_eq!(shown(agent.live, &first).status.as_str(), "started");
    if is_approved {
        approve_as_bob(agent.live, &id);
    } else {
        let denied = run(&mut agent.live.gate("bob_approver", &["deny", &id]));
        assert_eq!(denied.code, Some(0), "{denied:?}");
    }
    waiting.finish()
}

#[test]
fn what_an_approved_apply_of_terraform_calls_is_judged_and_asked_about_by_itself() {
    for is_approved in [false, true] {
        let live = Live::start();
        let mut agent = agent_with_shims(&live);
        agent.home.set("CHECKPOINT_DISABLE", "1");
        let project = TerraformProject::with_main(MAIN).unwrap();
        let mut apply = agent.home.command("terraform");
        apply
            .args(["apply", "-input=false", "-auto-approve"])
            .current_dir(project.path());
        let ended = answered(&agent, &mut apply, is_approved);
        let deleted = calls(&agent).contains("kubectl delete namespace inner");
        assert_eq!(deleted, is_approved, "{ended:?}");
        assert_eq!(
            calls(&agent).matches("get pods").count(),
            1,
            "a read asks nobody"
        );
        assert_eq!(ended.code, Some(i32::from(!is_approved)), "{ended:?}");
        let created = project.resources().unwrap().len();
        assert_eq!(created, 1, "terraform keeps what it could not provision");
        agent.assert_log_verifies();
    }
}

#[test]
fn what_a_hook_of_an_approved_push_calls_is_judged_and_asked_about_by_itself() {
    for is_approved in [false, true] {
        let live = Live::start();
        let agent = agent_with_shims(&live);
        let set_up = "git init -q --bare ../remote.git && git init -q . && \
                      git config user.email a@b && git config user.name a && \
                      git commit -q --allow-empty -m one && \
                      git remote add origin ../remote.git && \
                      printf '#!/bin/sh\\nkubectl delete namespace inner\\n' >.git/hooks/pre-push && \
                      chmod +x .git/hooks/pre-push";
        let mut shell = agent.home.command("/bin/sh");
        let ready = run(shell.args(["-c", set_up]).env("PATH", "/usr/bin:/bin"));
        assert_eq!(ready.code, Some(0), "{ready:?}");
        let mut push = agent.home.command("git");
        push.args(["push", "-q", "origin", "HEAD:main"]);
        let ended = answered(&agent, &mut push, is_approved);
        assert_eq!(!calls(&agent).is_empty(), is_approved, "{ended:?}");
        assert_eq!(ended.code == Some(0), is_approved, "{ended:?}");
        let mut refs = agent.home.command("/usr/bin/git");
        refs.args(["-C", "../remote.git", "for-each-ref"]);
        assert_eq!(!run(&mut refs).stdout.is_empty(), is_approved);
    }
}
