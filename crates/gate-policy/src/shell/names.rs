//! Names that mean something to a shell itself.

use super::grammar::is_reserved;
use super::parser::Dialect;
use super::syntax::Piece;

/// Variables from which a shell runs code, or splits words.
const STARTS_CODE: &[&[u8]] = &[
    b"PS4",
    b"PS0",
    b"PS1",
    b"PS2",
    b"PROMPT_COMMAND",
    b"BASH_ENV",
    b"ENV",
    b"SHELLOPTS",
    b"BASHOPTS",
    b"BASH_ALIASES",
    b"BASH_CMDS",
    b"POSIXLY_CORRECT",
    b"CDPATH",
    b"ZDOTDIR",
];
/// Those of zsh, and the arrays that are its aliases, functions and options.
const STARTS_CODE_IN_ZSH: &[&[u8]] = &[
    b"NULLCMD",
    b"READNULLCMD",
    b"PROMPT",
    b"RPROMPT",
    b"prompt",
    b"cdpath",
    b"fpath",
    b"FPATH",
    b"aliases",
    b"builtins",
    b"commands",
    b"dis_aliases",
    b"dis_builtins",
    b"dis_functions",
    b"dis_galiases",
    b"functions",
    b"galiases",
    b"modules",
    b"nameddirs",
    b"options",
    b"saliases",
];
/// Functions that a shell calls by itself.
const CALLED_BY_SHELL: &[&[u8]] = &[
    b"command_not_found_handle",
    b"command_not_found_handler",
    b"chpwd",
    b"periodic",
    b"precmd",
    b"preexec",
    b"zshaddhistory",
    b"zshexit",
    b"zsh_directory_name",
];
/// The variables that a shell sets itself, time and again.
const MOVING: &[&[u8]] = &[
    b"_",
    b"BASH",
    b"BASHOPTS",
    b"BASHPID",
    b"BASH_ALIASES",
    b"BASH_ARGC",
    b"BASH_ARGV",
    b"BASH_ARGV0",
    b"BASH_COMMAND",
    b"BASH_EXECUTION_STRING",
    b"BASH_LINENO",
    b"BASH_MONOSECONDS",
    b"BASH_REMATCH",
    b"BASH_SOURCE",
    b"BASH_SUBSHELL",
    b"BASH_TRAPSIG",
    b"BASH_VERSINFO",
    b"BASH_VERSION",
    b"COLUMNS",
    b"COMP_WORDBREAKS",
    b"COPROC",
    b"DIRSTACK",
    b"EPOCHREALTIME",
    b"EPOCHSECONDS",
    b"ERRNO",
    b"EUID",
    b"FUNCNAME",
    b"GROUPS",
    b"HISTCMD",
    b"IFS",
    b"LINENO",
    b"LINES",
    b"MAPFILE",
    b"OLDPWD",
    b"OPTARG",
    b"OPTERR",
    b"OPTIND",
    b"PIPESTATUS",
    b"PPID",
    b"PS0",
    b"PS1",
    b"PS2",
    b"PS3",
    b"PS4",
    b"PWD",
    b"RANDOM",
    b"READLINE_LINE",
    b"REPLY",
    b"SECONDS",
    b"SHELLOPTS",
    b"SRANDOM",
    b"UID",
];
/// The variables to which no script can assign.
const READ_ONLY: &[&[u8]] = &[b"BASH_VERSINFO", b"EUID", b"PPID", b"UID"];
/// Those that zsh and ksh set besides.
const MOVING_IN_ZSH: &[&[u8]] = &[
    b"EGID",
    b"GID",
    b"MATCH",
    b"MBEGIN",
    b"MEND",
    b"TTYIDLE",
    b"USERNAME",
    b"argv",
    b"dirstack",
    b"funcstack",
    b"match",
    b"mbegin",
    b"mend",
    b"path",
    b"pipestatus",
    b"reply",
    b"signals",
    b"status",
];
/// Those that it sets when it starts: what a script puts there stays.
const STARTED: &[&[u8]] = &[
    b"HISTFILE",
    b"HOSTNAME",
    b"HOSTTYPE",
    b"MACHTYPE",
    b"OSTYPE",
    b"SHLVL",
    b"ZSH_ARGZERO",
    b"ZSH_NAME",
    b"ZSH_VERSION",
];

/// Those that a shell fills in itself when they are not set.
const FILLED: &[&[u8]] = &[b"HOME", b"PATH", b"SHELL", b"TERM"];

/// Tells whether a shell may put something into a variable that is not set when
/// it starts.
pub(super) fn is_filled(name: &[u8]) -> bool {
    FILLED.contains(&name)
}

/// Tells whether a shell takes code from a variable.
pub(super) fn starts_code(name: &[u8], dialect: Dialect) -> bool {
    let is_in_zsh = || STARTS_CODE_IN_ZSH.contains(&name) || name.ends_with(b"_functions");
    STARTS_CODE.contains(&name) || (dialect == Dialect::Zsh && is_in_zsh())
}

/// Tells whether a shell calls a function without a word that names it.
pub(super) fn is_called_by_shell(name: &[u8], dialect: Dialect) -> bool {
    let is_trap = name.starts_with(b"TRAP") && dialect == Dialect::Zsh;
    CALLED_BY_SHELL.contains(&name) || is_trap
}

/// Tells whether a shell may put something else into a variable at any time.
pub(super) fn is_moving(name: &[u8], dialect: Dialect) -> bool {
    MOVING.contains(&name) || (dialect == Dialect::Zsh && MOVING_IN_ZSH.contains(&name))
}

/// Tells whether an assignment to a variable may be an error from the start.
pub(super) fn is_read_only(name: &[u8], dialect: Dialect) -> bool {
    READ_ONLY.contains(&name) || (dialect == Dialect::Zsh && MOVING_IN_ZSH.contains(&name))
}

/// Tells whether a variable that a script has not set holds what a shell put
/// there.
pub(super) fn is_own(name: &[u8], dialect: Dialect) -> bool {
    STARTED.contains(&name) || is_moving(name, dialect)
}

/// Tells whether a byte can stand in the name of a variable.
pub(super) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Tells whether bytes are the name of a variable.
pub(super) fn is_name(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| !first.is_ascii_digit())
        && bytes.iter().all(|byte| is_letter(*byte))
}

/// Tells whether a word that was put together of several lines could be more
/// than a word to a shell: one of its own, or one that assigns.
pub(super) fn means_more(pieces: &[Piece]) -> bool {
    let Some(Piece::Literal {
        bytes,
        is_quoted: false,
    }) = pieces.first()
    else {
        return false;
    };
    let length = bytes.iter().take_while(|byte| is_letter(**byte)).count();
    let (name, rest) = bytes.split_at(length);
    let assigns = matches!(rest, [b'=' | b'[', ..] | [b'+', b'=', ..]);
    (pieces.len() == 1 && is_reserved(bytes)) || (is_name(name) && assigns)
}
