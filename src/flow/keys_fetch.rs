//! From a provider to its keys.
//!
//! ```text
//! start ─▶ GET jwks_uri ─▶ Done(FetchedKeys)
//! ```
//!
//! A login fetches keys by itself when it is given none; this is for those who share them between logins.

use std::sync::Arc;

use crate::base::env::Env;
use crate::error::Error;
use crate::jose::Keys;
use crate::message::jwks;
use crate::party::provider::Provider;
use crate::step::{Flow, Input, Step};
use crate::wire::freshness::Freshness;
use crate::wire::policy::{Accept, JWKS_LIMIT, Policy};

/// Awaits the JWK set.
#[derive(Debug)]
pub struct KeysFetch {
    previous: Option<Arc<Keys>>,
}

/// The keys, and how long they are fresh.
#[derive(Clone, Debug)]
pub struct FetchedKeys {
    /// The keys.
    pub keys: Arc<Keys>,
    /// When to ask again. A login with an unknown key asks earlier, by itself.
    pub freshness: Freshness,
}

impl KeysFetch {
    /// Asks for the keys. Those fetched before hand their refetch cooldown on.
    ///
    /// # Errors
    /// `jwks.missing`.
    pub fn start(provider: &Provider, previous: Option<Arc<Keys>>) -> Result<Step<Self>, Error> {
        let request = jwks::request(jwks::endpoint(provider)?);
        Ok(Step::call(request, Policy::read(JWKS_LIMIT, Accept::AnyButMarkup), Self { previous }))
    }
}

impl Flow for KeysFetch {
    type Output = FetchedKeys;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let response = input.response().map_err(jwks::during)?;
        let keys = jwks::parse(response, self.previous.as_deref(), env.now())?;
        Ok(Step::Done(FetchedKeys { keys, freshness: Freshness::from_headers(response.headers, env.now()) }))
    }
}
