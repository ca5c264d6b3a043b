//! From a token set to its successor (RFC 6749 section 6, OpenID Connect Core 1.0 section 12).
//!
//! ```text
//! start ─▶ TokenExchange ─▶ Done(TokenOutcome)
//! ```
//!
//! The flow does not retry. After a failure that may have reached the provider the refresh token may have been used up:
//! try again with the old one, which providers that rotate allow for a while. The token set that was passed in is
//! untouched.
//! A new ID token must be the old one's in all that may not change.

use std::sync::Arc;

use super::token_exchange::TokenExchange;
use super::verification::{self, Origin, TokenOutcome};
use crate::base::env::Env;
use crate::error::{Error, ErrorCode};
use crate::jose::Keys;
use crate::message::token;
use crate::party::client::Client;
use crate::party::provider::Provider;
use crate::step::{Flow, Input, Step};
use crate::token::scope::Scope;
use crate::token::token_set::TokenSet;

/// Awaits tokens, then keys if need be.
#[derive(Debug)]
pub struct Refresh(TokenExchange);

impl Refresh {
    /// Asks for new tokens of the same scope. Keys are fetched only if a new ID token comes and there are none.
    ///
    /// # Errors
    /// `token.no_refresh_token`, `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`, `jws.no_backend`,
    /// `id_token.trust_tls_over_http`, `sign.failed`.
    pub fn start(
        tokens: &TokenSet,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        keys: Option<Arc<Keys>>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        Self::start_with_scope(tokens, provider, client, keys, None, env)
    }

    /// Asks for new tokens of a smaller scope.
    ///
    /// # Errors
    /// As [`Refresh::start`]; `authorization.scope` for more than the tokens' own scope, where that is known.
    pub fn start_with_scope(
        tokens: &TokenSet,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        keys: Option<Arc<Keys>>,
        scope: Option<&Scope>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        tokens.check_owner(provider, client)?;
        if tokens.id_token.is_some() {
            verification::check_trust(provider, client)?;
        }
        let has = |value| tokens.scope.is_empty() || tokens.scope.contains(value);
        if !scope.is_none_or(|scope| scope.iter().all(has)) {
            return Err(Error::new(ErrorCode::AUTHORIZATION_SCOPE).at("scope"));
        }
        let refresh_token = tokens.refresh_token().ok_or(ErrorCode::TOKEN_NO_REFRESH_TOKEN)?;
        let request = token::refresh_request(&provider.metadata().token_endpoint, client, refresh_token, scope);
        let origin = Origin::Refresh {
            id_token: tokens.id_token.clone(),
            refresh_token: refresh_token.clone(),
            // An answer that names no scope grants what was asked for (RFC 6749 section 5.1).
            scope: scope.unwrap_or(&tokens.scope).clone(),
        };
        Ok(TokenExchange::start(provider, client, request, origin, keys, env)?.wrap(Self))
    }
}

impl Flow for Refresh {
    type Output = TokenOutcome;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(self.0.on(input, env)?.wrap(Self))
    }
}
