//! What a package manager publishes is what was approved, or nothing is: with the real npm and
//! cargo, which are not let to a registry.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use gate_testkit::real::locate;

use crate::agent::Agent;
use crate::binding::{approved_after, assert_refused};
use crate::server::{Live, run};

const PACKAGE: &str = "{\"name\": \"a\", \"version\": \"1.0.0\", \"files\": [\"dist\"]}";
const OFFLINE: [&str; 4] = ["--dry-run", "--force", "--offline", "--ignore-scripts"];

fn agent_with<'a>(live: &'a Live, tool: &str) -> Agent<'a> {
    let agent = Agent::new(live);
    agent.home.link(tool, &locate(tool).unwrap()).unwrap();
    agent
}

#[test]
fn a_folder_that_npm_packs_is_bound_with_its_files() {
    let live = Live::start();
    let mut agent = agent_with(&live, "npm");
    agent.home.link("node", &locate("node").unwrap()).unwrap();
    agent.home.set("npm_config_update_notifier", "false");
    agent.home.write("work/package.json", PACKAGE).unwrap();
    let file = agent.home.write("work/dist/a.js", "good").unwrap();
    agent
        .home
        .write("work/node_modules/b/b.js", "not packed")
        .unwrap();
    let words = [&["npm", "publish"][..], &OFFLINE].concat();

    let evil = || std::fs::write(&file, "evil").unwrap();
    let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &words), evil);
    assert_refused(&live, &id, &ended, "inputs changed: the folder");

    let modules = agent.home.path().join("work/node_modules/b/b.js");
    let beside = || std::fs::write(&modules, "not packed either").unwrap();
    let (_, ended) = approved_after(&agent, &mut agent.gate_run(&[], &words), beside);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("dist/a.js"), "{ended:?}");
    agent.assert_log_verifies();
}

#[test]
fn a_tarball_is_published_as_it_was_approved() {
    let live = Live::start();
    let mut agent = agent_with(&live, "npm");
    agent.home.link("node", &locate("node").unwrap()).unwrap();
    agent.home.set("npm_config_update_notifier", "false");
    agent.home.write("work/package.json", PACKAGE).unwrap();
    agent.home.write("work/dist/good.js", "good").unwrap();
    let work = agent.home.work();
    let pack = || {
        let mut command = agent.home.command("npm");
        let ran = command.arg("pack").current_dir(&work).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
    };
    pack();
    let words = [&["npm", "publish", "./a-1.0.0.tgz"][..], &OFFLINE].concat();
    let evil = || {
        std::fs::write(work.join("dist/evil.js"), "evil").unwrap();
        pack();
    };
    let (_, ended) = approved_after(&agent, &mut agent.gate_run(&[], &words), evil);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("dist/good.js"), "{ended:?}");
    assert!(!ended.stderr.contains("dist/evil.js"), "{ended:?}");

    let fetched = ["npm", "publish", "dist/a-1.0.0.tgz"];
    let ran = run(&mut agent.gate_run(&["--no-wait"], &fetched));
    assert_eq!(ran.code, Some(126), "{ran:?}");
    assert!(ran.stderr.contains("a repository of GitHub"), "{ran:?}");
}

#[test]
fn a_package_of_cargo_is_bound_without_what_was_built() {
    let live = Live::start();
    let agent = agent_with(&live, "cargo");
    let manifest = "[package]\nname = \"a\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
    agent.home.write("work/Cargo.toml", manifest).unwrap();
    let file = agent.home.write("work/src/target/mod.rs", "good").unwrap();
    let words = ["cargo", "publish", "--dry-run"];
    let evil = || std::fs::write(&file, "evil").unwrap();
    let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &words), evil);
    assert_refused(&live, &id, &ended, "inputs changed: the folder");

    let settings = agent.home.path().join(".cargo/config.toml");
    std::fs::create_dir_all(settings.parent().unwrap()).unwrap();
    let appears = || std::fs::write(&settings, "[registry]\n").unwrap();
    let (id, ended) = approved_after(&agent, &mut agent.gate_run(&[], &words), appears);
    assert_refused(&live, &id, &ended, "inputs changed: the f");
    agent.assert_log_verifies();
}
