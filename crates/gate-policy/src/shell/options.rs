//! `set` and `shopt`: the options of a shell.

use super::expand::Field;
use super::parser::Dialect;
use super::run::Runner;
use super::scope::Scope;
use crate::effect::Effect;

/// The letters of `set` that change nothing of what a command means.
const PLAIN_LETTERS: &[u8] = b"euxfvCbhmBEHT";
/// Those of zsh, which has others.
const PLAIN_LETTERS_IN_ZSH: &[u8] = b"euxfvC";
/// The options of `set -o` that change nothing of what a command means.
const PLAIN_NAMES: &[&[u8]] = &[
    b"pipefail",
    b"errexit",
    b"nounset",
    b"xtrace",
    b"noglob",
    b"noclobber",
    b"verbose",
];
/// Those of `shopt`.
const PLAIN_OF_BASH: &[&[u8]] = &[
    b"checkhash",
    b"checkjobs",
    b"checkwinsize",
    b"cmdhist",
    b"dotglob",
    b"execfail",
    b"extglob",
    b"globasciiranges",
    b"globskipdots",
    b"globstar",
    b"histappend",
    b"huponexit",
    b"inherit_errexit",
    b"lastpipe",
    b"lithist",
    b"mailwarn",
    b"nocaseglob",
    b"nocasematch",
    b"nullglob",
];

impl Runner<'_> {
    pub(super) fn set_options(&mut self, words: &[Field], scope: &mut Scope) {
        if words.is_empty() {
            self.effect(Effect::Secret, "it prints every variable");
            return;
        }
        self.effect(Effect::Read, "the shell does it itself");
        let plain = match self.dialect {
            Dialect::Zsh => PLAIN_LETTERS_IN_ZSH,
            Dialect::Bash | Dialect::Posix => PLAIN_LETTERS,
        };
        let is_plain = |letters: &[u8]| letters.iter().all(|letter| plain.contains(letter));
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match &*word.bytes {
                _ if !word.is_known => self.unknown("what `set` sets is not known"),
                b"--" => {
                    self.carry_words(words.as_slice());
                    let known = |word: &Field| word.is_known.then(|| word.bytes.clone());
                    let rest: Option<Vec<Vec<u8>>> = words.map(known).collect();
                    let first = scope.words.as_ref().and_then(|words| words.first());
                    let first = first.cloned().unwrap_or_default();
                    scope.words = rest.map(|rest| std::iter::once(first).chain(rest).collect());
                    return;
                }
                [b'-' | b'+', letters @ .., b'o'] if is_plain(letters) => {
                    let option = words.next().map(|word| &*word.bytes);
                    self.is_traced |= option == Some(b"xtrace") || letters.contains(&b'x');
                    if !option.is_some_and(|option| PLAIN_NAMES.contains(&option)) {
                        self.unknown("an option of the shell is not understood");
                    }
                }
                [b'-' | b'+', letters @ ..] if is_plain(letters) => {
                    self.is_traced |= letters.contains(&b'x');
                }
                _ => self.unknown("an option of the shell is not understood"),
            }
        }
    }

    pub(super) fn shell_options(&mut self, words: &[Field]) {
        let is_flag = |word: &&Field| word.bytes.starts_with(b"-");
        let (flags, names): (Vec<&Field>, Vec<&Field>) = words.iter().partition(is_flag);
        let letters = || flags.iter().flat_map(|flag| flag.bytes.iter().skip(1));
        let is_of_set = letters().any(|letter| *letter == b'o');
        let plain = if is_of_set {
            PLAIN_NAMES
        } else {
            PLAIN_OF_BASH
        };
        let is_plain = |word: &Field| word.is_known && plain.contains(&&*word.bytes);
        let are_letters = letters().all(|letter| b"supqo".contains(letter));
        let mut given = names.iter();
        self.is_traced |= given.any(|word| word.bytes == b"xtrace");
        if are_letters && names.into_iter().all(is_plain) {
            self.effect(Effect::Read, "the shell does it itself");
        } else {
            self.unknown("an option of the shell is not understood");
        }
    }
}
