//! The coding agents that gate can answer, and what is theirs alone.

/// A coding agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agent {
    ClaudeCode,
    Codex,
    Gemini,
    Cursor,
    Copilot,
    Opencode,
    Aider,
}

impl Agent {
    pub(super) const ALL: &'static [Self] = &[
        Self::ClaudeCode,
        Self::Codex,
        Self::Gemini,
        Self::Cursor,
        Self::Copilot,
        Self::Opencode,
        Self::Aider,
    ];

    /// Returns its name on the command line.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Cursor => "cursor",
            Self::Copilot => "copilot",
            Self::Opencode => "opencode",
            Self::Aider => "aider",
        }
    }

    /// Returns its name in a sentence.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::Codex => "Codex",
            Self::Gemini => "Gemini CLI",
            Self::Cursor => "Cursor",
            Self::Copilot => "GitHub Copilot",
            Self::Opencode => "opencode",
            Self::Aider => "aider",
        }
    }

    /// Returns the event that comes before a shell command, where the question names one.
    pub(super) const fn events(self) -> &'static [&'static str] {
        match self {
            Self::ClaudeCode | Self::Codex => &["PreToolUse"],
            Self::Gemini => &["BeforeTool"],
            Self::Cursor => &["beforeShellExecution", "preToolUse"],
            Self::Copilot => &["PreToolUse", "preToolUse"],
            Self::Opencode | Self::Aider => &[],
        }
    }

    /// Returns the tools of the agent that hand a text to a shell.
    pub(super) const fn shells(self) -> &'static [&'static str] {
        match self {
            Self::ClaudeCode => &["Bash", "Monitor", "PowerShell"],
            Self::Codex => &["Bash", "shell", "local_shell", "exec_command"],
            Self::Gemini => &["run_shell_command"],
            Self::Cursor => &["Shell"],
            Self::Copilot => &["bash", "Bash", "powershell"],
            Self::Opencode => &["bash"],
            Self::Aider => &[],
        }
    }

    /// Returns what who sets the hook has to know of how the agent takes it.
    pub(super) const fn remark(self) -> &'static str {
        match self {
            Self::ClaudeCode => {
                "Claude Code before 2.1.295 lets a call through when a hook takes too long or can't \
                 be started."
            }
            Self::Codex => {
                "Codex runs a hook only after you have trusted it: look at it with `/hooks` in \
                 Codex. It lets a call through when a hook takes too long or can't be started."
            }
            Self::Gemini => {
                "Gemini CLI lets a call through when a hook takes too long, is killed or ends with \
                 code 1, and refuses it when the hook can't be started."
            }
            Self::Cursor => {
                "A Cursor that does not know `failClosed` lets a call through when a hook takes too \
                 long or can't be started."
            }
            Self::Copilot => {
                "GitHub Copilot lets a call through when a hook takes too long, and refuses it when \
                 the hook can't be started."
            }
            Self::Opencode => "opencode loads plugins when it starts.",
            Self::Aider => {
                "aider has no hooks: it offers no shell command of the model's any more. What is typed \
                 behind `/run`, its --test-cmd and its --lint-cmd run as before. A `.aider.conf.yml` \
                 nearer to where it starts, AIDER_SUGGEST_SHELL_COMMANDS and its own command line come \
                 before this setting."
            }
        }
    }

    /// Returns what who sets the hook for a project has to know beside that: where the agent leaves
    /// a project's hooks out.
    pub(super) const fn remark_of_project(self) -> Option<&'static str> {
        match self {
            Self::Codex => Some(
                "Codex leaves a project's hooks out, and runs every call, until the folder is \
                 trusted too.",
            ),
            Self::Gemini => {
                Some("Gemini CLI works with a project's hooks in a trusted folder only.")
            }
            Self::Copilot => Some(
                "GitHub Copilot leaves a project's hooks out, without a word, where the folder is \
                 not trusted: a prompt on the command line (`-p`) needs `--trust-folder`.",
            ),
            Self::ClaudeCode | Self::Cursor | Self::Opencode | Self::Aider => None,
        }
    }
}
