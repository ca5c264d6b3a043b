//! Fetches the keys of a provider (OpenID Connect Discovery 1.0 section 3, RFC 7517 section 5).
//!
//! ```text
//! start ─┬─ there are fresh keys ───────────▶ Done(keys)
//!        ├─ another flow fetches them ─▶ Wait ─▶ (from the start)
//!        └─▶ GET jwks_uri ──────────────────▶ Done(keys)
//! ```

use std::sync::Arc;
use std::time::Duration;

use http::Request;

use crate::base::env::Env;
use crate::base::secret::Body;
use crate::error::Error;
use crate::jose::Keys;
use crate::jose::keys::JWKS_LIMIT;
use crate::message::jwks;
use crate::party::key_cell::{Claim, NoKeys, Tried};
use crate::party::relying_party::RelyingParty;
use crate::step::{Flow, Input, Step};
use crate::wire::freshness::Freshness;
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

/// Awaits the JWK set, or the end of another flow's fetch.
///
/// A login fetches keys itself. Use this flow to fetch them earlier.
#[derive(Debug)]
pub struct KeysFetch {
    party: RelyingParty,
    tried: Tried,
    state: State,
}

#[derive(Debug)]
enum State {
    ExpectKeys(Claim),
    Waiting,
}

impl RelyingParty {
    /// Fetches the provider's keys, unless the provider has fresh keys; then the flow is done at once.
    ///
    /// # Errors
    /// `jwks.missing`.
    pub fn fetch_keys(&self, env: &mut dyn Env) -> Result<Step<KeysFetch>, Error> {
        KeysFetch::go_on(self.clone(), Tried::default(), env)
    }
}

impl KeysFetch {
    fn go_on(party: RelyingParty, mut tried: Tried, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match party.key_cell().any(&mut tried, env.monotonic()) {
            Ok(keys) => Ok(Step::Done(keys)),
            Err(NoKeys::Wait(until, bell)) => {
                Ok(Step::wait_for(until, bell, Self { party, tried, state: State::Waiting }))
            }
            Err(NoKeys::Failed(error)) => Err(error),
            Err(NoKeys::Fetch(claim)) => {
                let (request, policy) = request(&party)?;
                Ok(Step::call(request, policy, Self { party, tried, state: State::ExpectKeys(claim) }))
            }
        }
    }
}

/// The request for the JWK set.
pub(super) fn request(party: &RelyingParty) -> Result<(Request<Body>, Policy), Error> {
    let request = jwks::request(jwks::endpoint(party.provider())?);
    Ok((request, Policy::own_read(JWKS_LIMIT, Accept::AnyButMarkup)))
}

/// Takes the response to a fetch, and tells the cell.
pub(super) fn receive(
    claim: Claim,
    response: Result<Response<'_>, Error>,
    party: &RelyingParty,
    env: &dyn Env,
) -> Result<Arc<Keys>, Error> {
    let now = env.now();
    let fetched = response.map_err(jwks::during).and_then(|response| {
        let keys = jwks::parse(response, party.key_cell().backend(), now)?;
        let freshness = Freshness::from_headers(response.headers, now);
        Ok((keys, freshness.fresh_until.map_or(Duration::MAX, |until| until.saturating_since(now))))
    });
    match fetched {
        Ok((keys, fresh_for)) => {
            claim.fulfil(&keys, fresh_for, env.monotonic());
            Ok(keys)
        }
        Err(error) => {
            claim.fail(&error);
            Err(error)
        }
    }
}

impl Flow for KeysFetch {
    type Output = Arc<Keys>;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let Self { party, tried, state } = self;
        match state {
            State::Waiting => {
                input.woken()?;
                Self::go_on(party, tried, env)
            }
            State::ExpectKeys(claim) => receive(claim, input.response(), &party, env).map(Step::Done),
        }
    }
}
