//! Of what kind the parts of a condition are, as far as that can be known before
//! there is a command: `time.utc.hour > '3'` has no answer for any.

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::parser::Expression;

use super::vocabulary::{CALLER, INPUT, MOMENT, ZONES};

/// What a part stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It can be of any kind.
    Any,
    Text,
    Number,
    Truth,
    Texts,
    Inputs,
    List,
    Target,
    Options,
    Caller,
    Time,
    Moment,
    Input,
}

impl Kind {
    pub(super) fn of_variable(name: &str) -> Self {
        match name {
            "tool" | "effect" | "cwd" => Self::Text,
            "known" => Self::Truth,
            "command" | "effects" | "environment" | "operands" | "reasons" => Self::Texts,
            "inputs" => Self::Inputs,
            "target" => Self::Target,
            "options" => Self::Options,
            "caller" => Self::Caller,
            "time" => Self::Time,
            _ => Self::Any,
        }
    }

    /// Returns the kind of its parts, and of what a loop names in each round.
    pub(super) fn of_item(self) -> Self {
        match self {
            // A loop over an object names its fields.
            Self::Texts | Self::Target | Self::Options | Self::Caller => Self::Text,
            Self::Inputs => Self::Input,
            Self::Any
            | Self::Text
            | Self::Number
            | Self::Truth
            | Self::List
            | Self::Time
            | Self::Moment
            | Self::Input => Self::Any,
        }
    }

    /// Returns the fields that it has; nothing where any name can be one.
    pub(super) fn fields(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Caller => Some(CALLER),
            Self::Time => Some(ZONES),
            Self::Moment => Some(MOMENT),
            Self::Input => Some(INPUT),
            Self::Any | Self::Target | Self::Options => None,
            Self::Text | Self::Number | Self::Truth | Self::Texts | Self::Inputs | Self::List => {
                Some(&[])
            }
        }
    }

    fn field(self, name: &str) -> Self {
        match (self, name) {
            (Self::Time, _) => Self::Moment,
            (Self::Moment, "hour" | "minute") => Self::Number,
            (Self::Caller, "ci" | "terminal") => Self::Truth,
            (Self::Moment | Self::Caller | Self::Input | Self::Target, _) => Self::Text,
            (Self::Options, _) => Self::Texts,
            _ => Self::Any,
        }
    }

    pub(super) fn is_scalar(self) -> bool {
        matches!(self, Self::Text | Self::Number | Self::Truth)
    }

    /// Tells whether two values can be of one kind.
    pub(super) fn may_be(self, other: Self) -> bool {
        let either = |kind: Self| self == kind || other == kind;
        self == other || either(Self::Any) || !(self.is_scalar() || other.is_scalar())
    }

    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Truth => "true or false",
            Self::Texts | Self::Inputs | Self::List => "a list",
            Self::Target
            | Self::Options
            | Self::Caller
            | Self::Time
            | Self::Moment
            | Self::Input => "a value with fields",
        }
    }
}

/// The names that loops have given, with what they stand for.
pub(super) type Bound = [(String, Kind)];

pub(super) fn kind_of(part: &Expression, bound: &Bound) -> Kind {
    match &part.expr {
        Expr::Literal(LiteralValue::String(_)) => Kind::Text,
        Expr::Literal(LiteralValue::Boolean(_)) => Kind::Truth,
        Expr::Literal(LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_)) => {
            Kind::Number
        }
        Expr::Ident(name) => {
            let bound = bound.iter().rfind(|(bound, _)| bound == name);
            bound.map_or_else(|| Kind::of_variable(name), |(_, kind)| *kind)
        }
        Expr::Select(select) if select.test => Kind::Truth,
        Expr::Select(select) => kind_of(&select.operand, bound).field(&select.field),
        Expr::Call(call) => kind_of_call(call, bound),
        Expr::List(_) => Kind::List,
        // A loop has an answer of the kind that it starts with.
        Expr::Comprehension(one) => {
            let kind = kind_of(&one.accu_init, bound);
            let is_certain = matches!(kind, Kind::Truth | Kind::List);
            if is_certain { kind } else { Kind::Any }
        }
        Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Kind::Any,
    }
}

fn kind_of_call(call: &CallExpr, bound: &Bound) -> Kind {
    let of = |at: usize| {
        call.args
            .get(at)
            .map_or(Kind::Any, |part| kind_of(part, bound))
    };
    match call.func_name.as_str() {
        operators::INDEX => match call.args.get(1).map(|index| &index.expr) {
            Some(Expr::Literal(LiteralValue::String(field))) => of(0).field(field.inner()),
            _ if matches!(of(0), Kind::Texts | Kind::Inputs) => of(0).of_item(),
            _ => Kind::Any,
        },
        operators::LOGICAL_AND
        | operators::LOGICAL_OR
        | operators::LOGICAL_NOT
        | operators::EQUALS
        | operators::NOT_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS
        | operators::LESS
        | operators::LESS_EQUALS
        | operators::IN
        | "contains"
        | "startsWith"
        | "endsWith"
        | "like" => Kind::Truth,
        operators::MULTIPLY | operators::DIVIDE | operators::MODULO | "size" | "int" => {
            Kind::Number
        }
        "string" => Kind::Text,
        operators::ADD if of(0) == of(1) => of(0),
        operators::CONDITIONAL if of(1) == of(2) => of(1),
        _ => Kind::Any,
    }
}
