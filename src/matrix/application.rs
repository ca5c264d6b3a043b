//! The application: its metadata, and its client IDs at the providers.
//!
//! ```
//! use oidc_proto::adapter::BlockingDriver;
//! use oidc_proto::matrix::{self, Application, AuthMetadataFetch};
//! use oidc_proto::{ApplicationType, ClientMetadata, Localized};
//! use oidc_proto::testing::{Homeserver, Provider, TestEnv};
//! use oidc_proto::{Env, ProviderOptions, RedirectUri, Registrations, Schemes};
//!
//! # let mut env = TestEnv::seeded(1);
//! # let op = Provider::new("https://account.example.org");
//! # let hs = Homeserver::new("https://matrix.example.org", "example.org", op);
//! # let http = BlockingDriver::new(hs.http(env.clock()));
//! # let homeserver = matrix::Homeserver::new("https://matrix.example.org", Schemes::HttpsOnly)?;
//! # let server = http.run(AuthMetadataFetch::start(homeserver, ProviderOptions::new())?, &mut env)?.supported()?;
//! let redirect_uri = RedirectUri::new("http://127.0.0.1/callback")?;
//! let metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri])
//!     .with_client_uri("https://app.example.org/")
//!     .with_client_name(Localized::new("Example").with_language("fr", "Exemple"));
//!
//! // The registrations are what was stored, if anything was.
//! let mut application = Application::new(metadata, Registrations::default())?;
//! let party = match application.party(&server, env.now()) {
//!     Some(party) => party,
//!     None => {
//!         let registered = http.run(application.register(&server)?, &mut env)?;
//!         application.keep(&server, registered)
//!     }
//! };
//! let to_be_stored = serde_json::to_string(application.registrations()).unwrap();
//! assert!(to_be_stored.contains(party.client().id()));
//! # Ok::<(), oidc_proto::Error>(())
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use super::auth_server::AuthServer;
use super::client_rules;
use super::homeserver::Homeserver;
use super::party::Party;
use super::user_session::UserSession;
use crate::base::env::Timestamp;
use crate::base::url::Issuer;
use crate::error::{Error, ErrorCode};
use crate::flow::Registration;
use crate::party::client::ClientAuth;
use crate::party::client_metadata::ClientMetadata;
use crate::party::metadata::AuthMethod;
use crate::party::redirect_uri::RedirectUri;
use crate::party::registered::Registered;
use crate::party::registrations::Registrations;
use crate::step::Step;

/// An application and its client IDs, for any number of homeservers.
///
/// It registers for each login, as the specification demands: a provider may delete a registration
/// that no session uses. [`Application::with_reuse`] is the other choice. A session keeps the
/// client ID that it was made with, so there can be several at one provider. Only
/// [`Application::registrations`] has to be stored. Call [`Application::forget`] for registered
/// client IDs whose login failed or was given up, and for those of ended sessions, but not for a
/// client ID that was set by [`Application::set_static`].
#[derive(Clone, Debug)]
pub struct Application {
    metadata: ClientMetadata,
    registrations: Registrations,
    /// Client IDs that are configured by the homeserver.
    fixed: BTreeMap<Homeserver, Registered>,
    reuses: bool,
}

impl Application {
    /// An application with these metadata and the client IDs that it already has.
    ///
    /// The metadata must have a `client_uri`: all other URIs are on its host or below. To use the device authorization
    /// grant, add it to `grant_types`.
    ///
    /// # Errors
    /// `registration.client_uri`, `registration.uri`, `registration.redirect_uri`.
    pub fn new(metadata: ClientMetadata, registrations: Registrations) -> Result<Self, Error> {
        client_rules::check(&metadata)?;
        Ok(Self { metadata, registrations, fixed: BTreeMap::new(), reuses: false })
    }

    /// Uses a registered client ID for all further logins at the provider, as long as the metadata stay the same.
    #[must_use]
    pub fn with_reuse(self) -> Self {
        Self { reuses: true, ..self }
    }

    /// Changes the metadata. The application then registers again at each provider without a static client ID. Existing
    /// sessions continue with their client IDs.
    ///
    /// # Errors
    /// As [`Application::new`]. After an error the application has not changed.
    pub fn set_metadata(&mut self, metadata: ClientMetadata) -> Result<(), Error> {
        client_rules::check(&metadata)?;
        self.metadata = metadata;
        Ok(())
    }

    /// The metadata.
    pub fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    /// Its client IDs, to be stored.
    pub fn registrations(&self) -> &Registrations {
        &self.registrations
    }

    /// Sets a static client ID for a provider. It overrides every registered client ID. Existing sessions continue with
    /// their client IDs.
    ///
    /// # Errors
    /// `client.id` as [`Registered::preregistered`].
    pub fn set_static(&mut self, issuer: &Issuer, client_id: impl Into<Box<str>>) -> Result<(), Error> {
        self.registrations.set_static(issuer, Registered::preregistered(client_id, ClientAuth::None)?);
        Ok(())
    }

    /// Removes the static client ID of a provider. The application then uses its registration there, or registers.
    /// Existing sessions continue with their client IDs.
    pub fn unset_static(&mut self, issuer: &Issuer) {
        self.registrations.unset_static(issuer);
    }

    /// Configures a client ID for a homeserver, whoever its provider is. It overrides all others. It is not stored:
    /// configure it again after each start. Sessions go on with the client IDs that they have.
    ///
    /// # Errors
    /// `client.id` as [`Registered::preregistered`].
    pub fn set_static_at(&mut self, homeserver: &Homeserver, client_id: impl Into<Box<str>>) -> Result<(), Error> {
        self.fixed.insert(homeserver.clone(), Registered::preregistered(client_id, ClientAuth::None)?);
        Ok(())
    }

    /// Removes the client ID that is configured for a homeserver.
    pub fn unset_static_at(&mut self, homeserver: &Homeserver) {
        self.fixed.remove(homeserver);
    }

    /// The application at a homeserver, for a login; `None` if it has to be registered at the provider first.
    pub fn party(&self, server: &Arc<AuthServer>, now: Timestamp) -> Option<Party> {
        let issuer = server.provider.issuer();
        let fixed = self.fixed.get(&server.homeserver).or_else(|| self.registrations.static_client(issuer));
        let reused = || self.registrations.find(issuer, &self.metadata, now).filter(|_| self.reuses);
        Some(self.party_as(server, fixed.or_else(reused)?))
    }

    /// Registers the application. Pass the response to [`Application::keep`], even if the login fails later.
    ///
    /// # Errors
    /// `registration.unsupported`: register by hand, and call [`Application::set_static`].
    pub fn register(&self, server: &AuthServer) -> Result<Step<Registration>, Error> {
        Registration::start(&server.provider, self.metadata.clone())
    }

    /// Keeps the response to a registration.
    pub fn keep(&mut self, server: &Arc<AuthServer>, registered: Registered) -> Party {
        let party = self.party_as(server, &registered).newly_registered();
        self.registrations.insert(server.provider.issuer(), &self.metadata, registered);
        party
    }

    /// Keeps a client that was registered for these redirect URIs, or for the application's own.
    pub(super) fn insert(&mut self, issuer: &Issuer, registered: Registered, other_uris: Option<Vec<RedirectUri>>) {
        let other = other_uris.map(|uris| ClientMetadata::new(self.metadata.application_type(), uris));
        self.registrations.insert(issuer, other.as_ref().unwrap_or(&self.metadata), registered);
    }

    /// The application with the client ID that the session was made with. A public client is found
    /// even if its registration was forgotten, because the session contains the client ID. `None`
    /// for a confidential client whose registration was forgotten: the user has to log in again.
    pub fn party_of(&self, session: &UserSession, server: &Arc<AuthServer>) -> Option<Party> {
        let (issuer, client_id) = (session.tokens().issuer(), session.tokens().client_id());
        self.party_known_as(server, issuer, client_id)
    }

    /// The application with the client ID that a pending login was started with: for a
    /// [`PendingLogin`](super::PendingLogin) or a [`PendingDeviceLogin`](super::PendingDeviceLogin)
    /// that was stored and read again. Pass its `client_id`. `None` as for
    /// [`Application::party_of`]; then start the login again.
    pub fn party_with(&self, server: &Arc<AuthServer>, client_id: &str) -> Option<Party> {
        let issuer = server.provider.issuer();
        let party = self.party_known_as(server, issuer, client_id)?;
        // Without reuse each client is registered for its one login.
        let is_new = !self.reuses && self.registrations.by_client_id(issuer, client_id).is_some();
        Some(if is_new { party.newly_registered() } else { party })
    }

    fn party_known_as(&self, server: &Arc<AuthServer>, issuer: &Issuer, client_id: &str) -> Option<Party> {
        if let Some(registered) = self.registrations.by_client_id(issuer, client_id) {
            return Some(self.party_as(server, registered));
        }
        let is_public = self.metadata.token_endpoint_auth_method() == AuthMethod::None;
        let registered = Registered::preregistered(client_id, ClientAuth::None).ok().filter(|_| is_public)?;
        Some(self.party_as(server, &registered))
    }

    /// Call this after a login failed. Returns `true` if the provider may have forgotten the
    /// client: register again and repeat the login once. In that case the client ID is used for no
    /// further login; existing sessions keep it.
    ///
    /// That is so after `token.invalid_client`, and after `callback.expired`: a provider shows an error page where it
    /// does not know the client, and the browser never comes back. It is not so for a client ID that is configured, nor
    /// for one that was registered for this login.
    pub fn retire(&mut self, party: &Party, error: &Error) -> bool {
        let is_doubtful = matches!(error.code(), ErrorCode::TOKEN_INVALID_CLIENT | ErrorCode::CALLBACK_EXPIRED);
        let (issuer, client_id) = (party.server().provider.issuer(), party.client().id());
        is_doubtful && !party.is_newly_registered() && self.registrations.retire(issuer, client_id)
    }

    /// Forgets a client ID: its session has ended, or the provider does not know it any more
    /// (`token.invalid_client`). A static client ID is removed, too, as by
    /// [`Application::unset_static`]. Returns whether there was one.
    pub fn forget(&mut self, server: &AuthServer, client_id: &str) -> bool {
        self.registrations.remove(server.provider.issuer(), client_id)
    }

    fn party_as(&self, server: &Arc<AuthServer>, registered: &Registered) -> Party {
        Party::new(server.clone(), registered.client(self.metadata.redirect_uris()))
    }
}
