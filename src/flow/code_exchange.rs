//! From a checked callback to tokens (RFC 6749 section 4.1.3, OpenID Connect Core 1.0 section 3.1.3).
//!
//! ```text
//! redeem ─┬─ keys are needed and not there ─▶ GET jwks_uri ─┐
//!         └─────────────────────────────────────────────────┴─▶ POST token_endpoint ─▶ Verification ─▶ Done(Exchanged)
//! ```
//!
//! The keys come first, so that a provider whose keys cannot be had does not cost the code. Until tokens have arrived a
//! failure is an error; from then on it is [`Exchanged::Unverified`]. It never sends a code twice.

use std::sync::Arc;

use crate::client::{Client, IdTokenTrust};
use crate::env::Env;
use crate::error::Error;
use crate::failure::Failure;
use crate::jose::Keys;
use crate::message::{jwks, token};
use crate::provider::Provider;
use crate::reply::{Accept, JWKS_LIMIT, Policy, Reply};
use crate::step::{Flow, Step};

use super::authorization::Redemption;
use super::verification::{self, Exchanged, Grant, Origin, Verification};

/// Awaits keys, then tokens, then what [`Verification`] awaits.
#[derive(Debug)]
pub struct CodeExchange(State);

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one per login, on the stack of its driver")]
enum State {
    ExpectKeys(Exchange),
    ExpectTokens(Exchange, Option<Arc<Keys>>),
    Verifying(Verification),
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
    ) -> Result<Step<Self>, Error> {
        let exchange = Exchange { provider: provider.clone(), client: client.clone(), redemption };
        if exchange.redemption.expectation.is_none() {
            return Ok(exchange.redeem(keys));
        }
        verification::check_trust(provider, client)?;
        if keys.is_some() || client.id_token_trust != IdTokenTrust::Verify {
            return Ok(exchange.redeem(keys));
        }
        let request = jwks::request(jwks::endpoint(provider)?);
        let policy = Policy::read(JWKS_LIMIT, Accept::AnyButMarkup);
        Ok(Step::call(request, policy, Self(State::ExpectKeys(exchange))))
    }
}

impl Exchange {
    fn redeem(self, keys: Option<Arc<Keys>>) -> Step<CodeExchange> {
        let Redemption { code, redirect_uri, code_verifier, .. } = &self.redemption;
        let endpoint = &self.provider.metadata().token_endpoint;
        let request = token::code_request(endpoint, &self.client, code, redirect_uri, code_verifier);
        Step::call(request, Policy::write(Accept::Json), CodeExchange(State::ExpectTokens(self, keys)))
    }
}

fn verifying(step: Step<Verification>) -> Result<Step<CodeExchange>, Error> {
    step.embed(|flow| CodeExchange(State::Verifying(flow)), |exchanged| Ok(Step::Done(exchanged)))
}

impl Flow for CodeExchange {
    type Output = Exchanged;

    fn on_response(self, reply: Reply<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::ExpectKeys(exchange) => {
                let keys = jwks::parse(reply, None, env.now())?;
                Ok(exchange.redeem(Some(keys)))
            }
            State::ExpectTokens(Exchange { provider, client, redemption }, keys) => {
                let response = token::parse(reply, provider.options())?;
                let Redemption { scope, expectation, .. } = redemption;
                let origin = Origin::Login { scope, expectation };
                let grant = Grant { provider, client, response, obtained_at: env.now(), origin };
                verifying(Verification::begin(Box::new(grant), keys, env))
            }
            State::Verifying(flow) => verifying(flow.on_response(reply, env)?),
        }
    }

    fn on_failure(self, failure: Failure, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::Verifying(flow) => verifying(flow.on_failure(failure, env)?),
            State::ExpectKeys(_) | State::ExpectTokens(..) => Err(failure.into()),
        }
    }
}
