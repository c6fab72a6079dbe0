//! What a service file of libpq says of the server. Source: libpq,
//! `fe-connect.c` (`parseServiceInfo`, `parseServiceFile`): what a service says
//! counts behind argv and before the environment.

use std::path::PathBuf;

use super::{content, home_file, named, option, refuse_file, set};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation};

/// Settings of a service that say where and as whom, with the field of the
/// target, the option of psql and the variable.
const FIELDS: &[(&str, &str, &str, &str)] = &[
    ("host", "host", "host", "PGHOST"),
    ("port", "port", "port", "PGPORT"),
    ("dbname", "database", "dbname", "PGDATABASE"),
    ("user", "user", "username", "PGUSER"),
];
/// Settings that change neither the server nor what runs.
const PLAIN: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "passfile",
    "password",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
];
/// Where Debian's packages have the file of the system.
const SYSTEM: &str = "/etc/postgresql-common/pg_service.conf";
/// The longest line that libpq reads.
const LINE_BYTES: usize = 1_023;

pub(super) fn resolve(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for path in named_files(line).into_iter().flatten() {
        if content(line, &path, "service file", invocation).is_none() {
            refuse_file(&path, "service file", "gate can't read it", invocation);
        }
    }
    // A connection string has named it, or the variable.
    let service = named(invocation, "service").to_owned();
    if !service.is_empty() {
        let is_read = read_service(line, &service, invocation);
        crate::sql::refuse_several_servers(invocation);
        if !is_read && !line.files.sees_all() {
            return drop_environment(line, invocation);
        }
    }
    if named(invocation, "database").is_empty()
        && let Some(user) = invocation.target.get("user").cloned()
    {
        set(invocation, "database", &user);
    }
}

/// Drops what the service can say before the environment does.
fn drop_environment(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for (_, field, of_psql, variable) in FIELDS {
        let is_of_environment = is_of_environment(line, field, variable, invocation);
        let is_in_words = option(invocation, of_psql).is_some() || has_string(invocation);
        if is_of_environment && !is_in_words {
            invocation.target.remove(*field);
        }
    }
}

/// Reads the service, and tells whether there is one.
fn read_service(line: &CommandLine<'_>, service: &str, invocation: &mut Invocation) -> bool {
    let mut is_there = false;
    for path in files(line) {
        let Some(text) = content(line, &path, "service file", invocation) else {
            continue;
        };
        is_there = true;
        match settings(&text, service) {
            Ok(None) => {}
            Ok(Some(settings)) => {
                invocation.add_input(Input::unnamed(InputKind::File, path, "services"));
                for (name, value) in settings {
                    take(line, &name, &value, invocation);
                }
                return true;
            }
            Err(problem) => {
                refuse_file(&path, "service file", &problem, invocation);
                return true;
            }
        }
    }
    let by_variable = line.env.get("PGSERVICE").unwrap_or_default();
    // A server that reads the words again has not the files of who sent them.
    let is_certain = is_there || line.files.sees_all();
    if is_certain || by_variable.to_string_lossy() != service {
        let reason = format!("the service `{service}` is in no service file");
        invocation.add(Effect::Unknown, &reason);
    }
    false
}

/// Returns the files in the order in which libpq looks into them.
fn files(line: &CommandLine<'_>) -> [PathBuf; 2] {
    let [own, system] = named_files(line);
    [
        own.unwrap_or_else(|| home_file(line, ".pg_service.conf")),
        system.unwrap_or_else(|| PathBuf::from(SYSTEM)),
    ]
}

/// Returns those of them that variables name.
fn named_files(line: &CommandLine<'_>) -> [Option<PathBuf>; 2] {
    let variable = |name: &str| line.env.get(name).filter(|value| !value.is_empty());
    let own = variable("PGSERVICEFILE").map(|path| line.cwd.join(path));
    let folder = variable("PGSYSCONFDIR").map(|folder| line.cwd.join(folder));
    [own, folder.map(|folder| folder.join("pg_service.conf"))]
}

type Settings = Vec<(String, String)>;

/// Returns the settings of a service, where the file has it. The first of a
/// name counts.
fn settings(content: &[u8], service: &str) -> Result<Option<Settings>, String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is no UTF-8".to_owned())?;
    let mut found: Option<Settings> = None;
    let mut is_inside = false;
    for line in text.split('\n') {
        if line.len() > LINE_BYTES {
            return Err("a line is too long".to_owned());
        }
        let line =
            line.trim_matches(|letter: char| letter.is_ascii_whitespace() || letter == '\u{b}');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            if is_inside {
                break;
            }
            is_inside = name
                .strip_prefix(service)
                .is_some_and(|rest| rest.starts_with(']'));
            if is_inside {
                found = Some(Settings::new());
            }
            continue;
        }
        let Some(settings) = found.as_mut().filter(|_| is_inside) else {
            continue;
        };
        let Some((name, value)) = line.split_once('=') else {
            return Err("a setting has no value".to_owned());
        };
        if !settings.iter().any(|(known, _)| known == name) {
            settings.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(found)
}

/// Takes a setting of a service, unless argv has said it.
fn take(line: &CommandLine<'_>, name: &str, value: &str, invocation: &mut Invocation) {
    let field = FIELDS.iter().find(|(known, ..)| *known == name);
    let Some((_, field, of_psql, variable)) = field else {
        if name == "hostaddr" {
            set(invocation, "address", value);
        } else if !PLAIN.contains(&name) && !value.is_empty() {
            let reason = format!("the service sets `{name}`, which can change what runs");
            invocation.add(Effect::Unknown, &reason);
        }
        return;
    };
    let known = named(invocation, field);
    let is_of_environment = is_of_environment(line, field, variable, invocation);
    if option(invocation, of_psql).is_some() || !(known.is_empty() || is_of_environment) {
        return;
    }
    if !known.is_empty() && has_string(invocation) {
        // The connection string may have said what the environment says too.
        invocation.add(
            Effect::Unknown,
            "the connection string and the service disagree",
        );
        return;
    }
    set(invocation, field, value);
}

/// Tells whether a field is what the variable says, and so can be of no word.
fn is_of_environment(
    line: &CommandLine<'_>,
    field: &str,
    variable: &str,
    invocation: &Invocation,
) -> bool {
    let in_environment = line.env.get(variable).unwrap_or_default();
    named(invocation, field) == in_environment.to_string_lossy()
}

/// Tells whether the words hold a connection string.
fn has_string(invocation: &Invocation) -> bool {
    let is_string = |name: &[u8]| name.contains(&b'=') || name.starts_with(b"postgres");
    let in_option = option(invocation, "dbname").is_some_and(is_string);
    let mut operands = invocation.operands.iter();
    in_option || operands.any(|operand| is_string(operand))
}
