//! Writes what a tool reads without being told as Rust tables.

use crate::emit::{text, texts};
use crate::source::{Implicit, Profile};

pub(crate) fn rows(profile: &Profile) -> Result<Vec<String>, String> {
    profile.implicit.iter().map(row).collect()
}

fn row(one: &Implicit) -> Result<String, String> {
    let fail = |problem: &str| format!("implicit `{}`: {problem}", one.role);
    if one.separator.len() > 1 {
        return Err(fail("a separator is one byte"));
    }
    let source = match (
        &one.folder,
        &one.upward,
        one.named_folder,
        &one.modules,
        &one.home,
        &one.repository,
    ) {
        (Some(path), None, None, None, None, None) => format!(
            "Folder {{ path: {}, skipped: {} }}",
            text(path),
            texts(&one.skipped)
        ),
        (None, Some(files), None, None, None, None) => {
            format!("Upward {{ files: {} }}", texts(files))
        }
        (None, None, Some(true), None, None, None) => {
            format!("NamedFolder {{ variables: {} }}", texts(&one.variables))
        }
        (None, None, None, Some(path), None, None) => format!(
            "Modules {{ path: {}, variables: {}, skipped: {} }}",
            text(path),
            texts(&one.variables),
            texts(&one.skipped)
        ),
        (None, None, None, None, Some(home), None) => format!(
            "Files {{ variables: {}, separator: {}, below: {}, home: {} }}",
            texts(&one.variables),
            text(&one.separator),
            text(&one.below),
            texts(home)
        ),
        (None, None, None, None, None, Some(parts)) => format!(
            "Repository {{ named_by: {}, variables: {}, parts: {} }}",
            texts(&one.named_by),
            texts(&one.variables),
            texts(parts)
        ),
        _ => return Err(fail("it says in one way where it stands")),
    };
    Ok(format!(
        "ImplicitSpec {{ role: {}, source: ImplicitSource::{source}, commands: {}, unless: {}, \
         is_acting_only: {} }}",
        text(&one.role),
        texts(&one.commands),
        texts(&one.unless),
        one.acting,
    ))
}
