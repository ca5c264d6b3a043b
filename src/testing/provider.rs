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
use super::edit::{Callback, Edit};
use super::endpoints;
use super::fault::{Fault, gateway};
use super::http::Incoming;
use super::id_token::IdToken;
use super::lie::Lie;
use super::reach::{Reached, reachable};
use super::route::{On, route};
use super::settings::{Reuse, RevokingSpent, Rotation};
use super::signing::issue_logout_token;
use super::state::State;
use super::user::User;
use crate::base::env::Timestamp;
use crate::error::transport::{Failure, FailureKind, Sent};

/// Whom an access token speaks for.
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
    /// The thumbprint of the key that the token is bound to (RFC 9449): it is good only with a proof of that key,
    /// which is for the resource server to check.
    pub jkt: Option<String>,
}

/// An OpenID Provider as a pure function from request to response. For tests only: its keys are public.
///
/// Clones are handles to the same provider. Functions given to [`Provider::tamper`] and to the `edit_…` calls run while
/// it works: they must not call it.
#[derive(Clone)]
pub struct Provider(Arc<Mutex<State>>);

impl Provider {
    /// A provider with this issuer, which may have a path. It knows no client yet, and one user, `alice`, who allows
    /// everything.
    pub fn new(issuer: &str) -> Self {
        Self(Arc::new(Mutex::new(State::new(issuer))))
    }

    /// Adds a user. The first one added is who answers when a request does not name one; `alice` is then gone.
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

    /// Sets how long access tokens are good; 300 s unless set.
    #[must_use]
    pub fn with_access_token_lifetime(self, lifetime: Duration) -> Self {
        self.lock().access_token_lifetime = lifetime;
        self
    }

    /// Sets what happens when a refresh token comes a second time.
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

    /// Answers a request. This is the whole provider; every transport is a wrapper around it. A fault that leaves no
    /// answer becomes a 502.
    pub fn handle<B: AsRef<[u8]>>(&self, request: Request<B>, now: Timestamp) -> Response<Vec<u8>> {
        self.exchange(request, now).unwrap_or_else(gateway)
    }

    /// Answers a request, or does not, by a fault.
    ///
    /// # Errors
    /// What a transport would report. A request to another host than the issuer's is unreachable.
    pub fn exchange<B: AsRef<[u8]>>(&self, request: Request<B>, now: Timestamp) -> Reached {
        let (parts, body) = request.into_parts();
        let mut state = self.lock();
        let on = route(&state.issuer, &parts.uri).ok_or(Failure::new(FailureKind::Unreachable, Sent::No))?;
        state.requests.push(on);
        let is_too_much = state.rate.as_mut().is_some_and(|rate| rate.is_over(now));
        let fault = if is_too_much { Some(Fault::TOO_MANY_REQUESTS) } else { state.next_fault(on) };
        if let Some(outcome) = fault.as_ref().and_then(Fault::before) {
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
        match fault {
            Some(fault) => fault.after(response),
            None => Ok(response),
        }
    }

    /// Opens an authorization URL, or an end-session URL, as the user's browser would. `login_hint=auto:bob` lets the
    /// user `bob` allow, `deny:bob` lets him deny; else the hinted or the first user does what they always do.
    pub fn visit(&self, url: &str, now: Timestamp) -> Visit {
        browser::visit(url, |request| self.handle(request, now))
    }

    /// Where all requests so far went, in their order.
    pub fn requests(&self) -> Vec<On> {
        self.lock().requests.clone()
    }

    /// How many requests went there so far.
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

    /// Whether the grant that this token was issued for still exists, whatever has become of the token. Nothing counts as
    /// used.
    pub fn has_grant_of(&self, token: &str) -> bool {
        let state = self.lock();
        let of_refresh = state.refresh_tokens.get(token).map(|refresh| refresh.grant);
        let grant = of_refresh.or_else(|| state.access_tokens.get(token).map(|access| access.grant));
        grant.is_some_and(|grant| state.grants.contains_key(&grant))
    }

    /// Whom an access token speaks for now: for a resource server that stands beside the provider. It counts as used.
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

    /// Lets the next requests to an endpoint meet a fault. Faults of one endpoint come in the order they were set.
    pub fn fault(&self, on: On, fault: Fault, times: usize) {
        self.lock().faults.push((on, fault, times));
    }

    /// Lies from now on; several lies are told together.
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

    /// Changes what the browser carries to the application.
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

    /// No lies, edits and faults any more.
    pub fn honest(&self) {
        let mut state = self.lock();
        state.edits.clear();
        state.faults.clear();
        state.rotates = true;
        state.nonces.lie = None;
    }

    /// Signs with other keys from now on, and publishes only those. A second call goes back.
    pub fn rotate_keys(&self) {
        let mut state = self.lock();
        state.second_keys = !state.second_keys;
    }

    /// Makes all access tokens worthless, as a server that lost them would; refresh tokens stay good.
    pub fn forget_access_tokens(&self) {
        self.lock().access_tokens.clear();
    }

    /// Ends all grants: every code and token is worthless.
    pub fn end_grants(&self) {
        self.lock().grants.clear();
    }

    fn edit(&self, edit: Edit) {
        let mut state = self.lock();
        match edit {
            Edit::Nonces(lie) => state.nonces.lie = Some(lie),
            Edit::KeepsRefreshTokens => state.rotates = false,
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
