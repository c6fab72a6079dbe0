//! Which names say that their value is a secret.
//!
//! A name is read as English reads a compound: `db_password` is a password,
//! `password_file` is a file. What follows a word like "password" and is not
//! known to be harmless leaves it a secret: `PASSWORD_PROD`.

use std::borrow::Cow;

use super::secret_letters::may_name_a_secret;

/// The longest word of the lists below.
const LONGEST: usize = 16;

/// Ends of a name that are secret also behind other letters: `PGPASSWORD`.
pub(super) const ENDS: &[&str] = &[
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "secretkey",
    "accesskey",
    "privatekey",
    "authkey",
    "pass",
    "passwort",
    "pswd",
    "pwd",
    "pw",
];

/// Last words of names that speak of a secret and don't hold it.
const HARMLESS: &str = "arn id ids identifier name names file files path paths dir length len type types ttl \
    expiry expiration expires expire validity units seconds minutes hours days age period \
    timeout interval policy policies version versions url uri endpoint host port helper \
    username user users store provider class engine prefix suffix format enabled disabled \
    enforced required rotation reset count size limit method mode manager ref refs reference \
    namespace region scope scopes issuer audience algorithm alias stdin env hint label \
    labels template backend mount usage tag tags status state server service field fields \
    strategy role source header claim xpath param parameter link vendor owner standard \
    scheme action through rate generation review reviews request requests location credits \
    column title outfile list config configuration configurations setting settings options \
    attributes permissions";

/// First words of an option that speaks about secrets and takes none.
const ASKING: &str = "no ask show use prompt skip has is enable disable list with without max min";

/// Words in front of a token that counts, pages or repeats and opens nothing.
const COUNTING: &str = "next starting continuation page pagination client request idempotency change lock update \
    sequence creation version chunk message conditional configuration checkpoint view http \
    max min action unit";

/// Last words of names of identifiers, versions and checksums.
const IDENTIFYING: &str = "id ids identifier arn name names version versions revision digest checksum checksums md \
    sha fingerprint thumbprint integrity etag handle cursor marker ref commit image tag \
    serial resource resources certificate iterator file";

/// Last words of columns that describe a secret of the same row.
const DESCRIBING: &str =
    "at by on email description comment note notes kind date time created updated";

/// Words that end so and are not of that family, and the shell's own folders.
const NOT_ENDS: &[&str] = &[
    "askpass",
    "bypass",
    "compass",
    "encompass",
    "overpass",
    "oldpwd",
    "surpass",
    "trespass",
    "underpass",
];

/// Tells whether a variable, key or option of this name holds a secret.
pub(crate) fn names_a_secret(name: &[u8]) -> bool {
    if !may_name_a_secret(name) {
        return false;
    }
    // The shell's working directory is no password.
    if matches!(name, b"PWD" | b"OLDPWD") {
        return false;
    }
    let mut first = None;
    let mut last = Word::default();
    let mut speaks = false;
    for part in Parts(name) {
        let word = Word::new(part);
        first.get_or_insert(word);
        speaks |= holds_alone(word) && !is_counted_by(last, word);
        speaks |= holds_together(last, word);
        last = word;
    }
    (speaks || ends_in_a_secret(name, last))
        && !last.is_one_of(HARMLESS)
        && !first.is_some_and(|first| first.is_one_of(ASKING))
}

/// Tells the same of an option that argparse takes also when it is cut short.
pub(super) fn option_names_a_secret(name: &[u8]) -> bool {
    let Some(last) = Parts(name).last() else {
        return false;
    };
    let is_cut = last.len() >= 4
        && ["password", "secret", "token", "credential"]
            .iter()
            .any(|word| last.len() < word.len() && starts_folded(word.as_bytes(), last));
    is_cut || names_a_secret(name)
}

/// Tells whether a name says that its value is an identifier, a version or a
/// checksum: random to look at, and nothing to hide.
pub(super) fn names_an_identifier(name: &[u8]) -> bool {
    let mut before = Word::default();
    let mut last = Word::default();
    for part in Parts(name) {
        before = std::mem::replace(&mut last, Word::new(part));
    }
    last.is_one_of(IDENTIFYING) || is_counted_by(before, last) || before.text() == b"public"
}

/// Tells whether a table of this name holds secrets: `api_keys`, `app.secrets`.
pub(super) fn holds_secrets(table: &[u8]) -> bool {
    names_a_secret(table) || last_word_is(table, b"secrets")
}

/// Tells whether a column says that its values are something else, also in a
/// table that holds secrets.
pub(super) fn names_something_else(column: &[u8]) -> bool {
    let last = Parts(column).last().map(Word::new).unwrap_or_default();
    last.is_one_of(HARMLESS) || last.is_one_of(DESCRIBING)
}

/// Tells whether this is the last word of a name: `Value` of `ParameterValue`.
pub(super) fn last_word_is(name: &[u8], word: &[u8]) -> bool {
    Parts(name)
        .last()
        .is_some_and(|last| last.eq_ignore_ascii_case(word))
}

/// Tells whether what has this name is as often a file as the secret itself:
/// `--private-key ~/.ssh/id_rsa`, `credentials = "gcp.json"`.
pub(super) fn may_name_a_file(name: &[u8]) -> bool {
    Parts(name).last().is_some_and(|last| {
        matches!(
            Word::new(last).text(),
            b"key"
                | b"keys"
                | b"credential"
                | b"credentials"
                | b"creds"
                | b"secret"
                | b"privatekey"
                | b"privkey"
        )
    })
}

/// Returns a name with the escapes of JSON strings and URIs undone, as far as
/// they stand for ASCII: `p\u0061ssword`, `pass%77ord`.
pub(super) fn plain_name(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.iter().any(|byte| matches!(byte, b'\\' | b'%')) {
        return Cow::Borrowed(name);
    }
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((byte, behind)) = rest.split_first() {
        let escape = match byte {
            b'%' => hex(behind.get(..2)).map(|code| (code, 2)),
            b'\\' if behind.first() == Some(&b'u') => hex(behind.get(1..5)).map(|code| (code, 5)),
            _ => None,
        };
        let (byte, skip) = match escape {
            Some((code, skip)) => (u8::try_from(code).unwrap_or(b'?'), skip),
            None => (*byte, 0),
        };
        plain.push(byte);
        rest = behind.get(skip..).unwrap_or_default();
    }
    Cow::Owned(plain)
}

fn hex(digits: Option<&[u8]>) -> Option<u32> {
    let digits = std::str::from_utf8(digits?).ok()?;
    if digits.starts_with('+') {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

/// Words that make a name one of a secret, alone.
pub(super) fn holds_alone(word: Word) -> bool {
    matches!(
        word.text(),
        b"pass"
            | b"passwd"
            | b"password"
            | b"passwords"
            | b"passphrase"
            | b"passcode"
            | b"passwort"
            | b"pswd"
            | b"pwd"
            | b"secret"
            | b"token"
            | b"tokens"
            | b"bearer"
            | b"apikey"
            | b"privatekey"
            | b"authkey"
            | b"accesskey"
            | b"secretkey"
            | b"psk"
            | b"credential"
            | b"credentials"
            | b"creds"
            | b"privkey"
            | b"mnemonic"
    )
}

/// Two words that do so together.
fn holds_together(one: Word, two: Word) -> bool {
    match two.text() {
        b"key" | b"keys" => matches!(
            one.text(),
            b"api"
                | b"private"
                | b"auth"
                | b"access"
                | b"secret"
                | b"encryption"
                | b"signing"
                | b"account"
                | b"shared"
                | b"master"
                | b"hmac"
                | b"storage"
                | b"license"
                | b"customer"
                | b"subscription"
                | b"activation"
        ),
        b"signature" => matches!(one.text(), b"amz" | b"goog"),
        b"code" | b"codes" => matches!(
            one.text(),
            b"recovery" | b"backup" | b"auth" | b"authorization" | b"mfa"
        ),
        b"auth" => matches!(one.text(), b"rediscli" | b"valkeycli"),
        b"pat" => !one.text().is_empty(),
        _ => false,
    }
}

/// `next_token`, `max_tokens`: no credential.
fn is_counted_by(before: Word, word: Word) -> bool {
    matches!(word.text(), b"token" | b"tokens") && before.is_one_of(COUNTING)
}

/// `PGPASSWORD`, `pAsSwOrD`: letters without a border, behind the last sign.
fn ends_in_a_secret(name: &[u8], last: Word) -> bool {
    // A word of its own was judged with the word before it.
    if holds_alone(last) {
        return false;
    }
    let segment = name
        .rsplit(|byte| !byte.is_ascii_alphanumeric())
        .find(|segment| !segment.is_empty())
        .unwrap_or_default();
    let segment = without_digits(segment);
    ENDS.iter().any(|end| ends_folded(segment, end.as_bytes()))
        && !NOT_ENDS
            .iter()
            .any(|end| ends_folded(segment, end.as_bytes()))
}

fn without_digits(mut word: &[u8]) -> &[u8] {
    while let Some((byte, rest)) = word.split_last()
        && byte.is_ascii_digit()
    {
        word = rest;
    }
    word
}

fn starts_folded(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len())
        .is_some_and(|found| found.eq_ignore_ascii_case(start))
}

fn ends_folded(text: &[u8], end: &[u8]) -> bool {
    text.len()
        .checked_sub(end.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|found| found.eq_ignore_ascii_case(end))
}

/// A part of a name in lowercase and without the number behind it; empty when
/// it is longer than every word that is known here.
#[derive(Clone, Copy, Default)]
pub(super) struct Word {
    letters: [u8; LONGEST],
    length: usize,
}

impl Word {
    pub(super) fn new(part: &[u8]) -> Self {
        let part = without_digits(part);
        let mut word = Self::default();
        if part.len() > LONGEST {
            return word;
        }
        for (to, from) in word.letters.iter_mut().zip(part) {
            *to = from.to_ascii_lowercase();
        }
        word.length = part.len();
        word
    }

    fn text(&self) -> &[u8] {
        self.letters.get(..self.length).unwrap_or_default()
    }

    fn is_one_of(&self, list: &str) -> bool {
        let mut words = list.split_ascii_whitespace();
        self.length > 0 && words.any(|word| word.as_bytes() == self.text())
    }
}

/// The parts of `DB_PASS`, `db-pass`, `dbPass`, `DBPass`.
struct Parts<'n>(&'n [u8]);

impl<'n> Iterator for Parts<'n> {
    type Item = &'n [u8];

    fn next(&mut self) -> Option<&'n [u8]> {
        let start = self.0.iter().position(u8::is_ascii_alphanumeric)?;
        let rest = self.0.get(start..)?;
        let mut end = 1;
        while let Some(byte) = rest.get(end)
            && byte.is_ascii_alphanumeric()
            && !starts_a_part(rest, end)
        {
            end += 1;
        }
        let (part, rest) = rest.split_at_checked(end)?;
        self.0 = rest;
        Some(part)
    }
}

/// Tells whether a new part starts here: `db|Pass`, `DB|Pass`.
fn starts_a_part(name: &[u8], at: usize) -> bool {
    let upper = |at: usize| name.get(at).is_some_and(u8::is_ascii_uppercase);
    let lower = |at: usize| name.get(at).is_some_and(u8::is_ascii_lowercase);
    upper(at) && (!upper(at.saturating_sub(1)) || lower(at + 1))
}

#[cfg(test)]
mod tests {
    use super::{names_a_secret, names_an_identifier, option_names_a_secret, plain_name};

    #[test]
    fn a_name_is_secret_by_its_parts() {
        for name in [
            "DB_PASS",
            "PGPASSWORD",
            "TF_VAR_db_password",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "MasterUserPassword",
            "ADDomainJoinPassword",
            "HECToken",
            "AWSSecretKey",
            "myAPIKey",
            "api-key",
            "APIKEY",
            "x_private_key",
            "Pwd",
            "pAsSwOrD",
            "PASSWORD_PROD",
            "password2",
            "requirepass",
            "mysqlpwd",
            "clientsecret",
            "GITHUB_PAT",
            "spring.datasource.password",
            "X-Amz-Signature",
        ] {
            assert!(names_a_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_name_that_only_speaks_of_a_secret_is_none() {
        for name in [
            "PWD",
            "OLDPWD",
            "AWS_ACCESS_KEY_ID",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "secret-arn",
            "SecretName",
            "secretKeyRef",
            "COMPASS",
            "secretary",
            "GIT_ASKPASS",
            "monkey",
            "next-token",
            "client-request-token",
            "HttpTokens",
            "max_tokens",
            "password-policy",
            "token_ttl",
            "no-password",
            "passthrough-behavior-x",
            "tokenizer",
            "credential.helper",
            "pat",
            "",
            "---",
        ] {
            assert!(!names_a_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn an_option_that_is_cut_short_is_still_secret() {
        for name in ["master-user-passw", "secret-s", "secret-string", "auth-tok"] {
            let is_secret = option_names_a_secret(name.as_bytes());
            assert_eq!(is_secret, name != "auth-tok", "{name}");
        }
        assert!(!option_names_a_secret(b"secret-id"));
        assert!(!option_names_a_secret(b"instance-ids"));
        assert!(!option_names_a_secret(b"token-validity-units"));
    }

    #[test]
    fn an_escaped_name_is_read_as_it_is_meant() {
        assert_eq!(plain_name(b"p\\u0061ssword").as_ref(), b"password");
        assert_eq!(plain_name(b"pass%77ord").as_ref(), b"password");
        assert_eq!(plain_name(b"100%").as_ref(), b"100%");
        assert_eq!(plain_name(b"\\u+061").as_ref(), b"\\u+061");
    }

    #[test]
    fn an_identifier_is_known_by_the_last_word_of_its_name() {
        for name in ["version-id", "CodeSha256", "next-token", "receipt-handle"] {
            assert!(names_an_identifier(name.as_bytes()), "{name}");
        }
        for name in ["value", "client-secret", "", "data"] {
            assert!(!names_an_identifier(name.as_bytes()), "{name}");
        }
    }
}
