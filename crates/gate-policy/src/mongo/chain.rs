//! A strict grammar of the JavaScript that people type: `db.c.find({…}).limit(5)`.

use super::methods::{effect_of_command, effect_of_key, effect_of_method};
use crate::effect::Effect;

/// How deep literals and calls may stand in each other.
const DEPTH_LIMIT: usize = 50;

type Found = Vec<(Effect, String)>;

/// Returns what each call does.
pub(super) fn effects(text: &str) -> Result<Found, &'static str> {
    let mut reader = Reader {
        rest: text,
        found: Vec::new(),
        depth: 0,
    };
    loop {
        reader.skip_blanks();
        while reader.take(";") {
            reader.skip_blanks();
        }
        if reader.rest.is_empty() {
            return Ok(reader.found);
        }
        if !reader.take_show() {
            reader.expression()?;
        }
        reader.end()?;
    }
}

struct Reader<'t> {
    rest: &'t str,
    found: Found,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn skip_blanks(&mut self) {
        self.rest = self
            .rest
            .trim_start_matches(|letter: char| letter.is_ascii_whitespace());
    }

    fn take(&mut self, sign: &str) -> bool {
        self.rest.strip_prefix(sign).is_some_and(|rest| {
            self.rest = rest;
            true
        })
    }

    fn name(&mut self) -> Option<&'t str> {
        let is_inside = |letter: char| letter.is_ascii_alphanumeric() || "_$".contains(letter);
        let end = self.rest.find(|letter| !is_inside(letter));
        let (name, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        let starts = name.starts_with(|letter: char| !letter.is_ascii_digit());
        (starts && !name.is_empty()).then(|| {
            self.rest = rest;
            name
        })
    }

    /// A statement ends with `;`, a line or the text. The next line must not
    /// go on with it: where it starts with a sign it would.
    fn end(&mut self) -> Result<(), &'static str> {
        let before = self.rest;
        self.skip_blanks();
        if self.rest.is_empty() || self.rest.starts_with(';') {
            return Ok(());
        }
        let length = before.len() - self.rest.len();
        let blanks = before.get(..length).unwrap_or_default();
        let goes_on = !self
            .rest
            .starts_with(|letter: char| letter.is_ascii_alphabetic());
        if blanks.contains('\n') && !goes_on {
            return Ok(());
        }
        Err("something stands behind a statement")
    }

    /// Reads `show dbs` and the like, which is no JavaScript.
    fn take_show(&mut self) -> bool {
        let line = self.rest.split(['\n', ';']).next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let is_show = words.next() == Some("show")
            && matches!(
                words.next(),
                Some(
                    "dbs" | "databases" | "collections" | "tables" | "profile" | "users" | "roles"
                )
            )
            && words.next().is_none();
        if is_show {
            self.found
                .push((Effect::Read, "`show` has the effect read".to_owned()));
            self.rest = self.rest.get(line.len()..).unwrap_or_default();
        }
        is_show
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, &'static str>,
    ) -> Result<T, &'static str> {
        if self.depth >= DEPTH_LIMIT {
            return Err("it is too deep");
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Reads a chain, or a call that prints one.
    fn expression(&mut self) -> Result<(), &'static str> {
        let name = self.name().ok_or("it starts with no name")?;
        match name {
            "db" | "rs" | "sh" => self.chain(name),
            "print" | "printjson" => self.wrapped(),
            "JSON" | "EJSON" => {
                if self.take(".stringify") {
                    self.wrapped()
                } else {
                    Err("it calls what gate does not know")
                }
            }
            _ => Err("it starts with a name that gate does not know"),
        }
    }

    fn wrapped(&mut self) -> Result<(), &'static str> {
        if !self.take("(") {
            return Err("it is no call");
        }
        self.skip_blanks();
        self.deeper(Self::expression)?;
        self.skip_blanks();
        if self.take(")") {
            return Ok(());
        }
        Err("a call does not end")
    }

    /// Reads `.name`, `["name"]` and `(…)` as often as they stand there.
    fn chain(&mut self, start: &'t str) -> Result<(), &'static str> {
        let mut last = start;
        let mut calls = 0;
        loop {
            let before = self.rest;
            self.skip_blanks();
            if self.take(".") {
                self.skip_blanks();
                last = self.name().ok_or("a dot stands before no name")?;
            } else if self.rest.starts_with('(') {
                self.call(last)?;
                calls += 1;
            } else if self.take("[") {
                last = self.string().ok_or("a bracket holds no name")?;
                if !self.take("]") {
                    return Err("a bracket does not end");
                }
            } else {
                self.rest = before;
                // A name alone is printed: of a collection, its name.
                if calls == 0 && start != "db" {
                    return Err("it calls nothing");
                }
                return Ok(());
            }
        }
    }

    fn call(&mut self, name: &str) -> Result<(), &'static str> {
        let arguments = self.rest;
        let is_command = matches!(name, "runCommand" | "adminCommand");
        let effect = if is_command {
            effect_of_command(first_key(arguments).ok_or("a command has no name")?)
        } else {
            effect_of_method(name)
        };
        let reason = format!("`{name}` has the effect {effect}");
        self.found.push((effect, reason));
        self.deeper(|reader| reader.list('(', ')'))
    }

    /// Reads literals between two signs.
    fn list(&mut self, open: char, close: char) -> Result<(), &'static str> {
        self.rest = self.rest.strip_prefix(open).ok_or("a list is missing")?;
        loop {
            self.skip_blanks();
            if let Some(rest) = self.rest.strip_prefix(close) {
                self.rest = rest;
                return Ok(());
            }
            if open == '{' {
                self.key()?;
            }
            self.deeper(Self::literal)?;
            self.skip_blanks();
            if !self.take(",") && !self.rest.starts_with(close) {
                return Err("a literal does not end");
            }
        }
    }

    fn key(&mut self) -> Result<(), &'static str> {
        let key = if self.rest.starts_with(['"', '\'']) {
            self.string()
        } else {
            self.name()
        };
        let key = key.ok_or("a key is no name")?;
        if let Some(effect) = effect_of_key(key) {
            let reason = format!("`{key}` adds the effect {effect}");
            self.found.push((effect, reason));
        }
        self.skip_blanks();
        if !self.take(":") {
            return Err("a key stands before no value");
        }
        self.skip_blanks();
        Ok(())
    }

    fn string(&mut self) -> Option<&'t str> {
        let quote = self
            .rest
            .chars()
            .next()
            .filter(|sign| "\"'".contains(*sign))?;
        let (text, rest) = self.rest.get(1..)?.split_once(quote)?;
        if text.contains(['\\', '\n', '\r']) {
            return None;
        }
        self.rest = rest;
        Some(text)
    }

    fn literal(&mut self) -> Result<(), &'static str> {
        match self.rest.chars().next() {
            Some('{') => self.list('{', '}'),
            Some('[') => self.list('[', ']'),
            Some('"' | '\'') => self.string().map(drop).ok_or("a string is not read"),
            Some('-' | '0'..='9') => {
                let is_digit = |sign: char| sign.is_ascii_digit() || ".-".contains(sign);
                self.rest = self.rest.trim_start_matches(is_digit);
                Ok(())
            }
            Some(_) => self.word(),
            None => Err("a literal is missing"),
        }
    }

    /// Reads `true` and `ObjectId("…")`.
    fn word(&mut self) -> Result<(), &'static str> {
        let mut name = self.name().ok_or("a value is no literal")?;
        if name == "new" {
            self.skip_blanks();
            name = self.name().ok_or("`new` stands before no name")?;
        }
        match name {
            "true" | "false" | "null" => Ok(()),
            "ObjectId" | "ISODate" | "Date" | "NumberLong" | "NumberInt" | "NumberDecimal"
            | "Long" | "Int32" | "Decimal128" | "UUID" | "Timestamp" | "MinKey" | "MaxKey" => {
                self.list('(', ')')
            }
            _ => Err("a value is no literal"),
        }
    }
}

/// Returns the first key of `({key: …`, or the text of `("key"`.
fn first_key(arguments: &str) -> Option<&str> {
    let mut reader = Reader {
        rest: arguments.strip_prefix('(')?,
        found: Vec::new(),
        depth: 0,
    };
    reader.skip_blanks();
    if reader.take("{") {
        reader.skip_blanks();
        if !reader.rest.starts_with(['"', '\'']) {
            return reader.name();
        }
    }
    reader.string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strictest(text: &str) -> Effect {
        let found = effects(text).unwrap_or_else(|_| vec![(Effect::Unknown, String::new())]);
        let effects = found.into_iter().map(|(effect, _)| effect);
        effects.max().unwrap_or(Effect::Read)
    }

    #[test]
    fn a_chain_of_calls_with_literals_is_read() {
        for (text, effect) in [
            (
                "db.c.find({a: 1, 'b.c': {$gt: -1.5}}).sort({a: -1}).limit(5)",
                Effect::Read,
            ),
            (
                "db.getSiblingDB('x')[\"odd name\"].countDocuments()",
                Effect::Read,
            ),
            (
                "printjson(db.c.findOne({_id: ObjectId('5f')}))",
                Effect::Read,
            ),
            ("rs.status();\nsh.status()\nshow dbs", Effect::Read),
            ("db.c.aggregate([{$match: {a: true}}])", Effect::Read),
            ("db.drop.find()", Effect::Read),
            ("db.c.aggregate([{\"$out\": 'x'}])", Effect::Write),
            ("db.c.find({$where: 'x'})", Effect::Execute),
            ("db.c.find()\n.remove", Effect::Read),
            ("db.c.drop()", Effect::Destroy),
            ("db['c']['drop']()", Effect::Destroy),
            ("db.c . drop ( )", Effect::Destroy),
            ("db.runCommand({dropDatabase: 1})", Effect::Destroy),
            ("db.adminCommand('shutdown')", Effect::Destroy),
            ("db.runCommand( { ping: 1 } )", Effect::Read),
            (
                "db.createUser({user: 'a', pwd: 'b', roles: []})",
                Effect::Access,
            ),
        ] {
            assert_eq!(strictest(text), effect, "{text}");
        }
    }

    #[test]
    fn everything_else_of_the_language_is_not_understood() {
        for text in [
            "x = db.c.find()",
            "db.c.find().forEach(d => db.c.drop())",
            "db.c.find({a: 1 + 1})",
            "db.c.find({a: f()})",
            "db.c.find({['$where']: 1})",
            "db.c.find({\"\\u0024where\": 1})",
            "db.c.find(`x`)",
            "db.c.find() // x",
            "db.c.find(), db.c.drop()",
            "db.c.find() && db.c.drop()",
            "db.c.find()\n['drop']()['x']()",
            "db[x].drop()",
            "eval('x')",
            "load('x.js')",
            "db.c.find({...x})",
            "db.c.find(/x/)",
            "show dbs x",
            "process.exit()",
            "db.frobnicate()",
            "db.c.find\u{a0}()",
        ] {
            assert_eq!(strictest(text), Effect::Unknown, "{text}");
        }
        assert_eq!(strictest(&"[".repeat(1_000)), Effect::Unknown);
        let deep = format!("db.c.find({}1{})", "[".repeat(9_000), "]".repeat(9_000));
        assert_eq!(strictest(&deep), Effect::Unknown);
    }
}
