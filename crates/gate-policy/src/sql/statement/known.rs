//! Names of `PostgreSQL` that gate knows.

/// Functions that read nothing but their arguments and the catalogue.
#[rustfmt::skip]
pub(super) const PURE: &[&str] = &[
    "abs", "acos", "acosd", "acosh", "age", "array_agg", "array_append", "array_cat",
    "array_dims", "array_length", "array_lower", "array_ndims", "array_position",
    "array_positions", "array_prepend", "array_remove", "array_replace", "array_to_json",
    "array_to_string", "array_upper", "ascii", "asin", "asind", "asinh", "atan", "atan2",
    "atan2d", "atand", "atanh", "avg", "bit_and", "bit_count", "bit_length", "bit_or", "bit_xor",
    "bool_and", "bool_or", "broadcast", "btrim", "cardinality", "cbrt", "ceil", "ceiling",
    "char_length", "character_length", "chr", "clock_timestamp", "coalesce", "concat",
    "concat_ws", "corr", "cos", "cosd", "cosh", "cot", "cotd", "count", "covar_pop", "covar_samp",
    "cume_dist", "current_catalog", "current_database", "current_date", "current_schema",
    "current_schemas", "current_time", "current_timestamp", "current_user", "date_bin",
    "date_part", "date_trunc", "decode", "degrees", "dense_rank", "div", "encode", "every", "exp",
    "extract", "factorial", "first_value", "floor", "format", "format_type", "gcd",
    "gen_random_uuid", "generate_series", "generate_subscripts", "get_bit", "get_byte",
    "greatest", "host", "hostmask", "initcap", "isempty", "isfinite", "json_agg",
    "json_array_elements", "json_array_elements_text", "json_array_length", "json_build_array",
    "json_build_object", "json_each", "json_each_text", "json_extract_path",
    "json_extract_path_text", "json_object", "json_object_agg", "json_object_keys",
    "json_strip_nulls", "json_typeof", "jsonb_agg", "jsonb_array_elements",
    "jsonb_array_elements_text", "jsonb_array_length", "jsonb_build_array", "jsonb_build_object",
    "jsonb_each", "jsonb_each_text", "jsonb_extract_path", "jsonb_extract_path_text",
    "jsonb_insert", "jsonb_object", "jsonb_object_agg", "jsonb_object_keys", "jsonb_path_exists",
    "jsonb_path_match", "jsonb_path_query", "jsonb_path_query_array", "jsonb_path_query_first",
    "jsonb_pretty", "jsonb_set", "jsonb_strip_nulls", "jsonb_typeof", "justify_days",
    "justify_hours", "justify_interval", "lag", "last_value", "lcm", "lead", "least", "left",
    "length", "ln", "localtime", "localtimestamp", "log", "log10", "lower", "lower_inc",
    "lower_inf", "lpad", "ltrim", "make_date", "make_interval", "make_time", "make_timestamp",
    "make_timestamptz", "masklen", "max", "md5", "min", "min_scale", "mod", "mode", "netmask",
    "network", "now", "nth_value", "ntile", "nullif", "num_nonnulls", "num_nulls",
    "obj_description", "octet_length", "overlay", "parse_ident", "percent_rank",
    "percentile_cont", "percentile_disc", "pg_backend_pid", "pg_database_size",
    "pg_get_constraintdef", "pg_get_functiondef", "pg_get_indexdef", "pg_get_viewdef",
    "pg_indexes_size", "pg_is_in_recovery", "pg_postmaster_start_time", "pg_relation_size",
    "pg_size_bytes", "pg_size_pretty", "pg_table_size", "pg_total_relation_size", "pg_typeof",
    "pi", "position", "pow", "power", "quote_ident", "quote_literal", "quote_nullable", "radians",
    "random", "range_merge", "rank", "regexp_count", "regexp_instr", "regexp_like",
    "regexp_match", "regexp_matches", "regexp_replace", "regexp_split_to_array",
    "regexp_split_to_table", "regexp_substr", "regr_avgx", "regr_avgy", "regr_count",
    "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "repeat",
    "replace", "reverse", "right", "round", "row_number", "row_to_json", "rpad", "rtrim", "scale",
    "session_user", "set_bit", "set_byte", "sha224", "sha256", "sha384", "sha512", "sign", "sin",
    "sind", "sinh", "split_part", "sqrt", "starts_with", "statement_timestamp", "stddev",
    "stddev_pop", "stddev_samp", "string_agg", "string_to_array", "string_to_table", "strpos",
    "substr", "substring", "sum", "tan", "tand", "tanh", "timeofday", "timezone", "to_char",
    "to_date", "to_hex", "to_json", "to_jsonb", "to_number", "to_timestamp",
    "transaction_timestamp", "translate", "trim", "trim_array", "trim_scale", "trunc", "unnest",
    "upper", "upper_inc", "upper_inf", "user", "var_pop", "var_samp", "variance", "version",
    "width_bucket",
];

/// Those that are words of the grammar: with quotes or behind a schema such a
/// name is that of somebody's own function.
#[rustfmt::skip]
pub(super) const GRAMMAR: &[&str] = &[
    "coalesce", "current_catalog", "current_date", "current_time", "current_timestamp", "greatest",
    "least", "localtime", "localtimestamp", "nullif", "trim", "user",
];

/// Settings of the session that change neither what a statement does nor who
/// may do it.
#[rustfmt::skip]
pub(super) const HARMLESS_SETTINGS: &[&str] = &[
    "extra_float_digits", "idle_in_transaction_session_timeout", "idle_session_timeout",
    "lock_timeout", "statement_timeout", "transaction_timeout",
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
