//! One audit record: its bytes, and what they say.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::merkle::leaf_hash;
use super::payload::Payload;
use super::record_type::{ParseRecordTypeError, RecordType};
use crate::canonical::{
    CanonicalError, Digest, MAX_INTEGER, StrictError, parse_strict, to_canonical_bytes,
};

/// The largest record, in bytes.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// The version of this form.
const VERSION: u64 = 1;

/// Why bytes are not an audit record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// More than [`MAX_RECORD_BYTES`].
    #[error("the record is larger than {MAX_RECORD_BYTES} bytes")]
    TooLarge,
    /// Not the JSON that is accepted here.
    #[error("the record is not strict JSON")]
    Json(#[from] StrictError),
    /// Sound JSON, but not in its canonical form.
    #[error("the record is not in canonical form")]
    NotCanonical,
    /// A member is missing, unknown, or not of its kind.
    #[error("the record's member `{}` is missing, unknown or of the wrong kind", .0.escape_default())]
    Member(String),
    /// The time is not RFC 3339 in UTC, as `2026-01-01T00:00:00.000Z`.
    #[error("the record's time `{}` is not RFC 3339 in UTC", .0.escape_default())]
    Time(String),
    /// The type is not in valid spelling.
    #[error("the record's type is malformed")]
    Type(#[from] ParseRecordTypeError),
    /// The body has no canonical form.
    #[error("the record has no canonical form")]
    Canonical(#[from] CanonicalError),
}

/// One fact of the log. Its bytes are stored and hashed verbatim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    bytes: Vec<u8>,
    seq: u64,
    prev: Digest,
    at: Timestamp,
    record_type: RecordType,
    body: Map<String, Value>,
}

/// The members of a record, as they stand in its JSON.
#[derive(Serialize)]
struct Form<'a, B> {
    body: &'a B,
    prev: Digest,
    seq: u64,
    ts: &'a str,
    r#type: &'a str,
    v: u64,
}

impl AuditRecord {
    /// Makes the record that follows the one whose [`Self::hash`] is `prev`;
    /// the first has [`Digest::ZERO`]. `at` is kept to the millisecond. `body`
    /// serialises as an object.
    ///
    /// # Errors
    /// [`RecordError::Canonical`], [`RecordError::Member`] where the body is no
    /// object or `seq` has no canonical form, [`RecordError::Time`] outside the
    /// years 0 to 9999, and [`RecordError::TooLarge`].
    pub fn new<B: Serialize>(
        seq: u64,
        prev: Digest,
        at: Timestamp,
        record_type: &RecordType,
        body: &B,
    ) -> Result<Self, RecordError> {
        let form = Form {
            body,
            prev,
            seq,
            ts: &format!("{at:.3}"),
            r#type: record_type.as_str(),
            v: VERSION,
        };
        // Reading back what was written keeps writer and reader of one mind.
        Self::parse(&to_canonical_bytes(&form)?)
    }

    /// Reads a record and refuses all bytes but those that [`Self::new`] could
    /// have made, by this version or by one that knows other types.
    ///
    /// # Errors
    /// Each [`RecordError`] as its name says, but not
    /// [`RecordError::Canonical`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(RecordError::TooLarge);
        }
        let value = parse_strict(bytes)?;
        if to_canonical_bytes(&value)? != bytes {
            return Err(RecordError::NotCanonical);
        }
        let Value::Object(mut members) = value else {
            return Err(member("body"));
        };
        let record = Self {
            bytes: bytes.to_vec(),
            seq: take_integer(&mut members, "seq")?,
            prev: take_text(&mut members, "prev")?
                .parse()
                .map_err(|_| member("prev"))?,
            at: parse_time(&take_text(&mut members, "ts")?)?,
            record_type: take_text(&mut members, "type")?.parse()?,
            body: match members.remove("body") {
                Some(Value::Object(body)) => body,
                Some(_) | None => return Err(member("body")),
            },
        };
        if take_integer(&mut members, "v")? != VERSION {
            return Err(member("v"));
        }
        match members.into_iter().next() {
            Some((unknown, _)) => Err(RecordError::Member(unknown)),
            None => Ok(record),
        }
    }

    /// Returns the record itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Puts what stands beside the record into its body, for people; its bytes stay as they are.
    pub fn restore(&mut self, payload: &Payload) {
        self.body = payload.restored(self);
    }

    /// Returns the record's index in the log, from 0.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the hash of the record before it.
    pub const fn prev(&self) -> Digest {
        self.prev
    }

    /// Returns when it was written, by the server's clock.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns what kind of fact it is.
    pub const fn record_type(&self) -> &RecordType {
        &self.record_type
    }

    /// Returns what is stated.
    pub const fn body(&self) -> &Map<String, Value> {
        &self.body
    }

    /// Returns the SHA-256 that the next record names as `prev`.
    pub fn hash(&self) -> Digest {
        Digest::of_bytes(&self.bytes)
    }

    /// Returns the hash of the record as a leaf of the tree.
    pub fn leaf_hash(&self) -> Digest {
        leaf_hash(&self.bytes)
    }
}

fn member(name: &str) -> RecordError {
    RecordError::Member(name.to_owned())
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<String, RecordError> {
    match members.remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) | None => Err(member(name)),
    }
}

fn take_integer(members: &mut Map<String, Value>, name: &str) -> Result<u64, RecordError> {
    members
        .remove(name)
        .and_then(|value| value.as_u64())
        .filter(|integer| *integer <= MAX_INTEGER)
        .ok_or_else(|| member(name))
}

/// Reads `2026-01-01T00:00:00Z` with at most nine digits of a fraction. The
/// pattern comes first, because jiff reads much more than RFC 3339.
fn parse_time(text: &str) -> Result<Timestamp, RecordError> {
    let bad = || RecordError::Time(text.chars().take(64).collect());
    let (whole, fraction) = text
        .strip_suffix('Z')
        .map(|text| text.split_once('.').unwrap_or((text, "0")))
        .ok_or_else(bad)?;
    let matches_pattern = whole.len() == 19
        && whole
            .bytes()
            .zip(*b"dddd-dd-ddTdd:dd:dd")
            .all(|(byte, wanted)| match wanted {
                b'd' => byte.is_ascii_digit(),
                _ => byte == wanted,
            });
    let is_fraction =
        (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    // jiff reads a leap second as the second before it; none is ever written.
    if !matches_pattern || !is_fraction || whole.ends_with(":60") {
        return Err(bad());
    }
    text.parse().map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FIRST: &str = concat!(
        r#"{"body":{"request":"r"},"prev":"#,
        r#""0000000000000000000000000000000000000000000000000000000000000000","#,
        r#""seq":0,"ts":"2026-01-01T00:00:00.000Z","type":"request.created","v":1}"#
    );

    fn refusal(record: &str) -> RecordError {
        AuditRecord::parse(record.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_record_is_written_and_read_as_the_same_bytes() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let body = json!({"request": "r"});
        let record =
            AuditRecord::new(0, Digest::ZERO, at, &RecordType::RequestCreated, &body).unwrap();
        assert_eq!(record.bytes(), FIRST.as_bytes());
        let read = AuditRecord::parse(FIRST.as_bytes()).unwrap();
        assert_eq!(read, record);
        assert_eq!((read.seq(), read.prev(), read.at()), (0, Digest::ZERO, at));
        assert_eq!(read.record_type(), &RecordType::RequestCreated);
        assert_eq!(read.body()["request"], "r");
        assert_eq!(read.hash(), Digest::of_bytes(FIRST.as_bytes()));
    }

    #[test]
    fn a_record_that_could_not_be_read_is_not_made() {
        let at = Timestamp::UNIX_EPOCH;
        let make = |seq, at, body: &Value| {
            AuditRecord::new(seq, Digest::ZERO, at, &RecordType::RulesActivated, body).unwrap_err()
        };
        assert_eq!(make(0, at, &json!([1])), member("body"));
        assert_eq!(
            make(0, at, &json!({"x": 0.5})),
            RecordError::Canonical(CanonicalError::Float)
        );
        assert!(matches!(
            make(1 << 53, at, &json!({})),
            RecordError::Canonical(CanonicalError::IntegerRange(_))
        ));
        assert!(matches!(
            make(0, Timestamp::MIN, &json!({})),
            RecordError::Time(_)
        ));
        let large = json!({"x": "x".repeat(MAX_RECORD_BYTES)});
        assert_eq!(make(0, at, &large), RecordError::TooLarge);
    }

    #[test]
    fn members_are_exactly_the_six() {
        for (from, to, name) in [
            (r#""v":1"#, r#""v":2"#, "v"),
            (r#""v":1"#, r#""v":"1""#, "v"),
            (r#""v":1}"#, r#""v":1,"w":1}"#, "w"),
            (r#","v":1"#, "", "v"),
            (r#""seq":0"#, r#""seq":-1"#, "seq"),
            (r#"{"body":{"request":"r"},"#, "{", "body"),
            (r#"{"request":"r"}"#, "null", "body"),
            (r#""prev":"0"#, r#""prev":"A"#, "prev"),
        ] {
            assert_eq!(refusal(&FIRST.replace(from, to)), member(name), "{to}");
        }
        assert_eq!(refusal("[]"), member("body"));
        assert!(matches!(
            refusal(&FIRST.replace("request.created", "Request")),
            RecordError::Type(_)
        ));
    }

    #[test]
    fn other_spellings_of_the_same_record_are_refused() {
        for other in [
            format!("{FIRST}\n"),
            format!(" {FIRST}"),
            FIRST.replace(r#""v":1"#, r#""v": 1"#),
            FIRST.replace("created", "cre\\u0061ted"),
        ] {
            assert_eq!(refusal(&other), RecordError::NotCanonical, "{other}");
        }
        for other in [
            FIRST.replace(r#""v":1"#, r#""v":1,"v":1"#),
            FIRST.replace(":0,", ":0.0,"),
        ] {
            assert!(matches!(refusal(&other), RecordError::Json(_)), "{other}");
        }
    }

    #[test]
    fn the_time_is_rfc_3339_in_utc() {
        let good = "2026-01-01T00:00:00.000Z";
        for time in ["2024-02-29T23:59:59Z", "2026-01-01T00:00:00.123456789Z"] {
            assert!(AuditRecord::parse(FIRST.replace(good, time).as_bytes()).is_ok());
        }
        for time in [
            "",
            "Z",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01t00:00:00z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T23:59:60Z",
            "+02026-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z[UTC]",
            "2026-01-01T00:00:00,5Z",
        ] {
            assert!(
                matches!(refusal(&FIRST.replace(good, time)), RecordError::Time(_)),
                "{time}"
            );
        }
    }
}
