//! A server's proof that it has the key that a client pinned, asked for before anything secret is sent.

use serde::{Deserialize, Serialize};

use crate::canonical::{CanonicalError, Digest, to_canonical_bytes};
use crate::id::Nonce;
use crate::signed_note::{
    DetachedError, DetachedSignature, KeyPurpose, SigningKey, VerifierKey, successors,
};

/// The domain of a proof's signature.
pub const SERVER_PROOF_DOMAIN: &str = "gate/server-proof/v1";

/// What a server says on a connection, by its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerProof {
    /// What the client chose, so that no proof is good twice.
    pub nonce: Nonce,
    /// The SHA-256 of the certificate that this server shows on its own end of the connection.
    /// None where it shows none: it speaks in the clear, or a proxy before it ends TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Digest>,
}

/// The answer of `GET /v1/server/proof`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SignedServerProof {
    /// The proof.
    pub proof: ServerProof,
    /// By the key that signs grants, over the canonical form of `proof`.
    #[schema(value_type = Object)]
    pub signature: DetachedSignature,
    /// As in [`ServerIdentity`](crate::server::ServerIdentity): how whoever pinned a key of before
    /// learns of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_statements: Vec<String>,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerProofError {
    /// It answers another question.
    #[error("the proof is for another connection: it names another nonce")]
    OtherNonce,
    /// Somebody stands between, who shows a certificate of their own.
    #[error("the server shows another certificate than the one that came here")]
    OtherCertificate,
    /// Another key has signed it.
    #[error(transparent)]
    Signature(#[from] DetachedError),
    /// It has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl SignedServerProof {
    /// Signs a proof by the key that signs grants.
    ///
    /// # Errors
    /// [`CanonicalError`] where it has no canonical form.
    pub fn sign(
        proof: ServerProof,
        key: &SigningKey,
        key_statements: Vec<String>,
    ) -> Result<Self, CanonicalError> {
        let signature = key.sign_detached(SERVER_PROOF_DOMAIN, &to_canonical_bytes(&proof)?);
        Ok(Self {
            proof,
            signature,
            key_statements,
        })
    }

    /// Verifies that whoever has `pinned`, or the key that came after it as `pinned` itself says,
    /// answers this nonce on the connection on which `seen` was shown as the certificate.
    ///
    /// A proof without a certificate is good on any connection: it says that the server has the
    /// key and was reached, not that nobody stands between.
    ///
    /// # Errors
    /// Each [`ServerProofError`] as its name says.
    pub fn verify(
        &self,
        pinned: &VerifierKey,
        nonce: &Nonce,
        seen: Option<&Digest>,
    ) -> Result<(), ServerProofError> {
        let after = successors(pinned, KeyPurpose::Grant, &self.key_statements);
        let newest = after.last().unwrap_or(pinned);
        let canonical = to_canonical_bytes(&self.proof)?;
        newest.verify_detached(SERVER_PROOF_DOMAIN, &canonical, &self.signature)?;
        if self.proof.nonce != *nonce {
            return Err(ServerProofError::OtherNonce);
        }
        if self.proof.certificate.is_some() && self.proof.certificate.as_ref() != seen {
            return Err(ServerProofError::OtherCertificate);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::signed_note::Succession;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed("gate-x", &[seed; 32]).unwrap()
    }

    fn nonce(text: &str) -> Nonce {
        text.repeat(32).parse().unwrap()
    }

    fn proof(certificate: Option<Digest>) -> ServerProof {
        ServerProof {
            nonce: nonce("a"),
            certificate,
        }
    }

    #[test]
    fn a_proof_is_good_for_its_nonce_its_key_and_its_certificate_alone() {
        let shown = Digest::of_bytes(b"certificate");
        let signed = SignedServerProof::sign(proof(Some(shown)), &key(1), vec![]).unwrap();
        let pinned = key(1).verifier();
        let verify = |key: &VerifierKey, nonce: &Nonce, seen| signed.verify(key, nonce, seen);
        assert_eq!(verify(&pinned, &nonce("a"), Some(&shown)), Ok(()));
        assert_eq!(
            verify(&pinned, &nonce("b"), Some(&shown)),
            Err(ServerProofError::OtherNonce)
        );
        let other = Digest::of_bytes(b"another");
        for seen in [Some(&other), None] {
            assert_eq!(
                verify(&pinned, &nonce("a"), seen),
                Err(ServerProofError::OtherCertificate)
            );
        }
        assert!(matches!(
            verify(&key(2).verifier(), &nonce("a"), Some(&shown)),
            Err(ServerProofError::Signature(_))
        ));
        let mut forged = signed.clone();
        forged.proof.certificate = None;
        assert!(matches!(
            forged.verify(&pinned, &nonce("a"), Some(&other)),
            Err(ServerProofError::Signature(_))
        ));
    }

    #[test]
    fn a_server_that_ends_no_tls_proves_its_key_alone() {
        let signed = SignedServerProof::sign(proof(None), &key(1), vec![]).unwrap();
        let seen = Digest::of_bytes(b"of a proxy");
        for seen in [Some(&seen), None] {
            assert_eq!(signed.verify(&key(1).verifier(), &nonce("a"), seen), Ok(()));
        }
    }

    #[test]
    fn a_key_that_the_pinned_one_names_proves_as_well_and_another_does_not() {
        let said = Succession::sign(KeyPurpose::Grant, &key(1), &key(2), Timestamp::UNIX_EPOCH);
        let said = vec![said.unwrap()];
        let signed = SignedServerProof::sign(proof(None), &key(2), said).unwrap();
        let verify = |key: &VerifierKey| signed.verify(key, &nonce("a"), None);
        assert_eq!(verify(&key(1).verifier()), Ok(()));
        assert_eq!(verify(&key(2).verifier()), Ok(()));
        assert!(verify(&key(3).verifier()).is_err());
        let mut silent = signed.clone();
        silent.key_statements.clear();
        assert!(
            silent
                .verify(&key(1).verifier(), &nonce("a"), None)
                .is_err()
        );
    }
}
