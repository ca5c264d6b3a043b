//! Makes tokens worthless (RFC 7009).
//!
//! ```text
//! start ─▶ POST revocation_endpoint ─▶ Done(())
//! ```
//!
//! Logging out does not wait for it: forget the tokens first, then drive this, and report its failure.

use crate::client::Client;
use crate::env::Env;
use crate::error::{Code, Error};
use crate::message::revocation::{self, TokenTypeHint};
use crate::provider::Provider;
use crate::reply::{Accept, Policy, Reply};
use crate::secret::{AccessToken, Secret};
use crate::step::{Flow, Step};
use crate::tokens::TokenSet;

/// Awaits the answer to a revocation.
#[derive(Debug)]
pub struct Revocation(());

impl Revocation {
    /// Revokes the refresh token, and with it the whole grant (RFC 7009 section 2.1); where there is none, the access
    /// token.
    ///
    /// # Errors
    /// `revocation.unsupported`, `provider.mismatch`, `client.mismatch`.
    pub fn start(provider: &Provider, client: &Client, tokens: &TokenSet) -> Result<Step<Self>, Error> {
        if tokens.issuer() != provider.issuer() {
            return Err(Code::ProviderMismatch.into());
        }
        if tokens.client_id() != client.id() {
            return Err(Code::ClientMismatch.into());
        }
        Self::of(provider, client, tokens.access_token(), tokens.refresh_token())
    }

    pub(crate) fn of(
        provider: &Provider,
        client: &Client,
        access_token: &AccessToken,
        refresh_token: Option<&Secret>,
    ) -> Result<Step<Self>, Error> {
        let endpoint = provider.metadata().revocation_endpoint.as_ref().ok_or(Code::RevocationUnsupported)?;
        let request = match refresh_token {
            Some(token) => revocation::request(endpoint, client, token, TokenTypeHint::RefreshToken),
            None => revocation::request(endpoint, client, access_token.secret(), TokenTypeHint::AccessToken),
        };
        // Revoking twice does no harm.
        let policy = Policy { repeatable: true, ..Policy::write(Accept::Any) };
        Ok(Step::call(request, policy, Self(())))
    }
}

impl Flow for Revocation {
    type Output = ();

    fn on_response(self, reply: Reply<'_>, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        revocation::parse(reply).map(Step::Done)
    }
}
