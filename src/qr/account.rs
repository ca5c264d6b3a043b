//! The account of the existing device.

use super::homeserver::NamedHomeserver;
use super::rendezvous::{Creation, Rendezvous, RendezvousOptions};
use crate::base::env::Env;
use crate::error::Error;
use crate::matrix::{Party, UserId};
use crate::step::Step;
use crate::token::token_set::TokenSet;

/// What the existing device knows of its account.
#[derive(Clone, Debug)]
pub struct Account {
    pub(super) party: Party,
    pub(super) tokens: TokenSet,
    named: NamedHomeserver,
    user_id: Option<UserId>,
}

impl Account {
    /// The homeserver and the client, and good tokens; they may be bound to a key (DPoP). Each stage that needs tokens
    /// takes an account, so that it gets new ones.
    pub fn new(party: &Party, tokens: &TokenSet) -> Self {
        let named = NamedHomeserver::from(party.homeserver());
        Self { party: party.clone(), tokens: tokens.clone(), named, user_id: None }
    }

    /// Sets how the homeserver is named to the new device: the default is its base URL, as deployed
    /// clients send it; you can set the server name instead. In a code of MSC4388 it is always the
    /// base URL.
    #[must_use]
    pub fn with_homeserver_name(self, named: NamedHomeserver) -> Self {
        Self { named, ..self }
    }

    /// Sets whose account it is. Errors name the user: the login of the new device may have been allowed by another.
    #[must_use]
    pub fn with_user(self, user_id: UserId) -> Self {
        Self { user_id: Some(user_id), ..self }
    }

    /// The name of the homeserver for the new device.
    pub fn homeserver_name(&self) -> &NamedHomeserver {
        &self.named
    }

    /// Whose account it is, if that was set.
    pub fn user_id(&self) -> Option<&UserId> {
        self.user_id.as_ref()
    }

    pub(super) fn create(&self, options: RendezvousOptions, env: &mut dyn Env) -> Result<Step<Creation>, Error> {
        Rendezvous::create_as(&self.party, &self.tokens, options, env)
    }
}
