//! From a checked callback to tokens (RFC 6749 section 4.1.3, OpenID Connect Core 1.0 section 3.1.3).
//!
//! ```text
//! redeem ─┬─ keys are needed and not there ─▶ GET jwks_uri ─┐
//!         └─────────────────────────────────────────────────┴─▶ TokenExchange ─▶ Done(TokenOutcome)
//! ```
//!
//! The keys come first, so that a provider whose keys cannot be had does not cost the code. Until tokens have arrived a
//! failure is an error; from then on it is [`TokenOutcome::Unverified`]. It never sends a code twice.

use std::sync::Arc;

use super::authorization::Redemption;
use super::token_exchange::TokenExchange;
use super::verification::{self, Origin, TokenOutcome};
use crate::base::env::Env;
use crate::error::Error;
use crate::jose::Keys;
use crate::message::{jwks, token};
use crate::party::client::{Client, IdTokenTrust};
use crate::party::provider::Provider;
use crate::step::{Flow, Input, Step};
use crate::wire::policy::{Accept, JWKS_LIMIT, Policy};

/// Awaits keys, then tokens, then keys again if need be.
#[derive(Debug)]
pub struct CodeExchange(State);

#[derive(Debug)]
enum State {
    ExpectKeys(Box<Exchange>),
    Exchanging(TokenExchange),
}

/// What a code is redeemed with.
#[derive(Debug)]
struct Exchange {
    provider: Arc<Provider>,
    client: Arc<Client>,
    redemption: Redemption,
}

impl CodeExchange {
    pub(super) fn start(
        redemption: Redemption,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        keys: Option<Arc<Keys>>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        let exchange = Exchange { provider: provider.clone(), client: client.clone(), redemption };
        if exchange.redemption.expectation.is_some() {
            verification::check_trust(provider, client)?;
            if keys.is_none() && client.id_token_trust == IdTokenTrust::Verify {
                let request = jwks::request(jwks::endpoint(provider)?);
                let policy = Policy::read(JWKS_LIMIT, Accept::AnyButMarkup);
                return Ok(Step::call(request, policy, Self(State::ExpectKeys(Box::new(exchange)))));
            }
        }
        exchange.redeem(keys, env)
    }

    fn exchanging(flow: TokenExchange) -> Self {
        Self(State::Exchanging(flow))
    }
}

impl Exchange {
    fn redeem(self, keys: Option<Arc<Keys>>, env: &mut dyn Env) -> Result<Step<CodeExchange>, Error> {
        let Self { provider, client, redemption } = self;
        let Redemption { code, redirect_uri, code_verifier, scope, expectation } = redemption;
        let endpoint = &provider.metadata().token_endpoint;
        let request = token::code_request(endpoint, &client, &code, &redirect_uri, &code_verifier);
        let origin = Origin::Login { scope, expectation };
        Ok(TokenExchange::start(&provider, &client, request, origin, keys, env)?.wrap(CodeExchange::exchanging))
    }
}

impl Flow for CodeExchange {
    type Output = TokenOutcome;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::ExpectKeys(exchange) => {
                let response = input.response().map_err(jwks::during)?;
                let keys = jwks::parse(response, None, env.now())?;
                exchange.redeem(Some(keys), env)
            }
            State::Exchanging(flow) => Ok(flow.on(input, env)?.wrap(Self::exchanging)),
        }
    }
}
