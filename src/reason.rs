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
/// Secrets in it are masked, those that gate finds in the words and those of the
/// command itself, `known`. The limit is of what leaves the machine.
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
    known: &[String],
) -> Result<Option<String>, Failure> {
    let on_command_line = trimmed(given).map(|text| (text, "--reason"));
    let told = on_command_line.or_else(|| Some((trimmed(env(VARIABLE))?, VARIABLE)));
    if let Some((text, from)) = told {
        return presentable(&text, from, known).map(Some);
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
        Some(text) => presentable(&text, "the reason", known).map(Some),
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

/// Masks the secrets of a reason, and holds what is left to the limit.
fn presentable(text: &str, from: &str, known: &[String]) -> Result<String, Failure> {
    let masked = gate_policy::masked_prose(text, known);
    let length = masked.chars().count();
    if length <= REASON_LIMIT {
        return Ok(masked);
    }
    let masks = if masked == text {
        ""
    } else {
        " with its secrets masked"
    };
    Err(Failure::new(
        FailureKind::Usage,
        format!("{from} has {length} characters{masks}, and {REASON_LIMIT} are the most"),
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
            &[],
        )
        .unwrap();
        assert_eq!(given.as_deref(), Some("rotate keys"));
        let told = obtain(
            Some("  ".to_owned()),
            true,
            Voice::Human,
            &from_environment,
            &[],
        )
        .unwrap();
        assert_eq!(told.as_deref(), Some("from the environment"));
    }

    #[test]
    fn no_rule_wants_one_and_none_is_given() {
        assert_eq!(
            obtain(Some(String::new()), false, Voice::Human, &unset, &[]).unwrap(),
            None
        );
    }

    #[test]
    fn a_secret_is_masked_and_the_limit_is_of_what_is_sent() {
        let known = ["tiger-9".to_owned()];
        let given = "from tiger-9, see postgres://u:hunter2@h/db".to_owned();
        let shown = obtain(Some(given), false, Voice::Human, &unset, &known).unwrap();
        assert_eq!(
            shown.as_deref(),
            Some("from [secret 7 bytes], see postgres://u:[secret 7 bytes]@h/db")
        );
        let long = format!("token=abcd {}", "é".repeat(REASON_LIMIT - 11));
        let failure = obtain(Some(long), false, Voice::Human, &unset, &[]).unwrap_err();
        let text = failure.to_string();
        assert!(
            text.contains("with its secrets masked") && !text.contains("abcd"),
            "{text}"
        );
    }

    #[test]
    fn a_reason_of_the_limit_is_taken_and_a_longer_one_is_refused_by_name() {
        let longest = "é".repeat(REASON_LIMIT);
        assert_eq!(
            obtain(Some(longest.clone()), false, Voice::Human, &unset, &[]).unwrap(),
            Some(longest)
        );
        let failure = obtain(
            Some("é".repeat(REASON_LIMIT + 1)),
            false,
            Voice::Human,
            &unset,
            &[],
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
