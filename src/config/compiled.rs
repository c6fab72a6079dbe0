//! The policy that shims decide by: the rules in force, compiled once, with what they were made of.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use gate_exec::MappedFile;
use gate_policy::{CompiledPolicy, Environment, Layer, PolicyBuilder};
use gate_shim::place;
use gate_shim::stamp::{Source, Stamp};
use jiff::Timestamp;

use super::policy::{mistakes, profile_sources, rule_files, rule_sources};
use super::{ServerRules, stored_rules};
use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::layout::Layout;
use crate::spool::make_journal;
use crate::trust;
use crate::world::World;

/// What became of the compiled policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Compiled {
    /// It was as it has to be.
    Current(PathBuf),
    /// It was made.
    Made(PathBuf),
    /// There is none, and why; every command is the full gate's then.
    None(&'static str),
}

/// Makes the compiled policy where it is missing or stale.
///
/// # Errors
/// The rules in force can't be read, trusted or understood, or the file can't be written.
pub(crate) fn refresh(world: &World) -> Result<Compiled, Failure> {
    let is_machines = place::has_owner();
    if world.layout.demo_config().is_some() {
        return Ok(Compiled::None("the demo decides by its own configuration"));
    }
    if is_machines && !nix::unistd::geteuid().is_root() {
        return Ok(Compiled::None(
            "this machine has rules of its owner, so root has to compile them: sudo gate rules compile",
        ));
    }
    // Root's file is for every caller, and whether one of them has fetched the server's rules is
    // not in it: the full gate refuses whoever has none.
    if is_machines && world.configuration()?.server_rules() == ServerRules::Required {
        return Ok(Compiled::None(
            "this machine requires the server's rules, which each user fetches: the full gate decides there",
        ));
    }
    let path = if is_machines {
        PathBuf::from(place::OF_MACHINE)
    } else {
        place::compiled(world.layout.state()?)
    };
    let env: Environment = world.variables().collect();
    let now = Timestamp::now();
    if is_current(&path, &env, now) {
        return Ok(Compiled::Current(path));
    }
    if !is_machines {
        let spool = world.layout.spool()?;
        durable::make_folder(&spool)
            .and_then(|()| make_journal(&spool))
            .map_err(|error| cannot_write(error).hint(world.layout.state_mend()))?;
    }
    let Some((stamp, layers)) = stamp(world, &env, is_machines)? else {
        return Ok(Compiled::None(
            "the time for which the server's rules hold can't be told; run `gate rules pull`",
        ));
    };
    if !stamp.is_settled(u64::try_from(now.as_nanosecond()).unwrap_or_default()) {
        return Ok(Compiled::None("the rules were written this very moment"));
    }
    let Some(file) = compile(world, &stamp, layers)? else {
        return Ok(Compiled::None("the rules do not fit in one file"));
    };
    durable::replace(&path, &file).map_err(cannot_write)?;
    if is_machines {
        durable::let_read(&path).map_err(cannot_write)?;
    }
    Ok(Compiled::Made(path))
}

fn cannot_write(error: io::Error) -> Failure {
    Failure::new(FailureKind::Internal, "cannot write the compiled policy").caused_by(error)
}

fn is_current(path: &Path, env: &Environment, now: Timestamp) -> bool {
    let Ok(file) = MappedFile::open(path) else {
        return false;
    };
    let stamp = CompiledPolicy::open(&file)
        .ok()
        .and_then(|compiled| Stamp::decode(compiled.stamp()));
    // By a clock from before the epoch, whatever ends has ended.
    let seconds = || u64::try_from(now.as_second()).unwrap_or(u64::MAX);
    stamp.is_some_and(|stamp| stamp.holds(env, seconds))
}

/// The layers whose rules a compiled policy holds. A project's are heard where they stand.
type Layers = fn(Layer) -> bool;

/// Looks at everything that has a say, before it is read: what changes meanwhile makes the stamp
/// stale.
fn stamp(
    world: &World,
    env: &Environment,
    is_machines: bool,
) -> Result<Option<(Stamp, Layers)>, Failure> {
    let layout = &world.layout;
    let mut looked = Looked::default();
    if is_machines {
        looked.content(layout.machine_config());
        looked.folder(&layout.machine_rules(), trust::Owner::Root)?;
        looked.folder(&layout.machine_profiles(), trust::Owner::Root)?;
        looked.guard(Path::new(place::MACHINE));
        let stamp = Stamp::of_machine(looked.sources()?);
        return Ok(Some((stamp, |layer| layer == Layer::Machine)));
    }
    // That the machine has no owner's folder is looked at each time, before any policy is opened.
    looked.of_user(layout)?;
    let folder = layout.cached_rules()?;
    for path in [
        folder.path().to_owned(),
        folder.bundle(),
        folder.highest_version(),
    ] {
        looked.content(path);
    }
    looked.guard(&layout.spool()?);
    looked.guard(layout.state()?);
    let mut stamp = Stamp::of_caller(looked.sources()?, env);
    if let Some(stored) = stored_rules::stored(&folder)? {
        let half = stored
            .bundle
            .not_after
            .duration_since(stored.bundle.issued_at)
            / 2;
        let Ok(until) = stored.bundle.issued_at.checked_add(half) else {
            return Ok(None);
        };
        stamp.good_until = u64::try_from(until.as_second()).ok();
    }
    Ok(Some((stamp, |layer| layer != Layer::Project)))
}

/// Files and folders that were looked at.
#[derive(Default)]
struct Looked {
    sources: Vec<io::Result<Source>>,
    guarded: BTreeSet<PathBuf>,
}

impl Looked {
    fn content(&mut self, path: impl AsRef<Path>) {
        self.sources.push(Source::content(path.as_ref()));
    }

    /// Looks at who can write a folder. Where it is not there, a link that leads nowhere may come
    /// in the place of one above it, so those count too, up to one that is there.
    fn guard(&mut self, folder: &Path) {
        for folder in folder.ancestors() {
            if self.guarded.insert(folder.to_owned()) {
                self.sources.push(Source::guard(folder));
            }
            if folder.symlink_metadata().is_ok() {
                return;
            }
        }
    }

    /// Looks at a folder of rules or profiles, and at each file in it.
    fn folder(&mut self, folder: &Path, owner: trust::Owner) -> Result<(), Failure> {
        self.content(folder);
        for file in rule_files(folder, owner)? {
            self.content(file);
        }
        Ok(())
    }

    fn of_user(&mut self, layout: &Layout) -> Result<(), Failure> {
        let files = [layout.user_config(), layout.login_file()];
        for file in files.into_iter().flatten() {
            if let Some(folder) = file.parent() {
                self.guard(folder);
            }
            self.content(file);
        }
        for folder in [layout.user_rules(), layout.user_profiles()]
            .into_iter()
            .flatten()
        {
            self.folder(&folder, trust::Owner::Caller)?;
            if let Some(above) = folder.parent() {
                self.guard(above);
            }
        }
        Ok(())
    }

    fn sources(self) -> Result<Vec<Source>, Failure> {
        let sources: io::Result<Vec<Source>> = self.sources.into_iter().collect();
        sources.map_err(|error| {
            Failure::new(
                FailureKind::Configuration,
                "cannot look at gate's own files",
            )
            .caused_by(error)
        })
    }
}

fn compile(world: &World, stamp: &Stamp, layers: Layers) -> Result<Option<Vec<u8>>, Failure> {
    let mut builder = PolicyBuilder::knowing(std::sync::Arc::clone(world.profiles()?));
    let mut found = Vec::new();
    for source in rule_sources(world.configuration()?, world, Path::new("/"))? {
        if !layers(source.layer) {
            continue;
        }
        if let Err(errors) = builder.layer(source.layer, &source.name, &source.text) {
            found.extend(errors);
        }
    }
    if !found.is_empty() {
        return Err(mistakes(&found));
    }
    let mut stamp = stamp.clone();
    stamp.has_profiles = !profile_sources(world)?.is_empty();
    Ok(builder.build().compile(&stamp.encode()))
}
