//! What an `[[environment]]` and an `[[implicit]]` say.

use std::collections::BTreeMap;

use toml::Spanned;

use super::compile::kept;
use super::words::{Choice, one_of, plain, shown, text, texts};
use super::{Implicit, Mistake, Profile, Variable, Word};
use crate::profile::{ImplicitSource, ImplicitSpec, VariableAction, VariableSpec};

/// The actions, but for `set`, which has a value.
#[derive(Clone, Copy)]
enum Action {
    Bind,
    Ignore,
    Strip,
    Unknown,
    Merge,
    Set,
}

const ACTIONS: Choice<Action> = &[
    ("bind", Action::Bind),
    ("ignore", Action::Ignore),
    ("strip", Action::Strip),
    ("unknown", Action::Unknown),
    ("merge", Action::Merge),
    ("set", Action::Set),
];

/// Returns a row for each variable, in the order of their names.
pub(super) fn rows(profile: &Profile, mistakes: &mut Vec<Mistake>) -> Vec<VariableSpec> {
    let mut all: BTreeMap<&String, (&Word, &Variable)> = BTreeMap::new();
    for placed in &profile.environment {
        let spec = placed.get_ref();
        for name in &spec.names {
            if all.insert(name.get_ref(), (name, spec)).is_some() {
                let problem = format!("variable `{}` stands twice", shown(name.get_ref()));
                mistakes.push(Mistake::at(name, problem, "leave one of them out"));
            }
        }
    }
    let rows = all.into_values();
    rows.filter_map(|(name, spec)| kept(row(name, spec), mistakes))
        .collect()
}

fn row(name: &Word, spec: &Variable) -> Result<VariableSpec, Mistake> {
    let action = match one_of(Some(&spec.action), Action::Unknown, ACTIONS)? {
        Action::Set if name.get_ref().contains('*') => {
            let problem = format!(
                "`{}` is a pattern, and `set` sets one",
                shown(name.get_ref())
            );
            return Err(Mistake::at(name, problem, "write the whole name"));
        }
        Action::Set => VariableAction::Set(text(&spec.value)),
        Action::Bind => VariableAction::Bind,
        Action::Ignore => VariableAction::Ignore,
        Action::Strip => VariableAction::Strip,
        Action::Unknown => VariableAction::Unknown,
        Action::Merge => VariableAction::Merge,
    };
    Ok(VariableSpec {
        name: text(name.get_ref()),
        is_of_python: spec.python,
        action,
        commands: texts(&spec.commands),
        unless: plain(&spec.unless),
        harmless: texts(&spec.harmless),
        harmless_without: texts(&spec.harmless_without),
        is_beyond_read: spec.beyond_read,
        is_stripped_elsewhere: spec.stripped_elsewhere,
        target: text(&spec.target),
        secret: text(&spec.secret),
        why: text(&spec.why),
    })
}

/// Returns what the tool reads without being told.
pub(super) fn implicit(profile: &Profile, mistakes: &mut Vec<Mistake>) -> Vec<ImplicitSpec> {
    let all = profile.implicit.iter();
    all.filter_map(|one| kept(implicit_one(one), mistakes))
        .collect()
}

fn implicit_one(placed: &Spanned<Implicit>) -> Result<ImplicitSpec, Mistake> {
    let one = placed.get_ref();
    if one.separator.len() > 1 {
        let problem = "a separator is one byte";
        return Err(Mistake::new(
            placed.span(),
            problem,
            "write one sign, as \":\"",
        ));
    }
    let Some(source) = source(one) else {
        let problem = "it says in one way where it stands";
        let mend = "write one of folder, upward, named_folder, home and repository";
        return Err(Mistake::new(placed.span(), problem, mend));
    };
    Ok(ImplicitSpec {
        role: text(&one.role),
        source,
        commands: texts(&one.commands),
        unless: plain(&one.unless),
        is_without_operands: one.without_operands,
        is_acting_only: one.acting,
    })
}

/// Returns where it stands; nothing where that is said in no way or in several.
fn source(one: &Implicit) -> Option<ImplicitSource> {
    let all = [
        one.folder.as_ref().map(|path| ImplicitSource::Folder {
            path: text(path),
            skipped: texts(&one.skipped),
        }),
        one.upward.as_ref().map(|files| ImplicitSource::Upward {
            files: texts(files),
            is_whole: one.whole,
            skipped: texts(&one.skipped),
        }),
        (one.named_folder == Some(true)).then(|| ImplicitSource::NamedFolder {
            variables: texts(&one.variables),
        }),
        one.modules.as_ref().map(|path| ImplicitSource::Modules {
            path: text(path),
            variables: texts(&one.variables),
            skipped: texts(&one.skipped),
        }),
        one.home.as_ref().map(|home| ImplicitSource::Files {
            variables: texts(&one.variables),
            separator: text(&one.separator),
            below: text(&one.below),
            home: texts(home),
        }),
        one.repository
            .as_ref()
            .map(|parts| ImplicitSource::Repository {
                named_by: plain(&one.named_by),
                variables: texts(&one.variables),
                parts: texts(parts),
            }),
    ];
    let mut all = all.into_iter().flatten();
    all.next().filter(|_| all.next().is_none())
}
