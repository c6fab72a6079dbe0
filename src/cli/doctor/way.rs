//! The ways in which a command is started.

use clap::ValueEnum;
use serde::Serialize;

/// One way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// By this process, as it is.
    Here,
    /// By a login shell that runs one command, as many agents do.
    Login,
    /// At the prompt of a new shell.
    Interactive,
    /// By a script that is started from here.
    Script,
    /// By `bash -l -c`, where that is not the user's shell: many agents start commands so.
    LoginBash,
    /// By `zsh -l -c`, where that is not the user's shell.
    LoginZsh,
    /// By the user's crontab.
    Cron,
    /// By the machine's own crontabs.
    SystemCron,
    /// By `ssh HOST COMMAND`.
    Ssh,
    /// By sudo.
    Sudo,
    /// By a unit of systemd.
    Systemd,
    /// In a container.
    Container,
}

impl Way {
    /// Those that must hold where nothing else is asked for.
    pub(super) const SHELLS: [Self; 4] = [Self::Here, Self::Login, Self::Interactive, Self::Script];

    /// Returns its name for people.
    pub(super) fn named(self) -> &'static str {
        match self {
            Self::Here => "this process",
            Self::Login => "login shell",
            Self::Interactive => "interactive shell",
            Self::Script => "script",
            Self::LoginBash => "bash as a login shell",
            Self::LoginZsh => "zsh as a login shell",
            Self::Cron => "cron",
            Self::SystemCron => "the machine's cron",
            Self::Ssh => "ssh",
            Self::Sudo => "sudo",
            Self::Systemd => "systemd unit",
            Self::Container => "container",
        }
    }
}
