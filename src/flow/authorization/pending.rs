//! A login that waits for its callback, and its stored form.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::base::base64url;
use crate::base::env::Timestamp;
use crate::base::secret::{self, Secret, same_bytes};
use crate::base::url::Issuer;
use crate::base::versioned::{self, Version};
use crate::error::{Error, ErrorCode};
use crate::message::callback::digest;
use crate::party::metadata::ResponseMode;
use crate::party::owner::Owner;
use crate::party::redirect_uri::RedirectUri;
use crate::token::id_token::check::LoginExpectation;
use crate::token::scope::Scope;

/// A login that waits for its callback.
///
/// It implements serde and has a version, so an application can store it and restart during a login. The JSON has about
/// 500 bytes. It contains the PKCE verifier and the nonce in clear text, so nobody else may read or change it. Bind it
/// to the user's browser (a cookie, a platform's own store), so that an attacker cannot make a user finish the
/// attacker's login. Delete it once it is redeemed, and when it has expired ([`PendingAuthorization::expires_at`]).
///
/// `check` borrows the pending login, so a forged callback does not use it up. `redeem` takes the pending login and the
/// verified callback.
///
/// ```
/// use oidc_proto::adapter::BlockingDriver;
/// use oidc_proto::flow::{Registration, ServerMetadataFetch};
/// use oidc_proto::testing::{Provider, TestEnv};
/// use oidc_proto::{
///     ApplicationType, AuthorizationRequest, Callback, ClientMetadata, Env, Issuer, ProviderOptions, RedirectUri,
///     RelyingParty, Schemes, Scope,
/// };
///
/// let mut env = TestEnv::seeded(1);
/// let op = Provider::new("https://op.example.org");
/// let http = BlockingDriver::new(op.http(env.clock()));
/// let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
/// let provider = http.run(ServerMetadataFetch::start(issuer, ProviderOptions::new())?, &mut env)?.provider;
///
/// let redirect_uri = RedirectUri::new("https://app.example.org/cb")?;
/// let metadata = ClientMetadata::new(ApplicationType::Web, vec![redirect_uri.clone()]);
/// let registered = http.run(Registration::start(&provider, metadata)?, &mut env)?;
/// let party = RelyingParty::new(provider, registered.client(&[redirect_uri.clone()]));
///
/// let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid")?);
/// let (url, pending) = party.authorize(request, &mut env)?;
/// let callback = Callback::from_url(op.visit(url.as_str(), env.now()).callback())?;
/// let verified = party.check(&pending, &callback, env.now())?;
/// let step = party.redeem(pending, verified, &mut env)?;
/// let grant = http.run(step, &mut env)?.verified()?;
/// assert!(grant.tokens.subject().is_some());
/// # Ok::<(), oidc_proto::Error>(())
/// ```
#[derive(Clone)]
pub struct PendingAuthorization {
    pub(super) owner: Owner,
    pub(super) redirect_uri: RedirectUri,
    pub(super) scope: Scope,
    pub(super) response_mode: ResponseMode,
    pub(super) state: State,
    pub(super) code_verifier: Secret,
    pub(super) expectation: Option<LoginExpectation>,
    pub(super) expires_at: Timestamp,
}

impl PendingAuthorization {
    /// Reads a stored pending login.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }

    /// The provider that the login is at.
    pub fn issuer(&self) -> &Issuer {
        self.owner.issuer()
    }

    /// The provider, the client and the DPoP key of the login.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The redirect URI of the request.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// The response mode of the request; by default [`ResponseMode::Query`].
    pub fn response_mode(&self) -> ResponseMode {
        self.response_mode
    }

    /// The time from which callbacks are refused.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// A key to find the login by [`Callback::key`](crate::Callback::key): the SHA-256 of its
    /// `state` as base64url. It is not a secret.
    pub fn key(&self) -> String {
        base64url::encode(self.state.digest())
    }
}

/// The `state` of a login. Only its digest is stored, so that a reader of the store cannot forge a callback.
#[derive(Clone)]
pub(super) enum State {
    Drawn(Secret),
    Stored([u8; 32]),
}

impl State {
    fn digest(&self) -> [u8; 32] {
        match self {
            Self::Drawn(state) => digest(state.expose()),
            Self::Stored(digest) => *digest,
        }
    }

    /// Compares in time that does not depend on where they differ.
    pub(super) fn matches(&self, answered: &Secret) -> bool {
        match self {
            Self::Drawn(state) => state.matches(answered.expose()),
            Self::Stored(own) => same_bytes(&digest(answered.expose()), own),
        }
    }
}

impl fmt::Debug for PendingAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingAuthorization({}, expires {:?})", self.issuer(), self.expires_at)
    }
}

#[derive(Serialize, Deserialize)]
struct StoredPending {
    version: Version,
    issuer: String,
    client_id: String,
    redirect_uri: String,
    scope: Scope,
    response_mode: String,
    state_digest: String,
    #[serde(serialize_with = "secret::store")]
    code_verifier: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expectation: Option<LoginExpectation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dpop_thumbprint: Option<String>,
    expires_at: Timestamp,
}

impl Serialize for PendingAuthorization {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredPending {
            version: Version,
            issuer: self.issuer().as_str().to_owned(),
            client_id: self.owner.client_id().into(),
            redirect_uri: self.redirect_uri.as_str().to_owned(),
            scope: self.scope.clone(),
            response_mode: self.response_mode.name().to_owned(),
            state_digest: self.key(),
            code_verifier: self.code_verifier.clone(),
            expectation: self.expectation.clone(),
            dpop_thumbprint: self.owner.dpop_thumbprint().map(Into::into),
            expires_at: self.expires_at,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PendingAuthorization {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredPending::deserialize(deserializer)?;
        let malformed = || de::Error::custom(ErrorCode::STORED_MALFORMED);
        let state_digest = base64url::decode_exact(&stored.state_digest);
        // RFC 7636 section 4.1: 43 to 128 unreserved characters.
        let verifier = stored.code_verifier.expose();
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
            return Err(malformed());
        }
        // Without a nonce every ID token would do, and without an expectation every response.
        let nonce = stored.expectation.as_ref().and_then(|expectation| expectation.nonce.as_ref());
        let has_nonce = nonce.is_some_and(|nonce| !nonce.expose().is_empty());
        let is_openid = stored.scope.contains("openid");
        if has_nonce != is_openid || stored.expectation.is_some() != is_openid {
            return Err(malformed());
        }
        Ok(Self {
            owner: Owner::read(&stored.issuer, &stored.client_id, stored.dpop_thumbprint.as_deref())?,
            redirect_uri: RedirectUri::new(&stored.redirect_uri).map_err(|_| malformed())?,
            scope: stored.scope,
            response_mode: ResponseMode::from_name(&stored.response_mode).ok_or_else(malformed)?,
            state: State::Stored(state_digest.ok_or_else(malformed)?),
            code_verifier: stored.code_verifier,
            expectation: stored.expectation,
            expires_at: stored.expires_at,
        })
    }
}
