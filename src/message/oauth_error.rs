//! The error answer of every JSON endpoint (RFC 6749 section 5.2).

use serde::Deserialize;

use crate::error::{Code, Error, ProviderText};
use crate::json::{self, Text};
use crate::reply::{Accept, Reply};

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

/// The error that a response which is no success stands for.
///
/// A verdict is believed only from a 4xx answer with a well-formed error object; `verdict` gives its code. A 5xx answer,
/// a redirect, a request to slow down, a time-out at the server or a page of HTML is none, whatever its body says.
pub(crate) fn from_reply(reply: Reply<'_>, verdict: impl FnOnce(&str) -> Code) -> Error {
    match reply.check_status() {
        Err(error) if error.code() == Code::HttpStatus && reply.status.is_client_error() => {}
        Err(error) => return error,
        Ok(()) => return Code::HttpStatus.into(),
    }
    let body =
        reply.check_content_type(Accept::Json).ok().and_then(|()| json::document::<OauthError<'_>>(reply.body).ok());
    match body.as_ref().and_then(|body| Some((body, body.error.as_deref()?))) {
        Some((body, error)) => Error::new(verdict(error)).with_text(body.text()),
        None => Code::HttpStatus.into(),
    }
}

/// The code of an `error` of the token endpoint.
pub(crate) fn token_code(error: &str) -> Code {
    match error {
        "invalid_request" => Code::TokenInvalidRequest,
        "invalid_client" => Code::TokenInvalidClient,
        "invalid_grant" => Code::TokenInvalidGrant,
        "unauthorized_client" => Code::TokenUnauthorizedClient,
        "unsupported_grant_type" => Code::TokenUnsupportedGrantType,
        "invalid_scope" => Code::TokenInvalidScope,
        "authorization_pending" => Code::DevicePending,
        "slow_down" => Code::DeviceSlowDown,
        "access_denied" => Code::DeviceDenied,
        "expired_token" => Code::DeviceExpired,
        _ => dpop_code(error).unwrap_or(Code::TokenError),
    }
}

/// The code of an `error` that any server may give where proofs are sent (RFC 9449 sections 5, 7.1, 8 and 9).
pub(crate) fn dpop_code(error: &str) -> Option<Code> {
    match error {
        "use_dpop_nonce" => Some(Code::DpopNonce),
        "invalid_dpop_proof" => Some(Code::DpopProof),
        _ => None,
    }
}

/// The code of an `error` of the authorization endpoint (RFC 6749 section 4.1.2.1, OpenID Connect Core 3.1.2.6).
pub(crate) fn authorization_code(error: &str) -> Code {
    match error {
        "access_denied" => Code::AuthorizationAccessDenied,
        "login_required" => Code::AuthorizationLoginRequired,
        "interaction_required" => Code::AuthorizationInteractionRequired,
        "consent_required" => Code::AuthorizationConsentRequired,
        "account_selection_required" => Code::AuthorizationAccountSelectionRequired,
        "invalid_request" => Code::AuthorizationInvalidRequest,
        "invalid_scope" => Code::AuthorizationInvalidScope,
        "unauthorized_client" => Code::AuthorizationUnauthorizedClient,
        "unsupported_response_type" => Code::AuthorizationUnsupportedResponseType,
        "server_error" => Code::AuthorizationServerError,
        "temporarily_unavailable" => Code::AuthorizationTemporarilyUnavailable,
        _ => Code::AuthorizationError,
    }
}
