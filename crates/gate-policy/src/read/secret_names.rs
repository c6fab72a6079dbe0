//! Which names say that their value is a secret.

/// Words that make a name one of a secret, where they stand as a whole part
/// of it.
const PARTS: &[&str] = &[
    "pass",
    "passwd",
    "password",
    "passphrase",
    "pwd",
    "secret",
    "secrets",
    "token",
    "apikey",
    "privatekey",
    "authkey",
    "credential",
    "credentials",
];

/// Two parts that do so together.
const PAIRS: &[(&str, &str)] = &[
    ("api", "key"),
    ("private", "key"),
    ("auth", "key"),
    ("access", "key"),
    ("secret", "key"),
];

/// Ends of a name that are secret also behind other letters: `PGPASSWORD`.
const ENDS: &[&str] = &["password", "passwd", "secret", "token", "apikey"];

/// Last parts of names that speak of a secret and don't hold it.
const HARMLESS_LAST: &[&str] = &["arn", "id", "name", "file", "path", "length", "type"];

/// Tells whether a variable, key or option of this name holds a secret.
pub(super) fn names_a_secret(name: &[u8]) -> bool {
    // The shell's working directory is no password.
    if matches!(name, b"PWD" | b"OLDPWD") {
        return false;
    }
    let parts = parts(name);
    let Some(last) = parts.last() else {
        return false;
    };
    if HARMLESS_LAST.contains(&last.as_str()) {
        return false;
    }
    parts.iter().any(|part| PARTS.contains(&part.as_str()))
        || parts
            .iter()
            .zip(parts.iter().skip(1))
            .any(|(one, two)| PAIRS.contains(&(one.as_str(), two.as_str())))
        || ENDS.iter().any(|end| last.ends_with(end))
}

/// Tells the same of an option that argparse takes also when it is cut short.
pub(super) fn option_names_a_secret(name: &[u8]) -> bool {
    let parts = parts(name);
    let Some(last) = parts.last() else {
        return false;
    };
    let is_cut = |word: &str| last.len() >= 4 && word.starts_with(last.as_str());
    let holds = |word: &str| parts.iter().any(|part| part.contains(word));
    names_a_secret(name)
        || ["password", "secret", "token", "credential"]
            .into_iter()
            .any(is_cut)
        || (!HARMLESS_LAST.contains(&last.as_str())
            && ["password", "secret", "token"].into_iter().any(holds))
}

/// Splits `DB_PASS`, `db-pass`, `dbPass` into lowercase parts.
fn parts(name: &[u8]) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut was_lower = false;
    for byte in name {
        let starts = was_lower && byte.is_ascii_uppercase();
        let divides = !byte.is_ascii_alphanumeric();
        if (starts || divides) && parts.last().is_some_and(|part| !part.is_empty()) {
            parts.push(String::new());
        }
        if !divides && let Some(part) = parts.last_mut() {
            part.push(char::from(byte.to_ascii_lowercase()));
        }
        was_lower = byte.is_ascii_lowercase() || byte.is_ascii_digit();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::{names_a_secret, option_names_a_secret};

    #[test]
    fn a_name_is_secret_by_its_parts() {
        for name in [
            "DB_PASS",
            "PGPASSWORD",
            "TF_VAR_db_password",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "MasterUserPassword",
            "api-key",
            "APIKEY",
            "x_private_key",
            "Pwd",
        ] {
            assert!(names_a_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_name_that_only_speaks_of_a_secret_is_none() {
        for name in [
            "PWD",
            "AWS_ACCESS_KEY_ID",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "secret-arn",
            "SecretName",
            "COMPASS",
            "secretary",
            "GIT_ASKPASS",
            "monkey",
            "",
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
    }
}
