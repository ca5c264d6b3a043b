//! The handle of an application at a homeserver and its provider.

use std::sync::Arc;

use super::auth_server::AuthServer;
use super::homeserver::Homeserver;
use crate::base::env::Env;
use crate::error::Error;
use crate::message::end_session::{EndSessionRequest, EndSessionUrl, PendingLogout};
use crate::party::client::Client;
use crate::party::relying_party::RelyingParty;

/// A handle: an application at a homeserver, and at the provider where its users log in. Clones share everything.
///
/// [`Application::party`](super::Application::party), `keep` and `party_of` return it.
#[derive(Clone, Debug)]
pub struct Party {
    server: Arc<AuthServer>,
    party: RelyingParty,
    /// Whether the client was registered for this login.
    is_new: bool,
}

impl Party {
    /// A client at this homeserver.
    pub fn new(server: Arc<AuthServer>, client: Client) -> Self {
        let party = RelyingParty::new(server.provider.clone(), client);
        Self { server, party, is_new: false }
    }

    /// Another client at the same homeserver, for example with another DPoP key.
    #[must_use]
    pub fn with_client(&self, client: Client) -> Self {
        Self { server: self.server.clone(), party: self.party.with_client(client), is_new: self.is_new }
    }

    /// The homeserver and its provider.
    pub fn server(&self) -> &Arc<AuthServer> {
        &self.server
    }

    /// The homeserver.
    pub fn homeserver(&self) -> &Homeserver {
        &self.server.homeserver
    }

    /// The client at the provider, for every flow of the core.
    pub fn relying_party(&self) -> &RelyingParty {
        &self.party
    }

    /// The client.
    pub fn client(&self) -> &Client {
        self.party.client()
    }

    /// The URL that ends the provider's own session in the user's browser, where the provider has a page for that;
    /// `None` elsewhere.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch` if the ID token is another provider's or client's.
    pub fn end_session(
        &self,
        request: EndSessionRequest,
        env: &mut dyn Env,
    ) -> Result<Option<(EndSessionUrl, PendingLogout)>, Error> {
        let has_page = self.server.provider.metadata().end_session_endpoint.is_some();
        has_page.then(|| self.party.end_session(request, env)).transpose()
    }

    pub(super) fn newly_registered(self) -> Self {
        Self { is_new: true, ..self }
    }

    pub(super) fn is_newly_registered(&self) -> bool {
        self.is_new
    }

    /// Checks that a value was made for this homeserver.
    pub(super) fn check_home(&self, homeserver: &Homeserver) -> Result<(), Error> {
        self.server.check_home(homeserver)
    }
}
