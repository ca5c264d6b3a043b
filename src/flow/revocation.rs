//! Makes tokens worthless (RFC 7009).
//!
//! ```text
//! start ─▶ POST revocation_endpoint ─▶ Done(())
//! ```
//!
//! Logging out does not wait for it: forget the tokens first, then drive this, and report its failure.

use std::sync::Arc;

use super::authenticated_request::{AuthenticatedRequest, Credential, Parse};
use crate::base::env::{Env, Timestamp};
use crate::base::secret::{AccessToken, Secret};
use crate::error::{Error, ErrorCode};
use crate::message::revocation::{self, TokenTypeHint};
use crate::party::client::Client;
use crate::party::client_auth::explained;
use crate::party::provider::Provider;
use crate::step::{Flow, Input, Step};
use crate::token::token_set::TokenSet;
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

/// Awaits the answer to a revocation.
#[derive(Debug)]
pub struct Revocation(AuthenticatedRequest<Revoked>);

#[derive(Debug)]
struct Revoked(Arc<Client>);

impl Parse for Revoked {
    type Output = ();
    const REQUEST: &'static str = "revocation_endpoint";

    fn parse(self, response: Response<'_>, _now: Timestamp) -> Result<(), Error> {
        revocation::parse(response).map_err(|error| explained(error, &self.0))
    }
}

impl Revocation {
    /// Revokes the refresh token, and with it the whole grant (RFC 7009 section 2.1); where there is none, the access
    /// token.
    ///
    /// # Errors
    /// `revocation.unsupported`, `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`, `sign.failed`.
    pub fn start(
        tokens: &TokenSet,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        tokens.check_owner(provider, client)?;
        Self::of(tokens.access_token(), tokens.refresh_token(), provider, client, env)
    }

    pub(super) fn of(
        access_token: &AccessToken,
        refresh_token: Option<&Secret>,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        let endpoint = provider.metadata().revocation_endpoint.as_ref().ok_or(ErrorCode::REVOCATION_UNSUPPORTED)?;
        let request = match refresh_token {
            Some(token) => revocation::request(endpoint, client, token, TokenTypeHint::RefreshToken),
            None => revocation::request(endpoint, client, access_token.secret(), TokenTypeHint::AccessToken),
        };
        // Revoking twice does no harm.
        let policy = Policy { repeatable: true, ..Policy::write(Accept::Any) };
        let revoked = Revoked(client.clone());
        Ok(AuthenticatedRequest::start(provider, client, request, policy, Credential::Client, revoked, env)?.wrap(Self))
    }
}

impl Flow for Revocation {
    type Output = ();

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(self.0.on(input, env)?.wrap(Self))
    }
}
