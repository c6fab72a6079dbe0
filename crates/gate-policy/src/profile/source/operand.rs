//! What an entry of `operands` says.

use std::borrow::Cow;

use toml::Spanned;

use super::words::{FOLLOWS, one_of, optional_effect, plain, shown, text, texts};
use super::{Mistake, Operand, Word};
use crate::profile::{Follows, OperandPattern, OperandRule, Position};

pub(super) fn rule(placed: &Spanned<Operand>) -> Result<OperandRule, Mistake> {
    let rule = placed.get_ref();
    Ok(OperandRule {
        at: rule.at.as_ref().map_or(Ok(Position::Any), position)?,
        pattern: pattern(rule).ok_or_else(|| {
            let problem = "an operand has one kind of pattern";
            let mend = "leave all but one of globs, folded_globs, resource and the others out";
            Mistake::new(placed.span(), problem, mend)
        })?,
        given: plain(&rule.given),
        except: texts(&rule.except),
        not_given: plain(&rule.not_given),
        unless: plain(&rule.unless),
        is_behind_at: rule.behind_at,
        effect: optional_effect(rule.effect.as_ref())?,
        secret: text(&rule.secret),
        input: text(&rule.input),
        in_place: texts(&rule.in_place),
        copied: texts(&rule.copied),
        follows: one_of(rule.follows.as_ref(), Follows::Nothing, FOLLOWS)?,
        target: text(&rule.target),
        why: text(&rule.why),
    })
}

fn position(word: &Word) -> Result<Position, Mistake> {
    let at = word.get_ref().as_str();
    let named = match at {
        "any" => Some(Position::Any),
        "last" => Some(Position::Last),
        "sources" => Some(Position::Sources),
        "--" => Some(Position::Separated),
        _ => match at.strip_suffix('+') {
            Some(from) => from.parse().ok().map(Position::From),
            None => at.parse().ok().map(Position::At),
        },
    };
    named.ok_or_else(|| {
        let problem = format!("`{}` is no position", shown(at));
        let mend = "write any, last, sources, \"--\", a number as \"0\", or one with a plus";
        Mistake::at(word, problem, mend)
    })
}

/// Returns the pattern; nothing where there is more than one kind.
fn pattern(rule: &Operand) -> Option<OperandPattern> {
    let (globs, not_globs) = (texts(&rule.globs), texts(&rule.not_globs));
    let mut all = Vec::new();
    if let Some(is_remote) = rule.remote {
        all.push(if is_remote {
            OperandPattern::Remote
        } else {
            OperandPattern::Here
        });
    }
    if rule.secret_file == Some(true) {
        all.push(OperandPattern::SecretFile);
    }
    if rule.wild {
        all.push(OperandPattern::Wild);
    }
    if rule.hidden {
        all.push(OperandPattern::Hidden);
    }
    if rule.hidden_name {
        all.push(OperandPattern::HiddenName);
    }
    if let Some(elsewhere) = &rule.present {
        all.push(OperandPattern::Present(plain(elsewhere)));
    }
    if !rule.resource.is_empty() {
        all.push(OperandPattern::Resource(texts(&rule.resource)));
    }
    match (
        globs.is_empty(),
        rule.folded_globs.is_empty(),
        not_globs.is_empty(),
    ) {
        (true, true, true) => {}
        (false, true, true) => all.push(OperandPattern::Globs(globs)),
        (true, true, false) => all.push(OperandPattern::NotGlobs(not_globs)),
        (false, true, false) => all.push(OperandPattern::Except(globs, not_globs)),
        (true, false, _) => {
            let folded = texts(&rule.folded_globs);
            all.push(OperandPattern::Folded(folded, not_globs));
        }
        (false, false, _) => return None,
    }
    let any = || OperandPattern::Globs(vec![Cow::Borrowed("*")].into());
    match all.len() {
        0 => Some(any()),
        1 => all.pop(),
        _ => None,
    }
}
