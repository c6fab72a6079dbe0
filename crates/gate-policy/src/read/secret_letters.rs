//! Which names have the letters that a word for a secret is written with.
//!
//! Nearly every name that is asked about is none of a secret. Most of them lack a letter that
//! each such word has, and are told by that alone; most of the others have the letters apart.

/// One of these stands in whatever word makes a name one of a secret.
const SIGNS: [Sign; 15] = [
    sign(b"pass"),
    sign(b"pswd"),
    sign(b"pwd"),
    sign(b"pw"),
    sign(b"secret"),
    sign(b"token"),
    sign(b"bearer"),
    sign(b"key"),
    sign(b"psk"),
    sign(b"cred"),
    sign(b"mnemonic"),
    sign(b"signature"),
    sign(b"code"),
    sign(b"pat"),
    sign(b"auth"),
];

struct Sign {
    text: &'static [u8],
    letters: u32,
}

const fn sign(text: &'static [u8]) -> Sign {
    let letters = letters(text);
    Sign { text, letters }
}

/// Returns which letters of the alphabet stand in a text, a bit for each.
const fn letters(text: &[u8]) -> u32 {
    let mut found = 0;
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        // Other signs fall on bits that no letter has, or on those of letters: then too much is
        // found, and never too little.
        found |= 1 << (*byte & 31);
        rest = behind;
    }
    found
}

/// Tells whether a word of a secret can stand in a name, whatever its case. Most names end here.
pub(super) fn may_name_a_secret(name: &[u8]) -> bool {
    let found = letters(name);
    let mut signs = SIGNS.iter();
    signs.any(|sign| found & sign.letters == sign.letters && holds(name, sign.text))
}

fn holds(name: &[u8], sign: &[u8]) -> bool {
    let mut places = name.windows(sign.len());
    places.any(|place| place.eq_ignore_ascii_case(sign))
}

#[cfg(test)]
mod tests {
    use super::may_name_a_secret;
    use crate::read::secret_names::{ENDS, Word, holds_alone, names_a_secret};

    #[test]
    fn no_word_of_a_secret_is_passed_over_by_its_letters() {
        for end in ENDS {
            assert!(may_name_a_secret(end.as_bytes()), "{end}");
            assert!(
                may_name_a_secret(end.to_ascii_uppercase().as_bytes()),
                "{end}"
            );
        }
        // Whatever that file says itself: each of its words that stands for a secret passes.
        let words = include_str!("secret_names.rs").split('"');
        let words = words.filter(|word| holds_alone(Word::new(word.as_bytes())));
        let mut count = 0;
        for word in words {
            assert!(may_name_a_secret(word.as_bytes()), "{word}");
            count += 1;
        }
        assert!(count > 20, "{count}");
        for (one, two) in [
            ("api", "keys"),
            ("amz", "signature"),
            ("mfa", "codes"),
            ("my", "pat"),
            ("rediscli", "auth"),
        ] {
            let name = format!("{one}_{two}");
            assert!(names_a_secret(name.as_bytes()), "{name}");
        }
        for name in [
            "id",
            "items",
            "region",
            "since",
            "WHERE",
            "describe-instances",
        ] {
            assert!(!may_name_a_secret(name.as_bytes()), "{name}");
        }
    }
}
