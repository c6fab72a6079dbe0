//! On a machine whose owner has named a server in `/etc/gate`.

use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use gate_testkit::pty::{Size, Terminal};
use gate_testkit::real::locate;

use crate::namespace::isolated;
use crate::played::assert_every_step_held;
use crate::stage::{GATE, Machine, play};

const WITHIN: Duration = Duration::from_mins(1);

/// The owner's settings, with a server that is down.
const OWNERS: &str = "[server]\nurl = 'http://127.0.0.1:1'\nrules = 'required'\n";

/// Returns a machine with a git that may run isolated, and these files of its owner.
fn managed(files: &[(&str, &str)]) -> Machine {
    let machine = Machine::at_home();
    let git = std::fs::canonicalize(locate("git").unwrap()).unwrap();
    std::fs::copy(git, machine.home.bin().join("git")).unwrap();
    machine.home.write("etc/gate/config.toml", OWNERS).unwrap();
    for (name, text) in files {
        machine
            .home
            .write(&format!("etc/gate/{name}"), text)
            .unwrap();
    }
    machine
}

/// Returns the script as that machine runs it, where git alone is installed; `$0` is gate.
fn on(machine: &Machine, script: &str) -> Command {
    let script = format!("PATH=\"$HOME/bin\"\n{script}");
    isolated(&machine.home, &machine.home.path().join("etc"), &script)
}

#[test]
fn the_demo_plays_with_its_own_server() {
    let machine = managed(&[]);
    let played = play(&mut on(&machine, "exec \"$0\" demo --scripted"));
    assert_every_step_held(&machine, "git", &played);
}

#[test]
fn the_owners_rules_hold_in_the_demo_too() {
    let deny = "[[rule]]\nid = 'owner/no-log'\ntool = 'git'\ncommand = 'log'\ndecision = 'deny'\n";
    let machine = managed(&[("rules.d/10.toml", deny)]);
    let played = play(&mut on(&machine, "exec \"$0\" demo --scripted"));
    assert_eq!(played.code, Some(125), "{played:?}");
    assert!(
        played
            .stderr
            .contains("did not hold: a read passes at once"),
        "{played:?}"
    );
    assert!(played.stderr.contains("owner/no-log"), "{played:?}");
    machine.assert_nothing_is_left(played.server());
}

#[test]
fn there_is_no_shell_in_which_one_approves_what_others_should() {
    let machine = managed(&[]);
    let demo = on(&machine, "exec \"$0\" demo");
    let wide = Size {
        rows: 20,
        columns: 300,
    };
    let terminal = Terminal::spawn(demo, wide).unwrap();
    let ended = terminal.exit_status(WITHIN).unwrap();
    let screen = terminal.screen();
    assert_eq!(ended.code(), Some(78), "{screen}");
    for word in [
        "127.0.0.1:1",
        "/etc/gate/config.toml",
        "gate demo --scripted",
    ] {
        assert!(screen.contains(word), "`{word}`: {screen}");
    }
}

#[test]
fn neither_a_variable_nor_a_link_makes_an_installed_gate_the_demos() {
    let machine = managed(&[]);
    let mine = "[server]\nurl = 'http://127.0.0.1:9'\n";
    for folder in [".config/gate", "mine"] {
        let file = format!("{folder}/config.toml");
        machine.home.write(&file, mine).unwrap();
    }
    let mine = machine.home.path().join("mine");
    // The shell calls it by the name `gate`, and the last link before the file is `gate-demo`.
    symlink(GATE, mine.join("gate-demo")).unwrap();
    symlink("gate-demo", mine.join("gate")).unwrap();
    for script in [
        "exec \"$0\" whoami",
        "GATE_SERVER=http://127.0.0.1:9 exec \"$0\" whoami",
        "GATE_CONFIG=\"$HOME/mine/config.toml\" exec \"$0\" whoami",
        "exec \"$HOME/mine/gate\" whoami",
    ] {
        let asked = play(on(&machine, script).env("GATE_TOKEN", "gate_nothing"));
        assert_eq!(asked.code, Some(69), "{script}: {asked:?}");
        assert!(asked.stderr.contains("127.0.0.1:1`"), "{script}: {asked:?}");
    }
}
