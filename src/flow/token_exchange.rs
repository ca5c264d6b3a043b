//! One request to the token endpoint, and what its ID token is worth: the end of every grant.
//!
//! ```text
//! start ─▶ AuthenticatedRequest ─▶ Verification ─▶ Done(TokenOutcome)
//! ```
//!
//! Until tokens have arrived a failure is an error; from then on it is [`TokenOutcome::Unverified`].

use std::sync::Arc;

use http::Request;

use super::authenticated_request::{AuthenticatedRequest, Credential, Parse};
use super::verification::{Grant, Origin, TokenOutcome, Verification};
use crate::base::env::{Env, Timestamp};
use crate::base::secret::Body;
use crate::error::Error;
use crate::jose::Keys;
use crate::message::token::{self, TokenResponse};
use crate::party::client::Client;
use crate::party::client_auth::explained;
use crate::party::options::ProviderOptions;
use crate::party::provider::Provider;
use crate::step::{Flow, Input, Step};
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

/// Awaits tokens, then what [`Verification`] awaits.
#[derive(Debug)]
pub(super) struct TokenExchange(State);

#[derive(Debug)]
enum State {
    ExpectTokens(AuthenticatedRequest<TokenAnswer>, Box<Context>),
    Verifying(Verification),
}

/// What tokens are checked against once they are there.
#[derive(Debug)]
struct Context {
    provider: Arc<Provider>,
    client: Arc<Client>,
    origin: Origin,
    keys: Option<Arc<Keys>>,
    /// When the last request was made. The tokens' lifetime counts from here: the answer may have waited for a process
    /// that was suspended.
    asked_at: Timestamp,
}

/// The answer of the token endpoint.
struct TokenAnswer(ProviderOptions);

impl Parse for TokenAnswer {
    type Output = TokenResponse;
    const REQUEST: &'static str = "token_endpoint";

    fn parse(self, response: Response<'_>, _now: Timestamp) -> Result<TokenResponse, Error> {
        token::parse(response, &self.0)
    }
}

impl TokenExchange {
    pub(super) fn start(
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        request: Request<Body>,
        origin: Origin,
        keys: Option<Arc<Keys>>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        let (policy, answer) = (Policy::write(Accept::Json), TokenAnswer(*provider.options()));
        let call = AuthenticatedRequest::start(provider, client, request, policy, Credential::Client, answer, env)?;
        let (provider, client, asked_at) = (provider.clone(), client.clone(), env.now());
        Self::go_on(call, Box::new(Context { provider, client, origin, keys, asked_at }), env)
    }

    fn go_on(
        step: Step<AuthenticatedRequest<TokenAnswer>>,
        context: Box<Context>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        let now = env.now();
        step.embed(
            context,
            |mut context, call| {
                context.asked_at = now;
                Self(State::ExpectTokens(call, context))
            },
            |context, response| {
                let Context { provider, client, origin, keys, asked_at } = *context;
                // A clock that was set back meanwhile must not make them live longer.
                let grant = Grant { provider, client, response, obtained_at: asked_at.min(now), origin };
                Ok(Verification::begin(Box::new(grant), keys, env).wrap(Self::verifying))
            },
        )
    }

    fn verifying(flow: Verification) -> Self {
        Self(State::Verifying(flow))
    }
}

impl Flow for TokenExchange {
    type Output = TokenOutcome;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::ExpectTokens(call, context) => {
                let step = call.on(input, env).map_err(|error| explained(error, &context.client))?;
                Self::go_on(step, context, env)
            }
            State::Verifying(flow) => Ok(flow.on(input, env)?.wrap(Self::verifying)),
        }
    }
}
