//! Bytes in and out: unchanged, and with the ends that the tool sees and shows.

use std::io::{Read, Write};
use std::process::Stdio;

use super::wrapper::{Channel, END, Wrapper, wait_for_end};

const BYTES: usize = 64 << 20;

/// THREATS.md 4.4: "byte-identical, constant memory".
pub(crate) fn sixty_four_megabytes_pass_unchanged(wrapper: &Wrapper) {
    let mut command = wrapper.probe(&["copy"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let sent = noise();
    let received = std::thread::scope(|scope| {
        scope.spawn(|| {
            stdin.write_all(&sent).unwrap();
            drop(stdin);
        });
        let mut received = Vec::with_capacity(BYTES);
        stdout.read_to_end(&mut received).unwrap();
        received
    });
    assert!(received == sent, "{} bytes came back", received.len());
    assert_eq!(wait_for_end(&mut child), 0);
}

/// Bytes without a pattern that a lost or doubled block could hide in (xorshift64).
fn noise() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(BYTES / 8).flatten().collect()
}

/// `tool | head -1`: the tool is ended by SIGPIPE, and so is gate.
pub(crate) fn a_closed_reader_ends_the_tool_by_sigpipe(wrapper: &Wrapper) {
    let mut command = wrapper.probe(&["flood"]);
    command.stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut page = [0; 4096];
    stdout.read_exact(&mut page).unwrap();
    drop(stdout);
    assert_eq!(wait_for_end(&mut child), libc::SIGPIPE);
}

/// The reader's end of file comes when the tool closes its output, not when gate ends.
pub(crate) fn a_tool_that_closes_its_output_ends_the_readers_wait(wrapper: &Wrapper) {
    let mut channel = Channel::open();
    let mut command = wrapper.probe(&["leave", "9", "1"]);
    channel.attach(&mut command);
    command.stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let [tool, ..] = channel.wait_for_probe("left");
    let mut all = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut all)
        .unwrap();
    assert_eq!(all, "");
    assert_eq!(child.try_wait().unwrap(), None, "the tool still runs");
    send(tool, END);
    assert_eq!(wait_for_end(&mut child), 0);
}

/// The writer's EPIPE comes when the tool closes its input, not when gate ends.
pub(crate) fn a_tool_that_closes_its_input_ends_the_writers_wait(wrapper: &Wrapper) {
    let mut channel = Channel::open();
    let mut command = wrapper.probe(&["leave", "9", "0"]);
    channel.attach(&mut command);
    command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let [tool, ..] = channel.wait_for_probe("left");
    let error = child
        .stdin
        .take()
        .unwrap()
        .write_all(&vec![0; 4 << 20])
        .unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
    assert_eq!(child.try_wait().unwrap(), None, "the tool still runs");
    send(tool, END);
    assert_eq!(wait_for_end(&mut child), 0);
}

fn send(process: i32, signal: i32) {
    // SAFETY: two numbers.
    assert_eq!(unsafe { libc::kill(process, signal) }, 0);
}
