//! A logout that the provider tells of (OpenID Connect Back-Channel Logout 1.0).
//!
//! ```text
//! start(body of the POST request) ─▶ claims ─▶ [GET jwks_uri] ─▶ signature ─▶ Done(LoggedOut)
//! ```
//!
//! The request comes to the client's `backchannel_logout_uri`, from anyone: hold the provider's keys and hand them in, since
//! a request without them is one that strangers can cause. What is wrong is answered with 400, and with
//! `Cache-Control: no-store` in either case (section 2.8). Then end the sessions that the token names, each by
//! [`Session::log_out`](crate::session::Session::log_out), and revoke their tokens.
//!
//! ```
//! use oidc_proto::adapter::BlockingDriver;
//! use oidc_proto::flow::{BackChannelLogout, KeysFetch, ServerMetadataFetch};
//! use oidc_proto::SeenLogoutTokens;
//! use oidc_proto::testing::{Provider, RegisteredClient, TestEnv};
//! use oidc_proto::{Client, Env, Issuer, ProviderOptions, Schemes};
//!
//! let mut env = TestEnv::seeded(1);
//! let op = Provider::new("https://op.example.org").with_client(RegisteredClient::public("app", "https://app.example.org/"));
//! let http = BlockingDriver::new(op.http(env.clock()));
//! let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
//! let provider = http.run(ServerMetadataFetch::start(issuer, ProviderOptions::new())?, &mut env)?.provider;
//! let keys = http.run(KeysFetch::start(&provider, None)?, &mut env)?.keys;
//! let (client, mut seen) = (Client::new("app").shared(), SeenLogoutTokens::new(10_000));
//!
//! // What the application's own server has received.
//! let body = op.logout_request("app", "alice", env.now());
//! let step = BackChannelLogout::start(body.as_bytes(), &provider, &client, Some(keys), &mut env)?;
//! let out = http.run(step, &mut env)?;
//! seen.check(&out.token, env.now())?;
//! assert_eq!(out.token.subject(), Some("sub-alice"));
//! # Ok::<(), oidc_proto::Error>(())
//! ```

use std::fmt;
use std::sync::Arc;

use super::signed::{Check, Signed};
use super::verification::allowed_algorithms;
use crate::base::env::Env;
use crate::base::secret::Secret;
use crate::error::Error;
use crate::jose::{Algorithm, Jws, Keys};
use crate::party::client::Client;
use crate::party::provider::Provider;
use crate::step::{Flow, Input, Step};
use crate::token::logout_token::{self, LogoutToken};

/// Awaits keys to verify a logout token with.
pub struct BackChannelLogout(Signed<Claimed>);

/// Who is logged out.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoggedOut {
    /// The token. Hand it to [`SeenLogoutTokens`](crate::token::logout_token::SeenLogoutTokens) before it is acted on.
    pub token: LogoutToken,
    /// The keys that it was verified with, for the next one; `None` if they were neither needed nor handed in.
    pub keys: Option<Arc<Keys>>,
}

/// What a token says, and what is to be verified.
struct Claimed {
    compact: Secret,
    token: LogoutToken,
    provider: Arc<Provider>,
    client: Arc<Client>,
}

impl Check for Claimed {
    type Output = LogoutToken;

    fn provider(&self) -> &Provider {
        &self.provider
    }

    fn check(&self, keys: &Keys) -> Result<LogoutToken, Error> {
        let _signed =
            Jws::parse(self.compact.expose())?.verify(keys, allowed_algorithms(&self.provider, &self.client))?;
        Ok(self.token.clone())
    }
}

impl BackChannelLogout {
    /// Reads a logout request, and checks all that needs no key before it looks for one. The signature is verified whatever
    /// the client trusts TLS with: this did not come from where the client had asked.
    ///
    /// # Errors
    /// `logout_token.…`; `jws.…`; `metadata.missing_field` if there are no keys and no `jwks_uri`.
    pub fn start(
        body: &[u8],
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        keys: Option<Arc<Keys>>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        let compact = logout_token::from_form(body)?;
        let jws = Jws::parse(&compact)?;
        jws.check_algorithm(allowed_algorithms(provider, client))?;
        logout_token::check_type(jws.typ())?;
        let token = logout_token::parse(&jws.payload()?, provider, client, env.now())?;
        if let (Algorithm::Hs256, Some(secret)) = (jws.algorithm(), client.auth.secret()) {
            let _signed = jws.verify_hs256(secret)?;
            return Ok(Step::Done(LoggedOut { token, keys }));
        }
        let (provider, client) = (provider.clone(), client.clone());
        let claimed = Claimed { compact: compact.as_str().into(), token, provider, client };
        Self::go_on(Signed::begin(claimed, keys, env.now())?)
    }

    fn go_on(step: Step<Signed<Claimed>>) -> Result<Step<Self>, Error> {
        step.embed((), |(), flow| Self(flow), |(), (token, keys)| Ok(Step::Done(LoggedOut { token, keys: Some(keys) })))
    }
}

impl Flow for BackChannelLogout {
    type Output = LoggedOut;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::go_on(self.0.on(input, env)?)
    }
}

impl fmt::Debug for BackChannelLogout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackChannelLogout(…)")
    }
}
