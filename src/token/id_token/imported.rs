//! ID tokens that another library has checked and stored.

use super::claims::Claims;
use super::texts::Texts;
use super::{IdToken, is_subject};
use crate::base::json;
use crate::base::secret::{Body, Secret};
use crate::base::url::Issuer;
use crate::jose::Jws;
use crate::token::numeric::NumericDate;

#[allow(dead_code, reason = "only profiles import sessions, and a build may have none")]
impl IdToken {
    /// Reads a token that another library checked before it stored it. As with this crate's own stored form, the
    /// signature is not verified again, and the token may have expired. `None` if the claims do not name this issuer
    /// and this client.
    pub(crate) fn imported(compact: &Secret, issuer: &Issuer, client_id: &str) -> Option<Self> {
        let compact = compact.expose();
        let payload = Body::from(Jws::parse(compact).ok()?.payload().ok()?);
        let read = |claims: &[u8]| Ok(Self::of_claims(json::strict(claims)?, compact, issuer, client_id));
        json::around_unheld(payload.as_ref(), read).ok()?
    }

    fn of_claims(mut claims: Claims<'_>, compact: &str, issuer: &Issuer, client_id: &str) -> Option<Self> {
        let (audience, subject) = (claims.aud.take()?, claims.sub.take()?);
        let is_ours = *claims.iss.take()? == *issuer.as_str() && audience.names(client_id);
        if !is_ours || !is_subject(&subject) {
            return None;
        }
        Some(Self {
            texts: Texts::new(compact, claims.kept(&subject), &audience),
            issuer: issuer.clone(),
            expires_at: claims.exp?.0,
            issued_at: claims.iat?.0,
            auth_time: NumericDate::read(&claims.auth_time).map(|time| time.0),
        })
    }
}
