//! The outcome of a token request, and the check of its tokens.
//!
//! Once tokens have arrived, the flow does not end in an error: it returns the tokens, as
//! [`TokenOutcome::Unverified`] if a check failed or could not be made, or if only a refresh token can be used.

use std::sync::Arc;

use http::StatusCode;

use super::key_search::{By, Check};
use super::revocation::Revocation;
use crate::base::env::{Env, Timestamp};
use crate::base::json::Fields;
use crate::base::secret::{AccessToken, Body, Secret, is_token, same_bytes};
use crate::base::word_set::{Words, words};
use crate::error::{Error, ErrorCode, ProviderText, Quote, Recovery, Sent};
use crate::jose::{self, Algorithm, Algorithms, HS256_SECRET_LENGTH, Jws, half_hash};
use crate::message::token::TokenResponse;
use crate::party::client::{Client, IdTokenTrust};
use crate::party::client_auth::{clocks_differ, explained};
use crate::party::options::Deviation;
use crate::party::relying_party::RelyingParty;
use crate::step::Step;
use crate::token::id_token::check::{self, Expected, LoginExpectation, SignatureEvidence};
use crate::token::id_token::{self, IdToken};
use crate::token::numeric::Lifetime;
use crate::token::scope::Scope;
use crate::token::token_set::{TokenSet, Tokens};
use crate::token::token_type::TokenType;

/// The outcome of a token request whose response has tokens.
///
/// Exhaustive, so that callers handle the tokens of both variants.
#[derive(Debug)]
#[must_use = "it holds the tokens"]
#[allow(clippy::large_enum_variant, reason = "both hold the tokens, and are taken apart at once")]
pub enum TokenOutcome {
    /// The tokens came, and their ID token, if one was expected, was verified.
    Verified(TokenGrant),
    /// The tokens came, but their ID token is missing, is wrong or could not be verified; or the
    /// token response breaks the standard; or the tokens do not fit the client's DPoP key.
    Unverified {
        /// What is wrong.
        error: Error,
        /// The tokens, to be verified again or revoked.
        tokens: UnverifiedTokens,
    },
}

impl TokenOutcome {
    /// The verified tokens. Unverified tokens are dropped: they stay valid at the provider until they expire there.
    ///
    /// # Errors
    /// The error of [`TokenOutcome::Unverified`].
    pub fn verified(self) -> Result<TokenGrant, Error> {
        match self {
            Self::Verified(granted) => Ok(granted),
            Self::Unverified { error, .. } => Err(error),
        }
    }
}

words! {
    /// What is wrong with an ID token that is accepted all the same.
    IdTokenWarning {
        /// The `kid` names another key of the provider than the key that signed the token.
        OtherKey = "other_key",
        /// The ID token of a refresh has a later `auth_time` than the one before it (against OpenID Connect Core 1.0
        /// section 12.2).
        LaterAuthTime = "later_auth_time",
    }
}

/// Verified tokens, and the rest of the token response.
#[derive(Debug)]
#[non_exhaustive]
pub struct TokenGrant {
    /// The tokens.
    pub tokens: TokenSet,
    /// `expires_in` as the provider wrote it.
    pub lifetime: Lifetime,
    /// The lifetime of the refresh token, if the provider sends it (`refresh_expires_in` or `refresh_token_expires_in`;
    /// no standard defines them). Refresh before it ends.
    pub refresh_lifetime: Lifetime,
    /// What is wrong with the ID token, although it is accepted. Log it.
    pub warnings: Words<IdTokenWarning>,
    /// The whole token response, if the caller chose [`UnknownFields::Keep`](crate::UnknownFields::Keep).
    pub fields: Option<Fields>,
}

/// Tokens whose ID token is missing, is wrong or could not be verified, whose token response breaks
/// the standard, or which do not fit the client's DPoP key; there may be a refresh token only. The
/// caller can only verify them again or revoke them: without evidence of the signature, the claims
/// of the ID token are neither checked nor shown.
///
/// ```
/// # use oidc_proto::{TokenSet, UnverifiedTokens};
/// fn subject(tokens: &TokenSet) -> Option<&str> {
///     tokens.subject()
/// }
/// ```
///
/// ```compile_fail,E0599
/// # use oidc_proto::{TokenSet, UnverifiedTokens};
/// fn subject(tokens: &UnverifiedTokens) -> Option<&str> {
///     tokens.subject()
/// }
/// ```
#[derive(Debug)]
#[must_use = "the grant is valid at the provider until it is revoked"]
pub struct UnverifiedTokens(pub(super) Box<Grant>);

impl UnverifiedTokens {
    /// The refresh token that came, if it can be kept. It says nothing of the ID token: what the next response has is
    /// verified.
    pub(crate) fn refresh_token(&self) -> Option<&Secret> {
        self.0.response.refresh_token.as_ref().filter(|token| is_token(token.expose()))
    }

    /// When the refresh token expires, if the response says so.
    pub(crate) fn refresh_expires_at(&self) -> Option<Timestamp> {
        let lifetime = self.0.response.refresh_lifetime.duration()?;
        Some(self.0.obtained_at.saturating_add(lifetime))
    }

    /// Whether no access token came that can be used, but only a refresh token.
    pub(crate) fn lack_access_token(&self) -> bool {
        self.0.response.access_token.is_err()
    }

    /// Whether the response itself is wrong, so that it stays wrong however often its ID token is verified.
    pub(crate) fn are_flawed(&self) -> bool {
        self.lack_access_token() || self.0.response.flaw.is_some()
    }

    /// Revokes the tokens, like [`RelyingParty::revoke`].
    ///
    /// # Errors
    /// `revocation.unsupported`, `dpop.algorithm`, `sign.failed`.
    pub fn revoke(self, env: &mut dyn Env) -> Result<Step<Revocation>, Error> {
        let Grant { party, response, .. } = *self.0;
        Revocation::of(response.refresh_token.as_ref(), response.access_token.as_ref(), &party, env)
    }
}

/// Unverified tokens, and the expectations to check them against.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) party: RelyingParty,
    pub(super) response: TokenResponse,
    pub(super) obtained_at: Timestamp,
    pub(super) origin: Origin,
}

/// The request that the tokens were obtained with.
#[derive(Debug)]
pub(super) enum Origin {
    /// A login for this scope; with an expectation if it was for `openid`. A code can be sent once, unlike a device
    /// code.
    Login { scope: Scope, expectation: Option<LoginExpectation>, spends_code: bool },
    /// A refresh of these tokens, perhaps for a smaller scope. Their ID token and their refresh token are kept if the
    /// response has no new ones.
    Refresh { tokens: TokenSet, scope: Option<Scope> },
}

impl Origin {
    /// The ID token to verify and its expectation; `None` if there is nothing to verify.
    ///
    /// # Errors
    /// `id_token.missing`.
    fn expects<'a>(&'a self, response: &'a TokenResponse) -> Result<Option<(&'a Secret, Expected<'a>)>, Error> {
        let expected = match self {
            Self::Login { expectation, .. } => expectation.as_ref().map(Expected::Login),
            Self::Refresh { tokens, .. } => tokens.id_token().map(Expected::Refresh),
        };
        match (self, expected, &response.id_token) {
            // A login without `openid` has no ID token, nor anything to compare one with.
            (_, None, _) => Ok(None),
            (_, Some(expected), Some(compact)) => Ok(Some((compact, expected))),
            (Self::Login { .. }, Some(_), None) => Err(ErrorCode::ID_TOKEN_MISSING.into()),
            // A refresh need not bring a new one (OpenID Connect Core 1.0 section 12.2).
            (Self::Refresh { .. }, Some(_), None) => Ok(None),
        }
    }
}

impl Origin {
    /// Says what to do about the error of the request, and whether it means a dead refresh token at this provider.
    pub(super) fn explained(&self, error: Error, party: &RelyingParty) -> Error {
        let error = explained(error, party);
        // Whatever a server says that failed or is busy: nobody knows what it did with the code before.
        let was_sent = error.status().is_some() || error.failure().is_some_and(|failure| failure.sent == Sent::Maybe);
        let may_be_spent = matches!(error.recovery(), Recovery::Retry { .. }) && was_sent;
        if matches!(self, Self::Login { spends_code: true, .. }) && may_be_spent {
            let hint = "Log in again: the code may have been used, and works once.";
            return error.with_recovery(Recovery::LogInAgain).with_hint(hint);
        }
        if !matches!(self, Self::Refresh { .. }) {
            return error;
        }
        let name = error.provider_text().and_then(ProviderText::error);
        let may_be_dead = match error.code() {
            ErrorCode::TOKEN_INVALID_REQUEST => true,
            ErrorCode::TOKEN_ERROR => name == Some("bad_refresh_token"),
            _ => false,
        };
        let is_silent = is_silent_refusal(&error) || status_alone(&error) == Some(StatusCode::FORBIDDEN);
        if error.code() == ErrorCode::TOKEN_ERROR && !may_be_dead || is_silent {
            let hint = format!("If the refresh token has expired, log in again. {}", error.hint());
            return error.with_hint(hint);
        }
        if !may_be_dead || clocks_differ(&error, party).is_some() {
            return error;
        }
        if party.provider().options().accepts(Deviation::RefreshErrors) {
            return error.with_code(ErrorCode::TOKEN_INVALID_GRANT);
        }
        let name = Deviation::RefreshErrors.name();
        let hint = format!(
            "If the refresh token has expired, log in again. The deviation `{name}` gives this error that meaning."
        );
        error.with_hint(hint)
    }
}

/// Whether the provider refused the request and did not say why. A 403 without a reason is no such refusal: a firewall or a
/// proxy in front of the provider sends it to everybody, and Glewlwyd for an assertion that it does not accept. If it
/// counted, three seconds of a wrong rule in a firewall would end every session.
pub(crate) fn is_silent_refusal(error: &Error) -> bool {
    matches!(status_alone(error), Some(StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED))
}

/// The status, if that is all that came.
fn status_alone(error: &Error) -> Option<StatusCode> {
    error.status().filter(|_| error.code() == ErrorCode::HTTP_STATUS && error.provider_text().is_none())
}

impl Check for Grant {
    type Verified = (AccessToken, Option<Arc<IdToken>>, Words<IdTokenWarning>);
    type Output = TokenOutcome;

    fn party(&self) -> &RelyingParty {
        &self.party
    }

    fn signed(&self) -> (&str, Algorithms) {
        let compact = self.response.id_token.as_ref().map_or("", |compact| compact.expose());
        (compact, allowed_algorithms(&self.party))
    }

    fn check(&self, by: By<'_>, now: Timestamp) -> Result<Self::Verified, Error> {
        let access_token = self.response.access_token.as_ref().map_err(Error::clone)?;
        if let Some(flaw) = &self.response.flaw {
            return Err(flaw.clone());
        }
        let client = self.party.client();
        if client.dpop.is_some() != (self.response.token_type == TokenType::Dpop) {
            return Err(not_bound(client.dpop.is_some()));
        }
        let Some((compact, expected)) = self.origin.expects(&self.response)? else {
            return Ok((access_token.clone(), self.kept(), Words::EMPTY));
        };
        let allowed = allowed_algorithms(&self.party);
        let jws = Jws::parse_named(compact.expose(), "id_token")?;
        jws.check_algorithm(allowed)?;
        id_token::refusal::check_type(jws.typ())?;
        let payload = Body::from(jws.payload()?);
        let unchecked = check::parse(compact, payload.as_ref(), self.party.provider(), client, now)?;
        let mut warnings = Words::EMPTY;
        let evidence = match (client.id_token_trust, by, client.auth.secret()) {
            (IdTokenTrust::DangerousTrustTls, ..) => SignatureEvidence::waived(self.party.provider())?,
            (_, _, Some(secret)) if jws.algorithm() == Algorithm::Hs256 => jws.verify_hs256(secret)?.into(),
            (_, by, _) => {
                let signed = by.signed(&jws, allowed)?;
                if signed.is_by_other_key() {
                    warnings = warnings.with(IdTokenWarning::OtherKey);
                }
                signed.into()
            }
        };
        let at_hash_fits = |at_hash: &[u8]| {
            let own = match self.party.key_cell().backend() {
                Some(backend) => backend.half_hash(jws.algorithm(), access_token.expose()),
                None => half_hash(jws.algorithm(), access_token.expose()),
            };
            same_bytes(own.as_bytes(), at_hash)
        };
        let id_token = unchecked.check(evidence, &expected, at_hash_fits, now)?;
        self.party.provider().server_time().note_issued(id_token.issued_at(), self.obtained_at);
        if let Expected::Refresh(previous) = expected
            && id_token.auth_time().zip(previous.auth_time()).is_some_and(|(new, old)| new > old)
        {
            warnings = warnings.with(IdTokenWarning::LaterAuthTime);
        }
        Ok((access_token.clone(), Some(Arc::new(id_token)), warnings))
    }

    fn conclude(self, verdict: Result<Self::Verified, Error>) -> TokenOutcome {
        match verdict {
            Ok((access_token, id_token, warnings)) => {
                TokenOutcome::Verified(self.granted(access_token, id_token, warnings))
            }
            Err(error) => TokenOutcome::Unverified { error, tokens: UnverifiedTokens(Box::new(self)) },
        }
    }
}

impl Grant {
    /// The old ID token, if no new ID token has to be verified.
    fn kept(&self) -> Option<Arc<IdToken>> {
        match &self.origin {
            Origin::Refresh { tokens, .. } => tokens.shared_id_token(),
            Origin::Login { .. } => None,
        }
    }

    fn granted(
        self,
        access_token: AccessToken,
        id_token: Option<Arc<IdToken>>,
        warnings: Words<IdTokenWarning>,
    ) -> TokenGrant {
        let Self { party, response, obtained_at, origin } = self;
        let kept = match &origin {
            Origin::Login { .. } => None,
            Origin::Refresh { tokens, .. } => tokens.refresh_token().map(|old| (old, tokens.refresh_expires_at())),
        };
        let (refresh_token, kept_until) = match (response.refresh_token, kept) {
            (Some(new), _) => (Some(new), None),
            (None, Some((old, until))) => (Some(old.clone()), until),
            (None, None) => (None, None),
        };
        // A response that names no scope grants what was asked for (RFC 6749 section 5.1).
        let scope = response.scope.unwrap_or_else(|| match origin {
            Origin::Login { scope, .. } => scope,
            Origin::Refresh { tokens, scope } => scope.unwrap_or_else(|| tokens.scope().clone()),
        });
        let end = |lifetime: Lifetime| lifetime.duration().map(|lifetime| obtained_at.saturating_add(lifetime));
        TokenGrant {
            tokens: TokenSet::from(Tokens {
                owner: party.owner().clone(),
                access_token,
                token_type: response.token_type,
                refresh_expires_at: end(response.refresh_lifetime).or(kept_until).filter(|_| refresh_token.is_some()),
                refresh_token,
                scope,
                obtained_at,
                expires_at: end(response.lifetime),
                id_token,
            }),
            lifetime: response.lifetime,
            refresh_lifetime: response.refresh_lifetime,
            warnings,
            fields: response.fields,
        }
    }
}

/// The tokens are bound to a key, and the client has none, or the other way round.
fn not_bound(has_key: bool) -> Error {
    let (bearer, dpop) = (TokenType::Bearer.name(), TokenType::Dpop.name());
    let (expected, found) = if has_key { (dpop, bearer) } else { (bearer, dpop) };
    let error = Error::new(ErrorCode::DPOP_NOT_BOUND).at("token_type").with_expected(Quote::library(expected));
    let error = error.with_found(Quote::library(found));
    if has_key { error } else { error.with_hint(BOUND_TO_OTHER) }
}

const BOUND_TO_OTHER: &str = "The tokens are bound to a key, and the client has none: give it a DPoP key, or have the provider issue it bearer tokens.";

/// The algorithms that an ID token may be signed with. The token itself never chooses its algorithm.
pub(super) fn allowed_algorithms(party: &RelyingParty) -> Algorithms {
    let client = party.client();
    if let Some(registered) = client.registered_algorithm {
        return Algorithms::of(&[registered]);
    }
    if let Some(chosen) = client.algorithms {
        // HS256 has to be registered, and is then the only algorithm: in a list with others, the
        // token would choose between the client's secret and a public key.
        return chosen.intersection(jose::asymmetric());
    }
    let advertised = party.provider().metadata().id_token_signing_algorithms.intersection(jose::asymmetric());
    if advertised.is_empty() { Algorithms::of(&[Algorithm::Rs256]) } else { advertised }
}

/// Checks, before a code is spent, that ID tokens can be verified at all.
pub(super) fn check_trust(party: &RelyingParty) -> Result<(), Error> {
    let client = party.client();
    match client.id_token_trust {
        IdTokenTrust::Verify | IdTokenTrust::VerifyElsewhere
            if client.registered_algorithm == Some(Algorithm::Hs256) =>
        {
            check_hs256(client)
        }
        IdTokenTrust::DangerousTrustTls => SignatureEvidence::waived(party.provider()).map(drop),
        IdTokenTrust::Verify if party.key_cell().backend().is_none() => Err(ErrorCode::JWS_NO_BACKEND.into()),
        IdTokenTrust::Verify | IdTokenTrust::VerifyElsewhere => Ok(()),
    }
}

/// HS256 signs ID tokens with the client's secret (RFC 7518 section 3.2).
fn check_hs256(client: &Client) -> Result<(), Error> {
    let hint = match client.auth.secret() {
        Some(secret) if secret.expose().len() >= HS256_SECRET_LENGTH => return Ok(()),
        Some(_) => SHORT_SECRET,
        None => NO_SECRET,
    };
    Err(Error::new(ErrorCode::TOKEN_CLIENT_AUTH).at("client_secret").with_hint(hint))
}

const NO_SECRET: &str = "HS256 verifies ID tokens with the client's secret, and the client has no secret: configure the secret, or register another algorithm.";
const SHORT_SECRET: &str = "HS256 verifies ID tokens with the client's secret, and needs one of at least 32 bytes: get a longer secret, or register another algorithm.";
