//! One file of a ZIP archive.
//!
//! Source: APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 and 4.3.16. What is encrypted, split over
//! several files, or larger than 4 GiB is not read.

/// The largest file that is inflated, in bytes.
const FILE_BYTES: usize = 64 << 20;
/// How far from the end the end record may stand: itself, and the longest comment.
const END_BYTES: usize = 22 + 65_535;
/// The most files that are looked through.
const MOST_FILES: usize = 10_000;

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

/// The file's content stands as it is.
const STORED: usize = 0;
/// It is compressed as RFC 1951 says.
const DEFLATED: usize = 8;

/// Returns the content of the file `name`.
pub(super) fn file(archive: &[u8], name: &str) -> Option<Vec<u8>> {
    let end = end_record(archive)?;
    let count = number(end, 10, 2)?;
    let mut at = number(end, 16, 4)?;
    for _ in 0..count.min(MOST_FILES) {
        let entry = archive.get(at..)?;
        if !entry.starts_with(ENTRY) {
            return None;
        }
        let name_bytes = number(entry, 28, 2)?;
        if entry.get(46..46 + name_bytes)? == name.as_bytes() {
            return content(archive, entry);
        }
        at += 46 + name_bytes + number(entry, 30, 2)? + number(entry, 32, 2)?;
    }
    None
}

fn end_record(archive: &[u8]) -> Option<&[u8]> {
    let tail = archive.get(archive.len().saturating_sub(END_BYTES)..)?;
    let at = tail.windows(END.len()).rposition(|window| window == END)?;
    tail.get(at..)
}

fn content(archive: &[u8], entry: &[u8]) -> Option<Vec<u8>> {
    let is_encrypted = number(entry, 8, 2)? & 1 == 1;
    let (method, compressed_bytes) = (number(entry, 10, 2)?, number(entry, 20, 4)?);
    let (size_bytes, at) = (number(entry, 24, 4)?, number(entry, 42, 4)?);
    let local = archive.get(at..)?;
    if is_encrypted || !local.starts_with(LOCAL) || size_bytes > FILE_BYTES {
        return None;
    }
    // The names and extra fields of the two headers may differ in length.
    let begin = 30 + number(local, 26, 2)? + number(local, 28, 2)?;
    let stored = local.get(begin..begin.checked_add(compressed_bytes)?)?;
    let content = match method {
        STORED => stored.to_vec(),
        DEFLATED => {
            miniz_oxide::inflate::decompress_to_vec_with_limit(stored, size_bytes + 64).ok()?
        }
        _ => return None,
    };
    (content.len() == size_bytes).then_some(content)
}

/// Returns the number of so many bytes at `at`, the least significant first.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + width)?;
    let add = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
    Some(bytes.iter().rev().fold(0, add))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of one stored file.
    fn archive(name: &str, content: &[u8]) -> Vec<u8> {
        let two = |n: usize| u16::try_from(n).unwrap().to_le_bytes();
        let four = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
        let mut all = Vec::new();
        all.extend_from_slice(LOCAL);
        all.extend_from_slice(&[0; 14]);
        all.extend_from_slice(&four(content.len()));
        all.extend_from_slice(&four(content.len()));
        all.extend_from_slice(&two(name.len()));
        all.extend_from_slice(&two(0));
        all.extend_from_slice(name.as_bytes());
        all.extend_from_slice(content);
        let entry = all.len();
        all.extend_from_slice(ENTRY);
        all.extend_from_slice(&[0; 16]);
        all.extend_from_slice(&four(content.len()));
        all.extend_from_slice(&four(content.len()));
        all.extend_from_slice(&two(name.len()));
        all.extend_from_slice(&[0; 16]);
        all.extend_from_slice(name.as_bytes());
        all.extend_from_slice(END);
        all.extend_from_slice(&[0; 6]);
        all.extend_from_slice(&two(1));
        all.extend_from_slice(&four(0));
        all.extend_from_slice(&four(entry));
        all.extend_from_slice(&two(0));
        all
    }

    #[test]
    fn a_file_is_found_by_its_name_and_nothing_that_was_cut_makes_it_panic() {
        let archive = archive("tfplan", b"hello");
        assert_eq!(file(&archive, "tfplan").as_deref(), Some(&b"hello"[..]));
        assert_eq!(file(&archive, "tfpla"), None);
        // The last two bytes say that no comment follows.
        for end in 0..archive.len() - 2 {
            assert_eq!(file(archive.get(..end).unwrap(), "tfplan"), None, "{end}");
        }
        for at in 0..archive.len() {
            let mut bad = archive.clone();
            *bad.get_mut(at).unwrap() ^= 0xff;
            drop(file(&bad, "tfplan"));
        }
    }
}
