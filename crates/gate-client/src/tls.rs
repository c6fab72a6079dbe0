//! TLS as this client does it: ring, Mozilla's roots, the settings' roots, nothing else.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::settings::SettingsError;

/// Returns the TLS settings, made whole here and handed to the HTTP library.
///
/// The library's own set-up is not used, because it asks the platform for trust
/// roots, and that reads `SSL_CERT_FILE` and `SSL_CERT_DIR`; nor is a process
/// wide default provider, because another crate could have set one. Session
/// keys are never logged: `ClientConfig` logs none unless told to.
pub(crate) fn client_config(ca_pem: Option<&[u8]>) -> Result<ClientConfig, SettingsError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(pem) = ca_pem {
        add_certificates(&mut roots, pem)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SettingsError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn add_certificates(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), SettingsError> {
    let mut number = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        number += 1;
        roots
            .add(certificate.map_err(SettingsError::CaPem)?)
            .map_err(|source| SettingsError::CaCertificate { number, source })?;
    }
    if number == 0 {
        return Err(SettingsError::CaEmpty);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_of_certificates_is_said_and_never_skipped() {
        assert!(matches!(
            client_config(Some(b"")),
            Err(SettingsError::CaEmpty)
        ));
        assert!(matches!(
            client_config(Some(b"not pem")),
            Err(SettingsError::CaEmpty)
        ));
        let unreadable = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        assert!(matches!(
            client_config(Some(unreadable)),
            Err(SettingsError::CaPem(_))
        ));
        let no_certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(
            client_config(Some(no_certificate)),
            Err(SettingsError::CaCertificate { number: 1, .. })
        ));
    }
}
