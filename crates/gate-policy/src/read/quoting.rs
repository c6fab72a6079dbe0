//! Where the bytes of a word stand in the text that a shell makes it of.

use std::ops::Range;

/// Returns where a secret of a word stands in the word's text, quotes and escapes
/// in it included, up to what the shell executes: nothing if that is not clear.
pub(super) fn place(text: &[u8], secret: &[u8]) -> Option<Range<usize>> {
    let (bytes, is_cut) = unquoted(text)?;
    let values: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
    let range = |start: usize, end: usize| {
        let first = bytes.get(start)?.1.start;
        Some(first..bytes.get(end.checked_sub(1)?)?.1.end)
    };
    if secret.is_empty() {
        return None;
    }
    let mut found = values.windows(secret.len()).enumerate();
    let mut found = found.by_ref().filter(|(_, part)| *part == secret);
    if let Some((at, _)) = found.next() {
        let is_only = found.next().is_none();
        return is_only.then(|| range(at, at + secret.len())).flatten();
    }
    if !is_cut {
        return None;
    }
    // What is executed stands in the secret as it is written.
    let starts = secret.iter().enumerate().rev();
    let mut starts = starts.filter(|(_, byte)| matches!(byte, b'$' | b'`'));
    let front = starts.find_map(|(at, _)| secret.get(..at).filter(|front| values.ends_with(front)));
    let front = front.filter(|front| !front.is_empty())?;
    range(values.len() - front.len(), values.len())
}

/// Each byte of a word and where it stands, up to what is executed; and whether
/// something is.
type Unquoted = (Vec<(u8, Range<usize>)>, bool);

fn unquoted(text: &[u8]) -> Option<Unquoted> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut quote = None;
    let mut at = 0;
    while let Some(byte) = text.get(at).copied() {
        let next = text.get(at + 1).copied();
        match (quote, byte) {
            (Some(b'\''), b'\'') | (Some(b'"'), b'"') => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(b'\''), _) => bytes.push((byte, at..at + 1)),
            (_, b'`') => return Some((bytes, true)),
            (_, b'$') if next == Some(b'(') => return Some((bytes, true)),
            // `$'…'` has escapes of its own.
            (None, b'$') if matches!(next, Some(b'\'' | b'"')) => return None,
            (None, b'\\') => {
                bytes.push((next?, at..at + 2));
                at += 1;
            }
            (Some(_), b'\\') if matches!(next, Some(b'$' | b'`' | b'"' | b'\\')) => {
                bytes.push((next?, at..at + 2));
                at += 1;
            }
            _ => bytes.push((byte, at..at + 1)),
        }
        at += 1;
    }
    Some((bytes, false))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn only_what_is_executed_is_left_out() {
        let masked = |text: &str, secret: &str| {
            let at = place(text.as_bytes(), secret.as_bytes());
            at.map(|at| text.get(at).unwrap().to_owned())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(masked("-p='b$(c)d'", "b$(c)d"), some("b$(c)d"));
        assert_eq!(masked("-p=\"b\\$(c)d\"", "b$(c)d"), some("b\\$(c)d"));
        assert_eq!(masked("-p=\"b$(c)d\"", "b$(c)d"), some("b"));
        assert_eq!(masked("-p='a$b'\"c`d`\"", "a$bc`d`"), some("a$b'\"c"));
        assert_eq!(masked("-p=$'b$(c)d'", "b$(c)d"), None);
        assert_eq!(masked("-p='bb'", "b"), None);
    }
}
