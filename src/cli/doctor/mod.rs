//! `gate doctor`: where the shims are met, where not, and what that promises.

mod container;
mod ground;
mod machine;
mod notes;
mod settings;
mod shown;
mod sudo;
mod systemd;
mod trial;
mod verdict;
mod way;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::ValueEnum as _;
use gate_protocol::mode::Mode;
use serde::Serialize;

use crate::circumstances::MODE;
use crate::failure::{Failure, FailureKind};
use crate::shims::{self, Lookup, ShimFolder, known};
use crate::show::answer;
use crate::show::screen::Screen;
use crate::world::World;

use ground::{Ground, Surveyor};
use settings::{Setting, Standing};
use verdict::{State, Verdict};
use way::Way;

/// Show where the shims are met and where not, and whether gate is in order
///
/// Without tools: all that have a shim. The user's shells are started to ask them,
/// with no terminal and in a new session's environment; what others give a command
/// is read from the files of this machine. Exits 0 only if gate is in order and each
/// tool meets its shim by each way that is asked for: this process, login and
/// interactive shells and scripts, or those that --way names.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// The tools, by their names.
    #[arg(value_name = "TOOL")]
    tools: Vec<OsString>,
    /// A way of starting a command that must hold; only those that are named are looked at.
    #[arg(long, value_name = "WAY")]
    way: Vec<Way>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// All that was found.
#[derive(Serialize)]
struct Findings {
    /// Whether all that was asked for holds.
    holds: bool,
    mode: &'static str,
    promises: &'static str,
    promises_not: &'static str,
    settings: Vec<Setting>,
    notes: Vec<String>,
    tools: Vec<ToolFindings>,
}

/// What was found of one tool.
#[derive(Serialize)]
struct ToolFindings {
    tool: String,
    /// The tool that gate would run.
    #[serde(skip_serializing_if = "Option::is_none")]
    real: Option<String>,
    ways: Vec<Verdict>,
    notes: Vec<String>,
}

impl Doctor {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let findings = self.look(world)?;
        if self.json {
            answer::json(&findings)?;
        } else {
            let screen = Screen::of_stdout(world.env_os("NO_COLOR").is_some());
            answer::text(&shown::text(&screen, &findings))?;
        }
        if findings.holds {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Found,
            "not all that was asked for holds",
        ))
    }

    fn look(&self, world: &World) -> Result<Findings, Failure> {
        let lookup = Lookup::from(&world.cwd)?;
        let folders = known(world);
        let mut settings = settings::settings(world);
        let tools = self.tools(&folders, &mut settings)?;
        settings.extend(folders.iter().filter_map(refused));
        let survey = Survey::of(
            world,
            &lookup,
            &tools,
            &self.ways(world),
            Places::of(world, &folders),
        );
        let tools: Vec<ToolFindings> = tools
            .iter()
            .enumerate()
            .map(|(index, tool)| self.examined(&survey, index, tool))
            .collect();
        let is_open = |verdict: &Verdict| verdict.is_asked && settings::is_gap(verdict.state);
        let holds = settings
            .iter()
            .all(|setting| setting.standing != Standing::Bad)
            && !tools.iter().flat_map(|tool| &tool.ways).any(is_open);
        Ok(Findings {
            holds,
            mode: MODE.as_str(),
            promises: promise(MODE).0,
            promises_not: promise(MODE).1,
            settings,
            notes: notes::of_caller(world),
            tools,
        })
    }

    /// Returns the tools to look at: those that are named, or all that have a shim.
    fn tools(
        &self,
        folders: &[ShimFolder],
        settings: &mut Vec<Setting>,
    ) -> Result<Vec<OsString>, Failure> {
        let mut tools = self.tools.clone();
        for tool in &tools {
            shims::refuse_path(tool)?;
        }
        if tools.is_empty() {
            for folder in folders {
                tools.extend(folder.shims()?.into_iter().map(|shim| shim.tool));
            }
            tools.sort();
        }
        let mut seen = BTreeSet::new();
        tools.retain(|tool| seen.insert(tool.clone()));
        if tools.is_empty() {
            settings.push(
                Setting::new("shims", Standing::Bad, "no tool has one")
                    .mend("run `gate shim install --all`, or name the tools"),
            );
        }
        Ok(tools)
    }

    fn ways(&self, world: &World) -> Vec<Way> {
        let mut ways = Way::value_variants().to_vec();
        ways.retain(|way| {
            let is_named = self.way.contains(way);
            is_named || (self.way.is_empty() && ground::has_line(world, *way))
        });
        ways
    }

    fn is_asked(&self, way: Way) -> bool {
        if self.way.is_empty() {
            return Way::SHELLS.contains(&way);
        }
        self.way.contains(&way)
    }

    /// Returns what was found of the tool at `index`.
    fn examined(&self, survey: &Survey<'_>, index: usize, tool: &OsStr) -> ToolFindings {
        let path = survey.world.variable(OsStr::new("PATH"));
        let real = survey.lookup.real(tool, path).ok();
        let grounds = survey.grounds.iter();
        ToolFindings {
            tool: tool.to_string_lossy().into_owned(),
            ways: grounds
                .map(|(way, ground)| Verdict {
                    is_asked: self.is_asked(*way),
                    ..survey.verdict(*way, ground, index, tool)
                })
                .collect(),
            notes: notes::of_tool(survey.world, survey.lookup, tool, real.as_deref()),
            real: real.map(|real| real.to_string_lossy().into_owned()),
        }
    }
}

/// What every tool is judged by.
struct Survey<'a> {
    world: &'a World,
    lookup: &'a Lookup<'a>,
    grounds: Vec<(Way, Ground)>,
    shell: PathBuf,
    places: Places,
}

impl<'a> Survey<'a> {
    fn of(
        world: &'a World,
        lookup: &'a Lookup<'a>,
        tools: &[OsString],
        ways: &[Way],
        places: Places,
    ) -> Self {
        let surveyor = Surveyor::new(world, tools);
        let grounds = ways.iter().flat_map(|way| {
            let grounds = surveyor.survey(*way).into_iter();
            grounds.map(|ground| (*way, ground))
        });
        Self {
            world,
            lookup,
            grounds: grounds.collect(),
            shell: surveyor.shell().to_owned(),
            places,
        }
    }

    fn verdict(&self, way: Way, ground: &Ground, index: usize, tool: &OsStr) -> Verdict {
        let (how, by) = verdict::known_by(ground);
        let (state, meets) = verdict::judge(self.lookup, tool, index, ground);
        let folder = self.places.folder_of(tool);
        let mend = || {
            if folder.is_gone {
                return "the program that its shim leads to is gone: install gate again, or run \
                        `gate shim install`"
                    .to_owned();
            }
            if folder.has_shim {
                return verdict::mend(way, &self.shell, &folder.path, &folder.options);
            }
            "it has no shim: `gate shim install` puts one before it".to_owned()
        };
        Verdict {
            way,
            is_asked: false,
            mend: (state == State::Open).then(mend),
            state,
            meets,
            how,
            by,
        }
    }
}

/// Where the shims are.
struct Places {
    folders: Vec<PathBuf>,
    user: Option<PathBuf>,
    machine: PathBuf,
}

/// The folder of one tool's shim.
struct Folder {
    path: PathBuf,
    has_shim: bool,
    /// Whether the shim leads nowhere.
    is_gone: bool,
    /// The options by which it is named, as a shell reads them.
    options: String,
}

impl Places {
    fn of(world: &World, folders: &[ShimFolder]) -> Self {
        Self {
            folders: folders
                .iter()
                .map(|folder| folder.path().to_owned())
                .collect(),
            user: world.layout.user_shims().ok(),
            machine: world.layout.machine_shims(),
        }
    }

    fn folder_of(&self, tool: &OsStr) -> Folder {
        let otherwise = self.user.as_ref().unwrap_or(&self.machine);
        let path = verdict::folder_of(tool, &self.folders, otherwise);
        let options = if Some(&path) == self.user.as_ref() {
            String::new()
        } else if path == self.machine {
            " --system".to_owned()
        } else {
            super::shim::named(&path)
        };
        let shim = path.join(tool);
        let has_shim = shim.symlink_metadata().is_ok();
        Folder {
            has_shim,
            is_gone: has_shim && shim.metadata().is_err(),
            path,
            options,
        }
    }
}

/// Returns why a folder of shims can't be relied on.
fn refused(folder: &ShimFolder) -> Option<Setting> {
    let is_there = folder.path().is_dir();
    let failure = folder.refuse_untrusted().err().filter(|_| is_there)?;
    Some(Setting::failed("shims", &failure))
}

/// Returns what a mode promises, and what it does not.
fn promise(mode: Mode) -> (&'static str, &'static str) {
    match mode {
        Mode::Advisory => (
            "a cooperating caller is stopped, asked and recorded; the record is honest about what gate saw",
            "anything against a caller who avoids gate (an absolute path, another binary, the same \
             credential by another program); that the log is complete; that the agent's token is secret",
        ),
    }
}
