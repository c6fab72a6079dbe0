//! The certificates and keys of a throw-away cluster.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::RealError;
use super::daemon::write;

/// Writes `ca.crt`, `server.crt`, `server.key`, `accounts.key` and `accounts.pub` into `folder`.
pub(super) fn write_certificates(folder: &Path) -> Result<(), RealError> {
    for (name, text) in
        certificates().map_err(|error| RealError::unreadable("a new certificate", error))?
    {
        write(&folder.join(name), text)?;
    }
    Ok(())
}

fn certificates() -> Result<[(&'static str, String); 5], rcgen::Error> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority
        .distinguished_name
        .push(DnType::CommonName, "gate test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let server_key = KeyPair::generate()?;
    let names = [
        "127.0.0.1",
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "10.0.0.1",
    ];
    let mut server = CertificateParams::new(names.map(str::to_owned).to_vec())?;
    server
        .distinguished_name
        .push(DnType::CommonName, "kube-apiserver");
    let server_certificate = server.signed_by(&server_key, &issuer)?;

    // The server signs service-account tokens with the one and verifies them with the other.
    let accounts_key = KeyPair::generate()?;
    Ok([
        ("ca.crt", authority_certificate.pem()),
        ("server.crt", server_certificate.pem()),
        ("server.key", server_key.serialize_pem()),
        ("accounts.key", accounts_key.serialize_pem()),
        ("accounts.pub", accounts_key.public_key_pem()),
    ])
}
