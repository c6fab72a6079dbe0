//! A window of a tmux of its own, through its control mode: keys go in as commands, and what the pane
//! shows comes out as `%output`. Source: tmux(1), "CONTROL MODE".

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::contract::pty::Terminal;
use crate::contract::wrapper::{DEADLINE, wait_readable};

/// How many lines and columns it has at first.
const ROWS: &str = "30";
const COLUMNS: &str = "100";
/// What begins a control sequence.
const ESCAPE: char = '\x1b';

/// A tmux with one window. Dropping it ends both.
pub(crate) struct Tmux {
    client: Child,
    shell: u32,
    /// What tmux said of which the line is not over.
    said: Vec<u8>,
    /// What the pane showed of which a control sequence is not over.
    raw: Vec<u8>,
    _folder: TempDir,
}

impl Tmux {
    /// Starts the shell in it.
    pub(crate) fn open(shell: &mut Command) -> Box<dyn Terminal> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("tmux");
        for (name, value) in shell.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let client = command
            .arg("-S")
            .arg(folder.path().join("tmux"))
            .args(["-f", "/dev/null", "-C", "new-session"])
            .args(["-x", COLUMNS, "-y", ROWS])
            .arg(shell.get_program())
            .args(shell.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut tmux = Self {
            client,
            shell: 0,
            said: Vec::new(),
            raw: Vec::new(),
            _folder: folder,
        };
        tmux.ask("display-message -p 'shell=#{pane_pid}'");
        let deadline = Instant::now() + DEADLINE;
        while tmux.shell == 0 {
            assert!(tmux.read(deadline), "tmux does not answer");
        }
        Box::new(tmux)
    }

    fn ask(&mut self, command: &str) {
        let stdin = self.client.stdin.as_mut().unwrap();
        writeln!(stdin, "{command}").unwrap();
    }

    /// Reads what tmux says; false where nothing came until the deadline.
    fn read(&mut self, deadline: Instant) -> bool {
        let stdout = self.client.stdout.as_mut().unwrap();
        if !wait_readable(stdout, deadline) {
            return false;
        }
        let mut chunk = [0; 1 << 14];
        let read = stdout.read(&mut chunk).unwrap();
        assert!(read > 0, "tmux has ended");
        self.said.extend(&chunk[..read]);
        while let Some(end) = self.said.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.said.drain(..=end).collect();
            self.hear(line.strip_suffix(b"\n").unwrap());
        }
        true
    }

    fn hear(&mut self, line: &[u8]) {
        if let Some(output) = line.strip_prefix(b"%output ") {
            let pane_ends = output.iter().position(|byte| *byte == b' ').unwrap();
            self.raw.extend(unescaped(&output[pane_ends + 1..]));
        }
        let line = String::from_utf8_lossy(line);
        if let Some(shell) = line.strip_prefix("shell=") {
            self.shell = shell.parse().unwrap();
        }
        assert!(!line.starts_with("%error"), "tmux refuses a command");
    }
}

impl Terminal for Tmux {
    fn press(&mut self, keys: &str) {
        // The return key.
        let keys = keys.replace('\n', "\r");
        let numbers: Vec<String> = keys.bytes().map(|byte| format!("{byte:02x}")).collect();
        // A line of tmux's has its limit too.
        for some in numbers.chunks(1000) {
            self.ask(&format!("send-keys -H {}", some.join(" ")));
        }
    }

    fn resize(&mut self, columns: u16) {
        self.ask(&format!("resize-window -x {columns} -y {ROWS}"));
    }

    fn shown(&mut self, deadline: Instant) -> Option<String> {
        while self.raw.is_empty() {
            if !self.read(deadline) {
                return None;
            }
        }
        let text = String::from_utf8_lossy(&self.raw).into_owned();
        let (plain, rest) = without_control(&text);
        self.raw = rest.as_bytes().to_vec();
        // More has to come before there is anything to see.
        if plain.is_empty() && !rest.is_empty() && !self.read(deadline) {
            return None;
        }
        Some(plain)
    }

    fn shell(&self) -> u32 {
        self.shell
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        if let Some(mut stdin) = self.client.stdin.take() {
            drop(writeln!(stdin, "kill-server"));
        }
        drop(self.client.wait());
    }
}

/// Bytes that are not printed, and the backslash, come as three octal digits.
fn unescaped(escaped: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = escaped;
    while let [first, behind @ ..] = rest {
        rest = behind;
        let digits = behind.get(..3).filter(|_| *first == b'\\');
        let number = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match number.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[3..];
            }
            None => bytes.push(*first),
        }
    }
    bytes
}

/// Returns what is to be read, and the beginning of a control sequence whose end has not come.
fn without_control(text: &str) -> (String, &str) {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(ESCAPE) {
        let (before, sequence) = rest.split_at(at);
        plain.push_str(before);
        rest = sequence;
        let Some(bytes) = sequence_bytes(sequence) else {
            break;
        };
        rest = sequence.split_at(bytes).1;
    }
    if !rest.starts_with(ESCAPE) {
        plain.push_str(rest);
        rest = "";
    }
    // What changes the set of letters, and rings.
    plain.retain(|letter| !matches!(letter, '\x0e' | '\x0f' | '\x07'));
    (plain, rest)
}

/// How long the control sequence is that `text` begins with; none where it is not over.
///
/// Source: ECMA-48, 5.3 to 5.6; a title as screen(1) sets it.
fn sequence_bytes(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_final = |byte: &u8| (0x40..=0x7e).contains(byte);
    match bytes.get(1)? {
        b'[' => Some(3 + bytes[2..].iter().position(is_final)?),
        b']' | b'k' | b'P' => {
            let by_bell = text.find('\x07').map(|at| at + 1);
            let by_string = text.find("\x1b\\").map(|at| at + 2);
            by_bell.into_iter().chain(by_string).min()
        }
        0x20..=0x2f => Some(3 + bytes[2..].iter().position(|byte| *byte >= 0x30)?),
        _ => Some(2),
    }
}
