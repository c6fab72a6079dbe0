//! What witnesses refuse to sign, kept beside the data until they sign again: `gate server doctor`
//! is another process, and a server that goes on under its own signature only logs it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const FILE: &str = "witness-refusals.json";

/// The last word of a witness that did not sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefusedHead {
    pub(crate) at: Timestamp,
    pub(crate) why: String,
}

/// Returns what each witness refused, by its key's label; nothing where that can't be read.
pub(crate) fn read(dir: &Path) -> BTreeMap<String, RefusedHead> {
    let text = std::fs::read(dir.join(FILE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Keeps what a witness refused, or that it signed.
///
/// # Errors
/// It can't be written.
pub(crate) fn keep(dir: &Path, label: &str, refused: Option<RefusedHead>) -> io::Result<()> {
    let mut heads = read(dir);
    let was = match refused {
        Some(refused) => heads.insert(label.to_owned(), refused),
        None => heads.remove(label),
    };
    if was.as_ref() == heads.get(label) {
        return Ok(());
    }
    let new = dir.join(format!("{FILE}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&new)?;
    file.write_all(&serde_json::to_vec(&heads)?)?;
    std::fs::rename(&new, dir.join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_witness_refused_is_kept_until_it_signs() {
        let dir = tempfile::tempdir().unwrap();
        let refused = RefusedHead {
            at: Timestamp::UNIX_EPOCH,
            why: "it signed other records".to_owned(),
        };
        keep(dir.path(), "w", None).unwrap();
        assert!(!dir.path().join(FILE).exists());
        keep(dir.path(), "w", Some(refused.clone())).unwrap();
        keep(dir.path(), "v", Some(refused.clone())).unwrap();
        assert_eq!(read(dir.path()).get("w"), Some(&refused));
        keep(dir.path(), "w", None).unwrap();
        assert_eq!(read(dir.path()).keys().collect::<Vec<_>>(), ["v"]);
    }
}
