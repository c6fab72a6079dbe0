//! The scripts of sed: what only prints, deletes and replaces lines. What writes,
//! reads another file or runs something is unknown, as is all that versions of
//! sed do not agree on.
//!
//! Source: POSIX, sed; GNU sed 4.9.

use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::read::words::Parsed;

/// Commands of one letter with nothing behind it.
const PLAIN: &[u8] = b"pPdDnNgGhHx=";
/// What may stand behind the last sign of `s`. `e` runs what comes out of it, and
/// `w` writes it.
const FLAGS: &[u8] = b"gpiIMm0123456789";

/// Reads the scripts behind `-e`, or the first operand.
pub(crate) fn read(parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let is_on = |name: &str| parsed.uses.iter().any(|used| used.name == name && used.on);
    if ["help", "version", "file"].into_iter().any(is_on) || !parsed.problems.is_empty() {
        return;
    }
    let given = parsed.uses.iter().filter(|used| used.name == "expression");
    let mut scripts: Vec<&[u8]> = given.filter_map(|used| used.value).collect();
    if scripts.is_empty() {
        scripts.extend(parsed.operands.first().map(|first| first.bytes));
    }
    if scripts.is_empty() || !scripts.into_iter().all(is_plain) {
        let why = "its script may do more than print, delete and replace lines";
        invocation.add(Effect::Unknown, why);
    }
}

/// Tells whether a script is understood and only changes what is printed. Where
/// the sign between parts stands in brackets, versions of sed do not agree on
/// whether it ends one, so the script is read both ways; one that a sed refuses
/// does nothing there.
fn is_plain(text: &[u8]) -> bool {
    let read = |knows_brackets| {
        let mut script = Script {
            rest: text,
            knows_brackets,
        };
        while !script.rest.is_empty() {
            script.command()?;
        }
        Ok(())
    };
    read(true).is_ok() && read(false) != Err(Stop::Unknown)
}

/// Why a script is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Unknown,
    /// sed does not take it.
    Refused,
}

struct Script<'s> {
    rest: &'s [u8],
    /// Whether a sign in brackets stands for itself.
    knows_brackets: bool,
}

impl<'s> Script<'s> {
    fn take(&mut self) -> Result<u8, Stop> {
        let (first, rest) = self.rest.split_first().ok_or(Stop::Unknown)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take_one_of(&mut self, letters: &[u8]) -> bool {
        let mut first = self.rest.iter();
        let is_next = first.next().is_some_and(|first| letters.contains(first));
        is_next && self.take().is_ok()
    }

    /// Takes all letters of a kind; returns them.
    fn skip(&mut self, is_kind: impl Fn(&u8) -> bool) -> &'s [u8] {
        let length = self.rest.iter().take_while(|byte| is_kind(byte)).count();
        let taken = self.rest.get(..length).unwrap_or_default();
        self.rest = self.rest.get(length..).unwrap_or_default();
        taken
    }

    fn skip_blanks(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t'));
    }

    /// Reads one command with its addresses, and what ends it.
    fn command(&mut self) -> Result<(), Stop> {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b';'));
        self.addresses()?;
        if self.rest.is_empty() {
            return Ok(());
        }
        match self.take()? {
            b'{' | b'}' => return Ok(()),
            b'#' => {
                self.skip(|byte| *byte != b'\n');
                return Ok(());
            }
            b'q' | b'Q' => {
                self.skip_blanks();
                self.skip(u8::is_ascii_digit);
            }
            b':' | b'b' | b't' => {
                self.skip_blanks();
                self.skip(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            }
            b's' => return self.replacement(),
            b'y' => {
                let sign = self.sign()?;
                self.part(sign, false)?;
                self.part(sign, false)?;
            }
            letter if PLAIN.contains(&letter) => {}
            _ => return Err(Stop::Unknown),
        }
        self.end().ok_or(Stop::Unknown)
    }

    /// Reads what follows `s`.
    fn replacement(&mut self) -> Result<(), Stop> {
        let sign = self.sign()?;
        self.part(sign, true)?;
        self.part(sign, false)?;
        self.skip(|byte| FLAGS.contains(byte));
        let acts = matches!(self.rest.first(), Some(b'e' | b'w'));
        let stop = if acts { Stop::Unknown } else { Stop::Refused };
        self.end().ok_or(stop)
    }

    fn end(&mut self) -> Option<()> {
        self.skip_blanks();
        let is_end = matches!(self.rest.first(), None | Some(b';' | b'\n' | b'}' | b'#'));
        is_end.then_some(())
    }

    fn addresses(&mut self) -> Result<(), Stop> {
        if self.address()? {
            self.skip_blanks();
            if self.take_one_of(b",") {
                self.skip_blanks();
                let counts = self.take_one_of(b"+~") && !self.skip(u8::is_ascii_digit).is_empty();
                if !counts && !self.address()? {
                    return Err(Stop::Unknown);
                }
            }
        }
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'!'));
        Ok(())
    }

    /// Reads a number, `FIRST~STEP`, `$` or `/REGEX/`; tells whether one stands
    /// here.
    fn address(&mut self) -> Result<bool, Stop> {
        if self.take_one_of(b"$") {
            return Ok(true);
        }
        if self.take_one_of(b"/") {
            self.part(b'/', true)?;
            self.skip(|byte| matches!(byte, b'I' | b'M'));
            return Ok(true);
        }
        if self.skip(u8::is_ascii_digit).is_empty() {
            return Ok(false);
        }
        if self.take_one_of(b"~") {
            self.skip(u8::is_ascii_digit);
        }
        Ok(true)
    }

    fn sign(&mut self) -> Result<u8, Stop> {
        let sign = self.take()?;
        let is_sign = sign.is_ascii_punctuation() && !matches!(sign, b'\\' | b'[' | b']');
        if is_sign {
            Ok(sign)
        } else {
            Err(Stop::Unknown)
        }
    }

    /// Reads up to a sign, and takes it.
    fn part(&mut self, sign: u8, is_regex: bool) -> Result<(), Stop> {
        loop {
            match self.take()? {
                b'\n' => return Err(Stop::Unknown),
                b'\\' => {
                    self.take()?;
                }
                byte if byte == sign => return Ok(()),
                b'[' if is_regex && self.knows_brackets => self.brackets(sign)?,
                _ => {}
            }
        }
    }

    /// Reads to the end of brackets. The first letter does not end them, and what
    /// they hold besides letters must be read alike everywhere.
    fn brackets(&mut self, sign: u8) -> Result<(), Stop> {
        self.take_one_of(b"^");
        let mut last = self.take()?;
        let mut has_sign = last == sign;
        let mut has_class = last == b'[';
        if has_class {
            self.class()?;
        }
        loop {
            let byte = self.take()?;
            match byte {
                b'\n' => return Err(Stop::Unknown),
                b']' if last == b'\\' => return Err(Stop::Unknown),
                b']' => break,
                b'[' => {
                    has_class = true;
                    self.class()?;
                }
                byte => has_sign |= byte == sign,
            }
            last = byte;
        }
        if has_class && has_sign {
            Err(Stop::Unknown)
        } else {
            Ok(())
        }
    }

    /// Reads the rest of `[:alpha:]`, where a `[` in brackets begins one.
    fn class(&mut self) -> Result<(), Stop> {
        let Some(kind) = self
            .rest
            .first()
            .copied()
            .filter(|byte| b":.=".contains(byte))
        else {
            return Ok(());
        };
        self.take()?;
        self.skip(u8::is_ascii_alphabetic);
        if self.take()? == kind && self.take()? == b']' {
            Ok(())
        } else {
            Err(Stop::Unknown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_script_that_only_edits_what_is_printed_is_plain() {
        for script in [
            "1,5p",
            "$p",
            "2q",
            "/a/,/b/p",
            "/^#/d;/^$/d",
            "s/a/b/",
            "s|/usr|/opt|g; s,x,y,2p",
            "s/[^/]*$//",
            "s/[]]//;s/[[:space:]]*$//",
            "s/[\\t ]*$//;/[^[:alnum:]_-]/d",
            "0~4p",
            "$!N;P;D",
            ":a;N;$!ba;s/\\n/ /g",
            "/x/{s/a/b/;p}",
            "y/abc/xyz/",
            "# a comment\np",
            "1~2!d",
        ] {
            assert!(is_plain(script.as_bytes()), "{script}");
        }
    }

    #[test]
    fn a_script_that_may_do_more_is_not() {
        for script in [
            "w f",
            "s/a/b/w f",
            "s/a/b/e",
            "s/a/b/ge",
            "e touch P",
            "1e",
            "r f",
            "R f",
            "W f",
            "a text",
            "i\\",
            "c\\\ntext",
            "s/a/b",
            "s/[/]/x/e",
            "s/[/]/e",
            "s/[/]/x/w f",
            "/[/]w f/p",
            "s/[/;w f",
            "s/[\\]/a/;/]/p;/w f/p",
            "s/[[:space:]/a/;/]/p;/w f/p",
            "s/[[.x.]/a/;/]/p;/w f/p",
            "s/[[:x/]/a/;/]/p;/w f/p",
            "s/[[/]/a/;/]/p;/w f/p",
            "\\,a,w f",
            "y/a/b/w f",
            "p w f",
            "/a/I,+2w f",
            "s\na\nb\n",
            "{e\n}",
            "1,e",
            "v",
            "F",
            "l 5 w",
        ] {
            assert!(!is_plain(script.as_bytes()), "{script}");
        }
    }
}
