//! The polls of the device grant (RFC 8628 section 3.4): when the provider is asked, and what its errors mean.
//!
//! The deadline is computed from the time of day when polling starts. From then on the monotonic clock counts, so that
//! a clock that is set back does not extend the deadline.

use std::time::Duration;

use http::Request;

use super::token_outcome::Origin;
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::{Body, Secret};
use crate::error::{Error, ErrorCode, Fault, Quote};
use crate::message::device;
use crate::party::relying_party::RelyingParty;
use crate::token::id_token::check::LoginExpectation;
use crate::token::scope::Scope;

/// What `slow_down` adds (section 3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// The longest pause that doubling leads to.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// A device code that the provider is asked about until the user has decided.
pub(super) struct DevicePoll {
    party: RelyingParty,
    scope: Scope,
    device_code: Secret,
    /// What the provider asks for.
    interval: Duration,
    /// How long to wait before the next poll: the interval, or longer while requests fail.
    pause: Duration,
    deadline: MonotonicTime,
    /// Of the last request, if it failed.
    failure: Option<Error>,
}

impl DevicePoll {
    pub(super) fn new(
        party: &RelyingParty,
        scope: Scope,
        device_code: Secret,
        interval: Duration,
        deadline: MonotonicTime,
    ) -> Self {
        Self { party: party.clone(), scope, device_code, interval, pause: interval, deadline, failure: None }
    }

    pub(super) fn party(&self) -> &RelyingParty {
        &self.party
    }

    /// The end of the pause.
    ///
    /// # Errors
    /// `device.expired_token` if the code does not last so long.
    pub(super) fn pauses_until(&self, env: &dyn Env) -> Result<MonotonicTime, Error> {
        let until = env.monotonic().saturating_add(self.pause);
        if until >= self.deadline { Err(expired(self.failure.as_ref())) } else { Ok(until) }
    }

    /// The token request, and what its tokens are checked against.
    pub(super) fn request(&self) -> (Request<Body>, Origin) {
        let endpoint = &self.party.provider().metadata().token_endpoint;
        let request = device::token_request(endpoint, self.party.client(), &self.device_code);
        let expectation = self.scope.contains("openid").then(LoginExpectation::without_nonce);
        (request, Origin::Login { scope: self.scope.clone(), expectation, spends_code: false })
    }

    /// Learns from the error of a request when to ask again. Before tokens have arrived it can mean
    /// that it is too early.
    ///
    /// # Errors
    /// The error, if it says that there is no use in asking again.
    pub(super) fn learn(&mut self, error: Error) -> Result<(), Error> {
        self.failure = None;
        match error.code() {
            ErrorCode::DEVICE_AUTHORIZATION_PENDING => self.pause = self.interval,
            ErrorCode::DEVICE_SLOW_DOWN => {
                self.interval = self.interval.saturating_add(SLOW_DOWN);
                self.pause = self.interval;
            }
            // The driver gives up, which no pause mends.
            ErrorCode::TRANSPORT_CANCELLED => return Err(error),
            _ if error.fault() == Fault::Transport => {
                // Never sooner than the provider allows, which may be later than the limit.
                self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE).max(self.interval);
                self.failure = Some(error);
            }
            _ => return Err(error),
        }
        Ok(())
    }
}

/// The code is over. If the last request failed, that may be why.
fn expired(failure: Option<&Error>) -> Error {
    let error = Error::from(ErrorCode::DEVICE_EXPIRED_TOKEN);
    let Some(failure) = failure else { return error };
    let error = match failure.status() {
        Some(status) => error.with_status(status),
        None => error,
    };
    let error = match failure.provider_text() {
        Some(text) => error.with_text(text.clone()),
        None => error,
    };
    let found = Quote::library(format_args!("`{}` in response to the last request", failure.code()));
    error.with_found(found).with_hint(
        "The requests failed until the code expired, so the user may have decided. Check the provider, then log in again.",
    )
}
