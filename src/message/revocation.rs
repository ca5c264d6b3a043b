//! Token revocation (RFC 7009).

use http::{Request, StatusCode};

use crate::base::secret::{Body, Secret};
use crate::base::url::Endpoint;
use crate::base::word_set::words;
use crate::error::{Error, ErrorCode};
use crate::party::client::Client;
use crate::party::client_auth::form_request;
use crate::wire::form::Value;
use crate::wire::oauth_error;
use crate::wire::response::Response;

words! {
    /// `token_type_hint` (RFC 7009 section 2.1).
    TokenTypeHint { AccessToken = "access_token", RefreshToken = "refresh_token", }
}

/// The revocation request (section 2.1).
pub(crate) fn request(endpoint: &Endpoint, client: &Client, token: &Secret, hint: TokenTypeHint) -> Request<Body> {
    let (token, hint) = (Value::Text(token.expose()), Value::Encoded(hint.name()));
    form_request(endpoint, client, [("token", Some(token)), ("token_type_hint", Some(hint))])
}

/// Parses the response (section 2.2): any 2xx with any body. A token that was already invalid counts as revoked.
///
/// Spring Authorization Server sends a client that it does not accept to its login page, others respond with 403
/// without a body.
///
/// # Errors
/// `revocation.…`, `token.invalid_client`, `http.…`.
pub(crate) fn parse(response: Response<'_>, endpoint: &Endpoint) -> Result<(), Error> {
    if response.status.is_success() {
        return Ok(());
    }
    let error = oauth_error::from_client_response(response, |error| match error {
        "unsupported_token_type" => ErrorCode::REVOCATION_UNSUPPORTED_TOKEN_TYPE,
        "invalid_client" => ErrorCode::TOKEN_INVALID_CLIENT,
        _ => ErrorCode::REVOCATION_DENIED,
    });
    let is_silent = matches!(response.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        && error.code() == ErrorCode::HTTP_STATUS
        && response.body.trim_ascii().is_empty();
    let is_unknown = is_silent || response.status == StatusCode::FOUND && response.redirects_within(endpoint);
    Err(if is_unknown { error.with_code(ErrorCode::TOKEN_INVALID_CLIENT) } else { error })
}
