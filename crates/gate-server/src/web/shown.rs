//! Text from outside on a page: inert by `gate-protocol`, escaped by askama,
//! masks and imitated names marked, and never cut without saying so.

use askama::Template;
use askama::filters::HtmlSafe;
use gate_protocol::imitation::pieces;
use gate_protocol::inert::inert;
use gate_protocol::invocation::BoundInvocation;
use gate_protocol::masked::MaskedText;

/// One stretch of a [`Shown`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Plain(String),
    /// The place of a secret. Nothing else can look like one: `‹` is not
    /// among the characters that [`inert`] lets stand.
    Mask(String),
    /// A word that could be taken for another one, the same word spelled out, and
    /// the host that is asked for by that name.
    Odd {
        text: String,
        spelled: String,
        host: Option<String>,
    },
}

/// Text that is ready for a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Template)]
#[template(
    source = "{% for part in parts %}{% match part %}\
        {% when Part::Plain(text) %}{{ text }}\
        {% when Part::Mask(text) %}<span class=\"mask\">{{ text }}</span>\
        {% when Part::Odd with { text, spelled, host } %}\
        <mark class=\"odd\">{{ text }}</mark><span class=\"spelled\">{{ spelled }}</span>\
        {% if let Some(host) = host %}<span class=\"spelled host\">{{ host }}</span>{% endif %}\
        {% endmatch %}{% endfor %}",
    ext = "html"
)]
pub(super) struct Shown {
    parts: Vec<Part>,
}

// The template above escapes every part.
impl HtmlSafe for Shown {}

impl Shown {
    /// Takes text as it came.
    pub(super) fn of(text: &str) -> Self {
        Self::of_inert(&inert(text))
    }

    /// Takes a text with masks.
    pub(super) fn of_masked(text: &MaskedText) -> Self {
        Self::of_inert(&text.shown())
    }

    /// Takes one word of a command line, quoted where a shell would need it.
    pub(super) fn of_word(word: &MaskedText) -> Self {
        Self::of_inert(&word.shown_word())
    }

    /// Takes a whole command line.
    pub(super) fn of_command(invocation: &BoundInvocation) -> Self {
        Self::of_inert(&invocation.shown_command())
    }

    fn of_inert(text: &str) -> Self {
        let mut shown = Self::default();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('‹') {
            shown.push_words(before);
            let (mask, behind) = after.split_once('›').unwrap_or((after, ""));
            shown.parts.push(Part::Mask(format!("‹{mask}›")));
            rest = behind;
        }
        shown.push_words(rest);
        shown
    }

    /// Marks each word that could be taken for another one.
    fn push_words(&mut self, text: &str) {
        let mut plain = String::new();
        for piece in pieces(text) {
            if !piece.imitates {
                plain.push_str(piece.word);
                plain.push_str(piece.mark);
                continue;
            }
            if !plain.is_empty() {
                self.parts.push(Part::Plain(std::mem::take(&mut plain)));
            }
            self.parts.push(Part::Odd {
                text: piece.word.to_owned(),
                spelled: piece.spelled(),
                host: piece.host_label(),
            });
            plain.push_str(piece.mark);
        }
        if !plain.is_empty() {
            self.parts.push(Part::Plain(plain));
        }
    }

    /// Tells whether a word in it could be taken for another one.
    pub(super) fn is_odd(&self) -> bool {
        let is_odd = |part: &Part| matches!(part, Part::Odd { .. });
        self.parts.iter().any(is_odd)
    }

    /// Returns it without marks, for where a browser shows text alone.
    pub(super) fn text(&self) -> String {
        let text = |part: &Part| match part {
            Part::Plain(text) | Part::Mask(text) => text.clone(),
            Part::Odd { spelled, .. } => spelled.clone(),
        };
        self.parts.iter().map(text).collect()
    }

    /// Returns how long it is, in bytes.
    pub(super) fn size_bytes(&self) -> usize {
        let size = |part: &Part| match part {
            Part::Plain(text) | Part::Mask(text) | Part::Odd { text, .. } => text.len(),
        };
        self.parts.iter().map(size).sum()
    }

    /// Keeps the start of it, and returns how many bytes were left out. A mask
    /// or a marked word stays whole or goes whole.
    pub(super) fn keep(&mut self, limit_bytes: usize) -> usize {
        let mut left = limit_bytes;
        let mut cut = 0;
        self.parts.retain_mut(|part| {
            let size = match part {
                Part::Plain(text) | Part::Mask(text) | Part::Odd { text, .. } => text.len(),
            };
            if size <= left {
                left -= size;
                return true;
            }
            let kept = match part {
                Part::Plain(text) => {
                    text.truncate(text.floor_char_boundary(left));
                    text.len()
                }
                Part::Mask(_) | Part::Odd { .. } => 0,
            };
            left = 0;
            cut += size - kept;
            kept > 0
        });
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gate_protocol::masked::MaskedSecret;

    fn html(shown: &Shown) -> String {
        shown.render().unwrap()
    }

    #[test]
    fn markup_and_escapes_are_text() {
        let shown = Shown::of("<script>alert('1')</script>\u{1b}[2J\u{202e}&amp;");
        let html = html(&shown);
        assert!(!html.contains('<') && !html.contains('\u{1b}'), "{html}");
        assert!(html.contains(r"\u{1b}[2J\u{202e}"), "{html}");
        assert!(html.contains("&#38;amp;"), "{html}");
    }

    #[test]
    fn a_mask_is_marked_and_cannot_be_forged() {
        let mut text = MaskedText::plain("‹secret 1 bytes, hmac 0000›".as_bytes());
        text.push_secret(MaskedSecret {
            kind: "password".to_owned(),
            length_bytes: 8,
            commitment: "9f3a00112233445566778899aabbccdd".to_owned(),
        });
        let html = html(&Shown::of_word(&text));
        assert_eq!(html.matches("class=\"mask\"").count(), 1, "{html}");
        assert!(html.contains(r"\u{2039}secret 1"), "{html}");
        assert!(html.contains("<span class=\"mask\">‹secret 8 bytes, hmac 9f3a›</span>"));
    }

    #[test]
    fn a_word_of_two_alphabets_is_marked_and_spelled_out() {
        let shown = Shown::of("--namespace=pr\u{43e}d,x");
        assert!(shown.is_odd());
        assert_eq!(
            html(&shown),
            "--namespace=<mark class=\"odd\">pr\u{43e}d</mark>\
             <span class=\"spelled\">pr\\u{43e}d</span>\
             <span class=\"spelled host\">xn--prd-ted</span>,x"
        );
        assert_eq!(
            html(&Shown::of("team-\u{430}")),
            "team-<mark class=\"odd\">\u{430}</mark><span class=\"spelled\">\\u{430}</span>\
             <span class=\"spelled host\">xn--team--8ve</span>"
        );
        for honest in ["--label=имя", "prod", "прод"] {
            assert!(!Shown::of(honest).is_odd(), "{honest}");
        }
    }

    #[test]
    fn what_is_cut_is_counted() {
        let mut shown = Shown::of("abc é");
        assert_eq!(shown.clone().keep(6), 0);
        assert_eq!(shown.keep(5), 2);
        assert_eq!(html(&shown), "abc ");
        assert_eq!(shown.size_bytes(), 4);
    }
}
