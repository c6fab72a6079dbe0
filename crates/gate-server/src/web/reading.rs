//! A command line as this server reads it: what each word is, and what stands
//! inside. It has the words alone, and neither files nor environment of the
//! machine that asks; the effect and the target of a request are the client's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gate_policy::{Invocation, Nested, Place, Word, WordRole};
use gate_protocol::invocation::BoundInvocation;

use super::question;
use super::shown::Shown;
use crate::service::line::{read, word};

/// How many commands inside are listed; the whole line is shown anyway.
const MOST_INSIDE: usize = 30;
/// How much of a command inside is shown, in bytes.
const INNER_LIMIT: usize = 2_000;

/// What one word is.
pub(super) struct Role {
    pub(super) text: Shown,
    pub(super) is_unknown: bool,
}

/// A statement or command that stands inside.
pub(super) struct Inside {
    pub(super) text: Shown,
    pub(super) what: String,
}

/// What there is to say of a command line's words.
#[derive(Default)]
pub(super) struct Reading {
    /// Whether this server has a profile of the tool.
    pub(super) is_known: bool,
    roles: Vec<Role>,
    pub(super) inner: Vec<Inside>,
}

impl Reading {
    /// Reads the words of a request. A reading that fails says nothing, and the
    /// page shows the words without it.
    pub(super) async fn of(invocation: &BoundInvocation) -> Self {
        let argv: Vec<OsString> = invocation.argv.iter().map(word).collect();
        let cwd = PathBuf::from(word(&invocation.cwd));
        let reading = tokio::task::spawn_blocking(move || Self::read(&argv, &cwd));
        reading.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a command could not be read for its page");
            Self::default()
        })
    }

    fn read(argv: &[OsString], cwd: &Path) -> Self {
        Self::from_invocation(&read(argv, cwd))
    }

    /// Says what was read.
    pub(super) fn from_invocation(invocation: &Invocation) -> Self {
        let mut inner = Vec::new();
        gather(invocation, &mut inner);
        Self {
            is_known: invocation.known,
            roles: invocation.words.iter().map(role).collect(),
            inner,
        }
    }

    /// Returns each word that is shown with what it is.
    pub(super) fn of_each<'a>(&'a self, words: &'a [Shown]) -> Vec<(&'a Shown, &'a Role)> {
        words.iter().zip(&self.roles).collect()
    }
}

fn role(word: &Word) -> Role {
    let name = &*word.name;
    let text = match word.role {
        WordRole::Tool => "the tool".to_owned(),
        WordRole::Command => "what the tool is to do".to_owned(),
        WordRole::Option if name.is_empty() => "an option".to_owned(),
        WordRole::Option => format!("the option {name}"),
        WordRole::Value if name.is_empty() => "the value of the option before it".to_owned(),
        WordRole::Value => format!("the value of {name}"),
        WordRole::Operand => "what it is done to".to_owned(),
        WordRole::Separator => "from here on nothing is an option".to_owned(),
        WordRole::Passed => "handed on to the command inside".to_owned(),
        WordRole::Unknown => "not understood".to_owned(),
    };
    Role {
        text: Shown::of(&text),
        is_unknown: word.role == WordRole::Unknown,
    }
}

/// Lists what stands inside, the outermost first.
fn gather(invocation: &Invocation, inner: &mut Vec<Inside>) {
    for nested in &invocation.nested {
        if inner.len() == MOST_INSIDE {
            return;
        }
        inner.push(inside(nested));
        if let Some(command) = &nested.inner {
            gather(&command.invocation, inner);
        }
    }
}

fn inside(nested: &Nested) -> Inside {
    let mut text = Shown::of(&nested.text);
    let cut = text.keep(INNER_LIMIT);
    let meaning = question::effect(nested.effect.as_str()).meaning;
    let is_elsewhere = nested
        .inner
        .as_ref()
        .is_some_and(|inner| inner.place == Place::Elsewhere);
    let kind = match (&*nested.language, is_elsewhere) {
        ("command", true) => "a command that runs on another machine or in a container",
        ("command", false) => "a command inside",
        ("sql", _) => "a statement of SQL",
        _ => "a statement inside",
    };
    let rest = if cut > 0 {
        format!("; {cut} more bytes of it stand in the command above")
    } else {
        String::new()
    };
    Inside {
        text,
        what: format!("{kind}: {}, {meaning}{rest}", nested.effect.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(words: &[&str]) -> Reading {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        Reading::read(&argv, Path::new("/"))
    }

    fn said(reading: &Reading) -> Vec<String> {
        reading.roles.iter().map(|role| role.text.text()).collect()
    }

    #[test]
    fn each_word_is_named_as_the_tool_takes_it() {
        let reading = reading(&["kubectl", "delete", "ns", "-n", "x", "--", "prod"]);
        assert!(reading.is_known);
        let said = said(&reading);
        assert_eq!(said.len(), 7);
        assert_eq!(said[0], "the tool");
        assert_eq!(said[1], "what the tool is to do");
        assert_eq!(said[3], "the option namespace");
        assert_eq!(said[4], "the value of namespace");
        assert_eq!(said[5], "from here on nothing is an option");
    }

    #[test]
    fn what_stands_inside_is_listed_with_what_it_does() {
        let reading = reading(&["bash", "-c", "kubectl delete ns prod && ls"]);
        let inner: Vec<String> = reading
            .inner
            .iter()
            .map(|inner| inner.what.clone())
            .collect();
        assert!(
            inner.iter().any(|what| what.contains("destroy")),
            "{inner:?}"
        );
    }

    #[test]
    fn a_tool_without_a_profile_says_nothing() {
        assert!(!reading(&["my-own-tool", "go"]).is_known);
    }
}
