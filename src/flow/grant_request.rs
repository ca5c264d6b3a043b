//! Grants without an authorization request: client credentials (RFC 6749 section 4.4) and extension grants (section
//! 4.5).
//!
//! ```text
//! request_tokens ─▶ TokenRequest ─▶ Done(TokenOutcome)
//! ```

use super::token_outcome::Origin;
use super::token_request::TokenRequest;
use crate::base::env::Env;
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use crate::message::authorization::refused_parameter;
use crate::party::client::{ClientAuth, check_client_id};
use crate::party::client_auth::{form_request_with, is_credential};
use crate::party::metadata::GrantType;
use crate::party::relying_party::RelyingParty;
use crate::step::Step;
use crate::token::scope::Scope;
use crate::wire::form::Value;

/// A token request with any grant type. An ID token in the response is ignored, because the request does not say which
/// claims to expect.
///
/// An extension grant consists of its name and its parameters:
///
/// ```
/// use oidc_proto::flow::{GrantRequest, TokenRequest};
/// # use oidc_proto::{Env, Error, RelyingParty, Scope, Secret, Step};
/// /// RFC 8693: exchanges a token for a token that another service accepts.
/// fn token_exchange(
///     subject_token: Secret, party: &RelyingParty, env: &mut dyn Env,
/// ) -> Result<Step<TokenRequest>, Error> {
///     let request = GrantRequest::new("urn:ietf:params:oauth:grant-type:token-exchange")
///         .with_parameter("subject_token", subject_token)
///         .with_parameter("subject_token_type", "urn:ietf:params:oauth:token-type:access_token")
///         .with_scope(Scope::new("elsewhere")?);
///     party.request_tokens(request, env)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct GrantRequest {
    grant_type: String,
    scope: Scope,
    parameters: Vec<(String, Secret)>,
}

impl GrantRequest {
    /// A request with this `grant_type`.
    pub fn new(grant_type: impl Into<String>) -> Self {
        Self { grant_type: grant_type.into(), scope: Scope::default(), parameters: Vec::new() }
    }

    /// The client credentials grant (RFC 6749 section 4.4): tokens for the client itself.
    pub fn client_credentials() -> Self {
        Self::new(GrantType::ClientCredentials.name())
    }

    /// Sets `scope`.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }
}

impl RelyingParty {
    /// Requests tokens by a grant without an authorization request (RFC 6749 sections 4.4 and 4.5).
    ///
    /// # Errors
    /// `client.id`, `token.client_auth` if a public client requests client credentials or a secret
    /// is too short for `client_secret_jwt`, `authorization.parameter` if a parameter has no name,
    /// is given twice, authenticates the client or is set by this crate; `dpop.algorithm`;
    /// `sign.failed`.
    pub fn request_tokens(&self, request: GrantRequest, env: &mut dyn Env) -> Result<Step<TokenRequest>, Error> {
        let GrantRequest { grant_type, scope, parameters } = request;
        check_client_id(self.client().id())?;
        if grant_type == GrantType::ClientCredentials.name() && matches!(self.client().auth, ClientAuth::None) {
            return Err(ErrorCode::TOKEN_CLIENT_AUTH.into());
        }
        for (at, (name, _)) in parameters.iter().enumerate() {
            let is_set = matches!(name.as_str(), "grant_type" | "scope" | "client_id");
            let is_twice = parameters.iter().take(at).any(|(other, _)| other == name);
            if is_set || is_credential(name) || name.is_empty() || is_twice {
                return Err(refused_parameter(name, is_twice));
            }
        }
        let own = [
            ("grant_type", Some(Value::Text(grant_type.as_str()))),
            ("scope", Some(scope.as_str()).filter(|scope| !scope.is_empty()).map(Value::Text)),
        ];
        let given = parameters.iter().map(|(name, value)| (name.as_str(), value.expose()));
        let request = form_request_with(&self.provider().metadata().token_endpoint, self.client(), own, given);
        TokenRequest::start(self, request, Origin::Login { scope, expectation: None, spends_code: false }, env)
    }
}
