//! On a terminal: a shell in which the tools are wrapped.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gate_testkit::pty::{Size, Terminal};
use serde_json::Value;

use crate::stage::{FROM_CARGO, GATE, Machine, address_in};

/// Longer than anything here takes on a busy machine.
const WITHIN: Duration = Duration::from_mins(1);

/// No line of the demo's is wider.
const WIDE: Size = Size {
    rows: 60,
    columns: 300,
};

/// Opens the demo with this shell, and returns it with the five lines that it says.
fn opened(machine: &Machine, shell: &str) -> (Terminal, Vec<String>) {
    let mut demo = machine.home.command(GATE);
    demo.arg("demo").env("SHELL", shell);
    let terminal = Terminal::spawn(demo, WIDE).unwrap();
    terminal.wait_for("`exit` ends the demo", WITHIN).unwrap();
    let lines = terminal.screen().lines().map(str::to_owned).collect();
    (terminal, lines)
}

/// Types a command, and waits until it ended with this code.
#[track_caller]
fn typed(terminal: &Terminal, command: &str, code: i32) {
    // What is typed is echoed, so the answer must not stand in it.
    let line = format!("{command}; echo \"ended:$?:\"\r");
    terminal.send(line).unwrap();
    terminal
        .wait_for(&format!("ended:{code}:"), WITHIN)
        .unwrap();
    terminal.send("clear\r").unwrap();
    let is_cleared = |screen: &str| !screen.contains("ended:");
    terminal
        .wait_until("a clear screen", WITHIN, is_cleared)
        .unwrap();
}

/// Approves as bob what waits, by the script that the demo names.
fn approve(as_bob: &Path) {
    let ask = |arguments: &[&str]| {
        let output = Command::new(as_bob).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let page = ask(&["requests", "list", "--json", "--status", "pending"]);
    let page: Value = serde_json::from_slice(&page).unwrap();
    let request = &page["requests"][0];
    let (id, digest) = (&request["id"], &request["digest"]);
    let (id, digest) = (id.as_str().unwrap(), digest.as_str().unwrap());
    ask(&["approve", id, "--yes", "--digest", digest]);
}

/// Returns the first line that the server answers with to a GET of a page.
fn fetched(url: &str) -> String {
    let address = address_in(url).unwrap();
    let path = url.split_once(&address.to_string()).unwrap().1;
    let mut stream = TcpStream::connect(address).unwrap();
    let asked = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap().to_owned()
}

/// Returns what follows `mark` in a line.
#[track_caller]
fn after<'a>(line: &'a str, mark: &str) -> &'a str {
    let (_, rest) = line.split_once(mark).unwrap_or_else(|| panic!("{line}"));
    rest.trim_end()
}

#[track_caller]
fn assert_a_demo_in(machine: &Machine, shell: &str) {
    let (terminal, lines) = opened(machine, shell);
    let said: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with("gate: "))
        .collect();
    let [page, tools, read, change, bob] = said.as_slice() else {
        panic!("not five lines: {lines:#?}");
    };
    let url = after(page, "approvals page, signed in as bob: ");
    assert_eq!(fetched(url), "HTTP/1.1 200 OK", "{url}");
    assert_eq!(after(tools, "gate stands before "), "git");

    typed(&terminal, after(read, "you won't notice gate: "), 0);
    let change = after(change, "it waits for bob: ");
    terminal
        .send(format!("{change}; echo \"ended:$?:\"\r"))
        .unwrap();
    terminal.wait_for("waiting for", WITHIN).unwrap();
    approve(Path::new(
        after(bob, "in another terminal: ")
            .split(' ')
            .next()
            .unwrap(),
    ));
    terminal.wait_for("ended:0:", WITHIN).unwrap();
    // The real git, around gate, saw the push arrive.
    terminal.send("command -v git\r").unwrap();
    terminal.wait_for("/shims/git", WITHIN).unwrap();
    terminal.send("clear\r").unwrap();
    typed(
        &terminal,
        "test -n \"$(git -C ../remote.git for-each-ref)\"",
        0,
    );

    terminal.send("exit\r").unwrap();
    let status = terminal.exit_status(WITHIN).unwrap();
    assert_eq!(status.code(), Some(0), "{}", terminal.screen());
    machine.assert_nothing_is_left(address_in(url).unwrap());
}

#[test]
fn a_shell_with_wrapped_tools_is_open_until_it_is_left() {
    let machine = Machine::with(&["git", "clear"]);
    machine.home.link("less", Path::new("/bin/cat")).unwrap();
    assert_a_demo_in(&machine, "/bin/sh");
}

#[test]
fn bash_has_the_wrapped_tools_first_whatever_the_users_own_file_does() {
    let machine = Machine::with(&["git", "clear"]);
    machine.home.link("less", Path::new("/bin/cat")).unwrap();
    let first = format!("PATH='{}':\"$PATH\"\n", machine.home.bin().display());
    machine.home.write(".bashrc", first).unwrap();
    assert_a_demo_in(&machine, "/bin/bash");
}

/// Opens the demo's shell with git alone, and leaves it when each command ended with 0.
#[track_caller]
fn assert_all_succeed(machine: &Machine, shell: &str, commands: &[&str]) {
    machine.home.link("less", Path::new("/bin/cat")).unwrap();
    let (terminal, _) = opened(machine, shell);
    for command in commands {
        typed(&terminal, command, 0);
    }
    terminal.send("exit\r").unwrap();
    let status = terminal.exit_status(WITHIN).unwrap();
    assert_eq!(status.code(), Some(0), "{}", terminal.screen());
}

#[test]
fn what_cargo_sets_for_gate_is_not_in_the_shell_so_a_read_passes_at_once() {
    let mut machine = Machine::with(&["git", "clear"]);
    machine.run_by_cargo(&[]);
    // These may be the user's own.
    machine.home.set("CARGO_HOME", "/opt/cargo");
    machine.home.set("CARGO_TARGET_DIR", "/opt/target");
    let names = FROM_CARGO.map(|(name, _)| name);
    let unset = ["CARGO", "LD_LIBRARY_PATH"].into_iter().chain(names);
    let unset: Vec<_> = unset.map(|name| format!("${{{name}+{name} }}")).collect();
    let unset = unset.concat();
    assert_all_succeed(
        &machine,
        "/bin/bash",
        &[
            &format!("test -z \"{unset}\""),
            "test $CARGO_HOME:$CARGO_TARGET_DIR = /opt/cargo:/opt/target",
            "git log --oneline",
        ],
    );
}

#[test]
fn the_users_own_libraries_authorities_and_toolchain_stay() {
    let mut machine = Machine::with(&["git", "clear"]);
    machine.run_by_cargo(&["/opt/mine"]);
    machine.home.set("RUSTUP_TOOLCHAIN_SOURCE", "env");
    machine.home.set("SSL_CERT_FILE", "/opt/mine/ca.pem");
    assert_all_succeed(
        &machine,
        "/bin/sh",
        &[
            "test \"$LD_LIBRARY_PATH\" = /opt/mine",
            "test \"${RUSTUP_TOOLCHAIN%%-*}\" = stable",
            "test \"$SSL_CERT_FILE$SSL_CERT_DIR\" = /opt/mine/ca.pem",
        ],
    );
}

#[test]
fn without_cargos_marks_all_of_it_is_the_users() {
    let mut machine = Machine::with(&["git", "clear"]);
    machine.run_by_cargo(&["/opt/mine"]);
    machine.home.unset("CARGO");
    let kept = "case $LD_LIBRARY_PATH in *deps*/opt/mine) ;; *) false;; esac";
    assert_all_succeed(&machine, "/bin/sh", &[kept, "test -n \"$CARGO_PKG_NAME\""]);
}

#[test]
fn gate_itself_is_on_path_and_asks_the_demos_server() {
    for shell in ["/bin/sh", "/bin/bash"] {
        let machine = Machine::with(&["git", "clear"]);
        let is_once =
            "case $PATH in *gate-demo-*gate-demo-*) false;; */shims:*) ;; *) false;; esac";
        assert_all_succeed(
            &machine,
            shell,
            &[
                "case $(command -v gate) in */gate-demo-*/shims/gate) ;; *) false;; esac",
                "case $(gate whoami) in *demo-agent*) ;; *) false;; esac",
                "gate explain -- git log",
                "gate requests list",
                is_once,
            ],
        );
    }
}
