//! Reads JSON and refuses everything on which two readers could disagree.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess};
use serde_json::{Map, Value};

use super::{MAX_DEPTH, MAX_INTEGER, to_canonical_bytes};

/// Why JSON text was refused. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StrictError {
    /// Not JSON, not UTF-8, a lone surrogate, or bytes after the value.
    #[error("not JSON at line {line}, column {column}: {what}")]
    Syntax {
        /// The line of the first wrong byte.
        line: usize,
        /// The column of the first wrong byte; 0 before the first of a line.
        column: usize,
        /// What the parser says, without its own position.
        what: String,
    },
    /// The same member name twice in one object.
    #[error("the member `{}` occurs twice, again at line {line}", .key.escape_default())]
    DuplicateKey {
        /// The name.
        key: String,
        /// The line of its second occurrence.
        line: usize,
    },
    /// A fraction, an exponent, minus zero, or 2^53 or more in size.
    #[error("a number at line {line} is not an integer below 2^53")]
    Number {
        /// The line of the number.
        line: usize,
    },
    /// U+0000 in a string or a member name.
    #[error("a string at line {line} contains U+0000")]
    Nul {
        /// The line of the string.
        line: usize,
    },
    /// Arrays and objects nest deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels at line {line}")]
    TooDeep {
        /// The line of the bracket that is too deep.
        line: usize,
    },
    /// Sound JSON, but not the value that was asked for.
    #[error("not the expected value: {0}")]
    Shape(String),
}

/// Parses one JSON value, with whitespace around it at most.
///
/// # Errors
/// Each [`StrictError`] as its name says, except [`StrictError::Shape`].
pub fn parse_strict(text: &[u8]) -> Result<Value, StrictError> {
    let refused = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let seed = Strict {
        refused: &refused,
        depth: 0,
    };
    seed.deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| positioned(&error, refused.take()))
}

/// Parses one value with [`parse_strict`] and takes it as a `T`.
///
/// # Errors
/// Each [`StrictError`] as its name says.
pub fn from_strict_slice<T: DeserializeOwned>(text: &[u8]) -> Result<T, StrictError> {
    let value = parse_strict(text)?;
    serde_json::from_value(value).map_err(|error| StrictError::Shape(error.to_string()))
}

/// Tells whether `text` is, byte for byte, the canonical form of a value.
pub fn is_canonical(text: &[u8]) -> bool {
    parse_strict(text)
        .ok()
        .and_then(|value| to_canonical_bytes(&value).ok())
        .is_some_and(|canonical| canonical == text)
}

/// What serde's error can't carry: which rule was broken.
enum Refused {
    Duplicate(String),
    Number,
    Nul,
    Depth,
}

fn positioned(error: &serde_json::Error, refused: Option<Refused>) -> StrictError {
    let line = error.line();
    match refused {
        Some(Refused::Duplicate(key)) => StrictError::DuplicateKey { key, line },
        Some(Refused::Number) => StrictError::Number { line },
        Some(Refused::Nul) => StrictError::Nul { line },
        Some(Refused::Depth) => StrictError::TooDeep { line },
        None => {
            let column = error.column();
            let position = format!(" at line {line} column {column}");
            let what = error.to_string();
            StrictError::Syntax {
                line,
                column,
                what: what.strip_suffix(&position).unwrap_or(&what).to_owned(),
            }
        }
    }
}

/// Builds a `Value` under `depth` open arrays and objects.
#[derive(Clone, Copy)]
struct Strict<'r> {
    refused: &'r RefCell<Option<Refused>>,
    depth: usize,
}

impl Strict<'_> {
    fn refuse<T, E: de::Error>(self, why: Refused) -> Result<T, E> {
        self.refused.replace(Some(why));
        Err(E::custom("refused"))
    }

    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return self.refuse(Refused::Depth);
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    fn text<E: de::Error>(self, text: String) -> Result<String, E> {
        if text.contains('\0') {
            return self.refuse(Refused::Nul);
        }
        Ok(text)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_INTEGER {
            return self.refuse(Refused::Number);
        }
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_INTEGER {
            return self.refuse(Refused::Number);
        }
        Ok(value.into())
    }

    /// The parser comes here with every fraction, exponent and `-0`, and with
    /// integers beyond 64 bits.
    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value, E> {
        self.refuse(Refused::Number)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        self.text(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let key = self.text(key)?;
            if object.contains_key(&key) {
                return self.refuse(Refused::Duplicate(key));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Value, StrictError> {
        parse_strict(text.as_bytes())
    }

    #[test]
    fn integers_below_two_to_the_53_are_read() {
        for text in ["0", "-1", "9007199254740991", "-9007199254740991"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn every_other_number_is_refused() {
        for text in [
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551615",
            "18446744073709551616",
            "1e999",
            "1.0",
            "0.5",
            "1e0",
            "1E2",
            "-0",
            "-0.0",
            "[1,{\"a\":2.5}]",
        ] {
            let refused = parse(text);
            assert!(
                matches!(
                    refused,
                    Err(StrictError::Number { .. } | StrictError::Syntax { .. })
                ),
                "{text}: {refused:?}"
            );
        }
        assert_eq!(parse("\n1.0"), Err(StrictError::Number { line: 2 }));
    }

    #[test]
    fn a_duplicate_member_is_refused_at_any_depth_and_in_any_spelling() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"[{"x":{"a":1,"b":2,"a":3}}]"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            assert!(
                matches!(parse(text), Err(StrictError::DuplicateKey { key, .. }) if key == "a"),
                "{text}"
            );
        }
    }

    #[test]
    fn nul_lone_surrogates_and_trailing_bytes_are_refused() {
        assert_eq!(parse(r#""a\u0000""#), Err(StrictError::Nul { line: 1 }));
        assert_eq!(parse(r#"{"\u0000":1}"#), Err(StrictError::Nul { line: 1 }));
        for text in [
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800\u0041""#,
            r#"{"\ud800":1}"#,
            "{} {}",
            "1 x",
            "",
            "nul",
            "[1,]",
            "{'a':1}",
            "\u{feff}{}",
            "\"a\nb\"",
            "NaN",
            "Infinity",
            "01",
            "+1",
        ] {
            assert!(
                matches!(parse(text), Err(StrictError::Syntax { .. })),
                "{text}"
            );
        }
        assert!(matches!(
            parse_strict(b"\"\xff\""),
            Err(StrictError::Syntax { .. })
        ));
        assert_eq!(parse(r#""\ud83d\ude00""#).unwrap(), "😀");
    }

    #[test]
    fn nesting_ends_at_sixty_four() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(64)).is_ok());
        assert!(is_canonical(nested(64).as_bytes()));
        assert_eq!(parse(&nested(65)), Err(StrictError::TooDeep { line: 1 }));
        let bomb = "{\"a\":".repeat(100_000);
        assert_eq!(parse(&bomb), Err(StrictError::TooDeep { line: 1 }));
    }

    #[test]
    fn a_value_of_another_shape_is_told_apart_from_bad_json() {
        assert_eq!(from_strict_slice::<Vec<u8>>(b"[1,2]"), Ok(vec![1, 2]));
        assert!(matches!(
            from_strict_slice::<Vec<u8>>(b"{}"),
            Err(StrictError::Shape(_))
        ));
    }

    #[test]
    fn only_the_canonical_bytes_are_canonical() {
        assert!(is_canonical(br#"{"a":[1,"x",null,true],"b":{}}"#));
        for text in [
            r#"{"b":1,"a":2}"#,
            r#"{"a": 1}"#,
            "{\"a\":1}\n",
            r#""\u0041""#,
            r#""\/""#,
            r#""\u000A""#,
            r#""\u001F""#,
            "1.0",
            "",
        ] {
            assert!(!is_canonical(text.as_bytes()), "{text}");
        }
    }
}
