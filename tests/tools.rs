//! Each real tool, bare and through the real `gate run`, against a real server
//! process: nothing that is privileged happens before a person says yes, and
//! what happens then is what the tool does without gate.
//!
//! What happened is never asked of gate but of something that gate can't reach:
//! terraform's state, the statement log of Postgres, moto, the audit log of
//! kube-apiserver, the refs of a repository. Each component belongs to one test,
//! which plays the whole story on it: it starts once and ends with its test.

#[path = "live/agent.rs"]
mod agent;
#[path = "tools/held.rs"]
mod held;
#[path = "live/server.rs"]
mod server;
#[path = "tools/story.rs"]
mod story;

use std::os::unix::fs::symlink;

use agent::{Agent, Running, WITHIN, approve_as_bob, files_below, shown};
use gate_protocol::invocation::BoundInput;
use gate_testkit::real::{
    BareRepository, KubeCluster, Moto, Postgres, TerraformProject, locate, run as run_bare,
};
use server::{Live, run};
use story::Story;

const TERRAFORM: &str = r#"variable "broken" {
  default = false
}

resource "terraform_data" "web" {
  # Made anew by every apply, each of which leaves a line.
  triggers_replace = timestamp()
  provisioner "local-exec" {
    command = "echo applied >> applied"
  }
}

resource "terraform_data" "broken" {
  count = var.broken ? 1 : 0
  provisioner "local-exec" {
    command = "exit 3"
  }
}
"#;

/// Puts `ID` for each UUID and number of seconds, which differ in every run.
fn without_ids(text: &str) -> String {
    let is_id = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
    let words =
        text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    let mut masked = String::new();
    for word in words {
        let bare = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let is_seconds = bare
            .strip_suffix('s')
            .is_some_and(|n| n.parse::<u32>().is_ok());
        if is_id(bare) || is_seconds {
            masked.push_str("ID");
            masked.push_str(word.strip_prefix(bare).unwrap_or_default());
        } else {
            masked.push_str(word);
        }
    }
    masked
}

#[test]
fn terraform_changes_its_state_only_when_a_person_agrees() {
    let live = Live::start();
    let mut agent = Agent::new(&live);
    agent
        .home
        .link("terraform", &locate("terraform").unwrap())
        .unwrap();
    agent.home.set("CHECKPOINT_DISABLE", "1");
    let project = TerraformProject::with_main(TERRAFORM).unwrap();
    let twin = TerraformProject::with_main(TERRAFORM).unwrap();
    let resources = || format!("{:?}", project.state().unwrap());
    let apply = [
        "terraform",
        "apply",
        "-input=false",
        "-auto-approve",
        "-no-color",
    ];
    let destroy = [
        "terraform",
        "destroy",
        "-input=false",
        "-auto-approve",
        "-no-color",
    ];
    let story = Story {
        agent: &agent,
        folder: project.path(),
        read: &["terraform", "validate", "-no-color"],
        change: &apply,
        trace: &resources,
    };
    story.a_read_passes_with_the_server_down();
    story.nothing_runs_without_an_approval();
    assert_eq!(project.state().unwrap(), None, "no apply has ever begun");

    let applied = story.an_approved_one_runs();
    assert_eq!(project.resources().unwrap(), ["terraform_data.web"]);
    let bare = twin.terraform(&apply[1..]).unwrap();
    assert_eq!(without_ids(&applied.stdout), without_ids(&bare.stdout));
    let applied = std::fs::read_to_string(project.path().join("applied")).unwrap();
    assert_eq!(applied, "applied\n", "it ran once");

    let read = Story {
        read: &["terraform", "state", "list"],
        ..story
    };
    read.a_read_passes_with_the_server_down();
    let broken = [apply.as_slice(), &["-var=broken=true"]].concat();
    let failed = read.approved(&broken);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert_eq!(twin.terraform(&broken[1..]).unwrap().status.code(), Some(1));

    let removed = Story {
        change: &destroy,
        ..read
    };
    removed.nothing_runs_without_an_approval();
    removed.an_approved_one_runs();
    assert_eq!(project.resources().unwrap(), Vec::<String>::new());
    agent.assert_log_verifies();
}

#[test]
fn psql_changes_a_table_only_when_a_person_agrees() {
    let live = Live::start();
    let mut agent = Agent::new(&live);
    let postgres = Postgres::start().unwrap();
    postgres
        .sql("create table items (n int); insert into items values (1), (2)")
        .unwrap();
    agent.home.set_all(postgres.environment());
    let folder = agent.home.work();
    let changes = || {
        let statements = postgres.statements().unwrap().into_iter();
        let changes: Vec<String> = statements.filter(|s| !s.starts_with("select")).collect();
        let rows = postgres.sql("select n from items order by n").unwrap();
        format!("{changes:?} {rows}")
    };
    let story = Story {
        agent: &agent,
        folder: &folder,
        read: &["psql", "-X", "-At", "-c", "select n from items order by n"],
        change: &["psql", "-X", "-c", "insert into items values (3)"],
        trace: &changes,
    };
    story.a_read_passes_with_the_server_down();
    story.nothing_runs_without_an_approval();

    let inserted = story.an_approved_one_runs();
    assert_eq!(inserted.stdout, "INSERT 0 1\n");
    assert_eq!(
        changes(),
        "[\"insert into items values (3)\"] 1\n2\n3\n",
        "it ran once"
    );
    assert_eq!(inserted.stdout, story.bare(story.change).stdout);

    // psql(1), "Exit Status": 3 if an error occurred in a script and
    // ON_ERROR_STOP was set; 1 for its own; 2 if the connection went bad.
    let script =
        "insert into items values (40);\nselect no_such_column;\ninsert into items values (41);\n";
    std::fs::write(folder.join("script.sql"), script).unwrap();
    let failing = ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", "script.sql"];
    story.a_failing_one_keeps_its_code(&failing, 3);
    story.a_failing_one_keeps_its_code(&["psql", "-X", "-c", "drop table no_such_table"], 1);
    let nowhere = [
        "psql",
        "-X",
        "-d",
        "no_such_database",
        "-c",
        "drop table items",
    ];
    story.a_failing_one_keeps_its_code(&nowhere, 2);
    let rows = postgres
        .sql("select n from items where n > 3 order by n")
        .unwrap();
    assert_eq!(
        rows, "40\n40\n",
        "once through gate, once bare, and stopped at the mistake"
    );
    agent.assert_log_verifies();
}

#[test]
fn psql_runs_the_script_that_was_approved_and_not_the_one_that_is_there_now() {
    let live = Live::start();
    let mut agent = Agent::new(&live);
    let postgres = Postgres::start().unwrap();
    postgres.sql("create table items (n int)").unwrap();
    agent.home.set_all(postgres.environment());
    let script = agent.home.work().join("script.sql");
    let (approved, later) = ("insert into items values (1);\n", "drop table items;\n");

    std::fs::write(&script, approved).unwrap();
    let mut from_file =
        Running::start(&mut agent.gate_run(&[], &["psql", "-X", "-f", "script.sql"]));
    let id = from_file.asked();
    std::fs::write(&script, later).unwrap();
    approve_as_bob(&live, &id);
    let ended = from_file.finish();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "INSERT 0 1\n"),
        "{ended:?}"
    );

    std::fs::write(&script, approved).unwrap();
    let mut command = agent.gate_run(&[], &["psql", "-X"]);
    let mut from_stdin = Running::start(command.stdin(std::fs::File::open(&script).unwrap()));
    let id = from_stdin.asked();
    std::fs::write(&script, later).unwrap();
    approve_as_bob(&live, &id);
    let ended = from_stdin.finish();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "INSERT 0 1\n"),
        "{ended:?}"
    );

    let insert = approved.trim_end().trim_end_matches('\n').to_owned();
    assert_eq!(postgres.statements().unwrap(), [insert.clone(), insert]);
    assert_eq!(postgres.sql("select count(*) from items").unwrap(), "2\n");
    agent.assert_log_verifies();
}

#[test]
fn aws_changes_the_account_only_when_a_person_agrees() {
    let live = Live::start();
    let mut agent = Agent::new(&live);
    let moto = Moto::start().unwrap();
    agent.home.set_all(moto.environment());
    agent.home.set("AWS_PAGER", "cat");
    agent.home.link("aws", &locate("aws").unwrap()).unwrap();
    let folder = agent.home.work();
    std::fs::write(folder.join("report.txt"), "numbers\n").unwrap();
    let aws = |words: &[&str]| {
        let mut command = agent.home.command("aws");
        run_bare(command.args(words), WITHIN)
            .unwrap()
            .success()
            .unwrap()
    };
    aws(&["s3", "mb", "s3://reports"]);
    let put = || {
        aws(&[
            "s3",
            "cp",
            "report.txt",
            "s3://reports/report.txt",
            "--quiet",
        ])
    };
    put();
    // moto gives each answer a new id; what it holds is in the buckets' names and keys.
    let keys = || {
        let state = moto.state().unwrap();
        let of = |kind: &str| {
            state
                .pointer(&format!("/s3/{kind}"))
                .map(ToString::to_string)
        };
        let (buckets, objects) = (of("FakeBucket"), of("FakeKey"));
        assert!(buckets.is_some(), "{state}");
        format!("{buckets:?} {objects:?}")
    };
    let story = Story {
        agent: &agent,
        folder: &folder,
        read: &["aws", "s3", "ls", "s3://reports"],
        change: &["aws", "s3", "rm", "s3://reports/report.txt"],
        trace: &keys,
    };
    story.a_read_passes_with_the_server_down();
    story.nothing_runs_without_an_approval();
    // A bucket that is not empty stays; the error is that of s3's own commands.
    story.a_failing_one_keeps_its_code(&["aws", "s3", "rb", "s3://reports"], 1);

    let removed = story.an_approved_one_runs();
    assert_eq!(removed.stdout, "delete: s3://reports/report.txt\n");
    assert_eq!(aws(&["s3", "ls", "s3://reports"]), "");
    put();
    assert_eq!(removed.stdout, story.bare(story.change).stdout);

    // The first version of the command line: 255 for what the service refuses.
    let nobody = ["aws", "iam", "delete-user", "--user-name", "nobody"];
    let code = story.bare(&nobody).status.code().unwrap();
    assert!(matches!(code, 254 | 255), "{code}");
    story.a_failing_one_keeps_its_code(&nobody, code);
    agent.assert_log_verifies();
}

#[test]
fn kubectl_changes_the_cluster_only_when_a_person_agrees() {
    let live = Live::start();
    let mut agent = Agent::new(&live);
    let cluster = KubeCluster::start().unwrap();
    agent.home.set("KUBECONFIG", cluster.kubeconfig());
    agent
        .home
        .link("kubectl", &locate("kubectl").unwrap())
        .unwrap();
    let folder = agent.home.work();
    let create = ["create", "configmap", "settings", "--from-literal=a=b"];
    cluster.kubectl(&create).unwrap().success().unwrap();
    // The server writes a request down before it acts on it.
    let writes = || {
        let events = cluster.audit_events().unwrap().into_iter();
        let writes =
            events.filter(|event| !matches!(event.verb.as_str(), "get" | "list" | "watch"));
        let writes: Vec<String> = writes
            .map(|event| format!("{} {}", event.verb, event.uri))
            .collect();
        writes.join("\n")
    };
    let story = Story {
        agent: &agent,
        folder: &folder,
        read: &["kubectl", "get", "configmaps", "-o", "name"],
        change: &["kubectl", "delete", "configmap", "settings"],
        trace: &writes,
    };
    story.a_read_passes_with_the_server_down();
    story.nothing_runs_without_an_approval();
    assert_eq!(writes(), "", "nothing but reads has reached the cluster");

    let deleted = story.an_approved_one_runs();
    let delete = "delete /api/v1/namespaces/default/configmaps/settings";
    assert_eq!(writes(), delete, "it ran once");
    cluster.kubectl(&create).unwrap().success().unwrap();
    assert_eq!(deleted.stdout, story.bare(story.change).stdout);

    story.a_failing_one_keeps_its_code(&["kubectl", "delete", "configmap", "missing"], 1);
    // As a user who may do nothing: the cluster's own no comes after ours.
    let forbidden = ["kubectl", "--context=dev", "delete", "configmap", "kept"];
    story.a_failing_one_keeps_its_code(&forbidden, 1);

    the_approved_manifest_is_applied(&story, &cluster);
    agent.assert_log_verifies();
}

#[expect(
    clippy::unwrap_used,
    reason = "a part of the test above: what can't be had fails it"
)]
fn the_approved_manifest_is_applied(story: &Story<'_>, cluster: &KubeCluster) {
    let manifest = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: limits}}\ndata: {{replicas: \"{value}\"}}\n"
        )
    };
    let path = story.folder.join("limits.yaml");
    std::fs::write(&path, manifest("2")).unwrap();
    let mut running = Running::start(&mut story.gated(&["kubectl", "apply", "-f", "limits.yaml"]));
    let id = running.asked();
    std::fs::write(&path, manifest("9000")).unwrap();
    approve_as_bob(story.agent.live, &id);
    let ended = running.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let applied = cluster
        .kubectl(&[
            "get",
            "configmap",
            "limits",
            "-o",
            "jsonpath={.data.replicas}",
        ])
        .unwrap();
    assert_eq!(
        applied.success().unwrap(),
        "2",
        "the bytes that were approved"
    );
    // kubectl says how it ended in words of its version.
    cluster
        .kubectl(&["delete", "configmap", "limits"])
        .unwrap()
        .success()
        .unwrap();
    let bare = story.bare(&["kubectl", "apply", "-f", "limits.yaml"]);
    assert_eq!(ended.stdout, bare.stdout, "the same as without gate");
    let inputs = shown(story.agent.live, &id).invocation.inputs;
    let is_manifest = |input: &BoundInput| input.name.shown() == "limits.yaml";
    assert!(inputs.iter().any(is_manifest), "{inputs:?}");
}

#[test]
fn git_pushes_only_when_a_person_agrees() {
    let live = Live::start();
    let agent = Agent::new(&live);
    let remote = BareRepository::create().unwrap();
    let checkout = remote.check_out("work").unwrap();
    let commit = checkout.commit_file("a.txt", "text\n").unwrap();
    // Not by GIT_CONFIG_GLOBAL: gate asks for what that could name.
    agent
        .home
        .write(".gitconfig", "[safe]\n\tdirectory = *\n")
        .unwrap();
    symlink(locate("git").unwrap(), agent.home.bin().join("git")).unwrap();
    let refs = || format!("{:?}", remote.refs().unwrap());
    let story = Story {
        agent: &agent,
        folder: checkout.path(),
        read: &["git", "log", "--format=%H"],
        change: &["git", "push", "--porcelain", "origin", "main"],
        trace: &refs,
    };
    story.a_read_passes_with_the_server_down();
    story.nothing_runs_without_an_approval();
    assert!(remote.refs().unwrap().is_empty());

    let pushed = story.an_approved_one_runs();
    assert_eq!(remote.refs().unwrap().get("refs/heads/main"), Some(&commit));
    let remote_path = remote.path();
    let forget = [
        "--git-dir",
        remote_path.to_str().unwrap(),
        "update-ref",
        "-d",
        "refs/heads/main",
    ];
    checkout.git(&forget).unwrap().success().unwrap();
    assert_eq!(pushed.stdout, story.bare(story.change).stdout);

    // git-push(1) refuses a name that is no branch with 1, an address that is no repository with 128.
    story.a_failing_one_keeps_its_code(
        &["git", "push", "--porcelain", "origin", "no-such-branch"],
        1,
    );
    story.a_failing_one_keeps_its_code(
        &["git", "push", "--porcelain", "/nonexistent/remote", "main"],
        128,
    );
    agent.assert_log_verifies();
}

#[test]
fn the_password_of_a_tool_is_nowhere_at_the_server() {
    let live = Live::start();
    let mut agent = Agent::new(&live);
    let postgres = Postgres::start().unwrap();
    agent.home.set_all(postgres.environment());
    let mut running =
        Running::start(&mut agent.gate_run(&[], &["psql", "-X", "-c", "create table t (n int)"]));
    let id = running.asked();
    approve_as_bob(&live, &id);
    let ended = running.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let environment = postgres.environment();
    let (_, password) = environment
        .iter()
        .find(|(name, _)| *name == "PGPASSWORD")
        .unwrap();
    let password = password.to_str().unwrap();
    let shown = run(&mut live.gate("bob_approver", &["requests", "show", &id, "--json"]));
    assert!(
        shown.stdout.contains("PGPASSWORD"),
        "that it is set is shown: {shown:?}"
    );
    assert!(!shown.stdout.contains(password), "{shown:?}");
    for (path, bytes) in files_below(live.said("/data").as_ref()) {
        let has_password = bytes
            .windows(password.len())
            .any(|part| part == password.as_bytes());
        assert!(!has_password, "the password is in {}", path.display());
    }
    agent.assert_log_verifies();
}
