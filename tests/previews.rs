//! What people are shown of what a command would do: read by the real `gate run` from what the
//! real tools made, without starting anything.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/agent.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod agent;
#[path = "live/server.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod server;

use std::os::unix::fs::symlink;
use std::path::Path;

use agent::{Agent, Running, approve_as_bob, shown};
use gate_protocol::preview::Preview;
use gate_testkit::real::{BareRepository, TerraformProject, locate};
use server::{Live, run};

/// Asks for a command, and returns the id of the request with what people are told that it would
/// do.
fn previewed(agent: &Agent<'_>, folder: &Path, words: &[&str]) -> (Running, String, Preview) {
    let mut command = agent.gate_run(&["--reason", "a test"], words);
    let mut running = Running::start(command.current_dir(folder));
    let id = running.asked();
    let preview = shown(agent.live, &id).invocation.preview;
    let preview = preview.unwrap_or_else(|| panic!("{words:?} has no preview"));
    (running, id, preview)
}

fn link(agent: &Agent<'_>, tool: &str) {
    symlink(locate(tool).unwrap(), agent.home.bin().join(tool)).unwrap();
}

#[test]
fn a_plan_file_says_what_would_be_added_and_destroyed() {
    let live = Live::start();
    let mut agent = Agent::new(&live);
    agent.home.set("CHECKPOINT_DISABLE", "1");
    link(&agent, "terraform");
    let project = TerraformProject::create().unwrap();
    let terraform = |words: &[&str]| project.terraform(words).unwrap().success().unwrap();
    terraform(&["apply", "-input=false", "-auto-approve"]);
    std::fs::write(
        project.path().join("main.tf"),
        "resource \"terraform_data\" \"web\" {\n  count = 1\n  input = \"v2\"\n  \
         triggers_replace = [\"a\"]\n}\nresource \"terraform_data\" \"cache\" {\n  input = \
         \"Hunter2-Pw\"\n}\noutput \"name\" {\n  value = \"x\"\n}\n",
    )
    .unwrap();
    terraform(&["plan", "-input=false", "-out=release.plan"]);
    let words = [
        "terraform",
        "apply",
        "-input=false",
        "-no-color",
        "release.plan",
    ];
    let (running, id, preview) = previewed(&agent, project.path(), &words);
    // The same as terraform itself says of the plan.
    let itself = terraform(&["show", "-no-color", "release.plan"]);
    let last = itself
        .lines()
        .find(|line| line.starts_with("Plan: "))
        .unwrap();
    assert_eq!(format!("Plan: {}.", preview.summary), last);
    assert_eq!(preview.source, "the plan file release.plan");
    assert_eq!(
        preview.text,
        "DESTROY terraform_data.web[1]\nupdate terraform_data.web[0]\ncreate \
         terraform_data.cache\ncreate the output name"
    );
    let sheet = run(&mut live.gate("bob_approver", &["requests", "show", &id]));
    for line in [
        "would do",
        "1 to add, 1 to change, 1 to destroy",
        "│ DESTROY terraform_data.web[1]",
    ] {
        assert!(sheet.stdout.contains(line), "{line}: {sheet:?}");
    }
    assert!(!sheet.stdout.contains("Hunter2-Pw"), "values are not read");
    approve_as_bob(&live, &id);
    assert_eq!(running.finish().code, Some(0));
    assert_eq!(
        project.resources().unwrap(),
        ["terraform_data.cache", "terraform_data.web[0]"]
    );
}

#[test]
fn manifests_name_their_objects_and_no_secret_in_them() {
    let live = Live::start();
    let agent = Agent::new(&live);
    link(&agent, "kubectl");
    let folder = agent.home.path();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: \
                      shop\nspec: {}\n---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: keys\n\
                      stringData:\n  password: Hunter2-Pw\n";
    std::fs::write(folder.join("web.yaml"), deployment).unwrap();
    let words = ["kubectl", "apply", "-f", "web.yaml"];
    let (_running, _, preview) = previewed(&agent, folder, &words);
    assert_eq!(preview.summary, "apply 2 objects");
    assert_eq!(
        preview.text,
        "apply Deployment shop/web (apps/v1)\napply Secret keys (v1)"
    );
}

#[test]
fn the_manifests_of_a_folder_come_in_the_order_in_which_kubectl_reads_them() {
    let live = Live::start();
    let agent = Agent::new(&live);
    link(&agent, "kubectl");
    let folder = agent.home.path();
    let object = |kind: &str, name: &str| {
        format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n")
    };
    for (file, kind, name) in [
        ("all/z.yaml", "ConfigMap", "last"),
        ("all/a.yml", "Namespace", "shop"),
        ("all/deep/b.yaml", "Secret", "inner"),
        ("all/README.md", "Pod", "none"),
    ] {
        agent.home.write(file, object(kind, name)).unwrap();
    }
    let plain = ["kubectl", "delete", "-f", "all"];
    let (_running, _, preview) = previewed(&agent, folder, &plain);
    assert_eq!(preview.summary, "delete 2 objects");
    assert_eq!(preview.source, "the manifests all");
    assert_eq!(
        preview.text,
        "delete Namespace shop (v1)\ndelete ConfigMap last (v1)"
    );
    let deep = ["kubectl", "delete", "-R", "-f", "all"];
    let (_running, _, preview) = previewed(&agent, folder, &deep);
    assert_eq!(
        preview.text,
        "delete Namespace shop (v1)\ndelete Secret inner (v1)\ndelete ConfigMap last (v1)"
    );
}

#[test]
fn a_push_names_its_commits_and_does_not_run_with_others() {
    let live = Live::start();
    let agent = Agent::new(&live);
    link(&agent, "git");
    agent
        .home
        .write(".gitconfig", "[safe]\n\tdirectory = *\n")
        .unwrap();
    let remote = BareRepository::create().unwrap();
    let checkout = remote.check_out("work").unwrap();
    let push = ["git", "push", "--porcelain", "origin", "main"];
    checkout.commit_file("a.txt", "text\n").unwrap();
    let (running, id, preview) = previewed(&agent, checkout.path(), &push);
    assert_eq!(
        preview.summary,
        "1 commit to main at origin, which is new as far as is known here"
    );
    approve_as_bob(&live, &id);
    assert_eq!(running.finish().code, Some(0));
    let first = checkout.commit_file("b.txt", "text\n").unwrap();
    let (running, id, preview) = previewed(&agent, checkout.path(), &push);
    assert_eq!(preview.summary, "1 commit, 1 file to main at origin");
    assert!(preview.text.starts_with("  commit "), "{preview:?}");
    assert!(
        preview.text.contains(first.get(..10).unwrap()),
        "{preview:?}"
    );
    assert!(preview.text.ends_with("\n  A b.txt"), "{preview:?}");
    // What is committed while people look is not pushed by their yes.
    checkout.commit_file("c.txt", "nobody saw it\n").unwrap();
    approve_as_bob(&live, &id);
    let ended = running.finish();
    assert_eq!(ended.code, Some(125), "{ended:?}");
    assert!(
        ended.stderr.contains("what the push would bring"),
        "{ended:?}"
    );
    assert_ne!(remote.refs().unwrap().get("refs/heads/main"), Some(&first));
    let (_running, _, preview) = previewed(&agent, checkout.path(), &push);
    assert_eq!(preview.summary, "2 commits, 2 files to main at origin");
}
