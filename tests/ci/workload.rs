//! The examples with no token in any variable: the job says itself which job it is, by the word of
//! its CI system.

use serde_json::{Value, json};

use crate::agent::shown;
use crate::github::{Job, inputs};
use crate::gitlab::{SHELLS, shell};
use crate::machine::{Machine, answered, assert_code, requests};
use crate::rig::Program;
use crate::server::{Live, run};

/// What the server knows of the jobs of one repository.
fn settings(issuer: &Program) -> String {
    format!(
        "[[workload]]\nissuer = '{}'\nprincipal = 'deploy'\n\
         claims = {{ repository = 'acme/infra', ref = 'refs/heads/main' }}\n",
        issuer.issuer
    )
}

/// Starts a server that knows the workload `deploy`, whose owner is not who answers.
fn start(issuer: &Program) -> Live {
    let live = Live::start_with(&settings(issuer));
    let create = ["admin", "principals", "create", "deploy"];
    let more = ["--kind", "workload", "--owner", "alice"];
    let made = run(&mut live.gate("admin", &[&create[..], &more].concat()));
    assert_eq!(made.code, Some(0), "{made:?}");
    live
}

/// What the CI system says of a job.
fn job(issuer: &Program, number: u32, branch: &str) -> Value {
    let now = jiff::Timestamp::now().as_second();
    json!({
        "iss": issuer.issuer, "iat": now, "nbf": now - 300, "exp": now + 300,
        "jti": format!("job-{number}"), "sub": "repo:acme/infra:ref:refs/heads/main",
        "repository": "acme/infra", "ref": format!("refs/heads/{branch}"),
    })
}

/// Fails unless the newest request is the workload's, and was run.
#[track_caller]
fn assert_was_run(live: &Live) {
    let request = shown(live, requests(live).first().unwrap());
    assert_eq!(request.requester.name, "deploy");
    assert_eq!(request.status.as_str(), "finished");
}

#[test]
fn the_action_asks_and_runs_without_any_token() {
    let issuer = Program::issuer();
    let live = start(&issuer);
    let machine = Machine::new(&live);
    let mut inputs = inputs(&live);
    inputs.remove("token");
    let mut first = Job::begin(&machine, 1);
    let address = format!("{}/idtoken?api-version=2.0", issuer.issuer);
    first.set("ACTIONS_ID_TOKEN_REQUEST_URL", &address);
    first.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-request-token");
    assert_code(&first.action(&inputs), 0);
    assert_eq!(first.variable("GATE_TOKEN"), None);
    // A job of another branch is none of the server's.
    issuer.tell("/next", &json!({ "job": job(&issuer, 1, "mine") }));
    let refused = first.runs("GATE_NO_WAIT=1 deploy web");
    assert_code(&refused, 78);
    assert!(
        refused.stderr.contains("does not let this job in"),
        "{refused:?}"
    );
    assert_eq!(requests(&live), Vec::<String>::new());
    issuer.tell("/next", &json!({ "job": job(&issuer, 2, "main") }));
    let ended = first.answered("deploy web", "approve");
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert_eq!(machine.trace(), "ran web\n");
    assert_was_run(&live);
    issuer.tell("/next", &json!({ "job": job(&issuer, 3, "main") }));
    let denied = first.answered("deploy db", "deny");
    assert_eq!(denied.code, Some(77), "{denied:?}");
    assert_eq!(machine.trace(), "ran web\n");
}

#[test]
fn the_template_asks_and_runs_without_any_token() {
    let issuer = Program::issuer();
    let live = start(&issuer);
    for (number, shell_of) in (1..).zip(SHELLS) {
        let machine = Machine::new(&live);
        let mut claims = job(&issuer, number, "main");
        claims["aud"] = json!(live.said("/url"));
        let make = json!({ "how": "RS256", "claims": claims });
        let word = issuer.tell("/make", &make);
        let none = [("GATE_TOKEN", ""), ("GATE_ID_TOKEN", &word)];
        let mut approved = shell(&machine, shell_of, ".gate", "deploy web", &none);
        let ended = answered(&live, &mut approved, "approve");
        assert_eq!(ended.code, Some(5), "{ended:?}");
        assert_eq!(machine.trace(), "ran web\n");
        assert_was_run(&live);
    }
}
