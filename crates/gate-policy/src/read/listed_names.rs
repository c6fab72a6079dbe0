//! Commands that print names of files among which none is meant to hold secrets: what `xargs`
//! hands on of them to a program that only shows files is what `grep -r` shows of a folder too.

use std::path::Path;

use super::find;
use super::secret_files::{aims_at_secrets, reveals, stand_below};
use crate::command_line::CommandLine;

/// Filters that leave names as they are, in whichever order.
const SORTING: &[&[u8]] = &[b"head", b"sort", b"tail", b"uniq"];

/// Tells whether a command prints such names, and nothing else.
pub(crate) fn lists_files((line, cwd): (&CommandLine<'_>, &Path), argv: &[Vec<u8>]) -> bool {
    let words: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
    match &words[..] {
        [b"find", rest @ ..] => find::lists_files((line, cwd), rest),
        [b"git", b"ls-files", rest @ ..] | [b"git", b"diff", b"--name-only", rest @ ..] => {
            are_open((line, cwd), rest, OF_GIT)
        }
        [b"grep", letters, rest @ ..] => {
            is_of_letters(letters, b"lL", b"EFHLilnrsw")
                && are_open((line, cwd), rest, &[])
                && !rest
                    .iter()
                    .skip(1)
                    .any(|word| stand_below((line, cwd), word))
                && !(rest.len() == 1 && stand_below((line, cwd), b"."))
        }
        _ => false,
    }
}

/// Tells whether a command prints some of the lines that it reads, and no others.
pub(crate) fn passes_on(argv: &[Vec<u8>]) -> bool {
    let words: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
    match &words[..] {
        [b"grep", letters, _] => is_of_letters(letters, b"v", b"EFiv"),
        [name, rest @ ..] => {
            let is_option = |word: &&[u8]| {
                word.starts_with(b"-") && word.iter().skip(1).all(u8::is_ascii_alphanumeric)
            };
            let is_number = |word: &&[u8]| word.iter().all(u8::is_ascii_digit);
            SORTING.contains(name)
                && rest.iter().all(|word| is_option(word) || is_number(word))
                && !rest
                    .iter()
                    .any(|word| word.contains(&b'o') || word.contains(&b'T'))
        }
        [] => false,
    }
}

/// Options of git with which it prints names and nothing else: others put texts beside them.
const OF_GIT: &[&[u8]] = &[
    b"--",
    b"--cached",
    b"--deleted",
    b"--exclude-standard",
    b"--full-name",
    b"--modified",
    b"--others",
    b"--staged",
    b"-c",
    b"-d",
    b"-m",
    b"-o",
    b"-z",
];

/// Tells whether no word names or aims at a file with secrets, and no option is another one.
fn are_open(place: (&CommandLine<'_>, &Path), words: &[&[u8]], options: &[&[u8]]) -> bool {
    let choosing = [&b"--exclude="[..], b"--exclude-dir=", b"--include="];
    words.iter().all(|word| {
        let mut chosen = choosing.iter().map(|option| word.strip_prefix(*option));
        let chosen = chosen.find_map(|name| name.filter(|_| options.is_empty()));
        let is_known = !word.starts_with(b"-") || options.contains(word) || chosen.is_some();
        let name = chosen.unwrap_or(word);
        // `:(top)x` is `x` to git.
        let is_plain = options.is_empty() || !name.contains(&b':');
        is_known && is_plain && !reveals(place, name) && !aims(name)
    })
}

/// Tells whether a word is letters of options, all of these and one of those.
fn is_of_letters(word: &[u8], one_of: &[u8], known: &[u8]) -> bool {
    let letters = word.strip_prefix(b"-").unwrap_or_default();
    letters.iter().all(|letter| known.contains(letter))
        && letters.iter().any(|letter| one_of.contains(letter))
}

/// Tells whether a pattern aims at files with secrets: `.e*`, `id_*`, `*.p?m`. Of `*.json` few
/// are.
pub(super) fn aims(pattern: &[u8]) -> bool {
    let name = pattern.rsplit(|byte| *byte == b'/').next();
    let name = name.unwrap_or(pattern);
    name != b"*.json" && name.iter().any(|byte| b"*?[".contains(byte)) && aims_at_secrets(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::{Environment, MapFiles, Stdin};

    #[test]
    fn names_of_files_are_listed_where_no_secret_is_aimed_at() {
        let words = |text: &str| -> Vec<Vec<u8>> {
            text.split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect()
        };
        let cwd = Path::new("/srv/app");
        let env: Environment = [("HOME", "/home/me")].into_iter().collect();
        let files = MapFiles::new(cwd, Vec::<(&str, Vec<u8>)>::new());
        let line = CommandLine {
            argv: &[],
            env: &env,
            cwd,
            stdin: Stdin::Absent,
            files: &files,
        };
        for listing in [
            "find . -name *.rs",
            "find src tests -type f -print0",
            "git ls-files *.ts",
            "git diff --name-only main",
            "grep -rl foo src",
            "grep -rln foo",
        ] {
            assert!(lists_files((&line, cwd), &words(listing)), "{listing}");
        }
        for other in [
            "find . -name .env",
            "find . -name .e*",
            "find / -type f",
            "find /home/me/.ssh",
            "find -L . -type f",
            "find . -printf /etc/shadow",
            "find . -exec echo /etc/shadow ;",
            "git ls-files .env",
            "git ls-files :(top)id_rsa",
            "git ls-files i?_rsa",
            "git ls-files --exclude-from=/etc/shadow",
            "git ls-files --format=/etc/shado%x77",
            "git diff --name-only --line-prefix=/etc/x",
            "grep -l --label=/etc/x foo src",
            "git show HEAD",
            "grep -rl foo /home/me",
            "grep -rh foo src",
            "grep -rl --include=id_rsa foo .",
            "grep -l x /etc/shadow",
            "cat list",
        ] {
            assert!(!lists_files((&line, cwd), &words(other)), "{other}");
        }
    }

    #[test]
    fn a_filter_passes_names_on_as_they_are() {
        let words = |text: &str| -> Vec<Vec<u8>> {
            text.split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect()
        };
        for filter in ["grep -v test", "head -20", "sort -u", "tail -n 3"] {
            assert!(passes_on(&words(filter)), "{filter}");
        }
        for other in [
            "grep x",
            "grep -v x file",
            "sort -o file",
            "head file",
            "sed p",
        ] {
            assert!(!passes_on(&words(other)), "{other}");
        }
    }
}
