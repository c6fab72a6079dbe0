//! What an agent's hook takes to say nothing about a command that passes: `gate hook` beside dcg, each
//! asked the same question about the same text.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::fast::COMMANDS;
use crate::report::Report;
use crate::server::GATE;
use crate::timing::{Timed, in_turn};
use crate::{Bench, HEADER};

/// Its package has the long name.
const DCG: (&str, &str) = ("destructive_command_guard", "0.16.0");
/// What it has to be told to look at these tools at all.
const DCG_SETTINGS: &str = "[packs]\nenabled = [\"kubernetes.kubectl\", \"infrastructure.terraform\", \
                            \"cloud.aws\", \"database.postgresql\"]\n";

/// The text of each of [`COMMANDS`], and one of the same tool that a hook has to say no to.
const TEXTS: [(&str, &str); 4] = [
    ("kubectl get pods", "kubectl delete namespace prod"),
    ("terraform plan", "terraform destroy"),
    (
        "aws ec2 describe-instances",
        "aws ec2 terminate-instances --instance-ids i-0123456789abcdef0",
    ),
    (
        "psql -d shop -c 'select id from users where id = 7'",
        "psql -d shop -c 'drop table users'",
    ),
];

/// How it may be built: what runs cargo, and by which versions. It wants a newer compiler than gate does,
/// and a mirror may lack some of what its lock file names.
const ATTEMPTS: [(&[&str], &[&str]); 3] = [
    (&["cargo"], &["--locked"]),
    (&["rustup", "run", "nightly", "cargo"], &["--locked"]),
    (&["rustup", "run", "nightly", "cargo"], &[]),
];

/// A hook that answers Claude Code.
struct Hook {
    name: &'static str,
    argv: Vec<PathBuf>,
}

/// Measures both. dcg is built where `may_build` says so, once, in the target folder.
pub(crate) fn measure(bench: &Bench, report: &mut Report, rounds: usize, may_build: bool) {
    report.line(&format!(
        "\n## A hook's answer about a command that passes, {rounds} rounds\n\n{HEADER}"
    ));
    let mut hooks = vec![Hook {
        name: "gate hook",
        argv: vec![GATE.into(), "hook".into(), "claude-code".into()],
    }];
    let dcg = dcg(may_build);
    hooks.extend(dcg.as_ref().ok().map(|program| Hook {
        name: "dcg",
        argv: vec![program.clone()],
    }));
    bench
        .home
        .write(".config/dcg/config.toml", DCG_SETTINGS)
        .unwrap();
    let tool = bench.bin("kubectl");
    let mut commands = vec![
        Timed::new("direct", &[&tool]),
        Timed::new("floor_exec", &[&bench.bin("floor_exec"), &tool]),
    ];
    for hook in &hooks {
        for ((name, _), (passes, stops)) in COMMANDS.iter().zip(TEXTS) {
            let question = question(bench, &format!("{name}-stops"), stops);
            let said = hook.answer(bench, &question);
            assert!(said.contains("\"deny\""), "{}: {stops}: {said}", hook.name);
            let question = self::question(bench, &format!("{name}-passes"), passes);
            let said = hook.answer(bench, &question);
            assert!(
                !said.contains("\"deny\""),
                "{}: {passes}: {said}",
                hook.name
            );
            let mut argv = vec![format!("<{}", question.display()).into()];
            argv.extend(hook.argv.iter().map(|word| word.clone().into_os_string()));
            let name = format!("{}: {name}", hook.name);
            commands.push(Timed { name, argv });
        }
    }
    let times = in_turn(bench.home.command("rounds"), rounds, &commands);
    for one in &times {
        report.line(&one.row(&times[0], Some(&times[1])));
    }
    if let Err(why) = dcg {
        report.line(&format!("\nThere is no row of dcg: {why}"));
    }
}

/// Writes what Claude Code asks about a command's text.
fn question(bench: &Bench, name: &str, text: &str) -> PathBuf {
    let question = serde_json::json!({
        "session_id": "bench",
        "cwd": bench.home.work(),
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": { "command": text },
    });
    let file = format!("{name}.json");
    bench.home.write(&file, question.to_string()).unwrap()
}

impl Hook {
    /// Asks it once.
    fn answer(&self, bench: &Bench, question: &Path) -> String {
        let mut command = bench.home.command(&self.argv[0]);
        command.args(&self.argv[1..]);
        let input = File::open(question).unwrap();
        let output = command.stdin(input).output().unwrap();
        assert!(output.status.success(), "{}: {output:?}", self.name);
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Returns dcg, or why there is none.
fn dcg(may_build: bool) -> Result<PathBuf, String> {
    let (package, version) = DCG;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let root = target.join(format!("peers/dcg-{version}"));
    let program = root.join("bin/dcg");
    if program.exists() {
        return Ok(program);
    }
    if !may_build {
        return Err("`cargo bench --bench overhead` builds it".to_owned());
    }
    let mut said = String::new();
    for (cargo, locked) in ATTEMPTS {
        let mut install = Command::new(cargo[0]);
        install.args(&cargo[1..]).args(["install", "--quiet"]);
        install.args(["--version", version]).args(locked);
        install.arg("--root").arg(&root);
        install.arg("--target-dir").arg(root.join("build"));
        let installed = install.arg(package).stdin(Stdio::null()).output();
        match installed {
            Ok(installed) if installed.status.success() => break,
            Ok(installed) => said.push_str(&String::from_utf8_lossy(&installed.stderr)),
            Err(error) => said.push_str(&error.to_string()),
        }
    }
    drop(std::fs::remove_dir_all(root.join("build")));
    if program.exists() {
        return Ok(program);
    }
    Err(format!("{package} {version} could not be built: {said}"))
}
