//! The error response of JSON endpoints (RFC 6749 section 5.2).

use http::StatusCode;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::response::Response;
use crate::base::json::{self, Scalar};
use crate::error::{Error, ErrorCode, Family, ProviderText};

/// `error`, `error_description`, `error_uri`, and `suberror` of Microsoft Entra ID. Only `error` is needed: the others are words for people.
#[derive(Deserialize)]
struct OauthError<'a> {
    #[serde(borrow, default)]
    error: Scalar<'a>,
    #[serde(borrow, default)]
    error_description: Scalar<'a>,
    #[serde(borrow, default)]
    error_uri: Scalar<'a>,
    #[serde(borrow, default)]
    suberror: Scalar<'a>,
}

/// Of words in another encoding, what can be read. There may be tokens beside them, so that this is wiped.
#[cold]
fn legible(body: &[u8]) -> Zeroizing<String> {
    // What cannot be read becomes three bytes: the text never grows out of its place.
    let mut text = Zeroizing::new(String::with_capacity(body.len().saturating_mul(3)));
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

/// `error` of a body, and all that the provider said; `None` if the body is not an object with a string `error`. Its
/// content type does not matter: some providers label it as text.
pub(crate) fn said(body: &[u8]) -> Option<(String, ProviderText)> {
    let legible = std::str::from_utf8(body).is_err().then(|| legible(body));
    json::around_broken(legible.as_ref().map_or(body, |text| text.as_bytes()), |body| {
        let told = json::document::<OauthError<'_>>(body)?;
        let (description, uri, suberror) =
            (told.error_description.text(), told.error_uri.text(), told.suberror.or_absent().text());
        Ok(told.error.text().map(|error| {
            let text = ProviderText::new(Some(&error), description.as_deref(), uri.as_deref());
            let text = text.with_suberror(suberror.as_deref());
            (error.into_owned(), text)
        }))
    })
    .ok()?
}

/// The error for a response that is not a success.
///
/// Only a 4xx response with a string `error` is a verdict; `verdict` gives its code. A 5xx response, a redirect, a 408,
/// 425 or 429 is not a verdict, whatever its body says: then the provider's words are kept beside the error.
pub(crate) fn from_response(response: Response<'_>, verdict: impl FnOnce(&str) -> ErrorCode) -> Error {
    let error = match response.check_status() {
        Err(error) => error,
        Ok(()) => Error::new(ErrorCode::HTTP_STATUS).with_status(response.status),
    };
    let is_verdict = error.code() == ErrorCode::HTTP_STATUS && response.status.is_client_error();
    if let (true, Err(error)) = (is_verdict, response.check_content_coding()) {
        return error;
    }
    match said(response.body) {
        Some((name, text)) if is_verdict => error.with_code(verdict(&name)).with_text(text),
        Some((_, text)) => error.with_text(text),
        None => error,
    }
}

/// [`from_response`] at an endpoint where the client authenticates: with an `error`, 401 says that this failed (RFC
/// 6749 section 5.2), by whatever name the provider calls it. Names of the grant or of the proof stay: the provider
/// looked at those only because it accepted the client.
pub(crate) fn from_client_response(response: Response<'_>, verdict: impl FnOnce(&str) -> ErrorCode) -> Error {
    let error = from_response(response, verdict);
    let is_about_client = response.status == StatusCode::UNAUTHORIZED
        && !matches!(error.code(), ErrorCode::HTTP_STATUS | ErrorCode::HTTP_CONTENT_ENCODING)
        && error.code() != ErrorCode::DEVICE_ACCESS_DENIED
        && !matches!(error.family(), Family::GrantRejected | Family::Pending | Family::Expired | Family::Dpop);
    if is_about_client { error.with_code(ErrorCode::TOKEN_INVALID_CLIENT) } else { error }
}

/// The code of an `error` of the token endpoint.
pub(crate) fn token_code(error: &str) -> ErrorCode {
    match error {
        "invalid_request" => ErrorCode::TOKEN_INVALID_REQUEST,
        "invalid_client" => ErrorCode::TOKEN_INVALID_CLIENT,
        "invalid_grant" => ErrorCode::TOKEN_INVALID_GRANT,
        "unauthorized_client" => ErrorCode::TOKEN_UNAUTHORIZED_CLIENT,
        "unsupported_grant_type" => ErrorCode::TOKEN_UNSUPPORTED_GRANT_TYPE,
        "invalid_scope" => ErrorCode::TOKEN_INVALID_SCOPE,
        "authorization_pending" => ErrorCode::DEVICE_AUTHORIZATION_PENDING,
        "slow_down" => ErrorCode::DEVICE_SLOW_DOWN,
        // The second name is that of Microsoft Entra ID and of OpenAM.
        "access_denied" | "authorization_declined" => ErrorCode::DEVICE_ACCESS_DENIED,
        "interaction_required" | "login_required" | "consent_required" | "account_selection_required" => {
            ErrorCode::TOKEN_INTERACTION_REQUIRED
        }
        "expired_token" => ErrorCode::DEVICE_EXPIRED_TOKEN,
        // Names of the authorization endpoint, which others use, too. They are no verdict on the grant.
        "server_error" | "temporarily_unavailable" => ErrorCode::HTTP_SERVER_ERROR,
        _ => dpop_code(error).unwrap_or(ErrorCode::TOKEN_ERROR),
    }
}

/// The code of an `error` that any server may give where proofs are sent (RFC 9449 sections 5, 7.1, 8 and 9).
pub(crate) fn dpop_code(error: &str) -> Option<ErrorCode> {
    match error {
        "use_dpop_nonce" => Some(ErrorCode::DPOP_NONCE),
        "invalid_dpop_proof" => Some(ErrorCode::DPOP_PROOF),
        _ => None,
    }
}

/// The code of an `error` of the authorization endpoint (RFC 6749 section 4.1.2.1, OpenID Connect Core 3.1.2.6).
pub(crate) fn authorization_code(error: &str) -> ErrorCode {
    match error {
        "access_denied" => ErrorCode::AUTHORIZATION_ACCESS_DENIED,
        "login_required" => ErrorCode::AUTHORIZATION_LOGIN_REQUIRED,
        "interaction_required" => ErrorCode::AUTHORIZATION_INTERACTION_REQUIRED,
        "consent_required" => ErrorCode::AUTHORIZATION_CONSENT_REQUIRED,
        "account_selection_required" => ErrorCode::AUTHORIZATION_ACCOUNT_SELECTION_REQUIRED,
        "invalid_request" => ErrorCode::AUTHORIZATION_INVALID_REQUEST,
        "invalid_scope" => ErrorCode::AUTHORIZATION_INVALID_SCOPE,
        "unauthorized_client" => ErrorCode::AUTHORIZATION_UNAUTHORIZED_CLIENT,
        "unsupported_response_type" => ErrorCode::AUTHORIZATION_UNSUPPORTED_RESPONSE_TYPE,
        "server_error" => ErrorCode::AUTHORIZATION_SERVER_ERROR,
        "temporarily_unavailable" => ErrorCode::AUTHORIZATION_TEMPORARILY_UNAVAILABLE,
        _ => ErrorCode::AUTHORIZATION_ERROR,
    }
}
