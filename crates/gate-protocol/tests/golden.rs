//! Every message of the wire as it stands in a file beside this test, and every
//! byte that is hashed or signed. A change of the wire is then a change of a
//! file that a reviewer sees, and never an accident.
//!
//! `GATE_GOLDEN=write cargo test -p gate-protocol --test golden` writes the
//! files anew; what it changed is then for `git diff` and for a person.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "golden/actors.rs"]
mod actors;
#[path = "golden/asked.rs"]
mod asked;
#[path = "golden/excepted.rs"]
mod excepted;
#[path = "golden/ran.rs"]
mod ran;
#[path = "golden/sign_in.rs"]
mod sign_in;
#[path = "golden/signed.rs"]
mod signed;
#[path = "golden/told.rs"]
mod told;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use gate_protocol::canonical::{Digest, parse_strict, to_canonical_bytes};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a reader of this type does with a member that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unknown {
    /// Refuses it: what is bound, signed or asked for has no room for more.
    Refused,
    /// Reads on: answers of the server may grow.
    Ignored,
    /// It is no object.
    NoObject,
}

/// Declares the types once: a test for each, and the list for the census.
macro_rules! golden {
    ($($name:ident, $unknown:ident, $value:expr;)+) => {
        mod a_value_is_written_and_read_as_in_the_file_of {
            $(#[test] fn $name() { super::hold(stringify!($name), &$value, super::Unknown::$unknown); })+
        }

        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

golden! {
    account_entry, Ignored, crate::sign_in::account_entry();
    account_name, Refused, crate::sign_in::account_name();
    account_page, Ignored, crate::sign_in::accounts();
    allowed_finished_fact, Refused, crate::ran::allowed_finished();
    answer, NoObject, crate::asked::review().answer;
    approval_request, Ignored, crate::asked::approval_request();
    approval_status, NoObject, crate::asked::approval_request().status;
    archivable, Ignored, crate::signed::archivable();
    batch_receipt, Ignored, crate::ran::batch_receipt();
    bound_input, Refused, crate::asked::input();
    bound_invocation, Refused, crate::asked::invocation();
    bound_tool, Refused, crate::asked::invocation().tool;
    bound_variable, Refused, crate::asked::variable();
    break_glass, Ignored, crate::excepted::break_glass();
    break_glass_entry, Ignored, crate::excepted::break_glass_entry();
    break_glass_page, Ignored, crate::excepted::break_glass_page();
    channel_entry, Ignored, crate::told::entry();
    channel_filter, Refused, crate::told::filter();
    channel_page, Ignored, crate::told::channels();
    channel_settings, Refused, crate::told::settings();
    channel_source, NoObject, crate::told::entry().source;
    channel_spec, Refused, crate::told::spec();
    change_principal, Refused, crate::sign_in::change_principal();
    ci_job, Refused, crate::asked::ci_job();
    circumstances, Refused, crate::asked::circumstances();
    claim_request, Refused, crate::signed::claim();
    client_event, Refused, crate::ran::event();
    create_channel, Refused, crate::told::create();
    create_invitation, Refused, crate::sign_in::create_invitation();
    create_token, Refused, crate::actors::create_token();
    created_invitation, Ignored, crate::sign_in::created_invitation();
    cursor, NoObject, crate::cursor();
    decided_fact, Refused, crate::ran::decided();
    delivery, NoObject, crate::asked::input().delivery;
    delivery_entry, Ignored, crate::told::delivery();
    delivery_page, Ignored, crate::told::page();
    delivery_state, NoObject, crate::told::delivery().state;
    detached_signature, Refused, crate::signed::grant().signature;
    device_state, NoObject, crate::sign_in::polled_device().state;
    digest, NoObject, crate::asked::digest();
    escalation, Refused, crate::asked::escalation();
    erase, Refused, crate::signed::erase();
    erased, Ignored, crate::signed::erased();
    erasure, Refused, crate::signed::erasure();
    event_batch, Refused, crate::ran::batch();
    exchange_workload_token, Refused, crate::sign_in::exchange_workload_token();
    fact, Refused, crate::ran::event().fact;
    frontier, Refused, crate::signed::frontier();
    git_state, Refused, crate::asked::git_state();
    grant, Refused, crate::signed::grant().grant;
    group, Ignored, crate::sign_in::group();
    group_page, Ignored, crate::sign_in::groups();
    health, Ignored, crate::actors::health();
    kept_payload, Refused, crate::signed::kept();
    mail_security, NoObject, crate::told::security();
    mail_settings, Refused, crate::told::mail();
    link_account, Refused, crate::sign_in::link_account();
    log_proof, Ignored, crate::signed::log_proof();
    log_start, Refused, crate::signed::log_start();
    manifest, Refused, crate::signed::manifest();
    masked_secret, Refused, crate::asked::secret();
    masked_text, NoObject, crate::asked::masked();
    mode, NoObject, crate::asked::circumstances().mode;
    particulars, Ignored, crate::excepted::particulars();
    payload, Refused, gate_protocol::log::Payload::Kept(crate::signed::kept());
    poll_device, Refused, crate::sign_in::poll_device();
    polled_device, Ignored, crate::sign_in::polled_device();
    preview, Refused, crate::asked::preview();
    principal, Refused, crate::actors::agent();
    principal_kind, NoObject, crate::actors::agent().kind;
    principal_change, Ignored, crate::sign_in::principal_change();
    principal_changes, Ignored, crate::sign_in::principal_changes();
    principal_page, Ignored, crate::actors::principals();
    problem, Ignored, crate::actors::problem();
    problem_code, NoObject, crate::actors::problem().code;
    propose_standing_grant, Refused, crate::excepted::proposal();
    proposed_rules, Ignored, crate::signed::proposed_rules();
    prune, Refused, crate::signed::prune();
    pruned, Ignored, crate::signed::pruned();
    pull_request, Refused, crate::asked::pull_request();
    put_rules, Refused, crate::signed::put_rules();
    record_page, Ignored, crate::signed::record_page();
    record_payload, Refused, crate::signed::record_payload();
    request_page, Ignored, crate::asked::page();
    requester, Ignored, crate::asked::approval_request().requester;
    requirement, Refused, crate::asked::requirement();
    review, Ignored, crate::asked::review();
    review_break_glass, Refused, crate::excepted::review_break_glass();
    role, NoObject, crate::actors::create_token().role;
    rule_bundle, Refused, crate::signed::rules().bundle;
    rules_text, Ignored, crate::signed::rules_text();
    rules_version, Ignored, crate::signed::rules_version();
    rules_version_page, Ignored, crate::signed::rules_versions();
    run_abandoned_fact, Refused, crate::ran::abandoned();
    run_finished_fact, Refused, crate::ran::finished();
    run_outcome, Refused, crate::ran::outcome();
    run_started_fact, Refused, crate::ran::started();
    segment, Refused, gate_protocol::masked::Segment::Secret(crate::asked::secret());
    server_identity, Ignored, crate::actors::server();
    server_proof, Refused, crate::actors::server_proof().proof;
    signed_grant, Refused, crate::signed::grant();
    signed_rules, Refused, crate::signed::rules();
    signed_server_proof, Ignored, crate::actors::server_proof();
    standing_grant, Ignored, crate::excepted::standing_grant();
    standing_grant_page, Ignored, crate::excepted::standing_grants();
    standing_grant_status, NoObject, crate::excepted::standing_grant().status;
    standing_use, Ignored, crate::excepted::standing_use();
    slack_settings, Refused, crate::told::slack();
    start_device, Refused, crate::sign_in::start_device();
    started_device, Ignored, crate::sign_in::started_device();
    submit_request, Refused, crate::asked::submission();
    submit_review, Refused, crate::asked::answer();
    teams_settings, Refused, crate::told::teams();
    teams_workflow_settings, Refused, crate::told::workflow();
    terms, Refused, crate::asked::terms();
    tested_channel, Ignored, crate::told::tested();
    token_entry, Ignored, crate::actors::token_entry();
    token_page, Ignored, crate::actors::tokens();
    treatment, NoObject, crate::asked::variable().treatment;
    verifier_key, NoObject, crate::signed::key().verifier();
    webhook_settings, Refused, crate::told::webhook();
    whoami, Ignored, crate::actors::whoami();
    whole_text, Refused, crate::ran::whole();
}

/// The files that stand for no type with `PartialEq`, or for no type at all.
const OTHERS: &[&str] = &["bytes", "created_token", "login_code", "words"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The place behind a thing of a list.
fn cursor() -> gate_protocol::page::Cursor {
    gate_protocol::page::Cursor::after("list", "key")
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Reads the golden file; writes it first where that is asked for.
fn file<T: Serialize>(name: &str, value: &T) -> String {
    let path = folder().join(format!("{name}.json"));
    if std::env::var("GATE_GOLDEN").is_ok_and(|wish| wish == "write") {
        let mut text = serde_json::to_string_pretty(value).unwrap();
        text.push('\n');
        std::fs::write(&path, text).unwrap();
    }
    std::fs::read_to_string(&path).unwrap()
}

/// Holds writer and reader against the file, and returns what was read.
#[track_caller]
fn hold_text<T: Serialize + DeserializeOwned>(name: &str, value: &T) -> (T, Value) {
    let text = file(name, value);
    let stored = parse_strict(text.as_bytes()).unwrap();
    let canonical = to_canonical_bytes(&stored).unwrap();
    let written = to_canonical_bytes(value).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&written),
        String::from_utf8_lossy(&canonical),
        "{name}: written otherwise than in the file"
    );
    let read: T = serde_json::from_slice(&canonical).unwrap();
    assert_eq!(
        to_canonical_bytes(&read).unwrap(),
        canonical,
        "{name}: read otherwise"
    );
    (read, stored)
}

#[track_caller]
fn hold<T>(name: &str, value: &T, unknown: Unknown)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let (read, stored) = hold_text(name, value);
    assert_eq!(&read, value, "{name}");
    let refuses = |json| serde_json::from_value::<T>(json).is_err();
    match unknown {
        Unknown::Refused => assert!(refuses(with_an_unknown_member(stored)), "{name}"),
        Unknown::Ignored => assert!(!refuses(with_an_unknown_member(stored)), "{name}"),
        Unknown::NoObject => assert!(stored.is_string() || stored.is_array(), "{name}"),
    }
}

/// Adds a member to an object, and to the inner one of `{"variant": {…}}`.
fn with_an_unknown_member(mut json: Value) -> Value {
    let members = json.as_object_mut().unwrap();
    let is_variant = members.len() == 1 && members.values().all(Value::is_object);
    let members = match members.values_mut().next() {
        Some(Value::Object(inner)) if is_variant => inner,
        _ => json.as_object_mut().unwrap(),
    };
    members.insert("unheard_of".to_owned(), Value::Bool(true));
    json
}

#[test]
fn a_new_token_is_written_and_read_as_in_its_file() {
    let value = actors::created_token();
    let (read, _) = hold_text("created_token", &value);
    assert_eq!((read.id, read.token), (value.id, value.token));
    assert_eq!(read.expires_at, value.expires_at);
}

#[test]
fn a_login_code_is_written_and_read_as_in_its_file() {
    let value = actors::login_code();
    let (read, _) = hold_text("login_code", &value);
    assert_eq!((read.url, read.expires_at), (value.url, value.expires_at));
}

#[test]
fn every_word_of_the_wire_is_in_its_file() {
    let words = actors::words();
    hold_text("words", &words);
}

/// The bytes behind every digest and signature: domain, canonical form, key.
#[test]
fn what_is_hashed_and_signed_is_the_same_to_the_byte() {
    let bytes = signed::bytes();
    let (read, _) = hold_text("bytes", &bytes);
    assert_eq!(read, bytes);
}

#[test]
fn what_is_signed_in_the_files_verifies_with_the_key_of_the_files() {
    let note = signed::bytes()["checkpoint"].clone();
    assert_eq!(signed::verify_all(&note), Ok(()));
}

/// A type that travels and has no file here is found by its attributes.
#[test]
fn every_type_of_the_wire_has_its_file_and_no_file_is_left_over() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut types = BTreeSet::new();
    wire_types(&source, &mut types);
    // These are text of one line each, and stand in nearly every other file.
    for text in ["nonce", "runner_key"] {
        assert!(types.remove(text), "{text}");
    }
    let expected: BTreeSet<String> = types
        .into_iter()
        .chain(["bytes".to_owned(), "words".to_owned()])
        .collect();
    let named = NAMES.iter().chain(OTHERS).map(ToString::to_string);
    assert_eq!(named.collect::<BTreeSet<_>>(), expected);
    let files = std::fs::read_dir(folder()).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".json").map(str::to_owned)
    });
    assert_eq!(files.collect::<BTreeSet<_>>(), expected);
}

fn wire_types(folder: &Path, types: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            wire_types(&path, types);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut attributes = String::new();
        for line in text.lines() {
            let name = line
                .strip_prefix("pub struct ")
                .or(line.strip_prefix("pub enum "));
            if let Some(name) = name
                && (attributes.contains("Serialize") || attributes.contains("ToSchema"))
            {
                types.insert(snake_case(name));
            }
            if line.is_empty() || name.is_some() {
                attributes.clear();
            } else {
                attributes.push_str(line);
            }
        }
    }
}

fn snake_case(declaration: &str) -> String {
    let mut name = String::new();
    for letter in declaration
        .chars()
        .take_while(|letter| letter.is_alphanumeric())
    {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// A digest of nothing but its place in these files.
fn digest_of(what: &str) -> Digest {
    Digest::of_bytes(what.as_bytes())
}
