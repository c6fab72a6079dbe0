//! Ways of starting a command that have nothing to do with the user's own shell, each told by what
//! the machine's files say of it.

use std::fs;

use serde_json::Value;

use crate::namespace::isolated;
use crate::stage::{Stage, assert_ends, run};
use crate::{json, stage, start_up};

/// Makes a stage whose `/etc` is a folder of the home.
fn with_etc(shell: &str) -> Stage {
    let stage = stage(shell);
    fs::create_dir(stage.home.path().join("etc")).unwrap();
    stage
}

/// Returns what gate tells of kubectl in one way, behind a script that sets the machine up: a state
/// for each ground, and by what it is known.
fn told(stage: &Stage, set_up: &str, way: &str) -> Vec<(String, String)> {
    let etc = stage.home.path().join("etc");
    let script = format!("{set_up}\nexec \"$0\" doctor --json --way {way} kubectl");
    let ran = run(&mut isolated(&stage.home, &etc, &script));
    let found = json(&ran);
    let verdicts = found.pointer("/tools/0/ways").and_then(Value::as_array);
    let verdicts = verdicts.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = verdicts
        .iter()
        .map(|one| (text(&one["state"]), text(&one["by"])));
    let told: Vec<_> = told.collect();
    let is_covered = told
        .iter()
        .all(|(state, _)| state == "covered" || state == "absent");
    assert_eq!(ran.code, Some(i32::from(!is_covered)), "{ran:?}");
    told
}

#[track_caller]
fn assert_told(told: &[(String, String)], expected: &[(&str, &str)]) {
    let is_so = |((state, by), (expected, words)): (&(String, String), &(&str, &str))| {
        state == expected && by.contains(words)
    };
    let all = told.iter().zip(expected).all(is_so);
    assert!(
        all && told.len() == expected.len(),
        "{told:?} is not {expected:?}"
    );
}

/// PATH with the shims first, and one that leads past them.
fn paths(stage: &Stage) -> (String, String) {
    let bin = stage.home.bin();
    let past = format!("PATH={}:/usr/bin:/bin", bin.display());
    let first = format!("PATH={}:{}", stage.shims().display(), bin.display());
    (first, past)
}

#[test]
fn what_systemd_gives_its_units_is_read_from_every_folder_of_its_settings() {
    let stage = with_etc("/bin/bash");
    let (first, past) = paths(&stage);
    let system = |more: &str| {
        let script = format!(
            "mount -t tmpfs none /usr/local && mkdir -p /run/systemd/system && \
             for folder in /run /usr/local/lib; do mkdir -p $folder/systemd/system.conf.d; done\n\
             say() {{ printf '[Manager]\\nDefaultEnvironment=\"%s\"\\n' \"$2\" >\"$1\"; }}\n{more}"
        );
        told(&stage, &script, "systemd")
    };
    assert_told(&told(&stage, "", "systemd"), &[("absent", "does not run")]);
    let run = "/run/systemd/system.conf.d/50-path.conf";
    let local = "/usr/local/lib/systemd/system.conf.d/60-path.conf";
    for (set_up, expected) in [
        (format!("say {run} '{first}'"), ("covered", run)),
        (format!("say {local} '{first}'"), ("covered", local)),
        (
            format!("say {run} '{first}'; say {local} '{past}'"),
            ("open", local),
        ),
        (
            format!("say {run} '{past}'; say {local} '{first}'"),
            ("covered", local),
        ),
    ] {
        assert_told(&system(&set_up), &[expected]);
    }
    let settings = format!("[Manager]\nDefaultEnvironment={first}\n");
    stage
        .home
        .write("etc/systemd/system.conf", settings)
        .unwrap();
    assert_told(&system(""), &[("covered", "/etc/systemd/system.conf")]);
    assert_told(&system(&format!("say {run} '{past}'")), &[("open", run)]);
}

#[test]
fn a_secure_path_that_is_not_everybodys_covers_nobody() {
    let stage = with_etc("/bin/bash");
    stage.home.script("sudo", "#!/bin/sh\n").unwrap();
    let (first, _) = paths(&stage);
    let secure = first.replace("PATH=", "Defaults env_reset, secure_path=");
    let of = |more: &str, expected: (&str, &str)| {
        let text = format!("{secure}\n{more}\n");
        stage.home.write("etc/sudoers", text).unwrap();
        assert_told(&told(&stage, "", "sudo"), &[expected]);
    };
    of("", ("covered", "secure_path of /etc/sudoers"));
    of("Defaults:alice !lecture", ("covered", "secure_path"));
    for line in [
        "Defaults:alice secure_path=/usr/bin",
        "Defaults@build !secure_path",
    ] {
        of(line, ("unknown", "for some users, hosts or commands alone"));
    }
    of(
        "Defaults exempt_group=wheel",
        ("unknown", "keep their PATH"),
    );
}

#[test]
fn each_path_that_a_job_of_cron_has_is_told_with_the_file_that_gives_it() {
    let stage = with_etc("/bin/bash");
    let (first, past) = paths(&stage);
    let home = &stage.home;
    home.script("crontab", "#!/bin/sh\ncat \"$HOME/table\"\n")
        .unwrap();
    home.write("etc/crontab", format!("{first}\n17 * * * * root true\n"))
        .unwrap();
    assert_told(
        &told(&stage, "", "system-cron"),
        &[("covered", "/etc/crontab")],
    );
    let backup = format!("@daily root true\n{past}\n@weekly root true\n");
    home.write("etc/cron.d/backup", backup).unwrap();
    home.write("etc/cron.d/same", format!("{first}\n@daily root true\n"))
        .unwrap();
    let found = told(&stage, "", "system-cron");
    assert_eq!(found.len(), 3, "{found:?}");
    assert_told(
        &found[..1],
        &[("covered", "/etc/crontab, /etc/cron.d/same")],
    );
    assert_ne!(found[1].0, "covered", "cron's own");
    assert_told(&found[2..], &[("open", "/etc/cron.d/backup")]);
    // The user's own: a job before the line does not have it.
    home.write("table", format!("{first}\n@daily true\n"))
        .unwrap();
    assert_told(&told(&stage, "", "cron"), &[("covered", "crontab -l")]);
    home.write("table", format!("@hourly true\n{first}\n@daily true\n"))
        .unwrap();
    let found = told(&stage, "", "cron");
    assert_ne!(found[0].0, "covered", "{found:?}");
    assert_told(&found[1..], &[("covered", "crontab -l")]);
}

#[test]
fn a_login_shell_that_agents_start_is_asked_though_it_is_not_the_users() {
    for (shell, way, other, file) in [
        ("/usr/bin/zsh", "login-bash", "bash", ".bash_profile"),
        ("/bin/bash", "login-zsh", "zsh", ".zshenv"),
    ] {
        let stage = stage(shell);
        let name = way.replace('-', "_");
        let of = |found: &Value| {
            let ways = found["tools"][0]["ways"].as_array().unwrap();
            ways.iter().find(|one| one["way"] == *name).cloned()
        };
        let found = json(&stage.gate(&["doctor", "--json", "kubectl"]));
        let verdict = of(&found).unwrap();
        assert_eq!(verdict["is_asked"], false, "{verdict}");
        assert_ne!(verdict["state"], "covered", "{verdict}");
        start_up(&stage, &[file], "true");
        let asked = ["doctor", "--json", "--way", way, "kubectl"];
        let verdict = of(&json(&assert_ends(stage.gate(&asked), 1))).unwrap();
        assert_eq!(verdict["state"], "open", "{verdict}");
        let mend = verdict["mend"].as_str().unwrap();
        assert!(mend.contains(&format!("~/{file}")), "{mend}");
        let line = format!("eval \"$(gate shell-init {other})\"");
        start_up(&stage, &[file], &line);
        let verdict = of(&json(&assert_ends(stage.gate(&asked), 0))).unwrap();
        assert_eq!(verdict["state"], "covered", "{verdict}");
        assert_eq!(verdict["by"], format!("{other} -l -c"));
        // One's own shell is told once.
        let own = if other == "bash" {
            "login-zsh"
        } else {
            "login-bash"
        };
        let own_name = own.replace('-', "_");
        let ways = found["tools"][0]["ways"].as_array().unwrap();
        assert!(!ways.iter().any(|one| one["way"] == *own_name), "{found}");
        let asked = ["doctor", "--json", "--way", own, "kubectl"];
        let found = json(&stage.gate(&asked));
        assert_eq!(found["tools"][0]["ways"][0]["state"], "absent", "{found}");
    }
}

#[test]
fn inside_a_container_its_own_first_process_says_what_is_met() {
    let stage = with_etc("/bin/bash");
    let (first, past) = paths(&stage);
    let etc = stage.home.path().join("etc");
    let inside = |mark: &str, path: &str, own: &str| {
        // The first process is the shell; gate's own PATH is another one.
        let script = format!(
            "{mark}\n{path} exec /usr/bin/unshare -p -f --mount-proc /bin/sh -c \
             '{own} \"$0\" doctor --json --way container kubectl; exit $?' \"$0\""
        );
        let found = json(&run(&mut isolated(&stage.home, &etc, &script)));
        let verdict = &found["tools"][0]["ways"][0];
        let text = |name: &str| verdict[name].as_str().unwrap().to_owned();
        vec![(text("state"), text("by"))]
    };
    let known = "PATH of this container's first process";
    for mark in [
        "touch /.dockerenv",
        "mkdir /run; touch /run/.containerenv",
        "export container=podman",
        "export KUBERNETES_SERVICE_HOST=10.0.0.1",
    ] {
        assert_told(&inside(mark, &first, &past), &[("covered", known)]);
        assert_told(&inside(mark, &past, &first), &[("open", known)]);
    }
    let outside = inside("", &first, &first);
    assert_told(&outside, &[("open", "an image has a PATH of its own")]);
}
