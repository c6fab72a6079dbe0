//! The template for GitLab, run as a runner runs a job: its scripts behind one another in one shell,
//! which is bash where the image has it and sh where not.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::agent::shown;
use crate::documents::{example, yaml};
use crate::machine::{
    Machine, RUNNER_KEY, VERSION, answer_as_bob, answered, assert_code, requests,
};
use crate::server::{Live, run};

/// The shells that a runner starts, with what it sets in them.
/// Source: gitlab-runner, `shells/bash.go`.
pub(crate) const SHELLS: [(&str, &str); 2] = [("bash", "set -eo pipefail"), ("sh", "set -e")];

/// Returns a job of the template as `extends` makes it.
fn job(name: &str) -> Value {
    let template = yaml(&example("gitlab/gate.gitlab-ci.yml"));
    let own = template[name].as_object().unwrap().clone();
    let mut whole = template[".gate"].as_object().unwrap().clone();
    for (key, value) in own {
        if key == "variables" {
            let variables = whole[&key].as_object_mut().unwrap();
            variables.extend(value.as_object().unwrap().clone());
        } else {
            whole.insert(key, value);
        }
    }
    Value::Object(whole)
}

/// Returns the job's shell with a script, as it runs on this machine.
pub(crate) fn shell(
    machine: &Machine<'_>,
    (shell, options): (&str, &str),
    name: &str,
    script: &str,
    more: &[(&str, &str)],
) -> Command {
    let job = job(name);
    let live = machine.live;
    let mut variables: BTreeMap<String, String> = job["variables"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let given = [
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_ID", "17"),
        ("CI_PROJECT_PATH", "acme/infra"),
        ("CI_JOB_NAME", "apply"),
        ("CI_JOB_URL", "https://gitlab.com/acme/infra/-/jobs/7"),
        ("CI_MERGE_REQUEST_IID", "7"),
        (
            "CI_MERGE_REQUEST_PROJECT_URL",
            "https://gitlab.com/acme/infra",
        ),
        ("GATE_SERVER", live.said("/url")),
        ("GATE_SERVER_KEY", live.said("/server/grant_key")),
        ("GATE_TOKEN", live.said("/tokens/agent")),
        ("GATE_RUNNER_KEY", RUNNER_KEY),
        ("GATE_TOOLS", "deploy terraform"),
    ];
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.extend(given.iter().chain(more).map(owned));
    let before = job["before_script"].as_array().unwrap().iter();
    let before: Vec<&str> = before.map(|line| line.as_str().unwrap()).collect();
    let text = format!("{options}\n{}\n{script}\n", before.join("\n"));
    let file = machine.home.write("tmp/script", text).unwrap();
    let mut command = machine.command(shell, &variables, &[]);
    command.arg(file);
    command
}

#[test]
fn an_approved_job_runs_and_a_denied_one_fails_with_77() {
    let live = Live::start();
    for shell_of in SHELLS {
        let machine = Machine::new(&live);
        let mut approved = shell(&machine, shell_of, ".gate", "deploy web", &[]);
        let ended = answered(&live, &mut approved, "approve");
        assert_eq!(ended.code, Some(5), "{ended:?}");
        assert!(ended.stdout.ends_with("deployed\n"), "{ended:?}");
        assert_eq!(machine.trace(), "ran web\n");
        let newest = shown(&live, &requests(&live)[0]).circumstances.ci.unwrap();
        let change = newest.pull_request.unwrap().url.unwrap();
        assert_eq!(change, "https://gitlab.com/acme/infra/-/merge_requests/7");

        let mut denied = shell(
            &machine,
            shell_of,
            ".gate-wait",
            "deploy db\necho never",
            &[],
        );
        let ended = answered(&live, &mut denied, "deny");
        assert_eq!(ended.code, Some(77), "{ended:?}");
        assert!(!ended.stdout.contains("never"), "{ended:?}");
        assert_eq!(machine.trace(), "ran web\n");
    }
}

#[test]
fn a_job_that_does_not_wait_goes_on_when_it_is_retried() {
    let live = Live::start();
    for (at, shell_of) in SHELLS.into_iter().enumerate() {
        let machine = Machine::new(&live);
        let job = || shell(&machine, shell_of, ".gate-no-wait", "deploy web", &[]);
        let asked = run(&mut job());
        assert_code(&asked, 75);
        assert!(
            asked.stderr.contains("gate: nobody has answered yet"),
            "{asked:?}"
        );
        assert_eq!(requests(&live).len(), at + 1);
        answer_as_bob(&live, &requests(&live)[0], "approve");
        machine.is_new_again();
        assert_code(&run(&mut job()), 5);
        assert_eq!(machine.trace(), "ran web\n");
        assert_eq!(requests(&live).len(), at + 1);
    }
}

#[test]
fn the_archive_is_installed_by_its_digest_and_what_is_not_set_up_says_so() {
    let live = Live::start();
    for shell_of in SHELLS {
        let machine = Machine::new(&live);
        let (archive, digest) = machine.archive();
        std::fs::remove_file(machine.home.bin().join("gate")).unwrap();
        let url = format!("file://{}", archive.display());
        let gate = [
            ("GATE_ARCHIVE", url.as_str()),
            ("GATE_ARCHIVE_SHA256", &digest),
        ];
        let no_wait = |more: &[(&str, &str)]| {
            run(&mut shell(
                &machine,
                shell_of,
                ".gate-no-wait",
                "deploy web",
                more,
            ))
        };
        assert_code(&no_wait(&gate), 75);
        // What stands before the tool is the small program of the release.
        let where_to = "readlink \"$(command -v deploy)\"";
        let shim = run(&mut shell(&machine, shell_of, ".gate", where_to, &gate));
        let small = format!("/gate-{VERSION}-x86_64-linux/gate-shim\n");
        assert!(shim.stdout.ends_with(&small), "{shim:?}");
        let wrong = "0".repeat(64);
        for (more, said) in [
            (vec![], "there is no gate on PATH"),
            (
                vec![gate[0], ("GATE_ARCHIVE_SHA256", &wrong)],
                "not the one with that SHA-256",
            ),
            (
                vec![("GATE_ARCHIVE", "http://x/y"), gate[1]],
                "has to be an address with https",
            ),
            (
                vec![gate[0], gate[1], ("GATE_SERVER_KEY", "")],
                "GATE_SERVER_KEY has to be",
            ),
            (vec![gate[0], gate[1], ("GATE_TOOLS", "")], "names no tool"),
            (
                vec![gate[0], gate[1], ("GATE_SERVER", "x\"\ny")],
                "GATE_SERVER has a character",
            ),
            (
                vec![gate[0], gate[1], ("GATE_RUNNER_KEY", "eHg=")],
                "has to be 64 bytes",
            ),
        ] {
            machine.is_new_again();
            let refused = no_wait(&more);
            assert_code(&refused, 78);
            assert!(refused.stderr.contains(said), "{said}: {refused:?}");
        }
    }
}
