//! In which file an agent's hook stands.

use std::path::{Path, PathBuf};

use super::Form;
use crate::cli::hook::agent::Agent;
use crate::failure::{Failure, FailureKind};
use crate::world::World;

/// The settings of aider, in a home as in a project.
const AIDER: &str = ".aider.conf.yml";

/// For whom a hook is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::hook) enum Scope {
    /// For this user, in every project.
    User,
    /// For whoever works in this project.
    Project,
}

impl Scope {
    pub(in crate::cli::hook) const ALL: [Self; 2] = [Self::User, Self::Project];

    pub(in crate::cli::hook) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
        }
    }
}

/// A file, and how an agent's hook is written into it.
#[derive(Debug)]
pub(in crate::cli::hook) struct Place {
    pub(in crate::cli::hook) path: PathBuf,
    /// The folder above which nothing is the hook's.
    pub(super) root: PathBuf,
    pub(in crate::cli::hook) scope: Scope,
    pub(in crate::cli::hook) form: Form,
}

impl Place {
    /// Returns the place of an agent's hook.
    ///
    /// # Errors
    /// There is no home.
    pub(in crate::cli::hook) fn of(
        world: &World,
        agent: Agent,
        scope: Scope,
    ) -> Result<Self, Failure> {
        let (root, path) = match scope {
            Scope::User => {
                let folder = user_folder(world, agent)?;
                let path = folder.join(user_file(agent));
                (folder, path)
            }
            Scope::Project => {
                let root = project(&world.cwd);
                let path = root.join(project_file(agent));
                (root, path)
            }
        };
        Ok(Self {
            path,
            root,
            scope,
            form: Form(agent),
        })
    }

    /// Returns the file that keeps what was there before.
    pub(in crate::cli::hook) fn copy(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".before-gate");
        self.path.with_file_name(name)
    }
}

fn user_folder(world: &World, agent: Agent) -> Result<PathBuf, Failure> {
    let moved = |name: &str| world.env_os(name).map(PathBuf::from);
    let home = || {
        moved("HOME").filter(|home| home.is_dir()).ok_or_else(|| {
            Failure::new(FailureKind::Usage, "there is no home folder")
                .hint("set HOME, or write the hook for a project with --project")
        })
    };
    let own = |variable: &str, name: &str| match moved(variable) {
        Some(folder) => Ok(folder),
        None => home().map(|home| home.join(name)),
    };
    match agent {
        Agent::ClaudeCode => own("CLAUDE_CONFIG_DIR", ".claude"),
        Agent::Codex => own("CODEX_HOME", ".codex"),
        Agent::Copilot => own("COPILOT_HOME", ".copilot"),
        Agent::Gemini => home().map(|home| home.join(".gemini")),
        Agent::Cursor => home().map(|home| home.join(".cursor")),
        Agent::Opencode => match moved("XDG_CONFIG_HOME") {
            Some(folder) => Ok(folder.join("opencode")),
            None => home().map(|home| home.join(".config/opencode")),
        },
        Agent::Aider => home(),
    }
}

fn user_file(agent: Agent) -> &'static str {
    match agent {
        Agent::ClaudeCode | Agent::Gemini => "settings.json",
        Agent::Codex => "config.toml",
        Agent::Cursor => "hooks.json",
        Agent::Copilot => "hooks/gate.json",
        Agent::Opencode => "plugins/gate.js",
        Agent::Aider => AIDER,
    }
}

fn project_file(agent: Agent) -> &'static str {
    match agent {
        Agent::ClaudeCode => ".claude/settings.json",
        Agent::Codex => ".codex/config.toml",
        Agent::Gemini => ".gemini/settings.json",
        Agent::Cursor => ".cursor/hooks.json",
        Agent::Copilot => ".github/hooks/gate.json",
        Agent::Opencode => ".opencode/plugins/gate.js",
        Agent::Aider => AIDER,
    }
}

/// Returns the project that `cwd` is in: the nearest folder with a repository, or itself.
fn project(cwd: &Path) -> PathBuf {
    let mut above = cwd.ancestors();
    let root = above.find(|folder| folder.join(".git").symlink_metadata().is_ok());
    root.unwrap_or(cwd).to_owned()
}
