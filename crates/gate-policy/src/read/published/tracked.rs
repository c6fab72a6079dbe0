//! What git tracks, by its index. Source: git's documentation, "gitformat-index".

/// The bytes of an entry before its flags, where its object is named by SHA-1.
const BEFORE_FLAGS: usize = 60;
/// The flag of an entry that has two more bytes of flags.
const IS_EXTENDED: u16 = 0x4000;
/// The bits of the flags that hold the length of the name, or all of them where it is longer.
const LENGTH: u16 = 0x0fff;

/// Tells whether one of these paths, or anything below it, can be an entry of an index. One that
/// is cut off, of a newer version or in two parts can hold any.
pub(super) fn can_track(index: &[u8], paths: &[&[u8]]) -> bool {
    tracks(index, paths).unwrap_or(true)
}

fn tracks(index: &[u8], paths: &[&[u8]]) -> Option<bool> {
    let (version, rest) = number(index.strip_prefix(b"DIRC")?)?;
    if !matches!(version, 2 | 3) {
        return None;
    }
    let (count, mut rest) = number(rest)?;
    for _ in 0..count {
        let (name, behind) = entry(rest)?;
        if paths.iter().any(|path| is_at_or_below(name, path)) {
            return Some(true);
        }
        rest = behind;
    }
    (!rest.starts_with(b"link")).then_some(false)
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

/// Returns the name of the first entry, and what stands behind the entry.
fn entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let flags = u16::from_be_bytes(*bytes.get(BEFORE_FLAGS..)?.first_chunk()?);
    let more = if flags & IS_EXTENDED == 0 { 2 } else { 4 };
    let start = BEFORE_FLAGS + more;
    let length = bytes.get(start..)?.iter().position(|byte| *byte == 0)?;
    if length.min(LENGTH.into()) != usize::from(flags & LENGTH) {
        return None;
    }
    let end = (start + length + 1).next_multiple_of(8);
    Some((bytes.get(start..start + length)?, bytes.get(end..)?))
}

/// Capital letters don't count on every system.
fn is_at_or_below(name: &[u8], path: &[u8]) -> bool {
    name.split_at_checked(path.len())
        .is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(path) && (rest.is_empty() || rest.starts_with(b"/"))
        })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns an index with entries of these names, as git writes it.
    pub(in super::super) fn index(version: u32, names: &[&str]) -> Vec<u8> {
        let mut index = b"DIRC".to_vec();
        index.extend(version.to_be_bytes());
        index.extend(u32::try_from(names.len()).unwrap().to_be_bytes());
        for name in names {
            let start = index.len();
            index.extend([7; BEFORE_FLAGS]);
            let extended = if version == 3 { IS_EXTENDED } else { 0 };
            let length = u16::try_from(name.len()).unwrap().min(LENGTH);
            index.extend((extended | length).to_be_bytes());
            index.extend(vec![0; if version == 3 { 2 } else { 0 }]);
            index.extend(name.as_bytes());
            let length = (index.len() - start + 1).next_multiple_of(8);
            index.resize(start + length, 0);
        }
        index.extend(b"TREE\0\0\0\0");
        index.extend([9; 20]);
        index
    }

    #[test]
    fn an_entry_of_an_index_is_found_by_its_whole_path() {
        let paths: [&[u8]; 2] = [b"target", b"app/target"];
        let long = "a/".repeat(3000);
        for version in [2, 3] {
            for name in ["target", "target/a.rs", "Target/a", "app/target/b/c.rs"] {
                let index = index(version, &["a", &long, name, "z"]);
                assert_eq!(tracks(&index, &paths), Some(true), "{version} {name}");
            }
            let beside = ["src/target/a.rs", "target.rs", "targets/a", "tar", &long];
            let index = index(version, &beside);
            assert_eq!(tracks(&index, &paths), Some(false), "{version}");
            assert!(can_track(&index[..index.len() / 2], &paths));
        }
    }

    #[test]
    fn an_index_that_is_not_understood_can_track_all() {
        let shared = [&index(2, &[])[..12], b"link\0\0\0\x14"].concat();
        for other in [&index(4, &["a"])[..], &shared, b"", b"DIRC"] {
            assert!(can_track(other, &[b"target"]), "{other:?}");
        }
    }
}
