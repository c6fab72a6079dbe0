//! Under what a rule stands: the keys of the table.

/// A place by what is known of a command there, as a hash. Two places that share one would only
/// have their rules looked at together; the compiler refuses even that.
pub(super) type Key = u64;

/// What a list of rules has in common, below a tool and the first words of its command.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'k> {
    /// Which lists there are.
    Lists,
    /// The rules that say nothing of what the others stand under.
    Others,
    /// Those that want an effect, by its number.
    Effect(u8),
    /// Those that want a value of a field of the target.
    Target(&'k str, &'k str),
}

/// A tool and the first words of its command; no tool where a rule is for any.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'k> {
    pub(super) tool: Option<&'k str>,
    pub(super) words: (Option<&'k str>, Option<&'k str>),
}

impl<'k> Place<'k> {
    pub(super) fn key(&self, part: Part<'k>) -> Key {
        let (kind, first, second) = match part {
            Part::Lists => (0, "", ""),
            Part::Others => (1, "", ""),
            Part::Effect(_) => (2, "", ""),
            Part::Target(field, value) => (3, field, value),
        };
        let number = match part {
            Part::Effect(number) => number,
            Part::Lists | Part::Others | Part::Target(..) => 0,
        };
        let mut hash = Hash::default();
        hash.byte(kind);
        hash.byte(number);
        for text in [self.tool, self.words.0, self.words.1] {
            hash.byte(u8::from(text.is_some()));
            hash.text(text.unwrap_or_default());
        }
        hash.text(first);
        hash.text(second);
        hash.0
    }
}

/// FNV-1a of 64 bits, with the end of each text in it.
/// Source: RFC 9923, "The FNV Non-Cryptographic Hash Algorithm".
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    fn text(&mut self, text: &str) {
        text.bytes().for_each(|byte| self.byte(byte));
        // No text holds this byte.
        self.byte(0xff);
    }
}
