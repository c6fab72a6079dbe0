//! `gate login`, `gate logout` and `gate whoami` as a user meets them: the real program, a real server,
//! and each place that keeps a token for real.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

#[path = "login/rig.rs"]
mod rig;

use std::time::{Duration, Instant};

use gate_testkit::pty::{Size, Terminal};
use gate_testkit::real::{SecretService, run};

use rig::{Keyutils, Rig, text_of};

/// Long enough for any step on a loaded machine.
const WITHIN: Duration = Duration::from_mins(1);

#[test]
fn the_secret_service_takes_the_token_and_gives_it_to_each_later_command() {
    let service = SecretService::start().unwrap();
    let mut rig = Rig::new();
    rig.home.set_all(service.environment());
    let login = rig.login();
    assert!(login.status.success(), "{}", login.stderr);
    assert_eq!(
        login.stderr,
        format!(
            "gate: logged in to {} as alice (user, requester)\n\
             gate: the token is in the system keyring (Secret Service)\n",
            rig.url()
        )
    );
    assert_eq!(login.stdout, "");

    // Another program finds it where the specification says that it is.
    let mut lookup = rig.home.command("secret-tool");
    lookup.args(["lookup", "service", "gate", "username", &rig.url()]);
    let found = run(&mut lookup, WITHIN).unwrap();
    assert_eq!(found.stdout, rig.token());

    let whoami: serde_json::Value = serde_json::from_str(&rig.whoami().stdout).unwrap();
    assert_eq!(whoami["server"], rig.url());
    assert_eq!(whoami["principal"]["name"], "alice");
    assert_eq!(whoami["role"], "requester");
    rig.assert_token_is_in_no_file_but(&[]);

    let logout = rig.gate(&["logout"]);
    assert!(
        logout
            .stderr
            .contains("the token is gone from the system keyring"),
        "{}",
        logout.stderr
    );
    let mut lookup = rig.home.command("secret-tool");
    lookup.args(["lookup", "service", "gate", "username", &rig.url()]);
    assert_eq!(run(&mut lookup, WITHIN).unwrap().stdout, "");
    rig.assert_is_logged_out();
    service.stop().unwrap();
}

#[test]
fn a_second_login_replaces_the_token_and_a_better_place_takes_it_from_a_worse_one() {
    let mut rig = Rig::new();
    rig.keyutils = Keyutils::Closed;
    assert!(rig.login().stderr.contains("no keyring took the token"));
    let service = SecretService::start().unwrap();
    rig.home.set_all(service.environment());
    let login = rig.login();
    assert!(
        login
            .stderr
            .ends_with("the token is in the system keyring (Secret Service)\n"),
        "{}",
        login.stderr
    );
    rig.assert_token_is_in_no_file_but(&[]);
    let login = rig.login_with(&rig.server.setup.agent);
    assert!(
        login
            .stderr
            .contains("as demo-agent (agent of alice, requester)"),
        "{}",
        login.stderr
    );
    let whoami: serde_json::Value = serde_json::from_str(&rig.whoami().stdout).unwrap();
    assert_eq!(whoami["principal"]["name"], "demo-agent");
    service.stop().unwrap();
}

#[test]
fn a_keyring_that_is_gone_is_an_error_with_its_reason_and_not_a_silent_logout() {
    let service = SecretService::start().unwrap();
    let mut rig = Rig::new();
    rig.home.set_all(service.environment());
    assert!(rig.login().status.success());
    service.stop().unwrap();
    let whoami = rig.gate(&["whoami"]);
    assert_eq!(whoami.status.code(), Some(78));
    assert!(
        whoami.stderr.contains("cannot read the token of"),
        "{}",
        whoami.stderr
    );
    assert!(
        whoami.stderr.contains("cannot use the Secret Service"),
        "{}",
        whoami.stderr
    );
    let logout = rig.gate(&["logout"]);
    assert_eq!(logout.status.code(), Some(78));
    assert!(
        logout.stderr.contains("is still in the system keyring"),
        "{}",
        logout.stderr
    );
}

#[test]
fn a_locked_secret_service_is_passed_by_with_its_reason_and_without_hanging() {
    let service = SecretService::start_locked().unwrap();
    let mut rig = Rig::new();
    rig.keyutils = Keyutils::Closed;
    rig.home.set_all(service.environment());
    let begun = Instant::now();
    let login = rig.login();
    assert!(begun.elapsed() < WITHIN);
    assert!(login.status.success(), "{}", login.stderr);
    assert!(
        login
            .stderr
            .contains("gate: warning: cannot use the Secret Service: "),
        "{}",
        login.stderr
    );
    assert!(
        login.stderr.contains("no keyring took the token"),
        "{}",
        login.stderr
    );
    assert!(rig.whoami().status.success());
    service.stop().unwrap();
}

#[test]
fn a_session_bus_that_never_answers_is_given_up_in_time() {
    let mut rig = Rig::new();
    rig.keyutils = Keyutils::Closed;
    let socket = rig.home.path().join("bus");
    // It accepts, because the kernel does, and nobody ever reads.
    let bus = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    rig.home.set(
        "DBUS_SESSION_BUS_ADDRESS",
        format!("unix:path={}", socket.display()),
    );
    let login = rig.login();
    assert!(login.status.success(), "{}", login.stderr);
    assert!(
        login
            .stderr
            .contains("the Secret Service did not answer within 5 s"),
        "{}",
        login.stderr
    );
    drop(bus);
}

#[test]
fn the_kernel_keyring_takes_the_token_where_there_is_no_secret_service() {
    let mut rig = Rig::new();
    rig.keyutils = Keyutils::Open;
    // One session of the kernel for all of it: what another session sees depends on the machine.
    let description = format!("keyring:{}@gate", rig.url());
    let script = format!(
        "set -e
        $GATE login --token-stdin --server {url} --server-key \"$KEY\" < \"$TOKEN_FILE\"
        $GATE whoami --json
        keyctl print $(keyctl search @s user '{description}'); echo
        $GATE logout
        ! keyctl search @s user '{description}'
        ! $GATE whoami",
        url = rig.url()
    );
    let done = rig.script(&script);
    assert!(done.status.success(), "{}\n{}", done.stdout, done.stderr);
    assert!(
        done.stderr
            .contains("gate: warning: cannot use the Secret Service: "),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr
            .contains("the token is in the kernel keyring, until reboot"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr
            .contains("the token is gone from the kernel keyring\n"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr
            .contains("gate: no approval server is configured"),
        "{}",
        done.stderr
    );
    let mut lines = done.stdout.lines();
    let whoami: serde_json::Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(whoami["principal"]["name"], "alice");
    assert_eq!(lines.next(), Some(rig.token()));
    rig.assert_token_is_in_no_file_but(&[rig.token_file()]);
}

#[test]
fn without_any_keyring_a_file_of_mode_0600_takes_the_token_with_a_warning_that_names_it() {
    let mut rig = Rig::new();
    rig.keyutils = Keyutils::Closed;
    let login = rig.login();
    let file = rig.credential_file();
    assert!(login.status.success(), "{}", login.stderr);
    let lines: Vec<&str> = login.stderr.lines().collect();
    let [service, kernel, warning, risk, welcome, place] = lines.as_slice() else {
        panic!("six lines are told: {lines:#?}");
    };
    assert!(
        service.starts_with("gate: warning: cannot use the Secret Service: "),
        "{service}"
    );
    assert!(
        kernel.starts_with("gate: warning: cannot use the kernel keyring: "),
        "{kernel}"
    );
    let shown = file.display();
    assert_eq!(
        *warning,
        format!(
            "gate: warning: no keyring took the token, so it is in the file `{shown}`, readable by you alone"
        )
    );
    assert_eq!(
        *risk,
        "gate: whoever can read your files, or a backup of them, can use it"
    );
    assert!(welcome.starts_with("gate: logged in to "));
    assert_eq!(*place, format!("gate: the token is in the file `{shown}`"));
    assert_eq!(rig::mode_of(&file), 0o600);
    assert!(rig.whoami().status.success());
    rig.assert_token_is_in_no_file_but(std::slice::from_ref(&file));

    rig::set_mode(&file, 0o640);
    let refused = rig.gate(&["whoami"]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(
        refused
            .stderr
            .contains("others can read or write it (mode 640)"),
        "{}",
        refused.stderr
    );
    rig::set_mode(&file, 0o600);

    assert!(rig.gate(&["logout"]).status.success());
    assert!(!file.exists());
    rig.assert_is_logged_out();
}

#[test]
fn gate_token_comes_before_what_was_stored() {
    let mut rig = Rig::new();
    rig.keyutils = Keyutils::Closed;
    assert!(rig.login().status.success());
    let agent = rig.server.setup.agent.clone();
    rig.home.set("GATE_TOKEN", &agent);
    let whoami: serde_json::Value = serde_json::from_str(&rig.whoami().stdout).unwrap();
    assert_eq!(whoami["principal"]["name"], "demo-agent");
    rig.home.set("GATE_TOKEN", "hunter2 with a space");
    let refused = rig.gate(&["whoami"]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(
        refused.stderr.contains("GATE_TOKEN is not a token"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
}

#[test]
fn a_server_with_another_key_gets_no_token_and_nothing_is_stored() {
    let rig = Rig::new();
    let other = rig::another_key();
    let refused = rig.login_as(&["--server-key", &other], rig.token());
    assert_eq!(refused.status.code(), Some(78));
    assert!(refused.stderr.contains("has the key"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&other), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("nothing was sent to it"),
        "{}",
        refused.stderr
    );
    rig.assert_nothing_is_stored();
}

#[test]
fn without_a_terminal_an_unknown_key_must_be_given() {
    let rig = Rig::new();
    let refused = rig.login_as(&[], rig.token());
    assert_eq!(refused.status.code(), Some(64));
    assert!(
        refused.stderr.contains("is not known here"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("--server-key"),
        "{}",
        refused.stderr
    );
    rig.assert_nothing_is_stored();
}

#[test]
fn a_key_that_changed_since_the_last_login_is_refused_until_it_is_given() {
    let mut rig = Rig::new();
    rig.keyutils = Keyutils::Closed;
    assert!(rig.login().status.success());
    rig.replace_server();
    let refused = rig.login_as(&[], rig.token());
    assert_eq!(refused.status.code(), Some(78));
    assert!(
        refused.stderr.contains("an earlier login"),
        "{}",
        refused.stderr
    );
    let login = rig.login();
    assert!(login.status.success(), "{}", login.stderr);
    assert!(rig.whoami().status.success());
}

#[test]
fn a_token_that_the_server_does_not_know_is_not_stored() {
    let rig = Rig::new();
    let refused = rig.login_with("gate_no_such_token_hunter2");
    assert_eq!(refused.status.code(), Some(78));
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    rig.assert_nothing_is_stored();
    for (token, told) in [
        ("", "the token is empty"),
        ("two words", "contains white space"),
    ] {
        let refused = rig.login_with(token);
        assert_eq!(refused.status.code(), Some(64));
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
}

#[test]
fn a_server_that_is_down_is_said_to_be() {
    let mut rig = Rig::new();
    rig.server.stop();
    let refused = rig.login();
    assert_eq!(refused.status.code(), Some(69));
    rig.assert_nothing_is_stored();
}

#[test]
fn no_server_at_all_is_a_question_of_usage() {
    let rig = Rig::new();
    for (arguments, code) in [(&["login"][..], 64), (&["logout"], 64), (&["whoami"], 78)] {
        let refused = rig.gate(arguments);
        assert_eq!(
            refused.status.code(),
            Some(code),
            "{arguments:?}: {}",
            refused.stderr
        );
        assert!(
            refused
                .stderr
                .lines()
                .all(|line| line.starts_with("gate: ")),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn at_a_terminal_the_key_is_confirmed_and_the_token_is_never_shown() {
    let mut rig = Rig::new();
    rig.keyutils = Keyutils::Closed;
    let terminal = Terminal::spawn(
        rig.command(&["login", "--paste", "--server", &rig.url()]),
        Size::default(),
    )
    .unwrap();
    terminal
        .wait_for("is this the key that its owner gave you? [y/N]", WITHIN)
        .unwrap();
    assert!(
        terminal.screen().contains(rig.key()),
        "{}",
        terminal.screen()
    );
    terminal.send("y\r").unwrap();
    terminal.wait_for("token for", WITHIN).unwrap();
    terminal.send(format!("{}\r", rig.token())).unwrap();
    terminal.wait_for("logged in to", WITHIN).unwrap();
    assert!(terminal.exit_status(WITHIN).unwrap().success());
    let transcript = text_of(&terminal);
    assert!(!transcript.contains(rig.token()), "{transcript}");
    assert!(rig.whoami().status.success());
}

#[test]
fn a_no_at_the_key_ends_the_login_before_the_token_is_asked_for() {
    let rig = Rig::new();
    let terminal = Terminal::spawn(
        rig.command(&["login", "--paste", "--server", &rig.url()]),
        Size::default(),
    )
    .unwrap();
    terminal.wait_for("[y/N]", WITHIN).unwrap();
    terminal.send("\r").unwrap();
    assert_eq!(terminal.exit_status(WITHIN).unwrap().code(), Some(78));
    assert!(
        !text_of(&terminal).contains("token for"),
        "{}",
        text_of(&terminal)
    );
    rig.assert_nothing_is_stored();
}

#[test]
fn ctrl_c_at_the_token_ends_by_sigint_and_leaves_the_terminal_with_its_echo() {
    use std::os::unix::process::ExitStatusExt as _;

    let rig = Rig::new();
    // A shell in between that survives the interrupt, asks how gate ended, and looks at the terminal.
    let script = format!(
        "trap : INT; {} login --paste --server {} --server-key '{}'; echo ended $?; stty -a",
        rig::GATE,
        rig.url(),
        rig.key()
    );
    let mut shell = rig.home.command("bash");
    shell.args(["-c", &script]);
    let terminal = Terminal::spawn(shell, Size::default()).unwrap();
    terminal.wait_for("token for", WITHIN).unwrap();
    terminal.send("hunter2\u{3}").unwrap();
    let status = terminal.exit_status(WITHIN).unwrap();
    let transcript = text_of(&terminal);
    assert!(transcript.contains("ended 130"), "{transcript}");
    assert!(transcript.contains(" echo "), "{transcript}");
    assert!(!transcript.contains("hunter2"), "{transcript}");
    assert_eq!(status.signal(), None);
}
