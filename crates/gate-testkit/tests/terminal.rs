//! The home that hides the machine, and the terminal that a test types into.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use gate_testkit::home::Home;
use gate_testkit::pty::{PtyError, Size, Terminal};
use gate_testkit::real::run;

const WITHIN: Duration = Duration::from_secs(20);

fn shell(home: &Home, script: &str) -> Command {
    let mut command = home.command("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn nothing_of_the_machine_is_in_a_home() {
    let mut home = Home::new().unwrap();
    home.set("OWN", "1");
    home.set("GONE", "1");
    home.unset("GONE");
    let seen = run(&mut home.command("env"), WITHIN)
        .unwrap()
        .success()
        .unwrap();
    let mut names: Vec<&str> = seen
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "HOME",
            "LANG",
            "OWN",
            "PATH",
            "TERM",
            "TMPDIR",
            "TZ",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_RUNTIME_DIR",
            "XDG_STATE_HOME"
        ]
    );
    let place = run(&mut shell(&home, "pwd; echo $PATH"), WITHIN)
        .unwrap()
        .success()
        .unwrap();
    let expected = format!(
        "{}\n{}:/usr/bin:/bin\n",
        home.work().display(),
        home.bin().display()
    );
    assert_eq!(place, expected);
}

#[test]
fn a_program_is_looked_up_on_the_homes_path() {
    let mut home = Home::with_path(&[]).unwrap();
    home.script("greet", "#!/bin/sh\necho script\n").unwrap();
    assert_eq!(
        run(&mut home.command("greet"), WITHIN).unwrap().stdout,
        "script\n"
    );
    home.link("hello", &home.bin().join("greet")).unwrap();
    assert_eq!(
        run(&mut home.command("hello"), WITHIN).unwrap().stdout,
        "script\n"
    );
    home.set("PATH", "");
    home.write("work/nested/file", "text").unwrap();
    assert!(home.work().join("nested/file").is_file());
}

#[test]
fn a_command_in_a_terminal_leads_its_session_and_has_the_terminal() {
    let home = Home::new().unwrap();
    let script =
        "test -t 0 && test -t 1 && test -t 2 && exec 3</dev/tty && ps -o sid= -p $$; stty size";
    let terminal = Terminal::spawn(
        shell(&home, script),
        Size {
            rows: 20,
            columns: 70,
        },
    )
    .unwrap();
    assert!(terminal.exit_status(WITHIN).unwrap().success());
    let screen = terminal.screen();
    let lines: Vec<&str> = screen.split_whitespace().collect();
    assert_eq!(
        lines,
        [terminal.process_id().to_string().as_str(), "20", "70"],
        "{screen}"
    );
}

#[test]
fn what_is_typed_is_read_and_a_new_size_is_told() {
    let home = Home::new().unwrap();
    let script = "trap 'stty size' WINCH; echo ready; read -r line; echo \"got <$line>\"; \
                  until test -e go; do sleep 0.05; done; exit 7";
    let terminal = Terminal::spawn(shell(&home, script), Size::default()).unwrap();
    terminal.wait_for("ready", WITHIN).unwrap();
    terminal.send("some text\r").unwrap();
    terminal.wait_for("got <some text>", WITHIN).unwrap();
    terminal
        .resize(Size {
            rows: 25,
            columns: 90,
        })
        .unwrap();
    terminal.wait_for("25 90", WITHIN).unwrap();
    home.write("work/go", "").unwrap();
    assert_eq!(terminal.exit_status(WITHIN).unwrap().code(), Some(7));
    assert!(String::from_utf8_lossy(&terminal.transcript()).contains("ready\r\n"));
}

#[test]
fn an_interrupt_typed_ends_the_foreground() {
    let home = Home::new().unwrap();
    let terminal =
        Terminal::spawn(shell(&home, "echo ready; exec sleep 60"), Size::default()).unwrap();
    terminal.wait_for("ready", WITHIN).unwrap();
    terminal.send("\x03").unwrap();
    assert_eq!(terminal.exit_status(WITHIN).unwrap().signal(), Some(2));
}

#[test]
fn bash_has_job_control_in_the_terminal() {
    let home = Home::new().unwrap();
    let mut bash = home.command("bash");
    bash.args(["--norc", "--noprofile", "-i"]).env("PS1", "$ ");
    let terminal = Terminal::spawn(bash, Size::default()).unwrap();
    terminal.wait_for("$ ", WITHIN).unwrap();
    // It starts no process: one that is stopped between vfork(2) and execve(2) keeps its parent,
    // and so the job, from stopping.
    let job = "bash -c 'trap \"echo resumed\" CONT; echo $((6 * 7)); while :; do :; done'\r";
    terminal.send(job).unwrap();
    terminal.wait_for("\n42", WITHIN).unwrap();
    terminal.send("\x1a").unwrap();
    terminal.wait_for("Stopped", WITHIN).unwrap();
    terminal.send("fg\r").unwrap();
    terminal.wait_for("\nresumed", WITHIN).unwrap();
    terminal.send("\x03").unwrap();
    terminal.send("echo code=$?\r").unwrap();
    terminal.wait_for("code=130", WITHIN).unwrap();
    terminal.send("exit 5\r").unwrap();
    assert_eq!(terminal.exit_status(WITHIN).unwrap().code(), Some(5));
}

#[test]
fn what_does_not_come_is_told_with_the_screen() {
    let home = Home::new().unwrap();
    let waiting =
        Terminal::spawn(shell(&home, "echo here; exec sleep 60"), Size::default()).unwrap();
    waiting.wait_for("here", WITHIN).unwrap();
    let error = waiting
        .wait_for("there", Duration::from_millis(100))
        .unwrap_err();
    assert!(
        matches!(error, PtyError::Deadline { .. }) && error.to_string().contains("here"),
        "{error}"
    );
    let ended = Terminal::spawn(shell(&home, "echo here"), Size::default()).unwrap();
    let error = ended.wait_for("there", WITHIN).unwrap_err();
    assert!(
        matches!(error, PtyError::Closed { .. }) && error.to_string().contains("here"),
        "{error}"
    );
}

#[test]
fn a_dropped_terminal_leaves_no_process() {
    let home = Home::new().unwrap();
    let terminal = Terminal::spawn(
        shell(&home, "trap '' HUP; echo ready; sleep 60"),
        Size::default(),
    )
    .unwrap();
    terminal.wait_for("ready", WITHIN).unwrap();
    let process = format!("/proc/{}", terminal.process_id());
    assert!(std::path::Path::new(&process).exists());
    drop(terminal);
    assert!(!std::path::Path::new(&process).exists());
}
