//! The scalars of a YAML or JSON text with the keys above each, for finding
//! what a file names.
//!
//! It is no parser: it accepts what no parser would, and where it could group
//! otherwise than one it says so by [`Document::is_plain`]. Whoever asks takes
//! every scalar for a name then. Source: YAML 1.2.2, chapters 6 to 8.

#[cfg(test)]
mod tests;

/// How deep brackets may stand in brackets.
const DEPTH: usize = 64;
/// How many lines further a scalar without quotes is followed.
const FOLDED_LINES: usize = 3;
/// The most bytes of keys that are copied, each key with what holds it. Deep
/// or long keys above very many scalars are nobody's kustomization.
const COPIED_KEYS: usize = 32 << 20;
/// What a key costs beside its letters.
const KEY_COST: usize = 32;

/// What stands in a text.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) scalars: Vec<Scalar>,
    /// Whether keys are sure to be those that a parser would see: without
    /// anchors, aliases, tags, tabs and the like.
    pub(crate) is_plain: bool,
}

/// One value, or one way to read it where there are several.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// The keys above it, outermost first.
    pub(crate) keys: Vec<String>,
    pub(crate) text: String,
    /// Whether it is a text of several lines, which is no address.
    pub(crate) is_text: bool,
}

/// Returns the scalars, or nothing where the text is not understood.
pub(crate) fn read(content: &[u8]) -> Option<Document> {
    let text = std::str::from_utf8(content).ok()?;
    // Other line ends and encodings than these are legal YAML.
    if text.contains(['\0', '\u{feff}', '\u{85}', '\u{2028}', '\u{2029}']) {
        return None;
    }
    let text = text.replace("\r\n", "\n");
    if text.contains('\r') {
        return None;
    }
    let mut scan = Scan {
        bytes: text.as_bytes(),
        at: 0,
        keys: Vec::new(),
        document: Document {
            scalars: Vec::new(),
            is_plain: true,
        },
        copied: 0,
    };
    scan.document()?;
    (scan.copied <= COPIED_KEYS).then_some(scan.document)
}

struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    /// The keys above, each with the column that it stands in.
    keys: Vec<(usize, String)>,
    document: Document,
    /// What the keys of all scalars have cost. Past the limit none is taken.
    copied: usize,
}

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.peek(ahead), None | Some(b' ' | b'\t' | b'\n'))
    }

    fn is_at_end_of_line(&self) -> bool {
        matches!(self.peek(0), None | Some(b'\n'))
    }

    fn skip_blanks(&mut self) -> usize {
        let start = self.at;
        while let Some(byte @ (b' ' | b'\t')) = self.peek(0) {
            if byte == b'\t' {
                self.document.is_plain = false;
            }
            self.at += 1;
        }
        self.at - start
    }

    fn skip_line(&mut self) {
        while !self.is_at_end_of_line() {
            self.at += 1;
        }
    }

    fn text(&self, start: usize, end: usize) -> String {
        let bytes = self.bytes.get(start..end).unwrap_or_default();
        String::from_utf8_lossy(bytes).trim().to_owned()
    }

    fn emit(&mut self, text: String, is_text: bool) {
        if text.is_empty() {
            return;
        }
        if self.copied > COPIED_KEYS {
            return;
        }
        let costs = self.keys.iter().map(|(_, key)| KEY_COST + key.len());
        self.copied += costs.sum::<usize>();
        if self.copied > COPIED_KEYS {
            return;
        }
        let keys = self.keys.iter().map(|(_, key)| key.clone()).collect();
        self.document.scalars.push(Scalar {
            keys,
            text,
            is_text,
        });
    }

    fn document(&mut self) -> Option<()> {
        while self.at < self.bytes.len() {
            let column = self.skip_blanks();
            match self.peek(0) {
                None => {}
                Some(b'\n') => self.at += 1,
                Some(b'#') => self.skip_line(),
                Some(b'%') if column == 0 => {
                    self.document.is_plain = false;
                    self.skip_line();
                }
                Some(_) if column == 0 && self.is_document_mark() => {
                    self.keys.clear();
                    self.at += 3;
                }
                Some(_) => self.line(column)?,
            }
        }
        Some(())
    }

    fn is_document_mark(&self) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        (rest.starts_with(b"---") || rest.starts_with(b"...")) && self.is_blank(3)
    }

    /// Reads what stands in a line behind its indentation, and what goes on
    /// below it.
    fn line(&mut self, mut column: usize) -> Option<()> {
        let mut parent = column.saturating_sub(1);
        while matches!(self.peek(0), Some(b'-' | b'?' | b':')) && self.is_blank(1) {
            if self.peek(0) != Some(b'-') {
                self.document.is_plain = false;
            }
            self.leave(column + 1);
            parent = column;
            self.at += 1;
            column += 1 + self.skip_blanks();
            if self.is_at_end_of_line() {
                return Some(());
            }
        }
        self.value(column, parent, true)
    }

    /// Drops the keys that stand in a column or behind it. They stand in the
    /// order of their columns.
    fn leave(&mut self, column: usize) {
        let above = self.keys.partition_point(|(known, _)| *known < column);
        self.keys.truncate(above);
    }

    /// Skips anchors, aliases and tags, however many, and returns their width.
    fn skip_marks(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(0), Some(b'&' | b'*' | b'!')) {
            self.document.is_plain = false;
            while !self.is_blank(0) {
                self.at += 1;
            }
            self.skip_blanks();
        }
        self.at - start
    }

    fn value(&mut self, column: usize, parent: usize, may_be_key: bool) -> Option<()> {
        let column = column + self.skip_marks();
        match self.peek(0) {
            None | Some(b'\n') => {}
            Some(b'#') => self.skip_line(),
            Some(quote @ (b'"' | b'\'')) => {
                let text = self.quoted(quote)?;
                let width = self.skip_blanks();
                if may_be_key && self.peek(0) == Some(b':') && self.is_blank(1) {
                    return self.key(column, text);
                }
                // What stands right behind a quote is no comment and no YAML.
                if !self.is_at_end_of_line() && (width == 0 || self.peek(0) != Some(b'#')) {
                    self.document.is_plain = false;
                }
                self.emit(text, false);
                self.skip_line();
            }
            Some(style @ (b'|' | b'>')) => self.block(style, parent),
            Some(b'[' | b'{') => {
                self.flow(0)?;
                self.skip_blanks();
                if !self.is_at_end_of_line() && self.peek(0) != Some(b'#') {
                    self.document.is_plain = false;
                }
                self.skip_line();
            }
            Some(_) => return self.plain(column, parent, may_be_key),
        }
        Some(())
    }

    /// Takes a key, whose colon is next, and reads its value.
    fn key(&mut self, column: usize, key: String) -> Option<()> {
        self.leave(column);
        self.keys.push((column, key));
        self.at += 1;
        let width = self.skip_blanks();
        self.value(column + width, column, false)
    }

    /// Reads a key or a value without quotes.
    fn plain(&mut self, column: usize, parent: usize, may_be_key: bool) -> Option<()> {
        let start = self.at;
        while !self.is_at_end_of_line() {
            let is_comment = self.peek(0) == Some(b'#')
                && self.at > start
                && matches!(self.bytes.get(self.at - 1), Some(b' ' | b'\t'));
            if is_comment {
                break;
            }
            if may_be_key && self.peek(0) == Some(b':') && self.is_blank(1) {
                let key = self.text(start, self.at);
                return self.key(column, key);
            }
            self.at += 1;
        }
        let text = self.text(start, self.at);
        self.skip_line();
        self.fold(&text, parent);
        self.emit(text, false);
        Some(())
    }

    /// Emits what a scalar is together with the lines below it, should they
    /// belong to it.
    fn fold(&mut self, first: &str, parent: usize) {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let mut text = first.to_owned();
        // Each line by itself: the rest of the text is read for every scalar.
        for line in rest.split(|byte| *byte == b'\n').take(FOLDED_LINES) {
            let line = String::from_utf8_lossy(line);
            let bare = line.trim();
            let indent = line.len() - line.trim_start().len();
            if bare.is_empty() || indent <= parent || bare.starts_with('#') {
                return;
            }
            text = format!("{text} {bare}");
            self.emit(text.clone(), false);
        }
    }

    /// Reads the lines of a block scalar: those further in than its parent.
    fn block(&mut self, style: u8, parent: usize) {
        self.skip_line();
        let mut lines = Vec::new();
        while self.peek(0) == Some(b'\n') {
            let start = self.at + 1;
            let rest = self.bytes.get(start..).unwrap_or_default();
            let length = rest.iter().position(|byte| *byte == b'\n');
            let end = start + length.unwrap_or(rest.len());
            let indent = rest.iter().take_while(|byte| **byte == b' ').count();
            let text = self.text(start, end);
            if !text.is_empty() && indent <= parent {
                break;
            }
            if !text.is_empty() {
                lines.push(text);
            }
            self.at = end;
        }
        let is_text = lines.len() > 1;
        match style {
            b'>' => self.emit(lines.join(" "), false),
            _ => self.emit(lines.join("\n"), is_text),
        }
    }

    /// Reads `[…]` or `{…}`, which go on over line ends.
    fn flow(&mut self, depth: usize) -> Option<()> {
        if depth > DEPTH {
            return None;
        }
        let end = if self.peek(0) == Some(b'[') {
            b']'
        } else {
            b'}'
        };
        self.at += 1;
        let outside = self.keys.len();
        loop {
            self.skip_blanks();
            match self.peek(0)? {
                b'\n' => self.at += 1,
                b'#' => self.skip_line(),
                byte if byte == end => {
                    self.at += 1;
                    self.keys.truncate(outside);
                    return Some(());
                }
                b',' => {
                    self.at += 1;
                    self.keys.truncate(outside);
                }
                b'[' | b'{' => self.flow(depth + 1)?,
                quote @ (b'"' | b'\'') => {
                    let text = self.quoted(quote)?;
                    self.flow_text(text);
                }
                _ => self.flow_plain(),
            }
        }
    }

    fn flow_plain(&mut self) {
        if matches!(self.peek(0), Some(b'&' | b'*' | b'!' | b'?' | b']' | b'}')) {
            self.document.is_plain = false;
            self.at += 1;
            return;
        }
        let start = self.at;
        while let Some(byte) = self.peek(0) {
            let is_colon = byte == b':'
                && (self.is_blank(1)
                    || matches!(self.peek(1), Some(b',' | b'[' | b']' | b'{' | b'}')));
            if is_colon || matches!(byte, b',' | b'[' | b']' | b'{' | b'}' | b'\n') {
                break;
            }
            self.at += 1;
        }
        if self.peek(0) == Some(b'\n') {
            // It may go on in the next line.
            self.document.is_plain = false;
        }
        if self.at == start {
            self.at += 1;
            return;
        }
        let text = self.text(start, self.at);
        self.flow_text(text);
    }

    /// Takes a text in brackets for a key where a colon follows.
    fn flow_text(&mut self, text: String) {
        self.skip_blanks();
        if self.peek(0) == Some(b':') {
            self.at += 1;
            self.keys.push((usize::MAX, text));
        } else {
            self.emit(text, false);
        }
    }

    /// Reads a quoted scalar to its end, over line ends, and decodes it.
    fn quoted(&mut self, quote: u8) -> Option<String> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let byte = self.peek(0)?;
            self.at += 1;
            match byte {
                b'\'' if quote == b'\'' && self.peek(0) == Some(b'\'') => {
                    self.at += 1;
                    text.push(b'\'');
                }
                _ if byte == quote => return String::from_utf8(text).ok(),
                b'\\' if quote == b'"' => self.escape(&mut text)?,
                b'\n' => {
                    while text.last() == Some(&b' ') {
                        text.pop();
                    }
                    text.push(b' ');
                    self.skip_blanks();
                }
                _ => text.push(byte),
            }
        }
    }

    /// Decodes what stands behind a backslash: YAML 1.2.2, section 5.7.
    fn escape(&mut self, text: &mut Vec<u8>) -> Option<()> {
        let byte = self.peek(0)?;
        self.at += 1;
        let digits = match byte {
            b'\n' => {
                self.skip_blanks();
                return Some(());
            }
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        if digits == 0 {
            text.push(match byte {
                b'n' => b'\n',
                b't' | b'\t' => b'\t',
                b'r' => b'\r',
                b'/' | b'\\' | b'"' | b' ' => byte,
                b'0' | b'a' | b'b' | b'e' | b'f' | b'v' => 0x1b,
                _ => return None,
            });
            return Some(());
        }
        let number = std::str::from_utf8(self.bytes.get(self.at..self.at + digits)?).ok()?;
        self.at += digits;
        // A half of a surrogate pair is part of no path that anybody writes so.
        let letter = char::from_u32(u32::from_str_radix(number, 16).ok()?)?;
        text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        Some(())
    }
}
