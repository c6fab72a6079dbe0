//! Names of `PostgreSQL` that gate knows.

/// Functions that read nothing but their arguments and the catalogue.
#[rustfmt::skip]
pub(super) const PURE: &[&str] = &[
    "abs", "age", "array_agg", "array_length", "array_to_string", "avg", "bool_and",
    "bool_or", "cardinality", "ceil", "ceiling", "char_length", "coalesce", "concat",
    "concat_ws", "count", "current_catalog", "current_database", "current_date",
    "current_schema", "current_schemas", "current_time", "current_timestamp", "current_user",
    "date_part", "date_trunc", "dense_rank", "encode", "every", "extract", "first_value",
    "floor", "format", "format_type", "generate_series", "greatest", "initcap", "json_agg",
    "json_build_object", "jsonb_agg", "jsonb_array_elements", "jsonb_array_length",
    "jsonb_build_object", "jsonb_each", "jsonb_object_keys", "jsonb_pretty", "jsonb_typeof",
    "lag", "last_value", "lead", "least", "left", "length", "localtime", "localtimestamp",
    "lower", "lpad", "ltrim", "make_date", "max", "md5", "min", "mod", "mode", "now",
    "nth_value", "ntile", "nullif", "obj_description", "octet_length", "percentile_cont",
    "percentile_disc", "pg_backend_pid", "pg_database_size", "pg_get_constraintdef",
    "pg_get_functiondef", "pg_get_indexdef", "pg_get_viewdef", "pg_indexes_size",
    "pg_is_in_recovery", "pg_postmaster_start_time", "pg_relation_size", "pg_size_pretty",
    "pg_table_size", "pg_total_relation_size", "power", "quote_ident", "quote_literal",
    "rank", "regexp_match", "regexp_matches", "regexp_replace", "repeat", "replace",
    "reverse", "right", "round", "row_number", "row_to_json", "rpad", "rtrim", "session_user",
    "sign", "split_part", "sqrt", "starts_with", "stddev", "string_agg", "string_to_array",
    "strpos", "substr", "substring", "sum", "timezone", "to_char", "to_date", "to_json",
    "to_jsonb", "to_number", "to_timestamp", "translate", "trim", "trunc", "unnest", "upper",
    "user", "variance", "version", "width_bucket",
];

/// Relations that hold credentials, samples of the data or the server's files.
#[rustfmt::skip]
pub(super) const SECRET_RELATIONS: &[&str] = &[
    "_pg_foreign_data_wrappers", "_pg_foreign_servers", "_pg_foreign_tables",
    "_pg_user_mappings", "decrypted_secrets", "foreign_data_wrapper_options",
    "foreign_server_options", "foreign_table_options", "pg_authid", "pg_db_role_setting",
    "pg_dist_authinfo", "pg_file_settings", "pg_foreign_data_wrapper", "pg_foreign_server",
    "pg_foreign_table", "pg_hba_file_rules", "pg_ident_file_mappings", "pg_largeobject",
    "pg_settings", "pg_shadow", "pg_stat_statements", "pg_statistic", "pg_statistic_ext_data",
    "pg_stats", "pg_stats_ext", "pg_stats_ext_exprs", "pg_subscription", "pg_user_mapping",
    "pg_user_mappings", "user_mapping_options",
];

/// What the name of a setting holds whose value can be a credential: a
/// connection string, a command with its arguments, a key.
pub(super) const SECRET_SETTINGS: &[&str] = &[
    "api",
    "command",
    "conninfo",
    "credential",
    "jwt",
    "key",
    "pass",
    "secret",
    "token",
];
