//! psql's backslash commands.

use super::statement::is_secret_setting;
use crate::effect::Effect;

/// Commands that describe or shape the display, without a `+` or `S` behind.
const READS: &[&str] = &[
    "?",
    "a",
    "bind",
    "conninfo",
    "crosstabview",
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
    "gdesc",
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
    "reset",
    "sf",
    "sv",
    "t",
    "timing",
    "warn",
    "watch",
    "x",
    "z",
];

/// Commands that show options of foreign servers, of user mappings and of
/// subscriptions, passwords too, with a `+` behind.
const SECRET_WITH_PLUS: &[&str] = &["dRs", "des", "det", "deu", "dew"];

/// Commands that run programs or what an editor leaves.
const EXECUTES: &[&str] = &["!", "e", "edit", "ef", "ev", "gexec"];

/// Commands that hand a statement over, or what it shows to a file or a
/// program when they name one.
const OUTPUTS: &[&str] = &["g", "gx", "o", "out", "s", "w", "write"];

/// Commands that send nothing to the server.
const SILENT: &[&str] = &[
    "a", "echo", "elif", "else", "endif", "if", "pset", "q", "qecho", "quit", "set", "t", "timing",
    "unset", "warn", "x",
];

/// Tells whether a command of this name sends nothing to the server. `\i` does
/// not either; what it leads to is judged by itself.
pub(super) fn sends_nothing(name: &str) -> bool {
    SILENT.contains(&name) || matches!(name, "i" | "include" | "ir" | "include_relative")
}

/// Judges one command, given without its backslash.
pub(super) fn judge(command: &str) -> (Effect, String) {
    let name = command
        .split(|letter: char| letter.is_whitespace())
        .next()
        .unwrap_or_default();
    if command.starts_with('!') || EXECUTES.contains(&name) {
        return (
            Effect::Execute,
            format!("`\\{name}` runs a program or statements that it finds"),
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
    if OUTPUTS.contains(&name) {
        return judge_output(name, arguments.trim());
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

/// Judges a command that writes to what it names: `file`, or `|program`.
fn judge_output(name: &str, arguments: &str) -> (Effect, String) {
    // `\g (format=csv) file` has options before the name.
    let named = match arguments.split_once(')') {
        Some((_, behind)) if arguments.starts_with('(') => behind.trim(),
        _ => arguments,
    };
    if named.contains('|') {
        let reason = format!("`\\{name}` starts a program");
        return (Effect::Execute, reason);
    }
    if named.is_empty() && !matches!(name, "w" | "write") {
        return (Effect::Read, format!("`\\{name}` shows"));
    }
    (Effect::Write, format!("`\\{name}` writes to a file"))
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
        for command in [
            "! rm x",
            "!rm",
            "e",
            "gexec",
            "g | sh",
            "o |sh",
            "gx (format=csv) |x",
        ] {
            assert_eq!(judge(command).0, Effect::Execute, "{command}");
        }
    }

    #[test]
    fn what_is_named_behind_an_output_decides() {
        for command in ["g out.txt", "o x", "w x", "gx (a=b) x", "s x"] {
            assert_eq!(judge(command).0, Effect::Write, "{command}");
        }
        for command in ["g", "o", "gx (format=csv)", "watch 2", "gdesc"] {
            assert_eq!(judge(command).0, Effect::Read, "{command}");
        }
    }

    #[test]
    fn arguments_that_psql_would_expand_are_not_understood() {
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
