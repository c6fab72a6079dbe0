//! What a shell knows at one point of a script.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;

use super::expand::is_number;
use super::names::{is_filled, is_moving, is_own};
use super::parser::Dialect;
use super::run::Frame;
use super::syntax::Command;
use crate::command_line::Environment;
use crate::read::path_of;

/// Stands in the environment for a value that is not known.
pub(super) const UNKNOWN_VALUE: &str = "\u{fffd}not known\u{fffd}";

/// What a variable holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Known(Vec<u8>),
    /// Some number that a calculation takes as it is.
    Number,
    /// Such a number, or nothing.
    PerhapsNumber,
    Unknown,
}

/// A function with the script that it stands in.
#[derive(Clone)]
pub(super) struct Function {
    pub(super) body: Rc<Command>,
    pub(super) frame: Frame,
    /// Whether it is defined for sure where it is called.
    pub(super) is_sure: bool,
}

/// The state of a shell.
#[derive(Clone)]
pub(super) struct Scope {
    dialect: Dialect,
    /// What was assigned. An empty entry is one that was unset.
    variables: BTreeMap<Vec<u8>, Option<Value>>,
    /// Those that may not be assigned to any more: some shells then go on.
    fixed: BTreeSet<Vec<u8>>,
    /// What is exported.
    pub(super) env: Environment,
    /// What may be exported or not.
    perhaps_exported: BTreeSet<Vec<u8>>,
    /// What will be exported once it is set.
    marked: BTreeSet<Vec<u8>>,
    /// Whether start-up files may have set whatever is not assigned here.
    pub(super) is_login: bool,
    /// The working directory, where it is known.
    pub(super) cwd: Option<PathBuf>,
    /// Whether a `cd` has moved it that may have failed.
    pub(super) is_moving: bool,
    /// `$0` and the words behind it, where they are known.
    pub(super) words: Option<Vec<Vec<u8>>>,
    pub(super) functions: BTreeMap<Vec<u8>, Function>,
}

impl Scope {
    pub(super) fn new(env: Environment, cwd: PathBuf, dialect: Dialect) -> Self {
        Self {
            dialect,
            variables: BTreeMap::new(),
            fixed: BTreeSet::new(),
            env,
            perhaps_exported: BTreeSet::new(),
            marked: BTreeSet::new(),
            is_login: false,
            cwd: Some(cwd),
            is_moving: false,
            words: None,
            functions: BTreeMap::new(),
        }
    }

    /// Returns what a variable holds; one that is not set holds nothing.
    pub(super) fn get(&self, name: &[u8]) -> Value {
        if let Some(value) = self.variables.get(name) {
            return value.clone().unwrap_or(Value::Known(Vec::new()));
        }
        if name == b"PWD" {
            let cwd = self.cwd.as_ref();
            return cwd.map_or(Value::Unknown, |cwd| {
                Value::Known(cwd.as_os_str().as_encoded_bytes().to_vec())
            });
        }
        let is_status = name == b"PIPESTATUS" && self.dialect == Dialect::Bash;
        if is_status && !self.is_login && self.env.get("PIPESTATUS").is_none() {
            return Value::Number;
        }
        if is_own(name, self.dialect) || self.is_login {
            return Value::Unknown;
        }
        match self.env.get(word_of(name)) {
            Some(value) if value == UNKNOWN_VALUE => Value::Unknown,
            Some(value) => Value::Known(value.as_encoded_bytes().to_vec()),
            None if is_filled(name) => Value::Unknown,
            None => Value::Known(Vec::new()),
        }
    }

    /// Tells whether PWD calls the folder as it is called here.
    pub(super) fn is_named(&self) -> bool {
        let cwd = self.cwd.as_ref().map(|cwd| cwd.as_os_str());
        let named = self.env.get("PWD");
        named.is_none() || named == cwd
    }

    /// Lets PWD, where it is exported, go with the folder.
    pub(super) fn follow_folder(&mut self) {
        if self.env.get("PWD").is_some() {
            let value = self.get(b"PWD");
            self.env.set("PWD".into(), exported(&value));
        }
    }

    /// Tells whether the value of a variable comes from outside.
    pub(super) fn is_outside(&self, name: &[u8]) -> bool {
        !self.variables.contains_key(name)
    }

    /// Sets a variable. What is exported already stays so.
    pub(super) fn set(&mut self, name: &[u8], value: Value) {
        let is_followed = !self.fixed.contains(name) && !is_moving(name, self.dialect);
        self.put(name, if is_followed { value } else { Value::Unknown });
        if name == b"path" && self.dialect == Dialect::Zsh {
            self.put(b"PATH", Value::Unknown);
        }
    }

    fn put(&mut self, name: &[u8], value: Value) {
        if self.perhaps_exported.contains(name) {
            self.env.set(word_of(name), UNKNOWN_VALUE.into());
        } else if self.env.get(word_of(name)).is_some() || self.marked.contains(name) {
            self.env.set(word_of(name), exported(&value));
        }
        self.variables.insert(name.to_vec(), Some(value));
    }

    /// Exports a variable: now where it is set, and otherwise from when on it is.
    pub(super) fn export(&mut self, name: &[u8]) {
        let value = self.get(name);
        let is_set = self.variables.contains_key(name) || self.env.get(word_of(name)).is_some();
        if is_set || value != Value::Known(Vec::new()) {
            self.perhaps_exported.remove(name);
            self.env.set(word_of(name), exported(&value));
        } else {
            self.marked.insert(name.to_vec());
        }
    }

    /// Takes a variable as another shell has it.
    pub(super) fn restore(&mut self, name: &[u8], from: &Self) {
        match from.variables.get(name) {
            Some(value) => self.variables.insert(name.to_vec(), value.clone()),
            None => self.variables.remove(name),
        };
        if !from.perhaps_exported.contains(name) {
            self.perhaps_exported.remove(name);
        }
        if from.marked.contains(name) {
            self.marked.insert(name.to_vec());
        } else {
            self.marked.remove(name);
        }
        match from.env.get(word_of(name)) {
            Some(value) => self.env.set(word_of(name), value.to_owned()),
            None => self.env.unset(&word_of(name)),
        }
    }

    /// Tells whether as much is known here as there.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.variables == other.variables
            && self.fixed == other.fixed
            && self.env == other.env
            && self.perhaps_exported == other.perhaps_exported
            && self.marked == other.marked
            && self.is_placed_like(other)
    }

    /// Tells whether all but the variables is as it is there.
    pub(super) fn is_placed_like(&self, other: &Self) -> bool {
        let functions = |scope: &Self| -> Vec<(Vec<u8>, *const Command, bool)> {
            let all = scope.functions.iter();
            all.map(|(name, known)| (name.clone(), Rc::as_ptr(&known.body), known.is_sure))
                .collect()
        };
        (&self.cwd, &self.words) == (&other.cwd, &other.words)
            && functions(self) == functions(other)
    }

    /// Returns the shell with no value of a variable known, in a folder that
    /// has no name.
    pub(super) fn emptied(&self) -> Self {
        Self {
            variables: BTreeMap::new(),
            is_login: true,
            cwd: Some(PathBuf::new()),
            ..self.clone()
        }
    }

    /// Returns the names that were assigned to.
    pub(super) fn assigned(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.variables.keys()
    }

    /// Lets a variable keep its value.
    pub(super) fn fix(&mut self, name: &[u8]) {
        self.fixed.insert(name.to_vec());
    }

    /// Tells whether a variable may be one that keeps its value.
    pub(super) fn is_fixed(&self, name: &[u8]) -> bool {
        self.fixed.contains(name)
    }

    /// Unsets a variable.
    pub(super) fn unset(&mut self, name: &[u8]) {
        if self.fixed.contains(name) || is_moving(name, self.dialect) {
            self.set(name, Value::Unknown);
            return;
        }
        self.perhaps_exported.remove(name);
        self.marked.remove(name);
        self.env.unset(&word_of(name));
        self.variables.insert(name.to_vec(), None);
    }

    /// Notes what is exported in only one of two states.
    fn doubt_exports(&mut self, changed: &Scope) {
        let only = |one: &Environment, other: &Environment| -> Vec<Vec<u8>> {
            let names = one.iter().map(|(name, _)| name);
            let names = names.filter(|name| other.get(name).is_none());
            names.map(|name| name.as_encoded_bytes().to_vec()).collect()
        };
        let names = only(&self.env, &changed.env);
        let more = only(&changed.env, &self.env);
        let marked = self.marked.symmetric_difference(&changed.marked);
        let known = changed.perhaps_exported.iter().chain(marked).cloned();
        let names = names.into_iter().chain(more).chain(known);
        self.perhaps_exported.extend(names);
        for name in &self.perhaps_exported {
            self.env.set(word_of(name), UNKNOWN_VALUE.into());
        }
    }

    /// Forgets what a part of the script that may or may not have run, or may
    /// run again, has set.
    pub(super) fn forget(&mut self, changed: &Scope) {
        if changed.cwd != self.cwd {
            self.cwd = None;
        }
        self.fixed.extend(changed.fixed.iter().cloned());
        self.is_moving |= changed.is_moving;
        if changed.words != self.words {
            self.words = None;
        }
        self.doubt_exports(changed);
        let names = changed.variables.keys().chain(self.variables.keys());
        let names: Vec<Vec<u8>> = names
            .filter(|name| changed.variables.get(*name) != self.variables.get(*name))
            .cloned()
            .collect();
        for name in names {
            let is_exported = |scope: &Scope| scope.env.get(word_of(&name)).is_some();
            let is_exported = is_exported(self) || is_exported(changed);
            let value = either(&self.get(&name), &changed.get(&name));
            self.variables.insert(name.clone(), Some(value));
            if is_exported {
                self.env.set(word_of(&name), UNKNOWN_VALUE.into());
            }
        }
        let other: Vec<(OsString, OsString)> = changed
            .env
            .iter()
            .filter(|(name, value)| self.env.get(name) != Some(value))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (name, _) in other {
            self.env.set(name, UNKNOWN_VALUE.into());
        }
        for (name, function) in &mut self.functions {
            function.is_sure &= changed.functions.contains_key(name);
        }
        for (name, function) in &changed.functions {
            let known = self.functions.get(name);
            let is_same = known.is_some_and(|known| {
                Rc::ptr_eq(&known.body, &function.body) && (function.is_sure || !known.is_sure)
            });
            if !is_same {
                let is_sure = false;
                self.functions.insert(
                    name.clone(),
                    Function {
                        is_sure,
                        ..function.clone()
                    },
                );
            }
        }
    }
}

/// Returns what is known of a value that is one of two.
fn either(one: &Value, other: &Value) -> Value {
    // A number that begins with 0 is an octal one, and can be none.
    let is_plain = |value: &Value| match value {
        Value::Known(text) => {
            let digits = text.strip_prefix(b"-").unwrap_or(text);
            text.is_empty() || matches!(digits, b"0" | [b'1'..=b'9', ..])
        }
        Value::Number | Value::PerhapsNumber => true,
        Value::Unknown => false,
    };
    let is_nothing = |value: &Value| match value {
        Value::Known(text) => text.is_empty(),
        Value::PerhapsNumber => true,
        Value::Number | Value::Unknown => false,
    };
    let both = [one, other];
    if !both.iter().all(|value| is_number(value) && is_plain(value)) {
        Value::Unknown
    } else if both.iter().any(|value| is_nothing(value)) {
        Value::PerhapsNumber
    } else {
        Value::Number
    }
}

/// Returns a value as it stands in the environment.
pub(super) fn exported(value: &Value) -> OsString {
    match value {
        Value::Known(bytes) => word_of(bytes),
        Value::Number | Value::PerhapsNumber | Value::Unknown => UNKNOWN_VALUE.into(),
    }
}

/// Returns bytes as a word of argv.
pub(super) fn word_of(bytes: &[u8]) -> OsString {
    path_of(bytes).into_os_string()
}
