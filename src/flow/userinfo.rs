//! From an access token to what the provider tells about its user (OpenID Connect Core 1.0 section 5.3).
//!
//! ```text
//! start ─▶ AuthenticatedRequest: GET userinfo_endpoint ─┬─ JSON ─▶ Done(Userinfo)
//!                                                 └─ JWT ─▶ Signed: [GET jwks_uri] ─▶ verify ─▶ Done(Userinfo)
//! ```

use std::fmt;
use std::sync::Arc;

use super::authenticated_request::{AuthenticatedRequest, Credential, Parse};
use super::signed::{Check, Signed};
use crate::base::env::{Env, Timestamp};
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use crate::jose::{Algorithm, Keys};
use crate::party::client::Client;
use crate::party::provider::Provider;
use crate::step::{Flow, Input, Step};
use crate::token::token_set::TokenSet;
use crate::token::userinfo::{self, Said, Userinfo};
use crate::wire::policy::{Accept, JSON_LIMIT, Policy};
use crate::wire::request;
use crate::wire::response::Response;

/// Awaits the userinfo answer, then keys if it is signed and there are none.
pub struct UserinfoFetch(State);

enum State {
    ExpectUserinfo(AuthenticatedRequest<Expected>, Context),
    Checking(Signed<About>),
}

/// Whom the answer must be about, and from whom.
struct Context {
    subject: Box<str>,
    provider: Arc<Provider>,
    client: Arc<Client>,
    keys: Option<Arc<Keys>>,
}

struct Expected {
    subject: Box<str>,
    is_signed: bool,
}

impl Parse for Expected {
    type Output = Said;
    const REQUEST: &'static str = "userinfo_endpoint";

    fn parse(self, response: Response<'_>, _now: Timestamp) -> Result<Said, Error> {
        userinfo::parse(response, &self.subject, self.is_signed)
    }
}

impl UserinfoFetch {
    /// Asks about the user who logged in. The answer must be about the same one.
    ///
    /// # Errors
    /// `userinfo.unsupported`, `userinfo.no_subject`, `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`,
    /// `sign.failed`.
    pub fn start(
        tokens: &TokenSet,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        Self::start_with_keys(tokens, provider, client, None, env)
    }

    /// The same with keys for a signed answer, which are fetched otherwise.
    ///
    /// # Errors
    /// As [`UserinfoFetch::start`].
    pub fn start_with_keys(
        tokens: &TokenSet,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        keys: Option<Arc<Keys>>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        tokens.check_owner(provider, client)?;
        let endpoint = provider.metadata().userinfo_endpoint.as_ref().ok_or(ErrorCode::USERINFO_UNSUPPORTED)?;
        let subject: Box<str> = tokens.subject().ok_or(ErrorCode::USERINFO_NO_SUBJECT)?.into();
        let is_signed = client.registered_userinfo_algorithm.is_some();
        let request = request::read_with_token(endpoint, tokens.authorization(), is_signed);
        let policy = Policy::read(JSON_LIMIT, Accept::Json);
        let credential = Credential::Token(tokens.access_token().clone());
        let expected = Expected { subject: subject.clone(), is_signed };
        let call = AuthenticatedRequest::start(provider, client, request, policy, credential, expected, env)?;
        Context { subject, provider: provider.clone(), client: client.clone(), keys }.go_on(call, env.now())
    }
}

impl Context {
    fn go_on(self, step: Step<AuthenticatedRequest<Expected>>, now: Timestamp) -> Result<Step<UserinfoFetch>, Error> {
        step.embed(
            self,
            |context, call| UserinfoFetch(State::ExpectUserinfo(call, context)),
            |context, said| match (said, context.client.registered_userinfo_algorithm) {
                (Said::Plain(userinfo), _) => Ok(Step::Done(userinfo)),
                (Said::Signed(compact), Some(algorithm)) => context.check(compact, algorithm, now),
                (Said::Signed(_), None) => Err(ErrorCode::USERINFO_SIGNED.into()),
            },
        )
    }

    fn check(self, compact: Secret, algorithm: Algorithm, now: Timestamp) -> Result<Step<UserinfoFetch>, Error> {
        let Self { subject, provider, client, keys } = self;
        UserinfoFetch::checking(Signed::begin(About { compact, algorithm, subject, provider, client }, keys, now)?)
    }
}

/// A signed answer.
struct About {
    compact: Secret,
    algorithm: Algorithm,
    subject: Box<str>,
    provider: Arc<Provider>,
    client: Arc<Client>,
}

impl Check for About {
    type Output = Userinfo;

    fn provider(&self) -> &Provider {
        &self.provider
    }

    fn check(&self, keys: &Keys) -> Result<Userinfo, Error> {
        userinfo::verify(&self.compact, &self.subject, self.algorithm, keys, &self.provider, &self.client)
    }
}

impl UserinfoFetch {
    fn checking(step: Step<Signed<About>>) -> Result<Step<Self>, Error> {
        step.embed((), |(), flow| Self(State::Checking(flow)), |(), (userinfo, _)| Ok(Step::Done(userinfo)))
    }
}

impl fmt::Debug for UserinfoFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserinfoFetch(…)")
    }
}

impl Flow for UserinfoFetch {
    type Output = Userinfo;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::ExpectUserinfo(call, context) => context.go_on(call.on(input, env)?, env.now()),
            State::Checking(flow) => Self::checking(flow.on(input, env)?),
        }
    }
}
