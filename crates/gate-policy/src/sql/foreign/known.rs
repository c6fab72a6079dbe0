//! Names of `MySQL` and `SQLite` that gate knows.

use sqlparser::ast::Ident;

use super::statement::Language;
use crate::effect::Effect;

/// Functions of both that read nothing but their arguments.
#[rustfmt::skip]
const BOTH: &[&str] = &[
    "abs", "acos", "asin", "atan", "atan2", "avg", "ceil", "ceiling", "char", "coalesce", "concat", "concat_ws", "cos",
    "count", "current_date", "current_time", "current_timestamp", "date", "degrees", "dense_rank", "exp", "first_value",
    "floor", "format", "group_concat", "hex", "ifnull", "instr", "json_array", "json_array_length", "json_extract",
    "json_insert", "json_object", "json_patch", "json_quote", "json_remove", "json_replace", "json_set", "json_type",
    "json_valid", "lag", "last_value", "lead", "length", "ln", "log", "log10", "log2", "lower", "ltrim", "max", "min",
    "mod", "nth_value", "ntile", "nullif", "percent_rank", "pi", "pow", "power", "radians", "rank", "replace", "round",
    "row_number", "rtrim", "sign", "sin", "sqrt", "substr", "substring", "sum", "tan", "time", "trim", "unhex", "upper",
];

#[rustfmt::skip]
const MYSQL: &[&str] = &[
    "adddate", "addtime", "ascii", "bin", "bit_and", "bit_count", "bit_length", "bit_or", "bit_xor", "char_length",
    "character_length", "charset", "collation", "connection_id", "conv", "convert", "cot", "crc32", "cume_dist",
    "curdate", "current_user", "curtime", "database", "date_add", "date_format", "date_sub", "datediff", "day",
    "dayname", "dayofmonth", "dayofweek", "dayofyear", "elt", "field", "find_in_set", "found_rows", "from_base64",
    "from_days", "from_unixtime", "get_format", "greatest", "hour", "if", "inet6_aton", "inet6_ntoa", "inet_aton",
    "inet_ntoa", "is_uuid", "isnull", "json_arrayagg", "json_contains", "json_contains_path", "json_depth", "json_keys",
    "json_length", "json_merge_patch", "json_merge_preserve", "json_objectagg", "json_overlaps", "json_pretty",
    "json_search", "json_storage_size", "json_unquote", "json_value", "last_day", "lcase", "least", "left", "localtime",
    "localtimestamp", "locate", "lpad", "makedate", "maketime", "md5", "microsecond", "mid", "minute", "month",
    "monthname", "now", "oct", "octet_length", "ord", "period_add", "period_diff", "position", "quarter", "quote",
    "rand", "regexp_instr", "regexp_like", "regexp_replace", "regexp_substr", "repeat", "reverse", "right", "row_count",
    "rpad", "schema", "sec_to_time", "second", "session_user", "sha", "sha1", "sha2", "soundex", "space", "std",
    "stddev", "stddev_pop", "stddev_samp", "str_to_date", "strcmp", "subdate", "substring_index", "subtime", "sysdate",
    "system_user", "time_format", "time_to_sec", "timediff", "timestamp", "timestampadd", "timestampdiff", "to_base64",
    "to_days", "to_seconds", "truncate", "ucase", "unix_timestamp", "user", "utc_date", "utc_time", "utc_timestamp",
    "uuid", "uuid_to_bin", "bin_to_uuid", "var_pop", "var_samp", "variance", "version", "week", "weekday", "weekofyear",
    "year", "yearweek",
];

#[rustfmt::skip]
const SQLITE: &[&str] = &[
    "acosh", "asinh", "atanh", "changes", "cosh", "datetime", "glob", "iif", "json", "json_each", "json_error_position",
    "json_group_array", "json_group_object", "json_tree", "jsonb", "jsonb_extract", "julianday", "last_insert_rowid",
    "likelihood", "likely", "nullif", "octet_length", "printf", "quote", "random", "randomblob", "sinh",
    "sqlite_compileoption_get", "sqlite_compileoption_used", "sqlite_source_id", "sqlite_version", "strftime",
    "string_agg", "tanh", "timediff", "total", "total_changes", "trunc", "typeof", "unicode", "unixepoch", "unlikely",
    "zeroblob", "bm25", "highlight", "snippet", "generate_series",
];

/// Tells whether a function reads nothing but its arguments.
pub(super) fn is_pure(name: &str, language: Language) -> bool {
    let own = match language {
        Language::MySql => MYSQL,
        Language::Sqlite => SQLITE,
    };
    BOTH.contains(&name) || own.contains(&name)
}

/// Tells whether a relation, given by its parts in lower case, holds credentials
/// or what others run.
pub(super) fn is_secret(parts: &[String], language: Language) -> bool {
    let Some((last, schema)) = parts.split_last() else {
        return true;
    };
    match (language, schema.last().map(String::as_str)) {
        (Language::MySql, Some("mysql")) => true,
        (Language::MySql, Some("information_schema")) => {
            matches!(
                last.as_str(),
                "processlist" | "user_attributes" | "global_variables" | "files"
            )
        }
        (Language::MySql, Some("performance_schema" | "sys")) => {
            !matches!(last.as_str(), "version")
        }
        (Language::MySql | Language::Sqlite, _) => false,
    }
}

/// What is said of a statement of a kind that is on no list.
pub(super) const UNKNOWN: (Effect, &str) = (Effect::Unknown, "a statement that gate does not know");

/// What a `SHOW` of `MySQL` tells that the parser knows by its words alone: it drops
/// all that is no word, and a condition could call a function.
pub(super) fn shown(words: &[Ident]) -> (Effect, &'static str) {
    let words: Vec<String> = words
        .iter()
        .map(|word| word.value.to_ascii_lowercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &*words {
        words if words.contains(&"where") => UNKNOWN,
        ["engine" | "grants", ..] => (
            Effect::Secret,
            "a `SHOW` of credentials or of what others run",
        ),
        [
            "index" | "indexes" | "keys" | "triggers" | "events" | "warnings" | "errors",
            ..,
        ]
        | ["engines" | "plugins" | "privileges" | "profiles"]
        | ["storage", "engines"]
        | [
            "table" | "function" | "procedure" | "master" | "slave" | "replica",
            "status",
            ..,
        ]
        | ["open", "tables", ..]
        | ["binary" | "master", "logs", ..] => (Effect::Read, "a `SHOW`"),
        _ => UNKNOWN,
    }
}
