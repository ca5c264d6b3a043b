//! From a token set to its successor (RFC 6749 section 6, OpenID Connect Core 1.0 section 12).
//!
//! ```text
//! start ─▶ POST token_endpoint ─▶ Verification ─▶ Done(Exchanged)
//! ```
//!
//! The flow does not retry. After a failure that may have reached the provider the refresh token may have been used up:
//! try again with the old one, which providers that rotate allow for a while. The token set that was passed in is
//! untouched.
//! A new ID token must be the old one's in all that may not change.

use std::sync::Arc;

use crate::client::Client;
use crate::env::Env;
use crate::error::{Code, Error};
use crate::failure::Failure;
use crate::jose::Keys;
use crate::message::scope::Scope;
use crate::message::token;
use crate::provider::Provider;
use crate::reply::{Accept, Policy, Reply};
use crate::step::{Flow, Step};
use crate::tokens::TokenSet;

use super::verification::{self, Exchanged, Grant, Origin, Verification};

/// Awaits tokens, then what [`Verification`] awaits.
#[derive(Debug)]
pub struct Refresh(State);

#[derive(Debug)]
enum State {
    ExpectTokens(Box<Exchange>),
    Verifying(Verification),
}

#[derive(Debug)]
struct Exchange {
    provider: Arc<Provider>,
    client: Arc<Client>,
    previous: Box<TokenSet>,
    keys: Option<Arc<Keys>>,
}

impl Refresh {
    /// Asks for new tokens of the same scope. Keys are fetched only if a new ID token comes and there are none.
    ///
    /// # Errors
    /// `token.no_refresh_token`, `provider.mismatch`, `client.mismatch`, `jws.no_backend`,
    /// `id_token.trust_tls_over_http`.
    pub fn start(
        tokens: &TokenSet,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        keys: Option<Arc<Keys>>,
    ) -> Result<Step<Self>, Error> {
        Self::start_with_scope(tokens, provider, client, keys, None)
    }

    /// Asks for new tokens of a smaller scope.
    ///
    /// # Errors
    /// As [`Refresh::start`].
    pub fn start_with_scope(
        tokens: &TokenSet,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        keys: Option<Arc<Keys>>,
        scope: Option<&Scope>,
    ) -> Result<Step<Self>, Error> {
        if tokens.issuer() != provider.issuer() {
            return Err(Code::ProviderMismatch.into());
        }
        if tokens.client_id() != client.id() {
            return Err(Code::ClientMismatch.into());
        }
        if tokens.id_token.is_some() {
            verification::check_trust(provider, client)?;
        }
        let refresh_token = tokens.refresh_token().ok_or(Code::TokenNoRefreshToken)?;
        let request = token::refresh_request(&provider.metadata().token_endpoint, client, refresh_token, scope);
        let mut previous = Box::new(tokens.clone());
        if let Some(scope) = scope {
            // An answer that names no scope grants what was asked for (RFC 6749 section 5.1).
            previous.scope = scope.clone();
        }
        let exchange = Box::new(Exchange { provider: provider.clone(), client: client.clone(), previous, keys });
        Ok(Step::call(request, Policy::write(Accept::Json), Self(State::ExpectTokens(exchange))))
    }
}

fn verifying(step: Step<Verification>) -> Result<Step<Refresh>, Error> {
    step.embed(|flow| Refresh(State::Verifying(flow)), |exchanged| Ok(Step::Done(exchanged)))
}

impl Flow for Refresh {
    type Output = Exchanged;

    fn on_response(self, reply: Reply<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::ExpectTokens(exchange) => {
                let Exchange { provider, client, previous, keys } = *exchange;
                let response = token::parse(reply, provider.options())?;
                let origin = Origin::Refresh { previous };
                let grant = Grant { provider, client, response, obtained_at: env.now(), origin };
                verifying(Verification::begin(Box::new(grant), keys, env))
            }
            State::Verifying(flow) => verifying(flow.on_response(reply, env)?),
        }
    }

    fn on_failure(self, failure: Failure, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::Verifying(flow) => verifying(flow.on_failure(failure, env)?),
            State::ExpectTokens(_) => Err(failure.into()),
        }
    }
}
