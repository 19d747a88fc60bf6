//! Which certificates of other servers are trusted, and what is wrong with one that is not.

use std::path::Path;

use reqwest::Certificate;
use rustls::{CertificateError, Error};

use super::NoClient;

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    #[error("has a certificate that is for another name")]
    WrongName,
    #[error("has a certificate that has expired, or is not valid yet")]
    Expired,
    #[error(
        "has a certificate that is self-signed or of a private authority; the gateway's operator can trust it (--trusted-ca)"
    )]
    UnknownAuthority,
}

impl BadCertificate {
    /// What a fault says of a certificate, if it is about one.
    pub(super) fn of(fault: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut fault = fault;
        // Each layer of a connection wraps it once more, and is not its source.
        while let Some(wrapped) = fault.downcast_ref::<std::io::Error>() {
            fault = wrapped.get_ref()?;
        }
        let Error::InvalidCertificate(bad) = fault.downcast_ref::<Error>()? else { return None };
        Some(match bad {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::WrongName,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Expired,
            _ => Self::UnknownAuthority,
        })
    }
}

/// The certificate authorities in a PEM file.
pub(super) fn authorities(file: &Path) -> Result<Vec<Certificate>, NoClient> {
    let failed = |reason: String| NoClient(format!("{}: {reason}", file.display()));
    let text = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&text).map_err(|error| failed(error.to_string()))?;
    if found.is_empty() { Err(failed("there is no certificate in it; it must be PEM".into())) } else { Ok(found) }
}
