//! The error response of JSON endpoints (RFC 6749 section 5.2).

use serde::Deserialize;

use super::policy::Accept;
use super::response::Response;
use crate::base::json::{self, Text};
use crate::error::{Error, ErrorCode, ProviderText};

/// `error`, `error_description`, `error_uri`.
#[derive(Deserialize)]
pub(crate) struct OauthError<'a> {
    #[serde(borrow)]
    pub(crate) error: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) error_description: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) error_uri: Option<Text<'a>>,
}

impl OauthError<'_> {
    /// What the provider said.
    pub(crate) fn text(&self) -> ProviderText {
        let part = |part: &Option<Text<'_>>| part.as_ref().map(|text| text.to_string());
        ProviderText::new(
            part(&self.error).as_deref(),
            part(&self.error_description).as_deref(),
            part(&self.error_uri).as_deref(),
        )
    }
}

/// The error for a response that is not a success.
///
/// Only a 4xx response with a well-formed error object is a verdict; `verdict` gives its code. A 5xx response, a redirect, a
/// 408, 425 or 429, or a page of HTML is not a verdict, whatever its body says.
pub(crate) fn from_response(response: Response<'_>, verdict: impl FnOnce(&str) -> ErrorCode) -> Error {
    match response.check_status() {
        Err(error) if error.code() == ErrorCode::HTTP_STATUS && response.status.is_client_error() => {}
        Err(error) => return error,
        Ok(()) => return Error::new(ErrorCode::HTTP_STATUS).with_status(response.status),
    }
    if let Err(error) = response.check_content_coding() {
        return error;
    }
    let body = response
        .check_content_type(Accept::Json)
        .ok()
        .and_then(|()| json::document::<OauthError<'_>>(response.body).ok());
    let error = match body.as_ref().and_then(|body| Some((body, body.error.as_deref()?))) {
        Some((body, error)) => Error::new(verdict(error)).with_text(body.text()),
        None => ErrorCode::HTTP_STATUS.into(),
    };
    error.with_status(response.status)
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
        "access_denied" => ErrorCode::DEVICE_ACCESS_DENIED,
        "expired_token" => ErrorCode::DEVICE_EXPIRED_TOKEN,
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
