//! Userinfo (OpenID Connect Core 1.0 section 5.3).

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::id_token::{Audience, check_issuer};
use super::{oauth_error, www_authenticate};
use crate::client::Client;
use crate::error::{Code, Error};
use crate::jose::{Algorithm, Algorithms, Jws, Keys, TOKEN_LIMIT};
use crate::json::{self, Fields, Text};
use crate::provider::Provider;
use crate::reply::{Accept, Reply};
use crate::secret::{Body, Secret};

/// What the provider tells about the user whose access token was shown.
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

    /// The claims by the application's own type.
    ///
    /// # Errors
    /// `json.type` if a claim is missing or of another type.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.fields.read()
    }
}

/// A userinfo answer: the claims, or a JWT that holds them.
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
struct Answer<'a> {
    #[serde(borrow)]
    sub: Option<Text<'a>>,
    #[serde(borrow)]
    iss: Option<Text<'a>>,
    aud: Option<Audience>,
    #[serde(borrow)]
    tid: Option<Text<'a>>,
}

/// Parses the answer, which must be about `subject` (section 5.3.2), and signed if the client registered that.
///
/// # Errors
/// `userinfo.…`, `dpop.…`, `jws.too_large`, `http.…`, `json.…`.
pub(crate) fn parse(reply: Reply<'_>, subject: &str, is_signed: bool) -> Result<Said, Error> {
    match reply.status.as_u16() {
        200..=299 => {}
        // The reason stands in the challenge; the body, if any, says nothing.
        401 | 403 => {
            let challenge = www_authenticate::parse(reply.headers).into_iter().find(|one| one.text.error().is_some());
            let Some(text) = challenge.map(|challenge| challenge.text) else {
                return Err(Code::UserinfoUnauthorized.into());
            };
            let code = text.error().and_then(oauth_error::dpop_code).unwrap_or(Code::UserinfoUnauthorized);
            return Err(Error::new(code).with_text(text));
        }
        _ => return Err(oauth_error::from_reply(reply, |_| Code::UserinfoUnauthorized)),
    }
    let is_jwt = reply.content_type().eq_ignore_ascii_case("application/jwt");
    match (is_jwt, is_signed) {
        (true, false) => return Err(Code::UserinfoSigned.into()),
        (false, true) => return Err(Code::UserinfoNotSigned.into()),
        (true, true) if reply.body.len() > TOKEN_LIMIT => return Err(Code::JwsTooLarge.into()),
        (true, true) => {
            let compact = std::str::from_utf8(reply.body).map_err(|_| Code::JwsMalformed)?;
            return Ok(Said::Signed(compact.trim().into()));
        }
        (false, false) => {}
    }
    let body = reply.success(Accept::Json)?;
    let answer: Answer<'_> = json::document(body)?;
    about(answer, body, subject).map(Said::Plain)
}

/// Verifies a signed answer. `iss` and `aud`, where they are present, are this provider and this client.
///
/// # Errors
/// `userinfo.…`, `jws.…`, `json.…`.
pub(crate) fn verify(
    compact: &Secret,
    subject: &str,
    algorithm: Algorithm,
    keys: &Keys,
    provider: &Provider,
    client: &Client,
) -> Result<Userinfo, Error> {
    let jws = Jws::parse(compact.expose())?;
    let _signed = jws.verify(keys, Algorithms::of(&[algorithm]))?;
    let payload = Body::from(jws.payload()?);
    let answer: Answer<'_> = json::strict(payload.as_ref())?;
    let tenant = answer.tid.as_deref();
    let other_issuer = answer.iss.as_ref().is_some_and(|iss| check_issuer(iss, tenant, provider).is_err());
    let other_client = answer.aud.as_ref().is_some_and(|aud| !aud.0.iter().any(|one| *one == *client.id));
    if other_issuer || other_client {
        return Err(Code::UserinfoIssuer.into());
    }
    about(answer, payload.as_ref(), subject)
}

fn about(answer: Answer<'_>, document: &[u8], subject: &str) -> Result<Userinfo, Error> {
    let own = answer.sub.ok_or(Code::UserinfoMissingSubject)?;
    if *own != *subject {
        return Err(Code::UserinfoSubject.into());
    }
    Ok(Userinfo { subject: own.0.into(), fields: Fields::new(document) })
}
