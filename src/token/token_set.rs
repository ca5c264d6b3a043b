//! The tokens of one login, as they are stored.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::id_token::IdToken;
use super::scope::Scope;
use super::token_type::TokenType;
use crate::base::env::Timestamp;
use crate::base::secret::{self, AccessToken, Secret, is_token};
use crate::base::url::Issuer;
use crate::base::versioned::{self, Version};
use crate::error::{Error, ErrorCode};
use crate::party::client::check_client_id;
use crate::party::owner::Owner;

/// The tokens of one login, and their owner.
///
/// Serde, versioned: store it as JSON. Anyone who can read it can act as the user. Anyone who can write it can make the
/// application act as another user. Store it in the platform's secret store, or encrypt and authenticate it.
///
/// Clones share one value: a session, the record that it saves and a refresh that is under way hold the same tokens.
#[derive(Clone)]
pub struct TokenSet(Arc<Tokens>);

/// What clones share.
#[derive(Clone)]
pub(crate) struct Tokens {
    pub(crate) owner: Owner,
    pub(crate) access_token: AccessToken,
    pub(crate) token_type: TokenType,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) scope: Scope,
    pub(crate) obtained_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) refresh_expires_at: Option<Timestamp>,
    /// Shared: most refreshes bring no new one.
    pub(crate) id_token: Option<Arc<IdToken>>,
}

impl TokenSet {
    /// Bearer tokens that the application has from elsewhere, another library's store for example. Their scope and
    /// expiry are not known unless set: such a token is refreshed when a resource server refuses it.
    ///
    /// # Errors
    /// `client.id`, `token.malformed`.
    pub fn from_parts(
        issuer: &Issuer,
        client_id: &str,
        access_token: AccessToken,
        refresh_token: Option<Secret>,
        obtained_at: Timestamp,
    ) -> Result<Self, Error> {
        check_client_id(client_id)?;
        if refresh_token.as_ref().is_some_and(|token| !is_token(token.expose())) {
            return Err(Error::new(ErrorCode::TOKEN_MALFORMED).at("refresh_token"));
        }
        Ok(Self::from(Tokens {
            owner: Owner::stored(issuer.clone(), client_id, None),
            access_token,
            token_type: TokenType::Bearer,
            refresh_token,
            scope: Scope::default(),
            obtained_at,
            expires_at: None,
            refresh_expires_at: None,
            id_token: None,
        }))
    }

    /// These tokens with a change. They are copied only if they are shared.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Tokens)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Sets the granted scope of tokens from elsewhere.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        self.with(|tokens| tokens.scope = scope)
    }

    /// Sets when the access token from elsewhere expires.
    #[must_use]
    pub fn with_expires_at(self, expires_at: Timestamp) -> Self {
        self.with(|tokens| tokens.expires_at = Some(expires_at))
    }

    /// Reads a stored token set.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }

    /// The provider.
    pub fn issuer(&self) -> &Issuer {
        self.0.owner.issuer()
    }

    /// The provider, the client and the DPoP key that the tokens belong to.
    pub fn owner(&self) -> &Owner {
        &self.0.owner
    }

    /// The client that the tokens were issued to.
    pub fn client_id(&self) -> &str {
        self.0.owner.client_id()
    }

    /// The access token.
    pub fn access_token(&self) -> &AccessToken {
        &self.0.access_token
    }

    /// The type of the access token: `Bearer` or `DPoP`.
    pub fn token_type(&self) -> TokenType {
        self.0.token_type
    }

    /// The refresh token.
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.0.refresh_token.as_ref()
    }

    /// The granted scope: that of the token response, or the requested scope if the response names none.
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// When the tokens were requested, by the client's clock. The tokens are not older than this.
    pub fn obtained_at(&self) -> Timestamp {
        self.0.obtained_at
    }

    /// When the access token expires, by the client's clock; `None` if the provider did not say.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at
    }

    /// When the refresh token expires, by the client's clock; `None` if the provider did not say
    /// (no standard has a name for it).
    pub fn refresh_expires_at(&self) -> Option<Timestamp> {
        self.0.refresh_expires_at
    }

    /// Whether the access token has expired or will expire within `margin`. A token with an unknown lifetime counts as
    /// not expired.
    pub fn is_expired(&self, now: Timestamp, margin: std::time::Duration) -> bool {
        self.0.expires_at.is_some_and(|expires_at| now.saturating_add(margin) >= expires_at)
    }

    /// The newest ID token, if the login was for `openid`.
    pub fn id_token(&self) -> Option<&IdToken> {
        self.0.id_token.as_deref()
    }

    /// The same, to be kept.
    pub(crate) fn shared_id_token(&self) -> Option<Arc<IdToken>> {
        self.0.id_token.clone()
    }

    /// Keeps the claims of the ID token, and not its text.
    pub(crate) fn drop_id_token_text(&mut self) {
        if let Some(bare) = self.id_token().and_then(IdToken::without_text) {
            Arc::make_mut(&mut self.0).id_token = Some(Arc::new(bare));
        }
    }

    /// Uses the texts of the given owner. The caller has checked that it equals the token set's own
    /// owner, whose texts are then dropped.
    pub(crate) fn share_owner(&mut self, owner: &Owner) {
        if self.0.owner.is_shared_with(owner) {
            return;
        }
        let tokens = Arc::make_mut(&mut self.0);
        tokens.owner = owner.clone();
        if let Some(id_token) = tokens.id_token.as_mut().and_then(Arc::get_mut) {
            id_token.share_issuer(owner.issuer());
        }
    }

    /// The thumbprint of the key that the tokens are bound to (RFC 9449): only a client with that key can use them.
    pub fn dpop_thumbprint(&self) -> Option<&str> {
        self.0.owner.dpop_thumbprint()
    }

    /// The value of the `Authorization` header, marked sensitive: `Bearer …` or `DPoP …`. With `DPoP`, the request also
    /// needs a proof (RFC 9449 section 7.1).
    pub fn authorization(&self) -> http::HeaderValue {
        self.0.access_token.authorization(self.0.token_type.name())
    }

    /// `sub` of the ID token: who logged in.
    pub fn subject(&self) -> Option<&str> {
        self.id_token().map(IdToken::subject)
    }
}

impl From<Tokens> for TokenSet {
    fn from(tokens: Tokens) -> Self {
        Self(Arc::new(tokens))
    }
}

impl fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A provider can put anything into the scope, also what it was sent.
        write!(f, "TokenSet({}, expires {:?})", self.issuer(), self.expires_at())
    }
}

#[derive(Serialize, Deserialize)]
struct StoredTokens {
    version: Version,
    issuer: String,
    client_id: String,
    #[serde(serialize_with = "secret::store")]
    access_token: Secret,
    token_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "versioned::optional_secret")]
    refresh_token: Option<Secret>,
    scope: Scope,
    obtained_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token: Option<IdToken>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dpop_thumbprint: Option<String>,
}

impl Serialize for TokenSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredTokens {
            version: Version,
            issuer: self.issuer().as_str().to_owned(),
            client_id: self.client_id().into(),
            access_token: self.access_token().expose().into(),
            token_type: self.token_type().name().to_owned(),
            refresh_token: self.refresh_token().cloned(),
            scope: self.scope().clone(),
            obtained_at: self.obtained_at(),
            expires_at: self.expires_at(),
            refresh_expires_at: self.refresh_expires_at(),
            id_token: self.id_token().cloned(),
            dpop_thumbprint: self.dpop_thumbprint().map(Into::into),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TokenSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut stored = StoredTokens::deserialize(deserializer)?;
        let malformed = || de::Error::custom(ErrorCode::STORED_MALFORMED);
        if stored.refresh_token.as_ref().is_some_and(|token| !is_token(token.expose())) {
            return Err(malformed());
        }
        if stored.id_token.as_ref().is_some_and(|id_token| !id_token.is_for(&stored.client_id)) {
            return Err(malformed());
        }
        let owner = Owner::read(&stored.issuer, &stored.client_id, stored.dpop_thumbprint.as_deref())?;
        if let Some(id_token) = &mut stored.id_token {
            id_token.share_issuer(owner.issuer());
        }
        Ok(Self::from(Tokens {
            owner,
            access_token: AccessToken::new(stored.access_token).map_err(|_| malformed())?,
            token_type: TokenType::from_name(&stored.token_type).ok_or_else(malformed)?,
            refresh_token: stored.refresh_token,
            scope: stored.scope,
            obtained_at: stored.obtained_at,
            expires_at: stored.expires_at,
            refresh_expires_at: stored.refresh_expires_at,
            id_token: stored.id_token.map(Arc::new),
        }))
    }
}
