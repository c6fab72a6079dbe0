//! `gate doctor`: where a tool's name leads, asked of the shells and read from
//! the machine's files.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "cli_doctor/compiled.rs"]
mod compiled;
#[path = "live/namespace.rs"]
#[expect(
    dead_code,
    reason = "no other user's files are looked at in these tests"
)]
mod namespace;
#[path = "cli_doctor/scripts.rs"]
mod scripts;
#[path = "shims/stage.rs"]
mod stage;
#[path = "cli_doctor/ways.rs"]
mod ways;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use namespace::isolated;
use serde_json::Value;
use stage::{Ran, Stage, assert_ends, run, tool_at};

/// Each shell, its file for a login, for a prompt and for `ssh HOST COMMAND`, and
/// the line that goes there.
const SHELLS: [(&str, [&str; 3], &str); 3] = [
    (
        "/bin/bash",
        [".bash_profile", ".bashrc", ".bashrc"],
        "eval \"$(gate shell-init bash)\"",
    ),
    (
        "/usr/bin/zsh",
        [".zshenv", ".zshenv", ".zshenv"],
        "eval \"$(gate shell-init zsh)\"",
    ),
    (
        "/usr/bin/fish",
        [
            ".config/fish/config.fish",
            ".config/fish/config.fish",
            ".config/fish/config.fish",
        ],
        "gate shell-init fish | source",
    ),
];

/// A stage with shims of kubectl and aws, the user's shell, and gate on the PATH
/// of start-up files.
fn stage(shell: &str) -> Stage {
    let mut stage = Stage::new();
    stage.home.set("SHELL", shell);
    stage.tool("kubectl");
    stage.tool("aws");
    assert_ends(stage.gate(&["shim", "install", "kubectl", "aws"]), 0);
    stage
}

/// Writes start-up files that find the tools and gate, and then do `line`.
fn start_up(stage: &Stage, files: &[&str], line: &str) {
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        stage.program("").display(),
        stage.home.bin().display()
    );
    for file in files {
        let set = if file.contains("/fish/") {
            format!("set -gx PATH (string split : -- '{path}')")
        } else {
            format!("PATH='{path}'")
        };
        let text = format!("echo welcome; echo to you >&2\n{set}\n{line}\n");
        stage.home.write(file, text).unwrap();
    }
}

fn put_shims_first(stage: &mut Stage) {
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        stage.shims().display(),
        stage.home.bin().display()
    );
    stage.home.set("PATH", path);
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Returns what was found of one tool in one way.
fn verdict(found: &Value, tool: &str, way: &str) -> Value {
    let tools = found["tools"].as_array().unwrap();
    let tool = tools.iter().find(|found| found["tool"] == tool).unwrap();
    let ways = tool["ways"].as_array().unwrap();
    ways.iter()
        .find(|found| found["way"] == way)
        .unwrap()
        .clone()
}

fn setting(found: &Value, name: &str) -> Value {
    let settings = found["settings"].as_array().unwrap();
    let setting = settings.iter().find(|setting| setting["name"] == name);
    setting.unwrap().clone()
}

fn notes(found: &Value, tool: &str) -> String {
    let tools = found["tools"].as_array().unwrap();
    let tool = tools.iter().find(|found| found["tool"] == tool).unwrap();
    tool["notes"].to_string()
}

#[test]
fn each_shell_that_reads_the_line_is_asked_and_meets_the_shim() {
    for (shell, files, line) in SHELLS {
        let mut stage = stage(shell);
        start_up(&stage, &files, line);
        put_shims_first(&mut stage);
        let ran = assert_ends(stage.gate(&["doctor", "--json"]), 0);
        let found = json(&ran);
        assert_eq!(found["holds"], true, "{shell}");
        let name = shell.rsplit('/').next().unwrap();
        for (way, how, by) in [
            ("here", "read", "its PATH".to_owned()),
            ("login", "tried", format!("{name} -l -c")),
            ("interactive", "tried", format!("{name} -i -c")),
            ("script", "tried", "sh -c".to_owned()),
            ("ssh", "tried", format!("{name} -c")),
        ] {
            for tool in ["kubectl", "aws"] {
                let verdict = verdict(&found, tool, way);
                assert_eq!(verdict["state"], "covered", "{shell} {way}: {verdict}");
                assert_eq!(verdict["how"], how, "{shell} {way}");
                assert_eq!(verdict["by"], by, "{shell} {way}");
                let shim = stage.shims().join(tool);
                assert_eq!(verdict["meets"], *shim.to_str().unwrap());
            }
        }
        let told = assert_ends(stage.gate(&["doctor"]), 0);
        assert!(told.stdout.starts_with("ADVISORY"), "{told:?}");
        assert!(told.stdout.contains("a caller who avoids gate"), "{told:?}");
    }
}

#[test]
fn a_shell_that_does_not_read_the_line_is_a_gap_with_a_mend() {
    for (shell, files, _) in SHELLS {
        let mut stage = stage(shell);
        start_up(&stage, &files, "true");
        put_shims_first(&mut stage);
        let ran = assert_ends(stage.gate(&["doctor", "--json", "kubectl"]), 1);
        let found = json(&ran);
        assert_eq!(found["holds"], false);
        assert!(ran.stderr.contains("not all that was asked for"), "{ran:?}");
        assert_eq!(verdict(&found, "kubectl", "here")["state"], "covered");
        for way in ["login", "interactive", "ssh"] {
            let verdict = verdict(&found, "kubectl", way);
            assert_eq!(verdict["state"], "open", "{shell} {way}: {verdict}");
            let tool = stage.home.bin().join("kubectl");
            assert_eq!(verdict["meets"], *tool.to_str().unwrap());
            let mend = verdict["mend"].as_str().unwrap();
            let name = shell.rsplit('/').next().unwrap();
            assert!(mend.contains(&format!("gate shell-init {name}")), "{mend}");
        }
    }
}

#[test]
fn only_the_ways_that_are_asked_for_decide() {
    let mut stage = stage("/bin/bash");
    assert_ends(stage.gate(&["doctor", "--way", "here"]), 1);
    put_shims_first(&mut stage);
    let ran = assert_ends(stage.gate(&["doctor", "--json", "--way", "here"]), 0);
    let ways = json(&ran)["tools"][0]["ways"].as_array().unwrap().len();
    assert_eq!(ways, 1);
    assert_ends(
        stage.gate(&["doctor", "--way", "here", "--way", "script"]),
        0,
    );
    assert_ends(stage.gate(&["doctor", "--way", "container"]), 1);
    assert_ends(stage.gate(&["doctor", "--way", "telegraph"]), 64);
}

#[test]
fn aliases_and_functions_of_a_shell_are_seen() {
    let stage = stage("/bin/bash");
    let line = "eval \"$(gate shell-init bash)\"\nalias kubectl='kubectl --context dev'\n\
                alias aws=/usr/bin/true\ngit() { command /usr/bin/git \"$@\"; }";
    start_up(&stage, &[".bashrc"], line);
    stage.tool("git");
    assert_ends(stage.gate(&["shim", "install", "git"]), 0);
    let found = json(&stage.gate(&["doctor", "--json", "--way", "interactive"]));
    let of = |tool: &str| verdict(&found, tool, "interactive");
    assert_eq!(of("kubectl")["state"], "covered");
    assert_eq!(of("aws")["state"], "open");
    assert!(of("aws")["meets"].as_str().unwrap().contains("alias"));
    assert_eq!(of("git")["state"], "open");
    assert!(of("git")["meets"].as_str().unwrap().contains("function"));
}

#[test]
fn what_moves_the_shims_after_the_line_is_put_right_at_the_prompt_and_nowhere_else() {
    let stage = stage("/bin/bash");
    let line = format!(
        "eval \"$(gate shell-init bash)\"\nPATH={}:$PATH",
        stage.home.bin().display()
    );
    start_up(&stage, &[".bashrc", ".bash_profile"], &line);
    let found = json(&stage.gate(&["doctor", "--json", "kubectl"]));
    assert_eq!(
        verdict(&found, "kubectl", "interactive")["state"],
        "covered"
    );
    assert_eq!(verdict(&found, "kubectl", "ssh")["state"], "open");
}

#[test]
fn a_shell_that_ends_or_never_starts_is_not_guessed_about() {
    let mut stage = stage("/bin/bash");
    stage.home.write(".bash_profile", "exit 3\n").unwrap();
    let login = ["doctor", "--json", "--way", "login", "kubectl"];
    let ended = verdict(
        &json(&assert_ends(stage.gate(&login), 1)),
        "kubectl",
        "login",
    );
    assert_eq!(ended["state"], "unknown", "{ended}");
    assert!(
        ended["by"]
            .as_str()
            .unwrap()
            .contains("ended without an answer")
    );
    for (shell, said) in [
        ("/no/such/bash", "can't be started"),
        ("/bin/true", "can't ask"),
    ] {
        stage.home.set("SHELL", shell);
        let found = json(&assert_ends(stage.gate(&login), 1));
        let verdict = verdict(&found, "kubectl", "login");
        assert_eq!(verdict["state"], "unknown", "{verdict}");
        assert!(verdict["by"].as_str().unwrap().contains(said), "{verdict}");
    }
}

#[test]
fn a_shell_that_hangs_is_ended_in_time_with_what_it_started() {
    let stage = stage("/bin/bash");
    let line = "sleep 300 & echo $! >\"$HOME/left\"\nwait";
    start_up(&stage, &[".bash_profile"], line);
    let begun = Instant::now();
    let ran = stage.gate(&["doctor", "--json", "--way", "login", "kubectl"]);
    assert!(begun.elapsed() < Duration::from_mins(1));
    let verdict = verdict(&json(&ran), "kubectl", "login");
    assert!(
        verdict["by"].as_str().unwrap().contains("did not answer"),
        "{verdict}"
    );
    assert_gone(&stage);
}

#[test]
fn what_a_start_up_file_leaves_running_does_not_hold_the_answer_up() {
    let stage = stage("/bin/bash");
    let line = "eval \"$(gate shell-init bash)\"\nsleep 300 & echo $! >\"$HOME/left\"";
    start_up(&stage, &[".bash_profile"], line);
    assert_ends(stage.gate(&["doctor", "--way", "login", "kubectl"]), 0);
    assert_gone(&stage);
}

/// Waits until the process whose id is in `left` has ended.
#[track_caller]
fn assert_gone(stage: &Stage) {
    let id = fs::read_to_string(stage.home.path().join("left")).unwrap();
    let status = PathBuf::from(format!("/proc/{}/stat", id.trim()));
    let begun = Instant::now();
    let is_alive = || fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z "));
    while is_alive() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{id} still runs");
        std::thread::yield_now();
    }
}

#[test]
fn cron_ssh_and_sudo_are_read_from_the_machines_files() {
    let stage = stage("/bin/bash");
    let etc = stage.home.path().join("etc");
    let shims = stage.shims();
    let shims = shims.display();
    stage.home.script("sudo", "#!/bin/sh\n").unwrap();
    stage
        .home
        .script("crontab", "#!/bin/sh\ncat \"$HOME/table\" 2>/dev/null\n")
        .unwrap();
    let doctor = |ways: &[&str]| {
        let ways: Vec<String> = ways.iter().map(|way| format!("--way {way}")).collect();
        let script = format!("exec \"$0\" doctor --json {} kubectl", ways.join(" "));
        run(&mut isolated(&stage.home, &etc, &script))
    };
    let all = ["cron", "ssh", "sudo"];
    stage.home.write("etc/crontab", "").unwrap();
    stage
        .home
        .write("etc/sudoers", "Defaults secure_path=/usr/bin\n")
        .unwrap();
    let ran = assert_ends(doctor(&all), 1);
    let found = json(&ran);
    let by = |found: &Value, way: &str| verdict(found, "kubectl", way)["by"].clone();
    assert_eq!(by(&found, "cron"), "cron's default");
    assert_eq!(by(&found, "sudo"), "secure_path of /etc/sudoers");
    for way in all {
        assert_ne!(verdict(&found, "kubectl", way)["state"], "covered", "{way}");
    }
    let path = format!("PATH={shims}:/usr/bin:/bin\n");
    stage
        .home
        .write("table", format!("# jobs\n{path}"))
        .unwrap();
    stage.home.write("etc/environment", &path).unwrap();
    let include = format!("Defaults secure_path={shims}:/usr/bin\n");
    stage.home.write("etc/sudoers.d/gate", include).unwrap();
    stage
        .home
        .write(
            "etc/sudoers",
            "Defaults secure_path=/usr/bin\n@includedir /etc/sudoers.d\n",
        )
        .unwrap();
    let ran = assert_ends(doctor(&all), 0);
    let found = json(&ran);
    for way in all {
        assert_eq!(verdict(&found, "kubectl", way)["state"], "covered", "{way}");
    }
    assert_eq!(by(&found, "cron"), "crontab -l");
    assert_eq!(by(&found, "sudo"), "secure_path of /etc/sudoers.d/gate");
    assert_eq!(by(&found, "ssh"), "bash -c");
}

#[test]
fn what_is_wrong_with_gate_itself_is_a_gap_too() {
    let mut stage = stage("/bin/bash");
    put_shims_first(&mut stage);
    let here = ["doctor", "--json", "--way", "here"];
    let found = json(&assert_ends(stage.gate(&here), 0));
    assert_eq!(setting(&found, "configuration")["standing"], "note");
    assert_eq!(setting(&found, "rules")["standing"], "good");
    let deny = "[[rule]]\nid = \"t/no\"\ntool = \"kubectl\"\ndecision = \"deny\"\n";
    stage.home.write("work/.gate.toml", deny).unwrap();
    assert_ends(run(stage.home.command("kubectl").arg("get")), 77);
    let found = json(&assert_ends(stage.gate(&here), 0));
    assert_eq!(setting(&found, "records")["said"], "1 not delivered yet");
    assert_eq!(
        setting(&found, "rules")["said"],
        "1 rule in force beside the baseline"
    );
    stage.home.write("work/.gate.toml", "[[rule]]\n").unwrap();
    let found = json(&assert_ends(stage.gate(&here), 1));
    assert_eq!(setting(&found, "rules")["standing"], "bad");
    fs::remove_file(stage.home.work().join(".gate.toml")).unwrap();
    let named = "[server]\nurl = \"https://gate.example.com\"\n";
    stage.home.write(".config/gate/config.toml", named).unwrap();
    let found = json(&assert_ends(stage.gate(&here), 1));
    assert_eq!(setting(&found, "configuration")["standing"], "good");
    let key = setting(&found, "server key");
    assert_eq!(key["standing"], "bad", "{key}");
    assert!(
        key["mend"].as_str().unwrap().contains("gate login"),
        "{key}"
    );
}

#[test]
fn without_shims_there_is_nothing_to_promise() {
    let stage = Stage::new();
    let found = json(&assert_ends(stage.gate(&["doctor", "--json"]), 1));
    assert_eq!(setting(&found, "shims")["standing"], "bad");
    stage.tool("kubectl");
    let ran = assert_ends(stage.gate(&["doctor", "--way", "here", "kubectl"]), 1);
    assert!(ran.stdout.contains("it has no shim"), "{ran:?}");
    assert_ends(stage.gate(&["doctor", "bin/kubectl"]), 64);
    // A name that leads nowhere starts nothing.
    assert_ends(stage.gate(&["doctor", "--way", "here", "no-such-tool"]), 0);
}

#[test]
fn a_folder_of_shims_that_others_can_write_is_a_gap() {
    let mut stage = stage("/bin/bash");
    put_shims_first(&mut stage);
    fs::set_permissions(stage.shims(), Permissions::from_mode(0o777)).unwrap();
    let ran = assert_ends(stage.gate(&["doctor", "--json", "--way", "here"]), 1);
    let shims = setting(&json(&ran), "shims");
    assert_eq!(shims["standing"], "bad");
    assert!(
        shims["said"]
            .as_str()
            .unwrap()
            .contains("everybody can write it"),
        "{shims}"
    );
}

#[test]
fn other_ways_round_are_told() {
    let mut stage = stage("/bin/bash");
    let home = stage.home.path().to_owned();
    let asdf = tool_at(&home.join(".asdf/shims/kubectl"), "asdf");
    let mise = tool_at(&home.join("mise/shims/kubectl"), "mise");
    let other = tool_at(&home.join("opt/kubectl"), "other");
    let path = format!(
        "{}:{}:{}:{}:rel::/usr/bin",
        asdf.parent().unwrap().display(),
        stage.shims().display(),
        mise.parent().unwrap().display(),
        other.parent().unwrap().display()
    );
    stage.home.set("PATH", path);
    stage.home.write(".kube/config", "").unwrap();
    stage.home.set("AWS_SESSION_TOKEN", "s3cret-value");
    let ran = assert_ends(stage.gate(&["doctor", "--json", "--way", "here"]), 1);
    let found = json(&ran);
    assert_eq!(
        verdict(&found, "kubectl", "here")["meets"],
        *asdf.to_str().unwrap()
    );
    let kubectl = notes(&found, "kubectl");
    assert!(kubectl.contains("asdf comes before the shim"), "{kubectl}");
    assert!(
        kubectl.contains("mise chooses the tool behind gate"),
        "{kubectl}"
    );
    assert!(kubectl.contains(other.to_str().unwrap()), "{kubectl}");
    assert!(kubectl.contains("~/.kube/config"), "{kubectl}");
    assert!(
        notes(&found, "aws").contains("AWS_SESSION_TOKEN"),
        "{found}"
    );
    assert!(!ran.stdout.contains("s3cret-value"), "{ran:?}");
    let path = found["notes"].to_string();
    assert!(
        path.contains("empty entry") && path.contains("`rel`"),
        "{path}"
    );
}

#[test]
fn what_lies_among_the_shims_and_is_not_gate_is_no_cover() {
    let mut stage = stage("/bin/bash");
    put_shims_first(&mut stage);
    let stranger = tool_at(&stage.shims().join("tofu"), "stranger");
    let ran = assert_ends(
        stage.gate(&["doctor", "--json", "--way", "here", "tofu"]),
        1,
    );
    let found = json(&ran);
    assert_eq!(
        verdict(&found, "tofu", "here")["meets"],
        *stranger.to_str().unwrap()
    );
    assert!(
        notes(&found, "tofu").contains("is not gate: remove it"),
        "{found}"
    );
}
