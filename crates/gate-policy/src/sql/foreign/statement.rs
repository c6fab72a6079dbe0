//! What statements of `MySQL` and of `SQLite` do, by the tree that a parser of
//! several dialects makes of them.
//!
//! That parser is not the server's: what a text could hold that the two read
//! differently is refused before it is parsed (`text.rs`), and a tree is a read
//! only when each of its parts is on a list.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, FunctionArguments, Ident, ObjectName, Query, Select, SetExpr,
    Statement, TableFactor, Visit, Visitor,
};
use sqlparser::dialect::{Dialect, MySqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::{known, sqlite};
use crate::effect::Effect;

/// Whose language a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    MySql,
    Sqlite,
}

/// The most tokens of one statement, not counting lists. Chained operators
/// make a tree as deep as they are many, and the stack bounds its depth.
const MAX_TOKENS: usize = 600;

/// Judges all statements of a text in which nothing is read otherwise by the server.
pub(super) fn judge(text: &str, language: Language) -> Vec<(Effect, String)> {
    let refused = |reason: &str| vec![(Effect::Unknown, reason.to_owned())];
    let dialect: &dyn Dialect = match language {
        Language::MySql => &MySqlDialect {},
        Language::Sqlite => &SQLiteDialect {},
    };
    let Ok(tokens) = Tokenizer::new(dialect, text).tokenize_with_location() else {
        return refused(NOT_UNDERSTOOD);
    };
    if longest_statement(&tokens) > MAX_TOKENS {
        return refused("a statement is longer than gate reads");
    }
    let parsed = Parser::new(dialect)
        .with_tokens_with_locations(tokens)
        .parse_statements();
    let Ok(statements) = parsed else {
        return refused(NOT_UNDERSTOOD);
    };
    let mut judge = Judge {
        language,
        is_explained: false,
        found: Vec::new(),
    };
    for statement in &statements {
        if let ControlFlow::Break(()) = statement.visit(&mut judge) {
            judge.add(Effect::Unknown, "a statement is not understood");
        }
    }
    judge.found
}

const NOT_UNDERSTOOD: &str = "the SQL is not understood";

/// Counts the tokens of the longest statement without blanks, commas and what
/// follows a comma: a list is flat.
fn longest_statement(tokens: &[TokenWithSpan]) -> usize {
    let mut longest = 0;
    let mut count = 0;
    let mut after_comma = false;
    for token in tokens {
        if matches!(token.token, Token::Whitespace(_)) {
            continue;
        }
        let is_comma = matches!(token.token, Token::Comma);
        if matches!(token.token, Token::SemiColon) {
            count = 0;
        } else if !is_comma && !after_comma {
            count += 1;
        }
        after_comma = is_comma;
        longest = longest.max(count);
    }
    longest
}

struct Judge {
    language: Language,
    /// The statement is one that is only explained.
    is_explained: bool,
    found: Vec<(Effect, String)>,
}

impl Judge {
    fn add(&mut self, effect: Effect, reason: impl Into<String>) {
        let reason = reason.into();
        if !self.found.iter().any(|known| known.1 == reason) {
            self.found.push((effect, reason));
        }
    }

    fn function(&mut self, name: &ObjectName) {
        let word = name_of(name);
        if !word.is_some_and(|word| known::is_pure(&word, self.language)) {
            self.add(
                Effect::Unknown,
                format!("gate does not know that function `{name}` only reads"),
            );
        }
    }

    /// Judges a relation by which a pragma runs, as `pragma_optimize`, whatever
    /// its schema. Tells whether it is one.
    fn pragma(&mut self, relation: &ObjectName, has_value: bool) -> bool {
        let last = relation.0.last().and_then(|part| part.as_ident());
        let last = last.map(|ident| ident.value.to_ascii_lowercase());
        let name = last
            .as_deref()
            .and_then(|name| name.strip_prefix("pragma_"));
        let Some(name) = name.filter(|_| self.language == Language::Sqlite) else {
            return false;
        };
        self.add(sqlite::judge_pragma(name, has_value), looked_for(name));
        true
    }

    /// `(row).name` calls the function `name` where the row has no such column.
    /// So does `relation.name`, but nobody could write a join without it: the
    /// functions of the database are trusted there as its views are.
    fn field_access(&mut self, root: &Expr, chain: &[AccessExpr]) {
        let is_named = matches!(root, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        let is_dot = |access: &AccessExpr| matches!(access, AccessExpr::Dot(_));
        let behind = chain.iter().skip_while(|access| is_named && is_dot(access));
        if behind.filter(|access| is_dot(access)).count() > 0 {
            self.add(
                Effect::Unknown,
                "a field in brackets can be a call of a function",
            );
        }
    }

    /// `s.nextval` is a call in the mode of Oracle, which a server can be in.
    fn sequence(&mut self, parts: &[Ident]) {
        let last = parts.last().map(|part| part.value.to_ascii_lowercase());
        if last.is_some_and(|name| name == "nextval") {
            self.add(Effect::Unknown, "`nextval` of a sequence is a call");
        }
    }

    fn operator(&mut self, operator: &BinaryOperator) {
        if matches!(
            operator,
            BinaryOperator::Custom(_) | BinaryOperator::PGCustomBinaryOperator(_)
        ) {
            self.add(
                Effect::Unknown,
                format!("gate does not know operator `{operator}`"),
            );
        }
    }
}

fn looked_for(pragma: impl std::fmt::Display) -> String {
    format!("gate looked for pragma `{pragma}`")
}

/// Returns a name that stands alone, in lower case.
fn name_of(name: &ObjectName) -> Option<String> {
    match &*name.0 {
        [only] => only
            .as_ident()
            .map(|ident| ident.value.to_ascii_lowercase()),
        _ => None,
    }
}

impl Visitor for Judge {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        let (effect, what) = statement_effect(statement);
        // What is explained is compiled and no more. Pragmas do their work while they are
        // compiled.
        let is_changing = matches!(
            statement,
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_)
        );
        if !(self.is_explained && is_changing) {
            self.add(effect, format!("the SQL holds {what}"));
        }
        self.is_explained |= matches!(statement, Statement::Explain { analyze: false, .. });
        if let Statement::Pragma { name, value, .. } = statement {
            let told = match &*name.0 {
                [only] | [_, only] => only.as_ident(),
                _ => None,
            };
            let told = told.map_or(Effect::Unknown, |name| {
                sqlite::judge_pragma(&name.value.to_ascii_lowercase(), value.is_some())
            });
            self.add(told, looked_for(name));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        self.is_explained &= !matches!(statement, Statement::Explain { .. });
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if !query.locks.is_empty() {
            self.add(Effect::Write, "the SQL locks rows");
        }
        if query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty()
        {
            self.add(Effect::Unknown, "the SQL holds a clause of another dialect");
        }
        if matches!(&*query.body, SetExpr::Table(_)) {
            // `TABLE name` is not visited as a relation.
            self.add(Effect::Unknown, "`TABLE` is not understood");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if select.into.is_some() {
            self.add(Effect::Write, "the SQL makes a table");
        }
        ControlFlow::Continue(())
    }

    /// What stands in single quotes is a name for this parser only.
    fn pre_visit_ident(&mut self, ident: &Ident) -> ControlFlow<()> {
        if ident.quote_style == Some('\'') {
            self.add(Effect::Unknown, "a name in single quotes is not understood");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let parts = relation.0.iter().map(|part| part.as_ident());
        let parts: Vec<String> = parts
            .map(|part| part.map_or_else(String::new, |ident| ident.value.to_ascii_lowercase()))
            .collect();
        if known::is_secret(&parts, self.language) {
            self.add(Effect::Secret, format!("`{relation}` holds credentials"));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "a kind that is not on this list is not understood"
        )]
        match factor {
            TableFactor::Table { name, args, .. } => {
                let has_value = args.as_ref().is_some_and(|list| !list.args.is_empty());
                if !self.pragma(name, has_value) && args.is_some() {
                    self.function(name);
                }
            }
            TableFactor::Function { name, .. } => self.function(name),
            TableFactor::Derived { .. }
            | TableFactor::UNNEST { .. }
            | TableFactor::NestedJoin { .. } => {}
            _ => self.add(Effect::Unknown, "a source of rows is not understood"),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "an expression that is not on a list is not understood"
        )]
        match expr {
            Expr::Function(function) => {
                self.function(&function.name);
                if !matches!(function.parameters, FunctionArguments::None) {
                    self.add(Effect::Unknown, "a function call is not understood");
                }
            }
            Expr::BinaryOp { op, .. } => self.operator(op),
            Expr::AnyOp { compare_op, .. } | Expr::AllOp { compare_op, .. } => {
                self.operator(compare_op);
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.field_access(root, access_chain);
            }
            Expr::CompoundIdentifier(parts) if self.language == Language::MySql => {
                self.sequence(parts);
            }
            Expr::Cast { .. } | Expr::Convert { .. } | Expr::TypedString(_) => {}
            other if only_combines(other) => {}
            _ => self.add(Effect::Unknown, "an expression is not understood"),
        }
        ControlFlow::Continue(())
    }
}

/// Expressions whose parts are visited on their own and that call nothing that
/// a user can define.
fn only_combines(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::JsonAccess { .. }
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::InUnnest { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::SimilarTo { .. }
            | Expr::RLike { .. }
            | Expr::MatchAgainst { .. }
            | Expr::UnaryOp { .. }
            | Expr::AtTimeZone { .. }
            | Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Overlay { .. }
            | Expr::Collate { .. }
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::Case { .. }
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::GroupingSets(_)
            | Expr::Cube(_)
            | Expr::Rollup(_)
            | Expr::Tuple(_)
            | Expr::Array(_)
            | Expr::Interval(_)
            | Expr::Wildcard(_)
            | Expr::QualifiedWildcard(..)
    )
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a statement that is not on this list is not understood"
)]
fn statement_effect(statement: &Statement) -> (Effect, &'static str) {
    use Statement as S;
    match statement {
        S::Query(_) => (Effect::Read, "a query"),
        S::Pragma { .. } => (Effect::Read, "a pragma"),
        S::Explain { analyze: false, .. } | S::ExplainTable { .. } => {
            (Effect::Read, "an `EXPLAIN`")
        }
        S::ShowTables { .. }
        | S::ShowDatabases { .. }
        | S::ShowSchemas { .. }
        | S::ShowColumns { .. }
        | S::ShowStatus { .. }
        | S::ShowCharset(_)
        | S::ShowCollation { .. }
        | S::ShowCreate { .. } => (Effect::Read, "a `SHOW`"),
        S::ShowVariable { variable } => known::shown(variable),
        S::ShowProcessList { .. } | S::ShowVariables { .. } => {
            (Effect::Secret, "a `SHOW` of settings or of what others run")
        }
        S::StartTransaction { .. }
        | S::Commit { .. }
        | S::Rollback { .. }
        | S::Savepoint { .. }
        | S::ReleaseSavepoint { .. } => (Effect::Read, "the bounds of a transaction"),
        S::Delete(_)
        | S::Truncate(_)
        | S::Drop { .. }
        | S::DropFunction(_)
        | S::DropProcedure { .. }
        | S::DropTrigger(_) => (Effect::Destroy, "a statement that removes"),
        S::Grant(_)
        | S::Revoke(_)
        | S::CreateRole(_)
        | S::AlterRole { .. }
        | S::CreatePolicy(_)
        | S::AlterPolicy(_)
        | S::DropPolicy(_) => (Effect::Access, "a change of permissions"),
        S::CreateFunction(_) | S::CreateProcedure { .. } | S::CreateTrigger(_) | S::Call(_) => {
            (Effect::Execute, "code that the server runs")
        }
        S::Insert(_)
        | S::Update(_)
        | S::Merge(_)
        | S::CreateTable(_)
        | S::CreateIndex(_)
        | S::CreateView(_)
        | S::CreateSchema { .. }
        | S::CreateDatabase { .. }
        | S::CreateSequence { .. }
        | S::CreateType { .. }
        | S::AlterTable(_)
        | S::AlterSchema(_)
        | S::AlterIndex { .. }
        | S::AlterView { .. }
        | S::AlterType(_)
        | S::Comment { .. }
        | S::Analyze(_)
        | S::Lock(_) => (Effect::Write, "a statement that changes"),
        _ => known::UNKNOWN,
    }
}
