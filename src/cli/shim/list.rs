//! `gate shim list`.

use std::ffi::OsStr;
use std::path::Path;

use gate_protocol::inert::inert;
use serde::Serialize;

use super::Place;
use crate::failure::Failure;
use crate::report;
use crate::shims::{
    Candidate, Leads, Lookup, Met, OnPath, Program, Shim, ShimFolder, known, position,
};
use crate::show::answer;
use crate::show::screen::{Screen, Tone};
use crate::show::table::Table;
use crate::world::World;

/// Show the shims, what each leads to, and whether it is met
///
/// Without a folder: the one among your data, this machine's, and those on PATH.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// The answer for programs.
#[derive(Serialize)]
struct Json {
    folders: Vec<ListedFolder>,
}

/// One folder of shims.
#[derive(Serialize)]
struct ListedFolder {
    folder: String,
    /// `first`, `later` or `absent`.
    on_path: &'static str,
    /// What comes before it on PATH.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// Why nothing is to be believed of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    shims: Vec<ListedShim>,
}

/// One shim.
#[derive(Serialize)]
struct ListedShim {
    tool: String,
    leads_to: String,
    /// `current`, `other` (another program of gate's) or `broken`.
    state: &'static str,
    /// The tool that would run.
    #[serde(skip_serializing_if = "Option::is_none")]
    real: Option<String>,
    /// Why none would.
    #[serde(skip_serializing_if = "Option::is_none")]
    real_refused: Option<String>,
    /// What the tool's name leads to on PATH here.
    #[serde(skip_serializing_if = "Option::is_none")]
    meets: Option<String>,
    /// Whether that is a shim.
    is_met: bool,
}

impl List {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let lookup = Lookup::from(&world.cwd)?;
        let program = Program::beside_gate().ok();
        let mut folders = Vec::new();
        for folder in self.folders(world)? {
            folders.push(listed(world, &lookup, program.as_ref(), &folder)?);
        }
        if self.json {
            return answer::json(&Json { folders });
        }
        folders.retain(|folder| !folder.shims.is_empty());
        if folders.is_empty() {
            report::line(
                "there are no shims here: `gate shim install kubectl` puts one before a tool",
            );
            return Ok(());
        }
        let screen = Screen::of_stdout(world.env_os("NO_COLOR").is_some());
        answer::text(&table(&screen, &folders))?;
        for folder in &folders {
            tell(folder);
        }
        Ok(())
    }

    /// Returns the folders to list, each once.
    fn folders(&self, world: &World) -> Result<Vec<ShimFolder>, Failure> {
        if self.place.is_named() {
            return self.place.folder(world).map(|folder| vec![folder]);
        }
        Ok(known(world))
    }
}

fn listed(
    world: &World,
    lookup: &Lookup<'_>,
    program: Option<&Program>,
    folder: &ShimFolder,
) -> Result<ListedFolder, Failure> {
    let path = world.variable(OsStr::new("PATH"));
    let (on_path, after) = match position(folder.path(), path) {
        OnPath::First => ("first", None),
        OnPath::After(other) => ("later", Some(text(&other))),
        OnPath::Absent => ("absent", None),
    };
    let shims = folder.shims()?;
    Ok(ListedFolder {
        folder: text(folder.path()),
        on_path,
        after,
        refused: folder
            .refuse_untrusted()
            .err()
            .map(|error| error.to_string()),
        shims: shims
            .iter()
            .map(|shim| listed_shim(lookup, program, shim, path))
            .collect(),
    })
}

fn listed_shim(
    lookup: &Lookup<'_>,
    program: Option<&Program>,
    shim: &Shim,
    path: Option<&OsStr>,
) -> ListedShim {
    let (leads_to, state) = match &shim.leads {
        Leads::ToGate(at) if program.is_some_and(|program| program.path() == at) => (at, "current"),
        Leads::ToGate(at) => (at, "other"),
        Leads::Nowhere(at) => (at, "broken"),
    };
    let (real, real_refused) = match lookup.real(&shim.tool, path) {
        Ok(real) => (Some(text(&real)), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let met = lookup.candidates(&shim.tool, path).into_iter().next();
    ListedShim {
        tool: shim.tool.to_string_lossy().into_owned(),
        leads_to: text(leads_to),
        state,
        real,
        real_refused,
        is_met: matches!(met, Some(Candidate { met: Met::Shim, .. })),
        meets: met.map(|candidate| text(&candidate.path)),
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn table(screen: &Screen, folders: &[ListedFolder]) -> String {
    let mut table = Table::new(screen, &["TOOL", "MET", "RUNS", "SHIM"]);
    for folder in folders {
        for shim in &folder.shims {
            let met = if shim.is_met { "yes" } else { "no" };
            let tone = if shim.is_met && shim.state != "broken" {
                Tone::Plain
            } else {
                Tone::Alarm
            };
            let real = shim.real.as_deref().map_or("nothing".into(), inert);
            let leads = match shim.state {
                "current" => String::new(),
                "broken" => format!(", leads to {}, which is gone", inert(&shim.leads_to)),
                _ => format!(", leads to another gate: {}", inert(&shim.leads_to)),
            };
            table.row(
                tone,
                vec![
                    inert(&shim.tool).into_owned(),
                    met.to_owned(),
                    real.into_owned(),
                    format!("{}/{}{leads}", inert(&folder.folder), inert(&shim.tool)),
                ],
            );
        }
    }
    table.finish()
}

/// Says of a folder what keeps its shims from being met.
fn tell(folder: &ListedFolder) {
    let name = inert(&folder.folder);
    if let Some(why) = &folder.refused {
        report::line(&format!("warning: {why}"));
    }
    match (folder.on_path, &folder.after) {
        ("later", Some(after)) => report::line(&format!(
            "warning: {name} is not first on PATH here: {} comes before it; `gate shell-init` puts it first",
            inert(after)
        )),
        ("absent", _) => report::line(&format!(
            "warning: {name} is not on PATH here; `gate shell-init` puts it there"
        )),
        _ => {}
    }
    for shim in &folder.shims {
        if shim.state != "current" {
            report::line(&format!(
                "{} leads to {}: `gate shim install {}` mends it",
                inert(&shim.tool),
                if shim.state == "broken" {
                    "a gate that is gone"
                } else {
                    "another gate"
                },
                inert(&shim.tool)
            ));
        }
    }
}
