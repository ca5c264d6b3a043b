//! Revokes tokens (RFC 7009).
//!
//! ```text
//! start ─▶ POST revocation_endpoint ─▶ Done(())
//! ```

use super::authenticated_request::{AuthenticatedRequest, Credential, Parse};
use crate::base::env::{Env, Timestamp};
use crate::base::secret::{AccessToken, Secret};
use crate::base::url::Endpoint;
use crate::error::{Error, ErrorCode};
use crate::message::revocation::{self, TokenTypeHint};
use crate::party::client_auth::explained;
use crate::party::relying_party::RelyingParty;
use crate::step::{Flow, Input, Step};
use crate::token::token_set::TokenSet;
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

/// Awaits the revocation response.
///
/// Do not let a logout wait for the revocation. Delete the tokens first, then drive this flow, and report its failure.
#[derive(Debug)]
pub struct Revocation(AuthenticatedRequest<Revoked>);

#[derive(Debug)]
struct Revoked(RelyingParty, Endpoint);

impl Parse for Revoked {
    type Output = ();
    const REQUEST: &'static str = "revocation_endpoint";

    fn parse(self, response: Response<'_>, _now: Timestamp) -> Result<(), Error> {
        revocation::parse(response, &self.1).map_err(|error| explained(error, &self.0))
    }
}

impl RelyingParty {
    /// Revokes the refresh token, and with it the whole grant (RFC 7009 section 2.1). If there is no refresh token,
    /// revokes the access token.
    ///
    /// # Errors
    /// `revocation.unsupported`, `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`,
    /// `dpop.algorithm`, `sign.failed`.
    pub fn revoke(&self, tokens: &TokenSet, env: &mut dyn Env) -> Result<Step<Revocation>, Error> {
        self.owner().check(tokens.owner())?;
        Revocation::of(tokens.refresh_token(), Ok(tokens.access_token()), self, env)
    }
}

impl Revocation {
    /// The refresh token, or else the access token.
    pub(super) fn of(
        refresh_token: Option<&Secret>,
        access_token: Result<&AccessToken, &Error>,
        party: &RelyingParty,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        let metadata = party.provider().metadata();
        let code = ErrorCode::REVOCATION_UNSUPPORTED;
        let endpoint = metadata.endpoint(&metadata.revocation_endpoint, "revocation_endpoint", code)?;
        let (token, hint) = match refresh_token {
            Some(token) => (token, TokenTypeHint::RefreshToken),
            None => (access_token.map_err(Error::clone)?.secret(), TokenTypeHint::AccessToken),
        };
        let request = revocation::request(endpoint, party.client(), token, hint);
        let revoked = Revoked(party.clone(), endpoint.clone());
        // Revoking twice does no harm.
        let policy = Policy::own_write(Accept::Any).with_repeatable(true);
        Ok(AuthenticatedRequest::start(party, request, policy, Credential::Client, revoked, env)?.wrap(Self))
    }
}

impl Flow for Revocation {
    type Output = ();

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(self.0.on(input, env)?.wrap(Self))
    }
}
