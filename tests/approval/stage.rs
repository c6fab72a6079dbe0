//! A tool that gate does not know, so that it asks, and that leaves a trace of
//! every run.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose stage can't be set has failed"
)]

use gate_protocol::request::ApprovalRequest;
use serde_json::Value;

use crate::agent::Agent;
use crate::server::{Live, run};

/// Leaves its words in a file, says so, and ends with the code 5.
const DEPLOY: &str = "#!/bin/sh\necho \"ran $*\" >> \"$HOME/trace\"\necho deployed\nexit 5\n";

/// Returns an agent with the tool `deploy` on its PATH.
pub(crate) fn agent_with_deploy(live: &Live) -> Agent<'_> {
    let agent = Agent::new(live);
    agent.home.script("deploy", DEPLOY).unwrap();
    agent
}

/// Returns what the tool has left: a line for each run.
pub(crate) fn trace(agent: &Agent<'_>) -> String {
    std::fs::read_to_string(agent.home.path().join("trace")).unwrap_or_default()
}

/// Returns the ids of all requests that the server has, as bob sees them.
pub(crate) fn requests(live: &Live) -> Vec<String> {
    let listed = run(&mut live.gate("bob_approver", &["requests", "list", "--json"]));
    let page: Value =
        serde_json::from_str(&listed.stdout).unwrap_or_else(|error| panic!("{error}: {listed:?}"));
    let requests = page["requests"].as_array().unwrap();
    let ids = requests
        .iter()
        .map(|request| request["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

/// Returns the only request that the server has.
#[track_caller]
pub(crate) fn only_request(live: &Live) -> ApprovalRequest {
    let ids = requests(live);
    assert_eq!(ids.len(), 1, "{ids:?}");
    crate::agent::shown(live, &ids[0])
}

/// A rule that asks for whatever is done, with more of its lines.
pub(crate) fn asks_always(more: &str) -> String {
    format!("[[rule]]\nid = \"ask\"\neverything = true\ndecision = \"require_approval\"\n{more}\n")
}
