//! A user's session in its stored form: the user, the device and the tokens.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::account::{AccountAction, AccountManagement, AccountUrl};
use super::auth_server::AuthServer;
use super::binding::Binding;
use super::homeserver::Homeserver;
use super::id::{DeviceId, UserId};
use super::party::Party;
use crate::base::env::Env;
use crate::base::versioned::{self, Version};
use crate::error::Error;
use crate::flow::Revocation;
use crate::message::end_session::EndSessionRequest;
use crate::party::owner::Owner;
use crate::step::Step;
use crate::token::token_set::TokenSet;

/// A user, a device and its tokens at a homeserver.
///
/// It implements serde and has a version: store it as JSON, and keep it as secret as a [`TokenSet`]. The client is
/// stored separately, in the application's [`Registrations`](crate::Registrations), because all sessions share it.
/// [`Session::new`](super::Session::new) takes both.
#[derive(Clone)]
pub struct UserSession {
    binding: Binding,
    tokens: TokenSet,
}

impl UserSession {
    /// A session from another source, for example the store of another crate, or a login by QR code. A login with this
    /// crate returns one.
    pub fn new(homeserver: Homeserver, user_id: UserId, device_id: DeviceId, tokens: TokenSet) -> Self {
        Self { binding: Binding { homeserver, user_id, device_id }, tokens }
    }

    /// Reads what was stored.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }

    /// The user and the device.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// The homeserver.
    pub fn homeserver(&self) -> &Homeserver {
        &self.binding.homeserver
    }

    /// The user.
    pub fn user_id(&self) -> &UserId {
        &self.binding.user_id
    }

    /// The device.
    pub fn device_id(&self) -> &DeviceId {
        &self.binding.device_id
    }

    /// The tokens.
    pub fn tokens(&self) -> &TokenSet {
        &self.tokens
    }

    /// The same session with its newer tokens.
    #[must_use]
    pub fn with_tokens(self, tokens: TokenSet) -> Self {
        Self { tokens, ..self }
    }

    /// The same session at a provider that was renamed, after `provider.mismatch`: a session
    /// belongs to its homeserver, and the homeserver names its provider. The ID token of the old
    /// name is left out. The session's tokens go to the issuer that `server` names from then on, so
    /// ask the user or the administrator if the error, which has both names, is a surprise.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`.
    pub fn moved_to_provider_of(self, server: &AuthServer) -> Result<Self, Error> {
        server.check_home(&self.binding.homeserver)?;
        let issuer = server.provider.issuer().clone();
        let owner = Owner::stored(issuer, self.tokens.client_id(), self.tokens.dpop_thumbprint());
        // An ID token of the old name would be another provider's.
        Ok(Self { tokens: self.tokens.with(|tokens| (tokens.owner, tokens.id_token) = (owner, None)), ..self })
    }

    /// The URL of the account's page. An action about one device is about the session's own device
    /// unless you name another: a provider ignores such an action if the URL has no device ID. The
    /// session's ID token goes along as a hint.
    pub fn account_url(
        &self,
        account: &AccountManagement,
        action: Option<AccountAction>,
        device: Option<&DeviceId>,
    ) -> AccountUrl {
        let is_about_one = matches!(action, Some(AccountAction::DeviceView | AccountAction::DeviceDelete));
        let device = device.or(is_about_one.then(|| self.device_id()));
        account.hinted_url_of(action.map(|action| account.name_of(action)), device, self.tokens.id_token())
    }

    /// Revokes the tokens: the homeserver then deletes the device. Delete the session first, then drive this flow: a
    /// logout that waits for the network can fail.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`, and as [`RelyingParty::revoke`](crate::RelyingParty::revoke).
    pub fn revoke(&self, party: &Party, env: &mut dyn Env) -> Result<Step<Revocation>, Error> {
        party.check_home(&self.binding.homeserver)?;
        party.relying_party().revoke(&self.tokens, env)
    }

    /// Ends the provider's own session in the user's browser too: for [`Party::end_session`]. The hint is the ID token,
    /// or else the user ID.
    pub fn end_session(&self) -> EndSessionRequest {
        match self.tokens.id_token() {
            Some(id_token) => EndSessionRequest::new().with_id_token_hint(id_token),
            None => EndSessionRequest::new().with_logout_hint(self.user_id().hint()),
        }
    }
}

impl Binding {
    /// What is to be stored, with these tokens.
    pub fn with_tokens(&self, tokens: TokenSet) -> UserSession {
        UserSession::new(self.homeserver.clone(), self.user_id.clone(), self.device_id.clone(), tokens)
    }
}

impl fmt::Debug for UserSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserSession({:?}, {:?}, {:?})", self.user_id(), self.device_id(), self.tokens)
    }
}

#[derive(Serialize, Deserialize)]
struct StoredSession {
    version: Version,
    homeserver: Homeserver,
    user_id: UserId,
    device_id: DeviceId,
    tokens: TokenSet,
}

impl Serialize for UserSession {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { binding: Binding { homeserver, user_id, device_id }, tokens } = self.clone();
        StoredSession { version: Version, homeserver, user_id, device_id, tokens }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UserSession {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredSession::deserialize(deserializer)?;
        let StoredSession { homeserver, user_id, device_id, tokens, .. } = stored;
        Ok(Self::new(homeserver, user_id, device_id, tokens))
    }
}
