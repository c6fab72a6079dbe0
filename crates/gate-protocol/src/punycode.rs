//! A label of a host's name as the DNS is asked for it. A word that imitates another one has
//! another label than what it imitates, and that is the one which is reached.

/// The longest label in letters: longer ones are no part of a host's name.
///
/// Source: RFC 1035, section 2.3.4.
pub(crate) const LABEL_LIMIT: usize = 63;

/// Returns the label in ASCII, as `xn--ypal-43d9g`; none for what is ASCII already, what is too
/// long to be one, and what no host may be called.
///
/// Source: UTS 46, section 4; RFC 5890, section 2.3.2.1.
#[must_use]
pub(crate) fn ascii_label(label: &str) -> Option<String> {
    if label.is_ascii() || label.chars().nth(LABEL_LIMIT).is_some() {
        return None;
    }
    let asked = idna::domain_to_ascii(label).ok()?;
    (asked.len() <= LABEL_LIMIT).then_some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels and what Python's own codec makes of them; the last but one is of RFC 3492,
    /// section 7.1.
    const KNOWN: &[(&str, &str)] = &[
        ("\u{440}\u{430}ypal", "xn--ypal-43d9g"),
        ("\u{17f}hop", "shop"),
        ("pr\u{3bf}d", "xn--prd-bzc"),
        ("pr\u{43e}d", "xn--prd-ted"),
        ("my-\u{440}\u{430}ypal", "xn--my-ypal-4fg7l"),
        ("\u{441}\u{43e}\u{441}\u{43e}", "xn--n1aahb"),
        ("M\u{dc}NCHEN", "xn--mnchen-3ya"),
        (
            "\u{4ed6}\u{4eec}\u{4e3a}\u{4ec0}\u{4e48}\u{4e0d}\u{8aaa}\u{4e2d}\u{6587}",
            "xn--ihqwcrb4cv8a8dqg056pv37d",
        ),
        ("\u{41f}\u{420}\u{41e}\u{414}-1", "xn---1-jlc3beg"),
    ];

    #[test]
    fn a_label_is_what_the_dns_is_asked_for() {
        for (label, asked) in KNOWN {
            assert_eq!(ascii_label(label).as_deref(), Some(*asked), "{label}");
        }
    }

    #[test]
    fn what_is_ascii_or_no_label_has_none() {
        let longest = "\u{430}".repeat(LABEL_LIMIT + 1);
        for label in ["", "prod", "xn--prd-ted", &longest] {
            assert_eq!(ascii_label(label), None, "{label}");
        }
        // As long as letters may be, and longer than a label when encoded, or not.
        let mixed = format!("{}\u{10ffff}", "a".repeat(LABEL_LIMIT - 1));
        assert_eq!(ascii_label(&mixed), None);
        assert!(ascii_label(&"\u{430}".repeat(40)).is_some());
    }
}
