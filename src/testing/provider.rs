//! The provider: one handle, one function from request to response, and the switches.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Map, Value};

use super::browser::{self, Visit};
use super::client::RegisteredClient;
use super::disturbance::{Disturbance, gateway};
use super::edit::{Callback, Edit};
use super::endpoints;
use super::http::Incoming;
use super::id_token::IdToken;
use super::lie::Lie;
use super::reach::{Reached, reachable};
use super::route::On;
use super::settings::{Reuse, RevokingSpent, Rotation};
use super::signing::issue_logout_token;
use super::state::State;
use super::user::User;
use crate::base::env::Timestamp;
use crate::error::transport::{Failure, FailureKind, Sent};

/// The user and the client of an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bearer {
    /// The user's login name.
    pub login: String,
    /// `sub`.
    pub subject: String,
    /// `client_id`.
    pub client_id: String,
    /// `scope`.
    pub scope: String,
    /// The thumbprint of the key that the token is bound to (RFC 9449). The resource server must check a proof of this
    /// key.
    pub jkt: Option<String>,
}

/// An OpenID Provider as a pure function from request to response. For tests only: its keys are public.
///
/// Clones are handles to the same provider. Functions given to [`Provider::tamper`] and to the `edit_…` methods run
/// while it holds its lock: they must not call it.
#[derive(Clone)]
pub struct Provider(Arc<Mutex<State>>);

impl Provider {
    /// A provider with this issuer, which may have a path. It has no client, and one user, `alice`, who allows
    /// everything.
    pub fn new(issuer: &str) -> Self {
        Self(Arc::new(Mutex::new(State::new(issuer))))
    }

    /// Adds a user. The first added user replaces `alice`, and decides if a request does not name a user.
    #[must_use]
    pub fn with_user(self, user: User) -> Self {
        self.lock().users.push(user);
        self
    }

    /// Adds a client.
    #[must_use]
    pub fn with_client(self, client: RegisteredClient) -> Self {
        self.lock().clients.insert(client.client_id.clone(), client);
        self
    }

    /// Seeds codes, tokens and client IDs. The same seed and the same requests give the same responses.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        self.lock().rng = ChaCha20Rng::seed_from_u64(seed);
        self
    }

    /// Sets the lifetime of access tokens; by default 300 s.
    #[must_use]
    pub fn with_access_token_lifetime(self, lifetime: Duration) -> Self {
        self.lock().access_token_lifetime = lifetime;
        self
    }

    /// Sets what happens when a refresh token is used a second time.
    #[must_use]
    pub fn with_reuse(self, reuse: Reuse) -> Self {
        self.lock().reuse = reuse;
        self
    }

    /// Sets what happens when a refresh token is revoked that was exchanged already.
    #[must_use]
    pub fn with_revoking_spent(self, revoking_spent: RevokingSpent) -> Self {
        self.lock().revoking_spent = revoking_spent;
        self
    }

    /// Sets what happens to older access tokens at a refresh.
    #[must_use]
    pub fn with_rotation(self, rotation: Rotation) -> Self {
        self.lock().rotation = rotation;
        self
    }

    /// The issuer.
    pub fn issuer(&self) -> String {
        self.lock().issuer.clone()
    }

    /// Handles a request. This is the whole provider; every transport is a wrapper around it. A disturbance without a
    /// response becomes status 502.
    pub fn handle<B: AsRef<[u8]>>(&self, request: Request<B>, now: Timestamp) -> Response<Vec<u8>> {
        self.exchange(request, now).unwrap_or_else(gateway)
    }

    /// Handles a request; a disturbance can cause a [`Failure`](crate::Failure).
    ///
    /// # Errors
    /// The failure that an HTTP client would report. A request to a host other than those of the
    /// issuer and of its endpoints is unreachable.
    pub fn exchange<B: AsRef<[u8]>>(&self, request: Request<B>, now: Timestamp) -> Reached {
        let (parts, body) = request.into_parts();
        let mut state = self.lock();
        let on = state.endpoint(&parts.uri).ok_or(Failure::new(FailureKind::Unreachable, Sent::No))?;
        state.requests.push(on);
        let is_too_much = state.rate.as_mut().is_some_and(|rate| rate.is_over(now));
        let disturbance = if is_too_much { Some(Disturbance::TOO_MANY_REQUESTS) } else { state.next_disturbance(on) };
        if let Some(outcome) = disturbance.as_ref().and_then(Disturbance::before) {
            return outcome;
        }
        let incoming = Incoming {
            method: &parts.method,
            query: parts.uri.query().unwrap_or(""),
            headers: &parts.headers,
            body: body.as_ref(),
            now,
        };
        let mut response = endpoints::respond(&mut state, on, &incoming);
        for edit in &state.edits {
            edit.respond(on, &mut response);
        }
        match disturbance {
            Some(disturbance) => disturbance.after(response),
            None => Ok(response),
        }
    }

    /// Opens an authorization URL, or an end-session URL, as the user's browser would. With `login_hint=auto:bob`, the
    /// user `bob` allows the request; with `deny:bob`, he denies it. Otherwise the hinted or the first user makes their
    /// configured [`Decision`](crate::testing::Decision).
    pub fn visit(&self, url: &str, now: Timestamp) -> Visit {
        browser::visit(url, |request| self.handle(request, now))
    }

    /// The endpoints of all requests so far, in order.
    pub fn requests(&self) -> Vec<On> {
        self.lock().requests.clone()
    }

    /// The number of requests to this endpoint so far.
    pub fn count(&self, on: On) -> usize {
        self.lock().requests.iter().filter(|&&place| place == on).count()
    }

    /// The form that the provider would send to a client's `backchannel_logout_uri` when a user has logged out (OpenID
    /// Connect Back-Channel Logout 1.0 section 2.5); without a token if it knows no such client or user.
    pub fn logout_request(&self, client_id: &str, login: &str, now: Timestamp) -> String {
        let mut state = self.lock();
        let client = state.clients.get(client_id).cloned();
        let subject = state.user(Some(login)).map(|user| user.subject);
        let token =
            client.zip(subject).and_then(|(client, subject)| issue_logout_token(&mut state, &client, &subject, now));
        token.map_or_else(String::new, |token| format!("logout_token={token}"))
    }

    /// Whether the grant that this token was issued for still exists, whatever has become of the
    /// token. The call does not count as a use of the token (see [`Reuse`](crate::testing::Reuse)).
    pub fn has_grant_of(&self, token: &str) -> bool {
        let state = self.lock();
        let of_refresh = state.refresh_tokens.get(token).map(|refresh| refresh.grant);
        let grant = of_refresh.or_else(|| state.access_tokens.get(token).map(|access| access.grant));
        grant.is_some_and(|grant| state.grants.contains_key(&grant))
    }

    /// The user and the client of a valid access token, for a resource server in the same test. The token counts as
    /// used.
    pub fn bearer(&self, access_token: &str, now: Timestamp) -> Option<Bearer> {
        let mut state = self.lock();
        let (access, grant) = state.access(access_token, now)?;
        let bearer = Bearer {
            login: grant.login.clone(),
            subject: grant.subject.clone(),
            client_id: grant.client_id.clone(),
            scope: access.scope.clone(),
            jkt: access.jkt.clone(),
        };
        if let Some(access) = state.access_tokens.get_mut(access_token) {
            access.used = true;
        }
        Some(bearer)
    }

    /// Makes the next requests to an endpoint fail. Disturbances of one endpoint happen in the
    /// order in which they were set.
    pub fn disturb(&self, on: On, disturbance: Disturbance, times: usize) {
        self.lock().disturbances.push((on, disturbance, times));
    }

    /// Applies this lie to all later responses. Several lies apply together.
    pub fn lie(&self, lie: Lie) {
        self.edit(lie.edit());
    }

    /// Changes each response of an endpoint.
    pub fn tamper(&self, on: On, edit: impl Fn(&mut Response<Vec<u8>>) + Send + Sync + 'static) {
        self.edit(Edit::Response(on, Arc::new(edit)));
    }

    /// Changes the JSON object in each successful response of an endpoint: metadata, registrations, token responses.
    pub fn edit_json(&self, on: On, edit: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) {
        self.edit(Edit::Json(on, Arc::new(edit)));
    }

    /// Changes the callback.
    pub fn edit_callback(&self, edit: impl Fn(&mut Callback) + Send + Sync + 'static) {
        self.edit(Edit::Callback(Arc::new(edit)));
    }

    /// Changes ID tokens before they are signed.
    pub fn edit_id_token(&self, edit: impl Fn(&mut IdToken) + Send + Sync + 'static) {
        self.edit(Edit::IdToken(Arc::new(edit)));
    }

    /// Changes logout tokens before they are signed.
    pub fn edit_logout_token(&self, edit: impl Fn(&mut IdToken) + Send + Sync + 'static) {
        self.edit(Edit::LogoutToken(Arc::new(edit)));
    }

    /// Removes all lies, edits and disturbances. [Habits](Provider::with_habits) stay.
    pub fn honest(&self) {
        let mut state = self.lock();
        state.edits.clear();
        state.disturbances.clear();
        state.nonces.lie = None;
    }

    /// Signs with other keys from now on, and publishes only those keys. A second call restores the first keys.
    pub fn rotate_keys(&self) {
        let mut state = self.lock();
        state.second_keys = !state.second_keys;
    }

    /// Makes all access tokens invalid, like a server that lost them. Refresh tokens stay valid.
    pub fn forget_access_tokens(&self) {
        self.lock().access_tokens.clear();
    }

    /// Ends all grants: every code and token becomes invalid.
    pub fn end_grants(&self) {
        self.lock().grants.clear();
    }

    fn edit(&self, edit: Edit) {
        let mut state = self.lock();
        match edit {
            Edit::Nonces(lie) => state.nonces.lie = Some(lie),
            edit => state.edits.push(edit),
        }
    }

    /// A test that panicked elsewhere must not hide behind a second panic here.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

reachable!(Provider);

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.lock().issuer)
    }
}
