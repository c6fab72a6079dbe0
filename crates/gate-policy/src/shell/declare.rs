//! What declares, reads and unsets the variables of a shell.

use super::calculation::{is_digits, is_quoted};
use super::expand::Field;
use super::names::{is_name, is_read_only, starts_code};
use super::parser::Dialect;
use super::run::Runner;
use super::scope::{Scope, Value};
use crate::effect::Effect;
use crate::read::words::shown;

/// A command that declares, with the letters of its flags.
struct Declaration<'n> {
    name: &'n [u8],
    letters: Vec<u8>,
}

impl Declaration<'_> {
    fn has(&self, letter: u8) -> bool {
        self.letters.contains(&letter)
    }

    fn exports(&self) -> bool {
        self.name == b"export" || self.has(b'x')
    }

    fn fixes(&self) -> bool {
        self.name == b"readonly" || self.has(b'r')
    }

    /// Tells whether a value stays as it is written.
    fn is_plain(&self) -> bool {
        self.letters.iter().all(|letter| b"xrg".contains(letter))
    }

    /// Tells whether a name in a function is a variable of its own.
    fn is_local(&self) -> bool {
        !matches!(self.name, b"export" | b"readonly") && !self.has(b'g')
    }
}

impl Runner<'_> {
    pub(super) fn declare(&mut self, name: &[u8], words: &[Field], scope: &mut Scope) {
        let is_flag = |word: &&Field| word.is_known && word.bytes.starts_with(b"-");
        let given: Vec<&[u8]> = words
            .iter()
            .filter(is_flag)
            .map(|word| &*word.bytes)
            .collect();
        let prints = given.iter().any(|flag| flag.contains(&b'p'));
        if prints || (given.len() == words.len() && !given.contains(&&b"-"[..])) {
            self.effect(Effect::Secret, "it prints every variable");
            return;
        }
        if name == b"local" && !self.is_in_function() {
            self.unknown("`local` stands in no function");
        }
        let letters = given.iter().flat_map(|flag| flag.iter().skip(1).copied());
        let letters = letters.collect();
        let declaration = Declaration { name, letters };
        let known = |letter: &u8| b"xrgluct".contains(letter);
        if !declaration.letters.iter().all(known) {
            self.unknown("a declared variable has a type that is not followed");
        }
        for word in words.iter().filter(|word| !is_flag(word)) {
            self.declared(word, &declaration, scope);
        }
    }

    fn declared(&mut self, word: &Field, declaration: &Declaration<'_>, scope: &mut Scope) {
        let equals = word.bytes.iter().position(|byte| *byte == b'=');
        let variable = word.bytes.get(..equals.unwrap_or(word.bytes.len()));
        let variable = variable.filter(|name| is_name(name));
        let Some(variable) = variable.filter(|_| word.is_known || equals.is_some()) else {
            self.unknown("what is declared is not known");
            return;
        };
        self.carry_field(variable, word);
        // Where that is no declaration but a command, a value becomes words.
        let value_of = |at: usize| word.bytes.get(at + 1..).unwrap_or_default();
        let stays_one = equals.is_none_or(|at| word.is_known || is_quoted(value_of(at)));
        if self.dialect == Dialect::Posix && !stays_one {
            self.unknown("what is declared is not known");
        }
        let own = self.is_in_function()
            && declaration.is_local()
            && scope.get(variable) != Value::Known(Vec::new());
        match equals {
            Some(at) if word.is_known && declaration.is_plain() => {
                let value = value_of(at).to_vec();
                self.assign(variable, Value::Known(value), scope);
            }
            Some(_) => self.assign(variable, Value::Unknown, scope),
            // Some shells keep the value of the outer one.
            None if own => self.assign(variable, Value::Unknown, scope),
            None => self.doubt_code(variable),
        }
        if declaration.exports() {
            scope.export(variable);
        }
        if declaration.fixes() || !declaration.is_plain() {
            scope.fix(variable);
        }
    }

    /// Sets a variable.
    pub(super) fn assign(&mut self, name: &[u8], value: Value, scope: &mut Scope) {
        self.doubt_code(name);
        if self.is_read_only(name, scope) {
            self.may_drop(scope);
        }
        if name == b"HOME" && scope.is_login {
            self.unknown("a login shell runs a file of the new HOME at its end");
        }
        scope.set(name, value);
    }

    /// Tells whether an assignment to a variable may be an error.
    pub(super) fn is_read_only(&self, name: &[u8], scope: &Scope) -> bool {
        scope.is_fixed(name) || is_read_only(name, self.dialect)
    }

    /// Says that a shell takes code from a variable that is set.
    fn doubt_code(&mut self, name: &[u8]) {
        if starts_code(name, self.dialect) {
            let name = shown(name);
            self.unknown(&format!("`{name}` is set, from which a shell takes code"));
        }
    }

    /// Without a flag some shells take away a function where no variable has
    /// the name.
    pub(super) fn unset(&mut self, words: &[Field], scope: &mut Scope) {
        let mut takes = None;
        for word in words {
            match &*word.bytes {
                b"-v" | b"-f" if word.is_known && takes.is_none() => {
                    takes = word.bytes.get(1).copied();
                }
                name if word.is_known && takes == Some(b'f') => {
                    scope.functions.remove(name);
                }
                name if word.is_known && is_name(name) => {
                    scope.unset(name);
                    let function = scope.functions.get_mut(name);
                    if let Some(function) = function.filter(|_| takes.is_none()) {
                        function.is_sure = false;
                    }
                }
                _ => self.unknown("what `unset` takes away is not known"),
            }
        }
    }

    /// `read` sets variables to what it reads.
    pub(super) fn read_variables(&mut self, words: &[Field], scope: &mut Scope) {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match &*word.bytes {
                _ if !word.is_known => self.unknown("what `read` sets is not known"),
                option @ (b"-p" | b"-d" | b"-n" | b"-N" | b"-t" | b"-u") => {
                    let is_text = matches!(option, b"-p" | b"-d");
                    let is_fine = words.next().is_some_and(|value| {
                        let is_one = value.is_known || is_quoted(&value.bytes);
                        is_digits(value) || (is_text && is_one)
                    });
                    if !is_fine {
                        self.unknown("an option of `read` is not understood");
                    }
                }
                [b'-', letters @ ..] if letters.iter().all(|letter| b"rs".contains(letter)) => {}
                name if is_name(name) => self.assign(name, Value::Unknown, scope),
                _ => self.unknown("what `read` sets is not known"),
            }
        }
    }
}
