//! Signed notes against the specification's example, and against forgery.

use super::*;

/// The example of the C2SP signed-note specification, with the key that the
/// Go reference implementation publishes for it.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, &[seed; 32]).unwrap()
}

#[test]
fn the_published_note_verifies() {
    let peter: VerifierKey = PETER.parse().unwrap();
    assert_eq!(peter.to_string(), PETER);
    let note = verify_note(PETER_NOTE.as_bytes(), &[peter]).unwrap();
    assert!(note.text.ends_with("your problem is.\n"));
    assert_eq!(note.signatures.len(), 1);
    assert_eq!(note.signatures[0].key_id.to_string(), "c74f20a3");
}

#[test]
fn no_flipped_bit_of_a_note_goes_unseen() {
    let peter: VerifierKey = PETER.parse().unwrap();
    for place in 0..PETER_NOTE.len() {
        for bit in 0..8 {
            let mut note = PETER_NOTE.as_bytes().to_vec();
            note[place] ^= 1 << bit;
            assert!(
                verify_note(&note, std::slice::from_ref(&peter)).is_err(),
                "bit {bit} of byte {place}"
            );
        }
    }
}

#[test]
fn unknown_signatures_are_left_aside_and_wrong_known_ones_are_not() {
    let (a, b) = (key("a.example", 1), key("b.example", 2));
    let note = sign_note("text\n", &[&a, &b]).unwrap();
    let only_b = verify_note(note.as_bytes(), &[b.verifier()]).unwrap();
    assert_eq!(only_b.signatures.len(), 1);
    assert_eq!(only_b.signatures[0].name, "b.example");
    let both = [a.verifier(), b.verifier()];
    let verified = verify_note(note.as_bytes(), &both).unwrap();
    assert_eq!(verified.signatures.len(), 2);

    let same_name = key("a.example", 3);
    assert_eq!(
        verify_note(note.as_bytes(), &[same_name.verifier()]),
        Err(NoteError::Unverified)
    );

    let other = sign_note("other\n", &[&a]).unwrap();
    let stolen = other.lines().last().unwrap();
    let forged = format!("{}{stolen}\n", sign_note("text\n", &[&b]).unwrap());
    assert!(verify_note(forged.as_bytes(), &[b.verifier()]).is_ok());
    assert_eq!(
        verify_note(forged.as_bytes(), &both),
        Err(NoteError::BadSignature(a.verifier().label()))
    );
}

#[test]
fn a_signature_that_stands_twice_counts_once() {
    let a = key("a.example", 1);
    let note = sign_note("text\n", &[&a]).unwrap();
    let line = note.lines().last().unwrap();
    let doubled = format!("{note}{line}\n");
    let verified = verify_note(doubled.as_bytes(), &[a.verifier()]).unwrap();
    assert_eq!(verified.signatures.len(), 1);
}

#[test]
fn two_keys_of_one_name_and_hash_are_refused() {
    let a = key("a.example", 1);
    assert_eq!(
        sign_note("text\n", &[&a, &a]),
        Err(NoteError::AmbiguousKey(a.verifier().label()))
    );
    let note = sign_note("text\n", &[&a]).unwrap();
    let twice = [a.verifier(), a.verifier()];
    assert!(verify_note(note.as_bytes(), &twice).is_ok());
}

#[test]
fn the_last_empty_line_divides_text_and_signatures() {
    let a = key("a.example", 1);
    let text = "first\n\n\u{2014} a.example AAAAAAA=\n\nlast\n";
    let note = sign_note(text, &[&a]).unwrap();
    let verified = verify_note(note.as_bytes(), &[a.verifier()]).unwrap();
    assert_eq!(verified.text, text);
}

#[test]
fn malformed_notes_are_refused() {
    let a = key("a.example", 1);
    let good = sign_note("text\n", &[&a]).unwrap();
    assert_eq!(sign_note("text", &[&a]), Err(NoteError::Text));
    assert_eq!(sign_note("te\txt\n", &[&a]), Err(NoteError::Text));
    assert_eq!(sign_note("", &[&a]), Err(NoteError::Text));
    assert!(matches!(sign_note("x\n", &[]), Err(NoteError::Block(_))));
    for note in [
        String::new(),
        "text\n".to_owned(),
        "text\n\n".to_owned(),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        good.replace('\u{2014}', "-"),
        good.replace("a.example", "a+b"),
        good.replace("a.example", "a\u{a0}b"),
        good.replace("a.example", ""),
        good.replace(" a.example", "a.example"),
        good.replace("a.example ", "a.example"),
        good.replace("a.example ", "a.example  "),
        good.replace("text", "te\rxt"),
        good.replace("text", "te\0xt"),
        "text\n\n\u{2014} a AAAA\n".to_owned(),
        "text\n\n\u{2014} a AAAAAA==\n".to_owned(),
        "text\n\n\u{2014} a AAAAAAB=\n".to_owned(),
    ] {
        let verified = verify_note(note.as_bytes(), &[a.verifier()]);
        assert!(
            matches!(verified, Err(NoteError::Block(_) | NoteError::Text)),
            "{note:?}: {verified:?}"
        );
    }
    let mut invalid = good.clone().into_bytes();
    invalid[0] = 0xff;
    assert_eq!(SignedNote::parse(&invalid), Err(NoteError::Text));
}

#[test]
fn sizes_are_capped() {
    let a = key("a.example", 1);
    let big = format!("{}\n", "x".repeat(MAX_NOTE_BYTES));
    assert_eq!(sign_note(&big, &[&a]), Err(NoteError::TooLarge));
    assert_eq!(SignedNote::parse(big.as_bytes()), Err(NoteError::TooLarge));
    let line = "\u{2014} other.example AAAAAAA=\n";
    let note = |count: usize| format!("text\n\n{}", line.repeat(count));
    assert!(SignedNote::parse(note(MAX_SIGNATURES).as_bytes()).is_ok());
    assert_eq!(
        SignedNote::parse(note(MAX_SIGNATURES + 1).as_bytes()),
        Err(NoteError::TooLarge)
    );
}

#[test]
fn a_verifier_key_is_refused_unless_name_hash_and_point_agree() {
    let good = key("a.example", 1).verifier().to_string();
    let (_, rest) = good.split_once('+').unwrap();
    assert!(matches!(
        format!("b.example+{rest}").parse::<VerifierKey>(),
        Err(KeyError::Hash { .. })
    ));
    assert!(matches!(
        format!("a b+{rest}").parse::<VerifierKey>(),
        Err(KeyError::Name(_))
    ));
    for text in [
        "",
        "a",
        "a+b",
        "a+00000000+",
        "a+00000000+AQ==",
        "a+00000000+!",
    ] {
        assert!(
            matches!(text.parse::<VerifierKey>(), Err(KeyError::Form(_))),
            "{text}"
        );
    }
    assert!(matches!(
        "a+00000000+BgAAAA==".parse::<VerifierKey>(),
        Err(KeyError::Algorithm { type_byte: 6, .. })
    ));
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(
        VerifierKey::new("a", Algorithm::Ed25519, &identity),
        Err(KeyError::Point("a".to_owned()))
    );
    for name in [
        "",
        "a b",
        "a+b",
        "a\nb",
        "a\u{2003}b",
        "a\u{1b}[0m",
        &"x".repeat(256),
    ] {
        assert!(
            matches!(SigningKey::generate(name), Err(KeyError::Name(_))),
            "{name:?}"
        );
    }
}

#[test]
fn a_verifier_key_is_a_string_on_the_wire() {
    let key = key("a.example", 1).verifier();
    let json = serde_json::to_string(&key).unwrap();
    assert_eq!(json, format!("\"{key}\""));
    assert_eq!(serde_json::from_str::<VerifierKey>(&json).unwrap(), key);
    assert!(serde_json::from_str::<VerifierKey>("\"a+b+c\"").is_err());
}

#[test]
fn generated_keys_differ_and_are_never_shown() {
    let (one, two) = (
        SigningKey::generate("a").unwrap(),
        SigningKey::generate("a").unwrap(),
    );
    assert_ne!(one.expose_seed(), two.expose_seed());
    assert_eq!(
        format!("{one:?}"),
        format!("SigningKey({}, redacted)", one.verifier().label())
    );
    let restored = SigningKey::from_seed("a", one.expose_seed()).unwrap();
    assert_eq!(restored.verifier(), one.verifier());
}

#[test]
fn a_detached_signature_is_bound_to_key_domain_and_bytes() {
    let a = key("a.example", 1);
    let signature = a.sign_detached("gate/grant/v1", b"{}");
    let verifier = a.verifier();
    assert_eq!(
        verifier.verify_detached("gate/grant/v1", b"{}", &signature),
        Ok(())
    );
    let bad = Err(DetachedError::BadSignature(verifier.label()));
    assert_eq!(
        verifier.verify_detached("gate/rules/v1", b"{}", &signature),
        bad
    );
    assert_eq!(
        verifier.verify_detached("gate/grant/v1", b"[]", &signature),
        bad
    );
    let short = signature.signature.split_at(4).1;
    for wrong in ["", "AAAA", "!", short] {
        let mut other = signature.clone();
        other.signature = wrong.to_owned();
        assert_eq!(
            verifier.verify_detached("gate/grant/v1", b"{}", &other),
            bad
        );
    }
    assert!(matches!(
        key("b.example", 2)
            .verifier()
            .verify_detached("gate/grant/v1", b"{}", &signature),
        Err(DetachedError::OtherKey { .. })
    ));
    let witness = VerifierKey::new(
        "a.example",
        Algorithm::CosignatureV1,
        verifier.public_bytes(),
    )
    .unwrap();
    let mut renamed = signature;
    renamed.key_id = witness.label();
    assert!(
        witness
            .verify_detached("gate/grant/v1", b"{}", &renamed)
            .is_err()
    );
}
