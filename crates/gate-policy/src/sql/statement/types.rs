//! The types of `PostgreSQL` itself.
//!
//! A type of somebody's own reads its text with a function of its own, and a
//! domain checks it with an expression. The parser knows the names of many
//! databases, and what is a type of another one can be anybody's here.

use sqlparser::ast::{ArrayElemTypeDef, DataType};

use super::name_of;

/// Types that have no word of the grammar.
#[rustfmt::skip]
const NAMED: &[&str] = &[
    "bit", "bool", "bpchar", "bytea", "cidr", "date", "datemultirange", "daterange", "float4",
    "float8", "inet", "int2", "int4", "int4multirange", "int4range", "int8", "int8multirange",
    "int8range", "interval", "json", "jsonb", "jsonpath", "macaddr", "macaddr8", "money", "name",
    "numeric", "nummultirange", "numrange", "oid", "pg_lsn", "regclass", "regnamespace", "regproc",
    "regprocedure", "regrole", "regtype", "text", "tid", "time", "timestamp", "timestamptz",
    "timetz", "tsmultirange", "tsrange", "tstzmultirange", "tstzrange", "uuid", "varbit",
    "varchar", "xid", "xid8",
];

/// Tells whether a type is one of `PostgreSQL`'s own.
pub(super) fn is_own(data_type: &DataType) -> bool {
    use DataType as T;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a type that is not on this list is somebody's own"
    )]
    match data_type {
        T::Array(ArrayElemTypeDef::SquareBracket(element, _)) => is_own(element),
        T::Custom(name, modifiers) => {
            let name = name_of(name);
            modifiers.is_empty() && name.is_some_and(|name| NAMED.binary_search(&&*name).is_ok())
        }
        T::Character(_)
        | T::Char(_)
        | T::CharacterVarying(_)
        | T::CharVarying(_)
        | T::Varchar(_)
        | T::Text
        | T::Uuid
        | T::Bytea
        | T::Numeric(_)
        | T::Decimal(_)
        | T::Dec(_)
        | T::SmallInt(_)
        | T::Int(_)
        | T::Integer(_)
        | T::BigInt(_)
        | T::Int2(_)
        | T::Int4(_)
        | T::Int8(_)
        | T::Float(_)
        | T::Float4
        | T::Float8
        | T::Real
        | T::DoublePrecision
        | T::Bool
        | T::Boolean
        | T::Date
        | T::Time(..)
        | T::Timestamp(..)
        | T::Interval { .. }
        | T::JSON
        | T::JSONB
        | T::Regclass
        | T::Bit(_)
        | T::BitVarying(_)
        | T::VarBit(_)
        | T::GeometricType(_)
        | T::TsVector
        | T::TsQuery => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_types_is_sorted() {
        assert!(NAMED.is_sorted());
    }
}
