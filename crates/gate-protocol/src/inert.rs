//! Text from a command, a reason or a name, made harmless for every surface.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns `text` with everything escaped that can move a cursor, hide,
/// reorder or imitate: control and format characters, all bidirectional
/// controls, line and paragraph separators, private-use and unassigned code
/// points, combining marks, and letters without a glyph.
///
/// It is an allowlist, because lists of what to escape have always missed
/// some: printable ASCII and letters and digits of any script that is written
/// from left to right stand as they are, and everything else becomes `\u{…}`. A
/// backslash becomes `\\`, so that an escape can't be forged. A letter that is
/// drawn like an ASCII mark stands only in a word of its own script.
///
/// One letter that is written from right to left is enough to have the digits,
/// comparisons and brackets behind it drawn in reverse and mirrored, with no
/// control in sight: `n <> 'א' - 1 < 22` is drawn with `22 > 1` in it. Terminals
/// and chats have nothing to isolate such a letter by, so it is a number
/// everywhere.
///
/// Source: Unicode 16 `Bidi_Control`, `Default_Ignorable_Code_Point` and
/// `Bidi_Class`; UAX 9, rules N1 and L4.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    if text
        .chars()
        .all(|c| is_shown(c) && c != '\\' && !is_mark_like(c))
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| Script::of(c) != Script::of(first));
        let (run, after) = end
            .and_then(|end| rest.split_at_checked(end))
            .unwrap_or((rest, ""));
        push_run(run, &mut shown);
        rest = after;
    }
    Cow::Owned(shown)
}

/// Writes characters of one script; none of them may stand as it is where all
/// are drawn like marks.
fn push_run(run: &str, shown: &mut String) {
    let is_word = run.chars().any(|c| is_shown(c) && !is_mark_like(c));
    for c in run.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            c if is_shown(c) && (is_word || !is_mark_like(c)) => shown.push(c),
            c => {
                // Writing to a String can't fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
}

fn is_shown(c: char) -> bool {
    match c {
        ' '..='~' => true,
        c => {
            !c.is_ascii()
                && c.is_alphanumeric()
                && !is_blank_letter(c)
                && !is_combining(c)
                && !is_right_to_left(c)
                && !is_ascii_lookalike(c)
        }
    }
}

/// Letters by category, for which nothing is drawn.
fn is_blank_letter(c: char) -> bool {
    matches!(
        c,
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}'
    )
}

/// The blocks of the scripts that are written from right to left, with their
/// digits and presentation forms. What is beyond the first plane is escaped
/// anyway.
///
/// Source: Unicode 16, `DerivedBidiClass.txt`, defaults of R and AL.
fn is_right_to_left(c: char) -> bool {
    matches!(
        c,
        '\u{0590}'..='\u{08ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
    )
}

/// Letters and numbers by category that are drawn like ASCII marks or whole
/// letters, and in no living script's own words: modifiers, clicks, single
/// letters of Hangul and Bopomofo, fullwidth and mathematical forms, numbers in
/// circles, runes, and all that is beyond the first plane but ideographs. With
/// one of them a condition of a statement could stand inside what looks like a
/// quoted text.
///
/// Source: Unicode 16, UTS 39 `confusables.txt`.
fn is_ascii_lookalike(c: char) -> bool {
    is_early_lookalike(c) || is_late_lookalike(c)
}

/// Up to the phonetic extensions.
fn is_early_lookalike(c: char) -> bool {
    matches!(
        c,
        '\u{0149}'
            | '\u{01c0}'..='\u{01c3}'
            | '\u{0241}'..='\u{0242}'
            | '\u{0294}'..='\u{0298}'
            | '\u{02b0}'..='\u{02ff}'
            | '\u{0374}'
            | '\u{037a}'
            | '\u{0559}'
            | '\u{097d}'
            | '\u{1100}'..='\u{11ff}'
            | '\u{1680}'..='\u{16ff}'
            | '\u{1d2c}'..='\u{1d6a}'
            | '\u{1d78}'
            | '\u{1d9b}'..='\u{1dbf}'
    )
}

/// From the subscripts on.
fn is_late_lookalike(c: char) -> bool {
    matches!(
        c,
        '\u{2070}'..='\u{209f}'
            | '\u{2100}'..='\u{218f}'
            | '\u{2460}'..='\u{24ff}'
            | '\u{2c7c}'..='\u{2c7d}'
            | '\u{2c80}'..='\u{2cff}'
            | '\u{2d6f}'
            | '\u{2e2f}'
            | '\u{3021}'..='\u{3029}'
            | '\u{3031}'..='\u{303c}'
            | '\u{3100}'..='\u{31bf}'
            | '\u{3220}'..='\u{33ff}'
            | '\u{a6e6}'..='\u{a6ef}'
            | '\u{a717}'..='\u{a71f}'
            | '\u{a770}'
            | '\u{a778}'
            | '\u{a788}'
            | '\u{a78b}'..='\u{a78c}'
            | '\u{a78f}'
            | '\u{a7f2}'..='\u{a7f4}'
            | '\u{a7f8}'..='\u{a7f9}'
            | '\u{a830}'..='\u{a835}'
            | '\u{a960}'..='\u{a97f}'
            | '\u{ab5b}'..='\u{ab6b}'
            | '\u{d7b0}'..='\u{d7ff}'
            | '\u{ff01}'..='\u{ffdc}'
            | '\u{10000}'..='\u{1ffff}'
    )
}

/// A living script that has letters which alone are taken for an ASCII mark.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Cherokee,
    CanadianSyllabics,
    Tifinagh,
    Lisu,
    KanaOrHan,
}

impl Script {
    fn of(c: char) -> Option<Self> {
        Some(match c {
            '\u{13a0}'..='\u{13ff}' => Self::Cherokee,
            '\u{1400}'..='\u{167f}' | '\u{18b0}'..='\u{18ff}' => Self::CanadianSyllabics,
            '\u{2d30}'..='\u{2d7f}' => Self::Tifinagh,
            '\u{a4d0}'..='\u{a4ff}' => Self::Lisu,
            '\u{3005}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}' => {
                Self::KanaOrHan
            }
            _ => return None,
        })
    }
}

/// Letters of a [`Script`] that are drawn like an ASCII quote, bracket, dash,
/// dot or other mark. Its words need them: `サーバ` is a server.
///
/// Source: Unicode 16, UTS 39 `confusables.txt`; the strokes and finals that
/// it leaves out are added.
fn is_mark_like(c: char) -> bool {
    matches!(
        c,
        '\u{13a4}'
            | '\u{13ae}'
            | '\u{141c}'..='\u{142e}'
            | '\u{1433}'
            | '\u{1437}'..='\u{1438}'
            | '\u{1440}'..='\u{1441}'
            | '\u{1444}'..='\u{1445}'
            | '\u{144a}'..='\u{144b}'
            | '\u{1467}'..='\u{146a}'
            | '\u{1485}'..='\u{1488}'
            | '\u{150c}'
            | '\u{1540}'
            | '\u{2d42}'
            | '\u{2d48}'
            | '\u{2d51}'
            | '\u{2d53}'
            | '\u{2d57}'
            | '\u{a4f8}'..='\u{a4ff}'
            | '\u{304f}'
            | '\u{3078}'
            | '\u{309d}'..='\u{309e}'
            | '\u{30cb}'
            | '\u{30ce}'
            | '\u{30d8}'
            | '\u{30fc}'..='\u{30fe}'
            | '\u{4e00}'
            | '\u{4e28}'
            | '\u{4e36}'
            | '\u{4e3f}'
            | '\u{4e5b}'
            | '\u{4e8c}'
            | '\u{21fe8}'
    )
}

/// Combining marks are alphabetic in part; alone they overprint a neighbour.
fn is_combining(c: char) -> bool {
    matches!(
        c,
        '\u{0300}'..='\u{036f}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_of_any_script_stands() {
        for text in [
            "kubectl delete ns prod",
            "café",
            "東京",
            "прод",
            "サーバー 一覧",
            "ノート",
            "ꓡꓲꓢꓴ ꓐꓸ",
            "ᐃᓄᒃᑎᑐᑦ ᐸ\u{1403}",
            "ⵜⴰⵎⴰⵣⵉⵖⵜ ⵓⵔ",
            "ᏣᎳᎩ Ꭾ\u{13a0}",
            "한국어",
        ] {
            assert_eq!(inert(text), text);
        }
    }

    /// One of each kind, as it is drawn alone: a quote, a dot, a bracket, a dash, a number.
    const DRAWN_LIKE_MARKS: &str = "\u{144a}\u{16cc}\u{5d9}\u{a4f8}\u{a4f9}\u{a4fa}\u{a4fb}\u{a4fc}\u{a4fd}\
        \u{1c0}\u{1c1}\u{1c2}\u{1c3}\u{1433}\u{1438}\u{30fc}\u{2170}\u{2160}\u{24d0}\u{2474}\u{2488}\u{3220}\
        \u{5f2}\u{660}\u{6f0}\u{7fa}\u{640}\u{13ae}\u{141f}\u{1427}\u{1428}\u{1429}\u{1440}\u{1540}\u{16b2}\
        \u{1680}\u{2113}\u{2d51}\u{2d53}\u{2cba}\u{2cc6}\u{3021}\u{3033}\u{304f}\u{30cb}\u{30ce}\u{30fd}\
        \u{3127}\u{3161}\u{4e00}\u{4e28}\u{4e36}\u{4e3f}\u{4e8c}\u{a6eb}\u{a778}\u{a78f}\u{ff70}\u{294}\
        \u{241}\u{97d}\u{149}\u{374}\u{1173}\u{1d2c}\u{2079}\u{10319}\u{1031f}\u{16f51}\u{1d7cf}\u{1f100}\u{21fe8}";

    #[test]
    fn what_is_drawn_like_a_mark_is_escaped_where_it_could_be_one() {
        for c in DRAWN_LIKE_MARKS.chars() {
            let escaped = format!("\\u{{{:x}}}", u32::from(c));
            for (before, after) in [("", ""), ("a <> ", " and b"), ("a", "b"), ("прод", "дорп")]
            {
                let text = format!("{before}{c}{after}");
                let shown = format!("{before}{escaped}{after}");
                assert_eq!(inert(&text), shown, "{:x}", u32::from(c));
            }
            assert_eq!(inert(&format!("{c}{c}")), escaped.repeat(2));
        }
    }

    #[test]
    fn what_is_inert_stays_as_it_is() {
        for text in [DRAWN_LIKE_MARKS, "a\u{5d9}", "\u{1b}サー"] {
            let once = inert(text).into_owned();
            assert_eq!(inert(&once).replace("\\\\", "\\"), once);
        }
    }

    #[test]
    fn no_letter_reorders_or_mirrors_what_stands_behind_it() {
        assert_eq!(
            inert("n <> 'א' - 1 < 22 or 7 > 5"),
            "n <> '\\u{5d0}' - 1 < 22 or 7 > 5"
        );
        // Hebrew, Arabic, Syriac, Thaana, N'Ko, Samaritan, Mandaic, the forms, and numbers.
        for c in "\u{5d0}\u{627}\u{710}\u{780}\u{7ca}\u{800}\u{840}\u{8a0}\u{fb1d}\u{fb50}\u{fe8d}\u{664}\u{6f5}\u{10900}\u{1e900}"
            .chars()
        {
            let escaped = format!("\\u{{{:x}}}", u32::from(c));
            assert_eq!(inert(&format!("{c}{c} ab")), format!("{escaped}{escaped} ab"));
        }
    }

    #[test]
    fn every_bidi_control_and_every_invisible_is_escaped() {
        let hidden = "\u{061c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\
                      \u{2068}\u{2069}\u{200b}\u{200d}\u{feff}\u{2028}\u{2029}\u{e0041}\u{fe0f}\u{3164}\
                      \u{ad}\u{1b}\u{9b}\u{9d}\u{7}\u{8}\u{0}\u{7f}\u{e000}\u{301}";
        for c in hidden.chars() {
            let shown = inert(c.encode_utf8(&mut [0; 4])).into_owned();
            assert!(
                shown.starts_with("\\u{"),
                "{:x} is shown as {shown:?}",
                u32::from(c)
            );
        }
    }

    #[test]
    fn a_letter_that_is_drawn_like_a_quote_is_escaped() {
        assert_eq!(
            inert("note <> '\u{2bc} and id = 7 and note <> \u{2bc}'"),
            "note <> '\\u{2bc} and id = 7 and note <> \\u{2bc}'"
        );
        for c in [
            '\u{2bc}',
            '\u{2b9}',
            '\u{a78c}',
            '\u{7f4}',
            '\u{ff41}',
            '\u{1d41a}',
        ] {
            assert!(
                inert(&c.to_string()).starts_with("\\u{"),
                "{:x}",
                u32::from(c)
            );
        }
    }

    #[test]
    fn an_escape_cannot_be_forged() {
        assert_eq!(inert("\\u{1b}"), "\\\\u{1b}");
        assert_eq!(inert("\u{1b}"), "\\u{1b}");
        assert_eq!(inert("a\r\nb"), "a\\r\\nb");
    }
}
