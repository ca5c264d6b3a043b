//! The rustls configuration of both HTTP clients, made from their options.

use std::error::Error as StdError;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, InvalidMessage, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::causes::causes;
use super::options::{HttpOptions, OptionsError, Root};
use super::tls_errors::{Words, plain, told};
use crate::error::transport::{Failure, FailureKind, FailureReason, Sent};

/// The configuration for a client that speaks these protocols (RFC 7301), the best first.
pub(super) fn config(options: &HttpOptions, protocols: &[&[u8]]) -> Result<ClientConfig, OptionsError> {
    let mut config = match &options.tls {
        Some(own) => ClientConfig::clone(own),
        None => of_roots(&options.roots)?,
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

fn of_roots(roots: &[Root]) -> Result<ClientConfig, OptionsError> {
    let builder = ClientConfig::builder_with_provider(provider()?)
        .with_safe_default_protocol_versions()
        .map_err(|_| OptionsError::Library)?;
    let builder = if roots.is_empty() {
        builder.with_platform_verifier().map_err(|_| OptionsError::Library)?
    } else {
        builder.with_root_certificates(root_certificates(roots)?)
    };
    Ok(builder.with_no_client_auth())
}

/// The process's own, or the one of this build.
fn provider() -> Result<Arc<CryptoProvider>, OptionsError> {
    if let Some(own) = CryptoProvider::get_default() {
        return Ok(Arc::clone(own));
    }
    #[cfg(feature = "ring")]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(feature = "ring"))]
    Err(OptionsError::NoCryptoProvider)
}

fn root_certificates(roots: &[Root]) -> Result<RootCertStore, OptionsError> {
    let unreadable = |_| OptionsError::RootCertificate;
    let mut store = RootCertStore::empty();
    for root in roots {
        let found = match root {
            Root::Der(der) => vec![CertificateDer::from(der.as_slice())],
            Root::Pem(pem) => CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(unreadable)?,
        };
        if found.is_empty() {
            return Err(OptionsError::RootCertificate);
        }
        for certificate in found {
            store.add(certificate).map_err(|_| OptionsError::RootCertificate)?;
        }
    }
    Ok(store)
}

/// The failure of TLS, if an error comes from there.
pub(super) fn failure(error: &(dyn StdError + 'static), sent: Sent) -> Option<Failure> {
    let error = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>())?;
    let failure = Failure::new(FailureKind::Tls, sent);
    // What came is no record of TLS.
    if matches!(error, rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) {
        return Some(failure.with_text(error).because(FailureReason::NotTls));
    }
    Some(match told(error) {
        Some((Words::Reason(reason), hint)) => failure.with_text(error).because(reason).with_hint(hint),
        Some((Words::Text(text), hint)) => failure.with_text(text).with_hint(hint),
        None => failure.with_text(plain(error)).with_hint("Look at the log of the server."),
    })
}
