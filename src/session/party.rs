//! The parties of a session, and the flows that it starts with them.

use std::sync::Arc;

use crate::base::env::Env;
use crate::error::Error;
use crate::flow::verification::{TokenOutcome, UnverifiedTokens};
use crate::flow::{Refresh, Revocation};
use crate::jose::Keys;
use crate::party::client::Client;
use crate::party::provider::Provider;
use crate::step::{BoxFlow, Step};
use crate::token::token_set::TokenSet;

/// The flow that yields new tokens, however it starts.
pub(super) type TokenFlow = BoxFlow<TokenOutcome>;

/// The provider that issued the tokens, and the client that they were issued to.
pub(super) struct Party {
    provider: Arc<Provider>,
    client: Arc<Client>,
    keys: Option<Arc<Keys>>,
}

impl Party {
    pub(super) fn new(provider: Arc<Provider>, client: Arc<Client>) -> Self {
        Self { provider, client, keys: None }
    }

    /// Checks that the tokens are of these parties.
    pub(super) fn check(&self, tokens: &TokenSet) -> Result<(), Error> {
        tokens.check_owner(&self.provider, &self.client)
    }

    /// Lets the tokens share the texts that the parties have, too.
    pub(super) fn share_texts(&self, tokens: &mut TokenSet) {
        tokens.share_texts(&self.provider, &self.client);
    }

    /// Remembers the keys that verified the newest tokens.
    pub(super) fn learn(&mut self, keys: Option<Arc<Keys>>) {
        self.keys = keys.or(self.keys.take());
    }

    /// Asks for the successor of these tokens.
    pub(super) fn refresh(&self, tokens: &TokenSet, env: &mut dyn Env) -> Result<Step<TokenFlow>, Error> {
        Refresh::start(tokens, &self.provider, &self.client, self.keys.clone(), env).map(Step::boxed)
    }

    /// Verifies tokens again, with keys that are fetched for them.
    pub(super) fn verify(&self, tokens: UnverifiedTokens, env: &mut dyn Env) -> Result<Step<TokenFlow>, Error> {
        Ok(tokens.verify(None, env).boxed())
    }

    pub(super) fn revoke(&self, tokens: &TokenSet, env: &mut dyn Env) -> Result<Step<Revocation>, Error> {
        Revocation::start(tokens, &self.provider, &self.client, env)
    }
}
