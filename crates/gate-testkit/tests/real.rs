//! Each real component starts, serves its real client, tells the truth about what was done to it, and
//! leaves no process behind.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gate_testkit::home::Home;
use gate_testkit::real::{
    AuditEvent, BareRepository, Completed, Environment, KubeCluster, Moto, Postgres, RealError,
    SecretService, TerraformProject, kernel_session, locate, run, run_with_input,
};

const WITHIN: Duration = Duration::from_mins(1);

/// Runs a located tool in a fresh home, with a component's environment.
fn ask(
    tool: &str,
    environment: Environment,
    arguments: &[&str],
) -> Result<Completed, Box<dyn std::error::Error>> {
    let mut home = Home::new()?;
    home.set_all(environment);
    Ok(run(home.command(locate(tool)?).args(arguments), WITHIN)?)
}

/// Waits for a request of `user` that the cluster answered with `code`.
fn answered(
    cluster: &KubeCluster,
    user: &str,
    verb: &str,
    code: u16,
) -> Result<AuditEvent, RealError> {
    cluster.wait_for_event(WITHIN, |event| {
        event.user == user && event.verb == verb && event.code == Some(code)
    })
}

fn is_running(id: u32) -> bool {
    Path::new("/proc").join(id.to_string()).exists()
}

#[test]
fn a_missing_tool_says_how_to_get_it() {
    let error = locate("no-such-tool-anywhere").unwrap_err();
    assert!(matches!(error, RealError::ToolMissing { .. }));
    assert!(
        error.to_string().contains("tests/run --setup-only"),
        "{error}"
    );
}

#[test]
fn a_command_that_does_not_end_is_killed_at_its_deadline() {
    let error = run(
        Command::new("sh").args(["-c", "echo before >&2; exec sleep 60"]),
        Duration::from_millis(300),
    )
    .unwrap_err();
    assert!(matches!(error, RealError::Timeout { .. }), "{error}");
    assert!(error.to_string().contains("before"), "{error}");
}

#[test]
fn a_command_reads_its_input_and_reports_its_code() {
    let mut command = Command::new("sh");
    command.args(["-c", "cat; exit 3"]);
    let completed = run_with_input(&mut command, b"text", WITHIN).unwrap();
    assert_eq!(
        (completed.status.code(), completed.stdout.as_str()),
        (Some(3), "text")
    );
    assert!(
        completed
            .success()
            .unwrap_err()
            .to_string()
            .contains("exit status: 3")
    );
}

#[test]
fn postgres_answers_psql_and_logs_each_statement() {
    let postgres = Postgres::start().unwrap();
    let id = postgres.process_id();
    let version = postgres.sql("show server_version_num").unwrap();
    assert!(version.trim().starts_with("15"), "{version}");
    postgres.sql("create table t (n int)").unwrap();

    let environment = postgres.environment();
    let answer = ask(
        "psql",
        environment.clone(),
        &["-X", "-At", "-c", "select 40 + 2"],
    )
    .unwrap();
    assert_eq!(answer.success().unwrap(), "42\n");
    let failed = ask(
        "psql",
        environment,
        &["-X", "-c", "select\n  no_such_column"],
    )
    .unwrap();
    assert_eq!(failed.status.code(), Some(1));
    let through_socket = ask(
        "psql",
        [
            postgres.environment(),
            vec![("PGHOST", postgres.socket_folder().into())],
        ]
        .concat(),
        &["-X", "-At", "-c", "select 'socket'"],
    )
    .unwrap();
    assert_eq!(through_socket.success().unwrap(), "socket\n");

    assert_eq!(
        postgres.statements().unwrap(),
        [
            "select 40 + 2",
            "select\n  no_such_column",
            "select 'socket'"
        ]
    );
    postgres.stop().unwrap();
    assert!(!is_running(id));
}

#[test]
fn a_cluster_answers_kubectl_and_its_audit_log_names_who_did_what() {
    let cluster = KubeCluster::start().unwrap();
    let ids = cluster.process_ids();
    let kubeconfig: Environment = vec![("KUBECONFIG", cluster.kubeconfig().into())];
    assert_eq!(cluster.audit_events().unwrap(), []);

    let namespaces = ask(
        "kubectl",
        kubeconfig.clone(),
        &["get", "namespaces", "-o", "name"],
    )
    .unwrap();
    assert!(namespaces.success().unwrap().contains("namespace/default"));
    let create = ["create", "configmap", "settings", "--from-literal=a=b"];
    ask("kubectl", kubeconfig.clone(), &create)
        .unwrap()
        .success()
        .unwrap();
    let delete = ["delete", "configmap", "settings"];
    ask(
        "kubectl",
        kubeconfig.clone(),
        &[delete.as_slice(), &["--dry-run=server"]].concat(),
    )
    .unwrap()
    .success()
    .unwrap();
    let forbidden = ask(
        "kubectl",
        kubeconfig,
        &[&["--context=dev"], delete.as_slice()].concat(),
    )
    .unwrap();
    assert_eq!(forbidden.status.code(), Some(1));
    assert!(
        forbidden.stderr.contains("Forbidden"),
        "{}",
        forbidden.stderr
    );

    let denied = answered(&cluster, "dev", "delete", 403).unwrap();
    assert_eq!(denied.uri, "/api/v1/namespaces/default/configmaps/settings");
    let rehearsed = answered(&cluster, "admin", "delete", 200).unwrap();
    assert!(rehearsed.dry_run, "{rehearsed:?}");
    let created = answered(&cluster, "admin", "create", 201).unwrap();
    assert!(!created.dry_run, "{created:?}");
    assert!(created.user_agent.starts_with("kubectl"), "{created:?}");
    let kept = cluster
        .kubectl(&["get", "configmap", "settings", "-o", "name"])
        .unwrap();
    assert_eq!(kept.success().unwrap(), "configmap/settings\n");

    cluster.stop().unwrap();
    assert!(!ids.iter().any(|id| is_running(*id)));
}

#[test]
fn moto_answers_the_aws_command_line_and_forgets_on_reset() {
    let moto = Moto::start().unwrap();
    let id = moto.process_id();
    assert!(moto.endpoint().starts_with("http://127.0.0.1:"));

    ask("aws", moto.environment(), &["s3", "mb", "s3://bucket"])
        .unwrap()
        .success()
        .unwrap();
    ask(
        "aws",
        moto.environment(),
        &["iam", "create-user", "--user-name", "bob"],
    )
    .unwrap()
    .success()
    .unwrap();
    let policy = "arn:aws:iam::aws:policy/AdministratorAccess";
    let attach = [
        "iam",
        "attach-user-policy",
        "--user-name",
        "bob",
        "--policy-arn",
        policy,
    ];
    ask("aws", moto.environment(), &attach)
        .unwrap()
        .success()
        .unwrap();
    let state = moto.state().unwrap().to_string();
    assert!(state.contains("bucket") && state.contains("bob"), "{state}");

    moto.reset().unwrap();
    let listed = ask("aws", moto.environment(), &["s3", "ls"]).unwrap();
    assert_eq!(listed.success().unwrap(), "");
    moto.stop().unwrap();
    assert!(!is_running(id));
}

#[test]
fn a_push_reaches_the_bare_repository() {
    let remote = BareRepository::create().unwrap();
    let checkout = remote.check_out("work").unwrap();
    assert!(remote.refs().unwrap().is_empty());

    let commit = checkout.commit_file("folder/file.txt", "text\n").unwrap();
    assert!(
        remote.refs().unwrap().is_empty(),
        "a commit alone does not reach the remote"
    );
    checkout
        .git(&["push", "-q", "origin", "main"])
        .unwrap()
        .success()
        .unwrap();
    assert_eq!(remote.refs().unwrap().get("refs/heads/main"), Some(&commit));

    let author = checkout.git(&["log", "-1", "--format=%an"]).unwrap();
    assert_eq!(author.success().unwrap(), "Test Person\n");
    assert!(checkout.path().join("folder/file.txt").is_file());
}

#[test]
fn terraform_applies_and_destroys_and_its_state_tells() {
    let project = TerraformProject::create().unwrap();
    assert_eq!(project.state().unwrap(), None);
    let plan = project
        .terraform(&["plan", "-input=false", "-detailed-exitcode"])
        .unwrap();
    assert_eq!(plan.status.code(), Some(2), "{}", plan.stderr);
    assert!(project.resources().unwrap().is_empty());

    let approved = ["-input=false", "-auto-approve"];
    let apply = [["apply"].as_slice(), &approved].concat();
    project.terraform(&apply).unwrap().success().unwrap();
    assert_eq!(
        project.resources().unwrap(),
        ["terraform_data.web[0]", "terraform_data.web[1]"]
    );
    let destroy = [["destroy"].as_slice(), &approved].concat();
    project.terraform(&destroy).unwrap().success().unwrap();
    assert!(project.resources().unwrap().is_empty());
}

#[test]
fn a_secret_stored_in_the_secret_service_is_found_again() {
    let service = SecretService::start().unwrap();
    let ids = service.process_ids();
    let mut home = Home::new().unwrap();
    home.set_all(service.environment());

    let tool = locate("secret-tool").unwrap();
    let mut store = home.command(&tool);
    store.args(["store", "--label=test", "gate", "token"]);
    run_with_input(&mut store, b"hunter2", WITHIN)
        .unwrap()
        .success()
        .unwrap();
    let mut look_up = home.command(&tool);
    look_up.args(["lookup", "gate", "token"]);
    assert_eq!(
        run(&mut look_up, WITHIN).unwrap().success().unwrap(),
        "hunter2"
    );

    service.stop().unwrap();
    assert!(!ids.iter().any(|id| is_running(*id)));
    assert!(!run(&mut look_up, WITHIN).unwrap().status.success());
}

#[test]
fn a_locked_secret_service_serves_but_has_no_open_keyring() {
    let service = SecretService::start_locked().unwrap();
    let mut home = Home::new().unwrap();
    home.set_all(service.environment());
    let mut call = home.command(locate("dbus-send").unwrap());
    call.args([
        "--session",
        "--print-reply=literal",
        "--dest=org.freedesktop.secrets",
    ])
    .args([
        "/org/freedesktop/secrets",
        "org.freedesktop.Secret.Service.ReadAlias",
    ])
    .arg("string:default");
    // `/` is the answer for: there is no such keyring.
    let answer = run(&mut call, WITHIN).unwrap().success().unwrap();
    assert_eq!(answer.trim(), "/");
}

#[test]
fn a_key_in_a_session_of_its_own_is_not_seen_in_the_next() {
    let home = Home::new().unwrap();
    let script = "id=$(keyctl add user gate-test hunter2 @s) && keyctl pipe \"$id\"";
    let mut write = kernel_session("sh").unwrap();
    write
        .args(["-c", script])
        .env_clear()
        .envs(home.environment());
    assert_eq!(
        run(&mut write, WITHIN).unwrap().success().unwrap(),
        "hunter2"
    );

    let mut search = kernel_session("keyctl").unwrap();
    search
        .args(["search", "@s", "user", "gate-test"])
        .env_clear()
        .envs(home.environment());
    assert_eq!(run(&mut search, WITHIN).unwrap().status.code(), Some(1));
}
