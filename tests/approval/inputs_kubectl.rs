//! What kubectl reads besides the files that argv names is bound too: with the
//! real kubectl against a real API server.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use gate_protocol::invocation::Delivery;
use gate_testkit::pty::{Size, Terminal};
use gate_testkit::real::{KubeCluster, locate};

use crate::agent::{Agent, Running, WITHIN, approve_as_bob, shown};
use crate::binding::approved_after;
use crate::server::{GATE, Live, run};
use crate::stage::requests;

fn config_map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\n\
         data: {{v: \"{value}\"}}\n"
    )
}

/// An agent with kubectl in a folder, and the cluster that it acts on.
struct Scene<'a> {
    agent: Agent<'a>,
    cluster: KubeCluster,
}

impl<'a> Scene<'a> {
    fn set(live: &'a Live) -> Self {
        let cluster = KubeCluster::start().unwrap();
        let mut agent = Agent::new(live);
        agent.home.set("KUBECONFIG", cluster.kubeconfig());
        let kubectl = locate("kubectl").unwrap();
        agent.home.link("kubectl", &kubectl).unwrap();
        Self { agent, cluster }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        self.agent
            .home
            .write(&format!("work/{name}"), text)
            .unwrap()
    }

    /// Returns what of a kind of value a config map in the cluster has.
    fn data(&self, name: &str) -> Option<String> {
        let get = ["get", "configmap", name, "-o", "jsonpath={.data}"];
        self.cluster.kubectl(&get).unwrap().success().ok()
    }

    /// Asks for the words, swaps what a file says, approves: what was there
    /// when it was asked is what runs.
    #[track_caller]
    fn copied(&self, words: &[&str], file: &Path, now: &str) -> String {
        let mut command = self.agent.gate_run(&[], words);
        let swap = || std::fs::write(file, now).unwrap();
        let (id, ended) = approved_after(&self.agent, &mut command, swap);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        id
    }

    /// Asks for the words and approves them: they run.
    #[track_caller]
    fn unchanged(&self, words: &[&str]) -> String {
        let mut command = self.agent.gate_run(&[], words);
        let (id, ended) = approved_after(&self.agent, &mut command, || ());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        id
    }
}

#[test]
fn the_base_of_an_overlay_is_bound_with_it() {
    let live = Live::start();
    let scene = Scene::set(&live);
    let base = scene.write("base/cm.yaml", &config_map("overlaid", "good"));
    scene.write("base/kustomization.yaml", "resources: [cm.yaml]\n");
    scene.write(
        "overlays/prod/kustomization.yaml",
        "resources:\n- \"\\x2e./../base\"\n",
    );
    let words = ["kubectl", "apply", "-k", "overlays/prod"];
    let evil = config_map("overlaid", "evil");
    let id = scene.copied(&words, &base, &evil);
    assert_eq!(scene.data("overlaid").unwrap(), r#"{"v":"good"}"#);
    let inputs = shown(&live, &id).invocation.inputs;
    let base = inputs
        .iter()
        .find(|one| one.name.shown().ends_with("/base"));
    assert_eq!(base.unwrap().delivery, Delivery::Copy);
    scene.agent.assert_log_verifies();
}

#[test]
fn a_kustomization_that_fetches_is_not_asked_about() {
    let live = Live::start();
    let scene = Scene::set(&live);
    for remote in [
        "file:///srv/repository",
        "https://example.test/a.yaml",
        "git@example.test:a/b.git",
        "user@example.test:a/b",
        "github.com/owner/repository?ref=main",
        "ssh://git@example.test/a",
    ] {
        let by_word = ["kubectl", "apply", "-k", remote];
        scene.write(
            "inner/kustomization.yml",
            &format!("resources: ['{remote}']\n"),
        );
        scene.write("app/kustomization.yaml", "components:\n  - ../inner\n");
        for words in [by_word, ["kubectl", "apply", "-k", "app"]] {
            let refused = run(&mut scene.agent.gate_run(&[], &words));
            assert_eq!(refused.code, Some(126), "{words:?} {remote}: {refused:?}");
            assert!(
                refused.stderr.contains("can differ at each run"),
                "{refused:?}"
            );
        }
    }
    assert!(requests(&live).is_empty());
    let literal = "configMapGenerator:\n- name: g\n  literals:\n  - URL=https://example.test\n";
    scene.write("app/kustomization.yaml", literal);
    scene.unchanged(&["kubectl", "apply", "-k", "app"]);
}

#[test]
fn what_a_link_leads_to_and_what_stands_in_dot_git_is_bound_with_the_folder() {
    let live = Live::start();
    let scene = Scene::set(&live);
    let linked = scene.write("out/cm.yaml", &config_map("linked", "good"));
    std::fs::create_dir(scene.agent.home.work().join("m")).unwrap();
    symlink("../out/cm.yaml", scene.agent.home.work().join("m/cm.yaml")).unwrap();
    let evil = config_map("linked", "evil");
    scene.copied(&["kubectl", "apply", "-f", "m"], &linked, &evil);
    assert_eq!(scene.data("linked").unwrap(), r#"{"v":"good"}"#);

    scene.write("r/cm.yaml", &config_map("plain", "good"));
    let hidden = scene.write("r/.git/x.yaml", &config_map("hidden", "good"));
    let words = ["kubectl", "apply", "-R", "-f", "r"];
    let evil = config_map("hidden", "evil");
    scene.copied(&words, &hidden, &evil);
    assert_eq!(scene.data("plain").unwrap(), r#"{"v":"good"}"#);
    assert_eq!(
        scene.data("hidden").unwrap(),
        r#"{"v":"good"}"#,
        "kubectl reads it"
    );
}

#[test]
fn a_file_whose_name_means_something_is_copied_under_its_name() {
    let live = Live::start();
    let scene = Scene::set(&live);
    let report = scene.write("report.csv", "good\n");
    let words = [
        "kubectl",
        "create",
        "configmap",
        "c",
        "--from-file=report.csv",
    ];
    scene.copied(&words, &report, "evil\n");
    std::fs::write(&report, "good\n").unwrap();
    assert_eq!(scene.data("c").unwrap(), r#"{"report.csv":"good\n"}"#);

    // With a key the name means nothing, and the copy is what runs.
    let words = [
        "kubectl",
        "create",
        "configmap",
        "d",
        "--from-file=k=report.csv",
    ];
    let mut command = scene.agent.gate_run(&[], &words);
    let swap = || std::fs::write(&report, "evil\n").unwrap();
    let (_, ended) = approved_after(&scene.agent, &mut command, swap);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(scene.data("d").unwrap(), r#"{"k":"good\n"}"#);
}

/// Stands for kubectl with a pod: it runs the words behind `--` here.
const RUNS_HERE: &str = "#!/bin/sh\nshift 4; exec \"$@\"\n";

#[test]
fn what_is_piped_into_a_pod_is_bound() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.script("kubectl", RUNS_HERE).unwrap();
    let script = agent.home.write("work/script", "echo harmless\n").unwrap();
    let words = ["kubectl", "exec", "-i", "web-1", "--", "sh"];
    let open = || std::fs::File::open(&script).unwrap();
    let mut asked = Running::start(agent.gate_run(&[], &words).stdin(open()));
    let first = asked.asked();
    std::fs::write(&script, "echo evil\n").unwrap();
    let mut other = Running::start(agent.gate_run(&[], &words).stdin(open()));
    let second = other.asked();
    assert_ne!(first, second, "another script is another question");
    approve_as_bob(&live, &first);
    let ended = asked.finish();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "harmless\n"));
    let inputs = shown(&live, &first).invocation.inputs;
    assert!(inputs.iter().any(|one| one.delivery == Delivery::Stdin));
    let without = shown(&live, &{
        let mut asked =
            Running::start(&mut agent.gate_run(&[], &["kubectl", "exec", "web-1", "--", "sh"]));
        asked.asked()
    });
    let mut inputs = without.invocation.inputs.iter();
    assert!(
        inputs.all(|one| one.delivery != Delivery::Stdin),
        "it is not read"
    );
    agent.assert_log_verifies();
}

#[test]
fn an_allowed_command_gets_its_standard_input_as_it_comes() {
    let live = Live::start();
    let agent = Agent::new(&live);
    let git = "#!/bin/sh\nread -r line\necho \"got $line\" >&2\ncat\n";
    agent.home.script("git", git).unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut running = Running::start(agent.gate_run(&[], &["git", "am"]).stdin(reader));
    writer.write_all(b"first\n").unwrap();
    running.wait_for("got first");
    writer.write_all(b"second\n").unwrap();
    drop(writer);
    let ended = running.finish();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "second\n"));
}

/// THREATS.md 2.3: there are no bytes yet that somebody could approve.
#[test]
fn a_manifest_that_is_to_be_typed_is_refused_and_asked_of_nobody() {
    let live = Live::start();
    let scene = Scene::set(&live);
    let command = scene.agent.gate_run(&[], &["kubectl", "apply", "-f", "-"]);
    let terminal = Terminal::spawn(command, Size::default()).unwrap();
    let status = terminal.exit_status(WITHIN).unwrap();
    let screen = terminal.screen();
    assert_eq!(status.code(), Some(126), "{screen}");
    assert!(screen.contains("and it is a terminal"), "{screen}");
    assert!(requests(&live).is_empty());
    scene.agent.assert_log_verifies();
}

#[test]
fn what_gate_does_not_follow_is_called_refused_and_says_why() {
    let live = Live::start();
    let scene = Scene::set(&live);
    scene.write("app/kustomization.yaml", "resources: [a\n");
    let words = ["kubectl", "apply", "-k", "app"];
    let why = "it is too long, can't be read, or is written in a way that gate can't follow";
    let gate = |args: &[&str]| run(scene.agent.home.command(GATE).args(args).args(words));
    let checked = gate(&["check", "--json", "--"]);
    let answer: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    let inputs = answer["inputs"].as_array().unwrap();
    let refused: Vec<_> = inputs.iter().filter(|one| one["why"] == why).collect();
    assert_eq!(refused.len(), 1, "{checked:?}");
    assert_eq!(refused[0]["kind"], "refused");
    assert_eq!(refused[0]["role"], "kustomization");
    let is_explained = |input: &&serde_json::Value| input.get("why").is_some();
    assert_eq!(inputs.iter().filter(is_explained).count(), 1, "{checked:?}");

    let explained = gate(&["explain", "--"]);
    assert!(explained.stdout.contains("─ refused "), "{explained:?}");
    assert!(explained.stdout.contains(why), "{explained:?}");

    let refused = run(&mut scene.agent.gate_run(&[], &words));
    assert_eq!(refused.code, Some(126), "{refused:?}");
    assert!(refused.stderr.contains(why), "{refused:?}");
    assert!(requests(&live).is_empty());
}
