//! What stands in the server's settings about how it is watched and stopped.

/// What stands there, and whether it is taken.
pub(crate) const OF_OPERATIONS: &[(&str, bool)] = &[
    ("max_connections = 1\ndrain_seconds = 0", true),
    ("max_connections = 0", false),
    ("[metrics]\nlisten = '127.0.0.1:9480'", true),
    ("[metrics]\nlisten = '0.0.0.0:9480'\ntoken_file = 'x'", true),
    ("[metrics]\nlisten = '0.0.0.0:9480'", false),
    ("[metrics]", false),
    ("[log]\nformat = 'json'\ncalls = true", true),
    ("[log]\nformat = 'xml'", false),
    (
        "[telemetry]\nendpoint = 'http://127.0.0.1:4318/v1/traces'",
        true,
    ),
    (
        "[telemetry]\nendpoint = 'http://a.example/v1/traces'",
        false,
    ),
    ("[telemetry]\ntoken_file = 'x'", false),
];
