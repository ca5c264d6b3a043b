//! What an ID token is checked against (OpenID Connect Core 1.0 sections 3.1.3.7 and 12.2).

use serde::{Deserialize, Serialize};

use super::claims::Claims;
use super::refusal::{self, clocks, other_party};
use super::texts::Texts;
use super::{IdToken, OLDEST_ID_TOKEN, is_subject};
use crate::base::env::Timestamp;
use crate::base::json;
use crate::base::secret::Secret;
use crate::base::sorting;
use crate::base::url::{Issuer, is_showable};
use crate::error::{Error, ErrorCode, Quote};
use crate::jose::Signed;
use crate::party::client::Client;
use crate::party::metadata::CodeChallengeMethod;
use crate::party::options::Deviation;
use crate::party::provider::Provider;
use crate::token::numeric::NumericDate;

/// What a login or a refresh expects of its ID token.
pub(crate) enum Expected<'a> {
    Login(&'a LoginExpectation),
    Refresh(&'a IdToken),
}

/// The expectations of a login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoginExpectation {
    /// Absent where no authorization request could carry one: in the device grant.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "crate::base::versioned::optional_secret"
    )]
    pub(crate) nonce: Option<Secret>,
    /// The earliest `auth_time` that satisfies `max_age`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) not_logged_in_before: Option<Timestamp>,
    /// Empty if `acr` does not matter.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) acr_values: Vec<String>,
}

impl LoginExpectation {
    /// Of a login that had no authorization request.
    pub(crate) fn without_nonce() -> Self {
        Self { nonce: None, not_logged_in_before: None, acr_values: Vec::new() }
    }
}

/// An ID token whose claims name this client and a valid time. Neither its signature nor its login have been checked.
pub(crate) struct Unchecked {
    token: IdToken,
    /// Whether `azp` is this client.
    names_client: bool,
    /// Whether the caller accepts a token without a nonce, and PKCE binds the code to the login.
    may_lack_nonce: bool,
    at_hash: Option<HashText>,
}

/// The value of `at_hash`, which is 43 characters at most: half of SHA-512. A longer text is no hash, and empty here.
struct HashText {
    room: [u8; 43],
    length: usize,
}

impl HashText {
    fn new(text: &str) -> Self {
        let mut room = [0; 43];
        let own = room.get_mut(..text.len()).map(|own| own.copy_from_slice(text.as_bytes()));
        Self { room, length: own.map_or(0, |()| text.len()) }
    }

    fn as_bytes(&self) -> &[u8] {
        self.room.get(..self.length).unwrap_or_default()
    }
}

/// Parses the claims and makes the checks that need no key, cheapest first: issuer, audience, times.
///
/// # Errors
/// `id_token.…`.
pub(crate) fn parse(
    compact: &Secret,
    payload: &[u8],
    provider: &Provider,
    client: &Client,
    now: Timestamp,
) -> Result<Unchecked, Error> {
    let held = json::around_unheld(payload, |payload| match json::strict(payload) {
        Ok(claims) => Ok(parse_held(compact, claims, provider, client, now)),
        Err(error) => Err(error),
    });
    held.map_err(|error| match error.code() {
        ErrorCode::JSON_DUPLICATE_NAME => error.with_code(ErrorCode::ID_TOKEN_DUPLICATE_CLAIM),
        _ => error.with_code(ErrorCode::ID_TOKEN_CLAIMS),
    })?
}

fn parse_held(
    compact: &Secret,
    mut claims: Claims<'_>,
    provider: &Provider,
    client: &Client,
    now: Timestamp,
) -> Result<Unchecked, Error> {
    let iss = required(claims.iss.take(), "iss")?;
    check_issuer(&iss, claims.tid.as_text(), provider)?;
    let audience = required(claims.aud.take(), "aud")?;
    if !audience.names(&client.id) {
        return Err(other_party(ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH, "aud", client, &audience.joined()));
    }
    let trusted = |one: &str| *one == *client.id || client.trusts(one);
    if let Some(extra) = audience.iter().find(|one| !trusted(one)) {
        return Err(other_party(ErrorCode::ID_TOKEN_EXTRA_AUDIENCE, "aud", client, extra));
    }
    if let Some(azp) = &claims.azp
        && **azp != *client.id
        && !client.trusted_parties.iter().any(|own| **own == **azp)
    {
        return Err(other_party(ErrorCode::ID_TOKEN_AZP_MISMATCH, "azp", client, azp));
    }
    let skew = provider.options().clock_skew();
    let expires_at = required(claims.exp, "exp")?.0;
    if now >= expires_at.saturating_add(skew) {
        return Err(clocks(ErrorCode::ID_TOKEN_EXPIRED, "exp", expires_at, now));
    }
    let issued_at = required(claims.iat, "iat")?.0;
    if issued_at > now.saturating_add(skew) {
        return Err(clocks(ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE, "iat", issued_at, now));
    }
    if let Some(nbf) = claims.nbf.filter(|nbf| nbf.0 > now.saturating_add(skew)) {
        return Err(clocks(ErrorCode::ID_TOKEN_NOT_YET_VALID, "nbf", nbf.0, now));
    }
    let subject = required(claims.sub.take(), "sub")?;
    if !is_subject(&subject) {
        let found = Quote::library(format_args!("{} characters", subject.len()));
        return Err(Error::new(ErrorCode::ID_TOKEN_SUBJECT).at("sub").with_found(found));
    }
    let own = provider.issuer();
    Ok(Unchecked {
        token: IdToken {
            texts: Texts::new(compact.expose(), claims.kept(&subject), &audience),
            issuer: if *iss == *own.as_str() { own.clone() } else { Issuer::stored(&*iss) },
            expires_at,
            issued_at,
            auth_time: NumericDate::read(&claims.auth_time).map(|time| time.0),
        },
        names_client: claims.azp.as_deref() == Some(&*client.id),
        may_lack_nonce: provider.options().accepts(Deviation::NoNonce)
            && provider.metadata().code_challenge_methods.contains(CodeChallengeMethod::S256),
        at_hash: claims.at_hash.map(|at_hash| HashText::new(&at_hash)),
    })
}

/// Evidence that the signature of an ID token was verified, or that the client chose the option
/// that waives the verification. The check of the claims requires it.
#[derive(Debug)]
pub(crate) struct SignatureEvidence(());

impl SignatureEvidence {
    /// For a client that chose to trust TLS. There must be some.
    ///
    /// # Errors
    /// `id_token.trust_tls_over_http`.
    pub(crate) fn waived(provider: &Provider) -> Result<Self, Error> {
        let is_https = provider.metadata().token_endpoint.is_https();
        if is_https { Ok(Self(())) } else { Err(ErrorCode::ID_TOKEN_TRUST_TLS_OVER_HTTP.into()) }
    }
}

impl From<Signed> for SignatureEvidence {
    fn from(_: Signed) -> Self {
        Self(())
    }
}

impl Unchecked {
    /// Checks that the token belongs to this login or session.
    ///
    /// # Errors
    /// `id_token.…`.
    pub(crate) fn check(
        self,
        _evidence: SignatureEvidence,
        expected: &Expected<'_>,
        at_hash_fits: impl FnOnce(&[u8]) -> bool,
        now: Timestamp,
    ) -> Result<IdToken, Error> {
        if self.at_hash.as_ref().is_some_and(|at_hash| !at_hash_fits(at_hash.as_bytes())) {
            return Err(Error::new(ErrorCode::ID_TOKEN_AT_HASH_MISMATCH).at("at_hash"));
        }
        match expected {
            Expected::Login(login) => self.check_login(login, now)?,
            Expected::Refresh(previous) => self.check_refresh(previous)?,
        }
        Ok(self.token)
    }

    fn check_login(&self, login: &LoginExpectation, now: Timestamp) -> Result<(), Error> {
        if self.token.issued_at < now.saturating_sub(OLDEST_ID_TOKEN) {
            return Err(clocks(ErrorCode::ID_TOKEN_TOO_OLD, "iat", self.token.issued_at, now));
        }
        if let Some(expected) = &login.nonce {
            match self.token.texts.claims().nonce {
                Some(nonce) if expected.matches(nonce) => {}
                Some(_) => return Err(ErrorCode::ID_TOKEN_NONCE_MISMATCH.into()),
                None if self.may_lack_nonce => {}
                None => return Err(ErrorCode::ID_TOKEN_NONCE_MISSING.into()),
            }
        }
        if let Some(earliest) = login.not_logged_in_before {
            let auth_time = required(self.token.auth_time, "auth_time")?;
            if auth_time < earliest {
                return Err(refusal::logged_in_too_early(auth_time, earliest));
            }
        }
        let acr = self.token.acr();
        if login.acr_values.is_empty() || acr.is_some_and(|acr| login.acr_values.iter().any(|one| one == acr)) {
            Ok(())
        } else {
            Err(refusal::other_acr(&login.acr_values, acr))
        }
    }

    /// OpenID Connect Core 1.0 section 12.2.
    fn check_refresh(&self, previous: &IdToken) -> Result<(), Error> {
        let (new, old) = (&self.token, previous);
        let (new_texts, old_texts) = (new.texts.claims(), old.texts.claims());
        for (name, kept) in [
            ("iss", new.issuer == old.issuer),
            ("sub", new_texts.sub == old_texts.sub),
            ("aud", sorted_audience(new) == sorted_audience(old)),
            // This client's own may appear.
            ("azp", new_texts.azp == old_texts.azp || old_texts.azp.is_none() && self.names_client),
            // Some providers tell when the session was used last. An earlier login is another one.
            ("auth_time", new.auth_time.zip(old.auth_time).is_none_or(|(new, old)| new >= old)),
            ("nonce", new_texts.nonce.is_none() || new_texts.nonce == old_texts.nonce),
        ] {
            if !kept {
                return Err(match name {
                    "sub" => refusal::changed(name, Some(Quote::library(FIRST)), Some(Quote::library(OTHER))),
                    "nonce" => refusal::changed(name, Some(Quote::library(FIRST_OR_NONE)), Some(Quote::library(OTHER))),
                    name => refusal::changed(name, quoted(old, name), quoted(new, name)),
                });
            }
        }
        Ok(())
    }
}

// Who the user is, and what the login was bound to, is nobody else's business.
const FIRST: &str = "that of the first ID token";
const FIRST_OR_NONE: &str = "that of the first ID token, or none";
const OTHER: &str = "another one";

/// A claim, for an error.
fn quoted(token: &IdToken, claim: &str) -> Option<Quote> {
    match claim {
        "iss" => Some(Quote::provider_url(token.issuer())),
        "aud" => Some(Quote::provider(&audience_text(token))),
        "azp" => Some(token.texts.claims().azp.map_or_else(|| Quote::library("none"), Quote::provider)),
        "auth_time" => token.auth_time.map(|time| Quote::library(time.unix_seconds())),
        _ => None,
    }
}

fn sorted_audience(token: &IdToken) -> Vec<&[u8]> {
    let mut audience: Vec<&[u8]> = token.audience().map(str::as_bytes).collect();
    sorting::sort(&mut audience);
    audience
}

fn audience_text(token: &IdToken) -> String {
    String::from_utf8(sorted_audience(token).join(b", ".as_slice())).unwrap_or_default()
}

/// Checks `iss`, which names this provider, or its tenant where the caller accepts that.
///
/// # Errors
/// `id_token.issuer_mismatch`.
pub(in crate::token) fn check_issuer(iss: &str, tenant: Option<&str>, provider: &Provider) -> Result<(), Error> {
    let expected = provider.issuer().as_str();
    let fits = match expected.split_once("{tenantid}") {
        Some((before, after)) if provider.options().accepts(Deviation::TenantIssuer) => tenant.is_some_and(|tenant| {
            let is_segment = !tenant.is_empty() && !tenant.contains('/') && is_showable(tenant);
            is_segment && iss.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) == Some(tenant)
        }),
        _ => iss == expected,
    };
    if fits { Ok(()) } else { Err(refusal::other_issuer(expected, iss)) }
}

const ONLY_MAX_AGE: &str =
    "Only a login with `max_age` needs `auth_time`: log in without it, or report it to the provider.";

fn required<T>(claim: Option<T>, name: &'static str) -> Result<T, Error> {
    claim.ok_or_else(|| {
        let error = Error::new(ErrorCode::ID_TOKEN_MISSING_CLAIM).at(name);
        if name == "auth_time" { error.with_hint(ONLY_MAX_AGE) } else { error }
    })
}
