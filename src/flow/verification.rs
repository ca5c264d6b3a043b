//! From tokens that have arrived to tokens that can be trusted.
//!
//! ```text
//! begin ─┬─ claims wrong, or nothing to verify ─────────────────▶ Done
//!        ├─ no keys yet ─▶ GET jwks_uri ─┬─ failed ─────────────▶ Done(Unverified)
//!        │                               └─▶ verify
//!        └─ verify ─┬─ signature right or wrong ────────────────▶ Done
//!                   └─ unknown key, no refetch lately ─▶ GET jwks_uri ─▶ verify once more ─▶ Done
//! ```
//!
//! Nothing here ends in an error: the tokens are there, and whatever goes wrong they come out, as
//! [`TokenOutcome::Unverified`] at worst.

use std::sync::Arc;

use crate::base::env::{Env, Timestamp};
use crate::base::json::Fields;
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use crate::jose::{self, Algorithm, Algorithms, Jws, Keys, half_hash_matches};
use crate::message::jwks;
use crate::message::token::TokenResponse;
use crate::party::client::{Client, IdTokenTrust};
use crate::party::provider::Provider;
use crate::step::{Flow, Input, Step};
use crate::token::id_token::{self, Expected, IdToken, LoginExpectation};
use crate::token::numeric::Lifetime;
use crate::token::scope::Scope;
use crate::token::token_set::TokenSet;
use crate::token::token_type::TokenType;
use crate::wire::policy::{Accept, JWKS_LIMIT, Policy};

use super::Revocation;

/// What came of a code or a refresh token.
#[derive(Debug)]
#[must_use = "it holds the tokens"]
#[allow(clippy::large_enum_variant, reason = "both hold the tokens, and are taken apart at once")]
pub enum TokenOutcome {
    /// Everything that was asked for came, and was checked.
    Verified(TokenGrant),
    /// Tokens came, but their ID token is missing or wrong.
    Unverified {
        /// What is wrong.
        error: Error,
        /// The tokens, to be verified again or revoked.
        grant: UnverifiedTokens,
    },
}

impl TokenOutcome {
    /// The tokens, or the reason why they cannot be trusted. The unverified grant is dropped: it stays valid at the
    /// provider until it expires there.
    ///
    /// # Errors
    /// The reason.
    pub fn verified(self) -> Result<TokenGrant, Error> {
        match self {
            Self::Verified(granted) => Ok(granted),
            Self::Unverified { error, .. } => Err(error),
        }
    }
}

/// Tokens, checked, and what came with them.
#[derive(Debug)]
#[non_exhaustive]
pub struct TokenGrant {
    /// The tokens.
    pub tokens: TokenSet,
    /// The keys that the ID token was verified with, newer than those that were passed in if they had to be fetched:
    /// keep them for the next login.
    pub keys: Option<Arc<Keys>>,
    /// `expires_in` as the provider wrote it.
    pub lifetime: Lifetime,
    /// The answer as it came, if the caller keeps unknown fields.
    pub fields: Option<Fields>,
}

/// Tokens whose ID token is missing or wrong. They can be verified again or revoked, and nothing else.
#[derive(Debug)]
#[must_use = "the grant is valid at the provider until it is revoked"]
pub struct UnverifiedTokens(Box<Grant>);

impl UnverifiedTokens {
    /// Verifies again: with other keys, or with those that are then fetched.
    pub fn verify(self, keys: Option<Arc<Keys>>, env: &mut dyn Env) -> Step<Verification> {
        Verification::begin(self.0, keys, env)
    }

    /// Revokes the grant.
    ///
    /// # Errors
    /// `revocation.unsupported`, `sign.failed`.
    pub fn revoke(self, env: &mut dyn Env) -> Result<Step<Revocation>, Error> {
        let Grant { provider, client, response, .. } = *self.0;
        Revocation::of(&response.access_token, response.refresh_token.as_ref(), &provider, &client, env)
    }
}

/// Tokens as they came, and what they are checked against.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) provider: Arc<Provider>,
    pub(super) client: Arc<Client>,
    pub(super) response: TokenResponse,
    pub(super) obtained_at: Timestamp,
    pub(super) origin: Origin,
}

/// What the tokens came for.
#[derive(Debug)]
pub(super) enum Origin {
    /// A login for this scope; with an expectation if it was for `openid`.
    Login { scope: Scope, expectation: Option<LoginExpectation> },
    /// A refresh of tokens of this scope, and what goes on if the answer brings no new one.
    Refresh { id_token: Option<Arc<IdToken>>, refresh_token: Secret, scope: Scope },
}

/// What could be said of an ID token.
#[allow(clippy::large_enum_variant, reason = "taken apart where it is made")]
enum Verdict {
    Good(Option<Arc<IdToken>>),
    NeedsKeys,
    Bad(Error),
}

impl Grant {
    fn judge(&self, keys: Option<&Keys>, now: Timestamp) -> Verdict {
        if let Some(flaw) = &self.response.flaw {
            return Verdict::Bad(flaw.clone());
        }
        if self.client.dpop.is_some() != (self.response.token_type == TokenType::Dpop) {
            return Verdict::Bad(ErrorCode::DPOP_NOT_BOUND.into());
        }
        let (compact, expected) = match (&self.origin, &self.response.id_token) {
            // A login without `openid` has no ID token, nor anything to compare one with.
            (Origin::Login { expectation: None, .. } | Origin::Refresh { id_token: None, .. }, _) => {
                return Verdict::Good(None);
            }
            (Origin::Login { .. }, None) => return Verdict::Bad(ErrorCode::ID_TOKEN_MISSING.into()),
            // A refresh need not bring a new one (OpenID Connect Core 1.0 section 12.2).
            (Origin::Refresh { id_token, .. }, None) => return Verdict::Good(id_token.clone()),
            (Origin::Login { expectation: Some(login), .. }, Some(compact)) => (compact, Expected::Login(login)),
            (Origin::Refresh { id_token: Some(previous), .. }, Some(compact)) => (compact, Expected::Refresh(previous)),
        };
        self.verify(compact, &expected, keys, now).unwrap_or_else(Verdict::Bad)
    }

    fn verify(
        &self,
        compact: &Secret,
        expected: &Expected<'_>,
        keys: Option<&Keys>,
        now: Timestamp,
    ) -> Result<Verdict, Error> {
        let allowed = allowed_algorithms(&self.provider, &self.client);
        let jws = Jws::parse(compact.expose())?;
        jws.check_algorithm(allowed)?;
        let unchecked = id_token::parse(compact, &jws.payload()?, &self.provider, &self.client, now)?;
        match self.client.id_token_trust {
            IdTokenTrust::DangerousTrustTls => check_tls_can_be_trusted(&self.provider)?,
            IdTokenTrust::Verify => {
                let _signed: jose::Signed = match (jws.algorithm(), self.client.auth.secret(), keys) {
                    (Algorithm::Hs256, Some(secret), _) => jws.verify_hs256(secret)?,
                    (_, _, Some(keys)) => jws.verify(keys, allowed)?,
                    (_, _, None) => return Ok(Verdict::NeedsKeys),
                };
            }
        }
        let access_token = self.response.access_token.expose();
        let at_hash_fits = |at_hash: &str| half_hash_matches(jws.algorithm(), access_token, at_hash);
        unchecked.check(expected, at_hash_fits, now).map(|id_token| Verdict::Good(Some(Arc::new(id_token))))
    }

    fn granted(self, id_token: Option<Arc<IdToken>>, keys: Option<Arc<Keys>>) -> TokenGrant {
        let Self { provider, client, response, obtained_at, origin } = self;
        let (scope, refresh_token) = match origin {
            Origin::Login { scope, .. } => (scope, None),
            Origin::Refresh { scope, refresh_token, .. } => (scope, Some(refresh_token)),
        };
        TokenGrant {
            tokens: TokenSet {
                issuer: provider.issuer().clone(),
                client_id: client.id.clone(),
                access_token: response.access_token,
                token_type: response.token_type,
                refresh_token: response.refresh_token.or(refresh_token),
                scope: response.scope.unwrap_or(scope),
                obtained_at,
                expires_at: response.lifetime.duration().map(|lifetime| obtained_at.saturating_add(lifetime)),
                id_token,
                dpop_thumbprint: client.dpop.as_ref().map(|key| key.shared_thumbprint()),
            },
            keys,
            lifetime: response.lifetime,
            fields: response.fields,
        }
    }
}

/// The algorithms that an ID token may be signed with: never those that it names itself.
pub(super) fn allowed_algorithms(provider: &Provider, client: &Client) -> Algorithms {
    if let Some(registered) = client.registered_algorithm {
        return Algorithms::of(&[registered]);
    }
    if let Some(chosen) = client.algorithms {
        // HS256 has to be registered: a provider that may choose it could be talked into a key that is public.
        return chosen.intersection(jose::asymmetric());
    }
    let advertised = provider.metadata().id_token_signing_algorithms.intersection(jose::asymmetric());
    if advertised.is_empty() { Algorithms::of(&[Algorithm::Rs256]) } else { advertised }
}

/// Whether ID tokens can be judged at all, asked before a code is spent.
pub(super) fn check_trust(provider: &Provider, client: &Client) -> Result<(), Error> {
    match client.id_token_trust {
        IdTokenTrust::DangerousTrustTls => check_tls_can_be_trusted(provider),
        IdTokenTrust::Verify if jose::supported().is_empty() => Err(ErrorCode::JWS_NO_BACKEND.into()),
        IdTokenTrust::Verify => Ok(()),
    }
}

fn check_tls_can_be_trusted(provider: &Provider) -> Result<(), Error> {
    if provider.metadata().token_endpoint.is_https() {
        Ok(())
    } else {
        Err(ErrorCode::ID_TOKEN_TRUST_TLS_OVER_HTTP.into())
    }
}

/// Awaits the keys to verify an ID token with.
#[derive(Debug)]
pub struct Verification {
    grant: Box<Grant>,
    /// The keys that did not do, and what they did not do for.
    refetch: Option<(Arc<Keys>, Error)>,
}

impl Verification {
    pub(super) fn begin(grant: Box<Grant>, keys: Option<Arc<Keys>>, env: &mut dyn Env) -> Step<Self> {
        match grant.judge(keys.as_deref(), env.now()) {
            Verdict::Good(id_token) => Step::Done(TokenOutcome::Verified(grant.granted(id_token, keys))),
            Verdict::NeedsKeys => Self::fetch(grant, None),
            Verdict::Bad(error) => match keys {
                Some(keys) if error.code() == ErrorCode::JWS_UNKNOWN_KEY && keys.claim_refetch(env.now()) => {
                    Self::fetch(grant, Some((keys, error)))
                }
                _ => unverified(error, grant),
            },
        }
    }

    fn fetch(grant: Box<Grant>, refetch: Option<(Arc<Keys>, Error)>) -> Step<Self> {
        let request = match jwks::endpoint(&grant.provider) {
            Ok(endpoint) => jwks::request(endpoint),
            Err(error) => return unverified(error, grant),
        };
        Step::call(request, Policy::read(JWKS_LIMIT, Accept::AnyButMarkup), Self { grant, refetch })
    }

    /// No keys came. What that means depends on whether there were some.
    fn without_keys(self, error: Error) -> Step<Self> {
        match self.refetch {
            Some((_, unknown_key)) => unverified(unknown_key.with_source(error), self.grant),
            None => unverified(error, self.grant),
        }
    }
}

fn unverified(error: Error, grant: Box<Grant>) -> Step<Verification> {
    Step::Done(TokenOutcome::Unverified { error, grant: UnverifiedTokens(grant) })
}

impl Flow for Verification {
    type Output = TokenOutcome;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let previous = self.refetch.as_ref().map(|(keys, _)| &**keys);
        let response = input.response().map_err(jwks::during);
        Ok(match response.and_then(|response| jwks::parse(response, previous, env.now())) {
            Err(error) => self.without_keys(error),
            // The cooldown that `parse` handed on, or the set's own freshness, keeps this from going round.
            Ok(keys) => Self::begin(self.grant, Some(keys), env),
        })
    }
}
