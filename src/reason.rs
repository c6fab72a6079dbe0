//! Why a command should run, in the requester's words.

use gate_protocol::request::REASON_LIMIT;

use crate::circumstances::Env;
use crate::failure::{Failure, FailureKind};
use crate::progress::Voice;
use crate::prompt;

/// The environment variable that holds the reason for programs.
const VARIABLE: &str = "GATE_REASON";

/// Returns the reason: `given` on the command line, else `GATE_REASON`, else,
/// where a rule wants one, the answer of the person at the terminal, if it is a
/// person who is told of the run. White space around it does not count, and an
/// empty one is none.
///
/// Ctrl-C at the question ends gate by SIGINT, whether or not gate catches
/// signals already: the question reads them first.
///
/// # Errors
/// The reason is too long, or one is wanted and there is nobody to ask; Ctrl-C
/// or another signal at the question.
pub(crate) fn obtain(
    given: Option<String>,
    required: bool,
    voice: Voice,
    env: Env<'_>,
) -> Result<Option<String>, Failure> {
    let on_command_line = trimmed(given).map(|text| (text, "--reason"));
    let told = on_command_line.or_else(|| Some((trimmed(env(VARIABLE))?, VARIABLE)));
    if let Some((text, from)) = told {
        return within_limit(text, from).map(Some);
    }
    if !required {
        return Ok(None);
    }
    if voice == Voice::Json || !prompt::is_possible() {
        return Err(Failure::new(
            FailureKind::Usage,
            "a rule wants a reason, and none was given",
        )
        .hint(format!("give one with --reason 'WHY' or in {VARIABLE}")));
    }
    match trimmed(Some(prompt::text("why? A rule wants a reason")?)) {
        Some(text) => within_limit(text, "the reason").map(Some),
        None => Err(Failure::new(
            FailureKind::Usage,
            "a rule wants a reason, and none was given",
        )
        .hint("nothing was asked for; run it again and say why")),
    }
}

fn trimmed(text: Option<String>) -> Option<String> {
    let text = text?;
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn within_limit(text: String, from: &str) -> Result<String, Failure> {
    let length = text.chars().count();
    if length <= REASON_LIMIT {
        return Ok(text);
    }
    Err(Failure::new(
        FailureKind::Usage,
        format!("{from} has {length} characters, and {REASON_LIMIT} are the most"),
    )
    .hint("say it shorter, and link to what is longer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unset(_: &str) -> Option<String> {
        None
    }

    fn from_environment(name: &str) -> Option<String> {
        (name == VARIABLE).then(|| " from the environment\n".to_owned())
    }

    #[test]
    fn the_command_line_comes_before_the_environment() {
        let given = obtain(
            Some(" rotate keys ".to_owned()),
            true,
            Voice::Human,
            &from_environment,
        )
        .unwrap();
        assert_eq!(given.as_deref(), Some("rotate keys"));
        let told = obtain(Some("  ".to_owned()), true, Voice::Human, &from_environment).unwrap();
        assert_eq!(told.as_deref(), Some("from the environment"));
    }

    #[test]
    fn no_rule_wants_one_and_none_is_given() {
        assert_eq!(
            obtain(Some(String::new()), false, Voice::Human, &unset).unwrap(),
            None
        );
    }

    #[test]
    fn a_reason_of_the_limit_is_taken_and_a_longer_one_is_refused_by_name() {
        let longest = "é".repeat(REASON_LIMIT);
        assert_eq!(
            obtain(Some(longest.clone()), false, Voice::Human, &unset).unwrap(),
            Some(longest)
        );
        let failure = obtain(
            Some("é".repeat(REASON_LIMIT + 1)),
            false,
            Voice::Human,
            &unset,
        )
        .unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Usage);
        assert_eq!(
            failure.to_string(),
            format!(
                "--reason has {} characters, and {REASON_LIMIT} are the most",
                REASON_LIMIT + 1
            )
        );
    }
}
