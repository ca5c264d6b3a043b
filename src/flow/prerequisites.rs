//! What a login needs of the client and of the provider's metadata, checked before a user is asked to log in.

use super::authenticated_request::{check_assertions, check_proofs};
use super::token_outcome::check_trust;
use crate::error::Error;
use crate::message::{jwks, token};
use crate::party::relying_party::RelyingParty;

/// Checks that the token request of a login can be made, and that an ID token can be verified, if one is expected. What is
/// wrong here would end the login only after the user has logged in.
///
/// # Errors
/// `client.id`, `authorization.parameter`, `dpop.algorithm`, `token.client_auth`, `jws.no_backend`,
/// `id_token.trust_tls_over_http`, `jwks.missing`.
pub(super) fn check(party: &RelyingParty, is_openid: bool) -> Result<(), Error> {
    token::check_client(party.client())?;
    check_assertions(party.client())?;
    check_proofs(party)?;
    if !is_openid {
        return Ok(());
    }
    check_trust(party)?;
    let provider = party.provider();
    let has_keys = || !party.client().needs_keys() || provider.keys().is_some();
    match jwks::endpoint(provider) {
        // The application may have supplied the keys itself.
        Err(error) if !has_keys() => Err(error),
        _ => Ok(()),
    }
}
