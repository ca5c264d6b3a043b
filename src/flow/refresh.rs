//! Refreshes a token set (RFC 6749 section 6, OpenID Connect Core 1.0 section 12).
//!
//! ```text
//! refresh ─▶ TokenRequest ─▶ Done(TokenOutcome)
//! ```

use super::token_outcome::{self, Origin};
use super::token_request::TokenRequest;
use crate::base::env::Env;
use crate::error::{Error, ErrorCode, Quote};
use crate::message::token;
use crate::party::relying_party::RelyingParty;
use crate::step::Step;
use crate::token::scope::Scope;
use crate::token::token_set::TokenSet;

impl RelyingParty {
    /// Requests new tokens with the same scope. The flow fetches keys only if a new ID token comes and its key is
    /// unknown.
    ///
    /// The flow does not retry. If a failed request may have reached the provider, the refresh token may be spent. Try
    /// again with the same refresh token: many providers that rotate refresh tokens accept it for a while. The flow
    /// does not change the token set that it is given. A new ID token must have the same value as the old ID token in
    /// all claims that may not change.
    ///
    /// # Errors
    /// `token.no_refresh_token`, `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`,
    /// `dpop.algorithm`, `jws.no_backend`, `id_token.trust_tls_over_http`, `client.id`,
    /// `authorization.parameter`, `sign.failed`; `token.client_auth` if the client has no secret,
    /// or too short a secret, for HS256.
    pub fn refresh(&self, tokens: &TokenSet, env: &mut dyn Env) -> Result<Step<TokenRequest>, Error> {
        self.refresh_with(tokens, None, env)
    }

    /// Requests new tokens with a smaller scope.
    ///
    /// # Errors
    /// Those of [`RelyingParty::refresh`]; `authorization.scope` if the scope exceeds the tokens' own scope, where that
    /// scope is known.
    pub fn refresh_with_scope(
        &self,
        tokens: &TokenSet,
        scope: &Scope,
        env: &mut dyn Env,
    ) -> Result<Step<TokenRequest>, Error> {
        self.refresh_with(tokens, Some(scope), env)
    }

    fn refresh_with(
        &self,
        tokens: &TokenSet,
        scope: Option<&Scope>,
        env: &mut dyn Env,
    ) -> Result<Step<TokenRequest>, Error> {
        self.owner().check(tokens.owner())?;
        if tokens.id_token().is_some() {
            token_outcome::check_trust(self)?;
        }
        if let Some(scope) = scope.filter(|scope| !tokens.scope().is_empty() && !tokens.scope().includes(scope)) {
            let error = Error::new(ErrorCode::AUTHORIZATION_SCOPE)
                .at("scope")
                .with_hint("Ask for less, or log in with the wider scope.");
            return Err(error
                .with_expected(Quote::caller(tokens.scope().as_str()))
                .with_found(Quote::caller(scope.as_str())));
        }
        let refresh_token = tokens.refresh_token().ok_or(ErrorCode::TOKEN_NO_REFRESH_TOKEN)?;
        let time = self.provider().server_time();
        if let Some(id_token) = tokens.id_token().filter(|_| time.difference().is_none()) {
            time.note_issued(id_token.issued_at(), tokens.obtained_at());
        }
        let endpoint = &self.provider().metadata().token_endpoint;
        let request = token::refresh_request(endpoint, self.client(), refresh_token, scope);
        let origin = Origin::Refresh { tokens: tokens.clone(), scope: scope.cloned() };
        TokenRequest::start(self, request, origin, env)
    }
}
