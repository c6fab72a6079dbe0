//! The statements and commands that `mysql` and `sqlite3` would run.

mod known;
mod mysql;
mod sqlite;
mod statement;
mod text;

use crate::effect::Effect;
use crate::invocation::{Invocation, Nested};
use crate::read::MAX_SCRIPT_BYTES;
pub(crate) use mysql::read as read_mysql;
pub(crate) use sqlite::read as read_sqlite;
use statement::Language;

/// What stands at the start of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Statement,
    /// A command of the client, with its effect.
    Client(Effect),
}

fn unknown(reason: &str, invocation: &mut Invocation) {
    invocation.add(Effect::Unknown, reason);
}

fn nest(language: &str, text: &str, effect: Effect, invocation: &mut Invocation) {
    invocation.nested.push(Nested {
        language: language.to_owned(),
        text: text.to_owned(),
        effect,
        inner: None,
    });
}

fn judge_text(bytes: &[u8], language: Language, invocation: &mut Invocation) {
    if bytes.len() > MAX_SCRIPT_BYTES {
        return unknown("a script is longer than gate reads", invocation);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return unknown("a script is not UTF-8", invocation);
    };
    match language {
        Language::MySql => mysql::judge_script(text, invocation),
        Language::Sqlite => sqlite::judge_script(text, invocation),
    }
}

fn judge_sql(text: &str, language: Language, invocation: &mut Invocation) {
    if text.trim().is_empty() {
        return;
    }
    let judged = match text::is_plain(text, language) {
        Ok(()) => statement::judge(text, language),
        Err(problem) => vec![(Effect::Unknown, problem.to_owned())],
    };
    let mut strictest = Effect::Read;
    for (effect, reason) in judged {
        invocation.add(effect, &reason);
        strictest = strictest.max(effect);
    }
    nest("sql", text.trim(), strictest, invocation);
}
