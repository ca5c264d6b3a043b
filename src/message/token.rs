//! The token endpoint's requests and answers (RFC 6749 sections 4.1.3, 5 and 6).

use std::fmt;

use http::Request;
use serde::Deserialize;

use super::client_auth::form_request;
use super::numeric::Lifetime;
use super::oauth_error::{self, OauthError};
use super::scope::{AnsweredScope, Scope};
use crate::client::{Client, RedirectUri};
use crate::endpoint::Endpoint;
use crate::error::{Code, Error};
use crate::json::{self, Fields, Text};
use crate::provider::{Deviation, ProviderOptions};
use crate::reply::{Accept, Reply};
use crate::secret::{AccessToken, Body, Secret, is_token};
use crate::words::{Word as _, words};

words! {
    /// A token type that this crate can use. The standard's names are compared without regard to case.
    TokenType {
        Bearer = "Bearer",
        /// Bound to a key (RFC 9449).
        Dpop = "DPoP",
    }
}

/// Redeems a code (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
pub(crate) fn code_request(
    endpoint: &Endpoint,
    client: &Client,
    code: &Secret,
    redirect_uri: &RedirectUri,
    code_verifier: &Secret,
) -> Request<Body> {
    form_request(
        endpoint,
        client,
        &[
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", redirect_uri.as_str()),
            ("code_verifier", code_verifier.expose()),
        ],
    )
}

/// Refreshes (RFC 6749 section 6). Without a scope the granted one stays.
pub(crate) fn refresh_request(
    endpoint: &Endpoint,
    client: &Client,
    refresh_token: &Secret,
    scope: Option<&Scope>,
) -> Request<Body> {
    let mut pairs = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
    pairs.extend(scope.map(|scope| ("scope", scope.as_str())));
    form_request(endpoint, client, &pairs)
}

/// A token response (RFC 6749 section 5.1), parsed, nothing of it checked against a login yet.
pub(crate) struct TokenResponse {
    pub(crate) access_token: AccessToken,
    pub(crate) token_type: TokenType,
    pub(crate) lifetime: Lifetime,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) scope: Option<Scope>,
    pub(crate) id_token: Option<Secret>,
    pub(crate) fields: Option<Fields>,
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenResponse(…)")
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    access_token: Option<Text<'a>>,
    #[serde(borrow)]
    token_type: Option<Text<'a>>,
    #[serde(default)]
    expires_in: Lifetime,
    #[serde(borrow)]
    refresh_token: Option<Text<'a>>,
    scope: Option<AnsweredScope>,
    #[serde(borrow)]
    id_token: Option<Text<'a>>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
    #[serde(borrow)]
    error_description: Option<Text<'a>>,
    #[serde(borrow)]
    error_uri: Option<Text<'a>>,
}

/// Parses the answer of the token endpoint.
///
/// # Errors
/// `token.…`, `http.…`, `json.…`.
pub(crate) fn parse(reply: Reply<'_>, options: &ProviderOptions) -> Result<TokenResponse, Error> {
    if !reply.status.is_success() {
        return Err(oauth_error::from_reply(reply, oauth_error::token_code));
    }
    let answer: Answer<'_> = json::document(reply.success(Accept::Json)?)?;
    if answer.error.is_some() {
        let (error, error_description, error_uri) = (answer.error, answer.error_description, answer.error_uri);
        let text = OauthError { error, error_description, error_uri }.text();
        return Err(Error::new(Code::TokenErrorWithSuccess).with_text(text));
    }
    let access_token = answer.access_token.filter(|token| !token.is_empty()).ok_or(Code::TokenMissingAccessToken)?;
    let access_token = AccessToken::new(Secret::new(access_token.0))?;
    let token_type = answer.token_type.ok_or(Code::TokenMissingType)?;
    let token_type = TokenType::ALL.iter().find(|known| known.name().eq_ignore_ascii_case(&token_type));
    let token_type = *token_type.ok_or(Code::TokenType)?;
    let refresh_token = answer.refresh_token.filter(|token| !token.is_empty());
    if refresh_token.as_deref().is_some_and(|token| !is_token(token)) {
        return Err(Error::new(Code::TokenMalformed).at("refresh_token"));
    }
    let scope = match answer.scope {
        Some(AnsweredScope::Array(_)) if !options.accepts(Deviation::ScopeArray) => {
            return Err(Error::new(Code::JsonType).at("scope"));
        }
        Some(AnsweredScope::Text(scope) | AnsweredScope::Array(scope)) => Some(scope),
        None => None,
    };
    Ok(TokenResponse {
        access_token,
        token_type,
        lifetime: answer.expires_in,
        refresh_token: refresh_token.map(|token| Secret::new(token.0)),
        scope,
        id_token: answer.id_token.map(|token| Secret::new(token.0)),
        fields: options.keeps_unknown_fields().then(|| Fields::new(reply.body)),
    })
}
