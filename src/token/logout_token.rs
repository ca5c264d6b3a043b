//! Logout tokens: a provider tells a client that a user has logged out (OpenID Connect Back-Channel Logout 1.0).
//!
//! [`BackChannelLogout`](crate::flow::BackChannelLogout) reads them from a request that came to the client's
//! `backchannel_logout_uri`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};

use super::id_token::check::check_issuer;
use super::id_token::claims::Audience;
use super::id_token::refusal::{clocks, other_party};
use super::numeric::NumericDate;
use crate::base::base64::DigestText;
use crate::base::env::Timestamp;
use crate::base::json::{self, Scalar, Text};
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use crate::jose::{Signed, TOKEN_LIMIT};
use crate::party::client::Client;
use crate::party::options::{Deviation, LONGEST_CLOCK_SKEW};
use crate::party::provider::Provider;
use crate::wire::form;

/// The event that makes a security event token a logout token (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How long a logout token without `exp` is good, if that was accepted.
const LONGEST_LIFE: Duration = Duration::from_secs(300);

/// Largest request body: a token in a form, where a character takes three at most.
const REQUEST_LIMIT: usize = 3 * TOKEN_LIMIT + 1024;

/// A logout token whose claims and signature were checked (Back-Channel Logout 1.0 sections 2.4 and 2.6). Only
/// [`RelyingParty::back_channel_logout`](crate::RelyingParty::back_channel_logout) makes one; a token whose signature
/// was not checked ends no session:
///
/// ```compile_fail,E0308
/// # use oidc_proto::{LogoutToken, jose::Jws};
/// fn end_sessions(token: &LogoutToken) {}
/// fn log_out(parsed: &Jws<'_>) {
///     end_sessions(parsed);
/// }
/// ```
///
/// ```compile_fail,E0451
/// # use oidc_proto::{LogoutToken, Timestamp};
/// fn forged(token: LogoutToken, expires_at: Timestamp) -> LogoutToken {
///     LogoutToken { expires_at, ..token }
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct LogoutToken {
    subject: Option<Box<str>>,
    session_id: Option<Box<str>>,
    /// SHA-256 of `iss` and `jti`.
    token: [u8; 32],
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl LogoutToken {
    /// `sub`: the user whose sessions end. Without a [`LogoutToken::session_id`] all sessions of the user end.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// `sid`: the provider's session that ends. Logins of this session have the same
    /// [`IdToken::session_id`](super::id_token::IdToken::session_id). A logout token has a subject, a session ID, or
    /// both.
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// `iat`.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// `exp`; if the token has none and this was accepted, five minutes after `iat`.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What a token that comes again has in common with the first one: 43 characters, a digest of `iss` and `jti`. With
    /// it, processes that share a store refuse a repeated `jti` together (Back-Channel Logout 1.0 section 2.6 rule 8);
    /// within one process, [`SeenLogoutTokens`] does. Keep it until the token is refused for its age: until
    /// [`LogoutToken::expires_at`] and [`LONGEST_CLOCK_SKEW`](crate::limits::LONGEST_CLOCK_SKEW) after that. If several
    /// clients share a store, give each its own prefix: one token may be for more than one of them.
    ///
    /// ```
    /// use oidc_proto::limits::LONGEST_CLOCK_SKEW;
    /// use oidc_proto::{Env, Error, ErrorCode, LogoutToken};
    ///
    /// /// A table of all machines, such as Redis.
    /// trait Shared {
    ///     /// `EXISTS name`
    ///     fn has(&mut self, name: &str) -> Result<bool, Error>;
    ///     /// `SET name 1 NX EX seconds`
    ///     fn keep(&mut self, name: &str, seconds: u64) -> Result<(), Error>;
    /// }
    ///
    /// fn log_out(
    ///     shared: &mut impl Shared,
    ///     token: &LogoutToken,
    ///     end_sessions: impl FnOnce(&LogoutToken) -> Result<(), Error>,
    ///     env: &impl Env,
    /// ) -> Result<(), Error> {
    ///     let name = format!("logout:app:{}", token.replay_key());
    ///     if shared.has(&name)? {
    ///         return Err(ErrorCode::LOGOUT_TOKEN_REPLAYED.into());
    ///     }
    ///     // First this: after a failed logout the provider sends the same token again.
    ///     end_sessions(token)?;
    ///     let until = token.expires_at().saturating_add(LONGEST_CLOCK_SKEW);
    ///     shared.keep(&name, until.saturating_since(env.now()).as_secs() + 1)
    /// }
    /// ```
    pub fn replay_key(&self) -> String {
        DigestText::of(&self.token).as_str().to_owned()
    }
}

impl fmt::Debug for LogoutToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whom it is about is nobody else's business.
        f.write_str("LogoutToken(…)")
    }
}

#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    iss: Option<Text<'a>>,
    #[serde(borrow)]
    sub: Option<Text<'a>>,
    #[serde(borrow)]
    aud: Option<Audience<'a>>,
    exp: Option<NumericDate>,
    iat: Option<NumericDate>,
    #[serde(borrow)]
    jti: Option<Text<'a>>,
    #[serde(borrow)]
    sid: Option<Text<'a>>,
    events: Option<BTreeMap<String, BTreeMap<String, IgnoredAny>>>,
    /// Whether it is there, if only as `null`.
    #[serde(default, deserialize_with = "present")]
    nonce: bool,
    #[serde(borrow, default)]
    tid: Scalar<'a>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// The logout token of a logout request: the form of a POST request (section 2.5).
///
/// # Errors
/// `logout_token.request`.
pub(crate) fn from_form(body: &[u8]) -> Result<Secret, Error> {
    let refused = || Error::from(ErrorCode::LOGOUT_TOKEN_REQUEST);
    let text = std::str::from_utf8(body).ok().filter(|text| text.len() <= REQUEST_LIMIT).ok_or_else(refused)?;
    let mut tokens = form::pairs(text).filter(|(name, _)| name == "logout_token").map(|(_, value)| value);
    match (tokens.next(), tokens.next()) {
        (Some(token), None) => Ok(Secret::new(token)),
        _ => Err(refused().at("logout_token")),
    }
}

/// Whether the header's `typ`, if there is one, lets it be a logout token (section 2.4).
///
/// # Errors
/// `logout_token.type`.
pub(crate) fn check_type(typ: Option<&str>) -> Result<(), Error> {
    let is_one = |typ: &str| {
        let typ = typ.strip_prefix("application/").unwrap_or(typ);
        typ.eq_ignore_ascii_case("logout+jwt") || typ.eq_ignore_ascii_case("JWT")
    };
    if typ.is_none_or(is_one) { Ok(()) } else { Err(ErrorCode::LOGOUT_TOKEN_TYPE.into()) }
}

/// A token whose claims are right, and whose signature is not known to be. Nobody sees it without evidence of that.
pub(crate) struct Unsigned(LogoutToken);

impl Unsigned {
    pub(crate) fn signed(self, _evidence: Signed) -> LogoutToken {
        self.0
    }
}

/// Checks what the token says (section 2.6), before anything is known of its signature.
///
/// # Errors
/// `logout_token.…`.
pub(crate) fn parse(payload: &[u8], provider: &Provider, client: &Client, now: Timestamp) -> Result<Unsigned, Error> {
    let held = json::around_unheld(payload, |payload| match json::strict(payload) {
        Ok(claims) => Ok(parse_held(claims, provider, client, now)),
        Err(error) => Err(error),
    });
    held.map_err(|error| error.with_code(ErrorCode::LOGOUT_TOKEN_CLAIMS))?
}

fn parse_held(claims: Claims<'_>, provider: &Provider, client: &Client, now: Timestamp) -> Result<Unsigned, Error> {
    let iss = required(claims.iss, "iss")?;
    check_issuer(&iss, claims.tid.as_text(), provider)
        .map_err(|error| error.with_code(ErrorCode::LOGOUT_TOKEN_ISSUER_MISMATCH))?;
    let audience = required(claims.aud, "aud")?;
    if !audience.names(&client.id) {
        return Err(other_party(ErrorCode::LOGOUT_TOKEN_AUDIENCE_MISMATCH, "aud", client, &audience.joined()));
    }
    let skew = provider.options().clock_skew();
    let issued_at = required(claims.iat, "iat")?.0;
    let expires_at = match claims.exp {
        None if provider.options().accepts(Deviation::LogoutTokenWithoutExp) => issued_at.saturating_add(LONGEST_LIFE),
        exp => required(exp, "exp")?.0,
    };
    if now >= expires_at.saturating_add(skew) {
        return Err(clocks(ErrorCode::LOGOUT_TOKEN_EXPIRED, "exp", expires_at, now));
    }
    if issued_at > now.saturating_add(skew) {
        return Err(clocks(ErrorCode::LOGOUT_TOKEN_ISSUED_IN_FUTURE, "iat", issued_at, now));
    }
    if claims.nonce {
        return Err(ErrorCode::LOGOUT_TOKEN_NONCE.into());
    }
    if !required(claims.events, "events")?.contains_key(EVENT) {
        return Err(ErrorCode::LOGOUT_TOKEN_EVENT.into());
    }
    let id = required(claims.jti, "jti")?;
    let named = |name: Option<Text<'_>>| name.filter(|name| !name.is_empty()).map(|name| Box::from(&*name));
    let (subject, session_id) = (named(claims.sub), named(claims.sid));
    if subject.is_none() && session_id.is_none() {
        return Err(ErrorCode::LOGOUT_TOKEN_NOBODY.into());
    }
    let token = Sha256::new().chain_update(iss.as_bytes()).chain_update([0]).chain_update(id.as_bytes()).finalize();
    Ok(Unsigned(LogoutToken { subject, session_id, token: token.into(), issued_at, expires_at }))
}

fn required<T>(claim: Option<T>, name: &'static str) -> Result<T, Error> {
    claim.ok_or_else(|| Error::new(ErrorCode::LOGOUT_TOKEN_MISSING_CLAIM).at(name))
}

/// The logout tokens that came recently, to refuse a repeated `jti` (Back-Channel Logout 1.0 section 2.6 rule 8).
///
/// It remembers each token until the token has expired, in 80 bytes, up to a number of tokens that the caller chooses.
/// When it is full, it drops the tokens that expire first. It is in the memory of one process:
/// another process does not notice that a token is replayed, and ends the sessions that it names
/// once more, until the token expires. Several processes share [`LogoutToken::replay_key`] instead.
///
/// ```
/// use oidc_proto::{Env, Error};
/// use oidc_proto::{LogoutToken, SeenLogoutTokens};
///
/// fn log_out(
///     seen: &mut SeenLogoutTokens,
///     token: &LogoutToken,
///     end_sessions: impl FnOnce(&LogoutToken) -> Result<(), Error>,
///     env: &impl Env,
/// ) -> Result<(), Error> {
///     seen.check(token)?;
///     end_sessions(token)?;
///     seen.remember(token, env.now());
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct SeenLogoutTokens {
    most: usize,
    known: BTreeSet<[u8; 32]>,
    /// The same by when they expire.
    until: BTreeSet<(Timestamp, [u8; 32])>,
}

impl SeenLogoutTokens {
    /// Remembers at most `most` tokens, but at least one.
    pub fn new(most: usize) -> Self {
        Self { most, known: BTreeSet::new(), until: BTreeSet::new() }
    }

    /// Refuses a token that was remembered.
    ///
    /// # Errors
    /// `logout_token.replayed`.
    pub fn check(&self, token: &LogoutToken) -> Result<(), Error> {
        if self.known.contains(&token.token) { Err(ErrorCode::LOGOUT_TOKEN_REPLAYED.into()) } else { Ok(()) }
    }

    /// Remembers a token. Call it after the logout has succeeded: after a failed logout, the provider can send the same
    /// token again.
    pub fn remember(&mut self, token: &LogoutToken, now: Timestamp) {
        while self.until.first().is_some_and(|(until, _)| until.saturating_add(LONGEST_CLOCK_SKEW) <= now) {
            self.forget_first();
        }
        if !self.known.insert(token.token) {
            return;
        }
        if self.until.len() >= self.most {
            self.forget_first();
        }
        self.until.insert((token.expires_at, token.token));
    }

    fn forget_first(&mut self) {
        if let Some((_, token)) = self.until.pop_first() {
            self.known.remove(&token);
        }
    }
}
