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
    let source = match (&one.folder, &one.home, &one.repository) {
        (Some(path), None, None) => format!(
            "Folder {{ path: {}, moved_by: {} }}",
            text(path),
            texts(&one.moved_by)
        ),
        (None, Some(home), None) => format!(
            "Files {{ variables: {}, separator: {}, below: {}, home: {} }}",
            texts(&one.variables),
            text(&one.separator),
            text(&one.below),
            texts(home)
        ),
        (None, None, Some(parts)) => format!(
            "Repository {{ moved_by: {}, named_by: {}, variables: {}, parts: {} }}",
            texts(&one.moved_by),
            texts(&one.named_by),
            texts(&one.variables),
            texts(parts)
        ),
        _ => return Err(fail("it has one of `folder`, `home` and `repository`")),
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
