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
    ("service", "service"),
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
    let uri = [&b"postgresql://"[..], b"postgres://"]
        .iter()
        .find_map(|scheme| name.strip_prefix(*scheme));
    let settings = match uri {
        Some(rest) => settings_of_uri(rest),
        None if name.contains(&b'=') => settings_of_pairs(name),
        None => return,
    };
    invocation.target.remove("database");
    match settings {
        Ok(settings) => {
            for (name, value) in settings {
                read_setting(&shown(&name), &shown(&value), invocation);
            }
        }
        Err(problem) => invocation.add(Effect::Unknown, problem),
    }
}

/// Says where psql would try several servers: no rule for one of them speaks
/// of the others. The variables of libpq must have been read.
pub(crate) fn refuse_several_servers(invocation: &mut Invocation) {
    let is_list = |field: &str| {
        let value = invocation.target.get(field);
        value.is_some_and(|value| value.contains(','))
    };
    if is_list("host") || is_list("port") {
        invocation.add(
            Effect::Unknown,
            "of several servers psql takes the first that answers",
        );
    }
}

/// Settings in their order, of which the last of a name counts.
type Settings = Vec<(Vec<u8>, Vec<u8>)>;

/// Splits a URI where libpq does: `conninfo_uri_parse_options` of
/// `fe-connect.c`. The credentials end at the first `@` that no `/` precedes,
/// behind a `?` too.
fn settings_of_uri(uri: &[u8]) -> Result<Settings, &'static str> {
    let mut settings = Settings::new();
    let mut add = |name: &str, value: &[u8]| {
        if !value.is_empty() {
            settings.push((name.as_bytes().to_vec(), decoded(value)?));
        }
        Ok::<(), &'static str>(())
    };
    let (credentials, rest) = match until(uri, b"@/") {
        (credentials, [b'@', rest @ ..]) => (credentials, rest),
        _ => (&b""[..], uri),
    };
    let (user, password) = until(credentials, b":");
    add("user", user)?;
    add("password", password.get(1..).unwrap_or_default())?;
    let (hosts, ports, rest) = servers_of_uri(rest)?;
    add("host", &hosts)?;
    if ports.iter().any(|byte| *byte != b',') {
        add("port", &ports)?;
    }
    let (database, query) = match rest {
        [b'/', rest @ ..] => until(rest, b"?"),
        _ => (&b""[..], rest),
    };
    add("dbname", database)?;
    let query = query.get(1..).unwrap_or_default();
    for setting in query.split(|byte| *byte == b'&') {
        match until(setting, b"=") {
            ([], []) => {}
            (name, [b'=', value @ ..]) if !value.contains(&b'=') => {
                settings.push((decoded(name)?, decoded(value)?));
            }
            _ => return Err("a parameter of the connection URI has not one `=`"),
        }
    }
    Ok(settings)
}

/// Hosts, ports and what follows them.
type Servers<'t> = (Vec<u8>, Vec<u8>, &'t [u8]);

/// Takes hosts and ports, each with commas between, and what follows them.
fn servers_of_uri(mut uri: &[u8]) -> Result<Servers<'_>, &'static str> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    loop {
        let (host, rest) = match uri {
            [b'[', inside @ ..] => match until(inside, b"]") {
                (host, [b']', rest @ ..])
                    if !host.is_empty() && matches!(rest, [] | [b':' | b'/' | b'?' | b',', ..]) =>
                {
                    (host, rest)
                }
                _ => return Err("the address between brackets in the connection URI has no end"),
            },
            _ => until(uri, b":/?,"),
        };
        let (port, rest) = match rest {
            [b':', rest @ ..] => until(rest, b"/?,"),
            _ => (&b""[..], rest),
        };
        hosts.extend_from_slice(host);
        ports.extend_from_slice(port);
        let [b',', next @ ..] = rest else {
            return Ok((hosts, ports, rest));
        };
        hosts.push(b',');
        ports.push(b',');
        uri = next;
    }
}

/// Decodes `%XX`: `conninfo_uri_decode`. Some versions of libpq end a value at
/// a blank, others don't.
fn decoded(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        rest = behind;
        if is_blank(*first) {
            return Err("a blank stands in the connection URI");
        }
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let Some((digits, behind)) = rest.split_at_checked(2) else {
            return Err(BAD_ESCAPE);
        };
        let digits = std::str::from_utf8(digits).ok();
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if byte != 0 => bytes.push(byte),
            Some(_) | None => return Err(BAD_ESCAPE),
        }
        rest = behind;
    }
    Ok(bytes)
}

const BAD_ESCAPE: &str = "a `%` in the connection URI stands for no byte";

/// Splits `name=value` pairs with quotes and backslashes: `conninfo_parse`.
fn settings_of_pairs(text: &[u8]) -> Result<Settings, &'static str> {
    let mut settings = Settings::new();
    let mut rest = skip_blanks(text);
    while !rest.is_empty() {
        let end = rest
            .iter()
            .position(|byte| *byte == b'=' || is_blank(*byte));
        let (name, behind) = rest.split_at(end.unwrap_or(rest.len()));
        let [b'=', behind @ ..] = skip_blanks(behind) else {
            return Err("a setting of the connection string has no `=`");
        };
        let (value, behind) = value_of_pair(skip_blanks(behind))?;
        settings.push((name.to_vec(), value));
        rest = skip_blanks(behind);
    }
    Ok(settings)
}

/// Takes one value, and what follows it.
fn value_of_pair(text: &[u8]) -> Result<(Vec<u8>, &[u8]), &'static str> {
    let (is_quoted, mut rest) = match text {
        [b'\'', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut value = Vec::new();
    while let [first, behind @ ..] = rest {
        rest = behind;
        match first {
            b'\'' if is_quoted => return Ok((value, rest)),
            byte if !is_quoted && is_blank(*byte) => break,
            b'\\' => {
                if let [escaped, behind @ ..] = rest {
                    value.push(*escaped);
                    rest = behind;
                }
            }
            byte => value.push(*byte),
        }
    }
    if is_quoted {
        return Err("a quote in the connection string has no end");
    }
    Ok((value, rest))
}

/// Splits before the first of these bytes.
fn until<'t>(text: &'t [u8], ends: &[u8]) -> (&'t [u8], &'t [u8]) {
    let end = text.iter().position(|byte| ends.contains(byte));
    text.split_at(end.unwrap_or(text.len()))
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_blank(*byte));
    text.get(start.unwrap_or(text.len())..).unwrap_or_default()
}

/// `isspace` of C, which also takes the vertical tab.
fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
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
        Some((_, "" | "?")) => {}
        // What is named empty is not taken from the environment either.
        Some((_, field)) if value.is_empty() => {
            invocation.target.remove(*field);
            invocation.add(
                Effect::Unknown,
                format!("an empty `{name}` stands for a default of libpq"),
            );
        }
        Some((_, field)) => {
            let value = value.to_owned();
            invocation.target.insert((*field).to_owned(), value);
        }
        None => invocation.add(
            Effect::Unknown,
            format!("connection setting `{name}` can change what runs"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;

    use super::*;
    use crate::command_line::{CommandLine, Environment, NoFiles, Stdin};

    fn read(words: &[&str], env: &[(&str, &str)]) -> Invocation {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let env: Environment = env.iter().copied().collect();
        crate::read_invocation(&CommandLine {
            argv: &argv,
            env: &env,
            cwd: Path::new("/w"),
            stdin: Stdin::Absent,
            files: &NoFiles,
        })
    }

    #[test]
    fn a_rule_sees_the_server_that_libpq_would_connect_to() {
        for name in [
            "postgresql://pro%64-db/x",
            "postgresql://dev/x?%68ost=prod%2Ddb",
            "postgres://dev?application_name=@prod-db/x",
            "host='prod-db'",
            "host = pro\\d-db",
        ] {
            let invocation = read(&["psql", "-h", "dev", "-d", name, "-c", "select 1"], &[]);
            assert_eq!(invocation.target.get("host").unwrap(), "prod-db", "{name}");
            assert_eq!(
                invocation.effect,
                Effect::Read,
                "{name}: {:?}",
                invocation.reasons
            );
        }
    }

    #[test]
    fn of_several_servers_none_is_the_target() {
        let hosts = [("PGHOST", "dev,prod-db")];
        let ports = [("PGPORT", "5432,5433")];
        for (words, env) in [
            (&["psql", "-c", "select 1"][..], &hosts[..]),
            (&["psql", "-c", "select 1"], &ports),
            (&["psql", "-h", "dev,prod-db", "-c", "select 1"], &[]),
            (
                &["psql", "postgresql://dev,prod-db/x", "-c", "select 1"],
                &[],
            ),
            (&["psql", "host=dev,prod-db", "-c", "select 1"], &[]),
            (&["psql", "host=dev port=1,2", "-c", "select 1"], &[]),
        ] {
            assert_eq!(
                read(words, env).effect,
                Effect::Unknown,
                "{words:?} {env:?}"
            );
        }
        let one = read(&["psql", "-h", "dev", "-c", "select 1"], &hosts);
        assert_eq!(one.effect, Effect::Read);
    }

    fn shown_settings(settings: Result<Settings, &'static str>) -> Result<String, &'static str> {
        let pairs = settings?
            .into_iter()
            .map(|(name, value)| format!("{}={}", shown(&name), shown(&value)));
        Ok(pairs.collect::<Vec<_>>().join("|"))
    }

    /// Each as `PQconninfoParse` of libpq 15 splits it.
    #[test]
    fn a_uri_is_split_where_libpq_splits_it() {
        for (uri, settings) in [
            ("", ""),
            ("h", "host=h"),
            (
                "u:p%40@pro%64-db:5433/a%2Fb?user=x",
                "user=u|password=p@|host=prod-db|port=5433|dbname=a/b|user=x",
            ),
            (
                "dev?application_name=@prod-db/x",
                "user=dev?application_name=|host=prod-db|dbname=x",
            ),
            ("u@dev@prod/x", "user=u|host=dev@prod|dbname=x"),
            ("dev/x@prod-db", "host=dev|dbname=x@prod-db"),
            ("a,b:2/x", "host=a,b|port=,2|dbname=x"),
            ("a%2Cb", "host=a,b"),
            ("a,b", "host=a,b"),
            ("[::1]:5/x", "host=::1|port=5|dbname=x"),
            ("?%68ost=prod&port=1", "host=prod|port=1"),
            ("/x?host=", "dbname=x|host="),
        ] {
            assert_eq!(
                shown_settings(settings_of_uri(uri.as_bytes())).unwrap(),
                settings,
                "{uri}"
            );
        }
        for uri in [
            "pro%6", "pro%6g", "h%00", "h/a b", "%+1", "[::1", "[]", "[::1]x", "?host", "?a=b=c",
        ] {
            assert!(settings_of_uri(uri.as_bytes()).is_err(), "{uri}");
        }
    }

    #[test]
    fn pairs_are_split_where_libpq_splits_them() {
        for (text, settings) in [
            ("host=a dbname=b", "host=a|dbname=b"),
            (" host = 'pro\\d-db'user\t=\u{b}x ", "host=prod-db|user=x"),
            ("host=pro\\d\\ db", "host=prod db"),
            ("host= port=1 user=u", "host=port=1|user=u"),
            ("host=''", "host="),
            ("host=a\\", "host=a"),
        ] {
            let split = shown_settings(settings_of_pairs(text.as_bytes()));
            assert_eq!(split.unwrap(), settings, "{text}");
        }
        for text in ["host='a", "host='it''s'", "host='a\\'", "host x=1", "=x y"] {
            assert!(settings_of_pairs(text.as_bytes()).is_err(), "{text}");
        }
    }
}
