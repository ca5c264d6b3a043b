//! Checks what a user typed in: finds the homeserver and its login API.
//!
//! ```text
//! start ─▶ HomeserverDiscovery ─▶ AuthMetadataFetch ─▶ Done(Checkup)
//! ```

use super::auth_metadata_fetch::{AuthMetadataFetch, Support};
use super::homeserver::Address;
use super::homeserver_discovery::{FoundHomeserver, HomeserverDiscovery};
use crate::base::env::Env;
use crate::error::Error;
use crate::party::options::ProviderOptions;
use crate::step::{Flow, Input, Step};

/// Awaits the discovery of the homeserver, then its metadata.
#[derive(Debug)]
pub struct SupportCheck(State);

#[derive(Debug)]
enum State {
    Finding(HomeserverDiscovery, ProviderOptions),
    Asking(AuthMetadataFetch, FoundHomeserver),
}

/// A homeserver and its login API.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checkup {
    /// The homeserver.
    pub found: FoundHomeserver,
    /// Whether it has the OAuth 2.0 API, and its provider.
    pub support: Support,
}

impl SupportCheck {
    /// Finds the homeserver, and fetches its server metadata.
    ///
    /// # Errors
    /// `url.scheme` for `http` that the options do not allow.
    pub fn start(address: Address, options: ProviderOptions) -> Result<Step<Self>, Error> {
        Self::finding(HomeserverDiscovery::start(address, options.schemes())?, options)
    }

    fn finding(step: Step<HomeserverDiscovery>, options: ProviderOptions) -> Result<Step<Self>, Error> {
        step.embed(
            (),
            |(), flow| Self(State::Finding(flow, options)),
            |(), found| Self::asking(AuthMetadataFetch::start(found.homeserver.clone(), options)?, found),
        )
    }

    fn asking(step: Step<AuthMetadataFetch>, found: FoundHomeserver) -> Result<Step<Self>, Error> {
        step.embed(
            found,
            |found, flow| Self(State::Asking(flow, found)),
            |found, support| Ok(Step::Done(Checkup { found, support })),
        )
    }
}

impl Flow for SupportCheck {
    type Output = Checkup;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::Finding(flow, options) => Self::finding(flow.on(input, env)?, options),
            State::Asking(flow, found) => Self::asking(flow.on(input, env)?, found),
        }
    }
}
