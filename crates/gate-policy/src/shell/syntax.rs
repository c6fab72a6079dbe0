//! What a shell script consists of.

use std::ops::Range;
use std::rc::Rc;

/// Commands one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct List(pub(super) Vec<AndOr>);

/// Pipelines joined by `&&` and `||`. Whether one runs depends on the one
/// before it; the first always does.
#[derive(Clone, Debug)]
pub(super) struct AndOr {
    pub(super) pipelines: Vec<(Joint, Pipeline)>,
}

/// What stands before a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joint {
    /// Nothing: it is the first.
    First,
    /// `&&`.
    And,
    /// `||`.
    Or,
}

/// Commands whose output feeds the next one.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) commands: Vec<Command>,
    /// Whether it runs in the background, so in a shell of its own.
    pub(super) is_background: bool,
}

/// One command with its redirections.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) kind: Kind,
    pub(super) redirects: Vec<Redirect>,
}

/// What a command is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Assignments and words.
    Simple(Simple),
    /// `{ … }`.
    Group(List),
    /// `( … )`: a shell of its own.
    Subshell(List),
    /// `if`: a list that decides, then the branches. Each of them may run.
    If(Vec<List>),
    /// `while` and `until`: the condition and the body.
    While(List, List),
    /// `for` and `select`: the variable, its words, the body. No words: the
    /// positional ones. For `for ((…))` the words are not known.
    For(Vec<u8>, ForWords, List),
    /// `case`: the subject, and the patterns with their lists.
    Case(Word, Vec<(Vec<Word>, List)>),
    /// A function.
    Function(Vec<u8>, Rc<Command>),
    /// `[[ … ]]`: the words in it.
    Test(Vec<Word>),
    /// `(( … ))`.
    Arithmetic(Arithmetic),
}

/// What a `for` goes through.
#[derive(Clone, Debug)]
pub(super) enum ForWords {
    Given(Vec<Word>),
    Positional,
    /// `select`, where a person chooses, or numbers that are counted.
    Unknown(Vec<Word>),
}

/// Assignments and words.
#[derive(Clone, Debug, Default)]
pub(super) struct Simple {
    pub(super) assignments: Vec<Assignment>,
    pub(super) words: Vec<Word>,
    /// Where it stands in the text.
    pub(super) range: Range<usize>,
}

/// `NAME=VALUE`.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub(super) name: Vec<u8>,
    /// Nothing for an array, or for `+=`: the value is not followed.
    pub(super) value: Option<Word>,
    /// The words of an array, for what they run.
    pub(super) others: Vec<Word>,
}

/// One redirection.
#[derive(Clone, Debug)]
pub(super) struct Redirect {
    /// The descriptor; nothing where a variable holds it.
    pub(super) descriptor: Option<u32>,
    pub(super) kind: RedirectKind,
}

/// What is redirected.
#[derive(Clone, Debug)]
pub(super) enum RedirectKind {
    /// `<`.
    From(Word),
    /// `>`, `>>`, `>|`, `&>`, `<>`.
    To(Word),
    /// `<&` and `>&`.
    Duplicate(Word),
    /// `<<`: the index of its text.
    Here(usize),
    /// `<<<`.
    HereString(Word),
}

/// One word.
#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    pub(super) pieces: Vec<Piece>,
    /// Where it stands in the text; empty where the text was not written so.
    pub(super) range: Range<usize>,
}

/// A part of a word.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// Letters that stand for themselves, in quotes or out of them.
    Literal { bytes: Vec<u8>, is_quoted: bool },
    /// A variable.
    Parameter { name: Vec<u8>, is_quoted: bool },
    /// `${NAME:-VALUE}` with plain letters for a value.
    Default {
        name: Vec<u8>,
        value: Vec<u8>,
        is_quoted: bool,
    },
    /// A variable with an operator, a length, an indirection: not followed,
    /// but for what the words in it run.
    Opaque {
        name: Vec<u8>,
        words: Vec<Word>,
        /// Whether the words are what is printed where there is no value.
        is_message: bool,
    },
    /// `$(…)`, and the same between backquotes.
    Substitution(List),
    /// `<(…)` and `>(…)`.
    Process(List),
    /// `$((…))`.
    Arithmetic(Arithmetic),
}

/// A calculation with nothing but numbers and names.
#[derive(Clone, Debug)]
pub(super) struct Arithmetic {
    /// The names in it, which are calculations themselves.
    pub(super) names: Vec<Vec<u8>>,
    /// Whether it can assign to them.
    pub(super) assigns: bool,
    /// Whether a value stands in it as it is written.
    pub(super) expands: bool,
    /// Whether it may be an error though its names are numbers.
    pub(super) may_fail: bool,
}

impl Word {
    /// Returns the word where it holds nothing but letters.
    pub(super) fn literal(&self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal { bytes, .. } => text.extend_from_slice(bytes),
                Piece::Parameter { .. }
                | Piece::Default { .. }
                | Piece::Opaque { .. }
                | Piece::Substitution(_)
                | Piece::Process(_)
                | Piece::Arithmetic(_) => return None,
            }
        }
        Some(text)
    }
}
