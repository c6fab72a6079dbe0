//! The fields of a message of Protocol Buffers.
//!
//! Source: "Encoding" of the Protocol Buffers documentation. Groups are not read: no message that
//! is read here has any.

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Returns each field of `message` with its number; `None` where it is none.
pub(super) fn fields(mut message: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut message)?),
            1 => Value::Bytes(taken(&mut message, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Value::Bytes(taken(&mut message, length)?)
            }
            5 => Value::Bytes(taken(&mut message, 4)?),
            _ => return None,
        };
        fields.push((key >> 3, value));
    }
    Some(fields)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for at in 0..10 {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7f).checked_shl(at * 7)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn taken<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_field_is_read_and_what_is_cut_is_none() {
        let message = [8, 0xac, 2, 0x12, 2, b'h', b'i', 0x1d, 1, 2, 3, 4];
        assert_eq!(
            fields(&message).unwrap(),
            [
                (1, Value::Number(300)),
                (2, Value::Bytes(b"hi")),
                (3, Value::Bytes(&[1, 2, 3, 4])),
            ]
        );
        for end in [1, 2, 4, 5, 8, 11] {
            assert_eq!(fields(message.get(..end).unwrap()), None, "{end}");
        }
        assert_eq!(fields(&[0xff; 11]), None);
    }
}
