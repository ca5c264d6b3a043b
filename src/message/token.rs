//! Token requests and token responses (RFC 6749 sections 4.1.3, 5 and 6).

use std::fmt;

use http::{Request, StatusCode};
use serde::Deserialize;

use super::authorization::refused_parameter;
use crate::base::json::{self, Fields, Scalar, Text, members};
use crate::base::secret::{AccessToken, Body, Secret, is_token};
use crate::base::url::Endpoint;
use crate::base::word_set::Word as _;
use crate::error::{Error, ErrorCode, Quote};
use crate::party::client::Client;
use crate::party::client_auth::form_request;
use crate::party::options::{Deviation, ProviderOptions};
use crate::party::redirect_uri::RedirectUri;
use crate::token::numeric::Lifetime;
use crate::token::scope::{ReceivedScope, Scope};
use crate::token::token_type::TokenType;
use crate::wire::form::{self, Value};
use crate::wire::oauth_error;
use crate::wire::response::Response;

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
        [
            ("grant_type", Some(Value::Encoded("authorization_code"))),
            ("code", Some(Value::Text(code.expose()))),
            ("redirect_uri", Some(Value::Encoded(redirect_uri.encoded()))),
            ("code_verifier", Some(Value::Text(code_verifier.expose()))),
        ],
    )
}

/// Refreshes (RFC 6749 section 6). Without a scope the granted scope stays.
pub(crate) fn refresh_request(
    endpoint: &Endpoint,
    client: &Client,
    refresh_token: &Secret,
    scope: Option<&Scope>,
) -> Request<Body> {
    let own = [
        ("grant_type", Some(Value::Encoded("refresh_token"))),
        ("refresh_token", Some(Value::Text(refresh_token.expose()))),
        ("scope", scope.map(|scope| Value::Text(scope.as_str()))),
    ];
    form_request(endpoint, client, own)
}

/// What this crate sets itself in the token requests of a login and of its refreshes. `scope` is not always among it.
const OWN: [&str; 6] = ["grant_type", "code", "redirect_uri", "code_verifier", "device_code", "refresh_token"];

fn is_of_the_client(name: &str) -> bool {
    name.is_empty() || name.starts_with("client_")
}

/// Refuses, before a login, a client ID that nobody can have, and parameters that its token requests could not have.
///
/// # Errors
/// `client.id`; `authorization.parameter` if one of them is always set by this crate, authenticates
/// the client, or is given twice.
pub(crate) fn check_client(client: &Client) -> Result<(), Error> {
    client.check_id()?;
    let mut names = client.token_parameters.iter().map(|(name, _)| &**name).enumerate();
    let own = &client.token_parameters;
    let is_twice = |at: usize, name: &str| own.iter().take(at).any(|(other, _)| **other == *name);
    match names.find(|(at, name)| OWN.contains(name) || is_of_the_client(name) || is_twice(*at, name)) {
        Some((at, name)) => Err(refused_parameter(name, is_twice(at, name)).at("token_endpoint")),
        None => Ok(()),
    }
}

/// Adds the parameters that the client sends with each token request.
///
/// # Errors
/// `authorization.parameter` if one of them is set already, authenticates the client, or is given twice.
pub(crate) fn add_parameters(request: &mut Request<Body>, client: &Client) -> Result<(), Error> {
    let own = &client.token_parameters;
    if own.is_empty() {
        return Ok(());
    }
    check_client(client)?;
    let set = std::str::from_utf8(request.body().as_ref()).unwrap_or_default();
    let is_set = |name: &str| form::names(set).any(|set| set == name);
    if let Some((name, _)) = own.iter().find(|(name, _)| is_set(name)) {
        return Err(refused_parameter(name, false).at("token_endpoint"));
    }
    *request.body_mut() = form::extended(request.body(), own.iter().map(|(name, value)| (&**name, value.expose())));
    Ok(())
}

/// A parsed token response (RFC 6749 section 5.1). It has not been checked against a login.
pub(crate) struct TokenResponse {
    /// Why there is none that can be used, if only a refresh token came.
    pub(crate) access_token: Result<AccessToken, Error>,
    pub(crate) token_type: TokenType,
    pub(crate) lifetime: Lifetime,
    pub(crate) refresh_lifetime: Lifetime,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) scope: Option<Scope>,
    pub(crate) id_token: Option<Secret>,
    pub(crate) fields: Option<Fields>,
    /// Why the tokens of the response cannot be used.
    pub(crate) flaw: Option<Error>,
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenResponse(…)")
    }
}

/// The request, as errors name it.
pub(crate) const REQUEST: &str = "token_endpoint";

members! {
    struct Members<'a> {
        access_token: Option<Text<'a>>,
        token_type: Scalar<'a>,
        expires_in: Lifetime,
        refresh_expires_in: Lifetime,
        refresh_token_expires_in: Lifetime,
        refresh_token: Scalar<'a>,
        scope: Option<ReceivedScope>,
        id_token: Scalar<'a>,
        error: Scalar<'a>,
    }
}

fn unknown_type(found: Quote) -> Error {
    Error::new(ErrorCode::TOKEN_TYPE).with_expected(Quote::library("Bearer or DPoP")).with_found(found)
}

/// RFC 6749 section 3.3.
const SCOPE: &str = "a string of words in printable ASCII, without quotation marks and backslashes";

const SCOPE_ARRAY: &str =
    "If the provider is known for it, accept `Deviation::ScopeArray`; otherwise report it to the provider.";

fn no_scope(found: &'static str) -> Error {
    let error = Error::new(ErrorCode::JSON_TYPE).at("scope").with_expected(Quote::library(SCOPE));
    error.with_found(Quote::library(found))
}

fn wrong_type(field: &'static str) -> Error {
    let error = Error::new(ErrorCode::JSON_TYPE).at(field).with_expected(Quote::library("a string"));
    error.with_found(Quote::library("a value that is not a string"))
}

/// Parses the response of the token endpoint.
///
/// # Errors
/// `token.…`, `http.…`, `json.…`.
pub(crate) fn parse(response: Response<'_>, options: &ProviderOptions) -> Result<TokenResponse, Error> {
    json::around_broken(response.body, |body| parse_held(Response { body, ..response }, response.body, options))
}

/// `whole` is the body as it came.
fn parse_held(response: Response<'_>, whole: &[u8], options: &ProviderOptions) -> Result<TokenResponse, Error> {
    if !response.status.is_success() {
        return Err(oauth_error::from_client_response(response, oauth_error::token_code));
    }
    let labelled = response.check_content_coding().and_then(|()| response.check_content_type(response.accept));
    let body = json::plain(response.body);
    let alone = |error| refresh_token_alone(&body, error, response.status);
    let answer: Members<'_> = match json::document(&body) {
        Ok(answer) => answer,
        Err(error) => return alone(labelled.err().unwrap_or(error)),
    };
    let has_token = answer.access_token.as_ref().is_some_and(|token| !token.is_empty());
    let has_error = answer.error.or_absent() != Scalar::Null;
    let error = has_error.then(|| oauth_error::said(response.body));
    if let Some(Some((name, text))) = error.as_ref().filter(|_| !has_token) {
        // Some providers report their errors with status 200.
        let error = Error::new(oauth_error::token_code(name)).with_text(text.clone());
        return Err(error.with_status(response.status));
    }
    let Some(access_token) = answer.access_token.filter(|_| has_token) else {
        return alone(labelled.err().unwrap_or_else(|| ErrorCode::TOKEN_MISSING_ACCESS_TOKEN.into()));
    };
    let access_token = match AccessToken::new(Secret::new(access_token.0)) {
        Ok(token) => token,
        Err(error) => return alone(error),
    };
    // From here on tokens are there: what is wrong with the rest must not lose them.
    let mut flaw = None;
    let mut spoil = |error: Error| _ = flaw.get_or_insert(error.with_status(response.status).during(REQUEST));
    if let Some(said) = error {
        let error = Error::new(ErrorCode::TOKEN_ERROR_WITH_SUCCESS).at("error");
        spoil(said.map_or(error.clone(), |(_, text)| error.with_text(text)));
    }
    if let Err(error) = labelled
        && !options.accepts(Deviation::TokenContentType)
    {
        spoil(error.with_code(ErrorCode::TOKEN_CONTENT_TYPE));
    }
    let known = |name: &str| TokenType::ALL.iter().find(|known| known.name().eq_ignore_ascii_case(name)).copied();
    let token_type = match answer.token_type.or_absent() {
        Scalar::Text(name) => known(&name).ok_or_else(|| unknown_type(Quote::provider(&name))),
        Scalar::Null if options.accepts(Deviation::MissingTokenType) => Ok(TokenType::Bearer),
        Scalar::Null => Err(ErrorCode::TOKEN_MISSING_TYPE.into()),
        _ => Err(unknown_type(Quote::library("a value that is not a string"))),
    };
    let token_type = token_type.unwrap_or_else(|error| {
        spoil(error.at("token_type"));
        TokenType::Bearer
    });
    let refresh_token = match answer.refresh_token.or_absent() {
        Scalar::Null => None,
        Scalar::Text(token) => {
            // One that cannot be kept can be revoked.
            if !is_token(&token) {
                spoil(Error::new(ErrorCode::TOKEN_MALFORMED).at("refresh_token"));
            }
            Some(Secret::new(token))
        }
        _ => {
            spoil(Error::new(ErrorCode::TOKEN_MALFORMED).at("refresh_token"));
            None
        }
    };
    let id_token = match answer.id_token.or_absent() {
        Scalar::Null => None,
        Scalar::Text(token) => Some(Secret::new(token)),
        _ => {
            spoil(wrong_type("id_token"));
            None
        }
    };
    let scope = match answer.scope {
        Some(ReceivedScope::Text(scope)) => Some(scope),
        Some(ReceivedScope::Array(scope)) if options.accepts(Deviation::ScopeArray) => Some(scope),
        Some(ReceivedScope::Array(_)) => {
            spoil(no_scope("an array").with_hint(SCOPE_ARRAY));
            None
        }
        Some(ReceivedScope::Other(found)) => {
            spoil(no_scope(found));
            None
        }
        None => None,
    };
    Ok(TokenResponse {
        access_token: Ok(access_token),
        token_type,
        lifetime: answer.expires_in,
        refresh_lifetime: refresh_lifetime(answer.refresh_expires_in, answer.refresh_token_expires_in),
        refresh_token,
        scope,
        id_token,
        fields: options.keeps_unknown_fields().then(|| Fields::new(whole)),
        flaw,
    })
}

fn refresh_lifetime(refresh_expires_in: Lifetime, refresh_token_expires_in: Lifetime) -> Lifetime {
    match refresh_expires_in {
        // Keycloak's name for a token that does not expire.
        Lifetime::Seconds(0) => Lifetime::Absent,
        Lifetime::Absent => refresh_token_expires_in,
        lifetime => lifetime,
    }
}

/// What is needed to go on with a refresh token, or to revoke it.
#[derive(Deserialize)]
struct RefreshToken<'a> {
    #[serde(borrow, default)]
    refresh_token: Scalar<'a>,
    #[serde(default)]
    refresh_expires_in: Lifetime,
    #[serde(default)]
    refresh_token_expires_in: Lifetime,
}

/// A response without an access token that can be used. Its refresh token may be the only living one of the grant: it is not
/// lost with the rest.
fn refresh_token_alone(body: &[u8], error: Error, status: StatusCode) -> Result<TokenResponse, Error> {
    if error.code() == ErrorCode::JSON_SYNTAX {
        return Err(error);
    }
    let answer: RefreshToken<'_> = match json::document(body) {
        Ok(answer) => answer,
        // The type was seen before the rest. What is no JSON in the rest may be mended.
        Err(broken) if error.code() == ErrorCode::JSON_TYPE => return Err(broken),
        Err(_) => return Err(error),
    };
    let Scalar::Text(refresh_token) = answer.refresh_token.or_absent() else { return Err(error) };
    Ok(TokenResponse {
        access_token: Err(error.with_status(status).during(REQUEST)),
        token_type: TokenType::Bearer,
        lifetime: Lifetime::Absent,
        refresh_lifetime: refresh_lifetime(answer.refresh_expires_in, answer.refresh_token_expires_in),
        refresh_token: Some(Secret::new(refresh_token)),
        scope: None,
        id_token: None,
        fields: None,
        flaw: None,
    })
}
