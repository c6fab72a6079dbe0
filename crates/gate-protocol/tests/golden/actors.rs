//! Who there is, and what the server says of itself.

use std::collections::BTreeMap;

use gate_protocol::canonical::Digest;
use gate_protocol::mode::Mode;
use gate_protocol::principal::{
    CreateToken, CreatedToken, LoginCode, Principal, PrincipalKind, PrincipalPage, Role,
    TokenEntry, TokenPage, Whoami,
};
use gate_protocol::problem::{Problem, ProblemCode};
use gate_protocol::request::ApprovalStatus;
use gate_protocol::server::{Health, ServerIdentity};
use gate_protocol::server_proof::{ServerProof, SignedServerProof};

use crate::{at, signed};

pub(crate) fn agent() -> Principal {
    Principal {
        name: "alice-agent".to_owned(),
        kind: PrincipalKind::Agent,
        owner: Some("alice".to_owned()),
        person: None,
        groups: vec!["payments".to_owned()],
        disabled: false,
    }
}

pub(crate) fn whoami() -> Whoami {
    Whoami {
        principal: agent(),
        role: Role::Requester,
        expires_at: Some(at("2026-02-01T00:00:00Z")),
    }
}

pub(crate) fn create_token() -> CreateToken {
    CreateToken {
        principal: "bob".to_owned(),
        role: Role::Approver,
        ttl_seconds: 2_592_000,
        tools: Vec::new(),
    }
}

pub(crate) fn created_token() -> CreatedToken {
    CreatedToken {
        id: "019b2000-0000-7000-8000-000000000007".to_owned(),
        token: "gate_user_0000000000000000000000000000000000000000000".to_owned(),
        expires_at: at("2026-02-01T00:00:00Z"),
    }
}

pub(crate) fn token_entry() -> TokenEntry {
    TokenEntry {
        id: "019b2000-0000-7000-8000-000000000007".to_owned(),
        principal: "bob".to_owned(),
        role: Role::Approver,
        created_at: at("2026-01-02T03:04:05Z"),
        expires_at: Some(at("2026-02-01T00:00:00Z")),
        revoked_at: Some(at("2026-01-03T00:00:00Z")),
        created_by: Some("admin".to_owned()),
        note: Some("gate login on laptop".to_owned()),
        tools: vec!["kubectl".to_owned()],
    }
}

pub(crate) fn principals() -> PrincipalPage {
    PrincipalPage {
        principals: vec![agent()],
        next: Some(crate::cursor()),
    }
}

pub(crate) fn tokens() -> TokenPage {
    TokenPage {
        tokens: vec![token_entry()],
        next: Some(crate::cursor()),
    }
}

pub(crate) fn login_code() -> LoginCode {
    LoginCode {
        url: "https://gate.example.com/login?code=00000000000000000000000000000000".to_owned(),
        expires_at: at("2026-01-02T03:06:05Z"),
    }
}

pub(crate) fn problem() -> Problem {
    Problem::new(ProblemCode::SelfReview, "alice owns the agent that asks")
}

pub(crate) fn health() -> Health {
    Health {
        status: "ok".to_owned(),
        now: at("2026-01-02T03:04:05.678Z"),
    }
}

pub(crate) fn server() -> ServerIdentity {
    ServerIdentity {
        audience: "gate-00000001".to_owned(),
        grant_key: signed::key().verifier().to_string(),
        log_key: signed::log_key().verifier().to_string(),
        log_origin: signed::ORIGIN.to_owned(),
        version: "0.1.0".to_owned(),
        device_sign_in: true,
        workload_sign_in: true,
        key_statements: Vec::new(),
    }
}

pub(crate) fn server_proof() -> SignedServerProof {
    let proof = ServerProof {
        nonce: "9f86d081884c7d659a2feaa0c55ad015".parse().unwrap(),
        certificate: Some(Digest::of_bytes(b"a certificate")),
    };
    SignedServerProof::sign(proof, &signed::key(), Vec::new()).unwrap()
}

/// Every spelling of every enumeration, since one value shows only one.
pub(crate) fn words() -> BTreeMap<String, Vec<String>> {
    use ProblemCode as P;
    let statuses = ApprovalStatus::ALL;
    let problems = [
        P::BadRequest,
        P::Unauthorized,
        P::Forbidden,
        P::Denied,
        P::SelfReview,
        P::Excluded,
        P::NotFound,
        P::Conflict,
        P::Lapsed,
        P::Stale,
        P::PreconditionRequired,
        P::MethodNotAllowed,
        P::DigestMismatch,
        P::IdempotencyMismatch,
        P::TooLarge,
        P::TooMany,
        P::MediaType,
        P::Internal,
        P::Unavailable,
    ];
    let with_status = |code: &P| format!("{} {}", code.status_and_title().0, code.as_str());
    let (kinds, roles) = (PrincipalKind::ALL, Role::ALL);
    let records = gate_protocol::log::RecordType::KNOWN;
    BTreeMap::from([
        (
            "kinds".to_owned(),
            kinds.iter().map(|k| k.as_str().to_owned()).collect(),
        ),
        (
            "modes".to_owned(),
            Mode::ALL.iter().map(|m| m.as_str().to_owned()).collect(),
        ),
        (
            "problems".to_owned(),
            problems.iter().map(with_status).collect(),
        ),
        (
            "records".to_owned(),
            records.iter().map(|r| r.as_str().to_owned()).collect(),
        ),
        (
            "roles".to_owned(),
            roles.iter().map(|r| r.as_str().to_owned()).collect(),
        ),
        (
            "devices".to_owned(),
            gate_protocol::sign_in::DeviceState::ALL
                .iter()
                .map(|state| state.as_str().to_owned())
                .collect(),
        ),
        (
            "statuses".to_owned(),
            statuses.iter().map(|s| s.as_str().to_owned()).collect(),
        ),
    ])
}
