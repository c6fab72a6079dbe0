//! What the words of a command mean: its effects, its target, its reasons.

use std::borrow::Cow;

use super::argparse::asks_for_help;
use super::presence;
use super::words::{Operand, Parsed, Use, shown};
use super::{git_files, remote, secret_files};
use crate::command_line::CommandLine;
use crate::effect::{Effect, EffectSet};
use crate::glob;
use crate::invocation::{Invocation, WordRole};
use crate::profile::{
    Arity, CommandSpec, Neutral, OperandPattern, OperandRule, Position, Style, Text,
};

/// Writes effects, reasons and target of what was parsed.
pub(crate) fn judge(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let Some(command) = parsed.node() else {
        invocation.add(Effect::Unknown, "the profile has no such command");
        return;
    };
    for problem in &parsed.problems {
        invocation.add(Effect::Unknown, problem);
    }
    let is_neutral = judge_command(parsed, command, invocation);
    let is_beyond = |used: &&Use<'_>| used.flag.is_some_and(|flag| flag.is_beyond_read);
    for used in parsed.uses.iter().filter(|used| !is_beyond(used)) {
        judge_flag(parsed, used, invocation);
    }
    for rule in command.operands.iter() {
        judge_operands((line, parsed), rule, is_neutral, invocation);
    }
    secret_files::judge_search(line, parsed, invocation);
    for used in parsed.uses.iter().filter(is_beyond) {
        if invocation.does_more_than_read() {
            judge_flag(parsed, used, invocation);
        } else {
            note_target(used, invocation);
        }
    }
    secret_files::judge_shown(line, parsed, invocation);
}

/// Adds the command's own effect; tells whether a flag took it away.
fn judge_command(parsed: &Parsed<'_>, command: &CommandSpec, invocation: &mut Invocation) -> bool {
    if let Some(flag) = neutral_flag(parsed, command) {
        invocation.add(Effect::Read, format!("`{flag}` keeps it from acting"));
        return true;
    }
    if asks_for_help(parsed) {
        invocation.add(Effect::Read, "with `help` it only shows its manual");
        return true;
    }
    if only_shows(parsed, command) {
        invocation.add(Effect::Read, "with these operands it only shows");
        return true;
    }
    if command.is_group && command.effect == Effect::Read && !parsed.problems.is_empty() {
        // It would say what the words do without the one that was not understood.
        return false;
    }
    invocation.add(command.effect, reason_of(parsed, command));
    if let Some(also) = command.also {
        invocation.add(also, format!("it has the effect {} too", also.as_str()));
    }
    false
}

/// Says which effect a command has of itself. It is said of nearly every command, and so put
/// together without a formatter.
fn reason_of(parsed: &Parsed<'_>, command: &CommandSpec) -> String {
    let path: usize = parsed.path.iter().map(|word| word.len() + 1).sum();
    let mut reason = String::with_capacity(parsed.spec.name.len() + path + command.why.len() + 32);
    reason.push('`');
    reason.push_str(&parsed.spec.name);
    for word in &parsed.path {
        reason.push(' ');
        reason.push_str(word);
    }
    reason.push_str("` has the effect ");
    reason.push_str(command.effect.as_str());
    if !command.why.is_empty() {
        reason.push_str(": ");
        reason.push_str(&command.why);
    }
    reason
}

/// Returns the flag that takes the command's own effect away. Only the last
/// use of it counts, as with the tools, and nothing counts where a word was
/// not understood.
fn neutral_flag(parsed: &Parsed<'_>, command: &CommandSpec) -> Option<String> {
    if !command.can_be_neutral || !parsed.problems.is_empty() {
        return None;
    }
    let is_last = |at: usize, used: &Use<'_>| {
        !parsed
            .uses
            .iter()
            .skip(at + 1)
            .any(|later| later.name == used.name)
    };
    parsed
        .uses
        .iter()
        .enumerate()
        .find(|(at, used)| used.is_neutral_for(parsed, command) && is_last(*at, used))
        .map(|(_, used)| match used.value {
            Some(value) => format!("{}={}", used.name, shown(value)),
            None => used.name.to_string(),
        })
}

/// Tells whether the operands are those with which a command only shows.
fn only_shows(parsed: &Parsed<'_>, command: &CommandSpec) -> bool {
    let Some(shows) = command.shows.as_ref() else {
        return false;
    };
    parsed.problems.is_empty()
        && parsed.operands.len() == usize::from(shows.operands)
        && parsed.operands.iter().all(|operand| {
            let mut globs = shows.globs.iter();
            globs.any(|pattern| glob::matches(pattern.as_bytes(), operand.bytes))
        })
}

impl Use<'_> {
    /// A flag of the command says what one of its name does that stands in front
    /// of it.
    fn is_neutral_for(&self, parsed: &Parsed<'_>, command: &CommandSpec) -> bool {
        let mut own = parsed.spec.local_flags(command).flatten();
        let is_its_own = self.flag.is_some_and(|flag| flag.name == self.name);
        let own = own.find(|flag| is_its_own && flag.name == self.name);
        match own.or(self.flag).map(|flag| &flag.neutral) {
            None | Some(Neutral::Never) => false,
            Some(Neutral::Present) => self.on,
            // An empty value is not the same as none: `helm --dry-run=` acts.
            Some(Neutral::Values(values)) => {
                let is_value = |wanted: &Text| match self.value {
                    Some(value) => !value.is_empty() && wanted.as_bytes() == value,
                    None => wanted.is_empty(),
                };
                self.on && values.iter().any(is_value)
            }
        }
    }
}

/// Writes the field of the target that a flag sets, a switch by its name.
fn note_target(used: &Use<'_>, invocation: &mut Invocation) {
    let target = used.flag.map_or("", |flag| flag.target.as_ref());
    if !target.is_empty() && used.on {
        let is_switch = used.flag.is_some_and(|flag| flag.arity == Arity::Switch);
        let value = if is_switch {
            used.name.to_string()
        } else {
            shown(used.value.unwrap_or_default())
        };
        invocation.target.insert(target.to_owned(), value);
    }
}

fn judge_flag(parsed: &Parsed<'_>, used: &Use<'_>, invocation: &mut Invocation) {
    let Some(flag) = used.flag else { return };
    note_target(used, invocation);
    if !used.on || is_excused(parsed, &flag.unless) {
        return;
    }
    let value = used.value.unwrap_or_default();
    let by_value = flag
        .values
        .iter()
        .find(|row| glob::matches(row.glob.as_bytes(), value));
    let effect = match by_value {
        Some(row) => row.effect,
        None => flag.effect,
    };
    if let Some(effect) = effect {
        let mut reason = format!("`{}` adds the effect {effect}", flag.name);
        if !flag.why.is_empty() {
            reason.push_str(": ");
            reason.push_str(&flag.why);
        }
        invocation.add(effect, &reason);
    }
}

/// Tells whether the last use of one of these flags has the value beside it,
/// where every word was understood.
fn is_excused(parsed: &Parsed<'_>, unless: &[Text]) -> bool {
    let has_value = |pair: &Text| {
        let Some((name, wanted)) = pair.split_once('=') else {
            return pair == "graphql" && sends_queries(parsed);
        };
        let last = parsed.uses.iter().rfind(|used| used.name == name);
        last.is_some_and(|used| used.value == Some(wanted.as_bytes()))
    };
    parsed.problems.is_empty() && unless.iter().any(has_value)
}

/// What `gh api` and `glab api` fill in. A branch can be called anything.
const FILLED: &[&str] = &[
    "{owner}",
    "{repo}",
    "{branch}",
    ":branch",
    ":fullpath",
    ":group",
    ":id",
    ":namespace",
    ":owner",
    ":repo",
    ":user",
];

/// Tells whether a request goes to `graphql` and each of its fields `query` is
/// one. What the tool would fill in, or takes from a file, is not known.
fn sends_queries(parsed: &Parsed<'_>) -> bool {
    let fields = parsed
        .uses
        .iter()
        .filter(|used| matches!(used.name.as_ref(), "field" | "raw-field"));
    let queries: Vec<_> = fields
        .filter_map(|used| Some((&used.name, used.value?.strip_prefix(b"query=")?)))
        .collect();
    let is_filled = |text: &[u8]| {
        FILLED
            .iter()
            .any(|name| text.windows(name.len()).any(|part| part == name.as_bytes()))
    };
    let is_query = |(name, text): &(&Cow<'static, str>, &[u8])| {
        super::graphql::has_only_queries(text) && (*name == "raw-field" || !is_filled(text))
    };
    parsed
        .operands
        .first()
        .is_some_and(|to| to.bytes == b"graphql")
        && !queries.is_empty()
        && !parsed.uses.iter().any(|used| used.name == "input")
        && queries.iter().all(is_query)
}

fn judge_operands(
    (line, parsed): (&CommandLine<'_>, &Parsed<'_>),
    rule: &OperandRule,
    is_neutral: bool,
    invocation: &mut Invocation,
) {
    if !is_given(parsed, rule) || is_excused(parsed, &rule.unless) {
        return;
    }
    for operand in selected(&parsed.operands, rule.at) {
        if !pattern_matches((line, parsed), &rule.pattern, operand.bytes)
            || (rule.at == Position::Separated && !is_separated(parsed, operand))
        {
            continue;
        }
        if matches!(rule.pattern, OperandPattern::Remote) {
            remote::note_host(&rule.target, operand.bytes, invocation);
        } else if !rule.target.is_empty() {
            invocation
                .target
                .insert(rule.target.to_string(), shown(operand.bytes));
        }
        // What acts on the target does not happen in a dry run; what an
        // address makes the tool start or reveal does.
        let acts =
            |effect: &Effect| matches!(effect, Effect::Local | Effect::Write | Effect::Destroy);
        let effect = rule.effect.filter(|effect| !(is_neutral && acts(effect)));
        if let Some(effect) = effect {
            let mut reason = format!("`{}` adds the effect {effect}", shown(operand.bytes));
            if !rule.why.is_empty() {
                reason.push_str(": ");
                reason.push_str(&rule.why);
            }
            invocation.add(effect, &reason);
        }
    }
}

/// Tells whether an operand stands behind `--`.
fn is_separated(parsed: &Parsed<'_>, operand: &Operand<'_>) -> bool {
    parsed
        .words
        .iter()
        .position(|word| word.role == WordRole::Separator)
        .is_some_and(|at| at < operand.argv_index)
}

/// Tells whether one of the flags that a rule wants is given.
pub(super) fn is_given(parsed: &Parsed<'_>, rule: &OperandRule) -> bool {
    let counts = |used: &Use<'_>| {
        let value = used.value.unwrap_or_default();
        used.on
            && rule.given.contains(&used.name)
            && !rule.except.iter().any(|except| except.as_bytes() == value)
    };
    let is_refused = |used: &Use<'_>| used.on && rule.not_given.contains(&used.name);
    (rule.given.is_empty() || parsed.uses.iter().any(counts)) && !parsed.uses.iter().any(is_refused)
}

/// Returns the operands that a rule looks at.
pub(super) fn selected<'o, 'a>(operands: &'o [Operand<'a>], at: Position) -> &'o [Operand<'a>] {
    let range = match at {
        Position::Any | Position::Separated => operands.get(..),
        Position::At(index) => operands.get(usize::from(index)..=usize::from(index)),
        Position::From(index) => operands.get(usize::from(index)..),
        Position::Last => operands.get(operands.len().saturating_sub(1)..),
        Position::Sources => operands.get(..operands.len().saturating_sub(1)),
    };
    range.unwrap_or_default()
}

/// Tells whether an operand looks as a rule wants it.
pub(super) fn pattern_matches(
    (line, parsed): (&CommandLine<'_>, &Parsed<'_>),
    pattern: &OperandPattern,
    operand: &[u8],
) -> bool {
    let any = |globs: &[Text], text: &[u8]| {
        let mut globs = globs.iter();
        globs.any(|pattern| glob::matches(pattern.as_bytes(), text))
    };
    match pattern {
        OperandPattern::Globs(globs) => any(globs, operand),
        OperandPattern::Folded(globs, but) => {
            let folded = operand.to_ascii_lowercase();
            any(globs, &folded) && !any(but, &folded)
        }
        OperandPattern::NotGlobs(globs) => !any(globs, operand),
        OperandPattern::Except(globs, but) => any(globs, operand) && !any(but, operand),
        OperandPattern::Present(elsewhere) => presence::is_path(line, parsed, elsewhere, operand),
        OperandPattern::Remote => remote::is_remote(operand),
        OperandPattern::Here => remote::is_here(operand),
        OperandPattern::SecretFile => {
            if parsed.spec.style == Style::Git {
                git_files::reveals(line, parsed, operand)
            } else {
                secret_files::reveals((line, line.cwd), operand)
            }
        }
        OperandPattern::Wild => operand.iter().any(|byte| b"*?[".contains(byte)),
        OperandPattern::Hidden => presence::leads_to_hidden(line, parsed, operand),
        OperandPattern::HiddenName => presence::names_hidden(operand),
        OperandPattern::Resource(types) => operand.split(|byte| *byte == b',').any(|part| {
            let kind = part
                .split(|byte| matches!(byte, b'/' | b'.'))
                .next()
                .unwrap_or(part);
            types
                .iter()
                .any(|wanted| kind.eq_ignore_ascii_case(wanted.as_bytes()))
        }),
    }
}

impl Invocation {
    /// Tells whether one of the effects so far is more than a read.
    pub(crate) fn does_more_than_read(&self) -> bool {
        !self.effects.is_subset(EffectSet::of(Effect::Read))
    }

    /// Adds an effect and why the command has it.
    pub(crate) fn add<'r>(&mut self, effect: Effect, reason: impl Into<Cow<'r, str>>) {
        self.held_effects.insert(effect);
        self.add_unless_held(effect, reason);
    }

    /// Adds an effect that the command does not have in a session that the
    /// server lets do nothing but read.
    pub(crate) fn add_unless_held<'r>(&mut self, effect: Effect, reason: impl Into<Cow<'r, str>>) {
        self.effects.insert(effect);
        self.own_effects.insert(effect);
        let reason = reason.into();
        if !self.reasons.iter().any(|known| *known == reason) {
            self.reasons.push(reason.into_owned());
        }
    }
}
