//! What an error of rustls says, in words, and what to do about it.

use rustls::{AlertDescription, CertificateError, Error};

use crate::error::transport::FailureReason;

/// How an error is told.
#[derive(Debug)]
pub(super) enum Words {
    /// By a reason that programs can ask for.
    Reason(FailureReason),
    /// By this text.
    Text(&'static str),
}
use Words::{Reason, Text};

const AUTHORITY: &str = "If the authority is your own, trust its certificate: as a root of this HTTP client, or of this machine. If it is a public one, the server must send the intermediate certificates, too.";
const NAME: &str = "Use a host that is a subject alternative name of the certificate (its common name does not count), or have a certificate issued for this host.";
const ALGORITHM: &str = "Issue a certificate for an ECDSA key (P-256 or P-384), Ed25519, or RSA of 2048 bits or more, signed with SHA-256 or better.";
const ANEW: &str =
    "Issue the server's certificate anew: X.509 version 3, in DER, with its host as subject alternative name.";
const REVOCATION: &str = "Renew the revocation lists that the TLS configuration has.";

/// What an error says, and what to do; `None` for one that has no words here.
pub(super) fn told(error: &Error) -> Option<(Words, &'static str)> {
    Some(match error {
        Error::InvalidCertificate(error) => return of_certificate(error),
        Error::NoCertificatesPresented => (Text("the server sent no certificate"), "Configure one at the server."),
        Error::PeerIncompatible(_) => (Text(NOTHING_IN_COMMON), COMMON),
        Error::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion) => {
            (Text(NOTHING_IN_COMMON), COMMON)
        }
        Error::AlertReceived(AlertDescription::UnrecognisedName) => (
            Text("the server does not know this host name"),
            "Check the host of the URL, and the host names of the server.",
        ),
        Error::AlertReceived(AlertDescription::CertificateRequired) => (
            Text("the server demands a client certificate"),
            "Give the HTTP client one: a rustls configuration of your own can hold it.",
        ),
        _ => return None,
    })
}

const NOTHING_IN_COMMON: &str = "the server has no version of TLS or no cipher in common with this client";
const COMMON: &str = "Enable TLS 1.3, or TLS 1.2 with a cipher suite of ECDHE, at the server.";

fn of_certificate(error: &CertificateError) -> Option<(Words, &'static str)> {
    use CertificateError as E;
    #[allow(deprecated, reason = "verifiers may still give it")]
    Some(match error {
        // Of an authority with the name of a trusted one: its signature is of another key.
        E::UnknownIssuer | E::BadSignature => (Reason(FailureReason::UnknownAuthority), AUTHORITY),
        E::NotValidForName | E::NotValidForNameContext { .. } => (Reason(FailureReason::CertificateHost), NAME),
        E::Expired | E::ExpiredContext { .. } => (
            Reason(FailureReason::CertificateExpired),
            "Renew the server's certificate; if it is still valid, set this machine's clock.",
        ),
        E::NotValidYet | E::NotValidYetContext { .. } => (
            Reason(FailureReason::CertificateNotYetValid),
            "Set this machine's clock; if it is right, the server uses its certificate too early.",
        ),
        E::Revoked => {
            (Reason(FailureReason::CertificateRevoked), "Do not log in there: the server needs a new certificate.")
        }
        E::BadEncoding => (Text("its certificate cannot be read"), ANEW),
        E::UnhandledCriticalExtension => {
            (Text("its certificate has a critical extension that is not known"), "Issue a certificate without it.")
        }
        E::UnsupportedSignatureAlgorithm
        | E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            (Text("its certificate has a key or a signature of an algorithm that is not accepted"), ALGORITHM)
        }
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => (
            Text("its certificate is not for servers"),
            "Issue a certificate with the extended key usage `serverAuth`, or with none.",
        ),
        E::UnknownRevocationStatus => (Text("it is not known whether its certificate was revoked"), REVOCATION),
        E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => {
            (Text("the revocation list for its certificate has expired"), REVOCATION)
        }
        E::InvalidOcspResponse => {
            (Text("its OCSP response is not valid"), "Check the server's OCSP stapling, or turn it off.")
        }
        E::ApplicationVerificationFailure => (
            Text("the verifier of the TLS configuration refused its certificate"),
            "Look at the verifier that the application configured.",
        ),
        // The verifier has more errors than rustls, and gives only their names.
        E::Other(other) => match &*other.0.to_string() {
            "CaUsedAsEndEntity" => (
                Text("its certificate is an authority's own"),
                "Issue the server a certificate of its own, signed by that authority; or make a self-signed certificate that is not marked as an authority: `openssl req -x509` with `-addext basicConstraints=critical,CA:FALSE`.",
            ),
            "EndEntityUsedAsCa" | "PathLenConstraintViolated" => (
                Text("a certificate in its chain may not issue others"),
                "Issue the server's certificate from an authority whose certificate has `CA:TRUE`.",
            ),
            "UnsupportedCertVersion" => (Text("its certificate is not of X.509 version 3"), ANEW),
            "NameConstraintViolation" => (
                Text("its certificate is for a host that its authority may not vouch for"),
                "Have the certificate issued by an authority without such a name constraint.",
            ),
            "UnsupportedCriticalExtension" => {
                (Text("its certificate has a critical extension that is not known"), "Issue a certificate without it.")
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// The text of another error. A name of the verifier's becomes words.
pub(super) fn plain(error: &Error) -> String {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else { return error.to_string() };
    let name = other.0.to_string();
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return name;
    }
    let mut words = "its certificate is not accepted:".to_owned();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{ExtendedKeyPurpose, OtherError};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Named(&'static str);

    fn other(name: &'static str) -> CertificateError {
        CertificateError::Other(OtherError(Arc::new(Named(name))))
    }

    #[test]
    fn each_error_of_a_certificate_has_words_and_a_cure() {
        use CertificateError as E;
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(7));
        let host = ServerName::try_from("op.example").unwrap();
        #[allow(deprecated, reason = "verifiers may still give it")]
        let errors = [
            E::BadEncoding,
            E::Expired,
            E::ExpiredContext { time, not_after: time },
            E::NotValidYet,
            E::NotValidYetContext { time, not_before: time },
            E::Revoked,
            E::UnhandledCriticalExtension,
            E::UnknownIssuer,
            E::UnknownRevocationStatus,
            E::ExpiredRevocationList,
            E::ExpiredRevocationListContext { time, next_update: time },
            E::BadSignature,
            E::UnsupportedSignatureAlgorithm,
            E::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: vec![7], supported_algorithms: vec![] },
            E::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: vec![7],
                public_key_algorithm_id: vec![7],
            },
            E::NotValidForName,
            E::NotValidForNameContext { expected: host, presented: vec!["DnsName(\"other\")".into()] },
            E::InvalidPurpose,
            E::InvalidPurposeContext { required: ExtendedKeyPurpose::ServerAuth, presented: vec![] },
            E::InvalidOcspResponse,
            E::ApplicationVerificationFailure,
            other("CaUsedAsEndEntity"),
            other("EndEntityUsedAsCa"),
            other("UnsupportedCertVersion"),
            other("NameConstraintViolation"),
            other("PathLenConstraintViolated"),
            other("UnsupportedCriticalExtension"),
        ];
        for error in errors {
            let (words, hint) = told(&error.clone().into()).unwrap_or_else(|| panic!("no words for {error:?}"));
            let words = match words {
                Reason(reason) => reason.to_string(),
                Text(text) => text.to_owned(),
            };
            assert!(words.contains("certificate") || words.contains("OCSP"), "{words}");
            assert!(!words.ends_with('.') && hint.ends_with('.'), "{words}: {hint}");
        }
    }

    #[test]
    fn other_errors_are_told_in_words() {
        let told = |error: CertificateError| plain(&error.into());
        assert_eq!(
            told(other("MaximumNameConstraintComparisonsExceeded")),
            "its certificate is not accepted: maximum name constraint comparisons exceeded"
        );
        assert_eq!(told(other("said by a verifier")), "said by a verifier");
        let alert = Error::AlertReceived(AlertDescription::InternalError);
        assert!(super::told(&alert).is_none());
        assert_eq!(plain(&alert), alert.to_string());
    }
}
