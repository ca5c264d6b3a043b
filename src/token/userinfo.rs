//! Userinfo (OpenID Connect Core 1.0 section 5.3).

use std::fmt;

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::id_token::check::check_issuer;
use super::id_token::claims::Audience;
use super::id_token::refusal::other_party;
use crate::base::json::{self, Fields, Scalar, Text};
use crate::base::secret::{Body, Secret};
use crate::error::{Error, ErrorCode, Quote};
use crate::jose::{Jws, Signed, TOKEN_LIMIT};
use crate::party::client::Client;
use crate::party::provider::Provider;
use crate::wire::challenge::{Challenge, ResourceError};
use crate::wire::oauth_error;
use crate::wire::response::Response;

/// The claims of a userinfo response (OpenID Connect Core 1.0 section 5.3.2).
#[derive(Clone)]
pub struct Userinfo {
    subject: Box<str>,
    fields: Fields,
}

impl Userinfo {
    /// `sub`, equal to the ID token's.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Deserializes the claims into the application's own type.
    ///
    /// # Errors
    /// `json.type` if a claim is missing or of another type.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.fields.read()
    }
}

/// A userinfo response: the claims, or a JWT with the claims.
pub(crate) enum Said {
    Plain(Userinfo),
    Signed(Secret),
}

impl fmt::Debug for Userinfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whom it is about is nobody else's business.
        f.write_str("Userinfo(…)")
    }
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    sub: Option<Text<'a>>,
}

/// What a signed response says beside: from whom and for whom it is.
#[derive(Deserialize)]
struct Parties<'a> {
    #[serde(borrow)]
    iss: Option<Text<'a>>,
    #[serde(borrow)]
    aud: Option<Audience<'a>>,
    #[serde(borrow, default)]
    tid: Scalar<'a>,
}

const FORBIDDEN: &str = "Newer tokens do not change that: check the scope of the login and the rights of the user. A firewall or a proxy may have refused the request, too.";
const OTHER_SCOPE: &str = "Log in with the scope that the provider requires.";

/// Parses the response. Its `sub` must be `subject` (section 5.3.2). It must be signed if the client registered that.
///
/// # Errors
/// `userinfo.…`, `dpop.…`, `jws.too_large`, `http.…`, `json.…`.
pub(crate) fn parse(response: Response<'_>, subject: &str, is_signed: bool) -> Result<Said, Error> {
    match response.status.as_u16() {
        200..=299 => {}
        // The reason stands in the challenge; the body, if any, says nothing.
        401 | 403 => {
            let challenge = Challenge::parse_all(response.headers).into_iter().find(|one| one.text.error().is_some());
            let Some(Challenge { error, text, scope, .. }) = challenge else {
                let error = Error::new(ErrorCode::USERINFO_UNAUTHORIZED).with_status(response.status);
                return Err(if response.status == StatusCode::FORBIDDEN { error.with_hint(FORBIDDEN) } else { error });
            };
            let code = text.error().and_then(oauth_error::dpop_code).unwrap_or(ErrorCode::USERINFO_UNAUTHORIZED);
            let refused = Error::new(code).with_status(response.status).with_text(text);
            return Err(match (error, scope) {
                (Some(ResourceError::InsufficientScope), Some(scope)) => {
                    refused.with_hint(OTHER_SCOPE).with_expected(Quote::provider(&scope))
                }
                (Some(ResourceError::InsufficientScope), None) => refused.with_hint(OTHER_SCOPE),
                _ => refused,
            });
        }
        _ => return Err(oauth_error::from_response(response, |_| ErrorCode::USERINFO_UNAUTHORIZED)),
    }
    let is_jwt = response.content_type().eq_ignore_ascii_case("application/jwt");
    match (is_jwt, is_signed) {
        (true, false) => return Err(other_form(ErrorCode::USERINFO_SIGNED, response)),
        (false, true) => return Err(other_form(ErrorCode::USERINFO_NOT_SIGNED, response)),
        (true, true) if response.body.len() > TOKEN_LIMIT => return Err(ErrorCode::JWS_TOO_LARGE.into()),
        (true, true) => {
            let compact = std::str::from_utf8(response.body).map_err(|_| ErrorCode::JWS_MALFORMED)?;
            return Ok(Said::Signed(compact.trim().into()));
        }
        (false, false) => {}
    }
    let body = response.success()?;
    json::around_broken(body, |read| about(json::document(read)?, body, subject)).map(Said::Plain)
}

fn other_form(code: ErrorCode, response: Response<'_>) -> Error {
    Error::new(code).with_found(Quote::provider(response.content_type()))
}

/// Reads a signed response. `iss` and `aud`, where they are present, are this provider and this client.
///
/// # Errors
/// `userinfo.…`, `jws.malformed`, `json.…`.
pub(crate) fn read_signed(
    jws: &Jws<'_>,
    _evidence: Signed,
    subject: &str,
    provider: &Provider,
    client: &Client,
) -> Result<Userinfo, Error> {
    let payload = Body::from(jws.payload()?);
    let answer: Members<'_> = json::strict(payload.as_ref())?;
    json::around_unheld(payload.as_ref(), |payload| check_parties(&json::unchecked(payload)?, provider, client))?;
    about(answer, payload.as_ref(), subject)
}

fn check_parties(parties: &Parties<'_>, provider: &Provider, client: &Client) -> Result<(), Error> {
    if let Some(iss) = &parties.iss {
        check_issuer(iss, parties.tid.as_text(), provider)
            .map_err(|error| error.with_code(ErrorCode::USERINFO_ISSUER_MISMATCH))?;
    }
    match &parties.aud {
        Some(audience) if !audience.names(&client.id) => {
            Err(other_party(ErrorCode::USERINFO_ISSUER_MISMATCH, "aud", client, &audience.joined()))
        }
        _ => Ok(()),
    }
}

fn about(answer: Members<'_>, document: &[u8], subject: &str) -> Result<Userinfo, Error> {
    let own = answer.sub.ok_or(ErrorCode::USERINFO_MISSING_SUB)?;
    if *own != *subject {
        // Who they are is nobody else's business.
        let (own, other) = (subject.chars().count(), own.chars().count());
        let error = Error::new(ErrorCode::USERINFO_SUBJECT_MISMATCH).at("sub");
        let error = error.with_expected(Quote::library(format_args!("that of the ID token, of {own} characters")));
        return Err(error.with_found(Quote::library(format_args!("another one, of {other} characters"))));
    }
    Ok(Userinfo { subject: own.0.into(), fields: Fields::new(document) })
}
