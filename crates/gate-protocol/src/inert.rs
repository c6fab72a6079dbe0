//! Text from a command, a reason or a name, made harmless for every surface.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns `text` with everything escaped that can move a cursor, hide,
/// reorder or imitate: control and format characters, all bidirectional
/// controls, line and paragraph separators, private-use and unassigned code
/// points, combining marks, and letters without a glyph.
///
/// It is an allowlist, because lists of what to escape have always missed
/// some: printable ASCII and letters and digits of any script stand as they
/// are, and everything else becomes `\u{…}`. A backslash becomes `\\`, so that
/// an escape can't be forged.
///
/// Source: Unicode 16 `Bidi_Control` and `Default_Ignorable_Code_Point`.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| is_shown(c) && c != '\\') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            c if is_shown(c) => shown.push(c),
            c => {
                // Writing to a String can't fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(shown)
}

fn is_shown(c: char) -> bool {
    match c {
        ' '..='~' => true,
        c => {
            !c.is_ascii()
                && c.is_alphanumeric()
                && !is_blank_letter(c)
                && !is_combining(c)
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

/// Letters by category that are drawn like ASCII quotes, marks or whole letters, and in no
/// script's own words: modifiers, saltillo, fullwidth and mathematical forms. With one of them
/// a condition of a statement could stand inside what looks like a quoted text.
///
/// Source: Unicode 16, UTS 39 `confusables.txt`.
fn is_ascii_lookalike(c: char) -> bool {
    matches!(
        c,
        '\u{02b0}'..='\u{02ff}'
            | '\u{07f4}'..='\u{07f5}'
            | '\u{a717}'..='\u{a71f}'
            | '\u{a788}'
            | '\u{a78b}'..='\u{a78c}'
            | '\u{ff01}'..='\u{ff5e}'
            | '\u{1d400}'..='\u{1d7ff}'
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

/// Tells whether `token` mixes scripts in the way that imitates a name:
/// ASCII letters together with letters of Cyrillic, Greek or fullwidth forms.
#[must_use]
pub fn mixes_scripts(token: &str) -> bool {
    let is_lookalike = |c: char| matches!(c, '\u{0370}'..='\u{03ff}' | '\u{0400}'..='\u{052f}' | '\u{ff01}'..='\u{ff5e}');
    token.chars().any(|c| c.is_ascii_alphabetic()) && token.chars().any(is_lookalike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_of_any_script_stands() {
        for text in ["kubectl delete ns prod", "café", "東京", "прод"] {
            assert_eq!(inert(text), text);
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

    #[test]
    fn a_lookalike_name_is_noticed() {
        assert!(mixes_scripts("pr\u{43e}d"));
        assert!(!mixes_scripts("prod"));
        assert!(!mixes_scripts("прод"));
    }
}
