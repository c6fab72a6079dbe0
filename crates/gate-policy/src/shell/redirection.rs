//! Redirections as they are written.

use super::names::is_name;
use super::parser::{Dialect, Parser, Pending, Problem};
use super::syntax::{Redirect, RedirectKind, Word};

impl Parser<'_> {
    /// Reads a redirection, where one starts here.
    pub(super) fn redirect(&mut self) -> Result<Option<Redirect>, Problem> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if rest.first() == Some(&b'{') {
            let name = rest.iter().position(|byte| *byte == b'}');
            let name = name.and_then(|end| Some((rest.get(1..end)?, rest.get(end + 1)?)));
            return match name {
                Some((name, b'<' | b'>')) if is_name(name) => {
                    Err("a variable that holds a descriptor is not understood")
                }
                _ => Ok(None),
            };
        }
        let sign = rest.get(digits..).unwrap_or_default();
        let is_both = digits == 0 && sign.starts_with(b"&>");
        let is_process = digits == 0 && (sign.starts_with(b"<(") || sign.starts_with(b">("));
        if !(is_both || matches!(sign.first(), Some(b'<' | b'>'))) || is_process {
            return Ok(None);
        }
        let number = std::str::from_utf8(rest.get(..digits).unwrap_or_default());
        let number = number.ok().and_then(|digits| digits.parse().ok());
        if digits > 0 && number.is_none() {
            return Err("a descriptor has too large a number");
        }
        let is_input = sign.first() == Some(&b'<');
        let descriptor = number.or(Some(u32::from(!is_input)));
        self.at += digits;
        let kind = self.redirect_kind()?;
        Ok(Some(Redirect { descriptor, kind }))
    }

    fn redirect_kind(&mut self) -> Result<RedirectKind, Problem> {
        if self.take(b"<<<") {
            return Ok(RedirectKind::HereString(self.redirect_word()?));
        }
        if self.take(b"<<") {
            return self.here();
        }
        if self.dialect == Dialect::Posix && self.starts_with(b"&>") {
            // Some read it as `&`, and the command runs aside.
            return Err("not every shell has `&>`");
        }
        let signs: [&[u8]; 6] = [b"&>>", b"&>", b">>", b">|", b"<>", b">&"];
        let Some(sign) = signs.into_iter().find(|sign| self.take(sign)) else {
            return Ok(if self.take(b"<&") {
                RedirectKind::Duplicate(self.redirect_word()?)
            } else if self.take(b"<") {
                RedirectKind::From(self.redirect_word()?)
            } else {
                self.at += 1;
                RedirectKind::To(self.redirect_word()?)
            });
        };
        let word = self.redirect_word()?;
        Ok(if sign == b">&" {
            RedirectKind::Duplicate(word)
        } else {
            RedirectKind::To(word)
        })
    }

    fn redirect_word(&mut self) -> Result<Word, Problem> {
        self.skip_blanks();
        if self.is_word_ahead() {
            self.word()
        } else {
            Err("a redirection leads nowhere")
        }
    }

    fn here(&mut self) -> Result<RedirectKind, Problem> {
        let strips_tabs = self.take(b"-");
        let word = self.redirect_word()?;
        let raw = self.slice(word.range.start, word.range.end);
        if raw.windows(2).any(|two| two == b"\\\n") {
            return Err("the end of a here-document goes on in the next line");
        }
        let is_literal = raw.iter().any(|byte| matches!(byte, b'\'' | b'"' | b'\\'));
        let end = word
            .literal()
            .ok_or("the end of a here-document is not understood")?;
        let index = self.here.len();
        self.here.push(Word::default());
        self.pending.push(Pending {
            index,
            end,
            is_literal,
            strips_tabs,
        });
        Ok(RedirectKind::Here(index))
    }
}
