//! A pane of a tmux of its own.

use std::time::{Duration, Instant};

use gate_testkit::home::Home;

/// How long something may take on a busy machine.
const WITHIN: Duration = Duration::from_secs(90);

/// One window with one program. Dropping it ends both.
pub(crate) struct Pane<'h> {
    home: &'h Home,
    /// What is played, for whoever reads why it failed.
    what: String,
}

impl<'h> Pane<'h> {
    pub(crate) fn open(home: &'h Home, argv: &[&str], what: &str) -> Self {
        let pane = Self {
            home,
            what: what.to_owned(),
        };
        let start = [
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "100",
            "-y",
            "30",
        ];
        pane.tmux(&[&start, argv].concat());
        // Its line would be one of the program's.
        pane.tmux(&["set-option", "-g", "status", "off"]);
        pane
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.tmux(&["send-keys", "Enter"]);
    }

    pub(crate) fn press(&mut self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux(&["resize-window", "-x", &columns, "-y", &rows]);
    }

    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_for_one_of(&[text]);
    }

    #[track_caller]
    pub(crate) fn wait_for_one_of(&mut self, texts: &[&str]) {
        self.wait_until(&format!("one of {texts:?}"), |pane| {
            let screen = pane.screen();
            texts.iter().any(|text| screen.contains(text))
        });
    }

    /// Waits until another program than the shell has the terminal.
    #[track_caller]
    pub(crate) fn wait_until_behind(&mut self, shell: &str) {
        self.wait_until("other program in front", |pane| {
            let format = "#{pane_current_command}";
            pane.tmux(&["display-message", "-p", format]).trim() != shell
        });
    }

    #[track_caller]
    fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let until = Instant::now() + WITHIN;
        while !is_so(self) {
            let screen = self.screen();
            assert!(
                Instant::now() < until,
                "{}: no {what} in\n{screen}",
                self.what
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-200"])
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = self.home.command("tmux");
        command.arg("-S").arg(self.home.path().join("tmux"));
        let output = command.args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}: {arguments:?}: {said}",
            self.what
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Pane<'_> {
    fn drop(&mut self) {
        let mut command = self.home.command("tmux");
        command.arg("-S").arg(self.home.path().join("tmux"));
        drop(command.arg("kill-server").output());
    }
}
