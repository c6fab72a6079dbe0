//! Commands that gate itself runs, from the question to the outcome.

use std::process::Stdio;

use crate::stage::{GATE, Stage};

/// Makes the tool, and tells gate in its home whom to ask and as whom.
pub(crate) fn know_the_server(stage: &Stage) {
    let (url, key) = (stage.said("/url"), stage.said("/server/grant_key"));
    let text = format!("[server]\nurl = '{url}'\n\n[keys]\n'{url}' = '{key}'\n");
    stage.home.write(".config/gate/config.toml", text).unwrap();
    stage
        .home
        .script("deployer", "#!/bin/sh\nexit 3\n")
        .unwrap();
}

/// Returns a command that is asked about and then run, which ends with 3.
pub(crate) fn deploy(stage: &Stage, number: u64) -> std::process::Command {
    let mut command = stage.home.command(GATE);
    command
        .args(["run", "--timeout", "60s", "--", "deployer"])
        .arg(format!("run-{number}"))
        .env("GATE_TOKEN", stage.token("agent"))
        .stdout(Stdio::null());
    command
}
