//! What a condition may be made of: nothing in it can grow without end.
//!
//! Lists hold constants, so that no value can be named and doubled again; only two loops may stand
//! in each other; and the pattern of `like` is a constant. What is left takes work in proportion to
//! the words that it looks at.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators};
use cel::parser::Expression;

use super::kinds::{Kind, kind_of};
use super::vocabulary::{Scope, among};
use super::{Fault, MOST_PARTS};
use crate::rules::error::near_miss;

/// How many loops may stand in each other.
const DEEPEST_LOOP: usize = 2;
/// How many texts or lists may be joined.
const MOST_JOINS: usize = 4;
/// The name under which a loop keeps what it has so far.
const SO_FAR: &str = "@result";

const OPERATORS: &[&str] = &[
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::NOT_STRICTLY_FALSE,
    operators::IN,
];
const FUNCTIONS: &[&str] = &["size", "string", "int"];
const METHODS: &[&str] = &["contains", "startsWith", "endsWith", "like", "size"];
const LOOPS: &[&str] = &["all", "exists", "exists_one", "filter", "map"];

/// How much work a condition can be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// How many loops stand in each other.
    loops: usize,
    /// The bytes of all patterns.
    patterns: usize,
    joins: usize,
    /// The most items of a list that stands in it.
    items: usize,
}

impl Shape {
    /// Returns about how many bytes are looked at to answer it.
    pub(super) fn work(self, bytes: usize, items: usize) -> usize {
        let items = items.max(self.items).max(1);
        let rounds = items.saturating_pow(u32::try_from(self.loops).unwrap_or(u32::MAX));
        // Each byte belongs to one item, so one loop looks at all of them once.
        let bytes = (bytes / items).saturating_add(16);
        rounds
            .saturating_mul(bytes)
            .saturating_mul(self.patterns.saturating_add(1))
    }
}

/// Holds a condition to its shape, and collects the variables that it speaks of.
pub(super) fn hold(
    expression: &Expression,
    source: &str,
    scope: &Scope,
    uses: &mut BTreeSet<&'static str>,
) -> Result<Shape, Fault> {
    let mut walk = Walk {
        source,
        scope,
        uses,
        bound: Vec::new(),
        loops: 0,
        parts: 0,
        shape: Shape::default(),
    };
    let constant = &expression.expr;
    let is_truth = matches!(constant, Expr::Literal(LiteralValue::Boolean(_)));
    if matches!(constant, Expr::Literal(_) | Expr::List(_)) && !is_truth {
        return Err(walk.fault(
            "",
            "is always the same, and no question",
            "ask for something",
        ));
    }
    walk.part(expression)?;
    walk.question(expression, "")?;
    Ok(walk.shape)
}

struct Walk<'w> {
    source: &'w str,
    scope: &'w Scope,
    uses: &'w mut BTreeSet<&'static str>,
    /// The names that loops have given, with what they stand for.
    bound: Vec<(String, Kind)>,
    /// How many loops stand around this part.
    loops: usize,
    parts: usize,
    shape: Shape,
}

impl Walk<'_> {
    /// Returns a mistake where a word stands in the text for the first time.
    fn fault(&self, word: &str, problem: impl Into<String>, mend: impl Into<String>) -> Fault {
        Fault {
            at: place(self.source, word),
            problem: problem.into(),
            mend: mend.into(),
        }
    }

    fn part(&mut self, part: &Expression) -> Result<(), Fault> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            let problem = format!("has more than {MOST_PARTS} parts");
            return Err(self.fault("", problem, "make several rules of it"));
        }
        match &part.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => {
                let is_constant = |part: &Expression| matches!(part.expr, Expr::Literal(_));
                if !list.elements.iter().all(is_constant) {
                    let mend = "write texts and numbers in it, and compare one by one otherwise";
                    return Err(self.fault("[", "has a list of more than constants", mend));
                }
                self.shape.items = self.shape.items.max(list.elements.len());
                Ok(())
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err(self.fault("{", "makes an object", "compare its fields one by one"))
            }
        }
    }

    fn name(&mut self, name: &str) -> Result<(), Fault> {
        if name == SO_FAR || self.bound.iter().any(|(bound, _)| bound == name) {
            return Ok(());
        }
        match self.scope.variable(name) {
            Ok(variable) => {
                self.uses.insert(variable);
                Ok(())
            }
            Err((problem, mend)) => Err(self.fault(name, problem, mend)),
        }
    }

    fn is_variable(&self, name: &str) -> bool {
        !self.bound.iter().any(|(bound, _)| bound == name)
    }

    fn select(&mut self, select: &SelectExpr) -> Result<(), Fault> {
        if let Expr::Ident(name) = &select.operand.expr
            && self.is_variable(name)
        {
            return self.field(name, &select.field);
        }
        if let Expr::Select(inner) = &select.operand.expr
            && let Expr::Ident(name) = &inner.operand.expr
            && self.is_variable(name)
        {
            // `time.utc.day`: the field of a field is as known as the field is.
            self.field(name, &inner.field)?;
            let path = format!("{}.{}", inner.field, select.field);
            return self
                .scope
                .field(name, &path)
                .map_err(|(problem, mend)| self.fault(&select.field, problem, mend));
        }
        self.part(&select.operand)?;
        self.field_of(&select.operand, &select.field)
    }

    /// Holds a field of what is no variable itself to those that it has.
    fn field_of(&self, operand: &Expression, field: &str) -> Result<(), Fault> {
        match kind_of(operand, &self.bound).fields() {
            Some(known) => among(field, known, "no field of it")
                .map_err(|(problem, mend)| self.fault(field, problem, mend)),
            None => Ok(()),
        }
    }

    /// Refuses what is known to be no question where one has to stand.
    fn question(&self, part: &Expression, word: &str) -> Result<(), Fault> {
        let kind = kind_of(part, &self.bound);
        if matches!(kind, Kind::Any | Kind::Truth) {
            return Ok(());
        }
        let problem = format!("is {} where a question has to stand", kind.shown());
        let mend = "compare it with something, as in tool == 'kubectl'";
        Err(self.fault(word, problem, mend))
    }

    /// Refuses operators and methods that have no answer for what they are given.
    fn operands(&self, call: &CallExpr) -> Result<(), Fault> {
        let name = call.func_name.as_str();
        let word = name.trim_matches(['_', '@']);
        match (name, &*call.args) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, parts) => {
                let word = word.trim_end_matches('_');
                parts.iter().try_for_each(|part| self.question(part, word))
            }
            (operators::CONDITIONAL, [question, ..]) => self.question(question, "?"),
            (
                operators::EQUALS
                | operators::NOT_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS
                | operators::LESS
                | operators::LESS_EQUALS,
                [one, other],
            ) => {
                let (one, other) = (kind_of(one, &self.bound), kind_of(other, &self.bound));
                let is_ordered = !matches!(name, operators::EQUALS | operators::NOT_EQUALS);
                let has_order = |kind: Kind| kind == Kind::Any || kind.is_scalar();
                if one.may_be(other) && (!is_ordered || (has_order(one) && has_order(other))) {
                    return Ok(());
                }
                let (one, other) = (one.shown(), other.shown());
                let problem = format!("compares {one} with {other}");
                let mend = "compare texts with texts, numbers with numbers";
                Err(self.fault(word, problem, mend))
            }
            ("startsWith" | "endsWith" | "like", _) => {
                let target = call.target.as_ref();
                let kind = target.map_or(Kind::Any, |target| kind_of(target, &self.bound));
                if matches!(kind, Kind::Any | Kind::Text) {
                    return Ok(());
                }
                let problem = format!("`{name}` is asked of {}", kind.shown());
                let mend = "ask it of a text; of a list, as in operands.exists(o, o.like('x*'))";
                Err(self.fault(name, problem, mend))
            }
            _ => Ok(()),
        }
    }

    fn field(&mut self, name: &str, field: &str) -> Result<(), Fault> {
        let variable = self.scope.owner_of(name, field);
        match variable.and_then(|variable| self.scope.field(name, field).map(|()| variable)) {
            Ok(variable) => {
                self.uses.insert(variable);
                Ok(())
            }
            Err((problem, mend)) => {
                let word = if Scope::has(name) { field } else { name };
                Err(self.fault(word, problem, mend))
            }
        }
    }

    fn call(&mut self, call: &CallExpr) -> Result<(), Fault> {
        let name = call.func_name.as_str();
        let known = match (&call.target, OPERATORS.contains(&name)) {
            (None, true) => OPERATORS,
            (None, false) => FUNCTIONS,
            (Some(_), _) => METHODS,
        };
        if !known.contains(&name) {
            return Err(self.unknown_function(name, known));
        }
        if name == operators::INDEX
            && let [operand, index] = &*call.args
            && let (Expr::Ident(variable), Expr::Literal(LiteralValue::String(field))) =
                (&operand.expr, &index.expr)
            && self.is_variable(variable)
        {
            return self.field(variable, field.inner());
        }
        if name == "like" {
            let [
                Expression {
                    expr: Expr::Literal(LiteralValue::String(pattern)),
                    ..
                },
            ] = &*call.args
            else {
                let mend = "write the pattern itself, as 'prod-*'";
                return Err(self.fault("like", "`like` has no constant pattern", mend));
            };
            self.shape.patterns += pattern.inner().len();
        }
        if name == operators::ADD {
            self.joined()?;
        }
        call.target.iter().try_for_each(|part| self.part(part))?;
        call.args.iter().try_for_each(|part| self.part(part))?;
        if name == operators::INDEX
            && let [operand, index] = &*call.args
            && let Expr::Literal(LiteralValue::String(field)) = &index.expr
        {
            return self.field_of(operand, field.inner());
        }
        self.operands(call)
    }

    fn joined(&mut self) -> Result<(), Fault> {
        self.shape.joins += 1;
        if self.shape.joins > MOST_JOINS {
            let problem = format!("adds more than {MOST_JOINS} times");
            return Err(self.fault("+", problem, "make several rules of it"));
        }
        Ok(())
    }

    fn unknown_function(&self, name: &str, known: &[&str]) -> Fault {
        let all = || known.iter().chain(LOOPS).copied();
        if LOOPS.contains(&name) {
            let problem = format!("`{name}` has other words in it than it takes");
            let mend = format!("write as in operands.{name}(word, word == 'x')");
            return self.fault(name, problem, mend);
        }
        let mend = near_miss(name, all()).map_or_else(
            || format!("write one of {}", all().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let name = name.trim_matches('_');
        let problem = format!(
            "`{}` is no function of a condition",
            crate::rules::fields::shown(name)
        );
        self.fault(name, problem, mend)
    }

    fn comprehension(&mut self, one: &ComprehensionExpr) -> Result<(), Fault> {
        self.part(&one.iter_range)?;
        self.loops += 1;
        self.shape.loops = self.shape.loops.max(self.loops);
        if self.loops > DEEPEST_LOOP {
            let problem = format!("has more than {DEEPEST_LOOP} loops in each other");
            return Err(self.fault("", problem, "make several rules of it"));
        }
        let before = self.bound.len();
        // With two names the first is that of the place.
        let item = match one.iter_var2 {
            None => kind_of(&one.iter_range, &self.bound).of_item(),
            Some(_) => Kind::Any,
        };
        self.bound.push((one.iter_var.clone(), item));
        let second = one.iter_var2.iter();
        self.bound
            .extend(second.map(|name| (name.clone(), Kind::Any)));
        self.step(&one.loop_step)?;
        self.bound.truncate(before);
        self.loops -= 1;
        Ok(())
    }

    /// What a loop does in each round. That it adds to what it has so far is its own doing.
    fn step(&mut self, step: &Expression) -> Result<(), Fault> {
        let Expr::Call(call) = &step.expr else {
            return self.part(step);
        };
        match (call.func_name.as_str(), &*call.args) {
            (operators::ADD, [so_far, more]) if is_so_far(so_far) => {
                if let Expr::List(list) = &more.expr {
                    return list.elements.iter().try_for_each(|part| self.part(part));
                }
                self.part(more)
            }
            (operators::CONDITIONAL, [question, yes, no]) if is_so_far(no) => {
                self.part(question)?;
                self.step(yes)
            }
            (_, args) => args.iter().try_for_each(|part| self.part(part)),
        }
    }
}

fn is_so_far(part: &Expression) -> bool {
    matches!(&part.expr, Expr::Ident(name) if name == SO_FAR)
}

/// Returns where a word stands in the text for the first time; 0 where it does not.
fn place(source: &str, word: &str) -> usize {
    if word.is_empty() {
        return 0;
    }
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_whole = |at: usize| {
        let before = source.get(..at).and_then(|text| text.chars().next_back());
        let after = source
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        let is_word = word.chars().all(is_letter);
        !is_word || !(before.is_some_and(is_letter) || after.is_some_and(is_letter))
    };
    let mut places = source.match_indices(word).map(|(at, _)| at);
    places.find(|at| is_whole(*at)).unwrap_or(0)
}
