//! A person at a terminal: keys, windows, jobs.

use std::process::Command;
use std::time::Instant;

use nix::sys::termios::tcgetattr;

use super::pty::{Shell, open, take_terminal};
use super::signals::send;
use super::wrapper::{Channel, DEADLINE, END, Wrapper, wait_for_end};

pub(crate) fn the_tool_owns_the_terminal(wrapper: &Wrapper) {
    let mut shell = Shell::start(wrapper);
    shell.type_line(&shell.probe(wrapper, "state 9"));
    shell
        .channel
        .wait_for("timer false foreground true terminal true");
    shell.wait_for_prompt();
}

/// One press of ^C is one SIGINT, sent by the kernel (`SI_KERNEL`, 128).
pub(crate) fn an_interrupt_key_reaches_the_tool_once(wrapper: &Wrapper) {
    for (key, signal) in [("\x03", libc::SIGINT), ("\x1c", libc::SIGQUIT)] {
        let mut shell = Shell::start(wrapper);
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
    let mut shell = Shell::start(wrapper);
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
    let mut shell = Shell::start(wrapper);
    shell.type_line(&shell.probe(wrapper, "hold 9"));
    shell.channel.wait_for("ready");
    shell.press("\x03");
    shell.wait_for_prompt();
    assert_eq!(shell.code_and_output_of("true").0, "130");
}

/// ^Z and fg, three times over: each time one stop and one SIGCONT.
pub(crate) fn a_suspended_job_goes_on_with_fg(wrapper: &Wrapper) {
    let mut shell = Shell::start(wrapper);
    shell.type_line(&shell.probe(wrapper, "hold 9"));
    let [_, _, group] = shell.channel.wait_for_probe("ready");
    for round in 1..=3 {
        shell.press("\x1a");
        shell.wait_for(shell.dialect.stopped[0]);
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
    shell.assert_done();
}

/// What a shell at a terminal sees of every exit code and every death.
pub(crate) fn each_ending_is_the_tools_at_a_terminal(wrapper: &Wrapper) {
    let (codes, signals) = (wrapper.codes(), wrapper.deadly_signals());
    let exits = codes.iter().map(|code| format!("exit {code}"));
    let deaths = signals.iter().map(|signal| format!("die {signal}"));
    let endings: Vec<String> = exits.chain(deaths).collect();
    let seen_through = |wrapper: &Wrapper| {
        let mut shell = Shell::start(wrapper);
        shell.output_of("ulimit -c 0");
        let endings = endings.iter().map(|arguments| {
            // A line of its own: bash gives up the rest of a line whose program SIGINT ended.
            shell.type_line(&wrapper.probe_line(arguments));
            shell.wait_for_prompt();
            shell.code_and_output_of("true").0
        });
        endings.collect::<Vec<String>>()
    };
    let bare = seen_through(&wrapper.without());
    let expected = codes.iter().map(i32::to_string);
    assert_eq!(bare[..codes.len()], expected.collect::<Vec<_>>());
    assert_eq!(seen_through(wrapper), bare);
}

/// A gigabyte through a pipe whose ends stand at a terminal.
pub(crate) fn a_gigabyte_passes_at_a_terminal(wrapper: &Wrapper) {
    let mut shell = Shell::start(wrapper);
    let copy = wrapper.probe_line("copy");
    let bytes = wrapper.many_bytes();
    let output = shell.output_of(&format!("head -c {bytes} /dev/zero | {copy} | cksum"));
    let bare = shell.output_of(&format!("head -c {bytes} /dev/zero | cksum"));
    // gate may have spoken on the same line before.
    let sum = bare.lines().last().unwrap();
    assert!(output.trim_end().ends_with(sum), "{output}");
}

/// Two wrapped tools in one job, beside one that is not.
pub(crate) fn a_suspended_pipeline_goes_on_with_fg(wrapper: &Wrapper) {
    let mut shell = Shell::start(wrapper);
    let last = shell.probe(wrapper, "copy");
    shell.type_line(&format!(
        "{} | cat | {last}",
        shell.probe(wrapper, "hold 9")
    ));
    let [tool, ..] = shell.channel.wait_for_probe("ready");
    shell.press("\x1a");
    shell.wait_for(shell.dialect.stopped[0]);
    shell.wait_for_prompt();
    shell.type_line("fg");
    shell.channel.wait_for("signal 18 ");
    send(tool, END);
    shell.channel.wait_for(&format!("signal {END} "));
    assert_eq!(shell.channel.count(libc::SIGCONT), 1);
    shell.wait_for_prompt();
    shell.assert_done();
}

/// A background job that reads the terminal stops (SIGTTIN) until it is brought to the foreground.
pub(crate) fn a_background_reader_stops_until_it_is_in_the_foreground(wrapper: &Wrapper) {
    let mut shell = Shell::start(wrapper);
    shell.type_line(&format!("{} &", shell.probe(wrapper, "read 9")));
    shell.wait_for_prompt();
    let stopped = shell.dialect.stopped[1];
    wait_for_job(&mut shell, stopped);
    shell.type_line("fg");
    shell.wait_until_behind();
    shell.press("a line\n");
    shell.channel.wait_for("read a line\n");
    shell.wait_for_prompt();
    shell.assert_done();
}

/// Under `stty tostop` a background job that writes to the terminal stops too (SIGTTOU).
pub(crate) fn a_background_writer_stops_under_tostop(wrapper: &Wrapper) {
    let mut shell = Shell::start(wrapper);
    shell.output_of("stty tostop");
    // No shell has that built in.
    let line = wrapper.line("/usr/bin/basename", "written");
    shell.type_line(&format!("{line} &"));
    shell.wait_for_prompt();
    let stopped = shell.dialect.stopped[2];
    wait_for_job(&mut shell, stopped);
    shell.type_line("fg");
    shell.wait_for("written\r\n");
    shell.wait_for_prompt();
    shell.assert_done();
}

/// Asks the shell until it has seen its job in `state`; bash learns of it by itself.
#[track_caller]
fn wait_for_job(shell: &mut Shell, state: &str) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let jobs = shell.output_of(shell.dialect.jobs);
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
    let (by_gate, bare) = (after(wrapper), after(&wrapper.without()));
    assert_eq!(by_gate.local_flags, bare.local_flags);
    assert_eq!(by_gate.input_flags, bare.input_flags);
    assert_eq!(by_gate.output_flags, bare.output_flags);
    assert!(
        !by_gate
            .local_flags
            .contains(nix::sys::termios::LocalFlags::ICANON)
    );
}
