//! Userinfo (OpenID Connect Core 1.0 section 5.3).

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::oauth_error;
use crate::error::{Code, Error};
use crate::json::{self, Fields, Text};
use crate::reply::{Accept, Reply};

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
}

/// Parses the answer, which must be about `subject` (section 5.3.2).
///
/// # Errors
/// `userinfo.…`, `http.…`, `json.…`.
pub(crate) fn parse(reply: Reply<'_>, subject: &str) -> Result<Userinfo, Error> {
    match reply.status.as_u16() {
        200..=299 => {}
        // The reason stands in `WWW-Authenticate`; the body, if any, says nothing.
        401 | 403 => return Err(Code::UserinfoUnauthorized.into()),
        _ => return Err(oauth_error::from_reply(reply, |_| Code::UserinfoUnauthorized)),
    }
    if reply.content_type().eq_ignore_ascii_case("application/jwt") {
        return Err(Code::UserinfoSigned.into());
    }
    let answer: Answer<'_> = json::document(reply.success(Accept::Json)?)?;
    let own = answer.sub.ok_or(Code::UserinfoMissingSubject)?;
    if *own != *subject {
        return Err(Code::UserinfoSubject.into());
    }
    Ok(Userinfo { subject: own.0.into(), fields: Fields::new(reply.body) })
}
