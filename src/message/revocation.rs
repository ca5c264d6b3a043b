//! Token revocation (RFC 7009).

use http::Request;

use super::client_auth::form_request;
use super::oauth_error;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::error::{Code, Error};
use crate::reply::Reply;
use crate::secret::{Body, Secret};
use crate::words::words;

words! {
    /// `token_type_hint` (RFC 7009 section 2.1).
    TokenTypeHint { AccessToken = "access_token", RefreshToken = "refresh_token", }
}

/// The revocation request (section 2.1).
pub(crate) fn request(endpoint: &Endpoint, client: &Client, token: &Secret, hint: TokenTypeHint) -> Request<Body> {
    form_request(endpoint, client, &[("token", token.expose()), ("token_type_hint", hint.name())])
}

/// Parses the answer (section 2.2): any 2xx, whatever its body. A token that was not valid is revoked, too.
///
/// # Errors
/// `revocation.…`, `token.invalid_client`, `http.…`.
pub(crate) fn parse(reply: Reply<'_>) -> Result<(), Error> {
    if reply.status.is_success() {
        return Ok(());
    }
    Err(oauth_error::from_reply(reply, |error| match error {
        "unsupported_token_type" => Code::RevocationUnsupportedTokenType,
        "invalid_client" => Code::TokenInvalidClient,
        _ => Code::RevocationDenied,
    }))
}
