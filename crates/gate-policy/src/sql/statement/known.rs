//! Names of `PostgreSQL` that gate knows.

// What the catalogue of a real server knows to be pure.
include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// Tells whether a function reads nothing but its arguments and the catalogue.
pub(super) fn is_pure(name: &str) -> bool {
    FUNCTIONS.binary_search(&name).is_ok()
}

/// Tells whether a function that is not pure is one of the server's own, or of
/// the modules that come with it, and so can do what no transaction holds back.
pub(super) fn reaches_out(name: &str) -> bool {
    OTHER_FUNCTIONS.binary_search(&name).is_ok()
        || MODULES.binary_search(&name).is_ok()
        || is_of_server(name)
}

/// Tells whether a function that is not pure can act on what is no part of the database.
pub(super) fn is_of_server(name: &str) -> bool {
    REACHING.iter().any(|start| name.starts_with(start))
}

/// Tells whether a type is one of the server's own. A type of somebody's own
/// reads its text with a function of its own, and a domain checks it with an
/// expression.
pub(super) fn is_known_type(name: &str) -> bool {
    TYPES.binary_search(&name).is_ok()
}

/// Tells whether all operators of a name that the server has are pure.
pub(super) fn is_known_operator(name: &str) -> bool {
    OPERATORS.binary_search(&name).is_ok()
}

/// Tells whether a setting changes neither what a statement does nor who may.
pub(super) fn is_harmless_setting(name: &str) -> bool {
    HARMLESS_SETTINGS.binary_search(&name).is_ok()
}

/// Tells whether a relation holds credentials.
pub(super) fn is_secret_relation(name: &str) -> bool {
    SECRET_RELATIONS.binary_search(&name).is_ok()
}

/// Tells whether the value of a setting can be a credential.
pub(in crate::sql) fn is_secret_setting(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "all" || SECRET_SETTINGS.iter().any(|part| name.contains(part))
}

/// How names of functions begin that are the server's own in some version, or a
/// door to another server. Others of the modules that come with the server are
/// in `MODULES`, which is made of `grammar/postgresql_modules.txt`.
const REACHING: &[&str] = &[
    "autoprewarm_",
    "binary_upgrade_",
    "connectby",
    "crosstab",
    "cursor_to_xml",
    "dblink",
    "file_fdw_",
    "lo_",
    "pg_",
    "postgres_fdw_",
    "query_to_xml",
    "ts_stat",
    "xpath_table",
];

/// Settings of the session that change neither what a statement does nor who
/// may do it.
#[rustfmt::skip]
const HARMLESS_SETTINGS: &[&str] = &[
    "application_name", "bytea_output", "client_min_messages", "constraint_exclusion",
    "cursor_tuple_fraction", "datestyle", "enable_async_append", "enable_bitmapscan",
    "enable_hashagg", "enable_hashjoin", "enable_indexonlyscan", "enable_indexscan",
    "enable_material", "enable_memoize", "enable_mergejoin", "enable_nestloop",
    "enable_parallel_append", "enable_parallel_hash", "enable_partitionwise_aggregate",
    "enable_partitionwise_join", "enable_seqscan", "enable_sort", "enable_tidscan",
    "extra_float_digits", "geqo", "idle_in_transaction_session_timeout",
    "idle_session_timeout", "intervalstyle", "jit", "lock_timeout",
    "max_parallel_workers_per_gather", "plan_cache_mode", "random_page_cost",
    "statement_timeout", "timezone", "transaction_timeout", "work_mem",
];

/// Relations that hold credentials, samples of the data or the server's files.
#[rustfmt::skip]
const SECRET_RELATIONS: &[&str] = &[
    "_pg_foreign_data_wrappers", "_pg_foreign_servers", "_pg_foreign_tables",
    "_pg_user_mappings", "decrypted_secrets", "foreign_data_wrapper_options",
    "foreign_server_options", "foreign_table_options", "pg_authid", "pg_db_role_setting",
    "pg_dist_authinfo", "pg_file_settings", "pg_foreign_data_wrapper", "pg_foreign_server",
    "pg_foreign_table", "pg_hba_file_rules", "pg_ident_file_mappings", "pg_largeobject",
    "pg_settings", "pg_shadow", "pg_stat_statements", "pg_stat_wal_receiver", "pg_statistic",
    "pg_statistic_ext_data", "pg_stats", "pg_stats_ext", "pg_stats_ext_exprs",
    "pg_subscription", "pg_user_mapping", "pg_user_mappings", "user_mapping_options",
];

/// What the name of a setting holds whose value can be a credential: a
/// connection string, a command with its arguments, a key.
const SECRET_SETTINGS: &[&str] = &[
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
