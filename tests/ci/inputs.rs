//! What comes into the action from outside: archives, keys, and inputs that would like to be more.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::documents::{example, yaml};
use crate::github::{Inputs, Job, inputs};
use crate::machine::{Machine, VERSION, assert_code, requests};
use crate::server::Live;

/// Returns the name that the example workflow has for an archive.
fn name_in_the_example() -> String {
    let workflow = yaml(&example("github-action/workflow.yml"));
    let steps = workflow["jobs"]["apply"]["steps"].as_array().unwrap();
    let mut urls = steps.iter().filter_map(|step| step["with"]["url"].as_str());
    let url = urls.next().unwrap();
    url.rsplit('/').next().unwrap().to_owned()
}

#[test]
fn a_release_is_installed_by_its_digest_and_by_no_other() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let (archive, digest) = machine.archive();
    fs::remove_file(machine.home.bin().join("gate")).unwrap();
    let mut inputs = inputs(&live);
    let mut job = Job::begin(&machine, 1);
    let missing = job.action(&inputs);
    assert_code(&missing, 78);
    assert!(
        missing.stdout.contains("there is no gate on PATH"),
        "{missing:?}"
    );

    inputs.insert("version", VERSION.to_owned());
    let folder = archive.parent().unwrap().display();
    inputs.insert("url", format!("file://{folder}/{}", name_in_the_example()));
    for wrong in [String::new(), "0".repeat(64), digest.to_uppercase()] {
        inputs.insert("sha256", wrong);
        let mut job = Job::begin(&machine, 1);
        let refused = job.action(&inputs);
        assert_code(&refused, 78);
        assert_eq!(job.path, Vec::<std::path::PathBuf>::new(), "{refused:?}");
        assert!(
            refused.stdout.starts_with("::error title=gate::"),
            "{refused:?}"
        );
    }
    inputs.insert("sha256", digest);
    assert_code(&job.action(&inputs), 0);
    assert_eq!(job.path.len(), 2, "{:?}", job.path);
    let version = job.runs("gate --version");
    assert_eq!(version.stdout, format!("gate {VERSION}\n"), "{version:?}");
    // What stands before the tool is the small program of the release.
    let shim = job.runs("readlink \"$(command -v deploy)\"");
    let small = format!("/gate-{VERSION}-x86_64-linux/gate-shim\n");
    assert!(shim.stdout.ends_with(&small), "{shim:?}");
    assert_code(&job.runs("GATE_NO_WAIT=1 deploy web"), 75);
}

#[test]
fn keys_and_configuration_are_the_users_alone_and_a_key_that_is_there_stays() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let mut with_timeout = inputs(&live);
    with_timeout.insert("timeout", "90s".to_owned());
    let mut job = Job::begin(&machine, 1);
    assert_code(&job.action(&with_timeout), 0);
    let identity = machine.home.path().join(".local/state/gate/identity");
    for (name, byte) in [("runner.key", b'0'), ("commitment.key", b'0')] {
        let path = identity.join(name);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let key = fs::read(path).unwrap();
        assert_eq!((key.len(), key[0]), (32, byte), "{name}");
    }
    let config = fs::read_to_string(job.variable("GATE_CONFIG").unwrap()).unwrap();
    assert!(
        config.contains("[approval]\ntimeout = \"90s\"\n"),
        "{config}"
    );
    assert_eq!(job.variable("GATE_RUNNER_KEY"), None);

    fs::write(identity.join("runner.key"), [7; 32]).unwrap();
    assert_code(&Job::begin(&machine, 1).action(&with_timeout), 0);
    assert_eq!(fs::read(identity.join("runner.key")).unwrap(), [7; 32]);
}

/// Where the runner has a configuration, it counts, and a step can bring its own token.
#[test]
fn without_a_server_the_runners_own_configuration_counts() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let (url, key) = (live.said("/url"), live.said("/server/grant_key"));
    let config = format!("[server]\nurl = \"{url}\"\n[keys]\n\"{url}\" = \"{key}\"\n");
    machine
        .home
        .write(".config/gate/config.toml", config)
        .unwrap();
    let mut job = Job::begin(&machine, 1);
    let tools = Inputs::from([("tools", "deploy".to_owned())]);
    assert_code(&job.action(&tools), 0);
    assert_eq!(job.variable("GATE_CONFIG"), None);
    assert_code(&job.runs("GATE_NO_WAIT=1 deploy web"), 78);
    job.set("GATE_TOKEN", live.said("/tokens/agent"));
    assert_code(&job.runs("GATE_NO_WAIT=1 deploy web"), 75);
}

#[test]
fn an_input_is_never_code_another_variable_or_a_command_of_the_runner() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let marker = machine.home.path().join("pwned");
    let touch = format!("$(touch {})", marker.display());
    let refused: [(&str, String); 12] = [
        ("server", format!("{}\"\n[approval]", live.said("/url"))),
        ("server", touch.clone()),
        (
            "server-key",
            "x\" \n[server]\nurl = \"https://evil".to_owned(),
        ),
        ("token", "x\nLD_PRELOAD=/tmp/x.so".to_owned()),
        ("runner-key", "c2hvcnQ=".to_owned()),
        ("runner-key", "%%%".to_owned()),
        ("reason", "x\nPATH=/tmp".to_owned()),
        ("reason", "x\r::set-env name=A::b".to_owned()),
        ("no-wait", "maybe\n::error::x ##[add-path]/tmp".to_owned()),
        ("timeout", "1m\"\n[server]\nurl=\"https://evil".to_owned()),
        ("tools", " \n".to_owned()),
        ("tools", "--dir=/tmp/x ../deploy".to_owned()),
    ];
    for (name, value) in refused {
        machine.is_new_again();
        let mut given = inputs(&live);
        given.insert(name, value.clone());
        let mut job = Job::begin(&machine, 1);
        let ran = job.action(&given);
        assert_ne!(ran.code, Some(0), "{name}={value}: {ran:?}");
        for injected in ["LD_PRELOAD", "A", "PATH"] {
            assert_eq!(job.variable(injected), None, "{name}={value}");
        }
        let commands = ran.stdout.lines().chain(ran.stderr.lines());
        let commands: Vec<_> = commands.filter(|line| line.starts_with("::")).collect();
        assert!(commands.len() <= 1, "{commands:?}");
        assert!(
            commands
                .iter()
                .all(|line| line.starts_with("::error title=gate::"))
        );
        assert!(!ran.stdout.contains("##["), "{ran:?}");
        assert!(!job.path.iter().any(|folder| folder.ends_with("shims")));
    }
    machine.is_new_again();
    let mut given = inputs(&live);
    given.insert(
        "reason",
        format!("{touch} `touch {}` * ; exit 0", marker.display()),
    );
    given.insert("tools", "deploy *".to_owned());
    let mut job = Job::begin(&machine, 1);
    let ran = job.action(&given);
    // No file is named `*`, and no tool either; but nothing was expanded.
    assert!(!marker.exists(), "{ran:?}");
    assert_eq!(requests(&live), Vec::<String>::new());
}
