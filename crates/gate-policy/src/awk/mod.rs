//! The programs of awk: what only computes and prints. Only signs and words are
//! looked at, and what could write, start or read something else is unknown,
//! also where it stands in a string or a regular expression.
//!
//! Source: POSIX, awk; gawk 5.3; mawk 1.3.4.

mod compared;

use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::read::words::Parsed;

/// Functions and variables by which a program starts or reads something else. A
/// name can stand right behind a number.
const LEADING_ON: &[&[u8]] = &[
    b"ARGC",
    b"ARGV",
    b"ENVIRON",
    b"FUNCTAB",
    b"PROCINFO",
    b"SYMTAB",
    b"close",
    b"getline",
    b"system",
];

/// Reads the first operand.
pub(crate) fn read(parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let shows_version = parsed.uses.iter().any(|used| used.name == "version");
    let program = parsed.operands.first().map(|first| first.bytes);
    if !parsed.problems.is_empty() || (shows_version && program.is_none()) {
        return;
    }
    if !program.is_some_and(is_plain) {
        let why = "its program may do more than compute and print";
        invocation.add(Effect::Unknown, why);
    }
}

/// Tells whether a program surely only computes and prints. Before the first `{`
/// there are patterns alone, in which `>` compares and `|` is a part of a regular
/// expression; behind it each of them can lead the output elsewhere.
fn is_plain(program: &[u8]) -> bool {
    let open = program.iter().position(|byte| *byte == b'{');
    let open = open.unwrap_or(program.len());
    let actions = program.get(open..).unwrap_or_default();
    !program.contains(&b'@')
        && !program.windows(2).any(|two| two == b"\\\n")
        && !LEADING_ON
            .iter()
            .any(|name| program.windows(name.len()).any(|part| part == *name))
        && (!redirects(actions) || compared::only_compares(program))
}

/// Tells whether a `>` stands there that is not of `>=`, or a `|` that is not of
/// `||`.
fn redirects(actions: &[u8]) -> bool {
    let mut rest = actions;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'>' | b'|')) {
        let signs = rest.get(at..).unwrap_or_default();
        let Some(behind) = signs
            .strip_prefix(b">=")
            .or_else(|| signs.strip_prefix(b"||"))
        else {
            return true;
        };
        // `>=` and `||` stand apart: nothing of what follows belongs to them.
        if matches!(behind.first(), Some(b'>' | b'|' | b'=' | b'&')) {
            return true;
        }
        rest = behind;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_program_that_only_computes_and_prints_is_plain() {
        for program in [
            "{print $1}",
            "NR>1{print $2, $NF}",
            "/a|b/ {n++} END {print n}",
            "$3 > 80 && $2 != \"x\" {printf \"%s\\n\", $1}",
            "BEGIN{FS=\",\"} $1 >= 5 || $2 ~ /x/ {s += $2} END{print s/NR}",
            "!seen[$0]++",
            "{if ($1 >= 2 || $2) print; else next}",
            "length > 10",
            "{a[x]; if (1>0) print}",
            "{ if ($1 > 5) print $2 }",
            "{ print ($1 > 5) ? \"a\" : \"b\" }",
            "/a|b/ { n++ } $1 > 5 { print } END { while (n > 0) n-- }",
            "$1 == \"a{\" { if ($2 > 1 || $3 > 2) print \"(>)\" }",
            "END { if (n > 0) print s/n }",
            "{ for (i = NF; i > 0; i--) print $i } # > \"f\"",
            "/[0-9]+\\/x/ { if (($1 > 2)) print }",
        ] {
            assert!(is_plain(program.as_bytes()), "{program}");
        }
    }

    #[test]
    fn a_program_that_may_do_more_is_not() {
        for program in [
            "{print > \"f\"}",
            "{print >> \"f\"}",
            "{print | \"sh\"}",
            "{print |& \"sh\"}",
            "BEGIN{system(\"touch P\")}",
            "1system(\"touch P\")",
            "BEGIN{\"date\" | getline x}",
            "\"date\" | getline",
            "BEGIN{while ((getline l < \"f\") > 0) print l}",
            "BEGIN{f=\"system\"; @f(\"touch P\")}",
            "@load \"x\"",
            "@include \"x\"",
            "BEGIN{print ENVIRON[\"T\"]}",
            "BEGIN{ARGV[1]=\"f\";ARGC=2}",
            "BEGIN{awk::system(\"x\")}",
            "BEGIN{sys\\\ntem(\"x\")}",
            "{print x >=| \"sh\"}",
            "{x=\"(\"; print > \"f\"}",
            "$1==\"{(\" {print > \"f\"}",
            "/(/ {print > \"f\"}",
            "{ if (x) /\"(/; print > \"f\" }",
            "{ if (/[/(]/) print > \"f\" }",
            "{ print (1) > \"f\" }",
            "{ print(1)(2) > (\"f\") }",
            "{ print (1 >> \"f\") }",
            "{ print a[1 > 2] }",
            "# (\n{print > \"f\"}",
            "{ print length /(/ > \"f\" }",
            "BEGIN { print \"x\\\"(\" > \"f\" }",
        ] {
            assert!(!is_plain(program.as_bytes()), "{program}");
        }
    }
}
