//! `when = '…'`: a condition of a rule in the Common Expression Language.
//!
//! It is read and held to a shape ([`shape`]) when the rules are loaded, so that a mistake is one
//! of the file. What it may speak of is in [`vocabulary`]. Answering it takes bounded work; where
//! that, or what it asks for, is not there, the answer is neither yes nor no, and the rule decides
//! which of them is the stricter.
//!
//! Source: the language definition of `cel-spec`.

mod kinds;
mod shape;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use cel::common::types::{CelBool, CelString, STRING_TYPE};
use cel::common::value::CowVal;
use cel::parser::{Expression, PrattParser};
use cel::{Context, Env, ExecutionError, Value};

use super::decision::Decision;
use super::evaluation::Occasion;
use super::fields::Placed;
use crate::glob;
use crate::invocation::Invocation;
use shape::Shape;
pub(super) use vocabulary::Scope;

/// The longest condition, in bytes.
const LONGEST_BYTES: usize = 1_000;
/// How deep its parts may stand in each other. The parser and the evaluation take stack for each.
const DEEPEST: u16 = 24;
/// How many parts it may have.
const MOST_PARTS: usize = 200;
/// How much work an answer may take: about the bytes that are looked at.
const MOST_WORK: usize = 20_000_000;

/// A condition, ready to be answered.
#[derive(Clone)]
pub(super) struct Condition {
    source: Arc<str>,
    expression: Arc<Expression>,
    /// The variables that it speaks of.
    uses: BTreeSet<&'static str>,
    shape: Shape,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

/// Why a condition has no answer. The command's words are not repeated: they can be secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("it asks for what is not there")]
    Absent,
    #[error("a word is no text")]
    NotText,
    #[error("it is no question for what is there")]
    Types,
    #[error("a number is out of range")]
    Number,
    #[error("it is more work than a condition may be")]
    TooMuch,
}

/// What is wrong with a condition: where in its text, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) problem: String,
    pub(super) mend: String,
}

impl Condition {
    /// Reads a condition of a rule that can speak of so much.
    pub(super) fn read(source: &str, scope: &Scope) -> Result<Self, Fault> {
        if source.len() > LONGEST_BYTES {
            return Err(Fault {
                at: 0,
                problem: format!("is longer than {LONGEST_BYTES} bytes"),
                mend: "make several rules of it".to_owned(),
            });
        }
        let parser = PrattParser::new()
            .max_recursion_depth(DEEPEST)
            .max_expression_node_count(MOST_PARTS);
        let expression = parser.parse(source).map_err(|errors| {
            let first = errors.errors.first();
            let at = first.map_or(0, |error| offset(source, error.pos));
            let said = first.map_or("", |error| error.msg.as_str());
            if let Some(at) = single_equals(source) {
                return Fault {
                    at,
                    problem: "is no condition: `=` sets something".to_owned(),
                    mend: "write == to compare".to_owned(),
                };
            }
            let said = said.strip_prefix("Syntax error: ").unwrap_or(said);
            Fault {
                at,
                problem: format!("is no condition: {}", super::fields::shown(said)),
                mend: "correct it; docs/rules.md says what a condition can be".to_owned(),
            }
        })?;
        let mut uses = BTreeSet::new();
        let shape = shape::hold(&expression, source, scope, &mut uses)?;
        Ok(Self {
            source: source.into(),
            expression: Arc::new(expression),
            uses,
            shape,
        })
    }

    /// Returns the condition as it was written.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Answers it for a command here and now.
    pub(super) fn holds(
        &self,
        invocation: &Invocation,
        cwd: &Path,
        occasion: &Occasion,
    ) -> Result<bool, NoAnswer> {
        let mut context = Context::with_env(Arc::clone(environment()));
        let mut size = vocabulary::Size::default();
        for name in &self.uses {
            let value = vocabulary::value(name, (invocation, cwd, occasion), &mut size)?;
            context.add_variable_from_value(*name, value);
        }
        if self.shape.work(size.bytes, size.items) > MOST_WORK {
            return Err(NoAnswer::TooMuch);
        }
        match Value::resolve(&self.expression, &context) {
            Ok(Value::Bool(answer)) => Ok(answer),
            Ok(_) => Err(NoAnswer::Types),
            Err(error) => Err(no_answer(&error)),
        }
    }
}

fn no_answer(error: &ExecutionError) -> NoAnswer {
    if let ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) = error {
        NoAnswer::Absent
    } else if let ExecutionError::Overflow(..)
    | ExecutionError::DivisionByZero(_)
    | ExecutionError::RemainderByZero(_) = error
    {
        NoAnswer::Number
    } else {
        NoAnswer::Types
    }
}

/// Returns the byte of a line and a column in bytes, both from one; what lies outside is 0.
fn offset(source: &str, (line, column): (isize, isize)) -> usize {
    let (Ok(line), Ok(column)) = (usize::try_from(line - 1), usize::try_from(column - 1)) else {
        return 0;
    };
    let before: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    source.floor_char_boundary(before + column)
}

/// Returns where a `=` stands alone, outside of texts.
fn single_equals(source: &str) -> Option<usize> {
    let mut quote = None;
    let bytes = source.as_bytes();
    let mut before = b' ';
    for (at, byte) in bytes.iter().copied().enumerate() {
        let next = bytes.get(at + 1);
        match (quote, byte) {
            (Some(open), _) if open == byte && before != b'\\' => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'=') if !b"=!<>".contains(&before) && next != Some(&b'=') => return Some(at),
            _ => {}
        }
        before = byte;
    }
    None
}

/// The language, with `like` for the patterns that all other matchers have.
fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Env::stdlib();
        let declared =
            env.add_member_overload("like", "string_like", STRING_TYPE, vec![STRING_TYPE], like);
        // Where it could not be declared, a condition that calls it has no answer.
        drop(declared);
        Arc::new(env)
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the language calls its functions so"
)]
fn like<'b, 'v>(words: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let text = |at: usize| {
        let word = words.get(at)?.downcast_ref::<CelString<'_>>()?;
        Some(word.inner().as_bytes())
    };
    let (Some(text), Some(pattern)) = (text(0), text(1)) else {
        return Err(ExecutionError::missing_argument_or_target());
    };
    Ok(CowVal::owned(CelBool::from(glob::matches(pattern, text))))
}

/// Reads the condition of a rule, where it has one.
pub(super) fn read(
    fields: &mut super::fields::Fields<'_, '_, '_>,
    tools: &[String],
    decision: Option<Decision>,
) -> Option<Condition> {
    let Placed { value, offset } = fields.text("when")?;
    let scope = Scope::of(fields.report, tools, decision);
    match Condition::read(value, &scope) {
        Ok(condition) => Some(condition),
        Err(fault) => {
            let at = fields.report.inside(offset, value, fault.at);
            fields.error(at, "when", fault.problem, fault.mend);
            None
        }
    }
}
