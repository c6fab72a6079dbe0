//! Which server psql would connect to: options, operands and connection
//! strings (libpq, "Connection Strings").

use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::read::words::{Parsed, shown};

/// The settings of a connection string that only say where and as whom.
const PLAIN_SETTINGS: &[(&str, &str)] = &[
    ("application_name", ""),
    ("client_encoding", "?"),
    ("connect_timeout", ""),
    ("dbname", "database"),
    ("host", "host"),
    ("keepalives", ""),
    ("password", ""),
    ("port", "port"),
    ("sslmode", ""),
    ("target_session_attrs", ""),
    ("user", "user"),
];

/// Writes the target of the database name, where it is a connection string.
/// psql takes the last option, and an operand only where there is none.
pub(super) fn read(parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let value = |option: &str| {
        let last = parsed.uses.iter().rfind(|used| used.name == option);
        last.and_then(|used| used.value)
    };
    let operands = &parsed.operands;
    let named = value("dbname");
    if (named.is_some() && !operands.is_empty())
        || (value("username").is_some() && operands.len() > 1)
    {
        invocation.add(
            Effect::Unknown,
            "psql takes an operand for something else where an option has said it",
        );
    }
    let Some(name) = named.or_else(|| operands.first().map(|operand| operand.bytes)) else {
        return;
    };
    let name = shown(name);
    if name.starts_with("postgresql://") || name.starts_with("postgres://") {
        invocation.target.remove("database");
        read_uri(&name, invocation);
    } else if name.contains('=') {
        invocation.target.remove("database");
        read_settings(&name, invocation);
    }
}

fn read_uri(uri: &str, invocation: &mut Invocation) {
    let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let user = user.split_once(':').map_or(user, |(user, _)| user);
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (host, ""),
    };
    for (field, value) in [
        ("user", user),
        ("host", host),
        ("port", port),
        ("database", database),
    ] {
        set(field, value, invocation);
    }
    for setting in query.split('&').filter(|setting| !setting.is_empty()) {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        read_setting(name, value, invocation);
    }
}

fn read_settings(text: &str, invocation: &mut Invocation) {
    if text.contains(['\'', '\\']) || text.contains(" =") || text.contains("= ") {
        invocation.add(
            Effect::Unknown,
            "a connection string with quotes is not understood",
        );
        return;
    }
    for setting in text.split_whitespace() {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        read_setting(name, value, invocation);
    }
}

fn read_setting(name: &str, value: &str, invocation: &mut Invocation) {
    let known = PLAIN_SETTINGS.iter().find(|(known, _)| *known == name);
    match known {
        Some((_, "?")) if !matches!(value, "utf8" | "UTF8" | "auto") => {
            invocation.add(
                Effect::Unknown,
                "another encoding changes where a statement ends",
            );
        }
        Some((_, field)) => set(field, value, invocation),
        None => invocation.add(
            Effect::Unknown,
            &format!("connection setting `{name}` can change what runs"),
        ),
    }
}

fn set(field: &str, value: &str, invocation: &mut Invocation) {
    if !field.is_empty() && field != "?" && !value.is_empty() {
        invocation.target.insert(field.to_owned(), value.to_owned());
    }
}
