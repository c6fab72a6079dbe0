//! What SQL statements do, by their syntax tree.
//!
//! A statement is a read when every part of its tree is on a list of parts
//! that only read, and every function on a list of known pure ones. That is as
//! much as text can show: a view, an operator or a function of the search path
//! can still be the database owner's own code, which is why a role without
//! write grants is the better guard.

mod columns;
mod known;
#[cfg(test)]
mod tests;
mod types;

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CopySource, CopyTarget, DataType, Expr, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, Query, Select, Set, SetExpr, Statement, TableFactor, Visit,
    Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::effect::Effect;
use columns::Columns;
use known::{GRAMMAR, HARMLESS_SETTINGS, PURE, SECRET_RELATIONS, SECRET_SETTINGS};

/// The most tokens of one statement, not counting lists. Chained operators
/// make a tree as deep as they are many, and the stack bounds its depth.
const MAX_TOKENS: usize = 600;

/// Judges all statements of a text that holds no comment and no backslash.
pub(super) fn judge(text: &str) -> Vec<(Effect, String)> {
    let dialect = PostgreSqlDialect {};
    let refused = |reason: String| vec![(Effect::Unknown, reason)];
    let tokens = match Tokenizer::new(&dialect, text).tokenize_with_location() {
        Ok(tokens) => tokens,
        Err(problem) => return refused(not_understood(&problem.to_string())),
    };
    if longest_statement(&tokens) > MAX_TOKENS {
        return refused("a statement is longer than gate reads".to_owned());
    }
    let parsed = Parser::new(&dialect)
        .with_tokens_with_locations(tokens)
        .parse_statements();
    let statements = match parsed {
        Ok(statements) => statements,
        Err(problem) => return refused(not_understood(&problem.to_string())),
    };
    let mut judge = Judge::default();
    for statement in &statements {
        if let ControlFlow::Break(()) = statement.visit(&mut judge) {
            judge.add(Effect::Unknown, "a statement is not understood");
        }
        if let Some((relation, column)) = std::mem::take(&mut judge.columns).secret() {
            let reason = format!("`{column}` of `{relation}` can hold a credential");
            judge.add(Effect::Secret, reason);
        }
    }
    judge.found
}

/// Says where a text stops being SQL. What the parser found there it would
/// quote, and that can be a password.
fn not_understood(problem: &str) -> String {
    match problem.rsplit_once(" at Line: ") {
        Some((_, place)) => {
            let place = place.replace(" Column: ", " column ");
            format!("the SQL is not understood: line {place}")
        }
        None => "the SQL is not understood".to_owned(),
    }
}

/// Tells whether the value of a setting can be a credential.
pub(super) fn is_secret_setting(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "all" || SECRET_SETTINGS.iter().any(|part| name.contains(part))
}

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

#[derive(Default)]
struct Judge {
    found: Vec<(Effect, String)>,
    columns: Columns,
}

impl Judge {
    fn add(&mut self, effect: Effect, reason: impl Into<String>) {
        let reason = reason.into();
        if !self.found.iter().any(|known| known.1 == reason) {
            self.found.push((effect, reason));
        }
    }

    fn function(&mut self, name: &ObjectName) {
        let is_known = name_of(name).is_some_and(|known| {
            PURE.binary_search(&&*known).is_ok() && (is_plain(name) || !GRAMMAR.contains(&&*known))
        });
        if !is_known {
            self.add(
                Effect::Unknown,
                format!("gate does not know that function `{name}` only reads"),
            );
        }
    }

    fn data_type(&mut self, data_type: &DataType) {
        if !types::is_own(data_type) {
            self.add(
                Effect::Unknown,
                format!("gate does not know type `{data_type}`"),
            );
        }
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

/// Tells whether a name is one word without quotes. What else has the name of
/// a word of the grammar is somebody's own function: `"coalesce"(1)`.
fn is_plain(name: &ObjectName) -> bool {
    let ident =
        |part: &ObjectNamePart| part.as_ident().is_some_and(|one| one.quote_style.is_none());
    matches!(&*name.0, [only] if ident(only))
}

/// Returns the last part of a name in lower case when the name is plain or of
/// the system catalogue; a name of another schema is somebody's own code.
fn name_of(name: &ObjectName) -> Option<String> {
    let mut parts = name.0.iter().map(|part| part.as_ident());
    let text = |ident: &Ident| match ident.quote_style {
        None => ident.value.to_ascii_lowercase(),
        Some(_) => ident.value.clone(),
    };
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Some(only)), None, None) => Some(text(only)),
        (Some(Some(schema)), Some(Some(last)), None)
            if matches!(&*text(schema), "pg_catalog" | "information_schema") =>
        {
            Some(text(last))
        }
        _ => None,
    }
}

impl Visitor for Judge {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        let (effect, what) = statement_effect(statement);
        self.add(effect, format!("the SQL holds {what}"));
        if let Statement::ShowVariable { variable } = statement {
            for name in variable
                .iter()
                .filter(|name| is_secret_setting(&name.value))
            {
                let reason = format!("setting `{name}` can hold a credential");
                self.add(Effect::Secret, reason);
            }
        }
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
        self.columns.select(select);
        if select.into.is_some() {
            self.add(Effect::Write, "the SQL makes a table");
        }
        ControlFlow::Continue(())
    }

    /// What stands in single quotes is a name for this parser only: `PostgreSQL`
    /// reads `select word 'text'` as a text of the type `word`.
    fn pre_visit_ident(&mut self, ident: &Ident) -> ControlFlow<()> {
        self.columns.ident(ident);
        if ident.quote_style.is_some_and(|quote| quote != '"') {
            self.add(Effect::Unknown, "a name in single quotes is not understood");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.columns.relation(relation);
        let last = relation.0.last().and_then(|part| part.as_ident());
        let name = last.map(|ident| ident.value.to_ascii_lowercase());
        // `ONLY name` is a relation `only` with another name to this parser.
        if name.as_deref() == Some("only") {
            self.add(Effect::Unknown, "`ONLY` is not understood");
        }
        if name.is_some_and(|name| SECRET_RELATIONS.contains(&&*name)) {
            self.add(Effect::Secret, format!("`{relation}` holds credentials"));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.columns.source(factor);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "a kind that is not on this list is not understood"
        )]
        match factor {
            TableFactor::Table {
                name,
                args: Some(_),
                ..
            }
            | TableFactor::Function { name, .. } => self.function(name),
            TableFactor::Table { .. }
            | TableFactor::Derived { .. }
            | TableFactor::UNNEST { .. }
            | TableFactor::NestedJoin { .. } => {}
            _ => self.add(Effect::Unknown, "a source of rows is not understood"),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.columns.expr(expr);
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
            Expr::Cast { data_type, .. } => self.data_type(data_type),
            Expr::TypedString(typed) => self.data_type(&typed.data_type),
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
        S::Explain { .. } => (Effect::Read, "an `EXPLAIN`"),
        S::ShowVariable { .. } => (Effect::Read, "a `SHOW`"),
        S::Set(Set::SingleAssignment { variable, .. }) if is_harmless_setting(variable) => {
            (Effect::Read, "a setting of the session")
        }
        S::StartTransaction { .. }
        | S::Commit { .. }
        | S::Rollback { .. }
        | S::Savepoint { .. }
        | S::ReleaseSavepoint { .. } => (Effect::Read, "the bounds of a transaction"),
        S::Copy {
            source, to, target, ..
        } => copy_effect(source, *to, target),
        S::Delete(_)
        | S::Truncate(_)
        | S::Drop { .. }
        | S::DropFunction(_)
        | S::DropDomain(_)
        | S::DropProcedure { .. }
        | S::DropExtension(_)
        | S::DropTrigger(_)
        | S::DropOperator(_) => (Effect::Destroy, "a statement that removes"),
        S::Grant(_)
        | S::Revoke(_)
        | S::CreateRole(_)
        | S::AlterRole { .. }
        | S::CreatePolicy(_)
        | S::AlterPolicy(_)
        | S::DropPolicy(_) => (Effect::Access, "a change of permissions"),
        S::CreateFunction(_)
        | S::CreateProcedure { .. }
        | S::CreateTrigger(_)
        | S::CreateExtension(_)
        | S::CreateServer(_)
        | S::Call(_) => (Effect::Execute, "code that the server runs"),
        S::Insert(_)
        | S::Update(_)
        | S::Merge(_)
        | S::CreateTable(_)
        | S::CreateIndex(_)
        | S::CreateView(_)
        | S::CreateSchema { .. }
        | S::CreateDatabase { .. }
        | S::CreateSequence { .. }
        | S::CreateDomain(_)
        | S::CreateType { .. }
        | S::AlterTable(_)
        | S::AlterSchema(_)
        | S::AlterIndex { .. }
        | S::AlterView { .. }
        | S::AlterType(_)
        | S::Comment { .. }
        | S::Analyze(_)
        | S::Lock(_)
        | S::NOTIFY { .. } => (Effect::Write, "a statement that changes"),
        _ => (Effect::Unknown, "a statement that gate does not know"),
    }
}

/// Tells whether a setting changes neither what a statement does nor who may.
fn is_harmless_setting(variable: &ObjectName) -> bool {
    let name = variable.to_string().to_ascii_lowercase();
    HARMLESS_SETTINGS.contains(&&*name)
}

fn copy_effect(source: &CopySource, to: bool, target: &CopyTarget) -> (Effect, &'static str) {
    let is_plain = matches!(source, CopySource::Query(_) | CopySource::Table { .. });
    match (target, to) {
        (CopyTarget::Program { .. }, _) => (Effect::Execute, "a `COPY` with a program"),
        (CopyTarget::Stdout, true) if is_plain => (Effect::Secret, "a `COPY` of bulk data"),
        (CopyTarget::Stdin, false) => (Effect::Write, "a `COPY` into a table"),
        (CopyTarget::File { .. }, _) => (Effect::Write, "a `COPY` with a file of the server"),
        (CopyTarget::Stdin | CopyTarget::Stdout, _) => {
            (Effect::Unknown, "a `COPY` that gate does not know")
        }
    }
}
