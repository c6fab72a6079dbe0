//! A person at a terminal: keys, windows, jobs.

use std::process::Command;
use std::time::Instant;

use nix::sys::termios::tcgetattr;

use super::pty::{Shell, open, take_terminal};
use super::signals::send;
use super::wrapper::{Channel, DEADLINE, END, Wrapper, wait_for_end};

pub(crate) fn the_tool_owns_the_terminal(wrapper: &Wrapper) {
    let mut shell = Shell::start();
    shell.type_line(&shell.probe(wrapper, "state 9"));
    shell
        .channel
        .wait_for("timer false foreground true terminal true");
    shell.wait_for_prompt();
}

/// One press of ^C is one SIGINT, sent by the kernel (`SI_KERNEL`, 128).
pub(crate) fn an_interrupt_key_reaches_the_tool_once(wrapper: &Wrapper) {
    for (key, signal) in [("\x03", libc::SIGINT), ("\x1c", libc::SIGQUIT)] {
        let mut shell = Shell::start();
        shell.type_line(&shell.probe(wrapper, "count 9"));
        let [_, _, group] = shell.channel.wait_for_probe("ready");
        shell.press(key);
        shell.channel.wait_for(&format!("signal {signal} 128"));
        send(group, END);
        shell.channel.wait_for(&format!("signal {END} "));
        assert_eq!(shell.channel.count(signal), 1);
        shell.wait_for_prompt();
    }
}

pub(crate) fn a_resized_window_is_told_once(wrapper: &Wrapper) {
    let mut shell = Shell::start();
    shell.type_line(&shell.probe(wrapper, "count 9"));
    let [_, _, group] = shell.channel.wait_for_probe("ready");
    shell.resize(101);
    shell.channel.wait_for("signal 28 128");
    send(group, END);
    shell.channel.wait_for(&format!("signal {END} "));
    assert_eq!(shell.channel.count(libc::SIGWINCH), 1);
    shell.wait_for_prompt();
}

pub(crate) fn a_tool_that_dies_of_the_interrupt_key_is_130_to_the_shell(wrapper: &Wrapper) {
    let mut shell = Shell::start();
    shell.type_line(&shell.probe(wrapper, "hold 9"));
    shell.channel.wait_for("ready");
    shell.press("\x03");
    shell.wait_for_prompt();
    assert_eq!(shell.output_of("echo code-$?"), "code-130\r\n");
}

/// ^Z and fg, three times over: each time one stop and one SIGCONT.
pub(crate) fn a_suspended_job_goes_on_with_fg(wrapper: &Wrapper) {
    let mut shell = Shell::start();
    shell.type_line(&shell.probe(wrapper, "hold 9"));
    let [_, _, group] = shell.channel.wait_for_probe("ready");
    for round in 1..=3 {
        shell.press("\x1a");
        shell.wait_for("Stopped");
        shell.wait_for_prompt();
        assert_eq!(shell.channel.count(libc::SIGCONT), round - 1);
        shell.type_line("fg");
        while shell.channel.count(libc::SIGCONT) < round {
            shell.channel.wait_for_more();
        }
    }
    send(group, END);
    shell.channel.wait_for(&format!("signal {END} "));
    assert_eq!(shell.channel.count(libc::SIGCONT), 3);
    shell.wait_for_prompt();
    assert_eq!(shell.output_of("echo code-$?; jobs"), "code-0\r\n");
}

/// What a shell at a terminal sees of every exit code and every death.
pub(crate) fn each_ending_is_the_tools_at_a_terminal(wrapper: &Wrapper) {
    let stopping = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    let exits = (0..=255).map(|code| format!("exit {code}"));
    let deaths = (1..=64).filter(|signal| !stopping.contains(signal));
    let endings: Vec<String> = exits
        .chain(deaths.map(|signal| format!("die {signal}")))
        .collect();
    let seen_through = |wrapper: &Wrapper| {
        let mut shell = Shell::start();
        shell.output_of("ulimit -c 0");
        let endings = endings.iter().map(|arguments| {
            // A line of its own: bash gives up the rest of a line whose program SIGINT ended.
            shell.type_line(&wrapper.probe_line(arguments));
            shell.wait_for_prompt();
            shell.output_of("echo code-$?").trim_end().to_owned()
        });
        endings.collect::<Vec<String>>()
    };
    let bare = seen_through(&Wrapper::bare());
    let codes = (0..256).map(|code| format!("code-{code}"));
    assert_eq!(bare.get(..256).unwrap(), codes.collect::<Vec<_>>());
    assert_eq!(seen_through(wrapper), bare);
}

/// A gigabyte through a pipe whose ends stand at a terminal.
pub(crate) fn a_gigabyte_passes_at_a_terminal(wrapper: &Wrapper) {
    let mut shell = Shell::start();
    let copy = wrapper.probe_line("copy");
    let output = shell.output_of(&format!("head -c 1073741824 /dev/zero | {copy} | cksum"));
    let bare = shell.output_of("head -c 1073741824 /dev/zero | cksum");
    // gate may have spoken on the same line before.
    let sum = bare.lines().last().unwrap();
    assert!(output.trim_end().ends_with(sum), "{output}");
}

/// Two wrapped tools in one job, beside one that is not.
pub(crate) fn a_suspended_pipeline_goes_on_with_fg(wrapper: &Wrapper) {
    let mut shell = Shell::start();
    let last = shell.probe(wrapper, "copy");
    shell.type_line(&format!(
        "{} | cat | {last}",
        shell.probe(wrapper, "hold 9")
    ));
    let [tool, ..] = shell.channel.wait_for_probe("ready");
    shell.press("\x1a");
    shell.wait_for("Stopped");
    shell.wait_for_prompt();
    shell.type_line("fg");
    shell.channel.wait_for("signal 18 ");
    send(tool, END);
    shell.channel.wait_for(&format!("signal {END} "));
    assert_eq!(shell.channel.count(libc::SIGCONT), 1);
    shell.wait_for_prompt();
    assert_eq!(shell.output_of("echo code-$?; jobs"), "code-0\r\n");
}

/// A background job that reads the terminal stops (SIGTTIN) until it is brought to the foreground.
pub(crate) fn a_background_reader_stops_until_it_is_in_the_foreground(wrapper: &Wrapper) {
    let mut shell = Shell::start();
    shell.type_line(&format!("{} &", shell.probe(wrapper, "read 9")));
    shell.wait_for_prompt();
    wait_for_job(&mut shell, "Stopped (tty input)");
    shell.type_line("fg");
    shell.press("a line\n");
    shell.channel.wait_for("read a line\n");
    shell.wait_for_prompt();
    assert_eq!(shell.output_of("echo code-$?; jobs"), "code-0\r\n");
}

/// Under `stty tostop` a background job that writes to the terminal stops too (SIGTTOU).
pub(crate) fn a_background_writer_stops_under_tostop(wrapper: &Wrapper) {
    let mut shell = Shell::start();
    shell.output_of("stty tostop");
    let echo: Vec<String> = wrapper
        .argv("/bin/echo", &["written"])
        .iter()
        .map(|word| word.to_str().unwrap().to_owned())
        .collect();
    shell.type_line(&format!("{} &", echo.join(" ")));
    shell.wait_for_prompt();
    wait_for_job(&mut shell, "Stopped (tty output)");
    shell.type_line("fg");
    shell.wait_for("written\r\n");
    shell.wait_for_prompt();
    assert_eq!(shell.output_of("echo code-$?; jobs"), "code-0\r\n");
}

/// Asks the shell until it has seen its job in `state`; bash learns of it by itself.
#[track_caller]
fn wait_for_job(shell: &mut Shell, state: &str) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let jobs = shell.output_of("jobs -l");
        if jobs.contains(state) {
            return;
        }
        assert!(Instant::now() < deadline, "{jobs}");
    }
}

/// gate neither restores nor changes modes: a tool that leaves raw mode leaves raw mode.
pub(crate) fn terminal_modes_stay_as_the_tool_left_them(wrapper: &Wrapper) {
    let after = |wrapper: &Wrapper| {
        let (_master, slave) = open();
        let mut channel = Channel::open();
        let mut command: Command = wrapper.probe(&["raw", "9"]);
        channel.attach(&mut command);
        command.stdin(slave.try_clone().unwrap());
        take_terminal(&mut command);
        let mut child = command.spawn().unwrap();
        channel.wait_for("raw\n");
        assert_eq!(wait_for_end(&mut child), 0);
        tcgetattr(&slave).unwrap()
    };
    let (by_gate, bare) = (after(wrapper), after(&Wrapper::bare()));
    assert_eq!(by_gate.local_flags, bare.local_flags);
    assert_eq!(by_gate.input_flags, bare.input_flags);
    assert_eq!(by_gate.output_flags, bare.output_flags);
    assert!(
        !by_gate
            .local_flags
            .contains(nix::sys::termios::LocalFlags::ICANON)
    );
}
