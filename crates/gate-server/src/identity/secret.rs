//! Secrets: of this server's own making, as cookies and links carry them, and
//! those of others that it was given.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::TokenHash;

/// The largest file of a secret, in bytes.
const FILE_LIMIT: usize = 16 * 1024;

/// A secret. Has neither `Debug` nor `Display`, so that no log can show one. One
/// that was made here has 256 random bits and another form than every token of the
/// API, so neither is ever taken for the other.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// Returns a secret that somebody gave.
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// Reads a secret from its file, without the line's end.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        use std::io::Read as _;
        use std::os::unix::fs::PermissionsExt as _;
        let failed = |error: std::io::Error| format!("`{}`: {error}", path.display());
        let file = std::fs::File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o007 != 0 {
            return Err(format!(
                "`{}` can be read by everybody (mode {mode:03o}); make it 0600",
                path.display()
            ));
        }
        let mut text = String::new();
        file.take(FILE_LIMIT as u64 + 1)
            .read_to_string(&mut text)
            .map_err(failed)?;
        if text.len() > FILE_LIMIT {
            return Err(format!(
                "`{}` holds no secret: it has more than {FILE_LIMIT} bytes",
                path.display()
            ));
        }
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(format!("`{}` is empty", path.display()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns a new secret from the operating system's random source.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Returns the secret that `text` could be, by its form alone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_secret = text.len() == 43
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_secret.then(|| Self(text.to_owned()))
    }

    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Hands the secret out: to the browser, into a link, or to whom it is for.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_everybody_reads_or_that_is_empty_or_too_long_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "xoxb-1\n").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        mode(0o644);
        assert!(Secret::read(&path).err().unwrap().contains("0600"));
        mode(0o600);
        assert_eq!(Secret::read(&path).ok().unwrap().reveal(), "xoxb-1");
        std::fs::write(&path, "\n").unwrap();
        assert!(Secret::read(&path).err().unwrap().contains("empty"));
        std::fs::write(&path, "x".repeat(FILE_LIMIT + 1)).unwrap();
        assert!(Secret::read(&path).err().unwrap().contains("more than"));
        assert!(Secret::read(&dir.path().join("none")).is_err());
    }
}
