//! psql's backslash commands.

use super::statement::is_secret_setting;
use crate::effect::Effect;

/// Commands that describe or shape the display, without a `+` or `S` behind.
const READS: &[&str] = &[
    "?",
    "a",
    "conninfo",
    "copyright",
    "d",
    "dA",
    "dAc",
    "dAf",
    "dAo",
    "dAp",
    "dC",
    "dD",
    "dF",
    "dFd",
    "dFp",
    "dFt",
    "dL",
    "dO",
    "dP",
    "dPi",
    "dPt",
    "dT",
    "dX",
    "da",
    "db",
    "dc",
    "dd",
    "ddp",
    "des",
    "det",
    "deu",
    "dew",
    "df",
    "dfa",
    "dfn",
    "dfp",
    "dft",
    "dfw",
    "dg",
    "di",
    "dit",
    "dl",
    "dm",
    "dn",
    "do",
    "dp",
    "dRp",
    "dRs",
    "ds",
    "dt",
    "dti",
    "dts",
    "dtv",
    "dtvs",
    "du",
    "dv",
    "dx",
    "dy",
    "echo",
    "errverbose",
    "f",
    "h",
    "l",
    "list",
    "lo_list",
    "p",
    "pset",
    "q",
    "qecho",
    "quit",
    "r",
    "sf",
    "sv",
    "t",
    "timing",
    "warn",
    "x",
    "z",
];

/// Commands that show options of foreign servers, of user mappings and of
/// subscriptions, passwords too, with a `+` behind.
const SECRET_WITH_PLUS: &[&str] = &["dRs", "des", "det", "deu", "dew"];

/// Commands that run programs or other scripts.
const EXECUTES: &[&str] = &[
    "!",
    "copy",
    "e",
    "edit",
    "ef",
    "ev",
    "g",
    "gexec",
    "i",
    "include",
    "ir",
    "include_relative",
    "o",
    "out",
    "w",
    "write",
    "watch",
    "gx",
    "gset",
];

/// Judges one command, given without its backslash.
pub(super) fn judge(command: &str) -> (Effect, String) {
    let name = command
        .split(|letter: char| letter.is_whitespace())
        .next()
        .unwrap_or_default();
    if command.starts_with('!') || EXECUTES.contains(&name) {
        return (
            Effect::Execute,
            format!("`\\{name}` can run a program or another script"),
        );
    }
    let arguments = command.get(name.len()..).unwrap_or_default();
    if arguments.contains(['\\', '`', ':']) {
        // A backslash starts a second command, a backquote a program, a colon
        // a variable.
        return (
            Effect::Unknown,
            format!("the arguments of `\\{name}` are not understood"),
        );
    }
    let plain = name.trim_end_matches(['+', 'S', 'x']);
    if name.contains('+') && SECRET_WITH_PLUS.contains(&plain) {
        return (
            Effect::Secret,
            format!("`\\{name}` shows options, and a password can be one"),
        );
    }
    match plain {
        "drds" => {
            let reason = "`\\drds` shows settings of roles, and a credential can be one";
            return (Effect::Secret, reason.to_owned());
        }
        "dconfig" => return judge_settings(arguments),
        _ => {}
    }
    if READS.contains(&name) || (!plain.is_empty() && READS.contains(&plain)) {
        return (Effect::Read, format!("`\\{name}` shows"));
    }
    if name == "password" {
        return (Effect::Access, "`\\password` changes a password".to_owned());
    }
    (Effect::Unknown, format!("gate does not know `\\{name}`"))
}

/// Judges `\dconfig`, which shows every setting that its pattern matches and
/// without one all that are not at their default.
fn judge_settings(arguments: &str) -> (Effect, String) {
    let pattern = arguments.trim();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ');
    if pattern.is_empty() || !pattern.bytes().all(is_name) {
        let reason = "`\\dconfig` shows settings, and a credential can be one";
        return (Effect::Secret, reason.to_owned());
    }
    if let Some(name) = pattern.split(' ').find(|name| is_secret_setting(name)) {
        let reason = format!("setting `{name}` can hold a credential");
        return (Effect::Secret, reason);
    }
    (Effect::Read, "`\\dconfig` shows".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_descriptions_are_reads() {
        for command in [
            "d",
            "dt+",
            "dtS+",
            "d public.t",
            "l+",
            "df pg_catalog.*",
            "x",
            "deu",
            "dRs",
            "dconfig work_mem",
            "echo hello",
            "pset pager off",
            "pset format csv",
        ] {
            assert_eq!(judge(command).0, Effect::Read, "{command}");
        }
        for command in [
            "deu+",
            "deuS+",
            "deu+ x",
            "des+",
            "dRs+",
            "drds",
            "dconfig",
            "dconfig+",
            "dconfig *conn*",
            "dconfig primary_conninfo",
            "dconfig PRIMARY_CONNINFO",
        ] {
            assert_eq!(judge(command).0, Effect::Secret, "{command}");
        }
        for command in ["! rm x", "!rm", "copy t to program 'x'", "i q.sql", "gexec"] {
            assert_eq!(judge(command).0, Effect::Execute, "{command}");
        }
        for command in [
            "d `x`",
            "dt \\! x",
            "echo :x",
            "echo `x`",
            "pset pager `x`",
            "set a b",
            "c other",
            "",
            "S",
        ] {
            assert_eq!(judge(command).0, Effect::Unknown, "{command}");
        }
    }
}
