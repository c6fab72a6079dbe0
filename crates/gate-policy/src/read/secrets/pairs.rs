//! A name and its value as two fields: `ParameterKey=DbPassword,
//! ParameterValue=V`, `{"name":"DB_PASSWORD","value":"V"}`, and the `path` and
//! `value` of a JSON patch.

use super::scan::Scan;
use super::text::is_name_byte;
use super::value::{self, How};
use crate::read::secret_names::{last_word_is, names_a_secret};

/// How long a name may be.
const NAME: usize = 256;

/// What was read of a pair in this object.
#[derive(Clone, Debug, Default)]
pub(super) enum Pair {
    #[default]
    Nothing,
    /// The name of a secret: the value to come is one.
    Named,
    /// A value, before its name.
    Valued(usize, How),
}

impl Pair {
    /// Forgets the pair where its object ends.
    pub(super) fn forget_at(&mut self, byte: u8) {
        if matches!(byte, b'{' | b'}') {
            *self = Self::Nothing;
        }
    }
}

/// What a field of a pair is.
pub(super) enum Field {
    /// Its value is a secret.
    Secret,
    Plain,
    /// It is the name of a secret in front, up to whose end all is read.
    ReadUntil(usize),
}

/// Reads a field of a pair, whose own name says nothing of a secret.
pub(super) fn read(scan: &mut Scan<'_, '_>, name: &[u8], value: usize, how: &How) -> Field {
    if last_word_is(name, b"value") {
        let was_named = matches!(scan.pair, Pair::Named);
        scan.pair = if was_named {
            Pair::Nothing
        } else {
            Pair::Valued(value, how.clone())
        };
        return if was_named {
            Field::Secret
        } else {
            Field::Plain
        };
    }
    if ![&b"name"[..], b"key", b"path"]
        .iter()
        .any(|word| last_word_is(name, word))
    {
        return Field::Plain;
    }
    let is_named = holds_the_name_of_a_secret(scan, value);
    match std::mem::take(&mut scan.pair) {
        Pair::Valued(at, how) if is_named => {
            let quote = scan.quote.take();
            let end = value::read(scan, at, &how);
            scan.quote = quote;
            return end.map_or(Field::Plain, Field::ReadUntil);
        }
        Pair::Nothing | Pair::Named | Pair::Valued(..) if is_named => scan.pair = Pair::Named,
        Pair::Nothing | Pair::Named | Pair::Valued(..) => {}
    }
    Field::Plain
}

fn holds_the_name_of_a_secret(scan: &Scan<'_, '_>, value: usize) -> bool {
    let is_part = |byte: u8| is_name_byte(byte) || byte == b'/';
    let start = scan
        .text
        .seek_within(value, value + NAME, |byte| is_part(byte) || byte == b',');
    let end = scan
        .text
        .seek_within(start, start + NAME, |byte| !is_part(byte));
    let name = scan.text.slice(start..end);
    let is_in_secret = scan.setting.is_secret_object
        && [&b"/data/"[..], b"/stringData/"]
            .iter()
            .any(|path| name.starts_with(path));
    is_in_secret || names_a_secret(name)
}
