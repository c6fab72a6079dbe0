//! What a record says and can be erased: it stands beside the record, and the record commits to it.
//!
//! A leaf can never be changed, so what people wrote and where they were is no part of it. In the
//! place of the texts the body has the member `erasable`: the names of their places, and HMAC-SHA-256
//! over them under a key of this record alone. Who deletes the texts and the key has erased them: the
//! record stays as it was signed for, and without the key nothing can be guessed and tried.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::record::AuditRecord;
use super::record_type::RecordType;
use crate::canonical::{Digest, to_canonical_bytes};

/// The name of the file of payloads in an export's folder.
pub const PAYLOADS_FILE: &str = "payloads.jsonl";

/// The member of a body that commits to what stands beside the record.
const MEMBER: &str = "erasable";

/// What stands beside a record, by type: places in the body, where `*` is each element of a list.
/// A record of an earlier version has them in its body, and they stay there.
const PLACES: &[(RecordType, &[&str])] = &[
    (
        RecordType::RequestCreated,
        &[
            "/circumstances/ci/actor",
            "/circumstances/host",
            "/circumstances/os_user",
            "/invocation/inputs/*/content",
            "/invocation/preview",
            "/reason",
        ],
    ),
    (RecordType::BreakGlassAsked, &["/reason"]),
    (RecordType::BreakGlassUsed, &["/reason"]),
    (RecordType::BreakGlassReviewed, &["/comment"]),
    (RecordType::DecisionRecorded, &["/comment"]),
    (
        RecordType::StandingGrantProposed,
        &["/standing_grant/reason"],
    ),
    (RecordType::IdentityLinked, &["/subject"]),
    (RecordType::IdentityUnlinked, &["/subject"]),
    (RecordType::CallbackRefused, &["/subject"]),
    (RecordType::SignInRefused, &["/address", "/subject"]),
    (RecordType::DeviceApproved, &["/address", "/host"]),
    (RecordType::DeviceDenied, &["/address", "/host"]),
];

/// Whose payload it is, by the places in the body that name them, the nearest to a human first.
const OWNERS: [&str; 9] = [
    "/requester/person",
    "/requester/owner",
    "/requester/name",
    "/person",
    "/reviewer",
    "/standing_grant/principal",
    "/principal/name",
    "/principal",
    "/by",
];

/// Why a payload is not the one that its record commits to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadFault {
    /// The body's `erasable` is not what gate writes.
    #[error("its member `erasable` is malformed")]
    Malformed,
    /// The record commits to nothing, and something stands beside it.
    #[error("something stands beside it, and it commits to nothing")]
    Uncommitted,
    /// The texts are others, or fewer, or the key is another.
    #[error("what stands beside it is not what it commits to")]
    Other,
    /// It is gone, and no record says that it was erased.
    #[error("what stands beside it is missing, and no record says that it was erased")]
    Missing,
}

/// What a record commits to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Commitment {
    commit: Digest,
    parts: Vec<String>,
}

/// The texts of one record with the key of their commitment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeptPayload {
    /// 32 random bytes, as hexadecimal digits.
    pub key: Digest,
    /// Each text by its place in the record's body, a JSON pointer.
    pub parts: BTreeMap<String, Value>,
}

/// That a payload was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// When, by the server's clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// The index of the record that says so.
    pub record: u64,
}

/// What stands beside a record, or why nothing does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// It is there.
    Kept(KeptPayload),
    /// It was erased.
    Erased(Erasure),
}

/// What stands beside the record of an index: a line of `payloads.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordPayload {
    /// The record's index.
    pub seq: u64,
    /// What stands beside it.
    pub payload: Payload,
}

impl KeptPayload {
    /// Takes out of a body what can be erased, and puts the commitment to it in; none where there is
    /// nothing. `key` is random, and for this record only.
    #[must_use]
    pub fn take_from(record_type: &RecordType, body: &mut Value, key: [u8; 32]) -> Option<Self> {
        let places = PLACES.iter().find(|(one, _)| one == record_type)?.1;
        let mut parts = BTreeMap::new();
        for place in places {
            take(body, place, &mut parts);
        }
        let body = body.as_object_mut().filter(|_| !parts.is_empty())?;
        let payload = Self {
            key: Digest::from_bytes(key),
            parts,
        };
        let names: Vec<&String> = payload.parts.keys().collect();
        let commitment = json!({ "commit": payload.commit()?, "parts": names });
        body.insert(MEMBER.to_owned(), commitment);
        Some(payload)
    }

    fn commit(&self) -> Option<Digest> {
        let text = to_canonical_bytes(&self.parts).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).ok()?;
        mac.update(&text);
        Some(Digest::from_bytes(mac.finalize().into_bytes().into()))
    }

    /// Verifies that it is what the record commits to.
    ///
    /// # Errors
    /// Each [`PayloadFault`] as its name says, but not [`PayloadFault::Missing`].
    pub fn verify(&self, record: &AuditRecord) -> Result<(), PayloadFault> {
        let commitment = committed(record)?.ok_or(PayloadFault::Uncommitted)?;
        let is_it = self.commit() == Some(commitment.commit)
            && self.parts.keys().eq(commitment.parts.iter());
        if is_it {
            Ok(())
        } else {
            Err(PayloadFault::Other)
        }
    }
}

impl Payload {
    /// Returns a body with the texts in their places; where they were erased, with the words for
    /// that.
    #[must_use]
    pub fn restored(&self, record: &AuditRecord) -> Map<String, Value> {
        let mut body = Value::Object(record.body().clone());
        match self {
            Self::Kept(kept) => {
                for (place, value) in &kept.parts {
                    put(&mut body, place, value.clone());
                }
            }
            Self::Erased(erasure) => {
                let words = erasure.words();
                for place in committed(record)
                    .ok()
                    .flatten()
                    .iter()
                    .flat_map(|one| &one.parts)
                {
                    put(&mut body, place, Value::from(words.clone()));
                }
            }
        }
        match body {
            Value::Object(body) => body,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        }
    }
}

impl Erasure {
    /// Returns what stands where a text stood.
    #[must_use]
    pub fn words(&self) -> String {
        format!(
            "(erased on {} by {})",
            self.at.strftime("%Y-%m-%d"),
            self.by
        )
    }
}

/// Returns what a record commits to.
fn committed(record: &AuditRecord) -> Result<Option<Commitment>, PayloadFault> {
    let Some(member) = record.body().get(MEMBER) else {
        return Ok(None);
    };
    let commitment = Commitment::deserialize(member).map_err(|_| PayloadFault::Malformed)?;
    let is_sorted = commitment.parts.is_sorted_by(|one, other| one < other);
    if commitment.parts.is_empty() || !is_sorted {
        return Err(PayloadFault::Malformed);
    }
    Ok(Some(commitment))
}

/// Tells whether a record commits to something that stands beside it.
///
/// # Errors
/// [`PayloadFault::Malformed`].
pub fn has_payload(record: &AuditRecord) -> Result<bool, PayloadFault> {
    Ok(committed(record)?.is_some())
}

/// Returns whose the payload of a body is.
#[must_use]
pub fn owner_of(body: &Value) -> Option<&str> {
    OWNERS
        .iter()
        .find_map(|place| body.pointer(place)?.as_str())
}

/// Tells whether a version of gate that erases would keep something of this type beside its record.
#[must_use]
pub fn is_erasable(record_type: &RecordType) -> bool {
    PLACES.iter().any(|(one, _)| one == record_type)
}

/// Takes what stands at a place, for `*` at each.
fn take(body: &mut Value, place: &str, parts: &mut BTreeMap<String, Value>) {
    if let Some((list, rest)) = place.split_once("/*") {
        let length = body
            .pointer(list)
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        for index in 0..length {
            take(body, &format!("{list}/{index}{rest}"), parts);
        }
        return;
    }
    let Some((parent, name)) = place.rsplit_once('/') else {
        return;
    };
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut);
    if let Some(parent) = parent
        && parent.get(name).is_some_and(|value| !value.is_null())
        && let Some(value) = parent.remove(name)
    {
        parts.insert(place.to_owned(), value);
    }
}

fn put(body: &mut Value, place: &str, value: Value) {
    if let Some((parent, name)) = place.rsplit_once('/')
        && let Some(parent) = body.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        parent.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> (AuditRecord, KeptPayload) {
        let mut body = json!({
            "request": "r", "requester": {"name": "ci", "kind": "agent", "owner": "bob"},
            "reason": "for Ann", "circumstances": {"host": "h", "os_user": "ann", "terminal": true},
            "invocation": {
                "inputs": [{"role": "a", "content": "x"}, {"role": "b"}],
                "preview": {"text": "y"},
            },
        });
        assert_eq!(owner_of(&body), Some("bob"));
        let kind = RecordType::RequestCreated;
        let payload = KeptPayload::take_from(&kind, &mut body, [7; 32]).unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let record = AuditRecord::new(0, Digest::ZERO, at, &kind, &body).unwrap();
        (record, payload)
    }

    #[test]
    fn what_can_be_erased_is_not_in_the_record_and_is_put_back_by_its_payload() {
        let (record, payload) = sealed();
        let text = String::from_utf8(record.bytes().to_vec()).unwrap();
        assert!(!text.contains("Ann") && !text.contains("ann"), "{text}");
        payload.verify(&record).unwrap();
        let body = Value::Object(Payload::Kept(payload).restored(&record));
        assert_eq!(body["reason"], "for Ann");
        assert_eq!(body["circumstances"]["os_user"], "ann");
        assert_eq!(body["invocation"]["inputs"][0]["content"], "x");
        assert_eq!(body["invocation"]["inputs"][1], json!({"role": "b"}));
        assert_eq!(body["invocation"]["preview"], json!({"text": "y"}));
        let bare = &record.body()["invocation"];
        assert_eq!(*bare, json!({"inputs": [{"role": "a"}, {"role": "b"}]}));
    }

    #[test]
    fn an_erased_text_says_when_and_by_whom() {
        let (record, _) = sealed();
        let erased = Payload::Erased(Erasure {
            at: "2026-11-29T10:00:00Z".parse().unwrap(),
            by: "alice".to_owned(),
            record: 9,
        });
        let body = Value::Object(erased.restored(&record));
        assert_eq!(body["reason"], "(erased on 2026-11-29 by alice)");
    }

    #[test]
    fn another_text_another_key_and_another_place_are_found() {
        let (record, good) = sealed();
        let mut others = vec![good.clone(); 4];
        others[0].key = Digest::ZERO;
        others[1]
            .parts
            .insert("/reason".to_owned(), json!("for Eve"));
        others[2].parts.remove("/reason");
        let moved = others[3].parts.remove("/reason").unwrap();
        others[3].parts.insert("/why".to_owned(), moved);
        for other in others {
            assert_eq!(other.verify(&record), Err(PayloadFault::Other), "{other:?}");
        }
        let at = Timestamp::UNIX_EPOCH;
        let make = |body: Value| {
            AuditRecord::new(0, Digest::ZERO, at, &RecordType::RequestCreated, &body).unwrap()
        };
        let none = make(json!({"request": "r"}));
        assert_eq!(good.verify(&none), Err(PayloadFault::Uncommitted));
        for member in [json!(1), json!({"commit": "x", "parts": []})] {
            let bad = make(json!({"request": "r", "erasable": member}));
            assert_eq!(has_payload(&bad), Err(PayloadFault::Malformed));
        }
    }

    #[test]
    fn what_is_not_there_commits_to_nothing() {
        let mut body = json!({"request": "r", "comment": null});
        let kind = RecordType::DecisionRecorded;
        assert_eq!(KeptPayload::take_from(&kind, &mut body, [7; 32]), None);
        assert_eq!(body, json!({"request": "r", "comment": null}));
    }
}
