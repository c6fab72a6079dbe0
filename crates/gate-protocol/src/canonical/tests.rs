//! The canonical form against RFC 8785's own samples and against itself.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::{CanonicalError, MAX_INTEGER, is_canonical, parse_strict, to_canonical_bytes};

fn canonical<T: Serialize + ?Sized>(value: &T) -> String {
    String::from_utf8(to_canonical_bytes(value).unwrap()).unwrap()
}

fn refusal<T: Serialize + ?Sized>(value: &T) -> CanonicalError {
    to_canonical_bytes(value).unwrap_err()
}

/// RFC 8785 section 3.2.2, without the line of floats.
#[test]
fn the_rfc_sample_is_written_as_the_rfc_says() {
    let input = r#"{
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"#;
    let value = parse_strict(input.as_bytes()).unwrap();
    assert_eq!(
        canonical(&value),
        r#"{"literals":[null,true,false],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
    );
}

/// RFC 8785 section 3.2.3: sorted by UTF-16 code units, in which U+1F600 comes
/// before U+FB33, the reverse of UTF-8.
#[test]
fn members_are_sorted_by_utf16_code_units() {
    let input = r#"{
      "\u20ac": "Euro Sign", "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"
    }"#;
    let value = parse_strict(input.as_bytes()).unwrap();
    let expected = [
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",",
        "\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",",
        "\"😀\":\"Emoji: Grinning Face\",",
        "\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
    ];
    assert_eq!(canonical(&value), expected.concat());
}

#[test]
fn controls_have_the_short_escape_where_there_is_one() {
    assert_eq!(
        canonical("\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}\u{2028}/<"),
        "\"\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\u{7f}\u{2028}/<\""
    );
}

#[derive(Serialize)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(u8, char),
    Struct { z: Option<u8>, a: () },
}

#[test]
fn rust_values_have_the_same_form_as_their_json() {
    let shapes = [
        Shape::Unit,
        Shape::Newtype(1),
        Shape::Tuple(2, 'x'),
        Shape::Struct { z: Some(3), a: () },
    ];
    assert_eq!(
        canonical(&shapes),
        r#"["Unit",{"Newtype":1},{"Tuple":[2,"x"]},{"Struct":{"a":null,"z":3}}]"#
    );
    assert_eq!(canonical(&(1u8, -2i64, "é")), r#"[1,-2,"é"]"#);
    assert_eq!(
        canonical(&BTreeMap::from([("b", 1), ("a", 2)])),
        r#"{"a":2,"b":1}"#
    );
    assert_eq!(canonical(&json!({})), "{}");
    assert_eq!(canonical(&json!([])), "[]");
}

#[test]
fn no_float_has_a_form() {
    assert_eq!(refusal(&1.5f64), CanonicalError::Float);
    assert_eq!(refusal(&f64::NAN), CanonicalError::Float);
    assert_eq!(refusal(&1.0f32), CanonicalError::Float);
    assert_eq!(refusal(&Some(vec![0.0])), CanonicalError::Float);
    assert_eq!(refusal(&json!({"a": [1.0]})), CanonicalError::Float);
    assert_eq!(
        refusal(&BTreeMap::from([("nan", f64::NAN)])),
        CanonicalError::Float
    );
}

#[test]
fn integers_end_below_two_to_the_53() {
    assert_eq!(canonical(&MAX_INTEGER), "9007199254740991");
    assert_eq!(canonical(&-9_007_199_254_740_991i64), "-9007199254740991");
    for beyond in [1i128 << 53, -(1i128 << 53), i128::MAX, i128::MIN] {
        assert_eq!(refusal(&beyond), CanonicalError::IntegerRange(beyond));
    }
    assert_eq!(
        refusal(&u64::MAX),
        CanonicalError::IntegerRange(u64::MAX.into())
    );
    assert!(matches!(
        refusal(&u128::MAX),
        CanonicalError::IntegerRange(_)
    ));
}

/// A map that serde can express and JSON readers disagree on.
struct Twice;

impl Serialize for Twice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("a", 1), ("b", 2), ("a", 3)])
    }
}

#[derive(Serialize)]
struct Bytes<'a>(#[serde(serialize_with = "as_bytes")] &'a [u8]);

fn as_bytes<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

#[test]
fn what_json_has_no_one_form_for_is_refused() {
    assert_eq!(
        refusal(&Twice),
        CanonicalError::DuplicateKey("a".to_owned())
    );
    assert_eq!(refusal("a\0"), CanonicalError::Nul);
    assert_eq!(refusal(&json!({"\0": 1})), CanonicalError::Nul);
    assert_eq!(refusal(&BTreeMap::from([((1, 2), 3)])), CanonicalError::Key);
    assert_eq!(
        refusal(&Bytes(b"x")),
        CanonicalError::Unsupported("byte strings")
    );
    let raw = serde_json::value::RawValue::from_string("{\"b\":1,  \"a\":1.0}".to_owned()).unwrap();
    assert_eq!(
        refusal(&raw),
        CanonicalError::Unsupported("raw JSON values")
    );
}

#[test]
fn nesting_ends_at_sixty_four() {
    let nested = |depth: usize| (1..depth).fold(json!([]), |inner, _| json!([inner]));
    assert_eq!(canonical(&nested(64)).len(), 128);
    assert_eq!(refusal(&nested(65)), CanonicalError::TooDeep);
    let objects = (0..64).fold(json!(1), |inner, _| json!({"a": inner}));
    assert!(is_canonical(canonical(&objects).as_bytes()));
    assert_eq!(refusal(&json!({"a": objects})), CanonicalError::TooDeep);
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = || {
        prop::collection::vec(prop::char::range('\u{1}', '\u{10ffff}'), 0..6)
            .prop_map(String::from_iter)
    };
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991i64..=9_007_199_254_740_991).prop_map(Value::from),
        text().prop_map(Value::from),
        "[\u{1}-\u{24}é€😀\u{fb33}\"\\\\]{0,8}".prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_form_is_a_fixed_point_and_loses_nothing(value in any_value()) {
        let once = to_canonical_bytes(&value).unwrap();
        let read = parse_strict(&once).unwrap();
        prop_assert_eq!(&read, &value);
        prop_assert_eq!(to_canonical_bytes(&read).unwrap(), once.clone());
        prop_assert!(is_canonical(&once));
    }

    #[test]
    fn the_strict_parser_survives_any_bytes(text in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = parse_strict(&text) {
            prop_assert!(to_canonical_bytes(&value).is_ok());
        }
    }
}
