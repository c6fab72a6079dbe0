//! Writes any `Serialize` value in canonical form.
//!
//! A serializer of its own, and not a detour over `serde_json::Value`: that
//! detour turns NaN into `null` and merges duplicate members in silence, and
//! what is signed must never differ in silence from what was meant.

use std::fmt::Display;

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::{MAX_DEPTH, MAX_INTEGER};

/// Why a value has no canonical form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// A floating-point number, whatever its value.
    #[error("floating-point numbers have no canonical form here")]
    Float,
    /// An integer of 2^53 or more in size.
    #[error("the integer {0} is beyond 2^53 - 1")]
    IntegerRange(i128),
    /// U+0000 in a string or a member name.
    #[error("a string contains U+0000")]
    Nul,
    /// A member name that is not a string.
    #[error("a member name is not a string")]
    Key,
    /// The same member name twice in one object.
    #[error("the member `{}` occurs twice", .0.escape_default())]
    DuplicateKey(String),
    /// Arrays and objects nest deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A kind of value that JSON does not have.
    #[error("{0} have no canonical form")]
    Unsupported(&'static str),
    /// The value's own `Serialize` failed.
    #[error("{0}")]
    Value(String),
}

impl ser::Error for CanonicalError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }
}

/// Returns the canonical form of `value`.
///
/// Source: RFC 8785, without its section 3.2.2.3 (no floats).
///
/// # Errors
/// Each [`CanonicalError`] as its name says.
pub fn to_canonical_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut writer = Writer {
        out: Vec::new(),
        depth: 0,
    };
    value.serialize(&mut writer)?;
    Ok(writer.out)
}

/// Bytes so far, and how many arrays and objects are open around them.
struct Writer {
    out: Vec<u8>,
    depth: usize,
}

impl Writer {
    fn enter(&mut self) -> Result<(), CanonicalError> {
        if self.depth >= MAX_DEPTH {
            return Err(CanonicalError::TooDeep);
        }
        self.depth += 1;
        Ok(())
    }

    fn integer(&mut self, value: i128) -> Result<(), CanonicalError> {
        if value.unsigned_abs() > u128::from(MAX_INTEGER) {
            return Err(CanonicalError::IntegerRange(value));
        }
        self.out.extend_from_slice(value.to_string().as_bytes());
        Ok(())
    }

    /// Escapes only what RFC 8785 section 3.2.2.2 escapes; the rest is UTF-8.
    fn string(&mut self, text: &str) -> Result<(), CanonicalError> {
        self.out.push(b'"');
        for byte in text.bytes() {
            let short = match byte {
                0 => return Err(CanonicalError::Nul),
                0x08 => b'b',
                b'\t' => b't',
                b'\n' => b'n',
                0x0c => b'f',
                b'\r' => b'r',
                b'"' | b'\\' => byte,
                0x01..=0x1f => {
                    let long = format!("\\u{byte:04x}");
                    self.out.extend_from_slice(long.as_bytes());
                    continue;
                }
                _ => {
                    self.out.push(byte);
                    continue;
                }
            };
            self.out.extend_from_slice(&[b'\\', short]);
        }
        self.out.push(b'"');
        Ok(())
    }

    fn elements(&mut self) -> Result<Elements<'_>, CanonicalError> {
        self.enter()?;
        self.out.push(b'[');
        Ok(Elements {
            writer: self,
            is_first: true,
            closing: "]",
            closes: 1,
        })
    }

    fn members(&mut self) -> Result<Members<'_>, CanonicalError> {
        self.enter()?;
        Ok(Members {
            writer: self,
            written: Vec::new(),
            key: None,
            variant: false,
        })
    }

    /// Opens the object of one member that stands for an enum variant.
    fn variant(&mut self, variant: &str) -> Result<(), CanonicalError> {
        self.enter()?;
        self.out.push(b'{');
        self.string(variant)?;
        self.out.push(b':');
        Ok(())
    }
}

/// An open array, and perhaps the variant object around it.
struct Elements<'w> {
    writer: &'w mut Writer,
    is_first: bool,
    closing: &'static str,
    closes: usize,
}

impl Elements<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        if !std::mem::take(&mut self.is_first) {
            self.writer.out.push(b',');
        }
        value.serialize(&mut *self.writer)
    }

    fn close(self) {
        self.writer.out.extend_from_slice(self.closing.as_bytes());
        self.writer.depth -= self.closes;
    }
}

/// An open object: its members wait for the last one, to be sorted.
struct Members<'w> {
    writer: &'w mut Writer,
    written: Vec<(String, Vec<u8>)>,
    key: Option<String>,
    /// Whether the object stands inside the object of an enum variant.
    variant: bool,
}

impl Members<'_> {
    fn push<T: Serialize + ?Sized>(
        &mut self,
        key: String,
        value: &T,
    ) -> Result<(), CanonicalError> {
        let mut writer = Writer {
            out: Vec::new(),
            depth: self.writer.depth,
        };
        value.serialize(&mut writer)?;
        self.written.push((key, writer.out));
        Ok(())
    }

    /// Sorts by UTF-16 code units, as RFC 8785 section 3.2.3 says: that is not
    /// the order of UTF-8 bytes where a name has characters beyond U+FFFF.
    fn close(mut self) -> Result<(), CanonicalError> {
        self.written
            .sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
        let mut previous: Option<&str> = None;
        self.writer.out.push(b'{');
        for (key, value) in &self.written {
            if let Some(previous) = previous {
                if previous == key {
                    return Err(CanonicalError::DuplicateKey(key.clone()));
                }
                self.writer.out.push(b',');
            }
            self.writer.string(key)?;
            self.writer.out.push(b':');
            self.writer.out.extend_from_slice(value);
            previous = Some(key);
        }
        self.writer.out.push(b'}');
        self.writer.depth -= 1;
        if self.variant {
            self.writer.out.push(b'}');
            self.writer.depth -= 1;
        }
        Ok(())
    }
}

/// `serde_json` smuggles raw text and long numbers through structs of this
/// name; here they would come out as objects that nobody meant.
const SMUGGLED: &str = "$serde_json::private::";

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = Elements<'w>;
    type SerializeTuple = Elements<'w>;
    type SerializeTupleStruct = Elements<'w>;
    type SerializeTupleVariant = Elements<'w>;
    type SerializeMap = Members<'w>;
    type SerializeStruct = Members<'w>;
    type SerializeStructVariant = Members<'w>;

    fn serialize_bool(self, value: bool) -> Result<(), CanonicalError> {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), CanonicalError> {
        self.integer(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), CanonicalError> {
        self.integer(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), CanonicalError> {
        self.integer(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), CanonicalError> {
        self.integer(value.into())
    }

    fn serialize_i128(self, value: i128) -> Result<(), CanonicalError> {
        self.integer(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), CanonicalError> {
        self.integer(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), CanonicalError> {
        self.integer(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), CanonicalError> {
        self.integer(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), CanonicalError> {
        self.integer(value.into())
    }

    fn serialize_u128(self, value: u128) -> Result<(), CanonicalError> {
        self.integer(i128::try_from(value).unwrap_or(i128::MAX))
    }

    fn serialize_f32(self, _: f32) -> Result<(), CanonicalError> {
        Err(CanonicalError::Float)
    }

    fn serialize_f64(self, _: f64) -> Result<(), CanonicalError> {
        Err(CanonicalError::Float)
    }

    fn serialize_char(self, value: char) -> Result<(), CanonicalError> {
        self.string(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), CanonicalError> {
        self.string(value)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), CanonicalError> {
        Err(CanonicalError::Unsupported("byte strings"))
    }

    fn serialize_none(self) -> Result<(), CanonicalError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), CanonicalError> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CanonicalError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), CanonicalError> {
        self.string(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CanonicalError> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.out.push(b'}');
        self.depth -= 1;
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements<'w>, CanonicalError> {
        self.elements()
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements<'w>, CanonicalError> {
        self.elements()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Elements<'w>, CanonicalError> {
        self.elements()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Elements<'w>, CanonicalError> {
        self.variant(variant)?;
        let mut elements = self.elements()?;
        elements.closing = "]}";
        elements.closes = 2;
        Ok(elements)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'w>, CanonicalError> {
        self.members()
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Members<'w>, CanonicalError> {
        if name.starts_with(SMUGGLED) {
            return Err(CanonicalError::Unsupported("raw JSON values"));
        }
        self.members()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members<'w>, CanonicalError> {
        self.variant(variant)?;
        let mut members = self.members()?;
        members.variant = true;
        Ok(members)
    }
}

/// All kinds of array and tuple are written alike.
macro_rules! write_elements {
    ($($kind:ident::$push:ident),+) => {$(
        impl ser::$kind for Elements<'_> {
            type Ok = ();
            type Error = CanonicalError;

            fn $push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
                self.push(value)
            }

            fn end(self) -> Result<(), CanonicalError> {
                self.close();
                Ok(())
            }
        }
    )+};
}

write_elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CanonicalError> {
        match serde_json::to_value(key) {
            Ok(serde_json::Value::String(key)) => {
                self.key = Some(key);
                Ok(())
            }
            Ok(_) | Err(_) => Err(CanonicalError::Key),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        let key = self.key.take().ok_or(CanonicalError::Key)?;
        self.push(key, value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        self.close()
    }
}

/// Both kinds of struct are written alike.
macro_rules! write_fields {
    ($($kind:ident),+) => {$(
        impl ser::$kind for Members<'_> {
            type Ok = ();
            type Error = CanonicalError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), CanonicalError> {
                self.push(key.to_owned(), value)
            }

            fn end(self) -> Result<(), CanonicalError> {
                self.close()
            }
        }
    )+};
}

write_fields!(SerializeStruct, SerializeStructVariant);
