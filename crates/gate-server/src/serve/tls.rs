//! TLS from a certificate and a key, by rustls with ring.

use std::path::Path;
use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use gate_protocol::canonical::Digest;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::ServeError;
use crate::settings::TlsFiles;

/// How this server speaks TLS.
pub(super) struct Tls {
    pub(super) config: RustlsConfig,
    /// The SHA-256 of the certificate that it shows.
    pub(super) certificate: Digest,
}

/// Returns the configuration for TLS 1.2 and 1.3, without client certificates.
pub(super) fn configure(files: &TlsFiles) -> Result<Tls, ServeError> {
    let of_certificate = |source| failed("certificate", &files.certificate, source);
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| of_certificate(error.into()))?;
    let shown = chain
        .first()
        .ok_or_else(|| of_certificate("it holds no certificate".into()))?;
    let certificate = Digest::of_bytes(shown);
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| failed("key", &files.key, error.into()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| of_certificate(error.into()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls {
        config: RustlsConfig::from_config(Arc::new(config)),
        certificate,
    })
}

fn failed(
    field: &'static str,
    path: &Path,
    source: Box<dyn std::error::Error + Send + Sync>,
) -> ServeError {
    ServeError::Tls {
        field,
        path: path.to_owned(),
        source,
    }
}
