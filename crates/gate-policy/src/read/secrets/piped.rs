//! `echo V | docker login --password-stdin`, `redis-cli <<<'auth V'`: a secret that
//! a command is handed to read.

use std::ops::Range;

use super::marks::Marks;
use super::pieces;
use super::reference::is_no_secret;
use super::scan::Reading;

/// Flags and tools that take a secret from their standard input.
const READERS: &[&[u8]] = &[
    b"--password-stdin",
    b"--passphrase-fd",
    b"--stdin",
    b"--with-token",
    b"chpasswd",
];

/// Clients to which `auth V` can be said.
const CLIENTS: &[&[u8]] = &[b"redis-cli", b"valkey-cli"];

/// What was said in front of a `|`.
#[derive(Default)]
pub(super) struct Piped {
    said: Vec<Range<usize>>,
    stands: Stands,
    /// Where the last word ended.
    end: usize,
    /// What the command is handed by `<<<`, where it may be a secret.
    handed: Option<Range<usize>>,
    /// Whether the command takes a secret from its standard input.
    reads: bool,
    /// Whether the word is what `<<<` hands to the command.
    is_handing: bool,
}

/// Where the words stand.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stands {
    #[default]
    Elsewhere,
    /// Behind `echo`.
    Said,
    /// Behind its `|`.
    Behind,
    /// Behind `| sudo`.
    Sudo,
    /// Behind a client that is started.
    Client,
    /// Behind its `<<<`.
    Given,
    /// In what is handed to it: one line of it is one command.
    Handed,
}

/// Tells whether `sudo` takes the password from its standard input: `-S`, `-kS`.
fn reads_password(word: &[u8]) -> bool {
    word.starts_with(b"-") && !word.starts_with(b"--") && word.contains(&b'S')
}

/// Tells whether this is `echo`, be it the first word of a list: `commands=[echo`.
fn is_echo(word: &[u8]) -> bool {
    let mut parts = word.rsplit(|byte| b"[{=,:\"'\\/".contains(byte));
    matches!(parts.next(), Some(b"echo" | b"printf"))
}

impl Piped {
    /// Reads the next word of a shell; `offset` is where the text starts.
    pub(super) fn read(
        &mut self,
        text: &[u8],
        word: Range<usize>,
        offset: usize,
        marks: &mut Marks,
    ) {
        let between = text.get(self.end..word.start).unwrap_or_default();
        self.end = word.end;
        if self.stands == Stands::Handed && between.contains(&b'\n') {
            self.mark_of_command(text, offset, marks);
        }
        self.pass(between);
        let bare = pieces::bare(text, word);
        let name = text.get(bare.clone()).unwrap_or_default();
        let is_reader = READERS.contains(&name);
        self.read_handed(text, bare.clone(), offset, marks);
        match self.stands {
            Stands::Elsewhere if is_echo(name) => {
                self.said.clear();
                self.stands = Stands::Said;
            }
            Stands::Elsewhere if CLIENTS.contains(&name) => {
                self.said.clear();
                self.stands = Stands::Client;
            }
            Stands::Client if name == b"<<<" => self.stands = Stands::Given,
            Stands::Client if name.starts_with(b"<<<") => {
                self.said = vec![pieces::bare(text, bare.start + 3..self.end)];
                self.mark_of_command(text, offset, marks);
            }
            Stands::Client if name.starts_with(b"<<") => self.stands = Stands::Handed,
            Stands::Given => {
                self.said = vec![bare];
                self.mark_of_command(text, offset, marks);
                self.stands = Stands::Client;
            }
            Stands::Handed => self.said.push(bare),
            Stands::Said if !name.starts_with(b"-") => self.said.push(bare),
            Stands::Behind if name == b"sudo" => self.stands = Stands::Sudo,
            Stands::Sudo if reads_password(name) => self.mark(text, offset, marks),
            Stands::Behind | Stands::Sudo if is_reader => self.mark(text, offset, marks),
            Stands::Behind | Stands::Sudo if CLIENTS.contains(&name) => {
                self.mark_of_command(text, offset, marks);
            }
            Stands::Elsewhere | Stands::Said | Stands::Behind | Stands::Sudo | Stands::Client => {}
        }
    }

    /// Marks what `<<<` hands to a command that takes a secret, wherever it stands in it.
    fn read_handed(&mut self, text: &[u8], word: Range<usize>, offset: usize, marks: &mut Marks) {
        let name = text.get(word.clone()).unwrap_or_default();
        if std::mem::take(&mut self.is_handing) {
            self.handed = Some(word);
        } else if name == b"<<<" {
            self.is_handing = true;
        } else if name.starts_with(b"<<<") {
            self.handed = Some(pieces::bare(text, word.start + 3..self.end));
        }
        self.reads |= READERS.contains(&name);
        if self.reads
            && let Some(handed) = self.handed.take()
        {
            mark(text, handed, offset, marks);
        }
    }

    /// Reads the signs between two words.
    fn pass(&mut self, between: &[u8]) {
        if self.stands == Stands::Handed {
            return;
        }
        let is_piped = between.contains(&b'|');
        let is_next = between.windows(2).any(|two| two == b"||")
            || between
                .iter()
                .any(|byte| matches!(byte, b';' | b'&' | b'\n' | b'(' | b')'));
        if is_next || is_piped {
            (self.handed, self.reads) = (None, false);
        }
        if is_next {
            self.stands = Stands::Elsewhere;
        } else if is_piped && self.stands == Stands::Said {
            self.stands = Stands::Behind;
        }
    }

    /// Marks the last word of `auth …`, be it said in one string or as words.
    fn mark_of_command(&mut self, text: &[u8], offset: usize, marks: &mut Marks) {
        let said = self.said.first().zip(self.said.last());
        let Some(whole) = said.map(|(first, last)| first.start..last.end) else {
            return;
        };
        self.said.clear();
        let command = text.get(whole.clone()).unwrap_or_default();
        let verb = command.get(..5).unwrap_or_default();
        let last = command.iter().rposition(u8::is_ascii_whitespace);
        if let Some(last) = last
            && verb.eq_ignore_ascii_case(b"auth ")
        {
            let range = whole.start + last + 1..whole.end;
            self.said = vec![range];
            self.mark(text, offset, marks);
        }
    }

    fn mark(&mut self, text: &[u8], offset: usize, marks: &mut Marks) {
        for range in self.said.drain(..) {
            mark(text, range, offset, marks);
        }
    }
}

fn mark(text: &[u8], range: Range<usize>, offset: usize, marks: &mut Marks) {
    let word = text.get(range.clone()).unwrap_or_default();
    if !is_no_secret(word, Reading::Shell) {
        marks.add(offset + range.start..offset + range.end, "password");
    }
}
