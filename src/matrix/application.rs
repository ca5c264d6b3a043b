//! The application: what it says about itself, and who it is at each provider.
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
//! let mut metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri]);
//! metadata.client_uri = Some("https://app.example.org/".into());
//! metadata.client_name = Some(Localized::new("Example").with_language("fr", "Exemple"));
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

use std::sync::Arc;

use super::auth_server::AuthServer;
use super::client_rules;
use super::party::Party;
use super::user_session::UserSession;
use crate::base::env::Timestamp;
use crate::base::url::Issuer;
use crate::error::Error;
use crate::flow::Registration;
use crate::party::client::ClientAuth;
use crate::party::registered::Registered;
use crate::party::registration::ClientMetadata;
use crate::party::registrations::Registrations;
use crate::step::Step;

/// An application and its client IDs, for any number of homeservers.
///
/// What identifies it at a provider is kept apart from its users' sessions and is used for all of them. Only
/// [`Application::registrations`] has to be stored.
#[derive(Clone, Debug)]
pub struct Application {
    metadata: ClientMetadata,
    registrations: Registrations,
}

impl Application {
    /// An application that says this about itself, and the client IDs that it has already.
    ///
    /// The metadata must have a `client_uri`: all other URIs are on its host or below. For the device authorization grant
    /// add it to `grant_types`.
    ///
    /// # Errors
    /// `registration.client_uri`, `registration.uri`, `registration.redirect_uri`.
    pub fn new(metadata: ClientMetadata, registrations: Registrations) -> Result<Self, Error> {
        client_rules::check(&metadata)?;
        Ok(Self { metadata, registrations })
    }

    /// Says something else about itself from now on: it then registers anew where it is not configured by hand. Sessions
    /// go on with the client IDs that they have.
    ///
    /// # Errors
    /// As [`Application::new`]. The application is then what it was.
    pub fn set_metadata(&mut self, metadata: ClientMetadata) -> Result<(), Error> {
        client_rules::check(&metadata)?;
        self.metadata = metadata;
        Ok(())
    }

    /// What it says about itself.
    pub fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    /// Its client IDs, to be stored.
    pub fn registrations(&self) -> &Registrations {
        &self.registrations
    }

    /// Configures a client ID for a provider. It overrides every registered one. Sessions go on with the client IDs that
    /// they have, also with one that was configured before.
    pub fn set_static(&mut self, issuer: &Issuer, client_id: impl Into<Box<str>>) {
        self.registrations.set_static(issuer, Registered::preregistered(client_id, ClientAuth::None));
    }

    /// Configures no client ID for a provider any more: the application registers there, where it has not done so. Sessions
    /// go on with the client IDs that they have.
    pub fn unset_static(&mut self, issuer: &Issuer) {
        self.registrations.unset_static(issuer);
    }

    /// The application at a homeserver; `None` if it has to be registered at the provider first.
    pub fn party(&self, server: &Arc<AuthServer>, now: Timestamp) -> Option<Party> {
        let registered = self.registrations.find(server.provider.issuer(), &self.metadata, now)?;
        Some(self.party_as(server, registered))
    }

    /// Registers it. Hand the response to [`Application::keep`], whatever becomes of the login that follows.
    ///
    /// # Errors
    /// `registration.unsupported`: then only a client ID that is configured by hand will do.
    pub fn register(&self, server: &AuthServer) -> Result<Step<Registration>, Error> {
        Registration::start(&server.provider, self.metadata.clone())
    }

    /// Keeps the response to a registration.
    pub fn keep(&mut self, server: &Arc<AuthServer>, registered: Registered) -> Party {
        let party = self.party_as(server, &registered);
        self.registrations.insert(server.provider.issuer(), &self.metadata, registered);
        party
    }

    /// Who it was when a session was made; `None` if it was forgotten since, and the user has to log in anew.
    pub fn party_of(&self, session: &UserSession, server: &Arc<AuthServer>) -> Option<Party> {
        let tokens = session.tokens();
        let registered = self.registrations.by_client_id(tokens.issuer(), tokens.client_id())?;
        Some(self.party_as(server, registered))
    }

    /// Forgets a client ID: the provider does not know it any more (`token.invalid_client`). Returns whether there was
    /// one. The next login registers anew.
    pub fn forget(&mut self, server: &AuthServer, client_id: &str) -> bool {
        self.registrations.remove(server.provider.issuer(), client_id)
    }

    fn party_as(&self, server: &Arc<AuthServer>, registered: &Registered) -> Party {
        Party::new(server.clone(), registered.client(&self.metadata.redirect_uris))
    }
}
