//! Something that the provider signed, and the keys to check it with.
//!
//! ```text
//! begin ─┬─ no keys yet ─▶ GET jwks_uri ─▶ check ─▶ Done
//!        └─ check ─┬─────────────────────────────▶ Done
//!                  └─ unknown key, no refetch lately ─▶ GET jwks_uri ─▶ check ─▶ Done
//! ```

use std::sync::Arc;

use crate::base::env::{Env, Timestamp};
use crate::error::{Error, ErrorCode};
use crate::jose::Keys;
use crate::message::jwks;
use crate::party::provider::Provider;
use crate::step::{Flow, Input, Step};
use crate::wire::policy::{Accept, JWKS_LIMIT, Policy};

/// What is checked, with keys.
pub(super) trait Check: Send + Sync + 'static {
    type Output;

    fn provider(&self) -> &Provider;

    /// # Errors
    /// `jws.unknown_key` if newer keys may do.
    fn check(&self, keys: &Keys) -> Result<Self::Output, Error>;
}

/// Awaits keys.
pub(super) struct Signed<C> {
    check: C,
    keys: Option<Arc<Keys>>,
}

impl<C: Check> Signed<C> {
    pub(super) fn begin(check: C, keys: Option<Arc<Keys>>, now: Timestamp) -> Result<Step<Self>, Error> {
        if let Some(keys) = &keys {
            match check.check(keys) {
                // The provider may have new keys (OpenID Connect Core 1.0 section 10.1.1).
                Err(error) if error.code() == ErrorCode::JWS_UNKNOWN_KEY && keys.claim_refetch(now) => {}
                verdict => return verdict.map(|output| Step::Done((output, keys.clone()))),
            }
        }
        let request = jwks::request(jwks::endpoint(check.provider())?);
        Ok(Step::call(request, Policy::read(JWKS_LIMIT, Accept::AnyButMarkup), Self { check, keys }))
    }
}

impl<C: Check> Flow for Signed<C> {
    type Output = (C::Output, Arc<Keys>);

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let response = input.response().map_err(jwks::during)?;
        // The cooldown that `parse` hands on, or the set's own freshness, keeps this from going round.
        let keys = jwks::parse(response, self.keys.as_deref(), env.now())?;
        Self::begin(self.check, Some(keys), env.now())
    }
}
