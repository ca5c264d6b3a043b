//! Why a request failed, as far as it can be known.

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

use crate::error::transport::{Failure, FailureKind, FailureReason, Sent};

#[wasm_bindgen]
extern "C" {
    /// A rejection of `fetch`.
    type Rejection;

    /// Only Node.js has it.
    #[wasm_bindgen(method, getter, structural)]
    fn cause(this: &Rejection) -> Option<Cause>;

    type Cause;

    #[wasm_bindgen(method, getter, structural)]
    fn code(this: &Cause) -> JsValue;
}

/// The failure of a request whose promise was rejected. The text of the rejection is not used: it can contain the URL.
pub(super) fn rejected(error: &JsValue) -> Failure {
    let cause = error.is_object().then(|| error.unchecked_ref::<Rejection>().cause()).flatten();
    let code = cause.and_then(|cause| cause.code().as_string());
    code.as_deref().and_then(by_code).unwrap_or_else(hidden)
}

/// The failure that a browser reports for all reasons alike. A server that sends no CORS headers
/// may have received the request.
fn hidden() -> Failure {
    Failure::new(FailureKind::Other, Sent::Maybe).because(FailureReason::HiddenByBrowser)
}

/// What Node.js says.
fn by_code(code: &str) -> Option<Failure> {
    let unreachable = Failure::new(FailureKind::Unreachable, Sent::No);
    let tls = Failure::new(FailureKind::Tls, Sent::No);
    Some(match code {
        "ECONNREFUSED" => unreachable.because(FailureReason::ConnectionRefused),
        "ENOTFOUND" | "EAI_AGAIN" => unreachable.because(FailureReason::HostNotFound),
        "EHOSTUNREACH" | "ENETUNREACH" | "UND_ERR_CONNECT_TIMEOUT" => unreachable,
        "CERT_HAS_EXPIRED" => tls.because(FailureReason::CertificateExpired),
        "CERT_NOT_YET_VALID" => tls.because(FailureReason::CertificateNotYetValid),
        "CERT_REVOKED" => tls.because(FailureReason::CertificateRevoked),
        "ERR_TLS_CERT_ALTNAME_INVALID" => tls.because(FailureReason::CertificateHost),
        "DEPTH_ZERO_SELF_SIGNED_CERT"
        | "SELF_SIGNED_CERT_IN_CHAIN"
        | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
        | "UNABLE_TO_VERIFY_LEAF_SIGNATURE" => tls.because(FailureReason::UnknownAuthority),
        "ECONNRESET" | "EPIPE" | "UND_ERR_SOCKET" => Failure::new(FailureKind::Interrupted, Sent::Maybe),
        _ => return None,
    })
}
