//! Settings for features beyond a plain login.

use std::sync::Arc;
use std::time::Duration;

use super::device;
use super::provider::Provider;
use super::settings::{Dpop, Extension, ExtensionGrant, Par, Rate, Reuse, RevokingSpent, Rotation};
use super::user::Decision;

impl Provider {
    /// Sets whether authorization requests may or must be pushed; by default they may.
    #[must_use]
    pub fn with_par(self, par: Par) -> Self {
        self.lock().par = par;
        self
    }

    /// Allows registration only with this initial access token (RFC 7591 section 3). The registration response then has
    /// a `registration_access_token`.
    #[must_use]
    pub fn with_initial_access_token(self, token: &str) -> Self {
        self.lock().initial_access_token = Some(token.to_owned());
        self
    }

    /// Sets whether token requests may or must have a DPoP proof; by default they may.
    #[must_use]
    pub fn with_dpop(self, dpop: Dpop) -> Self {
        self.lock().dpop = dpop;
        self
    }

    /// Sets whether DPoP proofs need a nonce from the provider (RFC 9449 sections 8 and 9); by default they do not. A
    /// nonce is valid for a minute, and every response to a proof contains the current nonce.
    #[must_use]
    pub fn with_dpop_nonce(self, required: bool) -> Self {
        self.lock().nonces.required = required;
        self
    }

    /// Gives refresh tokens only for `offline_access`, and grants this scope only with `prompt=consent`, as OpenID
    /// Connect Core 1.0 section 11 says; unless set, every login gets a refresh token.
    #[must_use]
    pub fn with_offline_access_by_consent(self) -> Self {
        self.lock().offline_by_consent = true;
        self
    }

    /// Lets web clients register redirect URIs with `http` on loopback, as an application has them while it is
    /// developed.
    #[must_use]
    pub fn with_web_clients_on_loopback(self) -> Self {
        self.lock().web_on_loopback = true;
        self
    }

    /// Offers each algorithm that this crate has: `RS384`, `RS512`, `PS256`, `PS384`, `PS512`,
    /// `ES384` and `ES512`, too. ID tokens and userinfo are signed by the one that a client
    /// registers for; assertions and DPoP proofs may be signed with any of them.
    #[must_use]
    pub fn with_all_algorithms(self) -> Self {
        self.lock().has_all_algorithms = true;
        self
    }

    /// Makes the current nonce invalid.
    pub fn rotate_dpop_nonce(&self) {
        self.lock().nonces.current = None;
    }

    /// As [`Homeserver::with_habits_of_mas`](super::Homeserver::with_habits_of_mas) says.
    pub(super) fn adopt_habits_of_mas(&self) {
        let mut state = self.lock();
        state.has_habits_of_mas = true;
        state.par = Par::Off;
        state.reuse = Reuse::AllowedUntilSuccessorIsUsed;
        state.revoking_spent = RevokingSpent::DoesNothing;
        state.rotation = Rotation::EndsAccessTokens;
    }

    /// Forgets all clients, as providers do with registrations that nobody uses. Access tokens stay
    /// good for [`Provider::bearer`]; the provider's own endpoints refuse them.
    pub fn forget_clients(&self) {
        let mut state = self.lock();
        state.clients.clear();
        state.registered.clear();
    }

    /// Sets how often a device may poll, in whole seconds; by default 5 s. With `None` the response has no `interval`,
    /// which also means 5 s.
    #[must_use]
    pub fn with_device_interval(self, interval: Option<Duration>) -> Self {
        self.lock().device_terms.interval = interval;
        self
    }

    /// Sets the lifetime of device codes; by default 600 s.
    #[must_use]
    pub fn with_device_lifetime(self, lifetime: Duration) -> Self {
        self.lock().device_terms.lifetime = lifetime;
        self
    }

    /// Sets how many polls get the response `authorization_pending` before the first user makes their configured
    /// decision; by default one. With `usize::MAX` nobody decides until [`Provider::decide_device`], or until the
    /// verification URI is visited with the code.
    #[must_use]
    pub fn with_device_polls(self, polls: usize) -> Self {
        self.lock().device_terms.polls = polls;
        self
    }

    /// Sets how many requests the provider handles in a second; by default all. To all further
    /// requests in that second it responds with 429 and `Retry-After: 1`, and does not handle them.
    #[must_use]
    pub fn with_rate_limit(self, requests: u32) -> Self {
        self.lock().rate = Some(Rate { requests, second: 0, seen: 0 });
        self
    }

    /// The first user's decision about a device; `false` if no undecided device has that code.
    pub fn decide_device(&self, user_code: &str, decision: Decision) -> bool {
        device::decide(&mut self.lock(), user_code, (decision, None), None)
    }

    /// Adds an extension grant (RFC 6749 section 4.5). The function gets the parameters of the request, and returns the
    /// result of the grant or an `error`. The client must have this grant type.
    #[must_use]
    pub fn with_grant(
        self,
        grant_type: &str,
        decide: impl Fn(&[(String, String)]) -> Result<ExtensionGrant, &'static str> + Send + Sync + 'static,
    ) -> Self {
        let extension = Extension { grant_type: grant_type.to_owned(), decide: Arc::new(decide) };
        self.lock().extensions.push(extension);
        self
    }

    /// Makes the userinfo endpoint require one of these `acr` values and a maximum age of the login. All other tokens
    /// get a step-up challenge (RFC 9470). Without values and without an age, there is no requirement, as by default.
    pub fn require_authentication(&self, acr_values: &[&str], max_age: Option<Duration>) {
        let mut state = self.lock();
        state.step_up.acr_values = acr_values.iter().map(|&value| value.to_owned()).collect();
        state.step_up.max_age = max_age;
    }
}
