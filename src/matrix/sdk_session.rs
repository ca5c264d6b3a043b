//! What `matrix-sdk` has stored: sessions and client IDs, of its module `oidc` (0.10 and before) and of `oauth` (0.11
//! and later).
//!
//! ```text
//! 0.10  {user_id, device_id, access_token, refresh_token?, latest_id_token?, issuer | issuer_info: {issuer}}
//! 0.11  {user_id, device_id, access_token, refresh_token?}
//! ```
//!
//! An application stores this beside the client ID: `{client_id, user}`, `{client_id, user_session}` or
//! `{client_credentials: {client_id}, user_session}`. All of these are read.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use url::Url;

use super::application::Application;
use super::auth_server::AuthServer;
use super::homeserver::Homeserver;
use super::id::{DeviceId, UserId};
use super::user_session::UserSession;
use crate::base::env::Timestamp;
use crate::base::secret::{AccessToken, Secret};
use crate::base::url::{Issuer, Schemes};
use crate::error::{Error, ErrorCode, Quote};
use crate::party::client::{ClientAuth, is_client_id};
use crate::party::redirect_uri::RedirectUri;
use crate::party::registered::Registered;
use crate::token::id_token::IdToken;
use crate::token::token_set::TokenSet;

/// A session that `matrix-sdk` stored, not yet joined with a provider. As secret as a [`TokenSet`].
#[derive(Clone)]
pub struct SdkSession {
    user_id: UserId,
    device_id: DeviceId,
    access_token: AccessToken,
    refresh_token: Option<Secret>,
    id_token: Option<Secret>,
    issuer: Option<String>,
    client_id: Option<String>,
}

#[derive(Deserialize)]
struct Stored {
    #[serde(alias = "user_session")]
    user: Option<User>,
    client_id: Option<String>,
    #[serde(alias = "credentials")]
    client_credentials: Option<Credentials>,
}

#[derive(Deserialize)]
struct Credentials {
    client_id: String,
}

#[derive(Deserialize)]
struct User {
    user_id: UserId,
    device_id: DeviceId,
    access_token: Secret,
    #[serde(default)]
    refresh_token: Option<Secret>,
    #[serde(default)]
    latest_id_token: Option<Secret>,
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    issuer_info: Option<IssuerInfo>,
}

#[derive(Deserialize)]
struct IssuerInfo {
    issuer: String,
}

impl SdkSession {
    /// Reads a session as `matrix-sdk` wrote it, alone or beside its client ID.
    ///
    /// # Errors
    /// `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        // The parser's message can quote a secret: it is dropped.
        let malformed = || Error::from(ErrorCode::STORED_MALFORMED);
        let Stored { user, client_id, client_credentials } = serde_json::from_str(json).map_err(|_| malformed())?;
        let user = match user {
            Some(user) => user,
            None => serde_json::from_str(json).map_err(|_| malformed())?,
        };
        Ok(Self {
            user_id: user.user_id,
            device_id: user.device_id,
            access_token: AccessToken::new(user.access_token).map_err(|_| malformed())?,
            refresh_token: user.refresh_token,
            id_token: user.latest_id_token,
            issuer: user.issuer.or(user.issuer_info.map(|info| info.issuer)),
            client_id: client_id.or(client_credentials.map(|credentials| credentials.client_id)),
        })
    }

    /// The user.
    pub fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// The device.
    pub fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    /// The provider, which sessions of 0.10 name.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The client ID that the session was made with, if it was stored beside the session.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// Sets the client ID, where it was stored elsewhere.
    #[must_use]
    pub fn with_client_id(self, client_id: impl Into<String>) -> Self {
        Self { client_id: Some(client_id.into()), ..self }
    }

    /// Forgets the provider that the session names, if the homeserver's provider was renamed since
    /// (`provider.mismatch`). A session belongs to its homeserver: [`SdkSession::join`] it with
    /// that one only, because its tokens go to the provider that the homeserver names. The ID token
    /// of the old name is left out.
    #[must_use]
    pub fn without_issuer(self) -> Self {
        Self { issuer: None, id_token: None, ..self }
    }

    /// The session at its homeserver and the homeserver's provider. The SDK did not store the time
    /// at which the access token expires, so the session refreshes when the homeserver refuses the
    /// token.
    ///
    /// The ID token that 0.10 stored stays the hint for the provider's pages. It is left out if it names another issuer
    /// or another client. The SDK verified its signature before it stored it: this is not done again.
    ///
    /// # Errors
    /// `provider.mismatch` if the session names another provider; `client.mismatch` if its client ID is not known;
    /// `token.malformed`.
    pub fn join(self, server: &AuthServer, now: Timestamp) -> Result<UserSession, Error> {
        let issuer = server.provider.issuer();
        if let Some(named) = self.issuer.as_deref().filter(|named| !is_same(named, issuer.as_str())) {
            let error = Error::new(ErrorCode::PROVIDER_MISMATCH).with_expected(Quote::caller(issuer.as_str()));
            return Err(error.with_found(Quote::caller(named)));
        }
        let client_id = self.client_id.as_deref().ok_or_else(|| {
            let error =
                Error::new(ErrorCode::CLIENT_MISMATCH).at("client_id").with_found(Quote::library("no client ID"));
            error.with_hint("The session names no client: give it with `SdkSession::with_client_id`.")
        })?;
        let id_token = self.id_token.and_then(|compact| IdToken::imported(&compact, issuer, client_id));
        let tokens = TokenSet::from_parts(issuer, client_id, self.access_token, self.refresh_token, now)?;
        let tokens = tokens.with(|tokens| tokens.id_token = id_token.map(Arc::new));
        Ok(UserSession::new(server.homeserver.clone(), self.user_id, self.device_id, tokens))
    }
}

impl fmt::Debug for SdkSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SdkSession({:?}, {:?})", self.user_id, self.device_id)
    }
}

/// The SDK stored URLs, which always have a path.
fn is_same(stored: &str, own: &str) -> bool {
    stored.trim_end_matches('/') == own.trim_end_matches('/')
}

/// The SDK's file of registrations, or the static ones of its `ClientRegistrationData`, by issuer or homeserver.
#[derive(Deserialize)]
struct Clients {
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    dynamic_registrations: BTreeMap<String, String>,
    #[serde(default)]
    static_registrations: Option<BTreeMap<String, String>>,
}

/// What the SDK said of the client when it registered.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    redirect_uris: Option<Vec<String>>,
}

impl Metadata {
    /// The redirect URIs of the registration, if one of these is not among them. A file that names none says nothing.
    fn others_than(self, own: &[RedirectUri]) -> Option<Vec<RedirectUri>> {
        let written = self.redirect_uris?;
        // The SDK wrote them as the URL Standard does.
        let is_same = |written: &str, own: &str| match (Url::parse(written), Url::parse(own)) {
            (Ok(written), Ok(own)) => written == own,
            _ => written == own,
        };
        let is_written = |own: &RedirectUri| written.iter().any(|written| is_same(written, own.as_str()));
        let all = own.iter().all(is_written);
        (!all).then(|| written.iter().filter_map(|uri| RedirectUri::new(uri).ok()).collect())
    }
}

impl Application {
    /// Takes over the client IDs that `matrix-sdk` knew at this homeserver and its provider: from its file of
    /// registrations (`dynamic_registrations`), or from `static_registrations`, whose keys are issuers or homeservers.
    /// A registered one is kept for its sessions, and for further logins if the application reuses clients. If the file
    /// names the redirect URIs that it was registered for, and one of the application's own is not among them, it is
    /// kept for its sessions only: the application registers for its logins. Returns whether there was one.
    ///
    /// # Errors
    /// `stored.malformed`.
    pub fn import(&mut self, server: &AuthServer, json: &str) -> Result<bool, Error> {
        let clients: Clients = serde_json::from_str(json).map_err(|_| ErrorCode::STORED_MALFORMED)?;
        let issuer: &Issuer = server.provider.issuer();
        // One that could not be read back from storage is of no use.
        let own = |clients: &BTreeMap<String, String>, url: &str| {
            clients.iter().find(|(key, id)| is_same(key, url) && is_client_id(id)).map(|(_, id)| id.clone())
        };
        let registered = own(&clients.dynamic_registrations, issuer.as_str());
        if let Some(client_id) = &registered {
            let own = self.metadata().redirect_uris();
            let others = clients.metadata.and_then(|metadata| metadata.others_than(own));
            self.insert(issuer, Registered::preregistered(client_id.as_str(), ClientAuth::None)?, others);
        }
        let fixed = clients.static_registrations.unwrap_or_default();
        let at_homeserver = fixed.iter().find(|(url, id)| is_at(url, &server.homeserver) && is_client_id(id));
        let by_issuer = own(&fixed, issuer.as_str());
        if let Some((_, client_id)) = at_homeserver {
            self.set_static_at(&server.homeserver, client_id.as_str())?;
        }
        if let Some(client_id) = &by_issuer {
            self.set_static(issuer, client_id.as_str())?;
        }
        Ok(registered.is_some() || at_homeserver.is_some() || by_issuer.is_some())
    }
}

fn is_at(url: &str, homeserver: &Homeserver) -> bool {
    Homeserver::new(url, Schemes::DangerousHttpOnPrivateNetwork).is_ok_and(|named| named == *homeserver)
}
