//! TLS with a self-signed certificate, generated at each start.
//!
//! Clients always fetch media by `https`. They cannot know this certificate: a test client skips its verification.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// The first byte of a TLS connection: a handshake record.
pub const FIRST_BYTE: u8 = 0x16;

#[derive(Debug, Error)]
#[error("a certificate for TLS could not be made: {0}")]
pub struct TlsError(String);

/// Generates a key and a certificate for localhost and the loopback addresses.
///
/// # Errors
/// The cryptographic library failed.
pub fn make() -> Result<TlsAcceptor, TlsError> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| TlsError(error.to_string()))?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(|error| TlsError(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
