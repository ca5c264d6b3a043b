//! ID tokens: their claims (OpenID Connect Core 1.0 section 2). `check.rs` has what they are checked against.

pub(crate) mod check;
pub(crate) mod claims;
mod imported;
pub(crate) mod refusal;
mod stored;
mod texts;

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;

use self::texts::Texts;
use crate::base::base64url;
use crate::base::env::Timestamp;
use crate::base::json;
use crate::base::secret::Body;
use crate::base::url::Issuer;
use crate::error::{Error, ErrorCode};

/// How old an ID token may be when its code is redeemed. Providers issue it at that moment, so one day is enough.
pub const OLDEST_ID_TOKEN: Duration = Duration::from_secs(24 * 3600);

/// An ID token whose claims were checked (OpenID Connect Core 1.0 section 3.1.3.7). Its signature was verified, unless
/// the client chose [`IdTokenTrust::DangerousTrustTls`](crate::IdTokenTrust::DangerousTrustTls).
///
/// A flow that checks the token creates it, serde reads it from its stored form, or the import of a
/// session of another library reads it: that library had to verify the signature before it stored
/// the token. `Deserialize` is only for values that the application stored itself: it checks the
/// form, not the signature again. Nothing else parses or constructs one:
///
/// ```
/// # use oidc_proto::IdToken;
/// fn subject(checked: &IdToken) -> &str {
///     checked.subject()
/// }
/// ```
///
/// ```compile_fail,E0599
/// # use oidc_proto::jose::Jws;
/// fn subject<'a>(parsed: &'a Jws<'_>) -> &'a str {
///     parsed.subject()
/// }
/// ```
///
/// ```compile_fail,E0451
/// # use oidc_proto::{IdToken, Timestamp};
/// fn forged(token: IdToken, expires_at: Timestamp) -> IdToken {
///     IdToken { expires_at, ..token }
/// }
/// ```
#[derive(Clone)]
pub struct IdToken {
    texts: Texts,
    issuer: Issuer,
    expires_at: Timestamp,
    issued_at: Timestamp,
    auth_time: Option<Timestamp>,
}

impl IdToken {
    /// `iss`.
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// `sub`: who logged in; unique at this issuer and never given to another user.
    pub fn subject(&self) -> &str {
        self.texts.claims().sub
    }

    /// `aud`.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        self.texts.audience()
    }

    /// `exp`. It limits how long the ID token may be accepted at login, not how long the session lasts.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// `iat`.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// `auth_time`: when the user logged in.
    pub fn auth_time(&self) -> Option<Timestamp> {
        self.auth_time
    }

    /// `acr`: how the user logged in.
    pub fn acr(&self) -> Option<&str> {
        self.texts.claims().acr
    }

    /// `sid`: the provider's session (Back-Channel Logout 1.0 section 2.1).
    pub fn session_id(&self) -> Option<&str> {
        self.texts.claims().sid
    }

    /// The token itself, to be sent as `id_token_hint`; empty if a session has left it out
    /// ([`SessionOptions::with_id_token_text`](crate::session::SessionOptions::with_id_token_text)).
    pub fn expose(&self) -> &str {
        self.texts.compact()
    }

    /// The claims, read into the application's own type. A custom claim takes one line:
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Staff { department: String }
    /// fn department(id_token: &oidc_proto::IdToken) -> Result<String, oidc_proto::Error> {
    ///     Ok(id_token.claims::<Staff>()?.department)
    /// }
    /// ```
    ///
    /// # Errors
    /// `id_token.claims` if a claim is missing or of another type, or if a session has left the
    /// token's text out. The login is not affected.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let payload = self.texts.compact().split('.').nth(1).unwrap_or("");
        let payload = base64url::decode(payload).map(Body::from).unwrap_or_default();
        json::for_application(payload.as_ref()).map_err(|error| error.with_code(ErrorCode::ID_TOKEN_CLAIMS))
    }
}

impl IdToken {
    /// Whether it names a user and this client: what was checked before it was stored, and may be damaged since.
    pub(crate) fn is_for(&self, client_id: &str) -> bool {
        is_subject(self.subject()) && self.audience().any(|one| one == client_id)
    }

    /// The token itself, if its text is there.
    pub(crate) fn hint(&self) -> Option<&str> {
        Some(self.expose()).filter(|text| !text.is_empty())
    }

    /// The same without its text; `None` if it has none.
    pub(crate) fn without_text(&self) -> Option<Self> {
        self.hint()?;
        Some(Self { texts: self.texts.without_compact(), issuer: self.issuer.clone(), ..*self })
    }

    /// Keeps this issuer instead of its own, if they are the same.
    pub(crate) fn share_issuer(&mut self, issuer: &Issuer) {
        if self.issuer == *issuer {
            self.issuer = issuer.clone();
        }
    }
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdToken(issuer: {}, subject: …)", self.issuer().escape_debug())
    }
}

/// OpenID Connect Core 1.0 section 2.
fn is_subject(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255
}
