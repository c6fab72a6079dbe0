//! `echo V | docker login --password-stdin`, `redis-cli <<<'auth V'`: a secret that
//! a command is handed to read.

use std::ops::Range;

use super::marks::Marks;
use super::pieces;
use super::reference::is_no_secret;
use super::scan::Reading;

/// Commands that take a secret from their standard input: words of them in this order, others
/// between them. One that starts with `*` stands for each that ends so.
const READERS: &[&[&[u8]]] = &[
    &[b"--password-stdin"],
    &[b"--passphrase-fd"],
    &[b"--stdin"],
    &[b"--with-token"],
    &[b"ansible-vault", b"encrypt_string"],
    &[b"aws", b"configure"],
    &[b"cargo", b"login"],
    &[b"chpasswd"],
    &[b"cryptsetup"],
    &[b"docker", b"secret", b"create"],
    &[b"gcloud", b"secrets", b"*-file=-"],
    &[b"gcloud", b"secrets", b"--data-file", b"-"],
    &[b"gh", b"secret", b"set"],
    &[b"glab", b"variable", b"set"],
    &[b"htpasswd"],
    &[b"kubectl", b"secret", b"*=/dev/stdin"],
    &[b"kubeseal", b"--raw"],
    &[b"openssl", b"stdin"],
    &[b"pass", b"insert"],
    &[b"passwd"],
    &[b"podman", b"secret", b"create"],
    &[b"pulumi", b"config", b"set"],
    &[b"secret-tool", b"store"],
    &[b"smbpasswd"],
    &[b"ssh-add", b"-"],
    &[b"vault", b"*=-"],
    &[b"vault", b"login"],
    &[b"wrangler", b"secret", b"put"],
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
    /// How far each of [`READERS`] is met by the words of the command.
    met: [usize; READERS.len()],
    /// Whether `sudo` is among them.
    is_sudo: bool,
    /// Whether the command takes a secret from its standard input.
    reads: bool,
    /// What `<<` hands to a command of the line.
    document: Option<Document>,
    /// Whether the word is what `<<<` hands to the command.
    is_handing: bool,
}

/// What stands between `<<END` and its end.
struct Document {
    /// The word that ends it; empty until it is read.
    end: Vec<u8>,
    /// Whether a command of its line takes a secret.
    reads: bool,
    /// Whether its first line has begun.
    is_open: bool,
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

/// Tells whether `printf` writes what stands behind it in its place, and nothing else.
fn is_format(word: &[u8]) -> bool {
    matches!(word, b"%s" | b"%s\\n" | b"%b" | b"%b\\n")
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
        let bare = pieces::bare(text, word.clone());
        if self.read_document(text, (bare.clone(), between), offset, marks) {
            return;
        }
        self.pass(between);
        let name = text.get(bare.clone()).unwrap_or_default();
        self.note(name);
        self.name_document(text.get(word).unwrap_or_default());
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
            Stands::Said if !name.starts_with(b"-") && !is_format(name) => self.said.push(bare),
            Stands::Behind if name == b"sudo" => self.stands = Stands::Sudo,
            Stands::Sudo if reads_password(name) => self.mark(text, offset, marks),
            Stands::Behind | Stands::Sudo if self.reads => self.mark(text, offset, marks),
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
        if self.reads
            && let Some(handed) = self.handed.take()
        {
            mark(text, handed, offset, marks);
        }
    }

    /// Notes a word of a command that may take a secret.
    fn note(&mut self, word: &[u8]) {
        let name = word.rsplit(|byte| *byte == b'/').next().unwrap_or(word);
        for (met, reader) in self.met.iter_mut().zip(READERS) {
            let is_next = reader.get(*met).is_some_and(|wanted| {
                wanted.strip_prefix(b"*").map_or_else(
                    || *wanted == word || (*met == 0 && *wanted == name),
                    |end| word.ends_with(end),
                )
            });
            *met += usize::from(is_next);
            self.reads |= *met == reader.len();
        }
        self.is_sudo |= name == b"sudo";
        self.reads |= self.is_sudo && reads_password(word);
    }

    /// Reads `<<END`, with which a document begins behind the line.
    fn name_document(&mut self, word: &[u8]) {
        let is_quote = |byte: &u8| matches!(byte, b'\'' | b'"' | b'\\');
        let plain = |word: &[u8]| {
            word.iter()
                .copied()
                .filter(|byte| !is_quote(byte))
                .collect()
        };
        if let Some(document) = &mut self.document {
            if document.end.is_empty() {
                document.end = plain(word);
            }
        } else if let Some(end) = word
            .strip_prefix(b"<<")
            .filter(|end| !end.starts_with(b"<"))
        {
            self.document = Some(Document {
                end: plain(end.strip_prefix(b"-").unwrap_or(end)),
                reads: self.reads,
                is_open: false,
            });
        }
    }

    /// Reads a word of a document. Tells whether it was one, and secret or the end.
    fn read_document(
        &mut self,
        text: &[u8],
        (word, between): (Range<usize>, &[u8]),
        offset: usize,
        marks: &mut Marks,
    ) -> bool {
        let Some(document) = &mut self.document else {
            return false;
        };
        document.reads |= self.reads;
        document.is_open |= between.contains(&b'\n');
        let (is_open, reads) = (document.is_open, document.reads);
        if !is_open {
            return false;
        }
        if text.get(word.clone()) == Some(&*document.end) && between.contains(&b'\n') {
            self.document = None;
            self.forget();
            return reads;
        }
        if reads {
            mark(text, word, offset, marks);
        }
        reads
    }

    /// Forgets the command.
    fn forget(&mut self) {
        (self.handed, self.reads, self.is_sudo) = (None, false, false);
        self.met = [0; READERS.len()];
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
            self.forget();
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
