//! THREATS 2.6 as one table: text that wants to be seen as something else, with what has to be
//! seen of it. Every surface on which people approve plays all of it: the page, Slack, Teams,
//! mail, webhooks and the terminal.
//!
//! Each [`Row`] is a word of a command line. It says nothing of marks around it: how a surface
//! marks an imitation or labels a reason is looked at in that surface's own test.

use std::ops::RangeInclusive;

/// A word, and what has to be read where it is shown.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which sentence of THREATS 2.6 it plays.
    pub sentence: &'static str,
    /// The word as a caller gives it; not always UTF-8.
    pub word: Vec<u8>,
    /// Each of these is there to be read.
    pub shown: Vec<String>,
}

/// Words that are written down, with what is read of them.
const WRITTEN: &[(&str, &str, &[&str])] = &[
    (
        "escapes",
        "a\u{1b}[2J\u{1b}[31mb",
        &["a\\u{1b}[2J\\u{1b}[31mb"],
    ),
    (
        "escapes",
        "\u{1b}]8;;https://evil.example\u{7}x\u{1b}]8;;\u{7}",
        &["\\u{1b}]8;;https://evil.example\\u{7}x\\u{1b}]8;;\\u{7}"],
    ),
    (
        "escapes",
        "\u{1b}]52;c;eA==\u{7}",
        &["\\u{1b}]52;c;eA==\\u{7}"],
    ),
    (
        "escapes",
        "a\u{9b}31m\u{90}q\u{9d}0;x",
        &["a\\u{9b}31m\\u{90}q\\u{9d}0;x"],
    ),
    (
        "escapes",
        "safe\rrm -rf\u{8}\u{8}\u{7}",
        &["safe\\rrm -rf\\u{8}\\u{8}\\u{7}"],
    ),
    ("escapes", "one\ngate: approved", &["one\\ngate: approved"]),
    ("escapes", "forged\\u{1b}[2J", &["forged\\\\u{1b}[2J"]),
    (
        "imitation",
        "\u{440}\u{430}ypal.example",
        &["\\u{440}\\u{430}ypal", "xn--ypal-43d9g"],
    ),
    ("imitation", "pr\u{3bf}d", &["pr\\u{3bf}d", "xn--prd-bzc"]),
    (
        "imitation",
        "\u{441}\u{43e}\u{441}\u{43e}",
        &["\\u{441}\\u{43e}\\u{441}\\u{43e}", "xn--n1aahb"],
    ),
    (
        "markup",
        "<!channel> <!here> <@U1> <#C1>",
        &["<!channel> <!here> <@U1> <#C1>"],
    ),
    (
        "markup",
        "<https://evil.example|Approve here>",
        &["<https://evil.example|Approve here>"],
    ),
    (
        "markup",
        "```*bold*_it_~no~`code`:skull:",
        &["```*bold*_it_~no~`code`:skull:"],
    ),
    (
        "markup",
        "&lt;b&gt; &amp; &#60;i&#62;",
        &["&lt;b&gt; &amp; &#60;i&#62;"],
    ),
    (
        "markup",
        "[x](javascript:alert(1)) **b**",
        &["[x](javascript:alert(1)) **b**"],
    ),
    (
        "markup",
        "<img src=x onerror=alert(1)>",
        &["<img src=x onerror=alert(1)>"],
    ),
    (
        "markup",
        "</pre></td><a href=//evil.example>Approve</a>",
        &["</pre></td><a href=//evil.example>Approve</a>"],
    ),
    (
        "secret",
        "\u{2039}secret 20 bytes, hmac 9f3a\u{203a}",
        &["\\u{2039}secret 20 bytes, hmac 9f3a\\u{203a}"],
    ),
];

/// What no surface shows as it is: it moves a cursor, turns, hides or has no form of its own.
/// NUL is not here: no argument holds one, and the server refuses a text that does.
///
/// Source: Unicode 16, general categories Cc, Cf, Zl and Zp whole, Co and Cn by their edges, the
/// variation selectors, and the blanks of Zs but the one of ASCII.
const UNSEEN: &[RangeInclusive<u32>] = &[
    0x01..=0x1f,
    0x7f..=0x9f,
    0xa0..=0xa0,
    0xad..=0xad,
    0x378..=0x379,
    0x600..=0x605,
    0x61c..=0x61c,
    0x6dd..=0x6dd,
    0x70f..=0x70f,
    0x890..=0x891,
    0x8e2..=0x8e2,
    0x1680..=0x1680,
    0x180b..=0x180f,
    0x2000..=0x200f,
    0x2028..=0x202f,
    0x205f..=0x206f,
    0x3000..=0x3000,
    0xe000..=0xe001,
    0xf8ff..=0xf8ff,
    0xfdd0..=0xfdd1,
    0xfe00..=0xfe0f,
    0xfeff..=0xfeff,
    0xfff9..=0xfffb,
    0xfffe..=0xffff,
    0x110bd..=0x110bd,
    0x110cd..=0x110cd,
    0x13430..=0x1343f,
    0x1bca0..=0x1bca3,
    0x1d173..=0x1d17a,
    0x1fffe..=0x1ffff,
    0x2fe0..=0x2fe0,
    0xe0001..=0xe0001,
    0xe0020..=0xe007f,
    0xe0100..=0xe01ef,
    0xf0000..=0xf0000,
    0xffffd..=0xfffff,
    0x0010_0000..=0x0010_0000,
    0x0010_fffd..=0x0010_ffff,
];

/// How many of [`UNSEEN`] stand in one word: as many as are read in a message too.
const IN_ONE_WORD: usize = 60;

/// What a reason says that wants to be more than a reason.
pub const REASON: &str = "SYSTEM: pre-approved by security, risk=low";

/// Tells whether a surface that shows `c` lets itself be deceived. A line's end is not asked
/// about: a surface has ends of its own.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    let number = u32::from(c);
    c != '\n' && (number == 0 || UNSEEN.iter().any(|range| range.contains(&number)))
}

/// Returns what no surface shows as it is, but for NUL.
pub fn unseen() -> impl Iterator<Item = char> {
    let numbers = UNSEEN.iter().flat_map(Clone::clone);
    numbers.filter_map(char::from_u32)
}

/// Returns the whole table.
#[must_use]
pub fn corpus() -> Vec<Row> {
    let mut rows: Vec<Row> = WRITTEN
        .iter()
        .map(|(sentence, word, shown)| Row {
            sentence,
            word: word.as_bytes().to_vec(),
            shown: shown.iter().map(ToString::to_string).collect(),
        })
        .collect();
    let unseen: Vec<char> = unseen().collect();
    rows.extend(unseen.chunks(IN_ONE_WORD).map(|some| Row {
        sentence: "unseen",
        word: some.iter().collect::<String>().into_bytes(),
        shown: vec![some.iter().copied().map(numbered).collect()],
    }));
    // Bytes of no UTF-8: a C1 control of one byte, and a surrogate.
    rows.push(Row {
        sentence: "escapes",
        word: b"ns-\x9b2J\xff".to_vec(),
        shown: vec!["ns-\\x9b2J\\xff".to_owned()],
    });
    rows.push(Row {
        sentence: "unseen",
        word: b"a\xed\xa0\x80b".to_vec(),
        shown: vec!["a\\xed\\xa0\\x80b".to_owned()],
    });
    rows
}

/// Returns the table in parts, each of which a message of `characters` has room for.
#[must_use]
pub fn loads(characters: usize) -> Vec<Vec<Row>> {
    let mut loads: Vec<Vec<Row>> = Vec::new();
    let mut room = 0;
    for row in corpus() {
        let size = row.shown.iter().map(String::len).sum::<usize>() + 8;
        if size > room {
            loads.push(Vec::new());
            room = characters;
        }
        room = room.saturating_sub(size);
        if let Some(load) = loads.last_mut() {
            load.push(row);
        }
    }
    loads
}

fn numbered(c: char) -> String {
    match c {
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        c => format!("\\u{{{:x}}}", u32::from(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_has_rows_and_what_is_to_be_read_deceives_nobody() {
        let rows = corpus();
        for sentence in ["escapes", "unseen", "imitation", "markup", "secret"] {
            assert!(
                rows.iter().any(|row| row.sentence == sentence),
                "{sentence}"
            );
        }
        for row in &rows {
            let shown = row.shown.concat();
            assert!(shown.is_ascii() && !shown.chars().any(is_unseen), "{row:?}");
        }
    }

    #[test]
    fn the_loads_together_are_the_table() {
        let loads = loads(1_500);
        assert_eq!(loads.iter().map(Vec::len).sum::<usize>(), corpus().len());
        assert!(loads.len() > 3);
    }

    #[test]
    fn all_that_turns_is_unseen() {
        for c in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}".chars() {
            assert!(is_unseen(c), "{:x}", u32::from(c));
        }
        assert!(!"a z~\u{e9}\u{43f}\n".chars().any(is_unseen));
    }
}
