//! Grants without an authorization request: client credentials (RFC 6749 section 4.4) and extension grants (section 4.5).
//!
//! ```text
//! GrantRequest::start ─▶ TokenExchange ─▶ Done(TokenOutcome)
//! ```
//!
//! An extension grant is its name and its parameters:
//!
//! ```
//! use oidc_proto::flow::{GrantExchange, GrantRequest};
//! # use std::sync::Arc;
//! # use oidc_proto::{Client, Env, Error, Provider, Scope, Secret, Step};
//! /// RFC 8693: exchanges a token for one that is good elsewhere.
//! fn token_exchange(
//!     subject_token: Secret, provider: &Arc<Provider>, client: &Arc<Client>, env: &mut dyn Env,
//! ) -> Result<Step<GrantExchange>, Error> {
//!     GrantRequest::new("urn:ietf:params:oauth:grant-type:token-exchange")
//!         .parameter("subject_token", subject_token)
//!         .parameter("subject_token_type", "urn:ietf:params:oauth:token-type:access_token")
//!         .scope(Scope::new("elsewhere")?)
//!         .start(provider, client, env)
//! }
//! ```

use std::sync::Arc;

use super::token_exchange::TokenExchange;
use super::verification::{Origin, TokenOutcome};
use crate::base::env::Env;
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use crate::party::client::{Client, ClientAuth};
use crate::party::client_auth::form_request;
use crate::party::metadata::GrantType;
use crate::party::provider::Provider;
use crate::step::{Flow, Input, Step};
use crate::token::scope::Scope;

/// A request to the token endpoint. An ID token that comes with the answer is passed over: nothing says what it should
/// hold.
#[derive(Clone, Debug)]
pub struct GrantRequest {
    grant_type: String,
    scope: Scope,
    parameters: Vec<(String, Secret)>,
}

impl GrantRequest {
    /// A grant of this `grant_type`.
    pub fn new(grant_type: impl Into<String>) -> Self {
        Self { grant_type: grant_type.into(), scope: Scope::default(), parameters: Vec::new() }
    }

    /// The client credentials grant: tokens for the client itself.
    pub fn client_credentials() -> Self {
        Self::new(GrantType::ClientCredentials.name())
    }

    /// `scope`.
    #[must_use]
    pub fn scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// One more parameter.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Sends it.
    ///
    /// # Errors
    /// `token.client_auth` for client credentials of a public client, `authorization.parameter` for one that is set
    /// otherwise or has no name, `sign.failed`.
    pub fn start(
        self,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        env: &mut dyn Env,
    ) -> Result<Step<GrantExchange>, Error> {
        let Self { grant_type, scope, parameters } = self;
        if grant_type == GrantType::ClientCredentials.name() && matches!(client.auth, ClientAuth::None) {
            return Err(ErrorCode::TOKEN_CLIENT_AUTH.into());
        }
        let mut pairs = vec![("grant_type", grant_type.as_str())];
        if !scope.is_empty() {
            pairs.push(("scope", scope.as_str()));
        }
        for (name, value) in &parameters {
            let is_set = matches!(name.as_str(), "scope" | "client_id" | "client_secret")
                || name.starts_with("client_assertion");
            if is_set || name.is_empty() || pairs.iter().any(|(own, _)| own == name) {
                return Err(ErrorCode::AUTHORIZATION_PARAMETER.into());
            }
            pairs.push((name, value.expose()));
        }
        let request = form_request(&provider.metadata().token_endpoint, client, &pairs);
        let origin = Origin::Login { scope, expectation: None };
        Ok(TokenExchange::start(provider, client, request, origin, None, env)?.wrap(GrantExchange))
    }
}

/// Awaits tokens.
#[derive(Debug)]
pub struct GrantExchange(TokenExchange);

impl GrantExchange {}

impl Flow for GrantExchange {
    type Output = TokenOutcome;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(self.0.on(input, env)?.wrap(Self))
    }
}
